//! The daemon with Redis beside it: mail goes on, the log says an outage once, metrics show it, a reload changes servers.

use super::server::Peer;
use crate::support::daemon::{Daemon, Home, wait};
use crate::support::rspamc::rspamc;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn metric(daemon: &Daemon, name: &str) -> Option<f64> {
    let mut stream = TcpStream::connect(daemon.address("controller")).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text.lines().find_map(|l| l.strip_prefix(name)?.trim().parse().ok())
}

const DEGRADED: &str = "torwart_shared_store_degraded{modules=\"shared\"} ";

/// One scan through rspamc; how long it took.
fn scan(daemon: &Daemon) -> Duration {
    let begun = Instant::now();
    let said = rspamc(daemon.address("http"), &[], b"Subject: x\r\n\r\ny\r\n");
    assert!(said.stdout.contains("Action:"), "{said:?}");
    begun.elapsed()
}

#[test]
fn mail_goes_on_without_redis_and_with_it_again() {
    let mut peer = Peer::start(&[]);
    let home = Home::new();
    home.configure("127.0.0.1:0", &format!("[redis]\nservers = [\"{}\"]\n", peer.address()));
    let mut daemon = home.start();
    wait("redis is well", || metric(&daemon, DEGRADED) == Some(0.0));
    assert!(metric(&daemon, "torwart_shared_store_round_trips_total{modules=\"shared\"} ").is_some());
    scan(&daemon);
    peer.kill();
    wait("redis is missed", || metric(&daemon, DEGRADED) == Some(1.0));
    for _ in 0..20 {
        let took = scan(&daemon);
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    let outage = format!("redis: {}: ", peer.address());
    assert_eq!(daemon.log().matches(&outage).count(), 1, "{}", daemon.log());
    peer.up();
    wait("redis is well again", || metric(&daemon, DEGRADED) == Some(0.0));
    daemon.wait_log("redis: answers again after");
    scan(&daemon);
    assert_eq!(daemon.log().matches("mail goes on without").count(), 1, "{}", daemon.log());
    daemon.signal("TERM");
    assert_eq!(daemon.wait_end().code(), Some(0));
}

#[test]
fn it_starts_without_redis_and_a_reload_changes_servers() {
    let mut first = Peer::at(crate::support::tools::free_ports(1), &[]);
    let second = Peer::start(&[]);
    let home = Home::new();
    let tables = |peer: &Peer, more: &str| {
        let text = format!("[redis]\nservers = [\"{}\"]\ntimeout = \"500ms\"\n{more}", peer.address());
        home.configure("127.0.0.1:0", &text);
    };
    tables(&first, "");
    let begun = Instant::now();
    let daemon = home.start();
    assert!(begun.elapsed() < Duration::from_secs(10));
    wait("the log says it", || {
        daemon.log().contains(&format!("redis: {}: connection refused", first.address()))
    });
    scan(&daemon);
    first.up();
    daemon.wait_log("redis: answers again after");
    let clients = |peer: &Peer| {
        let said = peer.say(&["INFO", "stats"]);
        let line = said
            .lines()
            .find_map(|l| l.strip_prefix("total_connections_received:"))
            .unwrap_or("0")
            .trim()
            .to_owned();
        line.parse::<u32>().unwrap()
    };
    let before = clients(&first);
    daemon.signal("HUP");
    daemon.wait_log("daemon: reloaded");
    wait("redis is well", || metric(&daemon, DEGRADED) == Some(0.0));
    assert_eq!(
        clients(&first),
        before + 1,
        "what has not changed keeps its connection; redis-cli made the one"
    );
    tables(&second, "not_for = [\"history\"]\n[redis.greylist]\nprefix = \"g:\"\n");
    daemon.signal("HUP");
    daemon.wait_log_times("daemon: reloaded", 2);
    let connected = |peer: &Peer| peer.say(&["CLIENT", "LIST"]).lines().filter(|l| !l.contains("cmd=client")).count();
    wait("the new server is asked, for all and for greylist", || connected(&second) == 2);
    wait("the old one is left", || connected(&first) == 0);
    assert_eq!(metric(&daemon, "torwart_shared_store_degraded{modules=\"greylist\"} "), Some(0.0));
    tables(&second, "not_for = [\"histori\"]\n");
    daemon.signal("HUP");
    daemon.wait_log("not reloaded");
    assert!(daemon.log().contains("histori"), "{}", daemon.log());
    assert_eq!(metric(&daemon, DEGRADED), Some(0.0));
}

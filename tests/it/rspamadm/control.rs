//! Orders over the control socket: ours and Debian's `rspamadm control` against our daemon.

use super::Links;
use crate::redis::server::Peer as Redis;
use crate::support::daemon::{Daemon, Home, wait};
use crate::support::tools::{program, run};
use serde_json::Value;
use std::process::Command;

struct House {
    home: Home,
    links: Links,
    daemon: Daemon,
    socket: String,
}

impl House {
    fn start(tables: &str) -> House {
        let home = Home::new();
        let socket = home.join("orders.sock").display().to_string();
        home.configure("127.0.0.1:0", &format!("[listen.control]\nsockets = [\"unix:{socket}\"]\n{tables}"));
        let daemon = home.start();
        House {
            daemon,
            home,
            links: Links::new(),
            socket,
        }
    }

    /// The answer to an order, which both programs must give alike.
    fn both(&self, order: &str) -> Value {
        let words = ["control", "-s", &self.socket, "-t", "20", "-j", order];
        let (ours, theirs) = (self.links.ours(&words), self.links.theirs(&words));
        assert_eq!((ours.code, theirs.code), (0, 0), "{ours:?}\n{theirs:?}");
        let read = |text: &str| -> Value { serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}")) };
        let (ours, theirs) = (read(&ours.stdout), read(&theirs.stdout));
        assert_eq!(keys(&ours), keys(&theirs));
        ours
    }

    fn me(&self) -> String {
        self.daemon.pid().to_string()
    }

    fn ask(&self, path: &str) -> (String, String) {
        let url = format!("http://x{path}");
        let ran = run(
            Command::new(program("curl")).args(["-si", "--unix-socket", &self.socket, &url]),
            b"",
        );
        let (head, body) = ran.stdout.split_once("\r\n\r\n").expect("an answer");
        (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
    }
}

/// Names, all the way down.
fn keys(value: &Value) -> String {
    match value {
        Value::Object(table) => table.iter().map(|(name, inner)| format!("{name}{{{}}}", keys(inner))).collect(),
        _ => String::new(),
    }
}

#[test]
fn the_peers_client_reads_our_figures() {
    let house = House::start("");
    let told = house.both("stat");
    let worker = &told["workers"][&house.me()];
    assert_eq!(worker["type"], "torwart");
    assert!(worker["maxrss"].as_u64().is_some_and(|kib| kib > 1_000), "{told}");
    assert!(worker["uptime"].as_f64().is_some_and(|s| s > 0.0 && s < 600.0), "{told}");
    assert_eq!(told["total"]["conns"], worker["conns"]);
    assert_eq!(told["stores"], serde_json::json!(["store: embedded, ok"]));
    // The text is laid out alike, figure for figure the same kind.
    let words = ["control", "-s", &house.socket, "stat"];
    let plain = |text: &str| -> String { text.chars().filter(|c| !c.is_ascii_digit()).collect() };
    let (ours, theirs) = (house.links.ours(&words), house.links.theirs(&words));
    assert_eq!(plain(&ours.stdout), plain(&theirs.stdout));
    let compact = house.links.ours(&["control", "-c", "-s", &house.socket, "stat"]);
    assert!(
        !compact.stdout.contains([' ', '\n']) || compact.stdout.contains("store: embedded"),
        "{compact:?}"
    );
}

#[test]
fn orders_are_carried_out_and_refused_with_the_reason() {
    let house = House::start("");
    let me = house.me();
    assert_eq!(house.both("reload")["workers"][&me]["status"], 0);
    house.daemon.wait_log_times("daemon: reloaded", 2);
    for order in ["reresolve", "recompile"] {
        let told = house.both(order);
        assert_eq!(told["workers"][&me]["status"], 0, "{told}");
        assert!(told["workers"][&me]["done"].is_string(), "{told}");
    }
    let before = house.daemon.log();
    house.home.configure("127.0.0.1:0", "nonsense = ");
    let refused = house.links.ours(&["control", "-s", &house.socket, "reload"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    for part in ["status = 22;", "torwart.toml:"] {
        assert!(refused.stdout.contains(part), "{part} is missing in {}", refused.stdout);
    }
    assert!(house.daemon.log().len() > before.len());
    for (path, head, body) in [
        ("/bogus", "HTTP/1.1 404 Command not defined", "{\"error\":\"Command not defined\"}"),
        (
            "/fuzzystat",
            "HTTP/1.1 404 no fuzzy storage in this version",
            "{\"error\":\"no fuzzy storage in this version\"}",
        ),
    ] {
        assert_eq!(house.ask(path), (head.to_owned(), body.to_owned()));
    }
    assert_eq!(house.links.ours(&["control", "-s", &house.socket, "fuzzystat"]).code, 1);
}

#[test]
fn our_own_socket_is_found_and_speaks_both_languages() {
    let house = House::start("");
    let config = house.home.join("torwart.toml");
    let mut command = house.links.command("rspamadm", &["control", "stat"]);
    let ran = run(command.env("TORWART_CONFIG", &config), b"");
    assert!(ran.code == 0 && ran.stdout.contains("type = \"torwart\";"), "{ran:?}");
    let own = house.home.join("run/control.sock").display().to_string();
    assert_eq!(house.links.theirs(&["control", "-s", &own, "stat"]).code, 0);
    assert!(run(&mut house.home.command("stat"), b"").stdout.starts_with("Messages scanned: 0"));
    // A reload that no longer names the further socket closes it; ours stays.
    house.home.configure("127.0.0.1:0", "");
    assert_eq!(run(&mut house.home.command("reload"), b"").code, 0);
    wait("the socket is gone", || !std::path::Path::new(&house.socket).exists());
    let (ours, theirs) = (
        house.links.ours(&["control", "-s", &house.socket, "stat"]),
        house.links.theirs(&["control", "-s", &house.socket, "stat"]),
    );
    assert_eq!((ours.code, ours.stderr), (254, theirs.stderr));
    assert_eq!(house.links.ours(&["control", "-s", &own, "stat"]).code, 0);
}

#[test]
fn orders_come_from_this_machine_only() {
    let home = Home::new();
    home.configure("127.0.0.1:0", "[listen.control]\nsockets = [\"127.0.0.1:0\"]");
    let (code, said) = home.fail();
    assert_eq!(code, Some(1));
    assert!(said.contains("orders are taken from unix sockets only"), "{said}");
}

#[test]
fn redis_is_named_with_its_state() {
    let mut redis = Redis::start(&[]);
    let address = redis.address();
    let house = House::start(&format!("[redis]\nservers = [\"{address}\"]\n"));
    let says = |state: &str| {
        let line = format!("    \"redis {address}: {state}");
        let words = ["control", "-s", &house.socket, "stat"];
        wait(&format!("stat says {line}"), || house.links.ours(&words).stdout.contains(&line));
        assert!(house.links.theirs(&words).stdout.contains(&line));
    };
    says("online\",");
    redis.kill();
    says("offline: connection refused\",");
}

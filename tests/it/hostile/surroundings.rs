//! What goes wrong around the daemon: sockets left behind, no IPv6, map files in every state, a clock set back, re-injection.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::is_well;
use crate::support::filter::{Settings, Torwart};
use crate::support::mail;
use crate::support::postfix::Postfix;
use crate::support::tools::{Folder, program, run, wait_for};
use crate::support::web;

#[test]
fn a_stale_unix_socket_is_replaced_and_a_live_one_is_not() {
    let folder = Folder::new("daemon");
    let path = folder.join("milter.sock");
    let milter_sockets = vec![format!("unix:{}?mode=0600", path.display())];
    let mut torwart = Torwart::within(
        folder,
        Settings {
            milter_sockets: milter_sockets.clone(),
            ..Settings::default()
        },
    );
    UnixStream::connect(&path).expect("the milter's unix socket");
    torwart.kill();
    assert!(path.exists(), "kill -9 leaves the socket behind");
    assert!(UnixStream::connect(&path).is_err());
    torwart.restart();
    UnixStream::connect(&path).expect("the socket was replaced");

    let second = Folder::new("daemon");
    let config = format!(
        "[paths]\nrun = \"{run}\"\n[listen.milter]\nsockets = [\"{socket}\"]\n[listen.http]\nsockets = []\n[listen.controller]\nsockets = []\n",
        run = second.join("run").display(),
        socket = milter_sockets[0]
    );
    let config = second.write("torwart.toml", config);
    let mut command = Command::new(Torwart::binary());
    command
        .args(["serve", "--config"])
        .arg(config)
        .arg("--state")
        .arg(second.join("state"));
    let ran = run(&mut command, b"");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr.contains(&path.display().to_string()),
        "the error names the socket: {ran:?}"
    );
    UnixStream::connect(&path).expect("the first daemon still has its socket");
    is_well(&mut torwart);
}

#[test]
fn without_ipv6_a_star_and_localhost_still_listen() {
    let folder = Folder::new("daemon");
    let config = folder.write(
        "torwart.toml",
        format!(
            "[paths]\nrun = \"{}\"\n[listen.milter]\nsockets = [\"*:2332\"]\n[listen.http]\nsockets = [\"localhost:2333\"]\n\
             [listen.controller]\nsockets = [\"localhost:2334\"]\n",
            folder.join("run").display()
        ),
    );
    // a network of its own, where IPv6 does not exist
    let script = format!(
        "set -e; ip link set lo up; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6\n\
         {binary} serve --config {config} --state {state} 2>{log} & daemon=$!\n\
         for turn in $(seq 200); do curl -sf http://127.0.0.1:2332/ping && curl -sf http://127.0.0.1:2333/ping && ok=1 && break; sleep 0.1; done\n\
         kill $daemon; wait $daemon || true; test -n \"$ok\"",
        binary = Torwart::binary().display(),
        config = config.display(),
        state = folder.join("state").display(),
        log = folder.join("log").display(),
    );
    let ran = run(Command::new(program("unshare")).args(["--net", "sh", "-c", &script]), b"");
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    assert_eq!(ran.code, 0, "{ran:?}\n{log}");
    assert!(ran.stdout.contains("pong"), "{ran:?}");
}

/// A daemon with a map that is not there yet.
fn with_map() -> (Torwart, std::path::PathBuf) {
    let folder = Folder::new("daemon");
    fs::create_dir(folder.join("maps")).expect("a folder for maps");
    let map = folder.join("maps/blocked.txt");
    let tables = format!(
        "[modules.multimap.blocked]\ntype = \"ip\"\nmap = \"{}\"\nsymbol = \"BLOCKED\"\naction = \"reject\"\n",
        map.display()
    );
    (
        Torwart::within(
            folder,
            Settings {
                tables,
                ..Settings::default()
            },
        ),
        map,
    )
}

fn is_blocked(torwart: &Torwart, address: &str) -> bool {
    web::scan(torwart.http, mail::clean("map").as_bytes(), &[("IP", address)])["symbols"]
        .get("BLOCKED")
        .is_some()
}

fn wait_blocked(torwart: &Torwart, address: &str, wanted: bool, when: &str) {
    wait_for(
        &format!("{address} {} {when}", if wanted { "to be blocked" } else { "to pass" }),
        || (is_blocked(torwart, address) == wanted).then_some(()),
    );
}

fn replace(map: &Path, content: &[u8]) {
    let beside = map.with_extension("new");
    fs::write(&beside, content).expect("the new map");
    fs::rename(&beside, map).expect("the new map in its place");
}

#[test]
fn a_map_absent_at_start_counts_once_it_appears_and_is_followed() {
    let (mut torwart, map) = with_map();
    assert!(!is_blocked(&torwart, "198.51.100.1"));
    fs::write(&map, "198.51.100.1\n").expect("the map");
    wait_blocked(&torwart, "198.51.100.1", true, "when the file appears");
    replace(
        &map,
        b"# renamed into place\n198.51.100.2 # with a comment\n2001:db8::/32\n198.51.101.0/24\n",
    );
    wait_blocked(&torwart, "198.51.100.2", true, "after a rename");
    assert!(!is_blocked(&torwart, "198.51.100.1"));
    assert!(is_blocked(&torwart, "2001:db8::77") && is_blocked(&torwart, "198.51.101.200"));
    fs::write(&map, "").expect("the map");
    wait_blocked(&torwart, "198.51.100.2", false, "when the file is emptied");
    replace(&map, b"198.51.100.3\n");
    wait_blocked(&torwart, "198.51.100.3", true, "after it was empty");
    is_well(&mut torwart);
}

#[test]
fn a_map_with_crlf_bom_and_one_bad_line_keeps_the_rest_and_names_the_line() {
    let (mut torwart, map) = with_map();
    replace(
        &map,
        b"\xef\xbb\xbf198.51.100.1\r\n\r\n  198.51.100.2  \r\nnot an address\r\n198.51.100.300\r\n198.51.100.4\r\n",
    );
    for address in ["198.51.100.1", "198.51.100.2", "198.51.100.4"] {
        wait_blocked(&torwart, address, true, "in a file with CRLF, BOM and bad lines");
    }
    let log = torwart.log();
    let named = log.lines().filter(|l| l.contains("blocked.txt")).collect::<Vec<_>>().join("\n");
    assert!(named.contains(":4") || named.contains("line 4"), "the bad line is named:\n{log}");
    is_well(&mut torwart);
}

#[test]
fn a_map_caught_half_written_settles_on_the_whole_one() {
    let (mut torwart, map) = with_map();
    let lines: String = (0..20_000)
        .map(|n| format!("10.{}.{}.{}\n", n / 65_536, n / 256 % 256, n % 256))
        .collect();
    let (first, second) = lines.split_at(lines.len() / 2 + 3);
    fs::write(&map, first).expect("half a map");
    wait_blocked(&torwart, "10.0.0.1", true, "from the first half");
    fs::write(&map, [first, second, "198.51.100.9"].concat()).expect("the whole map, without a last line end");
    wait_blocked(&torwart, "198.51.100.9", true, "from the whole file");
    assert!(is_blocked(&torwart, "10.0.78.31"));
    is_well(&mut torwart);
}

#[test]
fn a_clock_set_back_an_hour_stops_nothing() {
    // libfaketime moves the wall clock of this one process while it runs; the steady clock stays the real one
    let folder = Folder::new("daemon");
    fs::create_dir(folder.join("maps")).expect("a folder for maps");
    let map = folder.join("maps/blocked.txt");
    let clock = folder.write("clock", "+0\n");
    let library = fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path().join("faketime/libfaketimeMT.so.1"))
        .find(|p| p.is_file())
        .expect("libfaketime is not installed; tests/run installs what the tests need");
    let environment = [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".into()),
        ("DONT_FAKE_MONOTONIC", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ];
    let tables = format!(
        "[modules.multimap.blocked]\ntype = \"ip\"\nmap = \"{}\"\nsymbol = \"BLOCKED\"\naction = \"reject\"\n",
        map.display()
    );
    let environment = environment.map(|(k, v)| (k.to_string(), v)).to_vec();
    let mut torwart = Torwart::within(
        folder,
        Settings {
            tables,
            environment,
            ..Settings::default()
        },
    );
    is_well(&mut torwart);
    let scanned = |t: &Torwart| {
        web::request(t.controller, "GET", "/stat", &[], b"").json()["scanned"]
            .as_u64()
            .expect("a count")
    };
    let before = scanned(&torwart);
    fs::write(torwart.folder().join("clock"), "-3600\n").expect("the clock set back");
    is_well(&mut torwart);
    assert!(scanned(&torwart) > before, "messages count on");
    let uptime = web::request(torwart.controller, "GET", "/stat", &[], b"").json()["uptime"]
        .as_u64()
        .expect("an uptime");
    assert!(uptime < 600, "the uptime does not follow the wall clock: {uptime}");
    // a map written in what is now the future is still followed
    fs::write(&map, "198.51.100.1\n").expect("the map");
    wait_blocked(&torwart, "198.51.100.1", true, "with a clock set back");
    let long_ago = SystemTime::now() - Duration::from_secs(7_200);
    replace(&map, b"198.51.100.2\n");
    fs::File::options()
        .write(true)
        .open(&map)
        .and_then(|f| f.set_modified(long_ago))
        .expect("an older time");
    wait_blocked(&torwart, "198.51.100.2", true, "from a file older than the one before");
    is_well(&mut torwart);
}

#[test]
fn mail_that_a_content_filter_hands_back_bears_one_verdict() {
    let torwart = Torwart::start();
    let postfix = Postfix::start(torwart.milter, "");
    let reply = postfix
        .remote_session()
        .mail("anna@example.org", "martha@example.com", mail::spammy("r1").as_bytes());
    assert_eq!(reply.code, 250, "{reply:?}");
    let first = postfix.sink.wait("r1");
    assert_eq!(first.header("X-Spam"), ["Yes"]);
    // the content filter speaks SMTP from this machine, and the milter sees the mail a second time
    let reply = postfix.session().mail("anna@example.org", "martha@example.com", &first.raw);
    assert_eq!(reply.code, 250, "{reply:?}");
    let second = postfix.sink.wait_count(2).pop().expect("two were delivered");
    assert_eq!(second.header("X-Spam"), ["Yes"], "{}", second.text());
}

//! `torwart store` beside a running daemon, without one, and beside a stranger who holds the store.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::redis::server::Peer;
use super::support::daemon::Home;
use bytes::Bytes;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use torwart::store::export::{self, Header, Row, Writer};
use torwart::store::{Content, Entry, Folder, Key, Life, Position};

/// What a command said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn say(home: &Home, verb: &str, arguments: &[&str]) -> Said {
    let mut command = home.command(&format!("store {verb}"));
    let output = command.args(arguments).stdin(Stdio::null()).output().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A command that must go well: what it printed.
fn good(home: &Home, verb: &str, arguments: &[&str]) -> String {
    let said = say(home, verb, arguments);
    assert_eq!(said.code, Some(0), "{verb} {arguments:?}: {}{}", said.out, said.err);
    said.out
}

/// A command that must fail: what it said about that.
fn bad(home: &Home, verb: &str, arguments: &[&str]) -> String {
    let said = say(home, verb, arguments);
    assert_eq!(said.code, Some(1), "{verb} {arguments:?}: {}{}", said.out, said.err);
    said.err
}

fn entry(space: &str, name: &[u8], life: Life, content: Content) -> Entry {
    Entry {
        key: Key::new(space, name),
        life,
        content,
    }
}

/// Some of everything: text and not, with an end and without, more than a page.
fn entries(count: u32) -> Vec<Entry> {
    let later = Life::For(Duration::from_secs(3_600));
    let value = |n: u32| {
        entry(
            "verdicts",
            format!("digest {n}").as_bytes(),
            later,
            Content::Value(Bytes::from(format!("clean {n}"))),
        )
    };
    let row = |n: u32| {
        let (position, text) = (
            Position {
                ms: 1_790_000_000_000 + u64::from(n),
                seq: 0,
            },
            format!("{{\"row\":{n}}}"),
        );
        entry("history", b"rows", later, Content::Item(position, Bytes::from(text)))
    };
    let pail = Content::Bucket {
        level: 0.1 + 0.2,
        rate: 1.0,
        burst: 1.5,
    };
    let mut all: Vec<Entry> = (0..count).map(value).chain((0..count).map(row)).collect();
    all.push(entry("ratelimit", b"from a@b", later, pail));
    all.push(entry(
        "senders",
        &[0, 255],
        Life::Forever,
        Content::Value(Bytes::from_static(&[0, 159, 10])),
    ));
    all
}

fn write(path: &Path, entries: &[Entry]) {
    let mut writer = Writer::begin(Vec::new(), &Header::new("memory")).unwrap();
    let now = export::now();
    entries.iter().for_each(|e| writer.row(&Row::of(e, now)).unwrap());
    fs::write(path, writer.finish().unwrap()).unwrap();
}

/// The rows of an export by what names them, without their ends, which are rounded on the way.
fn rows(text: &str) -> BTreeMap<String, (Value, Option<u64>)> {
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let (end, rest) = lines.split_last().unwrap();
    assert_eq!(end["end"], rest.len() - 1);
    let named = |row: &Value| format!("{} {} {} {}", row["space"], row["name"], row["name_hex"], row["position"]);
    let split = |row: &Value| {
        let mut row = row.clone();
        let expires = row.as_object_mut().unwrap().remove("expires");
        (named(&row), (row, expires.and_then(|e| e.as_u64())))
    };
    rest[1..].iter().map(split).collect()
}

fn assert_same(one: &str, other: &str) {
    let (one, other) = (rows(one), rows(other));
    let content = |rows: &BTreeMap<String, (Value, Option<u64>)>| rows.values().map(|(row, _)| row.clone()).collect::<Vec<_>>();
    assert_eq!(content(&one), content(&other));
    for (name, (_, expires)) in &one {
        match (expires, other[name].1) {
            (Some(a), Some(b)) => assert!(a.abs_diff(b) <= 2_000, "{name}: {a} {b}"),
            (a, b) => assert_eq!(*a, b, "{name}"),
        }
    }
}

fn path(home: &Home, name: &str) -> (PathBuf, String) {
    let path = home.join(name);
    let text = path.to_str().unwrap().to_owned();
    (path, text)
}

const SPACES: [&str; 8] = [
    "--space",
    "verdicts",
    "--space",
    "history",
    "--space",
    "ratelimit",
    "--space",
    "senders",
];

#[test]
fn everything_goes_out_of_one_daemon_and_into_another() {
    let (first, second) = (Home::new(), Home::new());
    let (file, name) = path(&first, "made.jsonl");
    write(&file, &entries(1_300));
    let _one = first.start();
    let said = good(&first, "import", &[&name]);
    assert_eq!(said, format!("2602 entries imported from {name}\n"));

    let stat: Value = serde_json::from_str(&good(&first, "stat", &["--json"])).unwrap();
    let own = &stat["stores"][0];
    assert_eq!((&own["name"], &own["kind"]), (&Value::from("own"), &Value::from("embedded")));
    let count = |space: &str| {
        own["spaces"]
            .as_array()
            .unwrap()
            .iter()
            .find(|s| s["name"] == space)
            .map(|s| s["entries"].clone())
    };
    assert_eq!(count("verdicts"), Some(Value::from(1_300)));
    assert_eq!(count("history"), Some(Value::from(1_300)));
    assert!(good(&first, "stat", &[]).starts_with("own (embedded): in order\n"), "for people");

    let value = good(&first, "get", &["verdicts", "digest 17"]);
    assert!(
        value.starts_with("in own, for another 59m") && value.ends_with("\nclean 17\n"),
        "{value}"
    );
    assert_eq!(good(&first, "get", &["senders", "hex:00ff"]), "in own, until removed\nhex:009f0a\n");
    let list = good(&first, "get", &["history", "rows", "--limit", "2"]);
    let wanted = "2026-09-21T14:13:21.299Z (1790000001299-0)\n{\"row\":1299}\n2026-09-21T14:13:21.298Z (1790000001298-0)\n{\"row\":1298}\n";
    assert_eq!(list, wanted);
    assert!(bad(&first, "get", &["verdicts", "none"]).contains("nothing is remembered in verdicts under \"none\""));

    let (packed, packed_name) = path(&first, "all.zst");
    good(&first, "export", &[&packed_name]);
    assert!(fs::read(&packed).unwrap().starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
    let _two = second.start();
    for _ in 0..2 {
        good(&second, "import", &[&packed_name]);
        let both = [&first, &second].map(|home| good(home, "export", &SPACES));
        assert_eq!(rows(&both[0]).len(), 2_602);
        assert_same(&both[0], &both[1]);
    }

    assert_eq!(good(&first, "flush", &["verdicts"]), "verdicts: 1300 entries forgotten in own\n");
    assert!(bad(&first, "get", &["verdicts", "digest 17"]).contains("nothing is remembered"));
    assert_eq!(rows(&good(&first, "export", &SPACES)).len(), 1_302);
    let slip = bad(&first, "flush", &["histori"]);
    assert!(slip.contains("did you mean history?"), "{slip}");
    good(&first, "flush", &["--all", "--yes"]);
    assert_eq!(rows(&good(&first, "export", &SPACES)).len(), 0);
}

#[test]
fn a_file_that_is_not_whole_changes_nothing() {
    let home = Home::new();
    let (file, name) = path(&home, "made.jsonl");
    write(&file, &entries(10));
    let _daemon = home.start();
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    let error = bad(&home, "import", &[&name]);
    assert!(
        error.contains("nothing was changed: line 24: the file ends within this line"),
        "{error}"
    );
    let changed = String::from_utf8(whole).unwrap().replace("clean 3", "spam! 3");
    fs::write(&file, changed).unwrap();
    let error = bad(&home, "import", &[&name]);
    assert!(error.contains("the checksum is another"), "{error}");
    fs::write(&file, "{\"torwart\":\"store\",\"version\":9}\n").unwrap();
    let error = bad(&home, "import", &[&name]);
    assert!(error.contains("a newer torwart wrote it (version 9"), "{error}");
    assert!(rows(&good(&home, "export", &SPACES)).is_empty());
}

#[test]
fn without_a_daemon_the_store_is_opened_here() {
    let home = Home::new();
    let error = bad(&home, "stat", &[]);
    assert!(error.contains("no daemon runs, and there is no store in"), "{error}");
    assert!(!home.join("state").exists(), "asking makes nothing");
    let (file, name) = path(&home, "made.jsonl");
    write(&file, &entries(20));
    let said = say(&home, "import", &[&name]);
    assert_eq!(said.out, format!("42 entries imported from {name}\n"));
    assert!(said.err.contains("no daemon runs; this is the store in"), "{}", said.err);
    assert!(good(&home, "get", &["verdicts", "digest 3"]).ends_with("\nclean 3\n"));
    let before = good(&home, "export", &SPACES);
    assert_eq!(rows(&before).len(), 42);
    assert_eq!(good(&home, "flush", &["history"]), "history: 20 entries forgotten in own\n");
    good(&home, "import", &[&name]);
    // The daemon finds it all.
    let _daemon = home.start();
    assert_same(&good(&home, "export", &SPACES), &before);
}

#[test]
fn the_store_is_found_where_the_configuration_has_it() {
    let home = Home::new();
    let elsewhere = home.join("elsewhere");
    home.configure("127.0.0.1:0", &format!("[store]\npath = \"{}\"\n", elsewhere.display()));
    let error = bad(&home, "stat", &[]);
    assert!(error.contains(&format!("there is no store in {}", elsewhere.display())), "{error}");
    let (file, name) = path(&home, "made.jsonl");
    write(&file, &entries(1));
    let said = say(&home, "import", &[&name]);
    assert!(
        said.err.contains(&format!("this is the store in {}", elsewhere.display())),
        "{}",
        said.err
    );
    assert_eq!(rows(&good(&home, "export", &SPACES)).len(), 4);
}

#[test]
fn a_store_that_somebody_holds_names_the_process() {
    let home = Home::new();
    let (file, name) = path(&home, "made.jsonl");
    write(&file, &entries(1));
    good(&home, "import", &[&name]);
    let _held = Folder::open(&home.join("state")).unwrap();
    let holder = format!("it is in use by process {}", std::process::id());
    for (verb, arguments) in [("stat", vec![]), ("flush", vec!["--all"]), ("import", vec![name.as_str()])] {
        let error = bad(&home, verb, &arguments);
        assert!(error.contains(&holder) && error.contains("no daemon answers at"), "{error}");
    }
}

#[test]
fn a_move_to_redis_and_back_loses_nothing() {
    let home = Home::new();
    let (file, name) = path(&home, "made.jsonl");
    write(&file, &entries(1_300));
    good(&home, "import", &[&name]);
    let wanted = good(&home, "export", &SPACES);
    let peer = Peer::start(&[]);
    home.configure("127.0.0.1:0", &format!("[redis]\nservers = [\"{}\"]\n", peer.address()));

    // There, with the daemon stopped.
    let copied = good(&home, "copy", &["--from", "own", "--to", "redis"]);
    let said = "2602 entries of history, ratelimit, senders, verdicts copied from own (embedded) to shared (redis) and found there\n";
    assert_eq!(copied, said);
    let mut daemon = home.start();
    assert_same(&good(&home, "export", &SPACES), &wanted);
    assert!(good(&home, "get", &["verdicts", "digest 17"]).starts_with("in shared, for another 59m"));
    let stat = good(&home, "stat", &[]);
    assert!(
        stat.contains("shared (redis): in order\n") && stat.contains("not used: the configuration keeps it elsewhere"),
        "{stat}"
    );

    // With the daemon running, what it has learned meanwhile stays; then the old store forgets.
    let (newer, newer_name) = path(&home, "newer.jsonl");
    let value = Content::Value(Bytes::from_static(b"newer"));
    write(&newer, &[entry("verdicts", b"digest 17", Life::Forever, value)]);
    good(&home, "import", &[&newer_name]);
    good(&home, "copy", &["--from", "embedded", "--to", "redis", "--keep", "--remove"]);
    assert_eq!(good(&home, "get", &["verdicts", "digest 17"]), "in shared, until removed\nnewer\n");
    assert_eq!(rows(&good(&home, "export", &[&SPACES[..], &["--store", "own"]].concat())).len(), 0);
    let refused = bad(&home, "copy", &["--from", "redis", "--to", "own", "--remove"]);
    assert!(refused.contains("where the configuration keeps it"), "{refused}");

    // And back.
    daemon.signal("TERM");
    daemon.wait_end();
    let before = good(&home, "export", &SPACES);
    good(&home, "copy", &["--from", "redis", "--to", "own"]);
    home.configure("127.0.0.1:0", "");
    let _daemon = home.start();
    assert_same(&good(&home, "export", &SPACES), &before);
}

#[test]
fn a_server_that_is_away_is_told_and_the_rest_is_shown() {
    let home = Home::new();
    let (file, name) = path(&home, "made.jsonl");
    write(&file, &entries(1));
    good(&home, "import", &[&name]);
    let peer = Peer::at(super::support::tools::free_ports(1), &[]);
    home.configure("127.0.0.1:0", &format!("[redis]\nservers = [\"{}\"]\n", peer.address()));
    let stat = good(&home, "stat", &[]);
    assert!(
        stat.contains("own (embedded): in order") && stat.contains("shared (redis): "),
        "{stat}"
    );
    let error = bad(&home, "import", &[&name]);
    assert!(
        error.contains("0 of 4 entries are in") && error.contains(&peer.address()),
        "{error}"
    );
}

/// A number below another one.
fn chance(below: u64) -> u64 {
    RandomState::new().build_hasher().finish() % below
}

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let home = Home::new();
    let (file, name) = path(&home, "made.jsonl");
    let (mut acknowledged, mut cut) = (0, 0);
    for round in 0..30 {
        let all = entries(600 + u32::try_from(chance(900)).unwrap());
        write(&file, &all);
        let mut daemon = home.start();
        let importing = home
            .command("store import")
            .arg(&name)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut importing = importing.unwrap();
        // Every other round lets it finish first.
        let finished = (round % 2 == 0).then(|| importing.wait().unwrap().success());
        if finished.is_none() {
            std::thread::sleep(Duration::from_millis(chance(400)));
        }
        daemon.signal("KILL");
        daemon.wait_end();
        let done = finished.unwrap_or_else(|| importing.wait().unwrap().success());
        let again = home.start();
        if done {
            acknowledged += 1;
        } else {
            // Half of it may be there; importing again makes it whole.
            cut += 1;
            good(&home, "import", &[&name]);
        }
        let there = rows(&good(&home, "export", &SPACES));
        assert_eq!(
            there.len(),
            all.len(),
            "round {round}, {acknowledged} acknowledged, {cut} cut short"
        );
        good(&home, "flush", &["--all", "--yes"]);
        again.signal("KILL");
        drop(again);
        let last = home.start();
        assert!(
            rows(&good(&home, "export", &SPACES)).is_empty(),
            "flushed, and back after a kill in round {round}"
        );
        drop(last);
    }
    assert!(acknowledged >= 15, "{acknowledged} acknowledged, {cut} cut short");
}

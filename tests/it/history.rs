//! The history of a real daemon: rows as rspamd gives them, found again by what they say, kept over a restart.

use super::support::filter::{Settings, Torwart};
use super::support::{mail, tools, web};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

fn rows(answer: &Value) -> &Vec<Value> {
    answer["rows"].as_array().unwrap_or_else(|| panic!("rows expected in {answer}"))
}

fn get(at: SocketAddr, path: &str) -> Value {
    let answer = web::request(at, "GET", path, &[], b"");
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// Waits until `/history` has so many rows.
fn wait_rows(torwart: &Torwart, count: usize) -> Value {
    tools::wait_for("rows in the history", || {
        let all = get(torwart.controller, "/history");
        (rows(&all).len() >= count).then_some(all)
    })
}

/// Keys of an object with the kinds of their values.
fn kinds(object: &Value) -> BTreeMap<&str, &str> {
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    object
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (key.as_str(), kind(value)))
        .collect()
}

fn scan(torwart: &Torwart, message: &str, more: &[(&str, &str)]) {
    let mut headers = vec![("IP", "192.0.2.10"), ("From", "alice@example.org"), ("Rcpt", "bob@example.com")];
    headers.extend(more);
    web::scan(torwart.http, message.as_bytes(), &headers);
}

#[test]
fn rows_are_rspamds() {
    let torwart = Torwart::start();
    scan(&torwart, &mail::clean("one"), &[("User", "bob"), ("Helo", "mx.example.org")]);
    scan(&torwart, &mail::clean("unseen"), &[("Log", "no")]);
    scan(&torwart, &mail::gtube("two"), &[]);
    let all = wait_rows(&torwart, 2);
    assert_eq!(kinds(&all), BTreeMap::from([("rows", "list"), ("version", "number")]));
    assert_eq!((all["version"].as_u64(), rows(&all).len()), (Some(2), 2));
    let golden = include_str!("../golden/http/ctl-history-v2.txt");
    let start = golden.find("{\"rows\"").expect("a body");
    let recorded: Value = serde_json::from_str(golden[start..].trim()).unwrap();
    let (theirs, mine) = (&recorded["rows"][0], &all["rows"][1]);
    assert_eq!(kinds(mine), kinds(theirs));
    let symbol = |row: &Value| row["symbols"]["MIME_GOOD"].clone();
    assert_eq!(symbol(mine)["options"], symbol(theirs)["options"]);
    assert_eq!(kinds(&symbol(mine)), kinds(&symbol(theirs)));
    for (key, expect) in [
        ("message-id", "one@example.org"),
        ("ip", "192.0.2.10"),
        ("user", "bob"),
        ("sender_smtp", "alice@example.org"),
        ("sender_mime", "anna@example.org"),
        ("subject", "Lunch on Friday"),
    ] {
        assert_eq!(mine[key], expect, "{key}");
    }
    assert_eq!(mine["rcpt_smtp"], serde_json::json!(["bob@example.com"]));
    assert_eq!(mine["rcpt_mime"], serde_json::json!(["martha@example.com"]));
    // Numbers as a script writes them.
    let raw = web::request(torwart.controller, "GET", "/history?from=1&to=1", &[], b"");
    let text = String::from_utf8_lossy(&raw.body);
    assert!(
        text.contains("\"required_score\":15,") && text.contains("\"metric_score\":-0.100000"),
        "{text}"
    );
    assert_eq!(
        (all["rows"][0]["action"].as_str(), &all["rows"][0]["user"]),
        (Some("reject"), &Value::from("unknown"))
    );

    // Numbers count as Redis counts them, nonsense does not count.
    for (query, count) in [
        ("from=0&to=0", 1),
        ("from=-1&to=-1", 1),
        ("from=5&to=9", 0),
        ("from=abc", 2),
        ("from=0.5&to=1", 2),
    ] {
        assert_eq!(rows(&get(torwart.controller, &format!("/history?{query}"))).len(), count, "{query}");
    }
    let oldest = get(torwart.controller, "/history?from=-1&to=-1");
    assert_eq!(oldest["rows"][0]["message-id"], "one@example.org");

    // The whole row answers a question.
    let whole = get(torwart.controller, "/history?text=lunch");
    let row = &whole["rows"][0];
    assert_eq!(
        (row["helo"].as_str(), row["rcpt_smtp_count"].as_u64()),
        (Some("mx.example.org"), Some(1))
    );
    assert!(
        row["cursor"].is_string() && row["digest"].is_string() && row["thresholds"]["reject"] == 15,
        "{row}"
    );

    let reset = web::request(torwart.controller, "POST", "/historyreset", &[], b"");
    assert_eq!((reset.status, reset.body.as_slice()), (200, &br#"{"success":true}"#[..]));
    assert_eq!(rows(&get(torwart.controller, "/history")).len(), 0);
}

#[test]
fn who_may_look_and_who_may_forget() {
    let torwart = Torwart::with(Settings {
        controller: "trusted = []\npassword = \"look\"\nwrite_password = \"change\"".to_owned(),
        ..Settings::default()
    });
    let status = |path: &str, password: &str| web::request(torwart.controller, "GET", path, &[("Password", password)], b"").status;
    assert_eq!(status("/history", "look"), 200);
    assert_eq!(status("/history", "none"), 401);
    assert_eq!(status("/historyreset", "look"), 401);
    assert_eq!(status("/historyreset", "change"), 200);
    let bad = web::request(torwart.controller, "GET", "/history?action=rejekt", &[("Password", "look")], b"");
    assert_eq!(bad.status, 400);
    assert!(bad.json()["error"].as_str().unwrap().contains("did you mean \"reject\""), "{bad:?}");
}

#[test]
fn switched_off_is_said() {
    let torwart = Torwart::with(Settings {
        tables: "[modules.history_redis]\nenabled = false".to_owned(),
        ..Settings::default()
    });
    scan(&torwart, &mail::clean("one"), &[]);
    for path in ["/history", "/history?text=x", "/historyreset"] {
        let answer = web::request(torwart.controller, "GET", path, &[], b"");
        assert_eq!(
            (answer.status, answer.json()["error"].as_str()),
            (404, Some("history is switched off"))
        );
    }
    assert!(!torwart.log().contains("no module `history_redis`"), "{}", torwart.log());
}

#[test]
fn a_reload_switches_it_off_and_on() {
    let mut torwart = Torwart::start();
    let status = |torwart: &Torwart| web::request(torwart.controller, "GET", "/history", &[], b"").status;
    // Signals are listened to a little later than the ports.
    tools::wait_for("the daemon to be ready", || torwart.log().contains("daemon: ready").then_some(()));
    let off = torwart
        .folder()
        .write("conf.d/history.toml", "[modules.history_redis]\nenabled = false\n");
    torwart.server().signal("HUP");
    tools::wait_for("no history", || (status(&torwart) == 404).then_some(()));
    scan(&torwart, &mail::clean("one"), &[]);
    std::fs::write(off, "[modules.history_redis]\nrows = 3\n").unwrap();
    torwart.server().signal("HUP");
    tools::wait_for("a history", || (status(&torwart) == 200).then_some(()));
    (0..5).for_each(|n| scan(&torwart, &mail::clean(&format!("n{n}")), &[]));
    tools::wait_for("the newest three rows", || {
        let all = get(torwart.controller, "/history");
        let ids: Vec<&str> = rows(&all).iter().filter_map(|r| r["message-id"].as_str()).collect();
        (ids == ["n4@example.org", "n3@example.org", "n2@example.org"]).then_some(())
    });
}

fn cli(torwart: &Torwart, arguments: &[&str]) -> tools::Ran {
    let mut command = Command::new(Torwart::binary());
    command.arg("history").args(arguments);
    command.arg("--config").arg(torwart.folder().join("torwart.toml"));
    command.arg("--state").arg(torwart.folder().join("state")).env("TZ", "UTC");
    tools::run(&mut command, b"")
}

#[test]
fn a_thousand_messages_are_found_again_after_a_restart() {
    let mut torwart = Torwart::start();
    for number in 0..1_000 {
        let (message, sender) = match number % 100 {
            0 => (mail::gtube(&format!("n{number}")), "spam@bad.example"),
            _ => (mail::clean(&format!("n{number}")), "alice@example.org"),
        };
        web::scan(
            torwart.http,
            message.as_bytes(),
            &[("IP", "192.0.2.10"), ("From", sender), ("Rcpt", "bob@example.com")],
        );
    }
    let count = |torwart: &Torwart, query: &str| {
        let (mut found, mut path) = (0, format!("/history?{query}"));
        loop {
            let answer = get(torwart.controller, &path);
            found += rows(&answer).len();
            match answer["next"].as_str() {
                Some(next) => path = format!("/history?{query}&before={next}"),
                None => return found,
            }
        }
    };
    tools::wait_for("all rows", || (count(&torwart, "limit=1000") == 1_000).then_some(()));
    let check = |torwart: &Torwart| {
        for (query, expect) in [
            ("action=reject&limit=3", 10),
            ("sender=BAD.example", 10),
            ("symbol=GTUBE", 10),
            ("symbol=GTUBE&action=no%20action", 0),
            ("recipient=bob@", 1_000),
            ("recipient=nobody@", 0),
            ("text=n500@", 1),
            ("since=1h&limit=1000", 1_000),
            ("until=1h", 0),
        ] {
            assert_eq!(count(torwart, query), expect, "{query}");
        }
    };
    let begun = Instant::now();
    check(&torwart);
    println!("nine questions over a thousand messages took {:?}", begun.elapsed());
    // `/history` itself shows the newest 200, as the peer does.
    let newest = get(torwart.controller, "/history");
    assert_eq!(rows(&newest).len(), 200);
    assert_eq!(newest["rows"][0]["message-id"], "n999@example.org");

    let shown = cli(&torwart, &["--action", "reject", "--limit", "4"]);
    assert_eq!((shown.code, shown.stdout.lines().count()), (0, 4), "{shown:?}");
    assert!(
        shown
            .stdout
            .lines()
            .next()
            .unwrap()
            .contains("spam@bad.example -> bob@example.com \"Boese Mail\""),
        "{shown:?}"
    );

    // What is a second old survives any end.
    std::thread::sleep(Duration::from_millis(1_500));
    torwart.kill();
    let alone = cli(&torwart, &["--sender", "bad.example", "--json", "--limit", "500"]);
    assert_eq!((alone.code, alone.stdout.lines().count()), (0, 10), "{alone:?}");
    let row: Value = serde_json::from_str(alone.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(row["message-id"], "n900@example.org");
    torwart.restart();
    assert_eq!(count(&torwart, "limit=1000"), 1_000);
    check(&torwart);
}

#[test]
fn the_last_rows_are_written_before_the_end() {
    let mut torwart = Torwart::start();
    (0..50).for_each(|n| scan(&torwart, &mail::clean(&format!("n{n}")), &[]));
    torwart.server().signal("TERM");
    torwart.server().wait();
    torwart.restart();
    assert_eq!(rows(&get(torwart.controller, "/history")).len(), 50);
}

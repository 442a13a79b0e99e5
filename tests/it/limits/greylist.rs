//! Greylisting: what an MTA hears, what a person sees, what is remembered, and who ends it.

use super::greylist;
use crate::support::filter::{Settings, Torwart};
use crate::support::mail;
use crate::support::postfix::Postfix;
use crate::support::smtp::Reply;
use crate::support::tools::{program, run};
use crate::support::web;
use serde_json::Value;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

const FROM: &str = "anna@example.org";
const TO: &str = "martha@example.com";
/// As an MTA would ask.
const CLIENT: [(&str, &str); 3] = [("IP", "203.0.113.5"), ("From", FROM), ("Rcpt", TO)];

fn torwart(greylist: &str) -> Torwart {
    Torwart::with(Settings {
        tables: format!("[modules.greylist]\n{greylist}"),
        ..Settings::default()
    })
}

fn options(answer: &Value) -> Vec<String> {
    let options = answer["symbols"]["GREYLIST"]["options"].as_array();
    options.into_iter().flatten().map(|o| o.as_str().unwrap().to_owned()).collect()
}

fn scan(torwart: &Torwart, id: &str, more: &[(&str, &str)]) -> Value {
    web::scan(torwart.http, mail::spammy(id).as_bytes(), &[&CLIENT[..], more].concat())
}

fn assert_waits(answer: &Value, why: &str) {
    assert_eq!(answer["action"], "soft reject", "{answer}");
    assert_eq!(answer["messages"]["smtp_message"], "Try again later");
    let options = options(answer);
    assert_eq!(options.len(), 3, "{answer}");
    assert_eq!((options[0].as_str(), options[2].as_str()), ("greylisted", why));
    assert!(options[1].ends_with(" GMT") && options[1].len() == 29, "{options:?}");
}

#[test]
fn postfix_is_told_to_come_again_and_delivers_then() {
    let torwart = torwart("timeout = \"2s\"\nexpire = \"60s\"\n");
    let postfix = Postfix::start(torwart.milter, "");
    let later = Reply {
        code: 451,
        text: "4.7.1 Try again later".into(),
    };
    let send = || postfix.remote_session().mail(FROM, TO, mail::spammy("g1").as_bytes());
    assert_eq!(send(), later);
    assert_eq!(send(), later);
    assert!(postfix.sink.all().is_empty(), "nothing may be delivered");
    sleep(Duration::from_millis(2_100));
    assert_eq!(send().code, 250);
    assert_eq!(postfix.sink.wait("g1").header("X-Spam"), ["Yes"]);
    // Mail of no doubt never waits, and neither do we ourselves.
    assert_eq!(
        postfix
            .remote_session()
            .mail("new@example.net", TO, mail::clean("g2").as_bytes())
            .code,
        250
    );
    assert_eq!(
        postfix.session().mail("new@example.net", TO, mail::spammy("g3").as_bytes()).code,
        250
    );
    let log = torwart.log();
    assert_eq!(log.matches("T (soft reject)").count(), 2, "{log}");
}

#[test]
fn on_by_default_and_the_counters_call_it_greylist() {
    let torwart = torwart("");
    assert_waits(&scan(&torwart, "d1", &[]), "new record");
    assert_waits(&scan(&torwart, "d1", &[]), "too early");
    let stat = web::request(torwart.controller, "GET", "/stat", &[], b"").json();
    assert_eq!(
        (stat["actions"]["greylist"].as_i64(), stat["actions"]["soft reject"].as_i64()),
        (Some(2), Some(0))
    );
}

#[test]
fn never_for_people_who_ask_by_hand() {
    let torwart = torwart("timeout = \"60s\"\n");
    for asks in [[("User-Agent", "rspamc")], [("User-Agent", "torwart")], [("Password", "x")]] {
        let answer = scan(&torwart, "h1", &asks);
        assert_eq!(
            (answer["action"].as_str(), options(&answer).len()),
            (Some("add header"), 0),
            "{answer}"
        );
    }
    let controller = web::scan(torwart.controller, mail::spammy("h1").as_bytes(), &CLIENT);
    assert_eq!((controller["action"].as_str(), options(&controller).len()), (Some("add header"), 0));
    let mut rspamc = Command::new(program("rspamc"));
    rspamc.args(["-h", &torwart.http.to_string(), "--ip", "203.0.113.5", "-F", FROM, "-r", TO]);
    let ran = run(&mut rspamc, mail::spammy("h1").as_bytes());
    assert!(
        ran.stdout.contains("Action: add header") && !ran.stdout.contains("GREYLIST"),
        "{ran:?}"
    );
    // Nothing of that was remembered.
    assert_waits(&scan(&torwart, "h1", &[]), "new record");
    let early = scan(&torwart, "h1", &[("User-Agent", "rspamc")]);
    assert_eq!(early["action"], "add header");
    assert_eq!(options(&early)[2..], ["too early", "body"]);
    // Authenticated users of ours do not wait; the peer's client writes its name in small letters.
    assert_eq!(scan(&torwart, "h2", &[("User", "anna")])["action"], "add header");
    assert_waits(&scan(&torwart, "h1", &[("User-Agent", "RSPAMC")]), "too early");
}

#[test]
fn a_restart_forgets_nobody() {
    let mut torwart = torwart("timeout = \"1s\"\n");
    assert_waits(&scan(&torwart, "r1", &[]), "new record");
    sleep(Duration::from_millis(1_100));
    torwart.kill();
    torwart.restart();
    assert_eq!(options(&scan(&torwart, "r1", &[])), ["pass", "body"]);
}

#[test]
fn switched_off_it_says_nothing() {
    let torwart = torwart("enabled = false\n");
    let answer = scan(&torwart, "o1", &[]);
    assert_eq!((answer["action"].as_str(), options(&answer).len()), (Some("add header"), 0));
}

#[test]
fn who_waits_is_listed_and_let_in() {
    let mut torwart = torwart("timeout = \"60s\"\n");
    assert!(greylist(&torwart, &["list"]).stdout.contains("nobody waits"));
    for (id, ip, from) in [
        ("l1", "203.0.113.5", FROM),
        ("l2", "198.51.100.1", "bob@example.net"),
        ("l3", "192.0.2.1", "eve@example.com"),
    ] {
        let headers = [("IP", ip), ("From", from), ("Rcpt", TO), ("Rcpt", "otto@example.com")];
        let message = mail::spammy(id).replace("hallo", id);
        assert_waits(&web::scan(torwart.http, message.as_bytes(), &headers), "new record");
    }
    let text = greylist(&torwart, &["list"]).stdout;
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(
        text.contains("203.0.96.0/19  anna@example.org -> martha@example.com, otto@example.com\n"),
        "{text}"
    );
    let all: Value = serde_json::from_str(&greylist(&torwart, &["list", "--json"]).stdout).unwrap();
    let row = all
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["sender"] == "bob@example.net")
        .expect("Bob waits");
    assert_eq!(row["until"].as_u64().unwrap() - row["since"].as_u64().unwrap(), 60);
    let key = row["key"].as_str().unwrap();
    assert!(greylist(&torwart, &["release", key]).stdout.contains("released: 1"));
    let refused = greylist(&torwart, &["release", "--sender", "nobody@example.org"]);
    assert!(
        refused.code != 0 && refused.stderr.contains("nothing of that kind waits"),
        "{refused:?}"
    );
    assert!(
        greylist(&torwart, &["release", "--ip", "203.0.113.99"])
            .stdout
            .contains("released: 1")
    );
    let message = mail::spammy("l1").replace("hallo", "l1");
    let headers = [("IP", "203.0.113.5"), ("From", FROM), ("Rcpt", TO), ("Rcpt", "otto@example.com")];
    assert_eq!(options(&web::scan(torwart.http, message.as_bytes(), &headers)), ["pass", "body"]);
    assert!(greylist(&torwart, &["release"]).code != 0, "all of them only if told so");
    // The same without a daemon.
    torwart.server().signal("TERM");
    assert_eq!(torwart.server().wait(), 0);
    let rest = greylist(&torwart, &["list"]);
    assert_eq!(rest.stdout.lines().count(), 1, "{rest:?}");
    assert!(rest.stdout.contains("eve@example.com") && rest.stderr.contains("no daemon runs"));
    assert!(greylist(&torwart, &["release", "--all"]).stdout.contains("released: 1"));
    assert!(greylist(&torwart, &["list"]).stdout.contains("nobody waits"));
}

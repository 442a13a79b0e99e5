//! Answers to our own mail and acquaintances: filters over a store in memory, and one whole daemon.

use super::support::filter::{Settings, Torwart};
use super::support::milter::Wire;
use super::support::{mail, tools, web};
use std::sync::Arc;
use torwart::config::{LoadOptions, load_text};
use torwart::engine::{Action, Verdict};
use torwart::family::Services;
use torwart::filter::{Filter, Flags, Request};
use torwart::message::{Envelope, SmtpPath};
use torwart::store::{Memory, Stores};

/// A filter with a memory.
fn filter(text: &str) -> Filter {
    let loaded = load_text("/etc/torwart/torwart.toml", text, &LoadOptions::default()).expect("a configuration that loads");
    let services = Services {
        stores: Some(Arc::new(Stores::alone(Arc::new(Memory::new())))),
        compat: torwart::filter::compat(loaded.config.compat),
        ..Services::default()
    };
    Filter::build(&loaded.config, &services).unwrap_or_else(|f| panic!("{f:?}"))
}

/// Who sends: (address, user, envelope sender).
struct Way<'w> {
    ip: &'w str,
    user: Option<&'w str>,
    sender: &'w str,
    recipients: &'w [&'w str],
}

/// From elsewhere.
fn foreign<'w>(sender: &'w str, recipients: &'w [&'w str]) -> Way<'w> {
    Way {
        ip: "192.0.2.77",
        user: None,
        sender,
        recipients,
    }
}

/// By one of our users.
fn own<'w>(sender: &'w str, recipients: &'w [&'w str]) -> Way<'w> {
    Way {
        user: Some("anna"),
        ..foreign(sender, recipients)
    }
}

/// Scans a message and does what follows from the verdict.
async fn pass(filter: &Filter, way: &Way<'_>, message: &str) -> Verdict {
    let mut envelope = Envelope {
        ip: way.ip.parse().ok(),
        user: way.user.map(str::to_owned),
        sender: Some(SmtpPath::new(way.sender)),
        ..Envelope::default()
    };
    way.recipients.iter().for_each(|r| envelope.add_recipient(r, 100));
    let request = Request {
        envelope,
        raw: message.to_owned().into(),
        flags: Flags::default(),
        ..Request::default()
    };
    let (verdict, after) = filter.decide(&request).await;
    let shared = Arc::new(verdict.clone());
    for work in after {
        work.after(shared.clone()).await;
    }
    verdict
}

fn has(verdict: &Verdict, symbol: &str) -> bool {
    verdict.symbols.iter().any(|s| s.name == symbol)
}

fn message(from: &str, to: &str, id: &str, more: &str) -> String {
    format!(
        "Date: {}\r\nFrom: {from}\r\nTo: {to}\r\nSubject: talk\r\nMessage-ID: {id}\r\n{more}\r\nHello\r\n",
        mail::now()
    )
}

/// An answer of Bob's to the message of this id.
fn answer(to: &str, answered: &str) -> String {
    message("Bob <bob@remote.example>", to, "<answer@remote.example>", answered)
}

#[tokio::test]
async fn answers_are_recognised_as_the_peer_does() {
    let filter = filter("");
    let out = own("anna@example.org", &["bob@remote.example"]);
    pass(
        &filter,
        &out,
        &message("Anna <Anna@Example.org>", "bob@remote.example", "<q1@example.org>", ""),
    )
    .await;
    let reply_to = message(
        "Anna <anna@example.org>",
        "bob@remote.example",
        "<q2@example.org>",
        "Reply-To: Desk <desk@example.org>\r\n",
    );
    pass(&filter, &out, &reply_to).await;
    let local = Way {
        ip: "127.0.0.1",
        ..foreign("cron@example.org", &["bob@remote.example"])
    };
    pass(
        &filter,
        &local,
        &message("cron@example.org", "bob@remote.example", "<q3@example.org>", ""),
    )
    .await;
    pass(
        &filter,
        &out,
        &(message("anna@example.org", "bob@remote.example", "<q4@example.org>", "") + mail::GTUBE),
    )
    .await;
    pass(
        &filter,
        &foreign("eve@evil.example", &["bob@remote.example"]),
        &message("anna@example.org", "bob@remote.example", "<q5@example.org>", ""),
    )
    .await;
    let into = foreign("bob@remote.example", &["alias@example.org"]);
    for (to, header, expect) in [
        ("anna@example.org", "In-Reply-To: <q1@example.org>\r\n", true),
        ("ANNA@example.ORG", "In-Reply-To:\r\n <q1@example.org>\r\n", true),
        ("x@y.example, anna@example.org", "In-Reply-To: <q1@example.org>\r\n", true),
        ("anna@example.org", "In-Reply-To: q1@example.org\r\n", true),
        ("anna@example.org", "In-Reply-To: <other@x> <q1@example.org>\r\n", true),
        ("anna@example.org", "References: <q1@example.org>\r\n", false),
        ("anna@example.org", "In-Reply-To: <none@example.org>\r\n", false),
        ("anna@example.org", "In-Reply-To: \r\n", false),
        ("anna@example.org", "", false),
        // It goes to somebody else: a stranger who guessed, or read, the id.
        ("martha@example.org", "In-Reply-To: <q1@example.org>\r\n", false),
        ("desk@example.org", "In-Reply-To: <q2@example.org>\r\n", true),
        ("anna@example.org", "In-Reply-To: <q2@example.org>\r\n", false),
        ("cron@example.org", "In-Reply-To: <q3@example.org>\r\n", true),
        // Refused, and never from here.
        ("anna@example.org", "In-Reply-To: <q4@example.org>\r\n", false),
        ("anna@example.org", "In-Reply-To: <q5@example.org>\r\n", false),
    ] {
        let verdict = pass(&filter, &into, &answer(to, header)).await;
        assert_eq!(has(&verdict, "REPLY"), expect, "to {to}: {header:?}");
        if expect {
            let reply = verdict.symbols.iter().find(|s| s.name == "REPLY").unwrap();
            assert_eq!((reply.score, reply.options.len()), (-4.0, 0));
        }
    }
}

#[tokio::test]
async fn later_versions_look_at_the_envelope() {
    let filter = filter("compat = \"4.1\"");
    let sent = message("anna@example.org", "bob@remote.example", "<q1@example.org>", "");
    pass(&filter, &own("anna@example.org", &["bob@remote.example"]), &sent).await;
    for (recipients, expect) in [
        (&["anna@example.org"][..], true),
        (&["Anna@example.org", "anna@example.org"], true),
        (&["anna@example.org", "martha@example.org"], false),
        (&[], false),
    ] {
        let way = foreign("bob@remote.example", recipients);
        let verdict = pass(&filter, &way, &answer("x@y.example", "In-Reply-To: <q1@example.org>\r\n")).await;
        assert_eq!(has(&verdict, "REPLY"), expect, "{recipients:?}");
    }
}

#[tokio::test]
async fn an_answer_may_decide_and_have_a_name_of_its_own() {
    let filter = filter(
        "[modules.replies]\nsymbol = \"ANSWERED\"\nscore = -2.5\naction = \"no action\"\nmessage = \"we asked\"\nuse_local = false\n",
    );
    let sent = message("anna@example.org", "bob@remote.example", "<q1@example.org>", "");
    pass(&filter, &own("anna@example.org", &["bob@remote.example"]), &sent).await;
    let local = Way {
        ip: "127.0.0.1",
        ..foreign("cron@example.org", &["bob@remote.example"])
    };
    pass(
        &filter,
        &local,
        &message("cron@example.org", "bob@remote.example", "<q2@example.org>", ""),
    )
    .await;
    let reply = answer("anna@example.org", "In-Reply-To: <q1@example.org>\r\n");
    let verdict = pass(&filter, &foreign("bob@remote.example", &["anna@example.org"]), &reply).await;
    let found = verdict.symbols.iter().find(|s| s.name == "ANSWERED").unwrap();
    assert_eq!(found.score, -2.5);
    let by = verdict.passthrough.unwrap();
    assert_eq!((by.module.as_str(), by.action), ("replies", Action::NoAction));
    assert_eq!(by.message.as_deref(), Some("we asked"));
    // One of our own answering is judged as ever.
    let verdict = pass(&filter, &own("bob@example.org", &["anna@example.org"]), &reply).await;
    assert!(has(&verdict, "ANSWERED") && verdict.passthrough.is_none());
    let reply = answer("cron@example.org", "In-Reply-To: <q2@example.org>\r\n");
    let verdict = pass(&filter, &foreign("bob@remote.example", &["cron@example.org"]), &reply).await;
    assert!(!has(&verdict, "ANSWERED"));
}

#[tokio::test]
async fn senders_become_known_by_mail_that_was_taken() {
    let filter = filter("[modules.known_senders]\nenabled = true\ndomains = [\"remote.example\"]\n");
    let hello = message("Bob <bob@remote.example>", "anna@example.org", "<h@remote.example>", "");
    let way = foreign("Bob@remote.example", &["anna@example.org"]);
    let bad = pass(&filter, &way, &format!("{hello}{}", mail::GTUBE)).await;
    assert_eq!(bad.action, Action::Reject);
    for (round, expect) in [(1, "UNKNOWN_SENDER"), (2, "KNOWN_SENDER"), (3, "KNOWN_SENDER")] {
        let verdict = pass(&filter, &way, &hello).await;
        let found = verdict.symbols.iter().find(|s| s.name.ends_with("KNOWN_SENDER")).unwrap();
        assert_eq!(
            (found.name.as_str(), found.options[0].as_str()),
            (expect, "smtp:bob@remote.example"),
            "round {round}"
        );
        assert_eq!(found.score, if round == 1 { 0.5 } else { -1.0 });
    }
    let other = message("eve@elsewhere.example", "anna@example.org", "<h@elsewhere.example>", "");
    let verdict = pass(&filter, &foreign("eve@elsewhere.example", &["anna@example.org"]), &other).await;
    assert!(!has(&verdict, "KNOWN_SENDER") && !has(&verdict, "UNKNOWN_SENDER"));
}

#[tokio::test]
async fn whom_our_users_wrote_to_is_known_to_them() {
    let filter = filter("[modules.known_senders]\nenabled = true\nsymbol = \"\"\nsymbol_unknown = \"\"\n");
    let sent = message("Anna <Anna@example.org>", "bob@remote.example", "<q1@example.org>", "");
    pass(&filter, &own("anna@example.org", &["Bob@remote.example"]), &sent).await;
    for (from, recipients, global, local) in [
        ("bob@remote.example", &["anna@example.org"][..], true, true),
        ("bob@remote.example", &["martha@example.org"], true, false),
        ("bob@remote.example", &["anna@example.org", "martha@example.org"], true, false),
        ("eve@remote.example", &["anna@example.org"], false, false),
    ] {
        let incoming = message(from, "anna@example.org", "<n@remote.example>", "");
        let verdict = pass(&filter, &foreign(from, recipients), &incoming).await;
        assert_eq!(has(&verdict, "INC_MAIL_KNOWN_GLOBALLY"), global, "{from} {recipients:?}");
        assert_eq!(has(&verdict, "INC_MAIL_KNOWN_LOCALLY"), local, "{from} {recipients:?}");
        assert!(
            !verdict
                .symbols
                .iter()
                .any(|s| s.name.is_empty() || s.name.ends_with("KNOWN_SENDER"))
        );
    }
}

#[test]
fn a_daemon_knows_answers_after_a_restart() {
    let mut torwart = Torwart::with(Settings::default());
    let sent = mail::clean("question");
    let user = [
        ("User", "anna"),
        ("IP", "192.0.2.1"),
        ("From", "anna@example.org"),
        ("Rcpt", "martha@example.com"),
    ];
    web::scan(torwart.http, sent.as_bytes(), &user);
    let reply = message(
        "martha@example.com",
        "anna@example.org",
        "<answer@example.com>",
        "In-Reply-To: <question@example.org>\r\n",
    );
    let mut wire = Wire::client(torwart.milter, "192.0.2.1");
    wire.send(b'D', b"Mi\0Q1\0{auth_authen}\0anna\0").expect("macros");
    wire.message(mail::clean("by-milter").as_bytes()).expect("a verdict");
    let second = reply.replace("question@", "by-milter@");
    let strange = reply.replace("question@", "quest1on@");
    let ask = |torwart: &Torwart, message: &str| {
        let headers = [("IP", "192.0.2.9"), ("From", "martha@example.com"), ("Rcpt", "anna@example.org")];
        web::scan(torwart.http, message.as_bytes(), &headers)["symbols"]
            .get("REPLY")
            .cloned()
    };
    let found = tools::wait_for("the answer to be recognised", || ask(&torwart, &reply));
    assert_eq!(found["score"], -4.0);
    tools::wait_for("the other answer to be recognised", || ask(&torwart, &second));
    assert!(ask(&torwart, &strange).is_none());
    // What is a second old has reached the disk.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    torwart.kill();
    torwart.restart();
    assert!(ask(&torwart, &reply).is_some(), "{}", torwart.log());
}

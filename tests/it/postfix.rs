//! A real Postfix before the daemon: the guide's GTUBE test, marked spam, untouched ham, load, and a daemon that dies.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread;

use crate::support::filter::Torwart;
use crate::support::mail;
use crate::support::postfix::Postfix;
use crate::support::smtp::Reply;
use crate::support::tools::{program, run, wait_for};

const FROM: &str = "anna@example.org";
const TO: &str = "martha@example.com";

fn pair() -> (Torwart, Postfix) {
    let torwart = Torwart::start();
    let postfix = Postfix::start(torwart.milter, "");
    (torwart, postfix)
}

fn accepted(reply: &Reply) {
    assert_eq!(reply.code, 250, "{reply:?}");
}

#[test]
fn gtube_by_smtp_is_refused_with_the_guides_words() {
    let (_torwart, postfix) = pair();
    let reply = postfix.remote_session().mail(FROM, TO, mail::gtube("a1").as_bytes());
    assert_eq!(
        reply,
        Reply {
            code: 554,
            text: "5.7.1 Gtube pattern".into()
        }
    );

    // the same by a client that is not ours
    let mut swaks = Command::new(program("swaks"));
    swaks.args([
        "--server",
        &postfix.address.ip().to_string(),
        "--port",
        &postfix.address.port().to_string(),
    ]);
    swaks.args(["--from", FROM, "--to", TO, "--body", mail::GTUBE, "--helo", "mail.example.org"]);
    let ran = run(&mut swaks, b"");
    assert!(ran.stdout.contains("<** 554 5.7.1 Gtube pattern"), "{ran:?}");
    assert!(postfix.sink.all().is_empty(), "nothing may be delivered");
}

#[test]
fn gtube_by_sendmail_is_logged_as_in_the_guide_and_bounced() {
    let (_torwart, postfix) = pair();
    let message = format!("To: {TO}\nSubject: Boese Mail\n\n{}\n", mail::GTUBE);
    assert_eq!(postfix.sendmail("root@mx.example.com", TO, message.as_bytes()).code, 0);
    postfix.wait_log(&[
        "cleanup",
        ": milter-reject: END-OF-MESSAGE from localhost[127.0.0.1]: 5.7.1 Gtube pattern; from=<root@mx.example.com>",
    ]);
    postfix.wait_log(&["cleanup", "dsn=5.7.1, status=bounced (Gtube pattern)"]);
    let bounce = postfix.sink.wait("Gtube pattern");
    assert_eq!((bounce.from.as_str(), bounce.to), ("", vec!["root@mx.example.com".to_string()]));
}

#[test]
fn spam_arrives_marked() {
    let (_torwart, postfix) = pair();
    accepted(&postfix.remote_session().mail(FROM, TO, mail::spammy("b1").as_bytes()));
    let delivered = postfix.sink.wait("b1");
    assert_eq!(delivered.header("X-Spam"), ["Yes"]);
    assert!(
        delivered.text().contains("\r\nX-Spam: Yes\r\n"),
        "one blank behind the colon: {}",
        delivered.text()
    );
    let without: String = String::from_utf8_lossy(&delivered.without_received()).replace("X-Spam: Yes\r\n", "");
    assert_eq!(without, mail::spammy("b1"));
}

/// Bytes that a careless filter would change: no blank, several, a tab, folds, empty values, 8 bits, dots, long lines.
fn delicate() -> Vec<u8> {
    let mut message = mail::clean("c1").replace(
        "MIME-Version: 1.0\r\n",
        "MIME-Version: 1.0\r\nX-Tight:no blank\r\nX-Wide:   three blanks\r\nX-Tab:\ta tab\r\nX-Empty:\r\nX-Blank: \r\n\
         X-Folded: one\r\n two\r\n\tthree\r\nX-Twice: 1\r\nX-Twice: 2\r\nx-lower: case\r\nX-End: blank behind \r\n",
    );
    message = message.replace("7bit", "8bit");
    message.push_str(".\r\n..\r\n.hidden\r\n\r\n  \r\nGr\u{fc}\u{df}e \u{1f600}\r\n");
    message.push_str(&"x".repeat(900));
    message.push_str("\r\n\r\n\r\n");
    message.into_bytes()
}

#[test]
fn a_clean_mail_arrives_byte_for_byte() {
    let (_torwart, postfix) = pair();
    for session in [&mut postfix.remote_session(), &mut postfix.session()] {
        let before = postfix.sink.all().len();
        accepted(&session.mail(FROM, TO, &delicate()));
        let all = postfix.sink.wait_count(before + 1);
        let delivered = all.last().expect("one was delivered");
        assert_eq!(
            String::from_utf8_lossy(&delivered.without_received()),
            String::from_utf8_lossy(&delicate())
        );
    }
}

#[test]
fn a_large_clean_mail_arrives_byte_for_byte() {
    let (_torwart, postfix) = pair();
    let mut message = mail::clean("c2").into_bytes();
    for line in 0..30_000 {
        message.extend_from_slice(format!("line {line} of a body that is longer than many milter packets\r\n").as_bytes());
    }
    accepted(&postfix.remote_session().mail(FROM, TO, &message));
    assert!(postfix.sink.wait("c2").without_received() == message, "the large mail was changed");
}

#[test]
fn forged_verdicts_go_for_strangers_and_stay_for_our_own() {
    let (_torwart, postfix) = pair();
    let forged = |id: &str| {
        format!(
            "X-Spam: No\r\nX-Spam-Status: No, score=-9.9\r\nX-Spam-Flag: NO\r\nX-SPAM-Level:\r\nX-Spam-Score: -9\r\nX-Spam-Report: fine\r\n\
             X-Spamd-Bar: -----\r\nX-Spamd-Result: default: False\r\nX-Spam: No\r\nX-Spammer: kept\r\n{}X-Spam: maybe\r\n",
            mail::clean(id)
        )
        .replacen("\r\n\r\n", "\r\nX-Spam: late\r\n\r\n", 1)
    };
    let verdicts = [
        "X-Spam",
        "X-Spam-Status",
        "X-Spam-Flag",
        "X-Spam-Level",
        "X-Spam-Score",
        "X-Spam-Report",
        "X-Spamd-Bar",
        "X-Spamd-Result",
    ];

    accepted(&postfix.remote_session().mail(FROM, TO, forged("d1").as_bytes()));
    let delivered = postfix.sink.wait("d1@");
    for name in verdicts {
        assert!(
            delivered.header(name).is_empty(),
            "{name} of a stranger stayed:\n{}",
            delivered.text()
        );
    }
    assert_eq!(delivered.header("X-Spammer"), ["kept"]);
    assert!(delivered.text().ends_with("X-Spam: maybe\r\n"), "the body is not ours to change");

    let authenticated = postfix.session().pretend("NAME=mail.example.org ADDR=203.0.113.5 LOGIN=anna");
    for (id, mut session) in [("d2", postfix.session()), ("d3", authenticated)] {
        accepted(&session.mail(FROM, TO, forged(id).as_bytes()));
        let delivered = postfix.sink.wait(&format!("{id}@"));
        assert_eq!(String::from_utf8_lossy(&delivered.without_received()), forged(id));
    }
}

#[test]
fn several_mails_in_one_session_are_judged_apart() {
    let (_torwart, postfix) = pair();
    let mut session = postfix.remote_session();
    accepted(&session.mail(FROM, TO, mail::spammy("e1").as_bytes()));
    assert_eq!(session.mail(FROM, TO, mail::gtube("e2").as_bytes()).code, 554);
    accepted(&session.mail("", TO, mail::clean("e3").as_bytes()));
    assert_eq!(session.say("MAIL FROM:<x@example.org>").code, 250);
    assert_eq!(session.say("RSET").code, 250);
    accepted(&session.mail(FROM, TO, mail::clean("e4").as_bytes()));
    assert_eq!(postfix.sink.wait("e1").header("X-Spam"), ["Yes"]);
    for id in ["e3@", "e4@"] {
        assert!(postfix.sink.wait(id).header("X-Spam").is_empty());
    }
    assert_eq!(postfix.sink.all().len(), 3);
}

/// What a mail of the load test is, by its number.
fn kind(number: usize) -> (&'static str, String) {
    let id = format!("load-{number:03}-");
    match number % 4 {
        0 => ("gtube", mail::gtube(&id)),
        1 => ("spam", mail::spammy(&id)),
        _ => ("clean", mail::clean(&id)),
    }
}

#[test]
fn two_hundred_mails_in_ten_sessions_each_get_their_own_verdict() {
    let (_torwart, postfix) = pair();
    thread::scope(|scope| {
        for first in 0..10 {
            let postfix = &postfix;
            scope.spawn(move || {
                let mut session = postfix.remote_session();
                for number in (first..200).step_by(10) {
                    let (kind, message) = kind(number);
                    let reply = session.mail(FROM, TO, message.as_bytes());
                    let wanted = if kind == "gtube" {
                        (554, "5.7.1 Gtube pattern")
                    } else {
                        (250, "2.0.0 Ok")
                    };
                    assert!(
                        reply.code == wanted.0 && reply.text.starts_with(wanted.1),
                        "mail {number}, {kind}: {reply:?}"
                    );
                }
            });
        }
    });
    let delivered = postfix.sink.wait_count(150);
    let mut seen = BTreeMap::new();
    for mail in &delivered {
        let text = mail.text();
        let number: usize = text
            .split("load-")
            .nth(1)
            .and_then(|t| t.get(..3))
            .and_then(|t| t.parse().ok())
            .expect("a marked mail");
        *seen.entry(number).or_insert(0) += 1;
        let wanted: &[&str] = if kind(number).0 == "spam" { &["Yes"] } else { &[] };
        assert_eq!(mail.header("X-Spam"), wanted, "mail {number}:\n{text}");
    }
    let wanted: BTreeMap<usize, i32> = (0..200).filter(|n| n % 4 != 0).map(|n| (n, 1)).collect();
    assert_eq!(seen, wanted, "each accepted mail once");
}

#[test]
fn mail_waits_while_the_daemon_is_dead_and_comes_later() {
    let (mut torwart, postfix) = pair();
    let mut session = postfix.remote_session();
    accepted(&session.mail(FROM, TO, mail::clean("f1").as_bytes()));
    for line in ["MAIL FROM:<anna@example.org>", "RCPT TO:<martha@example.com>"] {
        assert_eq!(session.say(line).code, 250);
    }
    torwart.kill();
    // the open session loses its filter in the middle of a mail, a new one never gets it
    let reply = session.say("DATA");
    let reply = if reply.code == 354 {
        session.say(&format!("{}.", mail::clean("f2")))
    } else {
        reply
    };
    assert_eq!(reply.code, 451, "{reply:?}");
    let reply = postfix.remote_session().mail(FROM, TO, mail::clean("f3").as_bytes());
    assert_eq!(reply.code, 451, "{reply:?}");
    assert_eq!(
        postfix
            .sendmail("root@mx.example.com", TO, mail::clean("f4").replace('\r', "").as_bytes())
            .code,
        0
    );
    postfix.wait_log(&["warning: connect to Milter service"]);
    wait_for("f1 to leave and f4 to wait", || (postfix.queued() == 1).then_some(()));

    torwart.restart();
    accepted(&postfix.remote_session().mail(FROM, TO, mail::clean("f5").as_bytes()));
    postfix.sink.wait("f5@");
    postfix.sink.wait("f4@");
    wait_for("an empty queue", || (postfix.queued() == 0).then_some(()));
    assert_eq!(postfix.sink.all().len(), 3, "f1, f4 and f5");
}

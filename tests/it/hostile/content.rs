//! Mail built to hurt whoever reads it, through milter and HTTP alike.

use std::time::{Duration, Instant};

use super::survives;
use crate::support::filter::Torwart;
use crate::support::milter::Wire;
use crate::support::web;

/// One mail may take this long on a busy machine with an unoptimised build; quadratic work takes far longer.
const SLOW: Duration = Duration::from_secs(30);

/// Both ports give a verdict on this message, in time and within the memory bound.
fn judged(message: &[u8]) -> serde_json::Value {
    let mut torwart = Torwart::start();
    survives(&mut torwart, message.len(), |t| {
        let start = Instant::now();
        let reply = web::scan(t.http, message, &[("IP", "203.0.113.5")]);
        assert!(reply["action"].is_string(), "{reply}");
        let outcome = Wire::client(t.milter, "203.0.113.5")
            .message(message)
            .expect("a verdict over milter");
        assert!("acy".contains(char::from(outcome.last.0)), "{outcome:?}");
        assert!(start.elapsed() < SLOW, "took {:?}", start.elapsed());
        reply
    })
}

fn head(content_type: &str) -> String {
    format!(
        "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nFrom: a@example.org\r\nTo: b@example.com\r\nSubject: s\r\nMessage-ID: <h@example.org>\r\n\
         MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n"
    )
}

#[test]
fn five_thousand_recipients() {
    let to = (0..5_000)
        .map(|n| format!("user{n}@example.com"))
        .collect::<Vec<_>>()
        .join(",\r\n ");
    judged(format!("From: a@example.org\r\nTo: {to}\r\nSubject: s\r\n\r\nhello\r\n").as_bytes());

    let mut torwart = Torwart::start();
    survives(&mut torwart, 5_000 * 30, |t| {
        let mut wire = Wire::client(t.milter, "203.0.113.5");
        let names: Vec<String> = (0..5_000).map(|n| format!("<user{n}@example.com>")).collect();
        wire.envelope("<a@example.org>", &names.iter().map(String::as_str).collect::<Vec<_>>())
            .expect("an envelope");
        wire.content(b"Subject: s\r\n\r\nhello\r\n").expect("a message");
        let outcome = wire.finish().expect("a verdict");
        assert_eq!(outcome.verdict(), "a");
    });
}

#[test]
fn a_hundred_thousand_headers() {
    let mut message = String::new();
    for n in 0..100_000 {
        message.push_str(&format!("X-Header-{n}: value\r\n"));
    }
    message.push_str("\r\nhello\r\n");
    judged(message.as_bytes());
}

#[test]
fn one_header_of_ten_megabytes_over_http() {
    let message = format!("From: a@example.org\r\nX-Long: {}\r\n\r\nhello\r\n", "x".repeat(10 << 20));
    let mut torwart = Torwart::start();
    survives(&mut torwart, message.len(), |t| {
        assert!(web::scan(t.http, message.as_bytes(), &[])["action"].is_string());
    });
}

#[test]
fn mime_nested_a_thousand_deep() {
    let mut message = head("multipart/mixed; boundary=\"b0\"");
    for n in 1..=1_000 {
        message.push_str(&format!("\r\n--b{}\r\nContent-Type: multipart/mixed; boundary=\"b{n}\"\r\n", n - 1));
    }
    message.push_str("\r\n--b1000\r\nContent-Type: text/plain\r\n\r\nhello\r\n");
    (0..=1_000).rev().for_each(|n| message.push_str(&format!("--b{n}--\r\n")));
    judged(message.as_bytes());

    let message =
        head("message/rfc822") + "\r\n" + &"Content-Type: message/rfc822\r\n\r\n".repeat(1_000) + "Subject: inner\r\n\r\nhello\r\n";
    judged(message.as_bytes());
}

#[test]
fn ten_thousand_parts() {
    let part = "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n";
    let message = head("multipart/mixed; boundary=b") + "\r\n" + &part.repeat(10_000) + "--b--\r\n";
    judged(message.as_bytes());
}

#[test]
fn boundaries_that_never_end_or_never_begin() {
    judged((head("multipart/mixed; boundary=b") + "\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n").as_bytes());
    judged((head("multipart/mixed; boundary=b") + "\r\nhello\r\n").as_bytes());
    judged((head("multipart/mixed; boundary=\"\"") + "\r\n--\r\n\r\nhello\r\n----\r\n").as_bytes());
    judged((head("multipart/mixed; boundary=\"never closed") + "\r\nhello\r\n").as_bytes());
    judged((head("multipart/mixed") + "\r\n" + &"--".repeat(500_000) + "\r\n").as_bytes());
}

#[test]
fn invalid_charsets_and_encodings() {
    for (kind, encoding, body) in [
        ("text/plain; charset=no-such-charset", "8bit", "\u{1f600}"),
        ("text/plain; charset=utf-8", "no-such-encoding", "hello"),
        ("text/plain; charset=\u{fc}\u{fc}", "base64", "!!!! not base64 ===="),
        ("text/html; charset=utf-16", "quoted-printable", "=ZZ=\r\n=4"),
        ("text/plain; charset==?x?=", "uuencode", "begin 644 x\r\n#0V%T\r\n"),
        ("no/such/type; ;;; =", "7bit", "hello"),
        ("", "", ""),
    ] {
        judged(format!("{}Content-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n", head(kind)).as_bytes());
    }
    let words = "=?utf-8?B?////?= =?x?Q?=ZZ?= =?utf-8?Q? =?=?=?= =?iso-2022-jp?B?GyRC?=".repeat(2_000);
    judged(format!("From: {words}\r\nSubject: {words}\r\n\r\nhello\r\n").as_bytes());
}

#[test]
fn eight_bit_headers_and_control_characters() {
    let mut message =
        b"From: \"G\xfcnther\" <g\xfc@example.org>\r\nSubject: \x01\x02\x7f\xff\xfe\r\n\xff\xfe: name\r\nno colon here\r\n".to_vec();
    message.extend_from_slice(b"X-Null: a\0b\r\nX-Cr: a\rb\r\n : blank name\r\n\r\nhello\r\n");
    let mut torwart = Torwart::start();
    survives(&mut torwart, message.len(), |t| {
        let reply = web::scan(t.http, &message, &[]);
        assert!(reply["action"].is_string(), "{reply}");
        let mut wire = Wire::client(t.milter, "203.0.113.5");
        wire.envelope("<g\u{fc}@example.org>", &["<martha@example.com>"])
            .expect("an envelope");
        wire.event(b'L', b"Subject\0 \x01\x02\xff\xfe\0").expect("a header");
        wire.event(b'L', b"From\0 \"G\xfcnther\" <g\xfc@example.org>\0").expect("a header");
        wire.event(b'N', b"").expect("end of headers");
        wire.event(b'B', b"\xff\xfe\x00\x01").expect("a body");
        assert_eq!(wire.finish().expect("a verdict").last.0, b'a');
    });
}

#[test]
fn folds_comments_and_addresses_without_end() {
    judged(format!("Subject: {}\r\n\r\nhello\r\n", "\r\n a".repeat(100_000)).as_bytes());
    judged(format!("From: {}\r\nTo: {}\r\n\r\nhello\r\n", "(".repeat(200_000), "<".repeat(200_000)).as_bytes());
    judged(format!("From: {}\r\nCc: {}\r\n\r\nhello\r\n", "\"".repeat(200_001), "a:".repeat(100_000)).as_bytes());
    judged(format!("{}\r\nhello\r\n", "Received: from a by b\r\n".repeat(9_000)).as_bytes());
}

#[test]
fn empty_and_headless_messages() {
    for message in [&b""[..], b"\r\n", b"\r\n\r\n", b"\n", b":", b"hallo", b"From", b"\0"] {
        judged(message);
    }
}

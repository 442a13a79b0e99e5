//! Requests of clients, read into what the filter is asked.

use super::*;
use crate::engine::Action;
use crate::http::{Headers, Kind, Peer};

fn request(headers: &[(&str, &str)], query: &str) -> http::Request {
    let mut lines = Headers::default();
    headers.iter().for_each(|(n, v)| lines.push(*n, *v));
    http::Request {
        peer: Peer::Unix,
        method: "POST".into(),
        path: "/checkv2".into(),
        query: http::parse_query(query),
        headers: lines,
        body: bytes::Bytes::new(),
        kind: Kind::Http,
        http_10: false,
    }
}

#[test]
fn query_arguments_are_headers_that_come_last() {
    let read = read(
        &request(
            &[("Ip", "192.0.2.1"), ("Flags", "groups")],
            "ip=192.0.2.7&helo=mail&flags=milter&password=x",
        ),
        10,
    );
    assert_eq!(read.envelope.ip, Some("192.0.2.7".parse().unwrap()), "the last value counts");
    assert_eq!(read.envelope.helo.as_deref(), Some("mail"));
    assert!(read.flags.groups && read.flags.milter);
    assert!(read.envelope.extra("password").is_none());
}

#[test]
fn addresses_of_clients() {
    for (text, expect) in [
        ("192.0.2.1", Some("192.0.2.1")),
        (" 2001:db8::1 ", Some("2001:db8::1")),
        ("[2001:db8::1]", Some("2001:db8::1")),
        ("192.0.2.1:25", Some("192.0.2.1")),
        ("[2001:db8::1]:25", Some("2001:db8::1")),
        ("IPv6:2001:db8::1", Some("2001:db8::1")),
        ("[IPv6:2001:db8::1]", Some("2001:db8::1")),
        ("::ffff:192.0.2.1", Some("192.0.2.1")),
        ("/run/sock", None),
        ("unix:x", None),
        ("nonsense", None),
        ("", None),
    ] {
        let expect = expect.map(|e| e.parse::<IpAddr>().unwrap());
        assert_eq!(read(&request(&[("IP", text)], ""), 10).envelope.ip, expect, "{text:?}");
    }
}

#[test]
fn senders_and_recipients() {
    let lines = [
        ("From", ""),
        ("Rcpt", "<a@example.com>, \"x,y\\\",\"@example.com"),
        ("Rcpt", "b@example.com,,no mailbox"),
        ("rcpt", "c@example.com"),
        ("Hostname", "unknown"),
        ("Deliver-To", " <d@example.com> "),
        ("User", ""),
    ];
    let envelope = read(&request(&lines, ""), 3).envelope;
    assert_eq!(envelope.sender.as_ref().map(|s| (s.address.as_str(), s.valid)), Some(("", true)));
    let kept: Vec<_> = envelope.recipients.iter().map(|r| r.address.as_str()).collect();
    assert_eq!(kept, ["a@example.com", "\"x,y\\\",\"@example.com", "b@example.com"]);
    assert_eq!(envelope.recipient_count, 4);
    assert!(envelope.broken, "a recipient is no mailbox");
    assert_eq!(envelope.deliver_to.as_deref(), Some("d@example.com"));
    assert!(envelope.hostname.is_none() && envelope.user.is_none());
    let broken = read(&request(&[("From", "<<nobody")], ""), 3).envelope;
    assert!(broken.broken && broken.sender.is_none(), "what cannot be read is no sender");
    assert!(read(&request(&[], ""), 3).envelope.sender.is_none());
}

#[test]
fn paths_are_read_as_the_peer_reads_them() {
    for (given, sender, broken) in [
        ("a@b.example", Some("a@b.example"), false),
        ("<a@b.example> SIZE=10", Some("a@b.example"), false),
        ("a@b.example x", Some("a@b.example"), false),
        ("<@r.example,@s.example:a@b.example>", Some("a@b.example"), false),
        ("\"a b\"@b.example", Some("\"a b\"@b.example"), false),
        ("<>", Some(""), false),
        ("", Some(""), false),
        ("<a@b.example>x", None, true),
        ("<a@b.example", None, true),
        ("a b@b.example", None, true),
        ("a@b.example,c@b.example", None, true),
        ("Foo <a@b.example>", None, true),
    ] {
        let read = read(&request(&[("From", given)], ""), 3).envelope;
        assert_eq!(
            (read.sender.as_ref().map(|s| s.address.as_str()), read.broken),
            (sender, broken),
            "{given:?}"
        );
    }
    for (given, count, broken) in [
        ("", 0, false),
        ("a@b.example,", 1, false),
        ("a@b.example,,c@b.example", 2, true),
        (",", 0, true),
        ("a@b.example c@b.example", 1, false),
        ("a@b.example,bad", 1, true),
    ] {
        let read = read(&request(&[("Rcpt", given)], ""), 3).envelope;
        assert_eq!((read.recipient_count, read.broken), (count, broken), "{given:?}");
    }
    let twice = read(&request(&[("From", "a@b.example"), ("From", "bad")], ""), 3).envelope;
    assert!(twice.sender.is_none() && twice.broken);
}

#[test]
fn settings_beat_maxscore_and_broken_ones_are_left_out() {
    let good = read(&request(&[("Settings", r#"{"actions":{"reject":3}}"#), ("Maxscore", "9")], ""), 1);
    assert_eq!(good.settings.actions, [(Action::Reject, Some(3.0))]);
    let broken = read(&request(&[("Settings", "{oops"), ("Maxscore", "9"), ("Softscore", "x")], ""), 1);
    assert_eq!(broken.settings.actions, [(Action::Reject, Some(9.0))]);
    assert!(read(&request(&[("Settings", "{oops")], ""), 1).settings.is_empty());
    let flagged = read(&request(&[("Settings", r#"{"flags":["no_stat"]}"#)], ""), 1);
    assert!(flagged.flags.no_stat);
}

#[test]
fn flags_by_header_and_by_name() {
    let lines = [
        ("Flags", "pass_all, zstd,Groups,skip ,no_log"),
        ("Raw", "YES"),
        ("URL-Format", "extended"),
        ("Milter", ""),
    ];
    let flags = read(&request(&lines, ""), 1).flags;
    assert!(flags.pass_all && flags.zstd && flags.no_log && flags.raw && flags.ext_urls && flags.milter);
    assert!(!flags.groups, "names are case sensitive");
    assert!(!flags.skip, "a blank behind a name is part of it");
    let flags = read(&request(&[("Pass", "ALL"), ("Log", "no"), ("Profile", "")], ""), 1).flags;
    assert!(flags.pass_all && flags.no_log && flags.profile);
}

#[test]
fn ids_are_safe_to_log() {
    let tagged = read(&request(&[("Log-Tag", "ab\u{7}c")], ""), 1);
    assert_eq!(tagged.id, "abc");
    assert_eq!(
        read(&request(&[("Log-Tag", &"ä".repeat(100))], ""), 1).id.chars().count(),
        LONGEST_ID
    );
    assert_ne!(read(&request(&[], ""), 1).id, read(&request(&[], ""), 1).id);
}

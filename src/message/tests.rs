//! Whole messages, read.

use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn mail(raw: &[u8]) -> Mail<'_> {
    Mail::parse(raw, &Limits::default())
}

/// `index type parent` of each part.
fn outline(raw: &[u8]) -> Vec<(String, Option<usize>)> {
    mail(raw).parts().iter().map(|p| (p.mime_type().to_owned(), p.parent)).collect()
}

#[test]
fn text_without_header_is_one_part() {
    let mail = mail(b"hallo welt\n");
    assert_eq!(mail.parts().len(), 1);
    assert_eq!(mail.parts()[0].mime_type(), "text/plain");
    assert_eq!(mail.parts()[0].text(), Some("hallo welt\n"));
    assert!(mail.headers().is_empty() && !mail.anomalies().broken_headers && mail.anomalies().no_headers);
}

#[test]
fn nothing_at_all_has_no_part() {
    assert!(mail(b"").parts().is_empty());
    assert_eq!(mail(b"\n").parts().len(), 1);
    assert_eq!(mail(b"  ").parts().len(), 1);
}

/// Header block, names read, broken: all observed on a running rspamd 3.4.
#[test]
fn header_blocks_read_like_the_peer() {
    let rows: [(&[u8], &[&str], bool); 16] = [
        (b"hallo\nwelt\n", &[], false),
        (b"Subject: x\nFrom: a@b.org\n", &["Subject", "From"], true),
        (b"Subject: x\nfoo bar\n", &["Subject"], true),
        (b"\nSubject: x\n\nfoo\n", &["Subject"], false),
        (b"  \n Subject: x\n\nfoo\n", &["Subject"], false),
        (b"hallo welt\n\nfoo: bar\n\nbaz\n", &[], true),
        (b"-hallo welt\n\nfoo bar\n", &[], false),
        (b"Subject: x\nNocolon\nTo: a@b.c\n\nbody\n", &["Subject", "To"], true),
        (b"Subject: x\nX-Foo : bar\nTo: a@b.c\n\nbody\n", &["Subject", "To"], true),
        (b"Subject: x\n-Foo: bar\n1a: b\nTo: a@b.c\n\nbody\n", &["Subject", "To"], false),
        (b"Subject: x\n \nTo: a@b.c\n\nbody\n", &["Subject", "To"], false),
        (b"Subject: x\rTo: a@b.c\nFrom: b@c.d\n\nbody\n", &["Subject", "To", "From"], false),
        (b"Subject: x\r\rTo: a@b.c\n\nbody\n", &["Subject"], false),
        (b"Subject: x\r\r\nTo: a@b.c\r\r\n\r\r\nbody\r\r\n", &["Subject"], false),
        (b"From a@b.c Mon\nSubject: x\n\nbody\n", &["Subject"], false),
        (b">From a@b.c Mon\nSubject: x\n\nbody\n", &["Subject"], false),
    ];
    for (raw, names, broken) in rows {
        let mail = mail(raw);
        let got: Vec<_> = mail.headers().iter().map(|h| h.name).collect();
        assert_eq!(
            (got.as_slice(), mail.anomalies().broken_headers),
            (names, broken),
            "{:?}",
            String::from_utf8_lossy(raw)
        );
    }
}

#[test]
fn values_are_unfolded_and_decoded() {
    let rows: [(&[u8], &str); 12] = [
        (b"a\n b", "a b"),
        (b"a  \n\t  b", "a   b"),
        (b"a \n b ", "a  b "),
        (b"=?utf-8?q?a?=\n  =?utf-8?q?b?=", "ab"),
        (b"x=?utf-8?q?a?=y", "xay"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "\u{e4}"),
        (b"\xe4\xf6", "\u{fffd}\u{fffd}"),
        (b"=?utf-8?b?Y!Q==?=", "a"),
        (b"=?utf-8?x?YQ?=", "=?utf-8?x?YQ?="),
        (b"=?utf-8?q?a", "=?utf-8?q?a"),
        (b"=?UTF-7?Q?+AOQ-?=", "\u{e4}"),
        (b"=?utf-8?q?a=0Ab?=", "a b"),
    ];
    for (value, want) in rows {
        let raw = [b"Subject: ", value, b"\n\nx\n"].concat();
        assert_eq!(mail(&raw).subject(), Some(want), "{:?}", String::from_utf8_lossy(value));
    }
}

const HEAD: &[u8] = b"From: a@b.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"xx\"\n\n";

/// Body below `HEAD`, parts with parents, broken: observed on a running rspamd 3.4.
#[test]
fn structures_read_like_the_peer() {
    const T: &str = "--xx\nContent-Type: text/plain\n\nhello\n";
    let rows: [(String, &str, bool); 10] = [
        (format!("{T}--xx--\nepilogue\n\nmore\n"), "text/plain 0", false),
        (format!("{T}--xx--\n-- \nTo UNSUB: x\n\nmore\n"), "text/plain 0,text/plain -", true),
        (format!("{T}--xx--\n--\nA: x\n\nmore\n"), "text/plain 0", false),
        (format!("{T}--xx--\n--abc--\nfoo\n\nbar\n"), "text/plain 0", false),
        ("--zz\nContent-Type: text/plain\n\nhello\n--zz--\n".into(), "text/plain -", false),
        ("--XX\n\nhello\n--xX--\n".into(), "text/plain 0", false),
        (format!("{T}--xxy\nfoo: bar\n\nbaz\n--xx--\n"), "text/plain 0", false),
        ("--xx\n--xx\n\n--xx--\n".into(), "text/plain 0", false),
        (
            "--xx\nContent-Type: message/rfc822\n\nSubject: i\nContent-Type: text/html\n\nq\n--xx\n\ntext\n--xx--\n".into(),
            "message/rfc822 0,text/html 1,text/plain 0",
            false,
        ),
        (
            "--xx\nContent-Type: multipart/alternative; boundary=yy\n\n--yy\n\nhello\n--yy--\n-- \nA: x\n\nsig\n--xx--\n".into(),
            "multipart/alternative 0,text/plain 1",
            false,
        ),
    ];
    for (body, want, broken) in rows {
        let raw = [HEAD, body.as_bytes()].concat();
        let parents = |p: &Option<usize>| p.map_or("-".to_owned(), |p| p.to_string());
        let got: Vec<_> = outline(&raw).iter().skip(1).map(|(t, p)| format!("{t} {}", parents(p))).collect();
        let anomalies = mail(&raw).anomalies();
        assert_eq!(
            (got.join(",").as_str(), anomalies.broken_headers || anomalies.broken_footer),
            (want, broken),
            "{body}"
        );
    }
}

#[test]
fn parts_decode_and_name_their_files() {
    let raw = b"Content-Type: text/plain; charset=iso-8859-1; name*0*=utf-8''%c3%a4; name*1=\".txt\"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment\n\n5A==\n";
    let mail = mail(raw);
    let part = &mail.parts()[0];
    assert_eq!(
        (part.text(), part.data(), part.file_name.as_deref()),
        (Some("\u{e4}"), b"\xe4".as_slice(), Some("\u{e4}.txt"))
    );
    assert!(part.is_attachment());
}

#[test]
fn dates_follow_the_observed_rules() {
    for good in [
        "Mon, 1 Jan 2024 10:00:00 +0000",
        "1 Jan 24 10:00 GMT",
        "Mon, 1 Jan 2024  10:00:00 -1600 (x y)",
        "Sun, 28 Jul 0102 07:06:07 -0400",
        "Wed, 31 Feb 2024 10:00:00 EST",
    ] {
        assert!(date::read(good).is_ok(), "{good}");
    }
    for bad in [
        "Mon, 1 Jan 2024 10:00:00",
        "Mon, 1 Jan 2024 10:00:00 CEST",
        "Mon, 1 Jan 2024 10:00:00 +00:00",
        "Mon 1 Jan 2024 10:00:00 +0000",
        "Monday, 1 Jan 2024 10:00:00 +0000",
        "mon, 1 jan 2024 10:00:00 +0000",
        "2024-01-01T10:00:00Z",
        "Mon, 1 Jan 2024 25:00:00 +0000",
        "Mon, 1 Jan 2024 2:00:00 +0000",
        "Mon, 1 Jan 2024 10:00:00 \"GMT\"",
    ] {
        assert!(date::read(bad).is_err(), "{bad}");
    }
    assert_eq!(date::read("Thu, 1 Jan 1970 01:00:01 +0100"), Ok(1));
}

#[test]
fn received_headers_count_only_with_from_or_by() {
    let hop = received::read(
        "from A.example (b.Example [192.0.2.7]) by mx.example (Postfix) with ESMTPSA id 1 for <x@y.org>; Mon, 1 Jan 2024 10:00:00 +0000",
    )
    .expect("it counts");
    assert_eq!(
        (
            hop.from_host.as_str(),
            hop.real_host.as_str(),
            hop.by_host.as_str(),
            hop.proto.as_str()
        ),
        ("a.example", "b.example", "mx.example", "esmtpsa")
    );
    assert_eq!(
        (hop.real_ip, hop.for_addr.as_deref(), hop.tls, hop.authenticated),
        ("192.0.2.7".parse().ok(), Some("x@y.org"), true, true)
    );
    assert_eq!(hop.timestamp, Some(1_704_103_200));
    assert!(received::read("(qmail 123 invoked by uid 99); 1 Jan 2024 10:00:00 +0000").is_none());
    assert!(received::read("").is_none());
    // Each line was asked of a running 3.4.
    for (value, counts) in [
        ("from a by", false),
        ("from by b", false),
        ("from a b", false),
        ("from a b by c", true),
        ("from a by b id c d", false),
        ("from a by b id c d; x", true),
        ("from a by b with Microsoft SMTP Server (TLS) id 1", true),
        ("from a (b by c", false),
        ("from ; x", true),
        ("from (a [192.0.2.7]) by b", false),
    ] {
        assert_eq!(received::read(value).is_some(), counts, "{value}");
    }
    let port = received::read("from x (192.0.2.7:2525) by b").expect("it counts");
    assert_eq!(port.real_ip, "192.0.2.7".parse().ok());
    let raw = b"Received: from a ([192.0.2.7]) by b; x\n\nbody\n";
    let known = Envelope {
        ip: "192.0.2.7".parse().ok(),
        ..Envelope::default()
    };
    let other = Envelope {
        ip: "192.0.2.8".parse().ok(),
        user: Some("u".into()),
        ..Envelope::default()
    };
    let message = mail(raw);
    assert!(received::chain(&message, &known).top.is_none());
    let hops: Vec<_> = received::chain(&message, &other).hops().collect();
    assert!(hops.len() == 2 && hops[0].authenticated && !hops[1].authenticated);
    assert!(received::chain(&mail(b"A: b\n\nbody\n"), &other).top.is_none());
}

/// Messages built to hurt: each is read in linear time and within the limits.
#[test]
fn hostile_messages_stay_cheap() {
    let nested: Vec<u8> = (0..1_000)
        .flat_map(|i| format!("Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n").into_bytes())
        .collect();
    let inside: Vec<u8> = b"Content-Type: message/rfc822\n\nSubject: x\n".repeat(5_000);
    let many = [HEAD, &b"--xx\n\nhi\n".repeat(10_000)].concat();
    let headers = [b"A: b\n".repeat(100_000), b"\nbody\n".to_vec()].concat();
    let long = [
        b"Subject: ".to_vec(),
        b"some words of a folded header, =?utf-8?q?=e4?=\n ".repeat(200_000),
        b"\n\nbody\n".to_vec(),
    ]
    .concat();
    let dashes = [HEAD, &b"-".repeat(10_000_000)].concat();
    let lines = [HEAD, b"--xx-", &b"\n--\n--x\n--xxx".repeat(500_000)].concat();
    let words = [b"Subject: ".to_vec(), b"=?utf-8?q?".repeat(500_000), b"\n\nx\n".to_vec()].concat();
    let params = [
        b"Content-Type: text/plain".to_vec(),
        b"; a*1*=b".repeat(200_000),
        b"\n\nx\n".to_vec(),
    ]
    .concat();
    let comments = [
        b"Received: from a ".to_vec(),
        b"(".repeat(1_000_000),
        b"\nFrom: ".to_vec(),
        b"(".repeat(1_000_000),
        b"\n\nx\n".to_vec(),
    ]
    .concat();
    let cr = b"A: b\r".repeat(500_000);
    let nul = vec![0; 5_000_000];
    for (name, raw) in [
        ("nested", nested),
        ("inside", inside),
        ("many", many),
        ("headers", headers),
        ("long", long),
        ("dashes", dashes),
        ("lines", lines),
        ("words", words),
        ("params", params),
        ("comments", comments),
        ("cr", cr),
        ("nul", nul),
    ] {
        let began = Instant::now();
        let mail = mail(&raw);
        touch(&mail);
        let total: usize = mail.headers().len() + mail.parts().iter().skip(1).map(|p| p.headers.len()).sum::<usize>();
        assert!(mail.parts().len() <= 1_000 && total <= 10_000, "{name}");
        // Generous for a debug build on a busy machine; quadratic work takes minutes.
        assert!(began.elapsed() < Duration::from_secs(30), "{name}: {:?}", began.elapsed());
    }
}

#[test]
fn the_limits_are_told() {
    let nested: Vec<u8> = (0..40)
        .flat_map(|i| format!("Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n").into_bytes())
        .collect();
    let deep = mail(&nested);
    assert!(deep.anomalies().too_deep && deep.anomalies().broken_headers && deep.parts().len() == 32);
    let raw = [HEAD, &b"--xx\n\nhi\n".repeat(2_000)].concat();
    assert!(mail(&raw).anomalies().too_many_parts);
    let raw = [b"A: b\n".repeat(20_000), b"\nbody\n".to_vec()].concat();
    assert!(mail(&raw).anomalies().too_many_headers && mail(&raw).body() == b"body\n");
}

/// Asks for everything that is lazy.
fn touch(mail: &Mail<'_>) {
    let _ = (
        mail.from().len(),
        mail.recipients().map(<[_]>::len),
        mail.reply_to().len(),
        mail.received().len(),
    );
    let _ = (
        mail.subject().map(str::len),
        mail.date(),
        mail.message_id().map(str::len),
        mail.newline(),
    );
    for header in mail.headers() {
        let _ = header.value().len();
    }
    for part in mail.parts() {
        let _ = (part.data().len(), part.text().map(str::len), sniff::detect(part.data()));
        assert!(part.raw.len() <= mail.raw().len());
        assert!(part.children.iter().all(|c| *c < mail.parts().len()));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read(raw in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        touch(&mail(&raw));
    }

    #[test]
    fn any_mime_like_text_is_read(pieces in proptest::collection::vec(proptest::sample::select(vec![
        "Content-Type: multipart/mixed; boundary=xx\n", "Content-Type: multipart/mixed\n", "Content-Type: message/rfc822\n", "\n", "\r\n", "\r", "--xx", "--xx--", "--", "-- ", "\n--xx\n",
        "From: a@b, <c@d>\n", "To: \"x", "Subject: =?utf-8?q?=e4?= ", "Received: from a ([1.2.3.4]) by b; ", "Date: Mon, ", "Content-Transfer-Encoding: base64\n", "YQ==", " ", "x", "\u{0}", ";", "(", "name*0*=utf-8''%e4",
    ]), 0..60)) {
        touch(&mail(pieces.concat().as_bytes()));
    }
}

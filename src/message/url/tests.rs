//! Unit tests of `url`: own cases for every way a URL is written, found, compared, and kept.

use super::*;
use crate::message::{Limits, Mail};
use proptest::prelude::*;

fn one(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|| panic!("{text} is a URL"))
}

fn found(text: &str, extent: Extent) -> Vec<String> {
    let mut out = Vec::new();
    find(text, &[], extent, |url, _| {
        out.push(url.text().to_owned());
        true
    });
    out
}

fn urls(mail: &str) -> Vec<(String, String)> {
    let mail = Mail::parse(mail.as_bytes(), &Limits::default());
    let row = |u: &Url| (u.text().to_owned(), u.flags.names().collect::<Vec<_>>().join(" "));
    mail.urls().all().iter().map(row).collect()
}

#[test]
fn fields_of_a_url() {
    let url = one("HTTP://User:secret@WWW.Example.CO.UK:8080/a/./b/../c%41?q=1+2#top");
    assert_eq!(url.text(), "http://User:secret@www.example.co.uk:8080/a/cA?q=1 2#top");
    assert_eq!(
        (url.user(), url.host(), url.tld(), url.port),
        ("User", "www.example.co.uk", "example.co.uk", Some(8080))
    );
    assert_eq!((url.path(), url.query(), url.fragment()), ("a/cA", "q=1 2", "top"));
    for flag in [Flags::HAS_USER, Flags::HAS_PORT, Flags::PATH_ENCODED] {
        assert!(url.flags.has(flag), "{flag:?}");
    }
    assert_eq!(url.encoded(), "http://User@www.example.co.uk/a/cA?q=1%202#top");
}

#[test]
fn hosts_in_disguise() {
    for (text, host) in [
        ("http://0x7f.1/", "127.0.0.1"),
        ("http://3232235777/x", "192.168.1.1"),
        ("http://0300.0250.1.1/", "192.168.1.1"),
        ("http://192.168.257/", "192.168.1.1"),
        ("http://[2001:db8::1]/", "2001:db8::1"),
        ("http://192.0.2.7:80/", "192.0.2.7"),
    ] {
        let url = one(text);
        assert_eq!(url.host(), host, "{text}");
        assert!(url.flags.has(Flags::NUMERIC), "{text}");
    }
    let wide = one("http://bank\u{3002}example\u{FF0E}com/");
    assert_eq!(wide.host(), "bank.example.com");
    assert!(wide.flags.has(Flags::OBSCURED));
    assert!(one("http://exam\u{200B}ple.com/").flags.has(Flags::ZW_SPACES));
    assert!(one("http://b\u{fc}cher.example.com").flags.has(Flags::IDN));
    assert_eq!(one("http:\\\\www.example.com/").text(), "http://www.example.com/");
    assert_eq!(one("http://%77ww.example.com/").host(), "www.example.com");
    assert_eq!(one("http://www.example.com@192.0.2.1/").host(), "192.0.2.1");
}

#[test]
fn no_urls() {
    for text in [
        "",
        "http:",
        "http:/a.com",
        "http://",
        "http://.",
        "http://localhost/",
        "gopher://example.com",
        "http://example.com:0/",
        "mailto:nobody",
    ] {
        assert!(Url::parse(text).is_none(), "{text}");
    }
}

#[test]
fn registrable_domains() {
    for (host, domain) in [
        ("a.b.example.com", Some("example.com")),
        ("example.com.", Some("example.com")),
        ("co.uk", Some("co.uk")),
        ("com", None),
        ("a.invalid", None),
    ] {
        assert_eq!(host::registrable(host), domain, "{host}");
    }
    assert_eq!(host::readable("xn--bcher-kva.example"), "b\u{fc}cher.example");
}

#[test]
fn found_in_text() {
    for (text, what) in [
        (
            "see http://example.com/a, or www.example.org.",
            vec!["http://example.com/a,", "http://www.example.org."],
        ),
        (
            "(http://example.com/a) and <http://example.com/b>",
            vec!["http://example.com/a", "http://example.com/b"],
        ),
        ("write to Some.One+tag@example.com!", vec!["mailto://Some.One+tag@example.com"]),
        ("example.com and example.com, not readme.txt", vec!["http://example.com"]),
        ("mailto:a@example.com?subject=x now", vec!["mailto://a@example.com?subject=x"]),
        ("call tel:+49 (30) 123", vec!["tel:4930123"]),
        ("x.http://example.com", vec!["http://example.com"]),
        ("nothing here... at all @ once", vec![]),
    ] {
        assert_eq!(found(text, Extent::All), what, "{text}");
    }
    assert_eq!(
        found("www.example.com example.org a@example.com http://example.net", Extent::Strict),
        ["http://www.example.com", "mailto://a@example.com", "http://example.net"]
    );
}

#[test]
fn a_broken_line_goes_on_in_brackets() {
    let all = urls("Subject: x\r\n\r\nsee <http://example.com/a/very/\nlong/path> now\nhttp://example.com/short\nend\n");
    let texts: Vec<_> = all.iter().map(|(t, _)| t.as_str()).collect();
    assert_eq!(texts, ["http://example.com/a/very/long/path", "http://example.com/short"]);
}

#[test]
fn links_and_what_they_show() {
    let all = urls(
        "Subject: x\r\nContent-Type: text/html\r\n\r\n<html><body><a href=\"http://evil.example.net/x?u=http://in.example.com/\">http://www.bank.com/</a>\
         <a href=\"http://www.example.org\">example.org</a><img src='http://img.example.com/a.png'></body></html>",
    );
    let flags = |text: &str| all.iter().find(|(t, _)| t == text).map_or("absent", |(_, f)| f.as_str());
    assert_eq!(flags("http://evil.example.net/x?u=http://in.example.com/"), "phished url_displayed");
    assert_eq!(flags("http://www.bank.com/"), "html_displayed");
    assert_eq!(flags("http://in.example.com/"), "query");
    assert_eq!(flags("http://www.example.org"), "url_displayed");
    assert_eq!(flags("http://img.example.com/a.png"), "image");
}

#[test]
fn subject_and_duplicates() {
    let mail = "Subject: go to http://example.com/ now\r\n\r\nhttp://example.com/ and http://example.com/\r\n";
    let mail = Mail::parse(mail.as_bytes(), &Limits::default());
    let all = mail.urls().all();
    assert_eq!(all.len(), 1);
    assert_eq!(all.first().map(|u| u.count), Some(3));
}

#[test]
fn limits_hold() {
    use std::fmt::Write;
    let mut text = String::from("Subject: x\r\n\r\n");
    for i in 0..100_000 {
        let _ = writeln!(text, "http://h{i}.example.com/");
    }
    let mail = Mail::parse(text.as_bytes(), &Limits::default());
    assert_eq!(mail.urls().all().len(), Limits::default().max_urls);
}

/// Hostile shapes, each large enough that quadratic work would be seen.
#[test]
fn time_is_linear() {
    let shapes = [
        "@",
        ".",
        "a.",
        "a@",
        "http://",
        "http:",
        "<",
        "mailto:",
        "a.com",
        "tel:1",
        "www.",
        "http://a@",
        "\u{200b}",
        "http://[",
        "%",
        "x.com:",
        "http://a/",
    ];
    for shape in shapes {
        let body = shape.repeat(1_000_000 / shape.len());
        let text = format!("Subject: x\r\n\r\n{body}>");
        let begun = std::time::Instant::now();
        let mail = Mail::parse(text.as_bytes(), &Limits::default());
        let _ = mail.urls().all().len();
        assert!(begun.elapsed().as_secs() < 10, "{shape:?} took {:?}", begun.elapsed());
    }
}

proptest! {
    #[test]
    fn nothing_panics(text in "(http:|//|www\\.|@|\\.com|[a-z%<>\"'\\[\\]:/?#\\\\ \r\n]|\\PC){0,60}") {
        let _ = found(&text, Extent::All);
        let _ = Url::parse(&text);
        let _ = href(&text);
    }

    #[test]
    fn a_plain_url_is_found_again(host in "[a-z]{1,10}\\.(com|org|net)", path in "[a-z0-9/]{0,20}") {
        let text = format!("http://{host}/x{path}");
        let url = one(&text);
        prop_assert_eq!(url.host(), host.as_str());
        prop_assert_eq!(found(&format!("see {text} here"), Extent::Strict), vec![url.text().to_owned()]);
    }
}

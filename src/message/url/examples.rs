//! Examples of the ways in which URLs are written, and what is read there, in text and in attributes. Where rspamd 3.4 was asked, this is
//! its answer.

use super::{Extent, Flags, Url, displayed, find, href};
use crate::message::Plain;

fn tell(url: &Url) -> String {
    let flags: Vec<_> = url.flags.names().collect();
    format!("{} {}", url.text(), flags.join(" ")).trim_end().to_owned()
}

/// The URLs of a text, told one after the other.
fn in_text(text: &str) -> String {
    let plain = Plain::read(text, false);
    let mut out = Vec::new();
    find(&plain.text, &plain.breaks, Extent::All, |url, _| {
        out.push(tell(&url));
        true
    });
    out.join(", ")
}

fn hold(examples: &[(&str, &str)], read: impl Fn(&str) -> String) {
    for (text, told) in examples {
        assert_eq!(read(text), *told, "{text:?}");
    }
}

fn piece(text: &str) -> String {
    Url::parse(text).as_ref().map(tell).unwrap_or_default()
}

fn attribute(text: &str) -> String {
    href(text).as_ref().map(tell).unwrap_or_default()
}

#[test]
fn schemes_slashes_and_users() {
    let examples = [
        ("http:example.com/a", "http://example.com/a missing_slashes"),
        ("http:/example.com", ""),
        ("http:///example.com/a", "http:///example.com/a"),
        ("http:\\\\example.com\\a\\b?x", "http://example.com\\a\\b?x obscured"),
        ("http://example.com\\a", "http://example.com\\a"),
        ("http://a.com\\@b.com/", "http://a.com/@b.com/ obscured has_user"),
        ("file:\\\\host.example.com\\a", "file:\\\\host.example.com\\a"),
        ("http://a:b@example.com:80/", "http://a:b@example.com:80/ has_port has_user"),
        ("http://a:@example.com/", "http://a:@example.com/ has_user"),
        ("http://:b@example.com/", ""),
        ("http://@@example.com/", "http://@@example.com/ obscured has_user"),
        ("http://a@@example.com/", "http://a@@example.com/ obscured has_user"),
        ("http://a b@example.com/", ""),
        ("http://a@b@example.com/", ""),
        ("http://a:b/c@example.com/", "http://a:b/c@example.com/ has_user"),
        ("http://a.com:80@b.com/", "http://a.com:80@b.com/ has_user"),
        ("http://a:80/x@b.com/", ""),
        ("http://a.com?x@b.com", "http://a.com?x@b.com"),
    ];
    hold(&examples, piece);
    assert_eq!(
        Url::parse("http://@@example.com/").map(|u| u.user().to_owned()).as_deref(),
        Some("@")
    );
}

#[test]
fn hosts_and_ports() {
    let examples = [
        ("http://example.com)b", "http://example.com"),
        ("http://example.com\"", ""),
        ("http://exam\"ple.com", "http://exam\"ple.com"),
        ("http://exam,ple.com/", ""),
        ("http://ex_ample.com", "http://ex_ample.com"),
        ("http://-example.com", ""),
        ("http://ex\u{A0}ample.com/", ""),
        ("http://ex\u{1F600}.com/", "http://ex\u{1F600}.com/"),
        ("http://[::1]x", ""),
        ("http://[zz]/", ""),
        ("http://[::1]:/", ""),
        ("http://example.com:80", "http://example.com:80"),
        ("http://example.com:80?x", "http://example.com:80?x has_port"),
        ("http://example.com:080/", "http://example.com:080/ has_port"),
        ("http://example.com:65536/", ""),
        ("http://example.com:80x/", ""),
        ("http://example.com:80\\a", ""),
        ("http://example.com:80)", "http://example.com:80"),
        ("http://example.com./", "http://example.com./"),
        ("http://co.uk/", "http://co.uk/"),
        ("http://EX\u{C4}MPLE.com/", "http://ex\u{E4}mple.com/ idn"),
        ("http://exa\u{301}mple.com/", "http://ex\u{E1}mple.com/ host_encoded unnormalised"),
        ("http://\u{FF45}xample.com/", "http://example.com/ host_encoded idn unnormalised"),
        ("http://ex\u{AD}ample.com/", "http://example.com/ host_encoded zw_spaces"),
        ("http://%65xample.com/", "http://example.com/ host_encoded"),
        ("http://ex\u{202E}ample.com/", ""),
    ];
    hold(&examples, piece);
}

#[test]
fn addresses_as_hosts() {
    let examples = [
        ("http://0x7f.1/", "http://127.0.0.1 numeric obscured"),
        ("http://256.1.1.1", "http://1.0.1.1 numeric obscured"),
        ("http://1.2.0x3/", "http://1.2.0.3/ numeric obscured"),
        ("http://010.2.3.4/", "http://10.2.3.4 numeric"),
        ("http://1..2", "http://1.0.0.2 numeric obscured"),
        ("http://99999999999999999999999/", "http://255.255.255.255 numeric obscured"),
        ("http://017700000001/", "http://127.0.0.1 numeric obscured"),
        ("http://1.2.3.4:80", "http://1.2.3.4 numeric"),
        ("http://1.2.3.4:080/a", "http://1.2.3.4:80/a numeric has_port"),
        ("http://1.2.3.4//a/%41", "http://1.2.3.4/a/A numeric path_encoded"),
        ("http://1.2.3.4.5/", ""),
        ("http://08.1/", ""),
        ("http://0x/", ""),
        ("http://[2001:DB8::1]/a?b#c", "http://[2001:db8::1/a?b#c numeric"),
        ("http://[::1]/", "http://[::1 numeric"),
    ];
    hold(&examples, piece);
}

#[test]
fn paths_and_queries() {
    let examples = [
        ("http://e.com/%41%zz%4", "http://e.com/Azz path_encoded"),
        ("http://e.com/%4g/%g4/%", "http://e.com//g4/ path_encoded"),
        ("http://e.com/a%2Fb%3Fc%23d+e", "http://e.com/a/b?c#d e path_encoded"),
        ("http://e.com/?#", "http://e.com/?#"),
        ("http://e.com/a#f?g", "http://e.com/a#f?g"),
        ("http://e.com/a)b", "http://e.com/a"),
        ("http://e.com/a\u{A0}b", "http://e.com/a b unnormalised"),
        ("http://e.com/\u{200B}x", "http://e.com/x zw_spaces"),
        ("http://e.com/a//b/", "http://e.com/a/b/ path_encoded"),
        ("http://e.com/a/b/../c", "http://e.com/a/c path_encoded"),
        ("http://e.com/a/../../b", "http://e.com/a/b path_encoded"),
        ("http://e.com/../a", "http://e.com//a path_encoded"),
        ("http://e.com/a/b/..", "http://e.com/a path_encoded"),
        ("http://e.com/a/.", "http://e.com/a/ path_encoded"),
        ("http://e.com/.hidden", "http://e.com/.hidden"),
    ];
    hold(&examples, piece);
}

#[test]
fn addresses_and_numbers() {
    let examples = [
        ("mailto:A.B+c@Example.COM", "mailto://A.B+c@example.com missing_slashes"),
        (
            "mailto:a@example.com?subject=a%20b",
            "mailto://a@example.com?subject=a b query_encoded missing_slashes",
        ),
        (
            "mailto:a@example.com?subject=x#f",
            "mailto://a@example.com?subject=x missing_slashes",
        ),
        (
            "mailto:a@example.com?subject=x y",
            "mailto://a@example.com?subject=x missing_slashes",
        ),
        ("mailto:?to=a@example.com", "mailto://?to=a@example.com missing_slashes"),
        ("mailto:a@example.com?", ""),
        ("mailto:/a@example.com", ""),
        ("mailto:a@1.2.3.4", ""),
        ("mailto:a@example.com:25", ""),
        ("tel:+49 (30) 123", "tel:4930123"),
        ("tel://+4930", "tel://4930"),
        ("tel:12345;ext=6", "tel:123456"),
        ("tel:12345>x", "tel:12345"),
        ("tel:/+4930", ""),
        ("tel:12", "tel://12 missing_slashes"),
    ];
    hold(&examples, piece);
}

#[test]
fn where_urls_end_in_text() {
    let examples = [
        ("see http://e.com/a, b", "http://e.com/a,"),
        ("see http://e.com, b", "http://e.com"),
        ("see http://e.com x@b.com", "mailto://x@b.com schemaless"),
        ("see www.e.com, x@b.com", "http://www.e.com schemaless, mailto://x@b.com schemaless"),
        ("see www.a@b.com", "http://www.a@b.com has_user schemaless"),
        ("http://e.com/a> b", ""),
        ("http://e.com/a>b", "http://e.com/a"),
        ("<http://e.com/a> b", "http://e.com/a"),
        ("http://a.com/x\"http://b.com/y> <http://c.com>", "http://c.com"),
        ("http://e.com:80, x", ""),
        ("http://e.com\u{A0}b", "http://e.com"),
        ("http://a.com,http://b.com/", "http://a.com, http://b.com/"),
        ("ahttp://e.com _http://e.com", "http://e.com"),
        ("\"www.e.com ,www.e.com -www.e.com", ""),
        ("sip:user@example.com", ""),
        ("file:///host.example.com/a file://host.example.com", "file:///host.example.com"),
        ("x tel:123456 http://a.com", "tel:123456, http://a.com"),
        ("user@example.invalid http://b.com", "http://b.com schemaless"),
        (
            "user@example.invalid www.b.com http://c.com",
            "http://www.b.com schemaless, http://c.com",
        ),
    ];
    hold(&examples, in_text);
}

#[test]
fn names_and_addresses_in_text() {
    let examples = [
        ("example.com. x", "http://example.com. schemaless"),
        (
            "(example.com) <example.org>",
            "http://example.com schemaless, http://example.org schemaless",
        ),
        ("x\n(example.com)\ny", ""),
        ("example.com, \"example.com\" /example.com Visit:example.com", ""),
        ("a..com .com readme.txt up..you can", ""),
        ("example.com:80/a", "http://example.com:80/a has_port schemaless"),
        ("example.com:abc", ""),
        ("\"user\"@example.com user.@example.com user@-example.com", ""),
        (".user@example.com", "mailto://user@example.com schemaless"),
        ("a/b@example.com", "mailto://a/b@example.com schemaless"),
        ("user@example.com?subject=x", "mailto://user@example.com schemaless"),
    ];
    hold(&examples, in_text);
}

#[test]
fn attributes() {
    let examples = [
        ("example.com/a", "http://example.com/a schemaless"),
        ("//example.com/a", "http://example.com/a schemaless"),
        ("a@example.com", "mailto://a@example.com schemaless"),
        ("http://exam\nple.com/", "http://example.com/"),
        ("http:%2F%2Fexample.com/", "http://example.com/"),
        ("http://example.com/\u{1}x", "http://example.com/\u{1}x obscured path_encoded"),
        ("http://exam,ple.com/", "http://exam,ple.com/ obscured"),
        ("http://localhost/", "http://localhost/ no_tld"),
        ("http://1.2.3.4/", "http://1.2.3.4/ numeric no_tld"),
        ("http://ex\u{200B}ample.com/", "http://example.com/ zw_spaces"),
        ("\u{FF48}ttp://example.com/", "http://example.com/ unnormalised"),
        ("mailto:a b@example.com", "mailto://ab@example.com missing_slashes"),
        ("tel: 12 34 56", "tel:123456"),
    ];
    hold(&examples, attribute);
    for nothing in "page.html example/a localhost 1.2.3.4 /a //a #top ?x @example.com a:b@example.com cid:x data:x about:blank http%3A//example.com/ mailto:a@localhost".split(' ') {
        assert_eq!(attribute(nothing), "", "{nothing}");
    }
}

#[test]
fn what_links_show() {
    for (target, text, told) in [
        ("http://evil.net/", "bank.com", "phished url_displayed"),
        ("http://evil.net/", "www.bank.com/login now", "phished url_displayed"),
        ("http://evil.net/", "see bank.com", ""),
        ("http://evil.net/", "b.co", ""),
        ("http://evil.net/", "http://bank/", "phished obscured"),
        ("http://evil.net/", "a@bank.com", "url_displayed"),
        ("http://a.evil.net/", "b.evil.net", "url_displayed"),
        ("http://co.uk/", "bank.co.uk", "url_displayed"),
        ("http://xn--bcher-kva.de/", "b\u{FC}cher.de", "url_displayed"),
        ("http://bank.com.evil.net/", "bank.com", "phished url_displayed"),
        ("mailto:b@evil.net", "a@bank.com", "phished missing_slashes url_displayed"),
        ("http://localhost/", "bank.com", "phished url_displayed no_tld"),
    ] {
        let mut url = href(target).expect("a URL");
        let shown = displayed(&mut url, text);
        let flags: Vec<_> = url.flags.names().collect();
        assert_eq!(flags.join(" "), told, "{target} {text}");
        assert!(shown.is_none_or(|s| s.flags.has(Flags::HTML_DISPLAYED)));
    }
}

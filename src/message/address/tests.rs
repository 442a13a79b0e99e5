//! Lists of addresses as mail has them, sound and broken.

use super::*;

fn one(text: &str) -> Address {
    let mut list = parse_list(text, 1024);
    assert_eq!(list.len(), 1, "{text}: {list:?}");
    list.remove(0)
}

/// Every row was observed on a running rspamd 3.4: value, name, address, domain, valid.
#[test]
fn single_entries_read_like_the_peer() {
    let rows = [
        ("Some One a@example.com", "", "Some One a@example.com", "example.com", false),
        ("<>", "", "", "", true),
        ("\"\" <>", "", "", "", true),
        ("foo <>", "foo", "", "", true),
        ("noaddr", "noaddr", "", "", false),
        ("undisclosed-recipients:;", "undisclosed-recipients:;", "", "", false),
        ("A B <a@b.org", "A B", "a@b.org", "b.org", false),
        ("Alert@Paxil <m@x.org>", "Alert@Paxil", "m@x.org", "x.org", true),
        ("=?utf-8?q?a=40b.org?= <c@d.org>", "a@b.org", "c@d.org", "d.org", true),
        ("a@example.com (Some One)", "", "a@example.com", "example.com", true),
        ("(c) a@b.org", "", "a@b.org", "b.org", true),
        ("A (x) B <a@b.org>", "A  B", "a@b.org", "b.org", true),
        ("\"B\"x@y.org", "B", "x@y.org", "y.org", true),
        ("a@b.org c@d.org", "", "a@b.org", "b.org", true),
        ("a@b.org; c@d.org", "", "a@b.org; c@d.org", "d.org", false),
        ("\"Q \\\"x\\\" y\" <a@b.org>", "Q \"x\" y", "a@b.org", "b.org", true),
        ("\"A\" B \"C\" <a@b.org>", "A B C", "a@b.org", "b.org", true),
        ("Bob, Eve <a@b.org>", "Eve", "a@b.org", "b.org", true),
        ("\"x, y@z\" <c@d.org>", "x, y@z", "c@d.org", "d.org", true),
        ("a@b.org,", "", "a@b.org", "b.org", true),
        (",a@b.org", "", "a@b.org", "b.org", true),
        ("a@b.org, Bob", "", "a@b.org", "b.org", true),
        ("Foo <a@b.org>bar", "Foo", "a@b.org", "b.org", true),
        ("Foo< a@b.org >", "Foo", "a@b.org", "b.org", true),
        ("< >", "", " ", "", false),
        ("a..b@c.org", "", "a..b@c.org", "c.org", false),
        ("a@c", "", "a@c", "c", true),
        ("a@c.", "", "a@c", "c", true),
        ("a@-c.org", "", "a@-c.org", "-c.org", false),
        ("a@c_d.org", "", "a@c_d.org", "c_d.org", true),
        ("a@[192.0.2.1]", "", "a@[192.0.2.1]", "192.0.2.1", true),
        ("a@[IPv6:::1]", "", "a@[IPv6:::1]", "IPv6:::1", true),
        ("a@[foo]", "", "a@[foo]", "[foo]", false),
        ("\"a b\"@c.org", "a b", "@c.org", "c.org", false),
        ("<\"a b\"@c.org>", "", "a b@c.org", "c.org", true),
        ("a@b@c.org", "", "a@b@c.org", "c.org", false),
        ("\u{e4}@b.org", "", "\u{e4}@b.org", "b.org", false),
        ("<@r.org:a@b.org>", "", "a@b.org", "b.org", true),
        ("mailto:a@b.org", "", "mailto:a@b.org", "b.org", false),
        ("a@b(x).org", "", "a@b.org", "b.org", true),
        ("a@b.org>", "", "a@b.org>", "b.org>", false),
        ("\"unclosed <a@b.org>", "", "a@b.org", "b.org", true),
        ("\\\"x <a@b.org>", "\\", "a@b.org", "b.org", true),
        ("<<a@b.org>>", "", "<a@b.org", "b.org", false),
        ("A\n B <a@b.org>", "A B", "a@b.org", "b.org", true),
        ("  spaced   name   <a@b.org>", "spaced   name", "a@b.org", "b.org", true),
    ];
    for (text, name, address, domain, valid) in rows {
        let got = one(text);
        assert_eq!(
            (got.name.as_str(), got.address.as_str(), got.domain.as_str(), got.valid),
            (name, address, domain, valid),
            "{text}"
        );
    }
}

#[test]
fn several_entries() {
    let all = |text: &str| parse_list(text, 1024).into_iter().map(|a| (a.raw, a.valid)).collect::<Vec<_>>();
    let two = |a: &str, b: &str, valid| vec![(a.to_owned(), valid), (b.to_owned(), valid)];
    assert_eq!(all("x@y.org, z@y.org"), two("x@y.org", "z@y.org", true));
    assert_eq!(all("Friends: a@b.org, c@d.org;"), two("Friends: a@b.org", "c@d.org;", false));
    assert_eq!(all("a@b.org,,c@d.org"), two("a@b.org", "c@d.org", true));
    assert_eq!(all("<a@b.org><c@d.org>"), two("<a@b.org>", "<c@d.org>", true));
    assert_eq!(all("<a@b.org> foo, c@d.org"), two("<a@b.org>", "c@d.org", true));
    assert_eq!(all(""), vec![]);
    assert_eq!(all("  "), vec![]);
}

#[test]
fn the_limit_holds_and_floods_stay_linear() {
    let many = "a@b.org, ".repeat(100_000);
    let began = std::time::Instant::now();
    assert_eq!(parse_list(&many, 1024).len(), 1024);
    for hostile in ["\"", "<", "(", "\\\"", "\"<", "@,", "(\"", "<>"] {
        parse_list(&hostile.repeat(200_000), 1024);
    }
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

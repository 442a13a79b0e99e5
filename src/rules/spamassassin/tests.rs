//! Rule files of SpamAssassin against one message: what fires, and what is listed.

use super::*;
use crate::config::{LoadOptions, load_text};
use crate::engine::{Hits, Run, Scan};
use crate::message::{Envelope, Limits, Mail};

/// What the files say of a message, and what is said of them.
fn found(cf: &str, raw: &str) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.cf"), cf).unwrap();
    let text = format!("[modules.spamassassin]\nruleset = ['{}/*.cf']\n", folder.path().display());
    let loaded = load_text("a.toml", &text, &LoadOptions::default()).unwrap();
    let mut findings = Vec::new();
    let rules = build(loaded.config.modules.section("spamassassin"), &Services::default(), &mut findings);
    let mail = Mail::parse(raw.as_bytes(), &Limits::default());
    let envelope = Envelope::default();
    let scan = Scan::new(&mail, &envelope);
    let mut hits = Hits::default();
    for rule in &rules {
        if let Run::Check(check) = &rule.run {
            check.check(&scan, &mut hits);
        }
    }
    let shown = |h: crate::engine::Hit| format!("{}*{}[{}]", h.symbol, h.weight, h.options.join(","));
    let said = findings.iter().map(|f| {
        assert!(!f.is_error(), "{}", f.message);
        format!("{}: {}", f.place.as_ref().map_or(0, |p| p.line()), f.message)
    });
    (hits.hits.into_iter().map(shown).collect(), said.collect())
}

const MAIL: &str = include_str!("../../../tests/mail/two-forms.eml");

/// The names that fire of rules that are all called A, B, C in turn.
fn fires(rules: &[(&str, bool)]) {
    let mut cf = String::new();
    for (place, (rule, _)) in rules.iter().enumerate() {
        let (kind, rest) = rule.split_once(' ').unwrap();
        cf.push_str(&format!("{kind} R{place} {rest}\nscore R{place} 1\n"));
    }
    let (hits, said) = found(&cf, MAIL);
    assert!(said.is_empty(), "{said:#?}");
    for (place, (rule, awaited)) in rules.iter().enumerate() {
        assert_eq!(hits.iter().any(|h| h.starts_with(&format!("R{place}*"))), *awaited, "{rule}");
    }
}

/// As seen on a running 3.4, but for EnvelopeFrom, which it takes for a header.
#[test]
fn each_kind_of_rule() {
    fires(&[
        ("header Subject =~ /abc/", true),
        ("header subject =~ /ABC/i", true),
        ("header Subject !~ /abc/", false),
        ("header X-None !~ /abc/", true),
        ("header X-None =~ /^UNSET$/ [if-unset: UNSET]", true),
        ("header Subject =~ /^UNSET$/ [if-unset: UNSET]", false),
        ("header exists:X-Foo", true),
        ("header exists:X-None", false),
        ("header From:addr =~ /^alice@example.org$/", true),
        ("header From:name =~ /^Alice$/", true),
        ("header ALL =~ /^X-Foo: a/m", true),
        ("header ToCc =~ /bob/", true),
        ("header MESSAGEID =~ /x@example/", true),
        ("header X-Foo:raw =~ /^a b$/", true),
        ("body /foo here foo/", true),
        ("body m{Subj abc}", true),
        ("body m!one para!  # a comment", true),
        ("body /one \\# para/", false),
        ("rawbody /<b>bold/", true),
        ("full /Subject: .*--q--/s", true),
        ("mimeheader Content-Type =~ /html/", true),
        ("header eval:check_for_missing_to_header()", false),
        ("body eval:html_tag_exists('b')", true),
        ("meta R0 && !R2", true),
        ("meta (R0 + R1 + R2) > 2", false),
    ]);
}

#[test]
fn scores_make_symbols() {
    let cf = "body __A /foo/\nbody __B /here/\nmeta M __A + __B\nscore M 2\nbody NONE /foo/\nbody ZERO /foo/\nscore ZERO 0\n\
              body FOUR /nothing/\nbody FOUR /foo/\nscore FOUR 1 2 3 4\ndescribe FOUR four scores\nmeta ALL M && FOUR\nscore ALL 1\n";
    let (hits, said) = found(cf, MAIL);
    assert!(said.is_empty(), "{said:#?}");
    assert_eq!(hits, ["FOUR*1[]", "M*2[__A,__B]", "ALL*1[M,FOUR]"]);
}

#[test]
fn blocks_and_tags() {
    let cf = "ifplugin Mail::SpamAssassin::Plugin::HeaderEval\nbody A /foo/\nscore A 1\nelse\nbody B /foo/\nscore B 1\nendif\n\
              ifplugin X::No\nnonsense\nbody C /foo/\nelse\nbody D /foo/\nscore D 1\nendif\nif (version >= 3)\nnonsense\nendif\n\
              replace_tag F [f4]\nreplace_tag O [o0]\nreplace_inter W _?\nreplace_post P +\nbody E /<inter W><post P><F><O>o (?:<nothing|here)/\n\
              replace_rules E\nscore E 1\n";
    let (hits, said) = found(cf, MAIL);
    assert!(said.is_empty(), "{said:#?}");
    assert_eq!(hits, ["A*1[]", "D*1[]", "E*1[]"]);
}

#[test]
fn what_cannot_be_used_is_listed() {
    let cf = "body A /foo(/\nscore A 1\nfrobnicate x\nheader B eval:no_such(1)\nmeta C D && C\nmeta E (\nbody F foo\nscore G much\n\
              header H X-Spam-Relays-External =~ /x/\nbody I /(?<=a)b/\n";
    let (hits, said) = found(cf, MAIL);
    assert!(hits.is_empty());
    let mut lines: Vec<usize> = said.iter().filter_map(|s| s.split(':').next()?.parse().ok()).collect();
    lines.sort_unstable();
    assert_eq!(lines, [1, 3, 4, 5, 6, 7, 8, 9, 10], "{said:#?}");
    assert!(said.iter().any(|s| s.contains("I (look-around)")), "{said:#?}");
}

proptest::proptest! {
    #[test]
    fn no_line_panics(text in "(header|body|meta|score|replace_tag|ifplugin|uri)? ?[A-B]{0,2} ?[-a-cS:=~!/m{}()\\[\\]#\\\\ eval:<>ö]{0,30}") {
        let _ = line::read(&text);
    }
}

//! Rules as administrators write them: what they define, find and cost, and what is said of mistakes.

use super::*;
use crate::config::{Config, Diagnostic, LoadOptions, load, load_text};
use crate::engine::{Hits, Run, Scan};
use crate::message::{Envelope, Limits, Mail};
use std::time::Instant;

fn built(name: &str, text: &str, rules: &str) -> (Vec<Rule>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    if !rules.is_empty() {
        std::fs::write(folder.path().join("own.toml"), rules).unwrap();
    }
    let services = Services {
        rules: folder.path().to_owned(),
        ..Services::default()
    };
    let loaded = load_text(name, text, &LoadOptions::default()).unwrap();
    built_of(&loaded.config, &services)
}

fn built_of(config: &Config, services: &Services) -> (Vec<Rule>, Vec<String>) {
    let mut findings = Vec::new();
    let rules = build(config.modules.section("regexp"), services, &mut findings);
    findings.iter_mut().for_each(Diagnostic::pardon);
    let said = findings.iter().map(|f| {
        let kind = if f.is_error() { "error" } else { "warning" };
        let place = f.place.as_ref().map_or(0, |p| p.line());
        format!("{kind} {place}: {}", f.message)
    });
    (rules, said.collect())
}

fn found(rules: Vec<Rule>, raw: &[u8]) -> Vec<(String, f64)> {
    let mail = Mail::parse(raw, &Limits::default());
    let envelope = Envelope::default();
    let scan = Scan::new(&mail, &envelope);
    let mut hits = Hits::default();
    for rule in rules {
        let Run::Check(check) = rule.run else { unreachable!() };
        check.check(&scan, &mut hits);
    }
    hits.hits.into_iter().map(|h| (h.symbol.into_owned(), h.weight)).collect()
}

#[test]
fn symbols_are_defined_as_written() {
    let own = "[OWN]\nre = 'Subject=/a/'\nscore = 2.5\ngroup = \"mine\"\ngroups = [\"more\"]\ndescription = \"says a\"\none_shot = true\n";
    let (rules, said) = built("a.toml", "[modules.regexp]\nPLAIN = 'Subject=/b/'\n", own);
    assert!(said.is_empty(), "{said:?}");
    let symbols = &rules[0].symbols;
    assert_eq!((symbols[0].symbol.as_str(), symbols[0].score), ("PLAIN", None));
    let own = &symbols[1];
    assert_eq!((own.symbol.as_str(), own.score, own.shots), ("OWN", Some(2.5), Some(1)));
    assert_eq!(
        (own.groups.join(" "), own.description.as_deref()),
        ("mine more".to_owned(), Some("says a"))
    );
    assert_eq!(found(rules, b"Subject: ab\n\n").len(), 2);
}

#[test]
fn mistakes_have_places() {
    let own = "[ONE]\nre = 'Subject=/a(/'\n[TWO]\nscore = 1\n[THREE]\nre = 'nothing(x)'\n[A]\nre='/b/P'\nscor = 1\n";
    let (rules, said) = built(
        "a.toml",
        "[modules.regexp]\nmax_size = \"1KiB\"\nA = '/a/P'\nB = 7\nOFF = {re = '(', enabled = false}\n",
        own,
    );
    assert_eq!(rules[0].symbols.len(), 1, "A stays");
    let expected = [
        "error 4: the rule B is a number",
        "error 2: the rule ONE: no engine takes the pattern /a(/: a group is never closed",
        "error 3: the key `re` is missing",
        "error 6: the rule THREE: there is no function nothing",
        "error 9: unknown key `scor`",
        "error 7: the rule A is there twice",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said} for {expected}");
    }
}

#[test]
fn an_imported_tree_keeps_what_can_run() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("local.d")).unwrap();
    let text = "GOOD = '/a/P'\nBAD = '/a(/P'\nSCRIPT = { re = '/b/P', condition = 'return true', max_len = 3 }\n";
    std::fs::write(folder.path().join("local.d/regexp.conf"), text).unwrap();
    let options = LoadOptions {
        rspamd: Some(folder.path().to_owned()),
        ..LoadOptions::default()
    };
    let (rules, said) = built_of(&load(&options).unwrap().config, &Services::default());
    assert_eq!(rules[0].symbols.len(), 2);
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(said.iter().all(|s| s.starts_with("warning")), "{said:#?}");
}

#[test]
fn backtracking_is_listed_and_limited() {
    let text = "[modules.regexp]\nSLOW = '/(?=a)(a+)+1/M'\nFAST = '/(a+)+2/M'\nBACK = '/(b)\\1/M'\n";
    let (rules, said) = built("a.toml", text, "");
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("SLOW (look-around), BACK (a back-reference)"), "{said:#?}");
    let mut mail = b"Subject: a\n\n".to_vec();
    mail.extend_from_slice(&b"a".repeat(2 << 20));
    mail.push(b'1');
    let begun = Instant::now();
    assert!(found(rules, &mail).is_empty());
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn no_more_than_max_size_is_searched() {
    let (rules, _) = built(
        "a.toml",
        "[modules.regexp]\nmax_size = \"100B\"\nNEAR = '/near/M'\nFAR = '/far/M'\n",
        "",
    );
    let mail = format!("Subject: near\n\n{}far", " ".repeat(100));
    assert_eq!(found(rules, mail.as_bytes()), [("NEAR".to_owned(), 1.0)]);
}

//! Every family of rules against `tests/rules/FAMILY.test`: exactly the awaited symbols, no more and no fewer.
//!
//! A case begins with `=== title`. Lines with `@` describe the envelope (`@ip 192.0.2.7`, `@host`, `@helo`, `@from`, `@rcpt`, `@user`,
//! `@local`, `@raw`, `@compat 4.1`, `@milter`: the envelope cannot be given over HTTP). Then comes one line of awaited symbols, `-` for
//! none: `NAME`, `NAME[option|option]`, `NAME*weight[option]`. An empty line, and the message up to the next case. A family that does
//! nothing without a configuration has its section ahead of the first case, from a line `[modules.FAMILY` on.

use crate::rules_support::{NOW, found};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use torwart::config::{LoadOptions, Section, load_text};
use torwart::engine::Compat;
use torwart::message::{Envelope, SmtpPath};
use torwart::rules::FAMILIES;

/// Weight and options of a symbol.
pub type Found = BTreeMap<String, (f64, Vec<String>)>;

/// Fires on every message.
const ALWAYS: &[&str] = &["MIME_TRACE"];

/// Fires on none: the peer declares it, and has no rule for it.
const NEVER: &[&str] = &["R_MIXED_CHARSET_URL"];

/// Fires on messages that are too long for a file of cases; `large_pdfs` writes them.
const LARGE: &[&str] = &["PDF_LONG_TRAILER", "PDF_MANY_OBJECTS"];

struct Case {
    title: String,
    envelope: Envelope,
    local: bool,
    mime: bool,
    compat: Compat,
    awaited: Found,
    message: String,
}

impl Case {
    fn read(text: &str) -> Case {
        let (head, message) = text.split_once("\n\n").expect("an empty line before the message");
        let mut lines = head.lines();
        let mut case = Case {
            title: lines.next().expect("a title").to_owned(),
            envelope: Envelope::default(),
            local: false,
            mime: true,
            compat: Compat::V34,
            awaited: Found::new(),
            message: message.to_owned(),
        };
        for line in lines {
            match line.strip_prefix('@') {
                Some(setting) => case.set(setting),
                None => case.awaited = awaited(line),
            }
        }
        case
    }

    fn set(&mut self, setting: &str) {
        let (key, value) = setting.split_once(' ').unwrap_or((setting, ""));
        let text = Some(value.to_owned());
        match key {
            "ip" => self.envelope.ip = Some(value.parse().expect("an address")),
            "host" => self.envelope.hostname = text,
            "helo" => self.envelope.helo = text,
            "user" => self.envelope.user = text,
            "from" => self.envelope.sender = Some(SmtpPath::new(value)),
            "rcpt" => self.envelope.add_recipient(value, 1024),
            "local" => self.local = true,
            "raw" => self.mime = false,
            "compat" => self.compat = if value == "4.1" { Compat::V41 } else { Compat::V34 },
            "milter" => {}
            other => panic!("`@{other}` is no setting of a case"),
        }
    }
}

/// Reads `A B*2[x y|z] C[]`; a symbol begins behind `]` or a blank.
fn awaited(line: &str) -> Found {
    let mut found = Found::new();
    let mut rest = if line == "-" { "" } else { line.trim() };
    while !rest.is_empty() {
        let end = rest.find([' ', '[']).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(end);
        let (options, tail) = match tail.strip_prefix('[') {
            None => (Vec::new(), tail),
            Some(inside) => {
                let close = inside.find("] ").unwrap_or(inside.len() - 1);
                (inside[..close].split('|').map(str::to_owned).collect(), &inside[close + 1..])
            }
        };
        let (name, weight) = head.split_once('*').map_or((head, 1.0), |(n, w)| (n, w.parse().expect("a weight")));
        found.insert(name.to_owned(), (weight, options));
        rest = tail.trim_start();
    }
    found
}

/// The settings that a file of cases begins with.
fn section(family: &str, text: &str) -> Option<Section> {
    let ahead = text.split("\n=== ").next()?;
    let at = ahead.find("\n[modules.")?;
    let options = LoadOptions {
        environment: Box::new(|_| None),
        ..LoadOptions::default()
    };
    let loaded = load_text(&format!("{family}.toml"), &ahead[at..], &options).unwrap_or_else(|report| panic!("{report}"));
    loaded.config.modules.section(family).cloned()
}

/// Weights are written with four digits.
fn same(found: &Found, awaited: &Found) -> bool {
    let equal = |(name, (weight, options)): (&String, &(f64, Vec<String>))| {
        let awaited = awaited.get(name);
        awaited.is_some_and(|(w, o)| (weight - w).abs() < 0.0001 && options == o)
    };
    found.len() == awaited.len() && found.iter().all(equal)
}

#[test]
fn every_case_of_every_family() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let mut faults = Vec::new();
    for family in FAMILIES {
        let name = family.name;
        let text = std::fs::read_to_string(folder.join(format!("{name}.test"))).unwrap_or_else(|e| panic!("{name}.test: {e}"));
        let section = section(name, &text);
        let cases: Vec<Case> = text.split("\n=== ").skip(1).map(Case::read).collect();
        let (mut fired, mut silent) = (BTreeSet::new(), BTreeSet::new());
        for case in &cases {
            let found = found(
                (family, section.as_ref()),
                &case.message,
                &case.envelope,
                case.local,
                case.mime,
                case.compat,
            );
            if !same(&found, &case.awaited) {
                faults.push(format!("{name}: {}\n  awaited {:?}\n  found   {found:?}", case.title, case.awaited));
            }
            for symbol in family.symbols {
                let group = if case.awaited.contains_key(symbol.name) {
                    &mut fired
                } else {
                    &mut silent
                };
                group.insert(symbol.name);
            }
        }
        for symbol in family.symbols {
            let quiet = silent.contains(symbol.name) || ALWAYS.contains(&symbol.name);
            let loud = fired.contains(symbol.name) || NEVER.contains(&symbol.name) || LARGE.contains(&symbol.name);
            if !loud || !quiet {
                faults.push(format!(
                    "{name}: {} needs a case where it fires and one where it does not",
                    symbol.name
                ));
            }
        }
    }
    assert!(faults.is_empty(), "at {NOW}:\n{}", faults.join("\n"));
}

#[test]
fn large_pdfs() {
    let family = FAMILIES.iter().find(|f| f.name == "pdf").expect("the family");
    let body = |objects: usize, blanks: usize| {
        let objects: String = (1..=objects).map(|n| format!("{n} 0 obj\n{n}\nendobj\n")).collect();
        let blanks = " ".repeat(blanks);
        format!("Content-Type: application/pdf; name=a.pdf\n\n%PDF-1.4\n{objects}{blanks}\ntrailer\n<< /Size 3 >>\n")
    };
    let found = |message: &str| found((family, None), message, &Envelope::default(), false, true, Compat::V34);
    assert_eq!(found(&body(10_000, 10 << 10)), Found::new());
    let many = (1.0, vec!["a.pdf:10001".to_owned()]);
    assert_eq!(found(&body(10_001, 0)), Found::from([("PDF_MANY_OBJECTS".to_owned(), many)]));
    let long = (1.0, vec!["a.pdf:14".to_owned()]);
    assert_eq!(found(&body(3, 10 << 20)), Found::from([("PDF_LONG_TRAILER".to_owned(), long)]));
}

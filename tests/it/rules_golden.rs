//! The mails of `tests/golden/mail`, at least one a family, against what Debian's rspamd said of them: the same symbols, scores and options.
//!
//! `tests/golden/record` asks it anew, and says how.

use crate::support::filter::Torwart;
use crate::support::web;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use torwart::engine::Compat;

/// Symbols that ask DNS, and composites of such: they come with authentication.
const ASK_DNS: &[&str] = &[
    "AUTH_NA",
    "AUTH_NA_OR_FAIL",
    "DMARC_NA",
    "HFILTER_FROMHOST_NORES_A_OR_MX",
    "HFILTER_HELO_IP_A",
    "HFILTER_HELO_NORES_A_OR_MX",
    "RDNS_NONE",
    "R_DKIM_NA",
    "R_SPF_DNSFAIL",
    "R_SPF_NA",
];

/// Mails on which a group's cap cuts other symbols than the peer's, whose order within the group is another: see
/// `tests/rules/DIFFERENCES.md`. The symbols are the same, and so is their sum.
const OTHERWISE_CAPPED: &[&str] = &[
    "header_encoding-1.eml",
    "header_encoding-2.eml",
    "header_shape-1.eml",
    "header_shape-2.eml",
    "mail_clients-1.eml",
    "mime_types-2.eml",
];

/// Its options count hours up to now.
const BY_THE_CLOCK: &str = "DATE_IN_PAST";

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Every mail by name.
pub fn mails() -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(golden().join("mail")).expect("the folder of mails");
    let mut mails: Vec<_> = files
        .flatten()
        .map(|f| {
            (
                f.file_name().to_string_lossy().into_owned(),
                std::fs::read(f.path()).expect("a mail"),
            )
        })
        .collect();
    mails.sort();
    mails
}

/// What the peer said of each mail: `file`, `envelope`, `answer`.
fn recorded() -> Vec<Value> {
    let text = std::fs::read_to_string(golden().join("mail.jsonl")).expect("the recorded answers");
    text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
}

/// What this daemon says of a mail with the envelope of the peer's request.
fn asked(torwart: &Torwart, row: &Value) -> Value {
    let mail = std::fs::read(golden().join("mail").join(row["file"].as_str().expect("a name"))).expect("a mail");
    let envelope = row["envelope"].as_object().expect("an envelope").iter();
    let headers: Vec<(&str, &str)> = envelope
        .map(|(name, value)| (name.as_str(), value.as_str().expect("text")))
        .collect();
    web::scan(torwart.http, &mail, &headers)
}

/// Names, options and, unless a cap is known to cut otherwise, scores.
fn shown(answer: &Value, scored: bool) -> BTreeSet<String> {
    let symbols = answer["symbols"].as_object().expect("symbols").iter();
    let compared = symbols.filter(|(name, _)| !ASK_DNS.contains(&name.as_str()));
    compared
        .map(|(name, symbol)| {
            let options = symbol["options"].as_array().filter(|_| name != BY_THE_CLOCK).cloned();
            let mut options: Vec<String> = options.unwrap_or_default().iter().map(Value::to_string).collect();
            options.sort();
            let score = symbol["score"].as_f64().filter(|_| scored).unwrap_or_default();
            format!("{name} {score:.2} {options:?}")
        })
        .collect()
}

fn sum(answer: &Value) -> f64 {
    let symbols = answer["symbols"].as_object().expect("symbols").iter();
    let counted = symbols.filter(|(name, _)| !ASK_DNS.contains(&name.as_str()));
    counted.filter_map(|(_, s)| s["score"].as_f64()).sum()
}

#[test]
fn every_mail_is_judged_as_by_the_peer() {
    let torwart = Torwart::start();
    let mut faults = Vec::new();
    let rows = recorded();
    let named: Vec<&str> = rows.iter().filter_map(|r| r["file"].as_str()).collect();
    assert!(mails().iter().map(|(name, _)| name.as_str()).eq(named.iter().copied()), "{named:?}");
    for row in &rows {
        let name = row["file"].as_str().expect("a name");
        let answer = asked(&torwart, row);
        let scored = !OTHERWISE_CAPPED.contains(&name);
        let (peer, ours) = (shown(&row["answer"], scored), shown(&answer, scored));
        if peer != ours {
            let only = |a: &BTreeSet<String>, b| a.difference(b).cloned().collect::<Vec<_>>();
            faults.push(format!("{name}: peer {:?}, ours {:?}", only(&peer, &ours), only(&ours, &peer)));
        }
        let (peer, ours) = (sum(&row["answer"]), sum(&answer));
        if (peer - ours).abs() > 0.005 {
            faults.push(format!("{name}: peer {peer:.2}, ours {ours:.2} in all"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_family_has_a_mail() {
    let rows = recorded();
    for family in torwart::rules::FAMILIES {
        let known = family.symbols.iter().any(|s| s.score(Compat::V34).is_some());
        let fires = |row: &Value| family.symbols.iter().any(|s| row["answer"]["symbols"].get(s.name).is_some());
        assert!(
            !known || rows.iter().any(fires),
            "no mail of tests/golden/mail shows `{}`",
            family.name
        );
    }
}

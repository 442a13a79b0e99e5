//! Runs the checks of one family, without engine and scores: what they say is what is tested.

use crate::rules_cases::Found;
use std::time::{Duration, UNIX_EPOCH};
use torwart::config::{Diagnostic, Section};
use torwart::engine::{Compat, Hits, Run, Scan};
use torwart::family::{Family, Services};
use torwart::message::{Envelope, Limits, Mail, Unpacked};

/// A family and its settings.
pub type Configured<'c> = (&'c Family, Option<&'c Section>);

/// When every case is scanned: 2026-09-01 12:00 UTC.
pub const NOW: u64 = 1_788_264_000;

/// What the family finds with its section, insertions of one symbol taken together.
pub fn found(family: Configured<'_>, message: &str, envelope: &Envelope, local: bool, mime: bool, compat: Compat) -> Found {
    let unpacked = Unpacked::default();
    let mail = if mime {
        Mail::parse_all(message.as_bytes(), &unpacked, &Limits::default())
    } else {
        Mail::raw_text(message.as_bytes())
    };
    let mut scan = Scan::new(&mail, envelope);
    scan.now = UNIX_EPOCH + Duration::from_secs(NOW);
    scan.local_client = local || scan.client.is_some_and(is_local);
    scan.mime = mime;
    scan.compat = compat;
    let services = Services {
        compat,
        ..Services::default()
    };
    hits(family, &services, &scan)
}

/// The client is of the networks that are local by default.
pub fn is_local(client: std::net::IpAddr) -> bool {
    let networks = torwart::config::Config::default().scan.local_networks;
    client.is_loopback() || networks.iter().any(|n| n.0.contains(&client))
}

/// The same for a message that is already parsed.
pub fn hits((family, section): Configured<'_>, services: &Services, scan: &Scan<'_>) -> Found {
    let mut findings = Vec::new();
    let mut hits = Hits::default();
    let mut configured = Vec::new();
    for rule in (family.build)(section, services, &mut findings) {
        configured.extend(rule.symbols.iter().map(|s| s.symbol.clone()));
        match rule.run {
            Run::Check(check) => check.check(scan, &mut hits),
            Run::Ask(_) => panic!("{}: rules of this floor ask nobody", rule.name),
        }
    }
    assert!(!findings.iter().any(Diagnostic::is_error), "{findings:?}");
    let mut found = Found::new();
    for hit in hits.hits {
        let declared = family.symbols.iter().any(|s| s.name == hit.symbol) || configured.iter().any(|s| *s == hit.symbol);
        assert!(declared, "{} inserts {} without declaring it", family.name, hit.symbol);
        if scan_lacks(family, scan.compat, &hit.symbol) {
            continue;
        }
        let (weight, options) = found.entry(hit.symbol.into_owned()).or_insert((hit.weight, Vec::new()));
        *weight = weight.max(hit.weight);
        for option in hit.options {
            if !options.contains(&option) {
                options.push(option);
            }
        }
    }
    found
}

/// True where the generation does not have the symbol.
fn scan_lacks(family: &Family, compat: Compat, name: &str) -> bool {
    family.symbols.iter().any(|s| s.name == name && s.score(compat).is_none())
}

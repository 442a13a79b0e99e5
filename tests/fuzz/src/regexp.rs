//! Any text as rules of the administrator, `NAME = expression` a line up to an empty one, and the rest as the message they look at.

use super::patterns::split;
use torwart::config::{LoadOptions, load_text};
use torwart::engine::{Hits, Rule, Run, Scan};
use torwart::family::Services;
use torwart::message::{Envelope, Limits, Mail};
use torwart::rules::regexp::FAMILY;

/// One input.
pub fn run(data: &[u8]) {
    let (rules, message) = split(data);
    let mut settings = String::from("[modules.regexp]\n");
    for line in String::from_utf8_lossy(rules).lines().take(20) {
        if let Some((name, expression)) = line.split_once(" = ") {
            settings.push_str(&format!("{} = {}\n", quoted(name), quoted(expression)));
        }
    }
    let Ok(loaded) = load_text("rules.toml", &settings, &LoadOptions::default()) else {
        return;
    };
    let mut findings = Vec::new();
    let section = loaded.config.modules.section("regexp");
    check(&(FAMILY.build)(section, &Services::default(), &mut findings), message);
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    format!("{text:?}")
        .replace("\\'", "'")
        .replace("\\u{", "\\\\u{")
        .replace("\\0", "\\\\0")
}

/// Asks checks about a message.
pub(super) fn check(rules: &[Rule], message: &[u8]) {
    let mail = Mail::parse(message, &Limits::default());
    let envelope = Envelope::default();
    let scan = Scan::new(&mail, &envelope);
    let mut hits = Hits::default();
    for rule in rules {
        if let Run::Check(check) = &rule.run {
            check.check(&scan, &mut hits);
        }
    }
    assert!(hits.hits.iter().all(|hit| hit.weight.is_finite()), "weights are numbers");
}

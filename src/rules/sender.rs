//! Who says he sent it: the From header against itself, the envelope and the recipients. Titles, doubled addresses and a name that is
//! another address are what mass mailers and impostors leave behind. Reply-To is not read here.

use crate::engine::{Hits, Rule, Scan, Symbol};
use crate::family::Family;
use crate::message::{Address, address};
use crate::rules::alias::{domain, named, plain, sender};

crate::symbols! {
    "headers" {
        ENVFROM_INVALID = both(2.0), "the envelope sender is not an address";
        FROM_INVALID = both(2.0), "the From header holds no valid address";
        FROM_NO_DN = both(0.0), "From has no display name";
        FROM_DN_EQ_ADDR = both(1.0), "the display name in From is the address itself";
        FROM_HAS_DN = both(0.0), "From has a display name";
        FROM_NAME_HAS_TITLE = both(1.0), "the display name in From begins with Mr, Mrs or Dr";
        FROM_NAME_EXCESS_SPACE = both(1.0), "the display name in From has several blanks in a row";
        FROM_EQ_ENVFROM = both(0.0), "From is the envelope sender";
        FROM_NEQ_ENVFROM = both(0.0), "From is not the envelope sender";
        TO_EQ_FROM = both(0.0), "the only recipient is the sender himself";
        TO_DOM_EQ_FROM_DOM = both(0.0), "the only recipient shares the sender's domain";
        MULTIPLE_FROM = both(8.0), "From holds several addresses";
        SPOOF_DISPLAY_NAME = both(8.0), "the display name in From is an address in a recipient's domain";
        FROM_NEQ_DISPLAY_NAME = both(4.0), "the display name in From is an address in another domain";
    }
}

/// What one look at From and the envelope says.
static FROM: &[&Symbol] = &[
    &ENVFROM_INVALID,
    &FROM_INVALID,
    &FROM_NO_DN,
    &FROM_DN_EQ_ADDR,
    &FROM_HAS_DN,
    &FROM_NAME_HAS_TITLE,
    &FROM_NAME_EXCESS_SPACE,
    &FROM_EQ_ENVFROM,
    &FROM_NEQ_ENVFROM,
    &TO_EQ_FROM,
    &TO_DOM_EQ_FROM_DOM,
];

/// The sender. No settings.
pub const FAMILY: Family = Family {
    name: "sender",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| {
        vec![
            Rule::check("CHECK_FROM", from).giving(FROM),
            Rule::check("MULTIPLE_FROM", multiple),
            Rule::check("FROM_DISPLAY_CALLBACK", display_name).giving(&[&SPOOF_DISPLAY_NAME, &FROM_NEQ_DISPLAY_NAME]),
        ]
    },
};

fn from(scan: &Scan<'_>, hits: &mut Hits) {
    let sender = sender(scan);
    if sender.is_some_and(|s| !s.valid) {
        hits.add(&ENVFROM_INVALID);
    }
    let Some(from) = scan.mail.from().first() else { return };
    if !from.valid {
        hits.add(&FROM_INVALID);
    }
    let ours = plain(scan.compat, &from.address);
    name(&from.name, &ours, hits);
    if let Some(sender) = sender {
        let theirs = plain(scan.compat, &sender.address);
        if ours.eq_ignore_ascii_case(&theirs) {
            hits.add(&FROM_EQ_ENVFROM);
        } else if !theirs.is_empty() {
            hits.weighted(&FROM_NEQ_ENVFROM, 1.0, vec![ours.to_string(), theirs.into_owned()]);
        }
    }
    if let Some([only]) = named(scan).as_deref() {
        let only = plain(scan.compat, &only.address);
        if only.eq_ignore_ascii_case(&ours) {
            hits.add(&TO_EQ_FROM);
        } else if domain(&only).eq_ignore_ascii_case(domain(&ours)) {
            hits.add(&TO_DOM_EQ_FROM_DOM);
        }
    }
}

fn name(name: &str, address: &str, hits: &mut Hits) {
    if name.is_empty() {
        return hits.add(&FROM_NO_DN);
    }
    if name.eq_ignore_ascii_case(address) {
        return hits.add(&FROM_DN_EQ_ADDR);
    }
    hits.add(&FROM_HAS_DN);
    let lower = name.to_ascii_lowercase();
    for title in ["mrs", "mr", "dr"] {
        let rest = lower.strip_prefix(title);
        if rest.is_some_and(|r| r.starts_with(|c: char| c == '.' || is_blank(c))) {
            hits.with(&FROM_NAME_HAS_TITLE, title);
        }
    }
    if lower.chars().zip(lower.chars().skip(1)).any(|(a, b)| is_blank(a) && is_blank(b)) {
        hits.add(&FROM_NAME_EXCESS_SPACE);
    }
}

fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{b}'
}

fn multiple(scan: &Scan<'_>, hits: &mut Hits) {
    let from = scan.mail.from();
    if from.len() > 1 {
        hits.weighted(&MULTIPLE_FROM, 1.0, from.iter().map(|a| a.raw.clone()).collect());
    }
}

/// A name that is an address: `"boss@example.com" <x@elsewhere.example>`.
fn display_name(scan: &Scan<'_>, hits: &mut Hits) {
    let Some(from) = scan.mail.from().first().filter(|f| scan.mime && f.name.contains('@')) else {
        return;
    };
    let shown = address::parse_list(&from.name, 1);
    let Some(shown) = shown.first().map(|a: &Address| a.domain.as_str()).filter(|d| d.contains('.')) else {
        return;
    };
    let real = domain(&from.address);
    if shown.eq_ignore_ascii_case(real) {
        return;
    }
    let named = scan.mail.recipients().unwrap_or_default().iter().map(|a| a.domain.as_str());
    let given = scan.envelope.recipients.iter().map(|r| r.domain());
    let ours = named.chain(given).any(|d| d.eq_ignore_ascii_case(shown));
    let symbol = if ours { &SPOOF_DISPLAY_NAME } else { &FROM_NEQ_DISPLAY_NAME };
    hits.weighted(symbol, 1.0, vec![real.to_owned(), shown.to_owned()]);
}

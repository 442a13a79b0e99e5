//! Message-ID: its right side should be the sender's host, and its left side nobody's address.

use crate::base::domain::registrable;
use crate::engine::{Hits, Rule, Scan, Symbol};
use crate::family::Family;
use crate::message::address::uncommented;
use crate::rules::alias::{domain, named, plain};
use crate::rules::pattern::{When, patterns, rules};

crate::symbols! {
    "Message ID" {
        MID_BARE_IP = both(2.0), "the right side of the Message-ID is an address without brackets";
        MID_RHS_NOT_FQDN = both(0.5), "the right side of the Message-ID has no dot";
        MID_MISSING_BRACKETS = both(0.5), "the Message-ID stands in no angle brackets";
        MID_RHS_IP_LITERAL = both(0.5), "the right side of the Message-ID is an address in brackets";
        MID_CONTAINS_FROM = both(1.0), "the Message-ID holds the sender's address";
        MID_RHS_MATCH_FROM = both(0.0), "the right side of the Message-ID is the sender's domain";
        MID_RHS_MATCH_FROMTLD = both(0.0), "the right side of the Message-ID is of the sender's registered domain";
        MID_CONTAINS_TO = both(1.0), "the Message-ID holds a recipient's address";
        MID_RHS_MATCH_TO = both(1.0), "the right side of the Message-ID is the recipient's domain";
    }
    "compromised_hosts" {
        MID_RHS_WWW = both(0.5), "the right side of the Message-ID begins with www.";
    }
    "mid" {
        MID_END_EQ_FROM_USER_PART = only_41(4.0), "the right side of the Message-ID is the local part of the sender's address";
    }
    "headers" {
        INVALID_MSGID = both(1.7), "the Message-ID is malformed";
        GOOGLE_FORWARDING_MID_MISSING = both(2.5), "Google added a Message-ID, because there was none";
        GOOGLE_FORWARDING_MID_BROKEN = both(1.7), "Google replaced a Message-ID, because it was broken";
        FORGED_MSGID_YAHOO = both(2.0), "a Message-ID of Yahoo, and a sender elsewhere";
    }
}

static COMPARED: &[&Symbol] = &[
    &MID_BARE_IP,
    &MID_RHS_NOT_FQDN,
    &MID_MISSING_BRACKETS,
    &MID_RHS_IP_LITERAL,
    &MID_CONTAINS_FROM,
    &MID_RHS_MATCH_FROM,
    &MID_RHS_MATCH_FROMTLD,
    &MID_CONTAINS_TO,
    &MID_RHS_MATCH_TO,
];

/// Message-ID. No settings.
pub const FAMILY: Family = Family {
    name: "message_id",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| {
        let mut all = rules(TESTS);
        all.push(Rule::check("CHECK_MID", compare).giving(COMPARED));
        all
    },
};

patterns! {
    BARE_IP = r"@\d+\.\d+\.\d+\.\d+>$";
    NO_DOT = r"@[^.]+>?$";
    BRACKETS = r"^<[^>]+>$";
    LITERAL = r"@\[\d+\.\d+\.\d+\.\d+\]";
    WWW = r"@www\.";
    SHAPE = r"^<?[^<>\\ \t\n\r\x0b\x80-\u{ff}]+@[^<>\\ \t\n\r\x0b\x80-\u{ff}]+>?\s*$";
    GOOGLE_MISSING = r"SMTPIN_ADDED_MISSING@mx\.google\.com>$";
    GOOGLE_BROKEN = r"SMTPIN_ADDED_BROKEN@mx\.google\.com>$";
    YAHOO_ID = r"(?i)@yahoo\.com\b";
}

fn compare(scan: &Scan<'_>, hits: &mut Hits) {
    let Some(header) = scan.mail.headers().first("Message-ID") else {
        return;
    };
    let id = &*uncommented(header.text());
    for (yes, symbol) in [
        (BARE_IP.is_match(id), &MID_BARE_IP),
        (NO_DOT.is_match(id), &MID_RHS_NOT_FQDN),
        (!BRACKETS.is_match(id), &MID_MISSING_BRACKETS),
        (LITERAL.is_match(id), &MID_RHS_IP_LITERAL),
    ] {
        if yes {
            hits.add(symbol);
        }
    }
    let lower = id.to_lowercase();
    let right = lower.split_once('@').map_or("", |(_, right)| right.trim_end_matches('>'));
    let lowered = |address: &str| plain(scan.compat, address).to_lowercase();
    let from = scan.mail.from().first().map(|a| lowered(&a.address)).unwrap_or_default();
    let from_domain = domain(&from);
    if !from_domain.is_empty() {
        if lower.contains(&from) {
            hits.add(&MID_CONTAINS_FROM);
        } else if !right.is_empty() && right == from_domain {
            hits.add(&MID_RHS_MATCH_FROM);
        } else if !right.is_empty() && registrable(right) == registrable(from_domain) {
            hits.add(&MID_RHS_MATCH_FROMTLD);
        }
    }
    let first = named(scan).and_then(|r| r.first().copied());
    let to = first.map(|a| lowered(&a.address)).unwrap_or_default();
    let to_domain = domain(&to);
    if !to_domain.is_empty() && to_domain != from_domain {
        if lower.contains(&to) {
            hits.add(&MID_CONTAINS_TO);
        } else if right == to_domain {
            hits.add(&MID_RHS_MATCH_TO);
        }
    }
}

/// The Message-ID has what the test looks for.
fn id(scan: &Scan<'_>, test: impl Fn(&str) -> bool) -> bool {
    let header = scan.mail.headers().first("Message-ID");
    header.is_some_and(|h| test(&uncommented(h.text())))
}

static TESTS: &[When] = &[
    (&MID_RHS_WWW, |s| id(s, |id| WWW.is_match(id))),
    (&INVALID_MSGID, |s| id(s, |id| !SHAPE.is_match(id))),
    (&GOOGLE_FORWARDING_MID_MISSING, |s| id(s, |id| GOOGLE_MISSING.is_match(id))),
    (&GOOGLE_FORWARDING_MID_BROKEN, |s| id(s, |id| GOOGLE_BROKEN.is_match(id))),
    (&MID_END_EQ_FROM_USER_PART, |s| id(s, |id| ends_as_user(s, id))),
    (&FORGED_MSGID_YAHOO, |s| id(s, |id| YAHOO_ID.is_match(id)) && !from_yahoo(s)),
];

fn from_yahoo(scan: &Scan<'_>) -> bool {
    let mut domains = scan.mail.from().iter().map(|a| domain(&a.address));
    domains.any(|d| d.eq_ignore_ascii_case("yahoo.com"))
}

fn ends_as_user(scan: &Scan<'_>, id: &str) -> bool {
    let user = scan.mail.from().first().map_or("", |a| &a.local);
    let word = !user.is_empty() && user.bytes().all(|b| b.is_ascii_lowercase());
    word && id.trim_end_matches('>').rsplit_once('@').is_some_and(|(_, right)| right == user)
}

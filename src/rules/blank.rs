//! Mail with next to nothing in it: no bytes, none of the usual headers, one short text.

use crate::engine::Scan;
use crate::family::Family;
use crate::rules::headers::UNIQUE;
use crate::rules::pattern::{When, rules};
use crate::rules::regexp::kind::Kind;

crate::symbols! {
    "blankspam" {
        MISSING_ESSENTIAL_HEADERS = only_41(7.0), "none of the usual headers is there";
        COMPLETELY_EMPTY = only_41(15.0), "the message has no bytes";
    }
    "parts" {
        SINGLE_SHORT_PART = only_41(0.0), "the message is one short text";
    }
}

/// Blank mail. No settings.
pub const FAMILY: Family = Family {
    name: "blank_mail",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| rules(TESTS),
};

/// Bytes of text, as a reader sees it, from which it is not short.
const SHORT: usize = 64;

static TESTS: &[When] = &[
    (&MISSING_ESSENTIAL_HEADERS, |s| {
        !UNIQUE.iter().any(|(name, _)| s.mail.headers().has(name))
    }),
    (&COMPLETELY_EMPTY, |s| s.mail.raw().is_empty()),
    (&SINGLE_SHORT_PART, single_short_part),
];

fn single_short_part(scan: &Scan<'_>) -> bool {
    let [only] = scan.mail.parts() else { return false };
    if let Some(page) = only.html() {
        return page.text.len() < SHORT;
    }
    let mut short = false;
    Kind::Mime.texts(scan, &mut |text| short |= text.len() < SHORT);
    short
}

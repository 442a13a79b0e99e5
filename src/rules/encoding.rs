//! How header values are encoded: without need, or not at all where it is needed.

use crate::engine::{Rule, Scan};
use crate::family::Family;
use crate::rules::pattern::{When, is_special, patterns, rules};
use regex::Regex;

crate::symbols! {
    "excessb64" {
        FROM_EXCESS_BASE64 = both(1.5), "From is base64 without need";
        TO_EXCESS_BASE64 = both(1.5), "To is base64 without need";
        CC_EXCESS_BASE64 = both(1.5), "Cc is base64 without need";
        REPLYTO_EXCESS_BASE64 = both(1.5), "Reply-To is base64 without need";
        SUBJ_EXCESS_BASE64 = both(1.5), "the Subject is base64 without need";
    }
    "excessqp" {
        FROM_EXCESS_QP = both(1.2), "From is quoted-printable without need";
        TO_EXCESS_QP = both(1.2), "To is quoted-printable without need";
        CC_EXCESS_QP = both(1.2), "Cc is quoted-printable without need";
        REPLYTO_EXCESS_QP = both(1.2), "Reply-To is quoted-printable without need";
        SUBJ_EXCESS_QP = both(1.2), "the Subject is quoted-printable without need";
    }
    "headers" {
        SUBJECT_NEEDS_ENCODING = both(1.0), "the Subject has bytes that must be encoded";
        FROM_NEEDS_ENCODING = both(1.0), "From has bytes that must be encoded";
        TO_NEEDS_ENCODING = both(1.0), "To has bytes that must be encoded";
    }
}

/// Encoding of headers. No settings.
pub const FAMILY: Family = Family {
    name: "header_encoding",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| -> Vec<Rule> { rules(TESTS) },
};

patterns! {
    BASE64 = r"(?i)=\?\S+\?B\?";
    QUOTED = r"(?i)=\?\S+\?Q\?";
}

static TESTS: &[When] = &[
    (&FROM_EXCESS_BASE64, |s| s.mime && needless(s, "From", &BASE64)),
    (&TO_EXCESS_BASE64, |s| needless(s, "To", &BASE64)),
    (&CC_EXCESS_BASE64, |s| needless(s, "Cc", &BASE64)),
    (&REPLYTO_EXCESS_BASE64, |s| needless(s, "Reply-To", &BASE64)),
    (&SUBJ_EXCESS_BASE64, |s| needless(s, "Subject", &BASE64)),
    (&FROM_EXCESS_QP, |s| s.mime && needless(s, "From", &QUOTED)),
    (&TO_EXCESS_QP, |s| needless(s, "To", &QUOTED)),
    (&CC_EXCESS_QP, |s| needless(s, "Cc", &QUOTED)),
    (&REPLYTO_EXCESS_QP, |s| needless(s, "Reply-To", &QUOTED)),
    (&SUBJ_EXCESS_QP, |s| needless(s, "Subject", &QUOTED)),
    (&SUBJECT_NEEDS_ENCODING, |s| s.mime && bare(s, "Subject")),
    (&FROM_NEEDS_ENCODING, |s| s.mime && bare(s, "From")),
    (&TO_NEEDS_ENCODING, |s| s.mime && bare(s, "To")),
];

/// An encoded word, and nothing in the decoded value that calls for it.
fn needless(scan: &Scan<'_>, name: &str, kind: &Regex) -> bool {
    let mut all = scan.mail.headers().all(name).peekable();
    let encoded = |raw: &[u8]| memchr::memmem::find(raw, b"=?").is_some() && kind.is_match(&String::from_utf8_lossy(raw));
    all.peek().is_some()
        && scan.mail.headers().all(name).any(|h| encoded(h.raw))
        && !all.any(|h| is_special(h.text().replace('\u{fffd}', "?").as_bytes()))
}

/// Bytes beyond plain text, and no encoded word.
fn bare(scan: &Scan<'_>, name: &str) -> bool {
    let all = || scan.mail.headers().all(name);
    let encoded = |raw: &str| BASE64.is_match(raw) || QUOTED.is_match(raw);
    all().any(|h| is_special(h.raw)) && !all().any(|h| encoded(&String::from_utf8_lossy(h.raw)))
}

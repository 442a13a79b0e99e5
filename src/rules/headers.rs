//! Headers that every honest mail has, once and readable: their absence, repetition and bad dates. Software that sends spam leaves them
//! out or invents them. What stands in From and To is read in `sender` and `recipients`.

use crate::engine::{Compat, Hits, Rule, Scan};
use crate::family::Family;
use crate::rules::pattern::{When, rules};
use std::time::{SystemTime, UNIX_EPOCH};

crate::symbols! {
    "headers" {
        MISSING_DATE = both(1.0), "the Date header is absent or empty";
        INVALID_DATE = both(1.5), "the Date header cannot be read as a date";
        DATE_IN_PAST = both(1.0), "the Date header lies more than a day before the scan";
        DATE_IN_FUTURE = both(4.0), "the Date header lies more than two hours after the scan";
        MISSING_FROM = both(2.0), "the From header is absent or empty";
        MISSING_MID = both(2.5), "there is no Message-ID header";
        MISSING_TO = both(2.0), "there is no To header";
        MISSING_SUBJECT = both(2.0), "there is no Subject header";
        EMPTY_SUBJECT = both(1.0), "the Subject header is empty";
        MISSING_MIME_VERSION = both(2.0), "there are MIME headers but no MIME-Version";
        MULTIPLE_UNIQUE_HEADERS = both(7.0), "a header that must be there once is repeated", shots 1;
        BROKEN_HEADERS = both(10.0), "the header block is not one: a line without a colon, no empty line behind it";
    }
}

/// Presence and shape of headers. No settings.
pub const FAMILY: Family = Family {
    name: "headers",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| {
        let mut all = rules(ABSENT);
        all.extend([
            Rule::check("EMPTY_SUBJECT", empty_subject),
            Rule::check("MISSING_MIME_VERSION", mime_version),
            Rule::check("BROKEN_HEADERS", broken),
            Rule::check("MULTIPLE_UNIQUE_HEADERS", repeated),
            Rule::check("MISSING_FROM", from),
            Rule::check("DATE_CB", date),
        ]);
        all
    },
};

fn lacks_value(scan: &Scan<'_>, name: &str) -> bool {
    scan.mail.headers().first(name).is_none_or(|h| h.value().is_empty())
}

fn from(scan: &Scan<'_>, hits: &mut Hits) {
    if lacks_value(scan, "From") {
        hits.add(&MISSING_FROM);
    }
}

static ABSENT: &[When] = &[
    (&MISSING_TO, |s| absent(s, "To")),
    (&MISSING_MID, |s| absent(s, "Message-ID")),
    (&MISSING_SUBJECT, |s| absent(s, "Subject")),
];

fn absent(scan: &Scan<'_>, name: &str) -> bool {
    scan.mime && !scan.mail.headers().has(name)
}

fn date(scan: &Scan<'_>, hits: &mut Hits) {
    if !scan.mime {
        return;
    }
    if lacks_value(scan, "Date") {
        return hits.add(&MISSING_DATE);
    }
    let Some(Ok(date)) = scan.mail.date() else {
        return hits.add(&INVALID_DATE);
    };
    let late = unix(scan.now).saturating_sub(date);
    if late > 86_400 {
        hits.with(&DATE_IN_PAST, (late / 3600).to_string());
    } else if late < -7200 {
        hits.with(&DATE_IN_FUTURE, (late.saturating_neg() / 3600).to_string());
    }
}

/// Seconds since 1970; a clock before that is taken for 1970.
fn unix(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn empty_subject(scan: &Scan<'_>, hits: &mut Hits) {
    if scan.mime && scan.mail.headers().first("Subject").is_some_and(|h| h.value().is_empty()) {
        hits.add(&EMPTY_SUBJECT);
    }
}

fn mime_version(scan: &Scan<'_>, hits: &mut Hits) {
    let headers = scan.mail.headers();
    let claims = headers.has("Content-Type") || headers.has("Content-Transfer-Encoding");
    if scan.mime && claims && !headers.has("MIME-Version") {
        hits.add(&MISSING_MIME_VERSION);
    }
}

/// Headers that may stand once, with how bad a repetition is.
pub(super) const UNIQUE: &[(&str, f64)] = &[
    ("Content-Type", 1.0),
    ("Content-Transfer-Encoding", 1.0),
    ("From", 1.0),
    ("Sender", 1.0),
    ("Reply-To", 1.0),
    ("Message-ID", 0.7),
    ("In-Reply-To", 0.7),
    ("Subject", 0.7),
    ("References", 0.3),
    ("To", 0.2),
    ("Date", 0.1),
    ("Cc", 0.1),
    ("Bcc", 0.1),
];

fn repeated(scan: &Scan<'_>, hits: &mut Hits) {
    let headers = scan.mail.headers();
    let found: Vec<_> = UNIQUE.iter().filter(|(name, _)| headers.count(name) > 1).collect();
    if !found.is_empty() {
        let weight = found.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
        let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        hits.weighted(&MULTIPLE_UNIQUE_HEADERS, weight, vec![names.join(",")]);
    }
}

fn broken(scan: &Scan<'_>, hits: &mut Hits) {
    let anomalies = scan.mail.anomalies();
    let footer = anomalies.broken_footer && scan.compat == Compat::V34;
    if anomalies.broken_headers || footer || scan.envelope.broken {
        hits.add(&BROKEN_HEADERS);
    }
}

//! The Subject: how loud it is.

use crate::engine::{Hits, Rule, Scan};
use crate::family::Family;
use crate::rules::pattern::{When, has, patterns, rules};

crate::symbols! {
    "subject" {
        SUBJ_ALL_CAPS = both(3.0), "the Subject is all in capitals";
        LONG_SUBJ = both(3.0), "the Subject is very long";
    }
    "headers" {
        SUBJECT_ENDS_EXCLAIM = both(0.0), "the Subject ends in an exclamation mark";
        SUBJECT_HAS_EXCLAIM = both(0.0), "the Subject has an exclamation mark";
        SUBJECT_ENDS_QUESTION = both(1.0), "the Subject ends in a question mark";
        SUBJECT_HAS_QUESTION = both(0.0), "the Subject has a question mark";
        SUBJECT_HAS_CURRENCY = both(1.0), "the Subject names a sum of money";
        SUBJECT_ENDS_SPACES = both(0.5), "the Subject ends in blanks";
        SUBJ_BOUNCE_WORDS = both(0.0), "the Subject is that of a delivery report";
    }
}

/// The Subject. No settings.
pub const FAMILY: Family = Family {
    name: "subject",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| {
        let mut all = rules(TESTS);
        all.push(Rule::check("SUBJ_ALL_CAPS", capitals).giving(&[&SUBJ_ALL_CAPS]));
        all.push(Rule::check("LONG_SUBJ", long).giving(&[&LONG_SUBJ]));
        all
    },
};

patterns! {
    ENDS_EXCLAIM = r"!\s*$";
    ENDS_QUESTION = r"\?\s*$";
    EXCLAIM = "!";
    QUESTION = r"\?";
    // The peer does not know the two youngest signs.
    CURRENCY = r"[\p{Sc}--[\u{20be}\u{20bf}]]";
    BLANKS = r"\s+$";
    /// Words of delivery reports.
    pub BOUNCE_WORDS = concat!(
        r"(?i)\b(?:could not send message|couldn't be delivered|delivery failed|delivery failure|delivery report|delivery status",
        r"|delivery warning|failure delivery|failure notice|hasn't been delivered|mail failure|returned mail|undeliverable|undelivered)\b"
    );
    MARKS = r"(?i)^(?:\s*(?:re|fwd|fw|aw|antwort|sv):\s+)+";
}

static TESTS: &[When] = &[
    (&SUBJECT_ENDS_EXCLAIM, |s| has(s, "Subject", &ENDS_EXCLAIM)),
    (&SUBJECT_HAS_EXCLAIM, |s| {
        has(s, "Subject", &EXCLAIM) && !has(s, "Subject", &ENDS_EXCLAIM)
    }),
    (&SUBJECT_ENDS_QUESTION, |s| has(s, "Subject", &ENDS_QUESTION)),
    (&SUBJECT_HAS_QUESTION, |s| {
        has(s, "Subject", &QUESTION) && !has(s, "Subject", &ENDS_QUESTION)
    }),
    (&SUBJECT_HAS_CURRENCY, |s| has(s, "Subject", &CURRENCY)),
    (&SUBJECT_ENDS_SPACES, |s| has(s, "Subject", &BLANKS)),
    (&SUBJ_BOUNCE_WORDS, |s| has(s, "Subject", &BOUNCE_WORDS)),
];

/// The Subject without the marks of answers and forwarding, and its length in characters.
fn bare<'s>(scan: &'s Scan<'_>) -> Option<(&'s str, u32)> {
    let subject = scan.mail.subject().filter(|_| scan.mime)?;
    let subject = MARKS.find(subject).and_then(|m| subject.get(m.end()..)).unwrap_or(subject);
    Some((subject, u32::try_from(subject.chars().count()).unwrap_or(u32::MAX)))
}

fn capitals(scan: &Scan<'_>, hits: &mut Hits) {
    let Some((subject, length)) = bare(scan) else { return };
    let upper = subject.chars().any(char::is_uppercase);
    let lower = subject.chars().any(char::is_lowercase);
    if upper && !lower {
        hits.weighted(&SUBJ_ALL_CAPS, (f64::from(length) / 40.0).min(1.0), vec![length.to_string()]);
    }
}

fn long(scan: &Scan<'_>, hits: &mut Hits) {
    let Some((_, length)) = bare(scan) else { return };
    if length > 200 {
        hits.weighted(&LONG_SUBJ, (f64::from(length) / 400.0).min(1.0), vec![length.to_string()]);
    }
}

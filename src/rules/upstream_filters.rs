//! What filters on the way here said of the message.

use crate::family::Family;
use crate::rules::pattern::{When, has, patterns, rules};

crate::symbols! {
    "upstream_spam_filters" {
        MICROSOFT_SPAM = both(4.0), "Microsoft's filter called it spam";
        KLMS_SPAM = both(5.0), "Kaspersky's filter called it spam";
        SPAM_FLAG = both(5.0), "another filter called it spam";
        UNITEDINTERNET_SPAM = both(5.0), "United Internet's filter called it junk";
    }
}

/// Filters upstream. No settings.
pub const FAMILY: Family = Family {
    name: "upstream_spam_filters",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| rules(TESTS),
};

patterns! {
    SFV = "SFV:SPM";
    KLMS = "(?i)^spam";
    YES = "(?i)^(?:yes|true)";
    JUNK = "(?i)^junk:";
}

static TESTS: &[When] = &[
    (&MICROSOFT_SPAM, |s| has(s, "X-Forefront-Antispam-Report", &SFV)),
    (&KLMS_SPAM, |s| has(s, "X-KLMS-AntiSpam-Status", &KLMS)),
    (&SPAM_FLAG, |s| {
        ["X-Spam-Flag", "X-Spam", "X-Spam-Status"].iter().any(|n| has(s, n, &YES))
    }),
    (&UNITEDINTERNET_SPAM, |s| {
        ["X-UI-Filterresults", "X-UI-Out-Filterresults"].iter().any(|n| has(s, n, &JUNK))
    }),
];

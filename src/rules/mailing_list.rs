//! Mail of mailing lists, known by the headers that list software writes. Others excuse what lists do to senders and recipients.

use crate::engine::{Hits, Rule, Scan};
use crate::family::Family;
use crate::rules::pattern::{has, patterns};

crate::symbols! {
    "headers" {
        MAILLIST = both(-0.2), "the message came over a mailing list";
    }
    "upstream_spam_filters" {
        PRECEDENCE_BULK = both(0.0), "Precedence says bulk";
    }
}

/// Mailing lists. No settings.
pub const FAMILY: Family = Family {
    name: "maillist",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| {
        vec![
            Rule::check("MAILLIST", list).giving(&[&MAILLIST]),
            Rule::check("PRECEDENCE_BULK", bulk).giving(&[&PRECEDENCE_BULK]),
        ]
    },
};

patterns! {
    BULK = r"(?i)bulk";
    MAILTO = r"(?i)mailto:";
    EZMLM = r"ezmlm$";
    SUBSCRIBE = r"(?i)^<mailto:[a-zA-Z.\-]+-subscribe@";
    UNSUBSCRIBE = r"(?i)^<mailto:[a-zA-Z.\-]+-unsubscribe@";
    GATE = r"^CommuniGate Pro LIST";
}

fn bulk(scan: &Scan<'_>, hits: &mut Hits) {
    if has(scan, "Precedence", &BULK) {
        hits.add(&PRECEDENCE_BULK);
    }
}

fn list(scan: &Scan<'_>, hits: &mut Hits) {
    let score = score(scan);
    if score < 1.0 {
        return;
    }
    let (kind, weight) = match () {
        () if is_ezmlm(scan) => ("ezmlm", 1.0),
        () if is_mailman(scan) => ("mailman", 1.0),
        () if is_google(scan) => ("googlegroups", 1.0),
        () if has(scan, "X-Listserver", &GATE) => ("cgp", 1.0),
        () => ("generic", score.min(2.0) * 0.5),
    };
    hits.weighted(&MAILLIST, weight, vec![kind.to_owned()]);
}

/// How much the headers look like those of a list, 1 and more: enough.
fn score(scan: &Scan<'_>) -> f64 {
    let headers = scan.mail.headers();
    let has = |name: &str| if headers.has(name) { 1.0 } else { 0.0 };
    let small = [
        "List-Archive",
        "List-Owner",
        "List-Help",
        "List-Post",
        "X-Loop",
        "List-Subscribe",
        "List-Unsubscribe",
    ];
    let small: f64 = small.iter().map(|name| has(name) * 0.125).sum();
    let precedence = matches!(precedence(scan).as_str(), "list" | "bulk");
    let both = has("List-Subscribe") * has("List-Unsubscribe") * 0.25;
    has("List-Id") * 0.75 + small + if precedence { 0.25 } else { 0.0 } + both
}

fn precedence(scan: &Scan<'_>) -> String {
    let header = scan.mail.headers().first("Precedence");
    header.map(|h| h.text().to_ascii_lowercase()).unwrap_or_default()
}

fn is_ezmlm(scan: &Scan<'_>) -> bool {
    has(scan, "Mailing-List", &EZMLM)
        && precedence(scan) == "bulk"
        && has(scan, "List-Post", &MAILTO)
        && has(scan, "List-Help", &MAILTO)
        && has(scan, "List-Subscribe", &SUBSCRIBE)
        && has(scan, "List-Unsubscribe", &UNSUBSCRIBE)
}

fn is_mailman(scan: &Scan<'_>) -> bool {
    let headers = scan.mail.headers();
    let version = headers.first("X-Mailman-Version").map(|h| h.text());
    let by_mail = || {
        ["List-Help", "List-Subscribe", "List-Unsubscribe"]
            .iter()
            .all(|name| has(scan, name, &MAILTO))
    };
    let lists = matches!(precedence(scan).as_str(), "bulk" | "list") && headers.has("List-Id");
    let yes = |name: &str| headers.first(name).is_some_and(|h| h.text().eq_ignore_ascii_case("yes"));
    match version.and_then(|v| v.bytes().next()) {
        Some(b'2') => lists && headers.has("X-BeenThere") && (yes("X-List-Administrivia") || by_mail()),
        Some(b'3') => lists && (headers.has("List-Administrivia") || by_mail()),
        _ => false,
    }
}

fn is_google(scan: &Scan<'_>) -> bool {
    let headers = scan.mail.headers();
    headers.has("X-Google-Loop") || headers.has("X-Google-Group-Id")
}

//! Reports of mail servers about mail that could not be delivered.

use crate::engine::{Hits, Rule, Scan};
use crate::family::Family;
use crate::message::Part;
use crate::rules::alias::sender;
use crate::rules::pattern::has;
use crate::rules::subject::BOUNCE_WORDS;

crate::symbols! {
    "headers" {
        BOUNCE = both(-0.1), "a report about undelivered mail";
    }
}

/// Bounces. No settings.
pub const FAMILY: Family = Family {
    name: "bounce",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("BOUNCE", bounce)],
};

/// Parts that are looked at for the returned message.
const LOOKED_AT: usize = 9;

fn bounce(scan: &Scan<'_>, hits: &mut Hits) {
    let null = sender(scan).is_some_and(|s| s.address.is_empty());
    if !null {
        return;
    }
    let mut told = |weight: f64, how: String| hits.weighted(&BOUNCE, weight, vec![how]);
    let user = scan.mail.from().first().map(|a| a.local.to_ascii_lowercase()).unwrap_or_default();
    if scan.mail.parts().first().is_some_and(is_report) {
        return told(1.0, "DSN".into());
    }
    if user == "mdaemon" && scan.mail.headers().has("X-MDDSN-Message") {
        return told(1.0, "MDaemon".into());
    }
    let known = matches!(user.as_str(), "postmaster" | "mailer-daemon");
    let words = has(scan, "Subject", &BOUNCE_WORDS);
    if known && words {
        return told(0.5, format!("{user}+subj"));
    }
    let inner = scan.mail.parts().iter().take(LOOKED_AT).map(Part::mime_type);
    let returned = inner.into_iter().find(|t| matches!(*t, "message/rfc822" | "text/rfc822-headers"));
    match returned {
        Some(kind) if known => told(0.5, format!("{user}+{kind}")),
        Some(kind) if words => told(0.2, format!("{kind}+subj")),
        _ => {}
    }
}

fn is_report(part: &Part<'_>) -> bool {
    let kind = part.content_type.as_ref().and_then(|t| t.params.get("report-type"));
    let reports = ["delivery-status", "disposition-notification"];
    part.mime_type() == "multipart/report" && kind.is_some_and(|k| reports.iter().any(|r| k.eq_ignore_ascii_case(r)))
}

//! Mail that somebody forwarded here: its envelope names others than its header, and for a good reason.

use crate::engine::{Hits, Rule, Scan};
use crate::family::Family;
use crate::rules::alias::{named, sender, written};

crate::symbols! {
    "forwarding" {
        FWD_GOOGLE = both(0.0), "forwarded by Google";
        FWD_YANDEX = both(0.0), "forwarded by Yandex";
        FWD_MAILRU = both(0.0), "forwarded by Mail.ru";
        FWD_SRS = both(0.0), "forwarded with a rewritten sender (SRS)";
        FWD_SIEVE = only_41(0.0), "forwarded by a Sieve script";
        FWD_CPANEL = only_41(0.0), "forwarded by cPanel";
        FORWARDED = both(0.0), "an earlier hop took it for another recipient";
    }
}

/// Forwarding. No settings.
pub const FAMILY: Family = Family {
    name: "forwarding",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("FORWARDING", forwarding)],
};

/// 4.1 stops at the first that fits, 3.4 asks each for itself.
fn forwarding(scan: &Scan<'_>, hits: &mut Hits) {
    let first_only = scan.compat == crate::engine::Compat::V41;
    for ask in [google, yandex, mail_ru, srs, sieve, cpanel, generic] {
        if ask(scan, hits) && first_only {
            return;
        }
    }
}

/// The only recipient of the envelope, lower case, as it came.
fn only_recipient(scan: &Scan<'_>) -> Option<String> {
    match scan.envelope.recipients.as_slice() {
        [only] => Some(only.address.to_ascii_lowercase()),
        _ => None,
    }
}

fn sender_user(scan: &Scan<'_>) -> Option<String> {
    sender(scan).map(|s| s.local().to_ascii_lowercase())
}

fn google(scan: &Scan<'_>, hits: &mut Hits) -> bool {
    let (Some(rcpt), Some(user)) = (only_recipient(scan), sender_user(scan)) else {
        return false;
    };
    let mark = format!("+caf_={}", rcpt.replace('@', "="));
    let Some((original, _)) = user.split_once(&mark).filter(|(original, _)| !original.is_empty()) else {
        return false;
    };
    let domain = sender(scan).map(|s| s.domain()).unwrap_or_default();
    hits.with(&FWD_GOOGLE, format!("{original}@{domain}"));
    true
}

fn host_has(scan: &Scan<'_>, fits: impl Fn(&str) -> bool) -> bool {
    scan.envelope.hostname.as_deref().is_some_and(|h| fits(&h.to_ascii_lowercase()))
}

fn yandex(scan: &Scan<'_>, hits: &mut Hits) -> bool {
    let theirs = |host: &str| {
        host.rsplit_once("yandex.")
            .is_some_and(|(_, tld)| !tld.is_empty() && tld.bytes().all(|b| b.is_ascii_lowercase()))
    };
    told(
        scan.mail.headers().has("X-Yandex-Forward") && host_has(scan, theirs),
        &FWD_YANDEX,
        hits,
    )
}

fn mail_ru(scan: &Scan<'_>, hits: &mut Hits) -> bool {
    let theirs = |host: &str| host.ends_with(".mail.ru");
    told(
        scan.mail.headers().has("X-MailRu-Forward") && host_has(scan, theirs),
        &FWD_MAILRU,
        hits,
    )
}

fn told(yes: bool, symbol: &'static crate::engine::Symbol, hits: &mut Hits) -> bool {
    if yes {
        hits.add(symbol);
    }
    yes
}

fn is_srs(user: &str) -> bool {
    user.starts_with("srs0=") || user.starts_with("srs1=")
}

fn srs(scan: &Scan<'_>, hits: &mut Hits) -> bool {
    let (Some(rcpt), Some(user)) = (only_recipient(scan), sender_user(scan)) else {
        return false;
    };
    let Some((local, domain)) = rcpt.rsplit_once('@') else {
        return false;
    };
    told(is_srs(&user) && user.contains(&format!("={domain}={local}")), &FWD_SRS, hits)
}

fn sieve(scan: &Scan<'_>, hits: &mut Hits) -> bool {
    let srs = sender_user(scan).is_some_and(|u| is_srs(&u));
    told(srs && scan.mail.headers().has("X-Sieve-Redirected-From"), &FWD_SIEVE, hits)
}

fn cpanel(scan: &Scan<'_>, hits: &mut Hits) -> bool {
    let srs = sender_user(scan).is_some_and(|u| is_srs(&u));
    let says = |h: &crate::message::Header<'_>| h.text().contains("forwarded message");
    told(srs && scan.mail.headers().all("From-Rewrite").any(says), &FWD_CPANEL, hits)
}

/// The newest hop that says for whom it took the message names another recipient.
fn generic(scan: &Scan<'_>, hits: &mut Hits) -> bool {
    let [only] = scan.envelope.recipients.as_slice() else {
        return false;
    };
    let Some(first) = named(scan).and_then(|r| r.first().copied()) else {
        return false;
    };
    let Some(taken_for) = scan.mail.received().iter().find_map(|r| r.for_addr.as_deref()) else {
        return false;
    };
    let taken_for = untagged(taken_for);
    let rcpt = written(scan.compat, &only.address);
    if rcpt.eq_ignore_ascii_case(&taken_for) {
        return false;
    }
    let first = written(scan.compat, &first.address);
    if scan.mail.headers().has("List-Unsubscribe") && first.eq_ignore_ascii_case(&taken_for) {
        return false;
    }
    hits.with(&FORWARDED, taken_for);
    true
}

fn untagged(address: &str) -> String {
    let lower = address.to_ascii_lowercase();
    let tagged = lower
        .rsplit_once('@')
        .and_then(|(local, domain)| Some((local.split_once('+')?.0, domain)));
    tagged
        .filter(|(user, _)| !user.is_empty())
        .map_or(lower.clone(), |(user, domain)| format!("{user}@{domain}"))
}

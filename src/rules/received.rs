//! The chain of Received headers: how long it is, where it was encrypted, and marks of software that writes it badly.
//! What a short chain means together with the client's name is `once_received`'s business.

use crate::engine::{Compat, Hits, Rule, Scan, Symbol};
use crate::family::Family;
use crate::message::Header;
use crate::message::received::{Chain, Hop, chain};
use crate::rules::alias;
use regex::Regex;
use std::sync::LazyLock;

crate::symbols! {
    "headers" {
        RCVD_COUNT_ZERO = both(0.0), "there is no Received header";
        RCVD_COUNT_ONE = both(0.0), "there is one Received header";
        RCVD_COUNT_TWO = both(0.0), "there are two Received headers";
        RCVD_COUNT_THREE = both(0.0), "there are three or four Received headers";
        RCVD_COUNT_FIVE = both(0.0), "there are five or six Received headers";
        RCVD_COUNT_SEVEN = both(0.0), "there are seven to eleven Received headers";
        RCVD_COUNT_TWELVE = both(0.0), "there are twelve Received headers or more";
        RCVD_TLS_ALL = both(0.0), "every hop was encrypted";
        RCVD_TLS_LAST = both(0.0), "the last hop was encrypted, others were not";
        RCVD_NO_TLS_LAST = both(0.1), "the last hop was not encrypted";
        RCVD_VIA_SMTP_AUTH = both(0.0), "some hop took the message from an authenticated user";
        RCVD_HELO_USER = both(3.0), "a client called itself `user`";
        PREVIOUSLY_DELIVERED = both(0.0), "the message was delivered before to an address of its own To or Cc";
    }
}

static COUNTS: &[&Symbol] = &[
    &RCVD_COUNT_ZERO,
    &RCVD_COUNT_ONE,
    &RCVD_COUNT_TWO,
    &RCVD_COUNT_THREE,
    &RCVD_COUNT_FIVE,
    &RCVD_COUNT_SEVEN,
    &RCVD_COUNT_TWELVE,
];

static ENCRYPTION: &[&Symbol] = &[&RCVD_TLS_ALL, &RCVD_TLS_LAST, &RCVD_NO_TLS_LAST, &RCVD_VIA_SMTP_AUTH];

/// The chain of Received headers. No settings.
pub const FAMILY: Family = Family {
    name: "received",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| {
        vec![
            Rule::check("CHECK_RECEIVED", count).giving(COUNTS),
            Rule::check("CHECK_RCVD", encryption).giving(ENCRYPTION),
            Rule::check("RCVD_HELO_USER", helo_user),
            Rule::check("PREVIOUSLY_DELIVERED", previously_delivered),
        ]
    },
};

/// How many hops count: 3.4 counts the one without a header, too.
pub(super) fn length(chain: Chain<'_>, compat: Compat) -> usize {
    chain.headers.len() + usize::from(chain.top.is_some() && compat == Compat::V34)
}

fn count(scan: &Scan<'_>, hits: &mut Hits) {
    let count = length(chain(scan.mail, scan.envelope), scan.compat);
    let symbol = match count {
        0 => &RCVD_COUNT_ZERO,
        1 => &RCVD_COUNT_ONE,
        2 => &RCVD_COUNT_TWO,
        3..=4 => &RCVD_COUNT_THREE,
        5..=6 => &RCVD_COUNT_FIVE,
        7..=11 => &RCVD_COUNT_SEVEN,
        _ => &RCVD_COUNT_TWELVE,
    };
    hits.with(symbol, count.to_string());
}

fn encryption(scan: &Scan<'_>, hits: &mut Hits) {
    let chain = chain(scan.mail, scan.envelope);
    if chain.headers.is_empty() || !scan.mime {
        return;
    }
    // A hop by localhost is a filter on the way, not a transport.
    let is_local = |hop: &Hop<'_>| hop.by_host == Some("localhost");
    let last = chain.hops().nth(usize::from(chain.hops().next().is_some_and(|h| is_local(&h))));
    if chain.hops().filter(|h| h.by_host.is_some() && !is_local(h)).all(|h| h.tls) {
        hits.add(&RCVD_TLS_ALL);
    } else if last.is_some_and(|h| h.tls) {
        hits.add(&RCVD_TLS_LAST);
    } else {
        hits.add(&RCVD_NO_TLS_LAST);
    }
    if chain.hops().any(|h| h.authenticated) {
        hits.add(&RCVD_VIA_SMTP_AUTH);
    }
}

fn helo_user(scan: &Scan<'_>, hits: &mut Hits) {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)^\s*from\suser\s|helo[\s=]user[\s)]").expect("the pattern is fixed"));
    let said = scan.envelope.helo.as_deref().is_some_and(|h| h.eq_ignore_ascii_case("user"));
    let written = || scan.mail.headers().all("Received").any(|h| PATTERN.is_match(&h.value()));
    if scan.mime && (said || written()) {
        hits.add(&RCVD_HELO_USER);
    }
}

/// Only the newest hop that names a recipient in brackets counts: later deliveries of a list name the subscriber.
fn previously_delivered(scan: &Scan<'_>, hits: &mut Hits) {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)\sfor\s+<([^>\s]+)>").expect("the pattern is fixed"));
    let written = |h: &Header<'_>| Some(PATTERN.captures(h.text())?.get(1)?.as_str().to_ascii_lowercase());
    let Some(delivered) = scan.mail.headers().all("Received").find_map(written) else {
        return;
    };
    let named = scan.mail.recipients().unwrap_or_default();
    let same = |address: &str| alias::plain(scan.compat, address).to_lowercase() == delivered;
    if named.iter().any(|a| same(&a.address)) {
        hits.with(&PREVIOUSLY_DELIVERED, delivered);
    }
}

//! The chain of Received headers: how long it is, where it was encrypted, and marks of software that writes it badly.
//! What a short chain means together with the client's name is `once_received`'s business.

use crate::engine::{Compat, Hits, Rule, Scan, Symbol};
use crate::family::Family;
use crate::message::Received;
use crate::rules::alias;
use regex::Regex;
use std::net::IpAddr;
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

/// The chain as rules see it: the headers, and on top the hop that the MTA knows of where no header tells of it.
pub(super) struct Chain<'s> {
    headers: Vec<&'s Received>,
    /// The newest header is of another client than the one that is connected.
    pub(super) topped: bool,
}

impl<'s> Chain<'s> {
    pub(super) fn of(scan: &'s Scan<'_>) -> Chain<'s> {
        let headers: Vec<&Received> = scan.mail.received().iter().filter(|r| !r.artificial).collect();
        let client = scan.envelope.ip.map(|ip| ip.to_canonical());
        let newest = headers.first().and_then(|r| r.real_ip).map(|ip| ip.to_canonical());
        Chain {
            topped: !headers.is_empty() && client.is_some() && client != newest,
            headers,
        }
    }

    pub(super) fn newest(&self) -> Option<&'s Received> {
        self.headers.first().copied()
    }

    /// How many hops count: 3.4 counts the one without a header, too.
    pub(super) fn count(&self, compat: Compat) -> usize {
        self.headers.len() + usize::from(self.topped && compat == Compat::V34)
    }

    /// Address of the client: as the MTA gave it, else of the newest header.
    pub(super) fn client(&self, scan: &Scan<'_>) -> Option<IpAddr> {
        scan.envelope.ip.or_else(|| self.newest().and_then(|r| r.real_ip))
    }
}

fn count(scan: &Scan<'_>, hits: &mut Hits) {
    let count = Chain::of(scan).count(scan.compat);
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

/// One hop as far as encryption goes.
struct Hop<'h> {
    by: Option<&'h str>,
    tls: bool,
    authenticated: bool,
}

impl Hop<'_> {
    fn is_local(&self) -> bool {
        self.by == Some("localhost")
    }
}

fn encryption(scan: &Scan<'_>, hits: &mut Hits) {
    let chain = Chain::of(scan);
    if chain.headers.is_empty() || !scan.mime {
        return;
    }
    let envelope = scan.envelope;
    let top = chain.topped.then(|| Hop {
        by: envelope.mta_name.as_deref(),
        tls: envelope.tls_cipher.is_some() || envelope.tls_version.is_some(),
        authenticated: envelope.user.is_some(),
    });
    let written = chain.headers.iter().map(|r| Hop {
        by: Some(r.by_host.as_str()).filter(|h| !h.is_empty()),
        tls: r.tls,
        authenticated: r.authenticated,
    });
    let hops: Vec<Hop<'_>> = top.into_iter().chain(written).collect();
    // A hop by localhost is a filter on the way, not a transport.
    let last = hops.get(usize::from(hops.first().is_some_and(Hop::is_local)));
    if hops.iter().filter(|h| h.by.is_some() && !h.is_local()).all(|h| h.tls) {
        hits.add(&RCVD_TLS_ALL);
    } else if last.is_some_and(|h| h.tls) {
        hits.add(&RCVD_TLS_LAST);
    } else {
        hits.add(&RCVD_NO_TLS_LAST);
    }
    if hops.iter().any(|h| h.authenticated) {
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

/// Only the newest hop that names a recipient counts: later deliveries of a list name the subscriber.
fn previously_delivered(scan: &Scan<'_>, hits: &mut Hits) {
    let chain = Chain::of(scan);
    let Some(delivered) = chain.headers.iter().find_map(|r| r.for_addr.as_deref()) else {
        return;
    };
    let named = scan.mail.recipients().unwrap_or_default();
    let delivered = delivered.to_lowercase();
    if named
        .iter()
        .any(|a| alias::plain(scan.compat, &a.address).to_lowercase() == delivered)
    {
        hits.with(&PREVIOUSLY_DELIVERED, delivered);
    }
}

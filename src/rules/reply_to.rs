//! Where the answer shall go: Reply-To against From and the recipients.

use crate::engine::{Compat, Hits, Rule, Scan, Symbol};
use crate::family::Family;
use crate::message::Address;
use crate::rules::alias::{domain, named, plain};

crate::symbols! {
    "headers" {
        HAS_REPLYTO = both(0.0), "there is a Reply-To";
        REPLYTO_UNPARSEABLE = both(1.0), "Reply-To holds no address";
        REPLYTO_EQ_FROM = both(0.0), "Reply-To is the same text as From";
        REPLYTO_ADDR_EQ_FROM = both(0.0), "Reply-To has the address of From";
        REPLYTO_DOM_EQ_FROM_DOM = both(0.0), "Reply-To is in the domain of From";
        REPLYTO_DOM_NEQ_FROM_DOM = both(0.0), "Reply-To is in another domain than From";
        REPLYTO_DN_EQ_FROM_DN = both(0.0), "Reply-To and From have the same name";
        REPLYTO_EMAIL_HAS_TITLE = both(2.0), "the address in Reply-To begins with the title in the name of From";
        REPLYTO_EQ_TO_ADDR = both(5.0), "Reply-To is the recipient, and this is no list";
        REPLYTO_DOM_EQ_TO_DOM = only_41(0.0), "Reply-To is in the recipient's domain";
        REPLYTO_DOM_NEQ_TO_DOM = only_41(0.0), "Reply-To is in another domain than the recipient";
        REPLYTO_INVALID = only_41(1.0), "Reply-To is not a valid address";
        REPLYTO_LOCALPART_LONG = only_41(2.0), "the local part in Reply-To is longer than 64";
        REPLYTO_DOMAIN_LONG = only_41(2.0), "the domain in Reply-To is longer than 255";
        SPOOF_REPLYTO = both(6.0), "From is in a recipient's domain, Reply-To is not";
    }
}

/// Reply-To. No settings.
pub const FAMILY: Family = Family {
    name: "reply_to",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| {
        let compared: Vec<&'static Symbol> = SYMBOLS.iter().copied().filter(|s| s.name != SPOOF_REPLYTO.name).collect();
        vec![
            Rule::check("CHECK_REPLYTO", compare).giving(&compared),
            Rule::check("SPOOF_REPLYTO", spoof).giving(&[&SPOOF_REPLYTO]),
        ]
    },
};

fn compare(scan: &Scan<'_>, hits: &mut Hits) {
    let headers = scan.mail.headers();
    let Some(header) = headers.first("Reply-To") else { return };
    let Some(reply) = scan.mail.reply_to().first().filter(|a| !a.address.is_empty()) else {
        return hits.add(&REPLYTO_UNPARSEABLE);
    };
    hits.with(&HAS_REPLYTO, reply.address.clone());
    if scan.compat == Compat::V41 {
        lengths(reply, hits);
    }
    let Some(from) = scan.mail.from().first() else { return };
    title(reply, from, hits);
    if headers.first("From").is_some_and(|f| f.unfolded() == header.unfolded()) {
        return hits.add(&REPLYTO_EQ_FROM);
    }
    addresses(scan, reply, from, hits);
    if reply.name.eq_ignore_ascii_case(&from.name) {
        hits.add(&REPLYTO_DN_EQ_FROM_DN);
    }
}

fn lengths(reply: &Address, hits: &mut Hits) {
    if !reply.valid {
        hits.add(&REPLYTO_INVALID);
    }
    for (length, most, symbol) in [
        (reply.local.len(), 64, &REPLYTO_LOCALPART_LONG),
        (reply.domain.len(), 255, &REPLYTO_DOMAIN_LONG),
    ] {
        if length > most {
            hits.with(symbol, length.to_string());
        }
    }
}

fn title(reply: &Address, from: &Address, hits: &mut Hits) {
    let name = from.name.to_ascii_lowercase();
    let titled = |title: &str| name.strip_prefix(title).is_some_and(|r| r.starts_with(['.', ' ', '\t']));
    let found = ["mrs", "mr", "dr"].into_iter().find(|title| titled(title));
    if found.is_some_and(|title| reply.address.to_ascii_lowercase().starts_with(title)) {
        hits.add(&REPLYTO_EMAIL_HAS_TITLE);
    }
}

fn addresses(scan: &Scan<'_>, reply: &Address, from: &Address, hits: &mut Hits) {
    let first = named(scan).and_then(|r| r.first().copied());
    let first = first.map(|a| plain(scan.compat, &a.address).into_owned());
    let is_first = first.as_deref().is_some_and(|f| f.eq_ignore_ascii_case(&reply.address));
    let headers = scan.mail.headers();
    let listed = || {
        ["List-Unsubscribe", "X-To-Get-Off-This-List", "X-List", "Auto-Submitted"]
            .iter()
            .any(|n| headers.has(n))
    };
    let same_domain = reply.domain.eq_ignore_ascii_case(&from.domain);
    if reply.address.eq_ignore_ascii_case(&from.address) {
        hits.add(&REPLYTO_ADDR_EQ_FROM);
    } else if same_domain {
        hits.add(&REPLYTO_DOM_EQ_FROM_DOM);
    } else if scan.compat == Compat::V41 || !is_first {
        hits.add(&REPLYTO_DOM_NEQ_FROM_DOM);
    } else if !listed() {
        hits.add(&REPLYTO_EQ_TO_ADDR);
    }
    let (Compat::V41, Some(first)) = (scan.compat, first) else { return };
    if is_first {
        if !listed() {
            hits.add(&REPLYTO_EQ_TO_ADDR);
        }
    } else if domain(&first).eq_ignore_ascii_case(&reply.domain) {
        hits.add(&REPLYTO_DOM_EQ_TO_DOM);
    } else {
        hits.add(&REPLYTO_DOM_NEQ_TO_DOM);
    }
}

fn spoof(scan: &Scan<'_>, hits: &mut Hits) {
    let (Some(reply), Some(from)) = (scan.mail.reply_to().first(), scan.mail.from().first()) else {
        return;
    };
    let given = &scan.envelope.recipients;
    let plain = |address: &str| plain(scan.compat, address).to_ascii_lowercase();
    let sender = plain(&from.address);
    let own = domain(&sender);
    let to_self = |address: &str| plain(address) == sender;
    let first = named(scan).and_then(|r| r.first().copied());
    if !scan.mime || given.is_empty() || first.is_some_and(|a| to_self(&a.address)) {
        return;
    }
    if matches!(given.as_slice(), [only] if to_self(&only.address)) {
        return;
    }
    let ours = given.iter().any(|r| r.domain().eq_ignore_ascii_case(own));
    if ours && !own.is_empty() && !reply.domain.eq_ignore_ascii_case(own) {
        hits.weighted(&SPOOF_REPLYTO, 1.0, vec![own.to_owned(), reply.domain.to_ascii_lowercase()]);
    }
}

//! Header and envelope name different people: nobody is on both lists, or the sender is another one. Lists and forwarders do that, too,
//! and composites excuse them.

use crate::engine::{Compat, Hits, Rule, Scan};
use crate::family::Family;
use crate::rules::alias::{domain, plain, sender, stored};
use std::collections::HashSet;

crate::symbols! {
    "headers" {
        FORGED_RECIPIENTS = both(2.0), "the header names recipients that the envelope does not know, and the other way round";
        FORGED_SENDER = both(0.3), "From is not the envelope sender";
    }
}

/// Forged recipients and senders. No settings.
pub const FAMILY: Family = Family {
    name: "forged_recipients",
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("FORGED_CALLBACK", forged)],
};

/// The peer drops what stands at this place of either list, and with it the rest.
const MOST: usize = 99;

fn forged(scan: &Scan<'_>, hits: &mut Hits) {
    recipients(scan, hits);
    let Some(sender) = sender(scan) else { return };
    let envelope = plain(scan.compat, &sender.address);
    let from = scan.mail.from().first().map(|a| plain(scan.compat, &a.address)).unwrap_or_default();
    if !envelope.is_empty() && !envelope.eq_ignore_ascii_case(&from) {
        hits.weighted(&FORGED_SENDER, 1.0, vec![from.into_owned(), envelope.into_owned()]);
    }
}

fn recipients(scan: &Scan<'_>, hits: &mut Hits) {
    let lower = |text: &str| text.to_ascii_lowercase();
    let named: Vec<String> = match scan.compat {
        Compat::V34 => stored(scan).iter().map(|a| lower(a)).collect(),
        Compat::V41 => scan
            .mail
            .recipients()
            .unwrap_or_default()
            .iter()
            .map(|a| lower(&a.address))
            .collect(),
    };
    let given: Vec<String> = scan
        .envelope
        .recipients
        .iter()
        .map(|r| lower(&plain(scan.compat, &r.address)))
        .collect();
    if named.is_empty() || given.is_empty() {
        return;
    }
    let (named, given) = (cut(&named), cut(&given));
    let user = scan.envelope.user.as_deref().map(lower);
    let sender = sender(scan).map(|s| lower(&plain(scan.compat, &s.address)));
    let delivered: Vec<String> = scan
        .mail
        .headers()
        .first("Delivered-To")
        .map(|h| lower(h.text().trim()))
        .into_iter()
        .collect();
    let all_named: HashSet<&str> = named.iter().map(String::as_str).collect();
    let all_given: HashSet<&str> = given.iter().map(String::as_str).collect();
    let is = |who: &Option<String>, address: &str| who.as_deref() == Some(address);

    let strange_given = given
        .iter()
        .filter(|a| !all_named.contains(a.as_str()) && !is(&user, a) && !is(&sender, a));
    let mut strange_given: Vec<&String> = strange_given.collect();
    let domains: HashSet<&str> = given.iter().map(|a| domain(a)).collect();
    let mut marked = HashSet::new();
    let mut strange_named = Vec::new();
    for address in named {
        if all_given.contains(address.as_str()) || delivered.contains(address) || is(&user, address) {
            continue;
        }
        match domain(address) {
            shared if domains.contains(shared) => drop(marked.insert(shared)),
            _ => strange_named.push(address),
        }
    }
    strange_given.retain(|a| !marked.contains(domain(a)));
    if !strange_given.is_empty() && !strange_named.is_empty() {
        let named = strange_named.iter().map(|a| format!("m:{a}"));
        let options = named.chain(strange_given.iter().map(|a| format!("s:{a}"))).collect();
        hits.weighted(&FORGED_RECIPIENTS, 1.0, options);
    }
}

fn cut(list: &[String]) -> &[String] {
    if list.len() > MOST + 1 {
        list.get(..MOST).unwrap_or(list)
    } else {
        list
    }
}

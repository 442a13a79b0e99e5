//! Header and envelope name different people: nobody is on both lists, or the sender is another one. Lists and forwarders do that, too,
//! and composites excuse them.

use crate::engine::{Compat, Hits, Rule, Scan};
use crate::family::Family;
use crate::rules::alias::{domain, named, sender, stored, written};
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
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("FORGED_CALLBACK", forged)],
};

/// The peer drops what stands at this place of either list, and with it the rest.
const MOST: usize = 99;

fn forged(scan: &Scan<'_>, hits: &mut Hits) {
    // The sender, too, is judged only where both lists name somebody.
    let (true, Some(sender)) = (recipients(scan, hits), sender(scan)) else {
        return;
    };
    let envelope = written(scan.compat, &sender.address);
    let from = scan
        .mail
        .from()
        .first()
        .map(|a| written(scan.compat, &a.address))
        .unwrap_or_default();
    if !envelope.is_empty() && !envelope.eq_ignore_ascii_case(&from) {
        hits.weighted(&FORGED_SENDER, 1.0, vec![from.into_owned(), envelope.into_owned()]);
    }
}

/// Whether there were recipients on both sides.
fn recipients(scan: &Scan<'_>, hits: &mut Hits) -> bool {
    let listed = match scan.compat {
        Compat::V34 => stored(scan),
        Compat::V41 => named(scan).unwrap_or_default().iter().map(|a| a.address.as_str().into()).collect(),
    };
    let named: Vec<Name> = listed.iter().map(|a| Name::new(a)).collect();
    let given = scan.envelope.recipients.iter();
    let given = given.filter(|r| !r.address.is_empty());
    let given: Vec<Name> = given.map(|r| Name::new(&written(scan.compat, &r.address))).collect();
    if named.is_empty() || given.is_empty() {
        return false;
    }
    let (named, given) = (cut(&named), cut(&given));
    let user = scan.envelope.user.as_deref().map(str::to_ascii_lowercase);
    let sender = sender(scan).map(|s| written(scan.compat, &s.address).to_ascii_lowercase());
    let delivered = scan
        .mail
        .headers()
        .first("Delivered-To")
        .map(|h| h.text().trim().to_ascii_lowercase());
    let all_named: HashSet<&str> = named.iter().map(|n| n.lower.as_str()).collect();
    let all_given: HashSet<&str> = given.iter().map(|n| n.lower.as_str()).collect();
    let is = |who: &Option<String>, name: &Name| who.as_deref() == Some(&name.lower);

    // To the peer somebody who is given again after he was found is a stranger.
    let mut seen = HashSet::new();
    let mut told = HashSet::new();
    let strange_given = given.iter().filter(|n| {
        let strange = !seen.insert(n.lower.as_str()) || !all_named.contains(n.lower.as_str());
        strange && !is(&user, n) && !is(&sender, n) && told.insert(n.lower.as_str())
    });
    let mut strange_given: Vec<&Name> = strange_given.collect();
    let domains: HashSet<&str> = given.iter().map(|n| domain(&n.lower)).collect();
    let mut marked = HashSet::new();
    let mut strange_named = Vec::new();
    for name in named {
        if all_given.contains(name.lower.as_str()) || is(&delivered, name) || is(&user, name) {
            continue;
        }
        match domain(&name.lower) {
            shared if domains.contains(shared) => drop(marked.insert(shared)),
            _ => strange_named.push(name),
        }
    }
    strange_given.retain(|n| !marked.contains(domain(&n.lower)));
    if !strange_given.is_empty() && !strange_named.is_empty() {
        let named = strange_named.iter().map(|n| format!("m:{}", n.shown));
        let options = named.chain(strange_given.iter().map(|n| format!("s:{}", n.shown))).collect();
        hits.weighted(&FORGED_RECIPIENTS, 1.0, options);
    }
    true
}

/// An address as it is shown and as it is compared.
struct Name {
    shown: String,
    lower: String,
}

impl Name {
    fn new(address: &str) -> Name {
        Name {
            shown: address.to_owned(),
            lower: address.to_ascii_lowercase(),
        }
    }
}

fn cut(list: &[Name]) -> &[Name] {
    if list.len() > MOST + 1 {
        list.get(..MOST).unwrap_or(list)
    } else {
        list
    }
}

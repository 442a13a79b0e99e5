//! Aliases of addresses as 3.4 resolves them before any other rule looks: plus tags everywhere, dots at Gmail. 4.1 does this elsewhere
//! and leaves the addresses alone.

use crate::engine::{Compat, Hits, Rule, Scan};
use crate::family::Family;
use crate::message::SmtpPath;
use std::borrow::Cow;

crate::symbols! {
    "aliases" {
        TAGGED_FROM = both(0.0), "the sender's address carries a tag";
        TAGGED_RCPT = both(0.0), "a recipient's address carries a tag";
    }
}

/// Tags in addresses. No settings.
pub const FAMILY: Family = Family {
    name: "aliases",
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("EMAIL_PLUS_ALIASES", tags)],
};

fn tags(scan: &Scan<'_>, hits: &mut Hits) {
    let senders = [
        sender(scan).map(|s| s.address.as_str()),
        scan.mail.from().first().map(|a| a.address.as_str()),
    ];
    for address in senders.into_iter().flatten() {
        tagged(&TAGGED_FROM, scan.compat, std::iter::once(address), hits);
    }
    tagged(
        &TAGGED_RCPT,
        scan.compat,
        scan.envelope.recipients.iter().map(|r| r.address.as_str()),
        hits,
    );
    let named = scan.mail.recipients().unwrap_or_default();
    tagged(&TAGGED_RCPT, scan.compat, named.iter().map(|r| r.address.as_str()), hits);
}

/// 3.4 tells of any rewriting, 4.1 of tags only.
fn tagged<'a>(symbol: &'static crate::engine::Symbol, compat: Compat, addresses: impl Iterator<Item = &'a str>, hits: &mut Hits) {
    let rewritten: Vec<Resolved> = addresses.filter_map(resolved).collect();
    let tags: Vec<String> = rewritten.iter().flat_map(|r| &r.tags).cloned().collect();
    if !tags.is_empty() || (compat == Compat::V34 && !rewritten.is_empty()) {
        hits.weighted(symbol, 1.0, tags);
    }
}

/// The envelope sender; without one from the session the peer takes what an earlier delivery wrote down.
pub fn sender<'s>(scan: &'s Scan<'_>) -> Option<&'s SmtpPath> {
    scan.envelope.sender.as_ref().or_else(|| scan.mail.return_path())
}

/// The address that rules compare: in 3.4 without its alias, in 4.1 as it is.
pub fn plain(compat: Compat, address: &str) -> Cow<'_, str> {
    match compat {
        Compat::V34 => resolved(address).map_or(Cow::Borrowed(address), |r| Cow::Owned(r.address)),
        Compat::V41 => Cow::Borrowed(address),
    }
}

/// The list of header recipients as rules written in C see it: once 3.4 rewrote one, all stand there as they were and then as rewritten.
pub fn stored<'s>(scan: &'s Scan<'_>) -> Vec<Cow<'s, str>> {
    let named = scan.mail.recipients().unwrap_or_default();
    let as_written = named.iter().map(|a| Cow::Borrowed(a.address.as_str()));
    let changed = scan.compat == Compat::V34 && named.iter().any(|a| resolved(&a.address).is_some());
    let again = named.iter().filter(|_| changed).map(|a| plain(scan.compat, &a.address));
    as_written.chain(again).collect()
}

/// Part behind the last `@`; empty without one.
pub fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, d)| d)
}

/// A rewritten address and the tags it had.
struct Resolved {
    address: String,
    tags: Vec<String>,
}

fn resolved(address: &str) -> Option<Resolved> {
    let (local, domain) = address.rsplit_once('@')?;
    let google = ["gmail.com", "googlemail.com"].iter().any(|d| domain.eq_ignore_ascii_case(d));
    let dotless: Cow<str> = if google { local.replace('.', "").into() } else { local.into() };
    let (user, tags) = match dotless.split_once('+') {
        Some((user, tags)) if !user.is_empty() => (user, tags),
        _ => (&*dotless, ""),
    };
    let domain = if google { "gmail.com" } else { domain };
    (user != local).then(|| Resolved {
        address: format!("{user}@{domain}"),
        tags: tags.split('+').filter(|t| !t.is_empty()).map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_dots_go_as_3_4_has_them() {
        for (written, meant) in [
            ("a+tag@b.org", "a@b.org"),
            ("a.b@b.org", "a.b@b.org"),
            ("a.b+x@gmail.com", "ab@gmail.com"),
            ("a.b@googlemail.com", "ab@gmail.com"),
            ("ab@googlemail.com", "ab@googlemail.com"),
            ("+x@b.org", "+x@b.org"),
            ("none", "none"),
            ("", ""),
        ] {
            assert_eq!(plain(Compat::V34, written), meant);
            assert_eq!(plain(Compat::V41, written), written);
        }
    }
}

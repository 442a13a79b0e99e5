//! Aliases of addresses, resolved before any other rule looks: plus tags everywhere, dots at Gmail. Tables of aliases are not read.

use crate::engine::{Compat, Hits, Rule, Scan, Symbol};
use crate::family::Family;
use crate::message::{Address, SmtpPath};
use std::borrow::Cow;

crate::symbols! {
    "aliases" {
        TAGGED_FROM = both(0.0), "the sender's address carries a tag";
        TAGGED_RCPT = both(0.0), "a recipient's address carries a tag";
        ALIAS_RESOLVED = only_41(0.0), "an address stands for another one";
        LOCAL_OUTBOUND = only_41(0.0), "a client of ours sends to somebody elsewhere";
    }
}

/// Tags in addresses. No settings.
pub const FAMILY: Family = Family {
    name: "aliases",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("EMAIL_PLUS_ALIASES", tags)],
};

fn tags(scan: &Scan<'_>, hits: &mut Hits) {
    let senders = [
        sender(scan).map(|s| s.address.as_str()),
        scan.mail.from().first().map(|a| a.address.as_str()),
    ];
    let mut changed = false;
    for address in senders.into_iter().flatten() {
        changed |= tagged(&TAGGED_FROM, scan.compat, std::iter::once(address), hits);
    }
    let given = scan.envelope.recipients.iter().map(|r| r.address.as_str());
    changed |= tagged(&TAGGED_RCPT, scan.compat, given, hits);
    let named = scan.mail.recipients().unwrap_or_default();
    changed |= tagged(&TAGGED_RCPT, scan.compat, named.iter().map(|r| r.address.as_str()), hits);
    if scan.compat == Compat::V41 {
        if changed {
            hits.add(&ALIAS_RESOLVED);
        }
        // Which recipients are at home only tables of aliases could tell: without them none is.
        if scan.local_client || scan.envelope.user.is_some() {
            hits.add(&LOCAL_OUTBOUND);
        }
    }
}

/// Whether some address was rewritten. 3.4 tells of any rewriting, 4.1 of tags only.
fn tagged<'a>(symbol: &'static Symbol, compat: Compat, addresses: impl Iterator<Item = &'a str>, hits: &mut Hits) -> bool {
    let rewritten: Vec<Resolved> = addresses.filter_map(|a| resolved(compat, a)).collect();
    let tags: Vec<String> = rewritten.iter().flat_map(|r| &r.tags).cloned().collect();
    if !tags.is_empty() || (compat == Compat::V34 && !rewritten.is_empty()) {
        hits.weighted(symbol, 1.0, tags);
    }
    !rewritten.is_empty()
}

/// The envelope sender; without one from the session the peer takes what an earlier delivery wrote down.
pub fn sender<'s>(scan: &'s Scan<'_>) -> Option<&'s SmtpPath> {
    scan.envelope.sender.as_ref().or_else(|| scan.mail.return_path())
}

/// The address that rules compare: without its alias.
pub fn plain(compat: Compat, address: &str) -> Cow<'_, str> {
    resolved(compat, address).map_or(Cow::Borrowed(address), |r| Cow::Owned(r.address))
}

/// The address that rules about forgery and forwarding compare: in 4.1 as it was written.
pub fn written(compat: Compat, address: &str) -> Cow<'_, str> {
    match compat {
        Compat::V34 => plain(compat, address),
        Compat::V41 => Cow::Borrowed(address),
    }
}

/// Whom To, Cc and Bcc name; `None` without any such header. An empty group (`undisclosed-recipients:;`) is a recipient in 3.4 only.
pub fn named<'s>(scan: &'s Scan<'_>) -> Option<Vec<&'s Address>> {
    let empty_group = |a: &Address| a.address.is_empty() && a.name.ends_with(":;");
    let counts = |a: &&Address| scan.compat == Compat::V34 || !empty_group(a);
    Some(scan.mail.recipients()?.iter().filter(counts).collect())
}

/// The list of header recipients as rules written in C see it: once one was rewritten, all stand there as they were and then as rewritten.
pub fn stored<'s>(scan: &'s Scan<'_>) -> Vec<Cow<'s, str>> {
    let named = named(scan).unwrap_or_default();
    let changed = named.iter().any(|a| resolved(scan.compat, &a.address).is_some());
    let again = named.iter().filter(|_| changed).map(|a| plain(scan.compat, &a.address));
    named.iter().map(|a| Cow::Borrowed(a.address.as_str())).chain(again).collect()
}

/// Part behind the last `@`; empty without one.
pub fn domain(address: &str) -> &str {
    split(address).map_or("", |(_, domain)| domain)
}

/// What stands before the last `@` and behind it.
fn split(address: &str) -> Option<(&str, &str)> {
    let at = memchr::memrchr(b'@', address.as_bytes())?;
    Some((address.get(..at)?, address.get(at + 1..)?))
}

/// A rewritten address and the tags it had.
struct Resolved {
    address: String,
    tags: Vec<String>,
}

fn resolved(compat: Compat, address: &str) -> Option<Resolved> {
    let (local, domain) = split(address)?;
    let google = ["gmail.com", "googlemail.com"].iter().any(|d| domain.eq_ignore_ascii_case(d));
    if !google && memchr::memchr(b'+', local.as_bytes()).is_none() {
        return None;
    }
    let dotless: Cow<str> = if google { local.replace('.', "").into() } else { local.into() };
    let (user, tags) = match dotless.split_once('+') {
        Some((user, tags)) if !user.is_empty() => (user, tags),
        _ => (&*dotless, ""),
    };
    let domain = if google && compat == Compat::V34 { "gmail.com" } else { domain };
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
        }
        assert_eq!(plain(Compat::V41, "a.b+x@googlemail.com"), "ab@googlemail.com");
    }
}

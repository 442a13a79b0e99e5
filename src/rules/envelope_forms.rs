//! Envelope senders that bounce handling rewrote, and lists of recipients that look generated.

use crate::engine::{Compat, Scan};
use crate::family::Family;
use crate::rules::alias::{domain, plain, sender, stored};
use crate::rules::pattern::{When, patterns, rules};

crate::symbols! {
    "headers" {
        ENVFROM_PRVS = both(0.0), "the envelope sender is From with a bounce tag";
        ENVFROM_VERP = both(0.0), "the envelope sender names the recipient, to catch his bounces";
        SUSPICIOUS_RECIPS = both(1.5), "many recipients are alike";
        SORTED_RECIPS = both(3.5), "many recipients stand in alphabetical order";
        INFO_TO_INFO_LU = both(2.0), "bulk mail from an info address to an info address";
    }
}

/// Forms of envelopes. No settings.
pub const FAMILY: Family = Family {
    name: "envelope_forms",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| rules(TESTS),
};

patterns! {
    TAG_USER = r"^(?:prvs|msprvs1)=[^=]+=(.+@.+)$";
    USER_TAG = r"^prvs=([^=]+)=[^=@]+(@.+)$";
    BATV = r"^btv1==[^=]+==(.+@.+)$";
}

static TESTS: &[When] = &[
    (&ENVFROM_PRVS, prvs),
    (&ENVFROM_VERP, verp),
    (&SUSPICIOUS_RECIPS, |s| s.mime && alike(s)),
    (&SORTED_RECIPS, |s| s.mime && sorted(s)),
    (&INFO_TO_INFO_LU, |s| s.mime && info(s)),
];

fn prvs(scan: &Scan<'_>) -> bool {
    let (Some(sender), Some(from)) = (sender(scan), scan.mail.from().first()) else {
        return false;
    };
    let lower = sender.address.to_ascii_lowercase();
    // 3.4 does not know the form of Barracuda's.
    let forms: &[_] = if scan.compat == Compat::V34 {
        &[&TAG_USER]
    } else {
        &[&TAG_USER, &BATV]
    };
    let plain = forms
        .iter()
        .filter_map(|p| p.captures(&lower))
        .filter_map(|c| Some(c.get(1)?.as_str().to_owned()));
    let turned = USER_TAG
        .captures(&lower)
        .and_then(|c| Some(format!("{}{}", c.get(1)?.as_str(), c.get(2)?.as_str())));
    scan.mime && plain.chain(turned).any(|real| real.eq_ignore_ascii_case(&from.address))
}

fn verp(scan: &Scan<'_>) -> bool {
    let (Some(sender), [only]) = (sender(scan), scan.envelope.recipients.as_slice()) else {
        return false;
    };
    // Where the tag was taken off, nothing is left to find.
    let sender = plain(scan.compat, &sender.address).to_ascii_lowercase();
    let local = sender.rsplit_once('@').map_or("", |(local, _)| local);
    let only = plain(scan.compat, &only.address);
    let rewritten = local.starts_with("srs0=") || local.starts_with("srs1=") || local.contains("+caf_=");
    scan.mime && !rewritten && !only.is_empty() && local.contains(&only.to_ascii_lowercase().replace('@', "="))
}

/// Recipients the comparison needs at least.
const MANY: usize = 7;
/// Neighbours alike from which the list is suspicious.
const ALIKE: usize = 2;

/// Sorted by domain, neighbours of one length that begin with the same three letters.
fn alike(scan: &Scan<'_>) -> bool {
    let list = stored(scan);
    if list.len() < MANY {
        return false;
    }
    let mut list: Vec<&str> = list.iter().map(|a| &**a).filter(|a| a.len() > 3).collect();
    list.sort_by(|a, b| {
        let (a, b) = (domain(a), domain(b));
        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
    });
    let start = |a: &str| a.as_bytes().get(..3).map(<[u8]>::to_ascii_lowercase);
    let same = list
        .iter()
        .zip(list.iter().skip(1))
        .filter(|(a, b)| a.len() == b.len() && start(a) == start(b));
    same.count() >= ALIKE
}

pub(super) fn sorted(scan: &Scan<'_>) -> bool {
    // As the peer compares them: the shorter comes first.
    let list: Vec<(usize, String)> = stored(scan).iter().map(|a| (a.len(), a.to_ascii_lowercase())).collect();
    list.len() >= MANY && list.iter().zip(list.iter().skip(1)).all(|(a, b)| a < b)
}

fn info(scan: &Scan<'_>) -> bool {
    let is_info = |address: &str| {
        let address = plain(scan.compat, address);
        address
            .rsplit_once('@')
            .is_some_and(|(local, _)| local.eq_ignore_ascii_case("info"))
    };
    scan.mail.headers().has("List-Unsubscribe")
        && scan.mail.from().first().is_some_and(|a| is_info(&a.address))
        && scan.envelope.recipients.iter().any(|r| is_info(&r.address))
}

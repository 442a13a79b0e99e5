//! URLs by their look: services behind which others hide, paths of broken web sites, hosts that look like other hosts. Which host a link
//! pretends to lead to is judged in `phishing`, what 4.1 finds strange about the parts of a URL in `url_suspect`.

use super::lookalike::{alike, stacked};
use super::url_suspect::Judged;
use crate::engine::{Compat, Hits, Rule, Scan, Symbol};
use crate::family::Family;
use crate::message::url::{Flags, Protocol, Url};
use crate::rules::pattern::{When, patterns, rules};
use regex::Regex;

crate::symbols! {
    "url" {
        OMOGRAPH_URL = both(5.0), "a host is written so that it looks like another one";
        HAS_IPFS_GATEWAY_URL = only_41(6.0), "a link to a file in IPFS, which nobody can take down", shots 1;
        HAS_GOOGLE_FIREBASE_URL = only_41(2.0), "a link to a file that anybody may keep at Firebase";
        HAS_FILE_URL = only_41(2.0), "a link to a file in the reader's network";
        R_SUSPICIOUS_URL = both(5.0), "a link is written so that its reader is misled", shots 1;
        ZERO_WIDTH_SPACE_URL = both(7.0), "characters without width stand in a link", shots 1;
    }
    "experimental" {
        HAS_ONION_URI = both(0.0), "a link into the Tor network";
        HAS_GUC_PROXY_URI = each(0.01, 1.0), "a link by way of Google's proxy for pictures";
        HAS_GOOGLE_REDIR = each(0.01, 1.0), "a link by way of Google to somewhere else";
    }
    "subject" {
        URL_IN_SUBJECT = both(4.0), "a link in the Subject";
    }
    "headers" {
    }
    "compromised_hosts" {
        HAS_WP_URI = both(0.0), "a link into a folder of WordPress", shots 1;
        WP_COMPROMISED = both(0.0), "a link into a folder that only looks like one of WordPress", shots 1;
        URI_HIDDEN_PATH = both(1.0), "a link into a hidden folder";
    }
}

/// URLs by their look. No settings.
pub const FAMILY: Family = Family {
    name: "url",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, services, _| {
        let mut all = rules(TESTS);
        let google = match services.compat {
            Compat::V34 => |scan: &Scan<'_>, hits: &mut Hits| places(scan, &GOOGLE_34, hits),
            Compat::V41 => |scan: &Scan<'_>, hits: &mut Hits| places(scan, &GOOGLE_41, hits),
        };
        all.push(Rule::check("URL_PLACES", google).giving(PLACES));
        all.push(Rule::check("OMOGRAPH_URL", homographs).giving(&[&OMOGRAPH_URL]));
        all.push(Rule::check("URL_IN_SUBJECT", in_subject).giving(&[&URL_IN_SUBJECT]));
        all.push(Rule::check("URI_HIDDEN_PATH", hidden).giving(&[&URI_HIDDEN_PATH]));
        let flagged = [(&R_SUSPICIOUS_URL, Flags::OBSCURED), (&ZERO_WIDTH_SPACE_URL, Flags::ZW_SPACES)];
        for (symbol, flag) in flagged {
            let check = move |scan: &Scan<'_>, hits: &mut Hits| {
                // 4.1 has better words for the same.
                let judged = scan.facts.find::<Judged>().is_some();
                let hosts: Vec<String> = scan.mail.urls().iter().filter(|u| !judged && u.flags.has(flag)).map(host).collect();
                if !hosts.is_empty() {
                    hits.weighted(symbol, 1.0, hosts);
                }
            };
            all.push(Rule::check(symbol.name, check).giving(&[symbol]).after(&["URL_SUSPECT_CHECK"]));
        }
        all
    },
};

patterns! {
    /// What the patterns of places cannot do without: asked first, since few URLs have any of it.
    MARKED = r"(?i)\.onion|\.googleusercontent|google\.|firebasestorage|ipfs|/wp-";
    ONION = r"(?i)[a-z0-9]{16}\.onion";
    PROXY = r"(?i)\.googleusercontent\.com/proxy";
    /// 3.4 knows one domain and one way; as it was seen to answer.
    GOOGLE_34 = r"(?i)\.google\.com/url\?";
    GOOGLE_41 = r"(?i)\bgoogle\.[a-z]{2,3}(?:\.[a-z]{2})?/(?:amp/s/|url\?)";
    FIREBASE = r"(?i)\bfirebasestorage\.googleapis\.com\b";
    CONTENT_ID = r"(?i)\b(?:qm[a-z0-9]{44}|[079fvtbchkzmup][a-z0-9]{44,128})\b";
    IPFS = r"(?i)\bipfs[.\-_/?]";
    WORDPRESS = r"(?i)/wp-[^/]+/";
    LIKE_WORDPRESS = r"(?i)/wp-(?:content|includes)[^/]+/";
}

static TESTS: &[When] = &[(&HAS_FILE_URL, |s| targets(s).any(|u| u.protocol == Protocol::File))];

static PLACES: &[&Symbol] = &[
    &HAS_ONION_URI,
    &HAS_GUC_PROXY_URI,
    &HAS_GOOGLE_FIREBASE_URL,
    &HAS_IPFS_GATEWAY_URL,
    &HAS_WP_URI,
    &WP_COMPROMISED,
    &HAS_GOOGLE_REDIR,
];

/// URLs that a reader can go to: pictures are only drawn.
pub(super) fn targets<'s>(scan: &'s Scan<'_>) -> impl Iterator<Item = &'s Url> {
    scan.mail.urls().iter().filter(|u| !u.flags.has(Flags::IMAGE))
}

fn host(url: &Url) -> String {
    url.host().to_owned()
}

/// URLs of certain services. Addresses are none.
fn places(scan: &Scan<'_>, google: &Regex, hits: &mut Hits) {
    let marked: Vec<&str> = targets(scan).map(Url::text).filter(|text| MARKED.is_match(text)).collect();
    if marked.is_empty() {
        return;
    }
    let any = |pattern: &Regex| marked.iter().any(|text| pattern.is_match(text));
    let names_content = || targets(scan).any(|u| CONTENT_ID.is_match(u.text()));
    for (symbol, found) in PLACES.iter().zip([
        any(&ONION),
        any(&PROXY),
        any(&FIREBASE),
        any(&IPFS) && names_content(),
        any(&WORDPRESS),
        any(&LIKE_WORDPRESS),
        any(google),
    ]) {
        if found {
            hits.add(symbol);
        }
    }
}

fn homographs(scan: &Scan<'_>, hits: &mut Hits) {
    let (mut weight, mut options) = (0.0_f64, Vec::new());
    for url in targets(scan) {
        if let Some(shown) = url.shown.as_deref().filter(|shown| alike(url.host(), shown.host())) {
            weight = 1.0;
            options.push(format!("{}->{}", url.host(), shown.host()));
        } else if !url.flags.has(Flags::HTML_DISPLAYED) && stacked(url.tld()) {
            weight = weight.max(0.5);
            options.push(url.tld().to_owned());
        }
    }
    if weight > 0.0 {
        hits.weighted(&OMOGRAPH_URL, weight, options);
    }
}

fn in_subject(scan: &Scan<'_>, hits: &mut Hits) {
    let Some(url) = targets(scan).find(|u| u.flags.has(Flags::SUBJECT)) else {
        return;
    };
    let weight = match scan.mail.subject() {
        _ if url.flags.has(Flags::SCHEMALESS) => 0.1,
        Some(subject) if subject.trim() == url.text() => 1.0,
        _ => 0.25,
    };
    hits.weighted(&URL_IN_SUBJECT, weight, vec![host(url)]);
}

fn hidden(scan: &Scan<'_>, hits: &mut Hits) {
    if let Some(url) = targets(scan).find(|u| is_hidden(u.path())) {
        hits.with(&URI_HIDDEN_PATH, url.text());
    }
}

/// A piece of the path begins with a dot; `.well-known` is known well, though not as the first piece.
fn is_hidden(path: &str) -> bool {
    let mut pieces = path.split('/').peekable();
    let mut first = true;
    while let Some(piece) = pieces.next() {
        let known = !first && pieces.peek().is_some() && matches_known(piece);
        let dotted = piece
            .strip_prefix('.')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
        if dotted && !known {
            return true;
        }
        first = false;
    }
    false
}

fn matches_known(piece: &str) -> bool {
    [".well-known", ".well_known"].iter().any(|known| piece.eq_ignore_ascii_case(known))
}

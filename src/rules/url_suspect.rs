//! What 4.1 finds strange about the parts of a URL: its user, host, suffix, letters, length. 3.4 has none of it. URLs that people are to
//! put together themselves are looked for in `obfuscated`.

mod obfuscated;

use super::lookalike::stacked;
use crate::config::{Diagnostic, Section};
use crate::engine::{Check, Compat, Hits, Rule, Scan, Symbol};
use crate::family::{Family, Lines, Lists, Services, defaults};
use crate::maps::Entries;
use crate::message::url::{Flags, Url};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

crate::symbols! {
    "url" {
        URL_USER_PASSWORD = only_41(2.0), "a link names a user in front of its host";
        URL_USER_LONG = only_41(3.0), "a link names a long user in front of its host";
        URL_USER_VERY_LONG = only_41(5.0), "a link names a very long user in front of its host";
        URL_NUMERIC_IP = only_41(1.5), "a link leads to an address instead of a name";
        URL_NUMERIC_IP_USER = only_41(4.0), "a link leads to an address and names a user";
        URL_NUMERIC_PRIVATE_IP = only_41(0.5), "a link leads to an address of a private network";
        URL_NO_TLD = only_41(2.0), "a link leads to a name that cannot exist";
        URL_SUSPICIOUS_TLD = only_41(3.0), "a link leads to a name that cost nothing";
        URL_BAD_UNICODE = only_41(3.0), "a link holds bytes that are no text";
        URL_HOMOGRAPH_ATTACK = only_41(5.0), "a link's host looks like another one";
        URL_RTL_OVERRIDE = only_41(6.0), "a link turns the direction of writing";
        URL_ZERO_WIDTH_SPACES = only_41(7.0), "characters without width stand in a link";
        URL_MULTIPLE_AT_SIGNS = only_41(3.0), "a link holds several @", shots 1;
        URL_BACKSLASH_PATH = only_41(2.0), "a link has backslashes in place of slashes", shots 1;
        URL_EXCESSIVE_DOTS = only_41(2.0), "the host of a link has very many labels";
        URL_VERY_LONG = only_41(1.5), "a link is very long";
        URL_QUERY_MULTIPLE_URLS = only_41(2.0), "a link carries several others", shots 1;
        URL_OBFUSCATED_TEXT = only_41(5.0), "the reader is to put a link together";
    }
}

/// Left by [`FAMILY`] where it looked at the URLs.
pub(super) struct Judged;

/// `[modules.url_suspect]`.
#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    #[serde(rename = "enabled")]
    _enabled: bool,
    /// So many URLs of a message are looked at.
    max_urls: usize,
    checks: Checks,
    /// Endings of names, with their dot, that cost nothing; none by default.
    suspicious_tlds: Option<Lines>,
    use_whitelist: bool,
    /// Hosts and domains that are left alone.
    whitelist_map: Option<Lines>,
}

/// What is looked at.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of the configuration")]
struct Checks {
    user_password: bool,
    numeric_ip: bool,
    tld: bool,
    unicode: bool,
    structure: bool,
    query_urls: bool,
    obfuscated_text: bool,
}

impl Default for Checks {
    fn default() -> Checks {
        Checks {
            user_password: true,
            numeric_ip: true,
            tld: true,
            unicode: true,
            structure: true,
            query_urls: true,
            obfuscated_text: true,
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            _enabled: true,
            max_urls: 10_000,
            checks: Checks::default(),
            suspicious_tlds: None,
            use_whitelist: false,
            whitelist_map: None,
        }
    }
}

/// Strange URLs.
pub const FAMILY: Family = Family {
    name: "url_suspect",
    defaults: Some(defaults::<Config>),
    symbols: SYMBOLS,
    build,
};

/// Before the filters that share its group: the cap cuts those.
const PLACE: u8 = 0;

fn build(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let config: Config = section.and_then(|s| s.read(findings)).unwrap_or_default();
    let mut spared = Lists::default();
    let mut free = Lists::default();
    if let Some(section) = section {
        if config.use_whitelist {
            spared = Lists::open(config.whitelist_map.as_ref(), "whitelist_map", section, services, findings);
        }
        free = Lists::open(config.suspicious_tlds.as_ref(), "suspicious_tlds", section, services, findings);
    }
    if services.compat == Compat::V34 {
        return Vec::new();
    }
    let suspect = Suspect {
        most: config.max_urls,
        checks: config.checks,
        free,
        spared,
    };
    vec![Rule::check("URL_SUSPECT_CHECK", suspect).at(PLACE)]
}

struct Suspect {
    most: usize,
    checks: Checks,
    free: Lists<Entries>,
    spared: Lists<Entries>,
}

impl Check for Suspect {
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits) {
        if self.checks.obfuscated_text {
            obfuscated::search(scan, hits);
        }
        for url in scan.mail.urls().all().iter().filter(|u| !u.flags.has(Flags::IMAGE)).take(self.most) {
            if !(self.spared.has(url.host()) || self.spared.has(url.tld())) {
                self.judge(url, hits);
            }
        }
        scan.facts.leave(Judged);
    }
}

/// Lengths from which on a user, and a URL, are long.
const LONG_USER: usize = 128;
const VERY_LONG_USER: usize = 256;
const VERY_LONG: usize = 2_048;
const MANY_DOTS: usize = 6;

impl Suspect {
    fn judge(&self, url: &Url, hits: &mut Hits) {
        let user = !url.is_email() && url.flags.has(Flags::HAS_USER);
        let numeric = url.flags.has(Flags::NUMERIC);
        if self.checks.user_password && user {
            match url.user().len() {
                n if n > VERY_LONG_USER => count(&URL_USER_VERY_LONG, n, hits),
                n if n > LONG_USER => count(&URL_USER_LONG, n, hits),
                _ => hits.with(&URL_USER_PASSWORD, url.host()),
            }
        }
        if self.checks.numeric_ip && numeric {
            let symbol = match user {
                _ if is_private(url.host()) => &URL_NUMERIC_PRIVATE_IP,
                true => &URL_NUMERIC_IP_USER,
                false => &URL_NUMERIC_IP,
            };
            hits.with(symbol, url.host());
        }
        if self.checks.tld && !numeric {
            self.suffix(url, hits);
        }
        if self.checks.unicode {
            letters(url, hits);
        }
        if self.checks.structure {
            structure(url, hits);
        }
        if self.checks.query_urls {
            match url.embedded() {
                0 | 1 => {}
                n => count(&URL_QUERY_MULTIPLE_URLS, n, hits),
            }
        }
    }

    fn suffix(&self, url: &Url, hits: &mut Hits) {
        let suffix = url.tld().split_once('.').map(|(_, suffix)| format!(".{suffix}"));
        match suffix {
            _ if url.flags.has(Flags::NO_TLD) => hits.with(&URL_NO_TLD, url.host()),
            Some(suffix) if self.free.has(&suffix) => hits.with(&URL_SUSPICIOUS_TLD, suffix),
            _ => {}
        }
    }
}

fn letters(url: &Url, hits: &mut Hits) {
    if url.flags.has(Flags::ZW_SPACES) {
        hits.with(&URL_ZERO_WIDTH_SPACES, "zw");
    }
    if stacked(url.host()) {
        hits.with(&URL_HOMOGRAPH_ATTACK, url.host());
    }
    // What was no text reads as this letter.
    if url.text().contains('\u{fffd}') {
        hits.with(&URL_BAD_UNICODE, url.host());
    }
    if url.text().contains('\u{202e}') {
        hits.with(&URL_RTL_OVERRIDE, url.host());
    }
}

fn structure(url: &Url, hits: &mut Hits) {
    let dots = url.host().matches('.').count();
    if dots > MANY_DOTS {
        count(&URL_EXCESSIVE_DOTS, dots, hits);
    }
    if url.flags.has(Flags::OBSCURED) && url.text().contains('\\') {
        hits.with(&URL_BACKSLASH_PATH, url.host());
    }
    if url.text().len() > VERY_LONG {
        count(&URL_VERY_LONG, url.text().len(), hits);
    }
    let ats = url.text().matches('@').count();
    if ats > 2 {
        count(&URL_MULTIPLE_AT_SIGNS, ats, hits);
    }
}

fn count(symbol: &'static Symbol, number: usize, hits: &mut Hits) {
    hits.with(symbol, number.to_string());
}

/// An address that means something in one network only.
fn is_private(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => false,
    }
}

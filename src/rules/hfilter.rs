//! What the client calls itself and what it is called: names of dial-up lines, bare addresses, no name at all. Nothing here asks DNS.

mod url;

use crate::config::{Diagnostic, Section};
use crate::engine::{Check, Compat, Hits, Rule, Scan, Symbol};
use crate::family::{Family, Services, defaults};
use crate::rules::alias;
use crate::rules::pattern::patterns;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

crate::symbols! {
    "hfilter" {
        HFILTER_HELO_BAREIP = both(3.0), "HELO is a bare address";
        HFILTER_HELO_BADIP = both(4.5), "HELO is an address that no mail server has";
        HFILTER_HELO_1 = both(0.5), "HELO looks a little like a dial-up line";
        HFILTER_HELO_2 = both(1.0), "HELO looks somewhat like a dial-up line";
        HFILTER_HELO_3 = both(2.0), "HELO looks rather like a dial-up line";
        HFILTER_HELO_4 = both(2.5), "HELO looks much like a dial-up line";
        HFILTER_HELO_5 = both(3.0), "HELO is the name of a dial-up line, or none at all";
        HFILTER_HELO_NOT_FQDN = both(2.0), "HELO is no full host name";
        HFILTER_HOSTNAME_1 = both(0.5), "the client's name looks a little like a dial-up line";
        HFILTER_HOSTNAME_2 = both(1.0), "the client's name looks somewhat like a dial-up line";
        HFILTER_HOSTNAME_3 = both(2.0), "the client's name looks rather like a dial-up line";
        HFILTER_HOSTNAME_4 = both(2.5), "the client's name looks much like a dial-up line";
        HFILTER_HOSTNAME_5 = both(3.0), "the client's name is that of a dial-up line";
        HFILTER_HOSTNAME_UNKNOWN = both(2.5), "the client has no known name";
        HFILTER_FROM_BOUNCE = both(0.0), "a bounce";
        HFILTER_RCPT_BOUNCEMOREONE = both(1.5), "a bounce to several recipients";
        HFILTER_URL_ONLY = both(2.2), "a text of hardly anything but URLs";
        HFILTER_URL_ONELINE = both(2.5), "a text of one line of URLs";
        HFILTER_FROMHOST_NOT_FQDN = both(3.0), "the sender's domain is no full host name";
    }
}

static HELO: [&Symbol; 5] = [&HFILTER_HELO_1, &HFILTER_HELO_2, &HFILTER_HELO_3, &HFILTER_HELO_4, &HFILTER_HELO_5];
static HOSTNAME: [&Symbol; 5] = [
    &HFILTER_HOSTNAME_1,
    &HFILTER_HOSTNAME_2,
    &HFILTER_HOSTNAME_3,
    &HFILTER_HOSTNAME_4,
    &HFILTER_HOSTNAME_5,
];

/// `[modules.hfilter]`.
#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    #[serde(rename = "enabled")]
    _enabled: bool,
    helo_enabled: bool,
    hostname_enabled: bool,
    from_enabled: bool,
    rcpt_enabled: bool,
    url_enabled: bool,
    check_local: bool,
    check_authed: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            _enabled: true,
            helo_enabled: true,
            hostname_enabled: true,
            from_enabled: true,
            rcpt_enabled: true,
            url_enabled: true,
            check_local: false,
            check_authed: false,
        }
    }
}

/// Names of clients and senders.
pub const FAMILY: Family = Family {
    name: "hfilter",
    defaults: Some(defaults::<Config>),
    symbols: SYMBOLS,
    build,
};

fn build(section: Option<&Section>, _: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let config: Config = section.and_then(|s| s.read(findings)).unwrap_or_default();
    vec![Rule::check("HFILTER_CHECK", config)]
}

impl Check for Config {
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits) {
        if self.url_enabled {
            url::check(scan, hits);
        }
        let spared = (scan.envelope.user.is_some() && !self.check_authed) || (scan.local_client && !self.check_local);
        if spared {
            return;
        }
        let helo = scan.envelope.helo.as_deref().map(bare).filter(|h| *h != "rspamc.local");
        let mut helo_weight = 0;
        if let Some(helo) = helo.filter(|_| self.helo_enabled) {
            helo_weight = judge_helo(helo, scan.compat, hits);
        }
        self.host(scan, helo.unwrap_or_default(), helo_weight, hits);
        self.sender(scan, helo, hits);
    }
}

impl Config {
    fn host(&self, scan: &Scan<'_>, helo: &str, helo_weight: usize, hits: &mut Hits) {
        let name = scan.envelope.hostname.as_deref();
        let host_weight = name.filter(|_| self.hostname_enabled).map_or(0, line_weight);
        if name.is_none() && self.hostname_enabled {
            hits.add(&HFILTER_HOSTNAME_UNKNOWN);
        }
        let (weight, symbols, shown) = match helo_weight > 0 && helo_weight >= host_weight {
            true => (helo_weight, &HELO, helo),
            false => (host_weight, &HOSTNAME, name.unwrap_or_default()),
        };
        if let Some(symbol) = weight.checked_sub(1).and_then(|w| symbols.get(w)) {
            hits.with(symbol, shown);
        }
    }

    /// To the peer a bounce is a message without any envelope sender, not one with the null sender.
    fn sender(&self, scan: &Scan<'_>, helo: Option<&str>, hits: &mut Hits) {
        let mut bounce = false;
        match alias::sender(scan) {
            Some(sender) if self.from_enabled => {
                bounce = sender.local().eq_ignore_ascii_case("postmaster");
                let single = sender.address.matches('@').count() == 1;
                if single && !is_full_name(sender.domain()) {
                    hits.with(&HFILTER_FROMHOST_NOT_FQDN, sender.domain().to_ascii_lowercase());
                }
            }
            None if self.from_enabled => {
                if let Some(helo) = helo {
                    hits.with(&HFILTER_FROM_BOUNCE, helo);
                    bounce = true;
                }
            }
            _ => {}
        }
        let many = scan.envelope.recipients.len();
        if bounce && many > 1 && self.rcpt_enabled {
            hits.with(&HFILTER_RCPT_BOUNCEMOREONE, many.to_string());
        }
    }
}

/// HELO without the brackets of an address.
fn bare(helo: &str) -> &str {
    helo.trim_start_matches('[').trim_end_matches(']')
}

patterns! {
    BAD_IP = concat!(
        r"(?i)^(?:\d{1,3}\.\d{1,3}\.\d{1,3}\.255$|0\.|10\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|127\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.",
        r"|192\.0\.0\.|192\.0\.2\.|192\.88\.99\.|192\.168\.|198\.51\.100\.|203\.0\.113\.|::1$|fc00:|fe[89a-f][0-9a-f]:|2001:db8:)"
    );
    BARE_IP = r"(?i)^(?:\d+[x.\-]\d+[x.\-]\d+[x.\-]\d+$|[0-9a-f]+:)";
    /// 4.1 knows names of private networks, too.
    LOCAL = concat!(
        r"(?i)(?:(?:dsl)?(?:device|speedtouch)\.lan$",
        r"|\.(?:lan|local|home|localdomain|intra|in-addr\.arpa|priv|user|veloxzon)$)"
    );
    FULL_NAME = r"^(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?$";
}

/// The weight of the name's pattern; addresses are told at once.
fn judge_helo(helo: &str, compat: Compat, hits: &mut Hits) -> usize {
    for (pattern, symbol) in [(&*BAD_IP, &HFILTER_HELO_BADIP), (&*BARE_IP, &HFILTER_HELO_BAREIP)] {
        if pattern.is_match(helo) {
            hits.weighted(symbol, 1.0, vec![helo.to_owned(), "1".to_owned()]);
            return 0;
        }
    }
    if !helo.contains('.') || (compat == Compat::V41 && LOCAL.is_match(helo)) {
        return 5;
    }
    let weight = line_weight(helo);
    if weight == 0 && !is_full_name(helo) {
        hits.with(&HFILTER_HELO_NOT_FQDN, helo);
    }
    weight
}

fn is_full_name(name: &str) -> bool {
    (4..=253).contains(&name.len()) && FULL_NAME.is_match(name)
}

/// Words in names of lines: what stands before and behind them, and how much it says. The letters are those of [`before`] and [`behind`].
const LINES: &[(&str, &str, usize)] = &[
    ("bredband", "D/- s/s", 5),
    ("broad", "s/s d/- -/n", 5),
    ("broadband", "s/s -/n D!/-", 5),
    ("brodband", "-/n", 5),
    ("cable", "-/n D!/- s/s", 3),
    ("cablemodem", "s/s D/- -/n", 5),
    ("catv", "s/s D/- -/n", 5),
    ("cdma", "s/s -/n D!/-", 5),
    ("clients?", "s/s", 1),
    ("clients?", "-/n2 D3/-", 5),
    ("comcast", "-/n D/-", 5),
    ("customers?", "-/n D/- s/s", 1),
    ("dhcp", "-/n s/s d/-", 5),
    ("dial-?up", "D/- s/s -/n", 5),
    ("(?:bar|[ax])?dsl", "D/- -/n? s/s", 4),
    ("(?:bar|[ax])?dsl-dynamic", "D/- -/n? s/s", 5),
    ("(?:bar|[ax])?dsl-line", "-/n? D/- s/s", 4),
    ("dyn", "-/nn D!/-", 5),
    ("dynamic", "D/- -/n s/s", 5),
    ("dynip", "-/n X/s D!/-", 5),
    ("fbx", "d/- s/s -/n", 4),
    ("fibertel", "D/- -/n s/s", 4),
    ("gprs", "-/n s/s D!/-", 5),
    ("homeuser", "-/n s/s D/-", 5),
    ("host", "s/s D/- -/n", 2),
    ("in-?addr", "D/- s/s -/n", 4),
    ("kabel", "d/- -/n s/s", 3),
    ("modem", "D!/- s/s -/n", 5),
    ("nat", "D/- s/s -/n", 5),
    ("peer", "s/s D/- -/n", 1),
    ("pool", "-/n D/- s/s", 4),
    ("ppp", "D/- -/n s/s", 5),
    ("pppoe", "D/- -/n X/s", 5),
    ("pptp", "-/n D/- s/s", 5),
    ("unused-addr", "D/- -/n s/s", 3),
    ("user", "s/s D/- -/n", 1),
    ("vps", "s/s", 1),
    ("wifi", "s/s d/- -/n", 5),
];

fn before(letter: &str) -> &'static str {
    match letter {
        "D" => r"[.\-0-9][0-9][.\-]?",
        "D!" => r"[.\-0-9][0-9][.\-]",
        "D3" => r"[.\-0-9][0-9]{3,}[.\-]?",
        "d" => r"[0-9][.\-]?",
        "X" => r"[.\-0-9][.\-]",
        "s" => r"[.\-]",
        _ => "",
    }
}

fn behind(letter: &str) -> &'static str {
    match letter {
        "n" => r"[.\-][0-9]",
        "n2" => r"[.\-][0-9]{2}",
        "nn" => r"[0-9][.\-0-9]",
        "n?" => r"[.\-]?[0-9]",
        "s" => r"[.\-]",
        _ => "",
    }
}

/// One pattern a weight, 1 to 5.
static BY_WEIGHT: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let words = |weight: usize| LINES.iter().filter(move |(_, _, w)| *w == weight);
    let shapes = |(word, shapes, _): &(&str, &str, usize)| {
        let shape = |s: &str| {
            s.split_once('/')
                .map(|(left, right)| format!("{}{word}{}", before(left), behind(right)))
        };
        shapes.split(' ').filter_map(shape).collect::<Vec<_>>().join("|")
    };
    let pattern = |weight| words(weight).map(shapes).collect::<Vec<_>>().join("|");
    (1..=5)
        .map(|weight| Regex::new(&format!("(?i){}", pattern(weight))).expect("the table is fixed"))
        .collect()
});

/// How much a name looks like that of a line, 0 to 5.
fn line_weight(name: &str) -> usize {
    let weights = BY_WEIGHT.iter().zip(1_usize..).filter(|(pattern, _)| pattern.is_match(name));
    weights.map(|(_, weight)| weight).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_lines() {
        for (name, weight) in [
            ("mail.example.org", 0),
            ("host-12.example.org", 2),
            ("12-34-dsl.example.org", 4),
            ("adsl-1.example.org", 4),
            ("1-2-3-4.dynamic.example.org", 5),
            ("user.example.org", 0),
            ("a.user.example.org", 1),
            ("cable.example.org", 0),
            ("x-cable-y.example.org", 3),
            ("dyn12.example.org", 5),
        ] {
            assert_eq!(line_weight(name), weight, "{name}");
        }
    }

    #[test]
    fn names_of_hosts() {
        for (name, full) in [
            ("example.org", true),
            ("a.b", false),
            ("localhost", false),
            ("-a.org", false),
            ("a..org", false),
            ("", false),
        ] {
            assert_eq!(is_full_name(name), full, "{name}");
        }
    }
}

//! Links that show one domain and lead to another. Lists of known phishing sites are not asked here: they come from the net. A sender
//! whose own domain is proven is not spared yet: nothing here proves domains.

mod distance;

use super::lookalike::alike;
use crate::config::{Diagnostic, Section};
use crate::engine::{Check, Compat, Definition, Hits, Rule, Scan};
use crate::family::{Family, Lines, Lists, Services, defaults};
use crate::maps::Problem;
use crate::maps::watch::Content;
use crate::message::url::{Flags, Url};
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

crate::symbols! {
    "phishing" {
        PHISHING = both(4.0), "a link shows another domain than it leads to", shots 1;
        REDIRECTOR_FALSE = both(0.0), "the same, but it leads to a known redirector";
        PHISHED_WHITELISTED = both(0.0), "the same, but it leads to a domain that may do so";
    }
}

/// `[modules.phishing]`.
#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    #[serde(rename = "enabled")]
    _enabled: bool,
    /// Its symbol.
    symbol: String,
    /// Where links may lead: a symbol instead, and its list. `*` and `?` stand for other letters.
    exceptions: BTreeMap<String, Lines>,
    /// What links may show.
    phishing_exceptions: BTreeMap<String, Lines>,
    /// Domains that only their owners may show: a further symbol, and its list.
    strict_domains: BTreeMap<String, Lines>,
    /// Only these count when shown.
    domains: Option<Lines>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            _enabled: true,
            symbol: PHISHING.name.to_owned(),
            exceptions: BTreeMap::new(),
            phishing_exceptions: BTreeMap::new(),
            strict_domains: BTreeMap::new(),
            domains: None,
        }
    }
}

/// Links that lie.
pub const FAMILY: Family = Family {
    name: "phishing",
    defaults: Some(defaults::<Config>),
    symbols: SYMBOLS,
    build,
};

fn build(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let config: Config = section.and_then(|s| s.read(findings)).unwrap_or_default();
    let mut lists = |table: &BTreeMap<String, Lines>, key: &str| -> Vec<(String, Lists<Hosts>)> {
        let open = |(symbol, lines): (&String, &Lines)| {
            let section = section?;
            Some((symbol.clone(), Lists::open(Some(lines), key, section, services, findings)))
        };
        table.iter().filter_map(open).collect()
    };
    let mut exceptions = lists(&config.exceptions, "exceptions");
    if !config.exceptions.contains_key(REDIRECTOR_FALSE.name) {
        exceptions.push((REDIRECTOR_FALSE.name.to_owned(), stock()));
    }
    let shown = lists(&config.phishing_exceptions, "phishing_exceptions");
    let strict = lists(&config.strict_domains, "strict_domains");
    let domains = section
        .filter(|_| config.domains.is_some())
        .map(|section| Lists::open(config.domains.as_ref(), "domains", section, services, findings));
    let own: Vec<String> = [&exceptions, &shown, &strict]
        .into_iter()
        .flatten()
        .map(|(symbol, _)| symbol)
        .chain([&config.symbol])
        .filter(|symbol| !SYMBOLS.iter().any(|s| s.name == symbol.as_str()))
        .cloned()
        .collect();
    let check = Phishing {
        symbol: config.symbol,
        exceptions,
        shown,
        strict,
        domains,
    };
    let rule = Rule::check("PHISHING", check);
    vec![own.iter().fold(rule, |rule, symbol| {
        rule.defines(Definition::new(symbol).grouped("phishing").scored(0.0))
    })]
}

/// The redirectors of Debian's list.
fn stock() -> Lists<Hosts> {
    let text = include_str!("../../config/maps/redirectors.map");
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    Lists::inline(&lines)
}

struct Phishing {
    symbol: String,
    exceptions: Vec<(String, Lists<Hosts>)>,
    shown: Vec<(String, Lists<Hosts>)>,
    strict: Vec<(String, Lists<Hosts>)>,
    domains: Option<Lists<Hosts>>,
}

impl Check for Phishing {
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits) {
        for url in scan.mail.urls().iter().filter(|u| u.flags.has(Flags::PHISHED)) {
            if let Some(shown) = url.shown.as_deref() {
                self.judge(scan.compat, url, shown, hits);
            }
        }
    }
}

impl Phishing {
    fn judge(&self, compat: Compat, url: &Url, shown: &Url, hits: &mut Hits) {
        let (real, promised) = (url.tld(), shown.tld());
        let story = format!("{promised}->{real}");
        if real != promised {
            for (symbol, list) in &self.strict {
                if found(list, shown).is_some() {
                    hits.named(symbol, 1.0, vec![story.clone()]);
                }
            }
        }
        let weight = weight(compat, url, shown);
        if weight <= 0.0 {
            return;
        }
        let targets = self.exceptions.iter().map(|exception| (exception, url));
        for ((symbol, list), asked) in targets.chain(self.shown.iter().map(|exception| (exception, shown))) {
            if let Some(which) = found(list, asked) {
                let option = match compat {
                    Compat::V34 => story,
                    Compat::V41 => format!("{story}:{which}"),
                };
                return hits.named(symbol, weight, vec![option]);
            }
        }
        if self.domains.as_ref().is_none_or(|domains| found(domains, shown).is_some()) {
            hits.named(&self.symbol, weight, vec![story]);
        }
    }
}

/// Which name of a URL is listed: its domain, or its host.
fn found<'u>(list: &Lists<Hosts>, url: &'u Url) -> Option<&'u str> {
    [url.tld(), url.host()].into_iter().find(|name| list.any(|hosts| hosts.has(name)))
}

/// How much the domain that is shown looks like a lie: most where it nearly is the real one.
fn weight(compat: Compat, url: &Url, shown: &Url) -> f64 {
    let (real, promised) = (url.tld(), shown.tld());
    if alike(real, promised) {
        return 1.0;
    }
    let (a, b) = compared(compat, url, shown);
    match distance::share(a.as_bytes(), b.as_bytes()) {
        // Only 4.1 comes to this: one name in two countries.
        0.0 => 0.0,
        d if d <= 0.3 => 1.0,
        d if d <= 1.0 => (3.0 * (1.1 - d)).tanh(),
        _ if real.is_ascii() != promised.is_ascii() => 1.0,
        _ => 0.5,
    }
}

/// What is compared of two domains. 3.4: all, but for the last label where both have the same. 4.1: the first labels, where the
/// domains are of a kind that has a first label of its own.
fn compared<'u>(compat: Compat, url: &'u Url, shown: &'u Url) -> (&'u str, &'u str) {
    let (real, promised) = (url.tld(), shown.tld());
    let odd = |u: &Url| u.flags.any(Flags::NUMERIC | Flags::NO_TLD);
    match compat {
        Compat::V34 => match (real.rsplit_once('.'), promised.rsplit_once('.')) {
            (Some((a, end)), Some((b, same))) if end == same => (a, b),
            _ => (real, promised),
        },
        Compat::V41 if odd(url) || odd(shown) => (real, promised),
        Compat::V41 => {
            let first = |name: &'u str| name.split_once('.').map_or(name, |(label, _)| label);
            (first(real), first(promised))
        }
    }
}

/// Domains and hosts; `*` and `?` stand for other letters.
#[derive(Default)]
struct Hosts {
    plain: HashSet<Box<str>>,
    patterns: Vec<Regex>,
}

impl Hosts {
    fn has(&self, name: &str) -> bool {
        self.plain.contains(name) || self.patterns.iter().any(|p| p.is_match(name))
    }
}

impl Content for Hosts {
    fn read(text: &[u8], problem: &mut dyn FnMut(Problem)) -> Hosts {
        let mut hosts = Hosts::default();
        for line in crate::maps::line::lines(text) {
            match line {
                Ok(line) => hosts.take(&line.key.to_lowercase()),
                Err(bad) => problem(bad),
            }
        }
        hosts
    }

    fn len(&self) -> usize {
        self.plain.len() + self.patterns.len()
    }
}

impl Hosts {
    fn take(&mut self, name: &str) {
        if !name.contains(['*', '?']) {
            self.plain.insert(name.into());
            return;
        }
        let pattern = regex::escape(name).replace(r"\*", ".*").replace(r"\?", ".");
        self.patterns.extend(Regex::new(&format!("^{pattern}$")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weigh(compat: Compat, real: &str, promised: &str) -> f64 {
        let url = |host: &str| Url::parse(&format!("http://{host}/")).unwrap();
        (weight(compat, &url(real), &url(promised)) * 1e6).round() / 1e6
    }

    /// Scores of a running 3.4, divided by that of the symbol.
    #[test]
    fn weights_of_3_4() {
        for (real, promised, awaited) in [
            ("example.net", "bank.com", 0.5),
            ("bank.net", "bank.com", 0.781806),
            ("bamk.com", "bank.com", 0.946806),
            ("banks.com", "bank.com", 1.0),
            ("abcdef.com", "abcxef.com", 0.980096),
            ("abcdef.com", "abcxyf.com", 0.861723),
            ("abcdef.com", "abcxyz.com", 0.291313),
            ("google.co.uk", "google.com", 0.976175),
            ("gooogle.com", "google.co.uk", 0.963719),
            ("bank.co.uk", "benk.co.uk", 1.0),
            ("1.2.3.4", "bank.com", 0.5),
            ("1.2.3.4", "1.9.3.4", 0.970452),
            ("bank.com", "b\u{e4}nk.com", 0.861723),
            ("bank.com", "b\u{430}nk.com", 1.0),
            ("\u{43f}\u{440}\u{438}\u{43c}\u{435}\u{440}.\u{440}\u{444}", "bank.com", 1.0),
        ] {
            assert_eq!(weigh(Compat::V34, real, promised), awaited, "{real} {promised}");
        }
    }

    #[test]
    fn weights_of_4_1() {
        assert_eq!(weigh(Compat::V41, "google.co.uk", "google.com"), 0.0);
        assert_eq!(weigh(Compat::V41, "bamk.co.uk", "bank.com"), 0.946806);
        assert_eq!(weigh(Compat::V41, "example.net", "bank.com"), 0.5);
    }

    #[test]
    fn lists_know_patterns() {
        let hosts = Hosts::read(b"t.co\n*.Example.org # mine\n", &mut |_| ());
        assert_eq!(hosts.len(), 2);
        assert!(hosts.has("t.co") && hosts.has("a.example.org"));
        assert!(!hosts.has("at.co") && !hosts.has("example.org") && !hosts.has("a.example.orgs"));
    }
}

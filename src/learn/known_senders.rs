//! Senders that wrote here before, and people whom our users wrote to. Off unless switched on.
//!
//! A sender becomes known by mail that was taken and not held for spam; one whose mail no longer comes is forgotten after `max_ttl`.
//! Whom our users write to is remembered for each of them and for all together. rspamd keeps sorted sets of fixed size; here every
//! acquaintance is an entry with a life of its own.

use super::people::{author, key, taken};
use crate::config::{Diagnostic, Section};
use crate::engine::{After, Ask, Asked, Check, Definition, Hits, Rule, Scan, SoFar, Stage, Symbol, Verdict};
use crate::family::{Family, Services, defaults};
use crate::maps::{Entries, Map, Source};
use crate::store::{Key, Life, Store};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

crate::symbols! {
    "known_senders" {
        KNOWN_SENDER = both(-1.0), "the sender has written here before";
        UNKNOWN_SENDER = both(0.5), "the sender has not written here before";
        INC_MAIL_KNOWN_GLOBALLY = both(-1.0), "somebody here has written to this sender";
        INC_MAIL_KNOWN_LOCALLY = both(-1.0), "every recipient has written to this sender";
    }
}

/// Acquaintances.
pub const FAMILY: Family = Family {
    name: MODULE,
    defaults: Some(defaults::<Config>),
    symbols: SYMBOLS,
    build,
};

const MODULE: &str = "known_senders";
/// Whose entries they are in the store.
const SPACE: &str = "senders";
/// Kinds of entries there: who wrote here; whom somebody wrote to; whom one of us wrote to.
const WROTE: &str = "w";
const GLOBAL: &str = "g";
const LOCAL: &str = "l";

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    enabled: bool,
    #[serde(rename = "disabled")]
    _disabled: Option<bool>,
    domains: Option<Lines>,
    #[serde(with = "crate::base::quantity::duration")]
    max_ttl: Duration,
    max_recipients: usize,
    symbol: String,
    symbol_unknown: String,
    symbol_check_mail_global: String,
    symbol_check_mail_local: String,
    // The engine bounds what it keeps; names of rspamd's keys.
    #[serde(rename = "max_senders")]
    _max_senders: Option<u64>,
    #[serde(rename = "use_bloom")]
    _use_bloom: Option<bool>,
    #[serde(rename = "redis_key")]
    _redis_key: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Lines {
    File(String),
    Inline(Vec<String>),
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: false,
            _disabled: None,
            domains: None,
            max_ttl: Duration::from_secs(30 * 86_400),
            max_recipients: 15,
            symbol: KNOWN_SENDER.name.to_owned(),
            symbol_unknown: UNKNOWN_SENDER.name.to_owned(),
            symbol_check_mail_global: INC_MAIL_KNOWN_GLOBALLY.name.to_owned(),
            symbol_check_mail_local: INC_MAIL_KNOWN_LOCALLY.name.to_owned(),
            _max_senders: None,
            _use_bloom: None,
            _redis_key: None,
        }
    }
}

fn build(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let before = findings.len();
    let Some(section) = section else { return Vec::new() };
    let Some(config) = section.read::<Config>(findings) else {
        return Vec::new();
    };
    if config.max_ttl.is_zero() {
        findings.push(section.error_at("max_ttl", "nobody can be known for no time at all"));
    }
    let domains = config.domains.as_ref().and_then(|lines| open(lines, section, services, findings));
    if !config.enabled || findings.iter().skip(before).any(Diagnostic::is_error) {
        return Vec::new();
    }
    let names = Names {
        known: config.symbol,
        unknown: config.symbol_unknown,
        global: config.symbol_check_mail_global,
        local: config.symbol_check_mail_local,
    };
    let all = [&*names.known, &*names.unknown, &*names.global, &*names.local];
    let Some(store) = services.store_for(MODULE, &all) else {
        return Vec::new();
    };
    let pairs = [
        (&names.known, &KNOWN_SENDER),
        (&names.unknown, &UNKNOWN_SENDER),
        (&names.global, &INC_MAIL_KNOWN_GLOBALLY),
        (&names.local, &INC_MAIL_KNOWN_LOCALLY),
    ];
    let renamed: Vec<Definition> = pairs.iter().filter_map(|(name, symbol)| definition(name, symbol)).collect();
    let (life, most) = (Life::For(config.max_ttl), config.max_recipients);
    let incoming = Incoming {
        store: store.clone(),
        domains,
        names,
        life,
        most,
    };
    let mut check = Rule::ask("KNOWN_SENDERS_CHECK", incoming).giving(SYMBOLS);
    check.symbols = renamed;
    let outgoing = Outgoing { store, life, most };
    vec![check, Rule::check("KNOWN_SENDERS_SET", outgoing).in_stage(Stage::Post).always()]
}

/// A symbol under a name of the administrator's.
fn definition(name: &str, symbol: &'static Symbol) -> Option<Definition> {
    let score = symbol.score_34.unwrap_or(0.0);
    let defined = || Definition::new(name).scored(score).grouped(MODULE).described(symbol.description);
    (name != symbol.name && !name.is_empty()).then(defined)
}

fn open(lines: &Lines, section: &Section, services: &Services, findings: &mut Vec<Diagnostic>) -> Option<Arc<Map<Entries>>> {
    let source = match lines {
        Lines::Inline(list) => Source::Inline(list.clone()),
        Lines::File(text) if text.contains("://") => {
            let finding = section.error_at("domains", format!("`{text}` is not a file; this version fetches no maps"));
            findings.push(finding.help("name a file, or write a list: domains = [\"gmail.com\"]"));
            return None;
        }
        Lines::File(text) => {
            let folder = match text.contains('/') {
                true => Path::new(section.place().file()).parent().unwrap_or(Path::new("")),
                false => &services.folder,
            };
            Source::File(folder.join(text))
        }
    };
    let (map, problems) = services.maps.open(&source);
    for problem in problems {
        findings.push(section.error_at("domains", format!("entry {}: {}", problem.line, problem.reason)));
    }
    Some(map)
}

struct Names {
    known: String,
    unknown: String,
    global: String,
    local: String,
}

/// Looks at mail that comes in.
struct Incoming {
    store: Arc<dyn Store>,
    domains: Option<Arc<Map<Entries>>>,
    names: Names,
    life: Life,
    most: usize,
}

/// Mail of our own users and machines.
fn ours(scan: &Scan<'_>) -> bool {
    scan.envelope.user.is_some() || scan.local_client
}

impl Incoming {
    /// The sender that is kept track of: the envelope's, else the header's, if it is of a listed domain.
    fn tracked(&self, scan: &Scan<'_>) -> Option<(&'static str, String)> {
        let envelope = scan.envelope.sender.as_ref().map(|s| ("smtp", s.address.to_lowercase()));
        let header = scan.mail.from().first().map(|a| ("mime", a.address.to_lowercase()));
        let listed = |address: &str| match (&self.domains, address.rsplit_once('@')) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(map), Some((_, domain))) => map.content().contains(domain),
        };
        [envelope, header].into_iter().flatten().find(|(_, address)| listed(address))
    }

    async fn check(&self, scan: &Scan<'_>) -> Hits {
        let mut hits = Hits::default();
        if ours(scan) {
            return hits;
        }
        let tracked = self.tracked(scan);
        let from = scan.mail.from().first().map(|a| a.address.to_lowercase()).filter(|a| !a.is_empty());
        let mut keys: Vec<Key> = tracked.iter().map(|(_, address)| key(SPACE, WROTE, &[address])).collect();
        let recipients = &scan.envelope.recipients;
        if let Some(from) = &from {
            keys.push(key(SPACE, GLOBAL, &[from]));
            let few = recipients.len() <= self.most;
            let local = recipients.iter().filter(|_| few);
            keys.extend(local.map(|r| key(SPACE, LOCAL, &[&r.address.to_lowercase(), from])));
        }
        if keys.is_empty() {
            return hits;
        }
        let found = match self.store.get_many(&keys).await {
            Ok(found) => found,
            Err(error) => {
                tracing::debug!("senders are not recognised: {error}");
                return hits;
            }
        };
        let mut found = found.into_iter().map(|value| value.is_some());
        if let Some((kind, address)) = tracked {
            let name = if found.next() == Some(true) {
                &self.names.known
            } else {
                &self.names.unknown
            };
            insert(&mut hits, name, format!("{kind}:{address}"));
            if !scan.by_hand {
                hits.after.push(Box::new(Remember {
                    store: self.store.clone(),
                    life: self.life,
                    keys: vec![key(SPACE, WROTE, &[&address])],
                    ham_only: true,
                }));
            }
        }
        if let Some(from) = from {
            if found.next() == Some(true) {
                insert(&mut hits, &self.names.global, from.clone());
            }
            let local: Vec<bool> = found.collect();
            if !local.is_empty() && local.iter().all(|known| *known) {
                insert(&mut hits, &self.names.local, from);
            }
        }
        hits
    }
}

/// A symbol whose name the administrator may have emptied.
fn insert(hits: &mut Hits, name: &str, option: String) {
    if !name.is_empty() {
        hits.named(name, 1.0, vec![option]);
    }
}

impl Ask for Incoming {
    fn ask<'a>(&'a self, scan: &'a Scan<'_>, _: &'a SoFar<'_>) -> Asked<'a> {
        Box::pin(self.check(scan))
    }
}

/// Notes whom our users write to.
struct Outgoing {
    store: Arc<dyn Store>,
    life: Life,
    most: usize,
}

impl Check for Outgoing {
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits) {
        let recipients = &scan.envelope.recipients;
        if !ours(scan) || recipients.is_empty() || recipients.len() > self.most {
            return;
        }
        let Some(author) = author(scan) else { return };
        let mut keys = Vec::with_capacity(recipients.len() * 2);
        for recipient in recipients {
            let address = recipient.address.to_lowercase();
            keys.push(key(SPACE, GLOBAL, &[&address]));
            keys.push(key(SPACE, LOCAL, &[&author, &address]));
        }
        hits.after.push(Box::new(Remember {
            store: self.store.clone(),
            life: self.life,
            keys,
            ham_only: false,
        }));
    }
}

struct Remember {
    store: Arc<dyn Store>,
    life: Life,
    keys: Vec<Key>,
    ham_only: bool,
}

impl After for Remember {
    fn after(self: Box<Self>, verdict: Arc<Verdict>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            if !taken(&verdict) || (self.ham_only && !verdict.action.is_ham()) {
                return;
            }
            let entries: Vec<(Key, Bytes)> = self.keys.into_iter().map(|key| (key, Bytes::from_static(b"1"))).collect();
            if let Err(error) = self.store.put_many(&entries, self.life).await {
                tracing::debug!("an acquaintance is not remembered: {error}");
            }
        })
    }
}

#[cfg(test)]
mod tests;

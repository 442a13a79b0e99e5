//! Answers to mail of our own: the Message-ID of what our users send is remembered for a day, and a message that names it in In-Reply-To
//! and goes to who sent it gets a bonus.
//!
//! Cookies in Message-IDs, with which rspamd can do without a memory, are not made here. References are not looked at: nor does rspamd.

use super::people::{author, hash, key, taken};
use crate::config::{Diagnostic, Section};
use crate::engine::{Action, After, Ask, Asked, Check, Compat, Definition, Hits, PreResult, Rule, Scan, SoFar, Stage, Verdict};
use crate::family::{Family, Services, defaults};
use crate::store::{Key, Life, Store};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

crate::symbols! {
    "replies" {
        REPLY = both(-4.0), "the message answers one that was sent from here";
    }
}

/// Answers to our own mail.
pub const FAMILY: Family = Family {
    name: MODULE,
    defaults: Some(defaults::<Config>),
    symbols: SYMBOLS,
    build,
};

const MODULE: &str = "replies";
/// Message-IDs of one In-Reply-To that are looked up.
const MOST_IDS: usize = 10;
/// Bytes of one Message-ID; longer ones are nobody's.
const LONGEST_ID: usize = 1_000;

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    #[serde(rename = "enabled")]
    _enabled: Option<bool>,
    #[serde(rename = "disabled")]
    _disabled: Option<bool>,
    #[serde(with = "crate::base::quantity::duration")]
    expire: Duration,
    symbol: String,
    score: f64,
    action: Option<String>,
    message: String,
    use_auth: bool,
    use_local: bool,
    min_message_id: usize,
    // Names and sizes of rspamd's keys: ours have a space of their own and a life instead.
    #[serde(rename = "key_prefix")]
    _key_prefix: Option<String>,
    #[serde(rename = "key_size")]
    _key_size: Option<usize>,
    #[serde(rename = "sender_prefix")]
    _sender_prefix: Option<String>,
    #[serde(rename = "sender_key_global")]
    _sender_key_global: Option<String>,
    #[serde(rename = "sender_key_size")]
    _sender_key_size: Option<usize>,
    #[serde(rename = "max_local_size")]
    _max_local_size: Option<usize>,
    #[serde(rename = "max_global_size")]
    _max_global_size: Option<usize>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            _enabled: None,
            _disabled: None,
            expire: Duration::from_secs(86_400),
            symbol: REPLY.name.to_owned(),
            score: -4.0,
            action: None,
            message: "Message is reply to one we originated".to_owned(),
            use_auth: true,
            use_local: true,
            min_message_id: 2,
            _key_prefix: None,
            _key_size: None,
            _sender_prefix: None,
            _sender_key_global: None,
            _sender_key_size: None,
            _max_local_size: None,
            _max_global_size: None,
        }
    }
}

/// Settings of rspamd that this version lacks.
const LATER: [&str; 7] = [
    "cookie",
    "cookie_key",
    "cookie_is_pattern",
    "cookie_valid_time",
    "reply_sender_privacy",
    "reply_sender_privacy_alg",
    "reply_sender_privacy_prefix",
];

fn build(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let before = findings.len();
    let config = section.map_or_else(|| Some(Config::default()), |section| read(section, findings));
    let Some(config) = config else { return Vec::new() };
    let action = config.action.as_deref().and_then(|text| action(text, section, findings));
    if config.expire.is_zero()
        && let Some(section) = section
    {
        findings.push(section.error_at("expire", "nothing can be remembered for no time at all"));
    }
    if findings.iter().skip(before).any(Diagnostic::is_error) {
        return Vec::new();
    }
    let Some(store) = services.store_for(MODULE, &[&config.symbol]) else {
        return Vec::new();
    };
    let set = Outgoing {
        store: store.clone(),
        life: Life::For(config.expire),
        use_auth: config.use_auth,
        use_local: config.use_local,
        shortest: config.min_message_id,
    };
    let definition = Definition::new(&config.symbol).scored(config.score).grouped(MODULE);
    let check = Incoming {
        store,
        symbol: config.symbol,
        decides: action.map(|action| (action, config.message)),
    };
    vec![
        Rule::ask("REPLIES_CHECK", check)
            .in_stage(Stage::Pre)
            .giving(SYMBOLS)
            .defines(definition),
        Rule::check("REPLIES_SET", set).in_stage(Stage::Post).always(),
    ]
}

/// Reads the section; what rspamd has and this version has not is told and left out.
fn read(section: &Section, findings: &mut Vec<Diagnostic>) -> Option<Config> {
    let (known, later) = section.divided(&LATER);
    for name in later {
        let text = format!("`{name}` is known in rspamd, but not in this version; it has no effect");
        findings.push(section.warning_at(name, text));
    }
    known.read(findings)
}

fn action(text: &str, section: Option<&Section>, findings: &mut Vec<Diagnostic>) -> Option<Action> {
    let action = match text.eq_ignore_ascii_case("accept") {
        true => Some(Action::NoAction),
        false => Action::parse(text),
    };
    if let (None, Some(section)) = (action, section) {
        let finding = section.error_at("action", format!("`{text}` is no action"));
        findings.push(finding.help("the actions are those of [actions], `no action` and `accept`"));
    }
    action
}

/// The key of a Message-ID: without its brackets, for some programs leave them out.
fn id_key(id: &str) -> Option<Key> {
    let id = id.trim();
    let bare = id.strip_prefix('<').unwrap_or(id);
    let bare = bare.strip_suffix('>').unwrap_or(bare);
    let sound = !bare.is_empty() && bare.len() <= LONGEST_ID;
    sound.then(|| key(MODULE, "", &[bare]))
}

/// The Message-IDs that a header names: everything in angle brackets, else all of it.
fn ids(value: &str) -> Vec<&str> {
    let bracketed = value.split('<').skip(1).filter_map(|rest| rest.split_once('>'));
    let found: Vec<&str> = bracketed.map(|(id, _)| id).take(MOST_IDS).collect();
    match found.is_empty() {
        true => vec![value],
        false => found,
    }
}

/// What is remembered of an address: eight bytes.
fn mark(address: &str) -> Bytes {
    let hash = hash(&[&address.to_lowercase()]);
    Bytes::copy_from_slice(hash.get(..8).unwrap_or_default())
}

/// Recognises answers.
struct Incoming {
    store: Arc<dyn Store>,
    symbol: String,
    decides: Option<(Action, String)>,
}

impl Incoming {
    async fn check(&self, scan: &Scan<'_>) -> Hits {
        let mut hits = Hits::default();
        let Some(header) = scan.mail.headers().first("In-Reply-To") else {
            return hits;
        };
        let keys: Vec<Key> = ids(header.text()).into_iter().filter_map(id_key).collect();
        if keys.is_empty() {
            return hits;
        }
        let known = match self.store.get_many(&keys).await {
            Ok(known) => known,
            Err(error) => {
                tracing::debug!("answers are not recognised: {error}");
                return hits;
            }
        };
        if !known.iter().flatten().any(|sender| addressed(scan, sender)) {
            return hits;
        }
        hits.named(&self.symbol, 1.0, Vec::new());
        if let Some((action, message)) = &self.decides
            && scan.envelope.user.is_none()
            && !scan.local_client
        {
            let mut decision = PreResult::new(*action, MODULE);
            decision.message = Some(message.clone());
            hits.pre_result(decision);
        }
        hits
    }
}

/// The answer goes to who sent what it answers. 3.4 wants him among the recipients of the header, later versions want him to be the only
/// one of the envelope.
fn addressed(scan: &Scan<'_>, sender: &Bytes) -> bool {
    match scan.compat {
        Compat::V34 => {
            let named = scan.mail.recipients().unwrap_or_default();
            named.iter().any(|r| mark(&r.address) == *sender)
        }
        Compat::V41 => {
            let given = &scan.envelope.recipients;
            !given.is_empty() && given.iter().all(|r| mark(&r.address) == *sender)
        }
    }
}

impl Ask for Incoming {
    fn ask<'a>(&'a self, scan: &'a Scan<'_>, _: &'a SoFar<'_>) -> Asked<'a> {
        Box::pin(self.check(scan))
    }
}

/// Remembers what our users send.
struct Outgoing {
    store: Arc<dyn Store>,
    life: Life,
    use_auth: bool,
    use_local: bool,
    shortest: usize,
}

impl Check for Outgoing {
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits) {
        let ours = (self.use_auth && scan.envelope.user.is_some()) || (self.use_local && scan.local_client);
        if !ours {
            return;
        }
        let Some(id) = scan.mail.headers().first("Message-ID").map(|h| h.text().trim()) else {
            return;
        };
        if id.len() <= self.shortest {
            return;
        }
        if let (Some(key), Some(author)) = (id_key(id), author(scan)) {
            hits.after.push(Box::new(Remember {
                store: self.store.clone(),
                life: self.life,
                entry: (key, mark(&author)),
            }));
        }
    }
}

struct Remember {
    store: Arc<dyn Store>,
    life: Life,
    entry: (Key, Bytes),
}

impl After for Remember {
    fn after(self: Box<Self>, verdict: Arc<Verdict>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            if !taken(&verdict) {
                return;
            }
            if let Err(error) = self.store.put_many(&[self.entry], self.life).await {
                tracing::debug!("answers to a message will not be recognised: {error}");
            }
        })
    }
}

#[cfg(test)]
mod tests;

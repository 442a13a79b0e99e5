//! Greylisting: mail of doubtful score from senders not seen before is asked to come again after a while. Real mail servers do.
//!
//! Beyond rspamd: whoever passed once is not held up again ([`Config::known_senders`]). A DMARC pass does not count yet: there is no DMARC.

mod record;
mod rule;
#[cfg(test)]
mod tests;
pub mod waiting;

use crate::base::quantity::{self, ByteSize};
use crate::base::suggest::nearest;
use crate::config::{Diagnostic, Section};
use crate::engine::{Action, Definition, Rule, Stage};
use crate::family::{Family, Lines, Lists, Services, defaults};
use crate::maps::{Entries, Networks};
use crate::store::Store;
use rule::{After, Before};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

crate::symbols! {
    "ungrouped" {
        GREYLIST = both(0.0), "the message was asked to come again later, or came again and may pass";
    }
}

/// Greylisting.
pub const FAMILY: Family = Family {
    name: "greylist",
    defaults: Some(defaults::<Config>),
    symbols: SYMBOLS,
    build,
};

/// Who decides, in logs and counters.
const MODULE: &str = "greylist";

/// `[modules.greylist]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// The module is in use.
    #[serde(rename = "enabled")]
    _enabled: bool,
    /// How long senders are remembered.
    #[serde(with = "quantity::duration")]
    expire: Duration,
    /// How long a new message waits.
    #[serde(with = "quantity::duration")]
    timeout: Duration,
    /// Accepted; the store has a space of its own for this.
    #[serde(rename = "key_prefix")]
    _key_prefix: String,
    /// So much of the text tells one message from another.
    max_data_len: ByteSize,
    /// Text of the SMTP reply.
    message: String,
    /// Symbol that tells what happened.
    symbol: String,
    /// What is done with a message that has to wait.
    action: String,
    /// Messages with one of these symbols are spared.
    whitelist_symbols: Vec<String>,
    /// Clients that are spared.
    whitelisted_ip: Option<Lines>,
    /// Host names and domains of clients that are spared.
    whitelist_domains_url: Option<Lines>,
    /// Clients of one network count as one.
    ipv4_mask: u8,
    /// The same for version 6.
    ipv6_mask: u8,
    /// From this score on; absent: the threshold of the action greylist.
    greylist_min_score: Option<f64>,
    /// The reply names the time from which the message may pass.
    report_time: bool,
    /// Also clients of our own networks.
    check_local: bool,
    /// Also authenticated users.
    check_authed: bool,
    /// A domain whose mail passed from a network is not held up again there.
    known_senders: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            _enabled: true,
            expire: Duration::from_secs(86_400),
            timeout: Duration::from_secs(300),
            _key_prefix: "rg".to_owned(),
            max_data_len: ByteSize(10_000),
            message: "Try again later".to_owned(),
            symbol: GREYLIST.name.to_owned(),
            action: Action::SoftReject.name().to_owned(),
            whitelist_symbols: Vec::new(),
            whitelisted_ip: None,
            whitelist_domains_url: None,
            ipv4_mask: 19,
            ipv6_mask: 64,
            greylist_min_score: None,
            report_time: false,
            check_local: false,
            check_authed: false,
            known_senders: true,
        }
    }
}

/// What both rules share.
struct Greylist {
    config: Config,
    action: Action,
    addresses: Lists<Networks>,
    hosts: Lists<Entries>,
    store: Arc<dyn Store>,
}

fn build(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let config: Config = section.and_then(|s| s.read(findings)).unwrap_or_default();
    let action = Action::parse(&config.action);
    let (mut addresses, mut hosts) = (Lists::default(), Lists::default());
    if let Some(section) = section {
        check(&config, action, section, findings);
        addresses = Lists::open(config.whitelisted_ip.as_ref(), "whitelisted_ip", section, services, findings);
        hosts = Lists::open(
            config.whitelist_domains_url.as_ref(),
            "whitelist_domains_url",
            section,
            services,
            findings,
        );
    }
    let Some(store) = services.store_for(MODULE, &[GREYLIST.name]) else {
        return Vec::new();
    };
    let own = config.symbol != GREYLIST.name;
    let definition = Definition::new(&config.symbol).scored(0.0).described(GREYLIST.description);
    let shared = Arc::new(Greylist {
        action: action.unwrap_or(Action::SoftReject),
        config,
        addresses,
        hosts,
        store,
    });
    let before = Rule::ask("GREYLIST_CHECK", Before(shared.clone())).in_stage(Stage::Pre);
    let after = Rule::ask("GREYLIST_SAVE", After(shared)).in_stage(Stage::Post);
    let name = |rule: Rule| match own {
        true => rule.defines(definition.clone()),
        false => rule.giving(&[&GREYLIST]),
    };
    vec![name(before), name(after)]
}

/// Values that no message could be treated by.
fn check(config: &Config, action: Option<Action>, section: &Section, findings: &mut Vec<Diagnostic>) {
    if action.is_none() {
        let near = nearest(&config.action, Action::ALL.iter().map(|a| a.name()));
        let help = near.map_or("write \"soft reject\"".to_owned(), |n| format!("did you mean `{n}`?"));
        findings.push(section.error_at("action", format!("`{}` is no action", config.action)).help(help));
    }
    for (key, mask, most) in [("ipv4_mask", config.ipv4_mask, 32), ("ipv6_mask", config.ipv6_mask, 128)] {
        if mask > most {
            findings.push(section.error_at(key, format!("a network has at most {most} bits")));
        }
    }
    if config.expire <= config.timeout {
        let text = "records would be forgotten before their messages may pass";
        findings.push(section.error_at("expire", text).help("choose expire larger than timeout"));
    }
    if config.symbol.is_empty() {
        findings.push(section.error_at("symbol", "the symbol has no name"));
    }
    if config.greylist_min_score.is_some_and(|score| !score.is_finite()) {
        findings.push(section.error_at("greylist_min_score", "this is no score"));
    }
}

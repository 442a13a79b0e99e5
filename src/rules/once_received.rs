//! Mail that came straight from its sender's machine: one Received header or none, from a host that does not look like a mail server.
//! It asks no DNS: where the MTA knows no name of the client, none is looked up, and RDNS_NONE is not ours to say.

use super::received::length;
use crate::config::{Diagnostic, Section};
use crate::engine::{Check, Compat, Hits, Rule, Scan};
use crate::family::{Family, Services, defaults};
use crate::maps::{Map, Networks};
use crate::message::Received;
use crate::message::received::chain;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

crate::symbols! {
    "headers" {
        ONCE_RECEIVED = both(0.1), "at most one Received header, and the client's name is not that of a mail server";
        ONCE_RECEIVED_STRICT = both(4.0), "at most one Received header, and the client's name is that of a dial-up line";
        DIRECT_TO_MX = both(0.0), "a mail program talked to us itself, from a host without a name";
    }
}

/// `[modules.once_received]`.
#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// The module is in use.
    #[serde(rename = "enabled")]
    _enabled: bool,
    /// Texts in the names of mail servers.
    good_host: Words,
    /// Texts in the names of dial-up lines.
    bad_host: Words,
    /// File of networks that are never looked at.
    whitelist: Option<PathBuf>,
    /// Also look at clients of local networks.
    check_local: bool,
    /// Also look at authenticated users.
    check_authed: bool,
}

/// One word or several.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Several(Vec<String>),
}

impl Words {
    fn into_vec(self) -> Vec<String> {
        match self {
            Words::One(word) => vec![word],
            Words::Several(words) => words,
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            _enabled: true,
            good_host: Words::One("mail".into()),
            bad_host: Words::Several(vec!["static".into(), "dynamic".into()]),
            whitelist: None,
            check_local: false,
            check_authed: false,
        }
    }
}

/// Mail that came in one hop.
pub const FAMILY: Family = Family {
    name: "once_received",
    defaults: Some(defaults::<Config>),
    symbols: SYMBOLS,
    build,
};

fn build(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let config: Config = section.and_then(|s| s.read(findings)).unwrap_or_default();
    vec![Rule::check(
        "ONCE_RECEIVED",
        OnceReceived {
            good: config.good_host.into_vec(),
            bad: config.bad_host.into_vec(),
            whitelist: config.whitelist.map(|path| services.maps.file(&path)),
            check_local: config.check_local,
            check_authed: config.check_authed,
        },
    )]
}

struct OnceReceived {
    good: Vec<String>,
    bad: Vec<String>,
    whitelist: Option<Arc<Map<Networks>>>,
    check_local: bool,
    check_authed: bool,
}

impl Check for OnceReceived {
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits) {
        let chain = chain(scan.mail, scan.envelope);
        let newest = chain.headers.first();
        if self.spares(scan) || length(chain, scan.compat) > 1 {
            return;
        }
        // Without a client from the MTA the newest header also speaks for its name, whatever the MTA called it.
        let written = newest.filter(|_| scan.envelope.ip.is_none()).map(|r| r.real_host.as_str());
        match written.filter(|h| h.contains('.')).or(scan.envelope.hostname.as_deref()) {
            // Nobody sent it as far as anybody knows: 4.1 calls that a client without name, too.
            None if scan.client.is_some() || scan.compat == Compat::V41 => nameless(scan, hits),
            name if scan.compat == Compat::V34 => self.judge_34(newest, name, hits),
            name => self.judge_41(newest, name, hits),
        }
    }
}

impl OnceReceived {
    fn spares(&self, scan: &Scan<'_>) -> bool {
        (scan.envelope.user.is_some() && !self.check_authed)
            || (scan.local_client && !self.check_local)
            || self
                .whitelist
                .as_ref()
                .is_some_and(|w| scan.client.is_some_and(|ip| w.content().contains(ip)))
    }

    /// 3.4 with a known name looks at the header only, and at the name only to find a dial-up line.
    fn judge_34(&self, newest: Option<&Received>, name: Option<&str>, hits: &mut Hits) {
        let Some(newest) = newest else { return };
        let written = newest.real_host.to_lowercase();
        if self.is_good(&written) {
            return;
        }
        hits.add(&ONCE_RECEIVED);
        self.strict(name, hits);
    }

    fn judge_41(&self, newest: Option<&Received>, name: Option<&str>, hits: &mut Hits) {
        if name.is_some_and(|n| self.is_good(n)) {
            return;
        }
        if name.is_some() {
            hits.add(&ONCE_RECEIVED);
            if self.strict(name, hits) {
                return;
            }
        }
        let written = newest.map(|r| r.real_host.to_lowercase());
        if written.is_some_and(|w| !self.is_good(&w)) {
            hits.add(&ONCE_RECEIVED);
        }
    }

    fn is_good(&self, name: &str) -> bool {
        self.good.iter().any(|g| name.contains(g.as_str()))
    }

    fn strict(&self, name: Option<&str>, hits: &mut Hits) -> bool {
        let bad = name.and_then(|n| self.bad.iter().find(|b| n.contains(b.as_str())));
        if let Some(bad) = bad {
            hits.with(&ONCE_RECEIVED_STRICT, bad.as_str());
        }
        bad.is_some()
    }
}

fn nameless(scan: &Scan<'_>, hits: &mut Hits) {
    hits.add(&ONCE_RECEIVED);
    let headers = scan.mail.headers();
    if let Some(agent) = headers.first("User-Agent").or_else(|| headers.first("X-Mailer")) {
        hits.with(&DIRECT_TO_MX, agent.value());
    }
}

//! The typed settings of config.md 16, one table a type; families of rules own the tables under `[modules]` themselves.
//!
//! Defaults live in the `Default` of each type; `config/torwart.toml` shows them, and a test holds the two together.

mod actions;
mod address;
mod check;
mod listen;
mod module_names;
mod pending;
mod redis;
mod scan;
mod secret;
mod service;
mod upstream;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use actions::{Actions, Composite, Group, Policy, Rewrite, SymbolSettings, Threshold};
pub use address::{Address, Network};
pub use check::check;
pub use listen::{ControllerListener, HttpListener, Listen, MilterListener, OnFailure, OnOversize, RejectAs, Tls};
pub use module_names::MODULES;
pub use pending::pending;
pub use redis::{KEEPING, Redis, RedisAddress};
pub use scan::{Gtube, OnTimeout, Scan};
pub use secret::{HashKind, Secret};
pub use service::{Dns, Facility, Level, Log, LogTarget, Paths, RspamdTree, UnknownKeys};
pub use upstream::{Autolearn, Backend, Bayes, Rotation, Store, StoreKind, Upstream};

use super::section::Modules;
use super::value::{Place, Value};

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which generation of rspamd symbols and scores follow.
    pub compat: Compat,
    /// An rspamd tree to start from.
    pub rspamd: RspamdTree,
    /// Folders.
    pub paths: Paths,
    /// What is logged, and where to.
    pub log: Log,
    /// Limits and manners of one scan.
    pub scan: Scan,
    /// Name servers.
    pub dns: Dns,
    /// What the daemon listens on.
    pub listen: Listen,
    /// Other scanners that messages may be passed to, by name.
    pub upstream: BTreeMap<String, Upstream>,
    /// Where state is kept.
    pub store: Store,
    /// A Redis server that keeps state.
    pub redis: Redis,
    /// Scores from which something is done.
    pub actions: Actions,
    /// Scores and limits of groups of symbols, by name.
    pub groups: BTreeMap<String, Group>,
    /// Symbols made of other symbols, by name.
    pub composites: BTreeMap<String, Composite>,
    /// The statistical classifier.
    pub bayes: Bayes,
    /// One table for each module.
    pub modules: Modules,
    /// The tree the settings were read from.
    #[serde(skip)]
    pub tree: Tree,
}

impl Config {
    /// Where the setting at `path` was written (`listen.milter.sockets.0`); `None` for a default.
    pub fn place(&self, path: &str) -> Option<Place> {
        self.tree.place(path)
    }
}

/// The tree behind a [`Config`], for the places of its settings. It is no part of what the settings say: all trees are equal.
#[derive(Clone, Default)]
pub struct Tree(pub Option<Arc<Value>>);

// The tree holds passwords as they were written.
impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tree")
    }
}

impl PartialEq for Tree {
    fn eq(&self, _: &Tree) -> bool {
        true
    }
}

impl Tree {
    /// Where the value at `path` was written, if somebody wrote it.
    pub fn place(&self, path: &str) -> Option<Place> {
        self.walk(path.split('.'))
    }

    /// The same for names that may hold dots themselves.
    pub fn place_at(&self, path: &[&str]) -> Option<Place> {
        self.walk(path.iter().copied())
    }

    fn walk<'p>(&self, path: impl Iterator<Item = &'p str>) -> Option<Place> {
        let value = self.0.as_ref()?.at(path)?;
        (!value.place.source().built_in).then(|| value.place.clone())
    }
}

/// The generation of rspamd whose symbols, scores and composites hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compat {
    /// As Debian 12 ships it.
    #[default]
    #[serde(rename = "3.4")]
    V3_4,
    /// The present one.
    #[serde(rename = "4.1")]
    V4_1,
}

/// The name here of a setting that rspamd's configuration calls `name`.
pub fn former_name(name: &str) -> Option<&'static str> {
    const FORMER: [(&str, &str); 26] = [
        ("bind_socket", "sockets"),
        ("listen_socket", "sockets"),
        ("count", "workers"),
        ("task_timeout", "timeout"),
        ("check_timeout", "timeout"),
        ("soft_reject_on_timeout", "on_timeout"),
        ("local_addrs", "local_networks"),
        ("gtube_patterns", "gtube"),
        ("check_all_filters", "stop_at_reject"),
        ("nameserver", "servers"),
        ("server", "servers"),
        ("hosts", "servers"),
        ("retransmits", "retries"),
        ("enable_dnssec", "dnssec"),
        ("secure_ip", "trusted"),
        ("trusted_ips", "trusted"),
        ("enable_password", "write_password"),
        ("reject_message", "reject_text"),
        ("tempfail_message", "tempfail_text"),
        ("quarantine_message", "quarantine_text"),
        ("client_ca_name", "client_ca"),
        ("debug_modules", "debug"),
        ("log_format", "message_format"),
        ("filename", "file"),
        ("username", "user"),
        ("options", "scan"),
    ];
    FORMER.iter().find(|(old, _)| *old == name).map(|(_, new)| *new)
}

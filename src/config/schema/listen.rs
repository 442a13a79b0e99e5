//! `[listen.*]`: what the daemon listens on, and how each listener behaves.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::address::{Address, Network};
use super::secret::Secret;
use crate::base::quantity::{self, Rate};

/// `[listen]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// How long running messages may go on after the daemon was told to stop.
    #[serde(with = "quantity::duration")]
    pub shutdown_grace: Duration,
    /// The MTA's filter protocol.
    pub milter: MilterListener,
    /// Scanning over HTTP.
    pub http: HttpListener,
    /// The administrator's HTTP interface.
    pub controller: ControllerListener,
    /// Orders to the daemon.
    pub control: ControlListener,
}

impl Default for Listen {
    fn default() -> Listen {
        Listen {
            shutdown_grace: Duration::from_secs(25),
            milter: MilterListener::default(),
            http: HttpListener::default(),
            controller: ControllerListener::default(),
            control: ControlListener::default(),
        }
    }
}

fn loopback(port: u16) -> Vec<Address> {
    vec![Address::Tcp {
        host: "127.0.0.1".to_owned(),
        port,
    }]
}

/// `[listen.milter]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MilterListener {
    /// Addresses; an empty list switches the listener off.
    pub sockets: Vec<Address>,
    /// Processes of an rspamd proxy; without meaning here, where one pool of threads serves every listener.
    pub workers: u32,
    /// How long a connection may be silent between messages.
    #[serde(with = "quantity::duration")]
    pub idle_timeout: Duration,
    /// How long after its first byte a packet must be complete.
    #[serde(with = "quantity::duration")]
    pub packet_timeout: Duration,
    /// How long after its MAIL a message must be complete.
    #[serde(with = "quantity::duration")]
    pub message_timeout: Duration,
    /// Connections at a time; 0: as many as there are descriptors.
    pub max_connections: u32,
    /// The answer when a scan failed.
    pub on_failure: OnFailure,
    /// The answer to a message larger than `scan.max_message`.
    pub on_oversize: OnOversize,
    /// Headers taken out of every message that is neither local nor authenticated, because only we may write them.
    pub remove_headers: Vec<String>,
    /// Who scans: `self`, or the name of an `[upstream.*]`.
    pub backend: String,
    /// The header that says `Yes` for the action add header.
    pub spam_header: String,
    /// What is made of the action reject.
    pub reject_as: RejectAs,
    /// The text of a reject whose verdict has none.
    pub reject_text: String,
    /// The text of a temporary failure whose verdict has none.
    pub tempfail_text: String,
    /// The reason given with a quarantine.
    pub quarantine_text: String,
    /// Clients with a TLS certificate of this issuer count as authenticated.
    pub client_ca: String,
    /// `[listen.milter.NAME]`: further listeners of this kind.
    #[serde(skip_deserializing)]
    pub named: BTreeMap<String, MilterListener>,
}

impl Default for MilterListener {
    fn default() -> MilterListener {
        let forged = [
            "X-Spam",
            "X-Spam-Status",
            "X-Spam-Flag",
            "X-Spam-Level",
            "X-Spam-Score",
            "X-Spam-Report",
            "X-Spamd-Bar",
            "X-Spamd-Result",
        ];
        MilterListener {
            sockets: loopback(11332),
            workers: 1,
            idle_timeout: Duration::from_secs(2 * 3600),
            packet_timeout: Duration::from_secs(60),
            message_timeout: Duration::from_secs(15 * 60),
            max_connections: 0,
            on_failure: OnFailure::Tempfail,
            on_oversize: OnOversize::Accept,
            remove_headers: forged.map(str::to_owned).to_vec(),
            backend: "self".to_owned(),
            spam_header: "X-Spam".to_owned(),
            reject_as: RejectAs::Reject,
            reject_text: "Spam message rejected".to_owned(),
            tempfail_text: "Try again later".to_owned(),
            quarantine_text: "Spam message quarantined".to_owned(),
            client_ca: String::new(),
            named: BTreeMap::new(),
        }
    }
}

/// The answer when a scan failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// A temporary failure: the sender comes back.
    #[default]
    Tempfail,
    /// Deliver unscanned.
    Accept,
}

/// The answer to a message that is too large to scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnOversize {
    /// Deliver with a header that says so.
    #[default]
    Accept,
    /// A temporary failure.
    Tempfail,
    /// Refuse with 552.
    Reject,
}

/// What is made of the action reject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RejectAs {
    /// Refuse.
    #[default]
    Reject,
    /// Accept and drop.
    Discard,
    /// Accept and hold.
    Quarantine,
}

/// `[listen.http]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpListener {
    /// Addresses; an empty list switches the listener off.
    pub sockets: Vec<Address>,
    /// Processes of an rspamd worker; without meaning here, where one pool of threads serves every listener.
    pub workers: u32,
    /// How long reading a request or writing a reply may stand still.
    #[serde(with = "quantity::duration")]
    pub io_timeout: Duration,
    /// Certificate and key; both empty: no TLS.
    pub tls: Tls,
    /// Refuse requests that are not encrypted to `keypair`; those from this machine may be.
    pub encrypted_only: bool,
    /// The private key of rspamd's own encryption, in its base32; the public one follows from it.
    pub keypair: Secret,
    /// Let clients name a file of this machine to scan.
    pub allow_local_files: bool,
    /// `[listen.http.NAME]`: further listeners of this kind.
    #[serde(skip_deserializing)]
    pub named: BTreeMap<String, HttpListener>,
}

impl Default for HttpListener {
    fn default() -> HttpListener {
        HttpListener {
            sockets: loopback(11333),
            workers: 4,
            io_timeout: Duration::from_secs(60),
            tls: Tls::default(),
            encrypted_only: false,
            keypair: Secret::default(),
            allow_local_files: false,
            named: BTreeMap::new(),
        }
    }
}

/// Files of a TLS certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The file with the certificate chain.
    pub cert: std::path::PathBuf,
    /// The file with its key.
    pub key: std::path::PathBuf,
}

impl ControllerListener {
    /// Somebody can log in: one of the passwords is set and good.
    pub fn is_guarded(&self) -> bool {
        [&self.password, &self.write_password].into_iter().any(Secret::is_usable)
    }
}

/// `[listen.controller]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControllerListener {
    /// Addresses; an empty list switches the listener off.
    pub sockets: Vec<Address>,
    /// Networks that need no password.
    pub trusted: Vec<Network>,
    /// Proxies whose `X-Forwarded-For` and `X-Real-IP` are believed; from anybody else such a header is ignored.
    pub proxies: Vec<Network>,
    /// The password for looking.
    pub password: Secret,
    /// The password for changing; empty: `password` does.
    pub write_password: Secret,
    /// A folder whose files are served under `/`; empty: none.
    pub static_dir: std::path::PathBuf,
    /// Wrong passwords from one address, after which it is refused; a count of 0 switches this off.
    pub max_auth_failures: Rate,
    /// `[listen.controller.NAME]`: further listeners of this kind.
    #[serde(skip_deserializing)]
    pub named: BTreeMap<String, ControllerListener>,
}

impl Default for ControllerListener {
    fn default() -> ControllerListener {
        ControllerListener {
            sockets: loopback(11334),
            trusted: ["127.0.0.1", "::1"].iter().filter_map(|address| address.parse().ok()).collect(),
            proxies: Vec::new(),
            password: Secret::default(),
            write_password: Secret::default(),
            static_dir: std::path::PathBuf::new(),
            max_auth_failures: Rate {
                count: 10,
                per: Duration::from_secs(60),
            },
            named: BTreeMap::new(),
        }
    }
}

/// `[listen.control]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlListener {
    /// Further unix sockets for orders, beside `control.sock` in the run folder.
    pub sockets: Vec<Address>,
}

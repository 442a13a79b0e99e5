//! Settings of the daemon itself: the tree to migrate from, folders, log, name servers.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::quantity;

/// `[rspamd]`: an existing rspamd tree whose settings come first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RspamdTree {
    /// The folder with `rspamd.conf`; empty: none.
    pub tree: PathBuf,
    /// What to do about names there that nobody knows.
    pub unknown: UnknownKeys,
    /// Folders beside the tree's own that its files may include files from.
    pub include_from: Vec<PathBuf>,
}

/// What to do about unknown settings of an rspamd tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownKeys {
    /// Pass over them.
    Ignore,
    /// Name them.
    #[default]
    Warn,
    /// Refuse to start.
    Error,
}

/// `[paths]`: folders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Paths {
    /// What must survive a restart; empty: `$STATE_DIRECTORY`, else `/var/lib/torwart` for root, else the user's own.
    pub state: PathBuf,
    /// Sockets of a running daemon; empty: `$RUNTIME_DIRECTORY`, else `/run/torwart` for root, else inside the state folder.
    pub run: PathBuf,
    /// Where maps named without a folder are looked for.
    pub maps: PathBuf,
    /// Files with rules of one's own, `*.toml`.
    pub rules: PathBuf,
}

impl Default for Paths {
    fn default() -> Paths {
        Paths {
            state: PathBuf::new(),
            run: PathBuf::new(),
            maps: PathBuf::from("/etc/torwart/maps"),
            rules: PathBuf::from("/etc/torwart/rules"),
        }
    }
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Where the lines go.
    pub target: LogTarget,
    /// The mildest lines written.
    pub level: Level,
    /// The file, for the target `file`.
    pub file: PathBuf,
    /// The facility, for the target `syslog`.
    pub facility: Facility,
    /// One JSON object a line.
    pub json: bool,
    /// Rooms of the program that log at level `debug`, whatever `level` says.
    pub debug: Vec<String>,
    /// The line written for each message; empty: the built-in one.
    pub message_format: String,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            target: LogTarget::Stderr,
            level: Level::Info,
            file: PathBuf::from("/var/log/torwart/torwart.log"),
            facility: Facility::Mail,
            json: false,
            debug: Vec::new(),
            message_format: String::new(),
        }
    }
}

/// Where log lines go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogTarget {
    /// Standard error.
    #[default]
    Stderr,
    /// A file.
    File,
    /// The system log.
    Syslog,
    /// The journal, with fields.
    Journal,
}

/// How important a log line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something failed that an administrator must mend.
    Error,
    /// Something went wrong that the daemon coped with.
    #[serde(alias = "warn")]
    Warning,
    /// One line a message, and changes of state.
    #[default]
    #[serde(alias = "notice")]
    Info,
    /// What each room does.
    Debug,
    /// Every packet.
    Trace,
}

impl Level {
    /// The name in the words of the log filter.
    pub fn filter(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }
}

/// Facilities of the system log that a mail filter may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are syslog's own")]
pub enum Facility {
    Auth,
    Cron,
    Daemon,
    #[default]
    Mail,
    User,
    Local0,
    Local1,
    Local2,
    Local3,
    Local4,
    Local5,
    Local6,
    Local7,
}

/// `[dns]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// Name servers, `address:port`; empty: those of `/etc/resolv.conf`.
    pub servers: Vec<String>,
    /// Wait for one answer.
    #[serde(with = "quantity::duration")]
    pub timeout: Duration,
    /// How often a question is asked again.
    pub retries: u32,
    /// Sockets to one server.
    pub sockets: u32,
    /// Believe only signed answers of signed zones.
    pub dnssec: bool,
}

impl Default for Dns {
    fn default() -> Dns {
        Dns {
            servers: Vec::new(),
            timeout: Duration::from_secs(1),
            retries: 5,
            sockets: 16,
            dnssec: false,
        }
    }
}

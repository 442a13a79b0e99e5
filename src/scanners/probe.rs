//! Looks at scanners apart from any mail: the state of their signatures each minute, and the administrator's test.

use super::antivirus;
use super::clamav::Clamd;
use super::eicar::eicar;
use super::reply::Version;
use crate::config::{Diagnostic, Section};
use crate::family::Services;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Keeps `epoch` at the newest state of signatures among the servers, for as long as it is let. A server that was given up and answers
/// is offered again.
pub(super) async fn follow_version(clamd: Arc<Clamd>, epoch: Arc<ArcSwap<String>>, pause: Duration) {
    loop {
        let mut newest: Option<Version> = None;
        for address in clamd.addresses() {
            match clamd.version(address).await {
                Ok(version) => newest = newest.max(Some(version)),
                Err(failed) => tracing::debug!(target: "torwart::antivirus", scanner = clamd.name(), "no version: {failed}"),
            }
        }
        if let Some(version) = newest {
            let now = version.epoch();
            if **epoch.load() != now {
                tracing::info!(target: "torwart::antivirus", scanner = clamd.name(), "signatures are now {now}");
                epoch.store(Arc::new(now));
            }
        }
        clamd.doubted(pause).await;
    }
}

/// One server and what the test of it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// The scanner's name in the configuration.
    pub scanner: String,
    /// Where the server is.
    pub server: String,
    /// What it said, or why it did not, with what to do.
    pub outcome: Result<Healthy, Sick>,
}

/// A server that found the test virus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healthy {
    /// What it called the test virus.
    pub found: String,
    /// The program's version.
    pub version: String,
    /// The number of its signatures.
    pub signatures: Option<u64>,
    /// When they were made.
    pub date: Option<String>,
    /// How long the scan took.
    pub took: Duration,
}

/// A server that did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sick {
    /// What went wrong.
    pub reason: String,
    /// What to do about it.
    pub help: &'static str,
}

/// Has every server of every scanner in the section find the test virus.
pub async fn test(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Tested> {
    let mut all = Vec::new();
    for options in antivirus::configured(section.filter(|s| s.enabled()), services, findings) {
        let clamd = Clamd::new(&options.name, options.servers, options.manner);
        for address in clamd.addresses() {
            let outcome = examine(&clamd, address).await;
            all.push(Tested {
                scanner: options.name.clone(),
                server: address.to_string(),
                outcome,
            });
        }
    }
    all
}

async fn examine(clamd: &Clamd, address: &crate::upstream::Address) -> Result<Healthy, Sick> {
    let sick = |reason: String| Sick {
        help: help(&reason),
        reason,
    };
    let version = clamd.version(address).await.map_err(|f| sick(f.reason))?;
    let begun = Instant::now();
    let found = clamd.show(address, &eicar()).await.map_err(|f| sick(f.reason))?;
    let took = begun.elapsed();
    let Some(found) = found.into_iter().next() else {
        return Err(Sick {
            reason: "it answers, but does not find the test virus".to_owned(),
            help: "it has no signatures, or not the usual ones: run freshclam, then restart clamd",
        });
    };
    Ok(Healthy {
        found,
        version: version.engine,
        signatures: version.signatures,
        date: version.date,
        took,
    })
}

fn help(reason: &str) -> &'static str {
    for (word, help) in [
        (
            "refused",
            "is clamd running, and do TCPSocket and TCPAddr in clamd.conf name this address?",
        ),
        (
            "no such file",
            "is clamd running, and does LocalSocket in clamd.conf name this path?",
        ),
        (
            "permission denied",
            "put the user of torwart into the group of the socket, or set LocalSocketMode in clamd.conf",
        ),
        (
            "StreamMaxLength",
            "raise StreamMaxLength in clamd.conf to at least scan.max_message",
        ),
        (
            "not an answer of clamd",
            "something else listens there: compare `servers` with clamd.conf",
        ),
        (
            "in time",
            "it hangs or loads its signatures: look at its log, and try again in a minute",
        ),
        ("no connection in", "a firewall swallows the connection, or the host is down"),
    ] {
        if reason.contains(word) {
            return help;
        }
    }
    "look at clamd's log"
}

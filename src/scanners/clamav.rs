//! The talk with clamd: content goes to one of its servers as INSTREAM, to another where that one fails. Remembers no verdict.

use super::reply::{self, Bad, Version};
use crate::upstream::{Address, Change, Failure, Lease, Problem, Servers, connect, exchange};
use std::fmt;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout_at};

/// The port where none is written.
pub(super) const PORT: u16 = 3310;
/// Content goes out in chunks of this size.
const CHUNK: usize = 64 * 1024;
/// While one of them is given up, all servers are looked at this often ...
const SOON: Duration = Duration::from_secs(5);
/// ... and after a failure this soon, once: slow content is not to make a working server count as dead for long.
const AT_ONCE: Duration = Duration::from_secs(1);
/// A server that had less than this part of its time is not blamed for being late.
const ENOUGH: u32 = 4;
/// No more connections at once, whatever the number of messages: clamd's own queue is of this order.
const MOST_CONNECTIONS: usize = 100;

/// How a scanner is asked.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    /// For a connection.
    pub(super) connect: Duration,
    /// For one content on one server.
    pub(super) exchange: Duration,
    /// So often at most one content is sent.
    pub(super) attempts: u32,
}

/// The servers of one configured scanner.
#[derive(Debug)]
pub(super) struct Clamd {
    name: String,
    servers: Servers,
    manner: Manner,
    places: Semaphore,
    doubts: Notify,
}

/// No verdict, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// Who failed.
    pub(super) server: String,
    /// In words.
    pub(super) reason: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.server, self.reason)
    }
}

/// Why one attempt failed.
enum Fault {
    /// The server is in trouble.
    Server(Failure),
    /// The server works, but not on this content.
    Content(Bad),
    /// It was given too little time to tell whether it works.
    Hurry(Failure),
}

impl Clamd {
    pub(super) fn new(name: &str, servers: Vec<Address>, manner: Manner) -> Clamd {
        Clamd {
            name: name.to_owned(),
            servers: Servers::new(servers),
            manner,
            places: Semaphore::new(MOST_CONNECTIONS),
            doubts: Notify::new(),
        }
    }

    /// The name of its block in the configuration.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where its servers are.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.servers.addresses()
    }

    /// Has some content judged: the names of what was found in it.
    pub(super) async fn scan(&self, content: &[u8], until: Instant) -> Result<Vec<String>, Failed> {
        let Ok(Ok(_place)) = timeout_at(until, self.places.acquire()).await else {
            return Err(self.all("no connection free in time"));
        };
        let mut turn = self.servers.turn();
        let mut lease = turn.offer();
        let mut last = None;
        for _ in 0..self.manner.attempts {
            if Instant::now() >= until {
                last = last.or_else(|| Some(self.all("no time left")));
                break;
            }
            let Some(held) = lease.take() else { break };
            let address = held.address();
            let fault = match self.attempt(address, content, until).await {
                Ok(names) => {
                    self.say(address, held.answered(), "");
                    return Ok(names);
                }
                Err(fault) => fault,
            };
            let reason;
            (reason, lease) = self.settle(held, fault, &mut || turn.offer());
            last = Some(Failed {
                server: address.to_string(),
                reason,
            });
        }
        Err(last.unwrap_or_else(|| self.all("left alone for a while after repeated errors")))
    }

    /// Reports a fault; gives its words and whom to ask next.
    fn settle<'s>(&'s self, held: Lease<'s>, fault: Fault, other: &mut dyn FnMut() -> Option<Lease<'s>>) -> (String, Option<Lease<'s>>) {
        let address = held.address();
        match fault {
            Fault::Content(bad) => {
                let reason = bad.to_string();
                self.say(address, held.answered(), "");
                tracing::warn!(target: "torwart::antivirus", scanner = self.name, server = %address, "not scanned: {reason}");
                (reason, other())
            }
            Fault::Server(failure) => {
                // Who was cut off in the middle may just be starting anew; who is not there or hangs is not asked twice.
                let next = match other() {
                    None if failure.problem == Problem::Cut => held.again(),
                    next => next,
                };
                self.say(address, held.failed(), &failure.text);
                self.doubts.notify_one();
                (failure.text, next)
            }
            Fault::Hurry(failure) => (failure.text, None),
        }
    }

    async fn attempt(&self, address: &Address, content: &[u8], until: Instant) -> Result<Vec<String>, Fault> {
        let begun = Instant::now();
        let left = until.saturating_duration_since(begun);
        let fault = |failure: Failure| match failure.problem {
            Problem::Late | Problem::Unreachable if begun.elapsed() >= left && left < self.manner.exchange / ENOUGH => {
                Fault::Hurry(failure)
            }
            _ => Fault::Server(failure),
        };
        let connection = connect(address, self.manner.connect.min(left)).await.map_err(fault)?;
        let until = until.min(Instant::now() + self.manner.exchange);
        let answer = exchange(connection, request(content), reply::complete, reply::LONGEST, until).await;
        let answer = answer.map_err(fault)?;
        tracing::debug!(
            target: "torwart::antivirus",
            scanner = self.name,
            server = %address,
            bytes = content.len(),
            ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            "INSTREAM answered: {}",
            String::from_utf8_lossy(&answer).trim_end_matches(['\0', '\n'])
        );
        reply::read(&answer).map_err(|bad| match bad {
            Bad::TooLarge | Bad::Said(_) => Fault::Content(bad),
            Bad::Cut => Fault::Server(Failure {
                problem: Problem::Cut,
                text: bad.to_string(),
            }),
            // Nobody else will answer there.
            Bad::Strange(_) => Fault::Server(Failure {
                problem: Problem::Late,
                text: bad.to_string(),
            }),
        })
    }

    /// Waits for a reason to look at the servers: some time, or one of them failing.
    pub(super) async fn doubted(&self, pause: Duration) {
        let dead = self.servers.alive() < self.servers.len();
        let pause = if dead { pause.min(SOON) } else { pause };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.doubts.notified() => tokio::time::sleep(pause.min(AT_ONCE)).await,
        }
    }

    /// Asks a server for its version, in the time of one exchange.
    pub(super) async fn version(&self, address: &Address) -> Result<Version, Failed> {
        let failed = |reason: String| Failed {
            server: address.to_string(),
            reason,
        };
        let connection = connect(address, self.manner.connect).await.map_err(|e| failed(e.text))?;
        let until = Instant::now() + self.manner.exchange;
        let request = std::iter::once(b"zVERSION\0".to_vec());
        let answer = exchange(connection, request, reply::complete, reply::LONGEST, until).await;
        let answer = answer.map_err(|e| failed(e.text))?;
        let version = Version::read(&answer).ok_or_else(|| failed("not an answer of clamd to VERSION".to_owned()))?;
        self.servers.seen(address);
        Ok(version)
    }

    /// Shows some content to one server, whatever is thought of its health.
    pub(super) async fn show(&self, address: &Address, content: &[u8]) -> Result<Vec<String>, Failed> {
        let until = Instant::now() + self.manner.connect + self.manner.exchange;
        let shown = self.attempt(address, content, until).await;
        shown.map_err(|fault| Failed {
            server: address.to_string(),
            reason: match fault {
                Fault::Server(failure) | Fault::Hurry(failure) => failure.text,
                Fault::Content(bad) => bad.to_string(),
            },
        })
    }

    /// An outage is said once a server, and its end.
    fn say(&self, address: &Address, change: Change, reason: &str) {
        match change {
            Change::Fails => {
                tracing::warn!(
                    target: "torwart::antivirus", scanner = self.name, server = %address,
                    "the scanner fails: {reason}; said once until it answers again"
                );
            }
            Change::Answers => {
                tracing::info!(target: "torwart::antivirus", scanner = self.name, server = %address, "the scanner answers again");
            }
            Change::None if !reason.is_empty() => {
                tracing::debug!(target: "torwart::antivirus", scanner = self.name, server = %address, "failed again: {reason}");
            }
            Change::None => {}
        }
    }

    /// A failure of all servers together.
    pub(super) fn all(&self, reason: &str) -> Failed {
        let names: Vec<String> = self.addresses().take(3).map(Address::to_string).collect();
        let more = if self.servers.len() > 3 { ", ..." } else { "" };
        Failed {
            server: names.join(", ") + more,
            reason: reason.to_owned(),
        }
    }
}

/// The command, the content in chunks with their lengths, the empty chunk that ends it. Small content is one piece.
fn request(content: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let chunks = content.chunks(CHUNK);
    let count = chunks.len();
    let framed = chunks.enumerate().map(move |(place, chunk)| {
        let mut piece = Vec::with_capacity(chunk.len() + 24);
        if place == 0 {
            piece.extend_from_slice(b"zINSTREAM\0");
        }
        let length = u32::try_from(chunk.len()).expect("a chunk is small");
        piece.extend_from_slice(&length.to_be_bytes());
        piece.extend_from_slice(chunk);
        if place + 1 == count {
            piece.extend_from_slice(&[0; 4]);
        }
        piece
    });
    let empty = (count == 0).then(|| b"zINSTREAM\0\0\0\0\0".to_vec());
    empty.into_iter().chain(framed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What clamd makes of a request.
    fn received(request: &[u8]) -> Option<Vec<u8>> {
        let mut rest = request.strip_prefix(b"zINSTREAM\0")?;
        let mut content = Vec::new();
        loop {
            let (length, behind) = rest.split_first_chunk()?;
            let length = u32::from_be_bytes(*length) as usize;
            if length == 0 {
                return behind.is_empty().then_some(content);
            }
            content.extend_from_slice(behind.get(..length)?);
            rest = behind.get(length..)?;
        }
    }

    proptest! {
        #[test]
        fn content_arrives_as_it_was(length in prop::sample::select(vec![0, 1, 68, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK]), seed in any::<u8>()) {
            let content: Vec<u8> = (0..=255).cycle().map(|n: u8| n.wrapping_mul(31) ^ seed).take(length).collect();
            let sent: Vec<u8> = request(&content).flatten().collect();
            prop_assert_eq!(received(&sent), Some(content));
        }
    }

    #[test]
    fn small_content_is_one_piece() {
        assert_eq!(request(b"x").count(), 1);
        assert_eq!(request(b"").count(), 1);
    }
}

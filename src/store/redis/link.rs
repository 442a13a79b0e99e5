//! One server and the task that keeps its connection: whoever asks finds it up, down or not tried yet, and never waits for it here.

use super::door::{self, Door, Facts, Live};
use super::fault::Fault;
use crate::config::schema::RedisAddress;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How often a connection that nobody complains about is looked after.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// The first pause between two attempts, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// A connection that stood this long was a good one: after it attempts begin anew with the first pause.
const STEADY: Duration = Duration::from_secs(10);

/// How a server stands.
#[derive(Clone)]
pub(super) enum Standing {
    /// Nobody has tried yet.
    New,
    /// It answers.
    Up(Live),
    /// It does not, and why.
    Down(Fault),
}

/// A server with its keeper; dropping it closes the connection.
pub(super) struct Link {
    inner: Arc<Inner>,
    keeper: JoinHandle<()>,
}

struct Inner {
    door: Door,
    standing: Mutex<Standing>,
    /// Somebody had trouble, or wants the server's role asked anew.
    trouble: Notify,
    turns: AtomicU64,
    /// Grows with every change of any link of the store.
    changes: watch::Sender<u64>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Link {
    /// A link that begins to connect at once, on the runtime that this is called on.
    pub fn open(door: Door, changes: watch::Sender<u64>) -> Link {
        let inner = Arc::new(Inner {
            door,
            standing: Mutex::new(Standing::New),
            trouble: Notify::new(),
            turns: AtomicU64::new(0),
            changes,
        });
        Link {
            keeper: tokio::spawn(keep(inner.clone())),
            inner,
        }
    }

    pub fn address(&self) -> &RedisAddress {
        &self.inner.door.address
    }

    pub fn standing(&self) -> Standing {
        self.inner.lock().clone()
    }

    /// The connection, if it stands.
    pub fn live(&self) -> Option<Live> {
        match self.standing() {
            Standing::Up(live) => Some(live),
            _ => None,
        }
    }

    /// Why nobody can be asked there.
    pub fn why(&self) -> Option<Fault> {
        match self.standing() {
            Standing::Down(fault) => Some(fault),
            _ => None,
        }
    }

    /// The connection of that turn failed: from now on it counts as down, until the keeper has a new one.
    pub fn failed(&self, turn: u64, fault: Fault) {
        if self.inner.down(Some(turn), fault) {
            self.inner.trouble.notify_one();
        }
    }

    /// Asks the server anew who it is.
    pub fn doubt(&self) {
        self.inner.trouble.notify_one();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, standing: Standing) {
        *self.lock() = standing;
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Marks it down; with a turn only if that connection is the present one. False if nothing changed.
    fn down(&self, turn: Option<u64>, fault: Fault) -> bool {
        let mut standing = self.lock();
        let changed = match (&*standing, turn) {
            (Standing::Up(live), Some(turn)) => live.turn == turn,
            (_, Some(_)) => false,
            (Standing::Down(known), None) => *known != fault,
            (_, None) => true,
        };
        if changed {
            *standing = Standing::Down(fault);
            drop(standing);
            self.changes.send_modify(|n| *n = n.wrapping_add(1));
        }
        changed
    }
}

/// Keeps the connection for as long as somebody holds the link.
async fn keep(inner: Arc<Inner>) {
    let mut pause = PAUSES.0;
    loop {
        let turn = inner.turns.fetch_add(1, Ordering::Relaxed);
        let wait = inner.door.timeout();
        let opened = timeout(wait, inner.door.open(turn)).await.unwrap_or_else(|_| Err(silent(wait)));
        match opened {
            Ok(live) => {
                let begun = Instant::now();
                inner.say(Standing::Up(live));
                stay(&inner, turn).await;
                if begun.elapsed() > STEADY {
                    pause = PAUSES.0;
                }
            }
            Err(fault) => drop(inner.down(None, fault)),
        }
        tokio::time::sleep(jitter(pause)).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Looks after a connection until it is lost.
async fn stay(inner: &Inner, turn: u64) {
    loop {
        let _ = timeout(HEARTBEAT, inner.trouble.notified()).await;
        let Standing::Up(mut live) = inner.lock().clone() else { return };
        let wait = inner.door.timeout();
        let asked = timeout(wait, door::ask_facts(&mut live.wire, inner.door.kind)).await;
        match asked.unwrap_or_else(|_| Err(silent(wait))) {
            Ok(facts) if facts == live.facts => {}
            Ok(facts) => inner.turned(turn, facts),
            Err(fault) => drop(inner.down(Some(turn), fault)),
        }
    }
}

impl Inner {
    /// The server is something else than it was.
    fn turned(&self, turn: u64, facts: Facts) {
        if let Standing::Up(live) = &mut *self.lock()
            && live.turn == turn
        {
            live.facts = facts;
        }
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }
}

/// Nothing came in this time.
pub(super) fn silent(waited: Duration) -> Fault {
    Fault::Lost(format!("no answer within {waited:?}"))
}

/// Between half of a pause and the whole, so that not everybody comes at once.
fn jitter(pause: Duration) -> Duration {
    let chance = RandomState::new().hash_one(0_u8) % 512;
    pause.mul_f64(0.5 + u32::try_from(chance).map_or(0.0, f64::from) / 1024.0)
}

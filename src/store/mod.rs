//! The memory between messages: counters, values and short lists under names, each with a time to live.
//!
//! Verbs say what is meant, so that every engine can do them in one step. What the daemon must not lose is asked for with
//! [`Store::settle`]; everything else is answered from memory and on disk within a second. The room knows nothing of mail.

pub mod disk;
pub mod embedded;
pub mod folder;
mod front;
pub mod memory;
#[cfg(test)]
mod tests;

pub use embedded::Embedded;
pub use folder::{Folder, Refused};
pub use memory::Memory;

use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// What a verb gives back: at once where the engine is in the process, later where it is elsewhere.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Why a verb could not be carried out. The caller goes on without: mail never waits for a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing was kept or found because the engine is out of order; trying again later makes sense.
    #[error("the store is out of order: {0}")]
    Temporary(String),
    /// There is no room for more.
    #[error("the store is full: {0}")]
    Full(String),
}

/// A name in the store: a space (whose entry it is) and the name inside that space.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Box<[u8]>);

impl Key {
    /// A key; `space` is a plain word such as `stats`.
    pub fn new(space: &'static str, name: impl AsRef<[u8]>) -> Key {
        let name = name.as_ref();
        let mut bytes = Vec::with_capacity(space.len() + 1 + name.len());
        bytes.extend_from_slice(space.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(name);
        Key(bytes.into_boxed_slice())
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// How long an entry lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Until removed.
    Forever,
    /// This long from now; a later write starts anew.
    For(Duration),
}

impl Life {
    /// The moment of expiry in milliseconds since 1970; the largest number means never.
    fn until(self, now: u64) -> u64 {
        match self {
            Life::Forever => u64::MAX,
            Life::For(time) => now.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// How the engine feels: for metrics and `stat`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The engine: `embedded`, `memory`.
    pub kind: &'static str,
    /// It goes on in memory because its disk or server does not take writes.
    pub degraded: bool,
    /// Why, where it is degraded.
    pub reason: Option<String>,
    /// Writes that wait for the disk.
    pub waiting: usize,
}

/// Everything the daemon remembers goes through these verbs.
pub trait Store: Send + Sync {
    /// The values under some keys, in their order; `None` where there is none or it has expired.
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, Vec<Option<Bytes>>>;

    /// Puts a value in place of what was there.
    fn put<'a>(&'a self, key: &'a Key, value: Bytes, life: Life) -> Reply<'a, ()>;

    /// Removes keys, lists included.
    fn remove_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, ()>;

    /// Adds to counters, each from 0 where it is absent, and gives their new values: exact under any concurrency.
    fn add_many<'a>(&'a self, amounts: &'a [(Key, i64)], life: Life) -> Reply<'a, Vec<i64>>;

    /// Appends to a list and keeps its newest `cap` items.
    fn push_capped<'a>(&'a self, list: &'a Key, item: Bytes, cap: usize, life: Life) -> Reply<'a, ()>;

    /// The newest items of a list, newest first.
    fn newest<'a>(&'a self, list: &'a Key, count: usize) -> Reply<'a, Vec<Bytes>>;

    /// Returns when everything said before is on disk, or says that it is not.
    fn settle(&self) -> Reply<'_, ()>;

    /// How the engine feels.
    fn health(&self) -> Health;
}

/// The value of a counter as [`Store::get_many`] gives it; absent or foreign bytes count as 0.
pub fn counter(value: Option<&Bytes>) -> i64 {
    value
        .and_then(|b| <[u8; 8]>::try_from(b.as_ref()).ok())
        .map_or(0, i64::from_le_bytes)
}

fn counter_bytes(value: i64) -> Bytes {
    Bytes::copy_from_slice(&value.to_le_bytes())
}

/// Milliseconds since 1970 by the system's clock.
fn clock() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

fn ready<'a, T: Send + 'a>(result: Result<T, Error>) -> Reply<'a, T> {
    Box::pin(std::future::ready(result))
}

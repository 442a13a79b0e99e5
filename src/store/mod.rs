//! The memory between messages: values, counters, buckets and lists under names, each with a time to live.
//!
//! Verbs say what is meant, so that every engine can do them in one step. What the daemon must not lose is asked for with
//! [`Store::settle`]; everything else is answered from memory and on disk within a second. The room knows nothing of mail.

mod blocks;
mod budget;
mod census;
mod compact;
mod disk;
pub mod embedded;
mod entry;
pub mod export;
pub mod folder;
mod front;
pub mod memory;
mod pail;
mod place;
mod redis;
mod shelf;
mod stores;
mod tables;
#[cfg(test)]
mod tests;
mod view;
mod writer;

pub use embedded::Embedded;
pub use entry::{Bucket, Caps, Content, Cursor, Entry, Key, Level, Life, NoCursor, Page, Position, Scale, Space};
pub use folder::{Folder, Refused};
pub use memory::Memory;
pub use redis::Redis;
pub use stores::Stores;

use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

/// Entries of one page where a space is walked through for one key.
const LOOK: usize = 1_000;

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

/// How the engine feels: for metrics and `stat`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The engine: `embedded`, `redis`, `memory`.
    pub kind: &'static str,
    /// It goes on without its disk or server.
    pub degraded: bool,
    /// Why, where it is degraded.
    pub reason: Option<String>,
    /// Writes that wait for the disk.
    pub waiting: usize,
    /// Round trips made to servers.
    pub trips: u64,
}

/// Everything the daemon remembers goes through these verbs. Each carries its own deadline; many keys cost one round trip.
pub trait Store: Send + Sync {
    /// The values under some keys, in their order; `None` where there is none or it has expired.
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, Vec<Option<Bytes>>>;

    /// Puts values in place of what was there.
    fn put_many<'a>(&'a self, entries: &'a [(Key, Bytes)], life: Life) -> Reply<'a, ()>;

    /// Puts a value where there is none: `None` if this call was the first, else the value that stands there and stays, with its life.
    fn claim<'a>(&'a self, key: &'a Key, value: Bytes, life: Life) -> Reply<'a, Option<Bytes>>;

    /// Removes keys, lists and buckets included.
    fn remove_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, ()>;

    /// Adds to counters, each from 0 where it is absent, and gives their new values: exact under any concurrency.
    fn add_many<'a>(&'a self, amounts: &'a [(Key, i64)], life: Life) -> Reply<'a, Vec<i64>>;

    /// Pours into leaky buckets: each leaks first, then takes its amount if that fits, exactly under any concurrency. A bucket that
    /// overflows takes nothing. A negative amount gives back and always passes.
    fn take<'a>(&'a self, buckets: &'a [Bucket], life: Life) -> Reply<'a, Vec<Level>>;

    /// Multiplies the factors of buckets, within their bounds.
    fn scale<'a>(&'a self, scales: &'a [Scale], life: Life) -> Reply<'a, ()>;

    /// Appends to a list, under the engine's clock, and keeps its newest items within the caps. Gives the item's position.
    fn push_capped<'a>(&'a self, list: &'a Key, item: Bytes, caps: Caps) -> Reply<'a, Position>;

    /// Items of a list, newest first, with their positions: those before `before`, or the newest.
    fn newest<'a>(&'a self, list: &'a Key, before: Option<Position>, count: usize) -> Reply<'a, Vec<(Position, Bytes)>>;

    /// Some entries of one space, or of all, behind a cursor: in the engine's own order, each that lives throughout at least once.
    fn page<'a>(&'a self, space: Option<&'a str>, after: Option<&'a Cursor>, count: usize) -> Reply<'a, Page>;

    /// The value or bucket under a key with what remains of its life; lists are no single entry. For people, not for scans: an
    /// engine that cannot say it directly walks through the space.
    fn look<'a>(&'a self, key: &'a Key) -> Reply<'a, Option<Entry>> {
        Box::pin(async move {
            let mut after = None;
            loop {
                let page = self.page(Some(key.space()), after.as_ref(), LOOK).await?;
                let found = page
                    .entries
                    .into_iter()
                    .find(|e| e.key == *key && !matches!(e.content, Content::Item(..)));
                if found.is_some() || page.next.is_none() {
                    return Ok(found);
                }
                after = page.next;
            }
        })
    }

    /// Puts entries back as [`Store::page`] gave them, list items at their positions; giving one twice changes nothing.
    fn restore<'a>(&'a self, entries: &'a [Entry]) -> Reply<'a, ()>;

    /// What lies in the store, by space.
    fn census(&self) -> Reply<'_, Vec<Space>>;

    /// Removes everything of one space, or everything, and says how many entries; answered once it is safe.
    fn flush<'a>(&'a self, space: Option<&'a str>) -> Reply<'a, u64>;

    /// Returns when everything said before is safe (on disk, taken by the server), or says that it is not.
    fn settle(&self) -> Reply<'_, ()>;

    /// How the engine feels.
    fn health(&self) -> Health;
}

/// The value of a counter as [`Store::get_many`] gives it: a decimal number; absent or foreign bytes count as 0.
pub fn counter(value: Option<&Bytes>) -> i64 {
    let text = value.and_then(|b| std::str::from_utf8(b).ok());
    text.and_then(|t| t.parse().ok()).unwrap_or(0)
}

fn counter_bytes(value: i64) -> Bytes {
    Bytes::from(value.to_string())
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

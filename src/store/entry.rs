//! What the verbs of a store are about: keys, lives, buckets, positions, pages. Pure.

use crate::base::hex;
use bytes::Bytes;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A name in the store: a space (whose entry it is) and the name inside that space.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Box<[u8]>);

impl Key {
    /// A key; `space` is a plain word such as `stats`.
    pub fn new(space: &str, name: impl AsRef<[u8]>) -> Key {
        let name = name.as_ref();
        let mut bytes = Vec::with_capacity(space.len() + 1 + name.len());
        bytes.extend_from_slice(space.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(name);
        Key(bytes.into_boxed_slice())
    }

    /// Whose entry it is.
    pub fn space(&self) -> &str {
        let end = memchr::memchr(0, &self.0).unwrap_or(self.0.len());
        std::str::from_utf8(self.0.get(..end).unwrap_or_default()).unwrap_or_default()
    }

    /// The name inside the space.
    pub fn name(&self) -> &[u8] {
        let end = memchr::memchr(0, &self.0).unwrap_or(self.0.len());
        self.0.get(end + 1..).unwrap_or_default()
    }

    /// The key of such bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Key> {
        let end = memchr::memchr(0, bytes)?;
        std::str::from_utf8(bytes.get(..end)?).ok()?;
        Some(Key(bytes.into()))
    }

    /// Space, NUL, name: the key of engines that know bytes only.
    pub(super) fn bytes(&self) -> &[u8] {
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
    pub(super) fn until(self, now: u64) -> u64 {
        match self {
            Life::Forever => u64::MAX,
            Life::For(time) => now.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// What remains until a moment of expiry.
    pub(super) fn remaining(until: u64, now: u64) -> Life {
        match until {
            u64::MAX => Life::Forever,
            until => Life::For(Duration::from_millis(until.saturating_sub(now))),
        }
    }
}

/// How much of a list is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Its newest items.
    pub items: usize,
    /// Items younger than this.
    pub life: Life,
}

/// Where an item stands in its list: milliseconds since 1970 when it was appended, and its place among those of one millisecond.
/// Positions of a list grow strictly, whatever the clock does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Milliseconds since 1970.
    pub ms: u64,
    /// Within the millisecond.
    pub seq: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// What is poured into a leaky bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// The bucket.
    pub key: Key,
    /// So much is poured in; negative: given back.
    pub amount: f64,
    /// It holds this, times its burst factor.
    pub capacity: f64,
    /// It leaks this in a second, times its rate factor.
    pub rate: f64,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The amount was taken.
    pub passed: bool,
    /// What is in the bucket now.
    pub level: f64,
    /// Its factor of the rate, 1 at first.
    pub rate: f64,
    /// Its factor of the capacity, 1 at first.
    pub burst: f64,
}

/// Changes the factors of a bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// The bucket.
    pub key: Key,
    /// Multiplies the factor of the rate.
    pub rate: f64,
    /// Multiplies the factor of the capacity.
    pub burst: f64,
    /// The rate's factor stays between 1 / this and this.
    pub max_rate: f64,
    /// The capacity's factor stays between 1 / this and this.
    pub max_burst: f64,
}

/// One entry on its way out of a store or back.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name.
    pub key: Key,
    /// What remains of its life.
    pub life: Life,
    /// What it is.
    pub content: Content,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A value or counter.
    Value(Bytes),
    /// One item of a list.
    Item(Position, Bytes),
    /// A bucket: level and factors.
    Bucket {
        /// What is in it.
        level: f64,
        /// The factor of its rate.
        rate: f64,
        /// The factor of its capacity.
        burst: f64,
    },
}

/// Where a walk through the store stands; only the engine that gave it can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub(super) Bytes);

/// Bytes of a cursor's text at most; a cursor may hold the keys of a whole page.
const LONGEST_CURSOR: usize = 16 << 20;

/// A text that was no [`Cursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor: give it back as it came")]
pub struct NoCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Cursor, NoCursor> {
        if text.is_empty() || text.len() > LONGEST_CURSOR {
            return Err(NoCursor);
        }
        hex::decode(text).map(|bytes| Cursor(bytes.into())).ok_or(NoCursor)
    }
}

/// Some entries, and where to go on; no cursor: that was all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Behind the last of them.
    pub next: Option<Cursor>,
}

/// One space of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Its name.
    pub name: String,
    /// Entries, each item of a list counted.
    pub entries: u64,
    /// Bytes of names and contents, about.
    pub bytes: u64,
}

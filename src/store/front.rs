//! What has been said to the embedded store and is not on disk yet. Pure bookkeeping: no disk, no thread, no clock.
//!
//! Two generations: `waiting` collects, `leaving` is being committed. A reader looks in both, newest first, then on disk.

use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// One write: its expiry, and the value (`None`: removed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub until: u64,
    pub value: Option<Bytes>,
}

/// An item appended to a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Push {
    pub list: Box<[u8]>,
    pub cap: usize,
    pub until: u64,
    pub item: Bytes,
}

/// The writes of one commit.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub values: HashMap<Box<[u8]>, Entry>,
    pub cleared: HashSet<Box<[u8]>>,
    pub pushes: Vec<Push>,
    bytes: usize,
}

impl Batch {
    pub fn len(&self) -> usize {
        self.values.len() + self.pushes.len() + self.cleared.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held, with an allowance for the tables around them.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn set(&mut self, key: &[u8], entry: Entry) {
        let size = |e: &Entry| e.value.as_ref().map_or(0, Bytes::len);
        let new = size(&entry);
        match self.values.insert(key.into(), entry) {
            Some(old) => self.bytes = (self.bytes + new).saturating_sub(size(&old)),
            None => self.bytes += key.len() + new + 96,
        }
    }

    fn push(&mut self, push: Push) {
        self.bytes += push.list.len() + push.item.len() + 96;
        self.pushes.push(push);
    }

    fn clear_list(&mut self, list: &[u8]) {
        self.pushes.retain(|p| *p.list != *list);
        if self.cleared.insert(list.into()) {
            self.bytes += list.len() + 48;
        }
    }
}

/// What the front knows of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// A value that lives.
    Value(Bytes),
    /// Removed or expired.
    Absent,
    /// Ask the disk.
    Unknown,
}

/// Both generations.
#[derive(Debug, Default)]
pub(super) struct Front {
    waiting: Batch,
    leaving: Arc<Batch>,
    /// Grows whenever entries move to disk: what was read from disk under an older epoch may be stale.
    pub epoch: u64,
}

impl Front {
    pub fn look(&self, key: &[u8], now: u64) -> Known {
        let entry = self.waiting.values.get(key).or_else(|| self.leaving.values.get(key));
        match entry {
            None => Known::Unknown,
            Some(Entry { until, value: Some(value) }) if *until > now => Known::Value(value.clone()),
            Some(_) => Known::Absent,
        }
    }

    pub fn set(&mut self, key: &[u8], until: u64, value: Bytes) {
        self.waiting.set(key, Entry { until, value: Some(value) });
    }

    pub fn remove(&mut self, key: &[u8]) {
        self.waiting.set(
            key,
            Entry {
                until: u64::MAX,
                value: None,
            },
        );
        self.waiting.clear_list(key);
    }

    pub fn push(&mut self, push: Push) {
        self.waiting.push(push);
    }

    /// Items of a list that are not on disk, newest first, and whether the list on disk still counts.
    pub fn newest(&self, list: &[u8], now: u64) -> (Vec<Bytes>, bool) {
        let mut items = Vec::new();
        for batch in [&self.waiting, &*self.leaving] {
            let own = batch.pushes.iter().rev().filter(|p| *p.list == *list && p.until > now);
            items.extend(own.map(|p| p.item.clone()));
            if batch.cleared.contains(list) {
                return (items, false);
            }
        }
        (items, true)
    }

    /// Waiting writes and their bytes.
    pub fn load(&self) -> (usize, usize) {
        (self.waiting.len() + self.leaving.len(), self.waiting.bytes() + self.leaving.bytes())
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Moves the waiting writes into a commit.
    pub fn leave(&mut self) -> Arc<Batch> {
        self.leaving = Arc::new(std::mem::take(&mut self.waiting));
        self.leaving.clone()
    }

    /// The commit is on disk.
    pub fn arrived(&mut self) {
        self.leaving = Arc::default();
        self.epoch += 1;
    }

    /// The commit failed: its writes wait again, beneath what was said since.
    pub fn bounced(&mut self) {
        let mut merged = (*std::mem::take(&mut self.leaving)).clone();
        let newer = std::mem::take(&mut self.waiting);
        for list in &newer.cleared {
            merged.clear_list(list);
        }
        for (key, entry) in newer.values {
            merged.set(&key, entry);
        }
        for push in newer.pushes {
            merged.push(push);
        }
        self.waiting = merged;
    }
}

//! A store that forgets with the process: for tests, and where no disk is to be touched.

use super::{Error, Health, Key, Life, Reply, Store, clock, counter, counter_bytes, ready};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Entries kept at most; beyond that expired ones go, then new keys are refused.
const MAX_ENTRIES: usize = 1_000_000;

/// The store in memory.
#[derive(Debug, Default)]
pub struct Memory {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    values: HashMap<Key, (u64, Bytes)>,
    lists: HashMap<Key, VecDeque<(u64, Bytes)>>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Memory {
        Memory::default()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn get(&self, key: &Key, now: u64) -> Option<&Bytes> {
        self.values.get(key).filter(|(until, _)| *until > now).map(|(_, v)| v)
    }

    fn room(&mut self, key: &Key, now: u64) -> Result<(), Error> {
        if self.values.len() < MAX_ENTRIES || self.values.contains_key(key) {
            return Ok(());
        }
        self.values.retain(|_, (until, _)| *until > now);
        if self.values.len() < MAX_ENTRIES {
            return Ok(());
        }
        Err(Error::Full(format!("{MAX_ENTRIES} entries in memory")))
    }
}

impl Store for Memory {
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, Vec<Option<Bytes>>> {
        let (tables, now) = (self.tables(), clock());
        ready(Ok(keys.iter().map(|k| tables.get(k, now).cloned()).collect()))
    }

    fn put<'a>(&'a self, key: &'a Key, value: Bytes, life: Life) -> Reply<'a, ()> {
        let (mut tables, now) = (self.tables(), clock());
        if let Err(error) = tables.room(key, now) {
            return ready(Err(error));
        }
        tables.values.insert(key.clone(), (life.until(now), value));
        ready(Ok(()))
    }

    fn remove_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, ()> {
        let mut tables = self.tables();
        for key in keys {
            tables.values.remove(key);
            tables.lists.remove(key);
        }
        ready(Ok(()))
    }

    fn add_many<'a>(&'a self, amounts: &'a [(Key, i64)], life: Life) -> Reply<'a, Vec<i64>> {
        let (mut tables, now) = (self.tables(), clock());
        let mut sums = Vec::with_capacity(amounts.len());
        for (key, amount) in amounts {
            if let Err(error) = tables.room(key, now) {
                return ready(Err(error));
            }
            let sum = counter(tables.get(key, now)).saturating_add(*amount);
            tables.values.insert(key.clone(), (life.until(now), counter_bytes(sum)));
            sums.push(sum);
        }
        ready(Ok(sums))
    }

    fn push_capped<'a>(&'a self, list: &'a Key, item: Bytes, cap: usize, life: Life) -> Reply<'a, ()> {
        let (mut tables, now) = (self.tables(), clock());
        let items = tables.lists.entry(list.clone()).or_default();
        items.push_back((life.until(now), item));
        while items.len() > cap {
            items.pop_front();
        }
        ready(Ok(()))
    }

    fn newest<'a>(&'a self, list: &'a Key, count: usize) -> Reply<'a, Vec<Bytes>> {
        let (tables, now) = (self.tables(), clock());
        let items = tables.lists.get(list).into_iter().flat_map(|l| l.iter().rev());
        ready(Ok(items
            .filter(|(until, _)| *until > now)
            .take(count)
            .map(|(_, v)| v.clone())
            .collect()))
    }

    fn settle(&self) -> Reply<'_, ()> {
        ready(Ok(()))
    }

    fn health(&self) -> Health {
        Health {
            kind: "memory",
            ..Health::default()
        }
    }
}

//! A store that forgets with the process: for tests, and where no disk is to be touched.

use super::entry::{Bucket, Caps, Content, Cursor, Entry, Key, Level, Life, Page, Position, Scale, Space};
use super::pail::Pail;
use super::{Error, Health, Reply, Store, clock, counter, counter_bytes, ready};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Entries kept at most; beyond that expired ones go, then new keys are refused.
const MAX_ENTRIES: usize = 1_000_000;

/// The store in memory.
#[derive(Debug, Default)]
pub struct Memory {
    tables: Mutex<Tables>,
}

/// Items of lists stand behind their list's key, so one walk in order meets everything.
type Place = (Key, Option<Position>);

#[derive(Debug, Default)]
struct Tables {
    rows: BTreeMap<Place, (u64, Row)>,
}

#[derive(Clone, Debug)]
enum Row {
    Value(Bytes),
    Bucket(Pail),
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
        match self.row(key, now) {
            Some(Row::Value(value)) => Some(value),
            _ => None,
        }
    }

    fn row(&self, key: &Key, now: u64) -> Option<&Row> {
        let row = self.rows.get(&(key.clone(), None)).filter(|(until, _)| *until > now);
        row.map(|(_, row)| row)
    }

    fn pail(&self, key: &Key, now: u64) -> Pail {
        match self.row(key, now) {
            Some(Row::Bucket(pail)) => *pail,
            _ => Pail::new(now),
        }
    }

    fn put(&mut self, place: Place, until: u64, row: Row, now: u64) -> Result<(), Error> {
        if self.rows.len() >= MAX_ENTRIES && !self.rows.contains_key(&place) {
            self.rows.retain(|_, (until, _)| *until > now);
            if self.rows.len() >= MAX_ENTRIES {
                return Err(Error::Full(format!("{MAX_ENTRIES} entries in memory")));
            }
        }
        self.rows.insert(place, (until, row));
        Ok(())
    }

    /// Everything that goes by one name.
    fn clear(&mut self, key: &Key) {
        let all: Vec<Place> = self.list(key).map(|(place, _)| place.clone()).collect();
        all.iter().for_each(|place| drop(self.rows.remove(place)));
        self.rows.remove(&(key.clone(), None));
    }

    fn list(&self, key: &Key) -> impl DoubleEndedIterator<Item = (&Place, &(u64, Row))> {
        let first = (key.clone(), Some(Position::default()));
        let last = (
            key.clone(),
            Some(Position {
                ms: u64::MAX,
                seq: u64::MAX,
            }),
        );
        self.rows.range(first..=last)
    }
}

fn take(tables: &mut Tables, bucket: &Bucket, until: u64, now: u64) -> Result<Level, Error> {
    let mut pail = tables.pail(&bucket.key, now);
    let level = pail.take(bucket, now);
    tables.put((bucket.key.clone(), None), until, Row::Bucket(pail), now)?;
    Ok(level)
}

fn entry(place: &Place, until: u64, row: &Row, now: u64) -> Entry {
    Entry {
        key: place.0.clone(),
        life: Life::remaining(until, now),
        content: match (place.1, row) {
            (Some(position), Row::Value(value)) => Content::Item(position, value.clone()),
            (None, Row::Value(value)) => Content::Value(value.clone()),
            (_, Row::Bucket(pail)) => Content::Bucket {
                level: pail.level,
                rate: pail.rate,
                burst: pail.burst,
            },
        },
    }
}

fn cursor(place: &Place) -> Cursor {
    let (ms, seq) = place.1.map_or((0, 0), |p| (p.ms, p.seq));
    let mut bytes = vec![u8::from(place.1.is_some())];
    bytes.extend(ms.to_be_bytes());
    bytes.extend(seq.to_be_bytes());
    bytes.extend(place.0.bytes());
    Cursor(bytes.into())
}

fn place(cursor: &Cursor) -> Option<Place> {
    let (item, rest) = cursor.0.split_first()?;
    let (ms, rest) = rest.split_first_chunk::<8>()?;
    let (seq, key) = rest.split_first_chunk::<8>()?;
    let end = memchr::memchr(0, key)?;
    let key = Key::new(std::str::from_utf8(key.get(..end)?).ok()?, key.get(end + 1..)?);
    let position = Position {
        ms: u64::from_be_bytes(*ms),
        seq: u64::from_be_bytes(*seq),
    };
    Some((key, (*item == 1).then_some(position)))
}

impl Store for Memory {
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, Vec<Option<Bytes>>> {
        let (tables, now) = (self.tables(), clock());
        ready(Ok(keys.iter().map(|k| tables.get(k, now).cloned()).collect()))
    }

    fn put_many<'a>(&'a self, entries: &'a [(Key, Bytes)], life: Life) -> Reply<'a, ()> {
        let (mut tables, now) = (self.tables(), clock());
        let mut put = |(key, value): &(Key, Bytes)| tables.put((key.clone(), None), life.until(now), Row::Value(value.clone()), now);
        ready(entries.iter().try_for_each(&mut put))
    }

    fn claim<'a>(&'a self, key: &'a Key, value: Bytes, life: Life) -> Reply<'a, Option<Bytes>> {
        let (mut tables, now) = (self.tables(), clock());
        if let Some(stands) = tables.get(key, now) {
            return ready(Ok(Some(stands.clone())));
        }
        ready(
            tables
                .put((key.clone(), None), life.until(now), Row::Value(value), now)
                .map(|()| None),
        )
    }

    fn remove_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, ()> {
        let mut tables = self.tables();
        keys.iter().for_each(|key| tables.clear(key));
        ready(Ok(()))
    }

    fn add_many<'a>(&'a self, amounts: &'a [(Key, i64)], life: Life) -> Reply<'a, Vec<i64>> {
        let (mut tables, now) = (self.tables(), clock());
        let mut add = |(key, amount): &(Key, i64)| {
            let sum = counter(tables.get(key, now)).saturating_add(*amount);
            let row = Row::Value(counter_bytes(sum));
            tables.put((key.clone(), None), life.until(now), row, now).map(|()| sum)
        };
        ready(amounts.iter().map(&mut add).collect())
    }

    fn take<'a>(&'a self, buckets: &'a [Bucket], life: Life) -> Reply<'a, Vec<Level>> {
        let (mut tables, now) = (self.tables(), clock());
        ready(buckets.iter().map(|b| take(&mut tables, b, life.until(now), now)).collect())
    }

    fn scale<'a>(&'a self, scales: &'a [Scale], life: Life) -> Reply<'a, ()> {
        let (mut tables, now) = (self.tables(), clock());
        let mut scale = |s: &Scale| {
            let mut pail = tables.pail(&s.key, now);
            pail.scale(s);
            tables.put((s.key.clone(), None), life.until(now), Row::Bucket(pail), now)
        };
        ready(scales.iter().try_for_each(&mut scale))
    }

    fn push_capped<'a>(&'a self, list: &'a Key, item: Bytes, caps: Caps) -> Reply<'a, Position> {
        let (mut tables, now) = (self.tables(), clock());
        let last = tables.list(list).next_back().and_then(|(place, _)| place.1);
        let position = match last {
            Some(last) if last.ms >= now => Position {
                ms: last.ms,
                seq: last.seq + 1,
            },
            _ => Position { ms: now, seq: 0 },
        };
        let place = (list.clone(), Some(position));
        let put = tables.put(place, caps.life.until(now), Row::Value(item), now);
        let over = tables.list(list).count().saturating_sub(caps.items);
        let old: Vec<Place> = tables.list(list).take(over).map(|(place, _)| place.clone()).collect();
        old.iter().for_each(|place| drop(tables.rows.remove(place)));
        ready(put.map(|()| position))
    }

    fn newest<'a>(&'a self, list: &'a Key, before: Option<Position>, count: usize) -> Reply<'a, Vec<(Position, Bytes)>> {
        let (tables, now) = (self.tables(), clock());
        let living = tables.list(list).rev().filter(|(_, (until, _))| *until > now);
        let items = living.filter_map(|(place, (_, row))| match row {
            Row::Value(value) => Some((place.1?, value.clone())),
            Row::Bucket(_) => None,
        });
        let asked = items.filter(|(position, _)| before.is_none_or(|b| *position < b));
        ready(Ok(asked.take(count).collect()))
    }

    fn page<'a>(&'a self, space: Option<&'a str>, after: Option<&'a Cursor>, count: usize) -> Reply<'a, Page> {
        let (tables, now) = (self.tables(), clock());
        let from = match after.and_then(place) {
            Some(place) => Bound::Excluded(place),
            None => Bound::Included((Key::new(space.unwrap_or_default(), ""), None)),
        };
        let rows = tables.rows.range((from, Bound::Unbounded)).filter(|(_, (until, _))| *until > now);
        let mut mine = rows.filter(|(place, _)| space.is_none_or(|s| place.0.space() == s));
        let taken: Vec<_> = mine.by_ref().take(count).collect();
        let next = taken.last().map(|(place, _)| cursor(place)).filter(|_| mine.next().is_some());
        let entries = taken.into_iter().map(|(place, (until, row))| entry(place, *until, row, now));
        ready(Ok(Page {
            entries: entries.collect(),
            next,
        }))
    }

    fn look<'a>(&'a self, key: &'a Key) -> Reply<'a, Option<Entry>> {
        let (tables, now) = (self.tables(), clock());
        let place = (key.clone(), None);
        let row = tables.rows.get(&place).filter(|(until, _)| *until > now);
        ready(Ok(row.map(|(until, row)| entry(&place, *until, row, now))))
    }

    fn restore<'a>(&'a self, entries: &'a [Entry]) -> Reply<'a, ()> {
        let (mut tables, now) = (self.tables(), clock());
        let mut put = |entry: &Entry| {
            let (position, row) = match &entry.content {
                Content::Value(value) => (None, Row::Value(value.clone())),
                Content::Item(position, item) => (Some(*position), Row::Value(item.clone())),
                Content::Bucket { level, rate, burst } => {
                    let (level, rate, burst) = (*level, *rate, *burst);
                    let pail = Pail {
                        level,
                        at: now,
                        rate,
                        burst,
                    };
                    (None, Row::Bucket(pail))
                }
            };
            tables.put((entry.key.clone(), position), entry.life.until(now), row, now)
        };
        ready(entries.iter().try_for_each(&mut put))
    }

    fn census(&self) -> Reply<'_, Vec<Space>> {
        let (tables, now) = (self.tables(), clock());
        let mut spaces: Vec<Space> = Vec::new();
        for (place, (_, row)) in tables.rows.iter().filter(|(_, (until, _))| *until > now) {
            let name = place.0.space();
            if spaces.last().is_none_or(|s| s.name != name) {
                spaces.push(Space {
                    name: name.to_owned(),
                    ..Space::default()
                });
            }
            let size = match row {
                Row::Value(value) => value.len(),
                Row::Bucket(_) => size_of::<Pail>(),
            };
            if let Some(space) = spaces.last_mut() {
                space.entries += 1;
                space.bytes += (place.0.name().len() + size) as u64;
            }
        }
        ready(Ok(spaces))
    }

    fn flush<'a>(&'a self, space: Option<&'a str>) -> Reply<'a, u64> {
        let mut tables = self.tables();
        let before = tables.rows.len();
        tables.rows.retain(|place, _| space.is_some_and(|s| place.0.space() != s));
        ready(Ok((before - tables.rows.len()) as u64))
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

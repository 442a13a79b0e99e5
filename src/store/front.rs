//! What has been said to the embedded store and is not on disk yet. Pure bookkeeping: no disk, no thread, no clock.
//!
//! Two generations: `waiting` collects, `leaving` is being committed. A reader looks in both, newest first, then on disk.

use super::entry::Position;
use super::place::{self, Place, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// Bytes that the tables around one entry cost, about.
const AROUND: usize = 96;

/// One write: its expiry, and what lies there (`None`: removed).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    pub until: u64,
    pub row: Option<Row>,
}

impl Cell {
    fn size(&self) -> usize {
        match &self.row {
            Some(Row::Value(value)) => value.len(),
            _ => 0,
        }
    }

    fn living(&self, now: u64) -> Option<(u64, Row)> {
        let row = self.row.as_ref().filter(|_| self.until > now)?;
        Some((self.until, row.clone()))
    }
}

/// The writes of one commit: first whole spaces go, then everything under some stems, then come the rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub flushed: BTreeSet<String>,
    pub cleared: BTreeSet<Place>,
    pub rows: BTreeMap<Place, Cell>,
    /// The greatest position given, where one was.
    pub last: Option<Position>,
    bytes: usize,
}

impl Batch {
    pub fn len(&self) -> usize {
        self.rows.len() + self.cleared.len() + self.flushed.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn set(&mut self, place: Place, cell: Cell) {
        self.bytes += cell.size();
        let around = place.len() + AROUND;
        match self.rows.insert(place, cell) {
            Some(old) => self.bytes = self.bytes.saturating_sub(old.size()),
            None => self.bytes += around,
        }
    }

    fn take(&mut self, place: &[u8]) -> Option<(Place, Cell)> {
        let (place, cell) = self.rows.remove_entry(place)?;
        self.bytes = self.bytes.saturating_sub(cell.size() + place.len() + AROUND);
        Some((place, cell))
    }

    /// Takes out what begins so and then has no such byte.
    fn drain(&mut self, beginning: &[u8], but: Option<u8>) -> Vec<(Place, Cell)> {
        let from = self.rows.range::<[u8], _>((Bound::Included(beginning), Bound::Unbounded));
        let mine = from.map(|(p, _)| p).take_while(|p| p.starts_with(beginning));
        let all: Vec<Place> = mine
            .filter(|p| but.is_none() || p.get(beginning.len()).copied() != but)
            .cloned()
            .collect();
        all.iter().filter_map(|place| self.take(place)).collect()
    }

    fn clear(&mut self, stem: &[u8]) {
        // Behind FF the name goes on.
        self.drain(stem, Some(0xFF));
        if self.cleared.insert(stem.into()) {
            self.bytes += stem.len() + AROUND;
        }
    }

    fn flush(&mut self, space: &str) -> Vec<(Place, Cell)> {
        let mut beginning = space.as_bytes().to_vec();
        beginning.push(0);
        let gone: Vec<Place> = self.cleared.iter().filter(|s| s.starts_with(&beginning)).cloned().collect();
        for stem in gone {
            self.cleared.remove(&stem);
            self.bytes = self.bytes.saturating_sub(stem.len() + AROUND);
        }
        self.flushed.insert(space.to_owned());
        self.drain(&beginning, None)
    }

    /// Whether what lies there on disk goes with this commit.
    fn hides(&self, place: &[u8]) -> bool {
        (!self.flushed.is_empty() && self.flushed.contains(place::space(place)))
            || (!self.cleared.is_empty() && place::split(place).is_some_and(|(stem, _)| self.cleared.contains(stem)))
    }

    fn note(&mut self, position: Position) {
        self.last = self.last.max(Some(position));
    }
}

/// What the front knows of a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Known {
    /// Something that lives, until then.
    Row(u64, Row),
    /// Removed or expired.
    Absent,
    /// Ask the disk.
    Unknown,
}

impl Known {
    /// What lies there, after the disk was asked.
    pub fn or(self, on_disk: Option<(u64, Row)>, now: u64) -> Option<(u64, Row)> {
        match self {
            Known::Row(until, row) => Some((until, row)),
            Known::Absent => None,
            Known::Unknown => on_disk.filter(|(until, _)| *until > now),
        }
    }
}

/// Both generations.
#[derive(Debug, Default)]
pub(super) struct Front {
    waiting: Batch,
    leaving: Arc<Batch>,
    /// Grows whenever entries move to disk: what was read from disk under an older epoch may be stale.
    pub epoch: u64,
    /// The greatest position ever given.
    pub last: Position,
}

impl Front {
    pub fn look(&self, place: &[u8], now: u64) -> Known {
        for batch in [&self.waiting, &*self.leaving] {
            if let Some(cell) = batch.rows.get(place) {
                return cell.living(now).map_or(Known::Absent, |(until, row)| Known::Row(until, row));
            }
            if batch.hides(place) {
                return Known::Absent;
            }
        }
        Known::Unknown
    }

    /// Whether an entry waits that another in its place would only replace.
    pub fn holds(&self, place: &[u8]) -> bool {
        self.waiting.rows.contains_key(place)
    }

    pub fn set(&mut self, place: Place, until: u64, row: Row) {
        let row = Some(row);
        self.waiting.set(place, Cell { until, row });
    }

    pub fn remove(&mut self, place: Place) {
        let until = u64::MAX;
        self.waiting.set(place, Cell { until, row: None });
    }

    /// Removes everything under a stem.
    pub fn clear(&mut self, stem: &[u8]) {
        self.waiting.clear(stem);
    }

    /// Removes a whole space; gives what waited in it.
    pub fn flush(&mut self, space: &str) -> Vec<(Place, Cell)> {
        self.waiting.flush(space)
    }

    /// The position of the next item: later than every one before, whatever the clock does.
    pub fn position(&mut self, now: u64) -> Position {
        let next = match self.last {
            last if now > last.ms => Position { ms: now, seq: 0 },
            Position { ms, seq: u64::MAX } => Position {
                ms: ms.saturating_add(1),
                seq: 0,
            },
            Position { ms, seq } => Position { ms, seq: seq + 1 },
        };
        self.note(next);
        next
    }

    /// A position was given elsewhere.
    pub fn note(&mut self, position: Position) {
        if position > self.last {
            self.last = position;
            self.waiting.note(position);
        }
    }

    /// What lies in a range once rows of the disk are known: `rows` are all of the disk's in it. Heads stay out.
    pub fn overlay(&self, rows: Vec<(Place, u64, Row)>, range: (Bound<&[u8]>, Bound<&[u8]>), now: u64) -> BTreeMap<Place, (u64, Row)> {
        let mut merged = BTreeMap::new();
        for (place, until, row) in rows {
            if until > now && !self.waiting.hides(&place) && !self.leaving.hides(&place) {
                merged.insert(place, (until, row));
            }
        }
        for (batch, above) in [(&*self.leaving, Some(&self.waiting)), (&self.waiting, None)] {
            for (place, cell) in batch.rows.range::<[u8], _>(range) {
                let gone = above.is_some_and(|a| a.hides(place)) || place::is_head(place);
                match cell.living(now).filter(|_| !gone) {
                    Some(living) => drop(merged.insert(place.clone(), living)),
                    None => drop(merged.remove(place)),
                }
            }
        }
        merged
    }

    /// Everything that is not on disk yet, as it will be: `None` where it goes.
    pub fn unwritten(&self, now: u64) -> BTreeMap<Place, Option<(u64, Row)>> {
        let mut all: BTreeMap<Place, _> = BTreeMap::new();
        for batch in [&*self.leaving, &self.waiting] {
            all.retain(|place, _| !batch.hides(place));
            all.extend(batch.rows.iter().map(|(place, cell)| (place.clone(), cell.living(now))));
        }
        all.retain(|place, _| !place::is_head(place));
        all
    }

    /// Whether what lies there on disk is about to go with its space or name.
    pub fn hides(&self, place: &[u8]) -> bool {
        self.waiting.hides(place) || self.leaving.hides(place)
    }

    /// Spaces about to go.
    pub fn flushes(&self, space: &str) -> bool {
        self.waiting.flushed.contains(space) || self.leaving.flushed.contains(space)
    }

    /// Waiting writes and their bytes.
    pub fn load(&self) -> (usize, usize) {
        (self.waiting.len() + self.leaving.len(), self.waiting.bytes + self.leaving.bytes)
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
        let leaving = std::mem::take(&mut self.leaving);
        let mut merged = Arc::try_unwrap(leaving).unwrap_or_else(|shared| (*shared).clone());
        let newer = std::mem::take(&mut self.waiting);
        for space in &newer.flushed {
            merged.flush(space);
        }
        for stem in &newer.cleared {
            merged.clear(stem);
        }
        for (place, cell) in newer.rows {
            merged.set(place, cell);
        }
        merged.last = merged.last.max(newer.last);
        self.waiting = merged;
        self.epoch += 1;
    }

    /// The disk starts anew: nothing read from it counts, and the greatest position must be written again.
    pub fn renewed(&mut self) {
        self.epoch += 1;
        self.waiting.last = Some(self.last);
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Key;
    use super::super::place::Kind;
    use super::*;
    use bytes::Bytes;

    fn at(name: &str) -> Place {
        place::place(&Key::new("s", name), Kind::One)
    }

    fn value(text: &'static str) -> Row {
        Row::Value(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn the_newest_word_counts() {
        let mut front = Front::default();
        assert_eq!(front.look(&at("a"), 5), Known::Unknown);
        front.set(at("a"), 10, value("1"));
        front.leave();
        assert_eq!(front.look(&at("a"), 5), Known::Row(10, value("1")));
        front.set(at("a"), 20, value("2"));
        assert_eq!(front.look(&at("a"), 15), Known::Row(20, value("2")));
        assert_eq!(front.look(&at("a"), 20), Known::Absent, "expired");
        front.remove(at("a"));
        assert_eq!(front.look(&at("a"), 5), Known::Absent);
        front.bounced();
        assert_eq!(front.look(&at("a"), 5), Known::Absent, "what was said since stays above");
        assert_eq!(front.load().0, 1);
    }

    #[test]
    fn a_flush_hides_what_was_before_and_not_what_comes_after() {
        let mut front = Front::default();
        front.set(at("a"), 10, value("1"));
        front.leave();
        front.set(at("b"), 10, value("2"));
        assert_eq!(front.flush("s").len(), 1);
        front.set(at("c"), 10, value("3"));
        for gone in ["a", "b", "on disk"] {
            assert_eq!(front.look(&at(gone), 5), Known::Absent, "{gone}");
        }
        front.bounced();
        assert_eq!(front.look(&at("a"), 5), Known::Absent);
        assert_eq!(front.look(&at("c"), 5), Known::Row(10, value("3")));
        let other = place::place(&Key::new("other", "a"), Kind::One);
        assert_eq!(front.look(&other, 5), Known::Unknown);
        let disk = vec![(at("x"), 10, value("x")), (other.clone(), 10, value("o"))];
        let seen = front.overlay(disk, (Bound::Unbounded, Bound::Unbounded), 5);
        assert_eq!(seen.keys().collect::<Vec<_>>(), [&other, &at("c")]);
    }

    #[test]
    fn positions_grow_with_any_clock() {
        let mut front = Front::default();
        let mut last = Position::default();
        for now in [5, 5, 3, 9, 1, 9] {
            let next = front.position(now);
            assert!(next > last);
            last = next;
        }
        front.note(Position { ms: 20, seq: u64::MAX });
        assert_eq!(front.position(10), Position { ms: 21, seq: 0 });
    }

    #[test]
    fn bytes_are_counted_to_zero() {
        let mut front = Front::default();
        for text in ["1", "22", "3"] {
            front.set(at("a"), 10, value(text));
        }
        front.clear(&place::stem(&Key::new("s", "a")));
        front.set(at("b"), 10, value("9"));
        assert!(front.load().1 > 0);
        front.flush("s");
        assert_eq!(front.load(), (1, 0));
    }
}

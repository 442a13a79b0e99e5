//! One change as it is made: what it reads, under the lock or from disk, and what it writes. Touches no disk itself.

use super::budget::{Budget, Role};
use super::entry::{Key, Position};
use super::front::{Front, Known};
use super::place::{self, Head, Kind, Place, Row};
use super::{Error, tables};
use std::collections::HashMap;
use std::ops::Bound;

/// Bytes kept in memory while the disk takes nothing; beyond them nothing more is taken.
pub(super) const MAX_WAITING: usize = 64 << 20;

/// Why a change stops before its end.
#[derive(Debug)]
pub(super) enum Halt {
    /// These must be read from disk first.
    Rows(Vec<Place>),
    /// The oldest items of a list, from a place on.
    Oldest { from: Place, to: Place, count: usize },
    /// It cannot be done.
    Refused(Error),
}

/// What was read from disk for a change, and at which epoch.
#[derive(Default)]
pub(super) struct Readings {
    pub epoch: u64,
    pub rows: HashMap<Place, Option<(u64, Row)>>,
    pub oldest: HashMap<Place, tables::Rows>,
}

impl Readings {
    pub fn at(epoch: u64) -> Readings {
        Readings {
            epoch,
            ..Readings::default()
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.oldest.is_empty()
    }

    /// Keeps what was read for a halt; what was not found is absent.
    pub fn note(&mut self, halt: Halt, rows: Vec<(Place, Option<(u64, Row)>)>, oldest: Option<tables::Rows>) {
        match halt {
            Halt::Rows(places) => {
                self.rows.extend(places.into_iter().map(|place| (place, None)));
                self.rows.extend(rows);
            }
            Halt::Oldest { from, .. } => drop(self.oldest.insert(from, oldest.unwrap_or((Vec::new(), true)))),
            Halt::Refused(_) => {}
        }
    }
}

/// What a change sees and does.
pub(super) struct View<'v> {
    pub front: &'v mut Front,
    pub readings: &'v Readings,
    pub budget: &'v Budget,
    pub role: Role,
    pub now: u64,
}

impl View<'_> {
    /// Asks for all of these at once.
    pub fn want(&self, places: &[Place]) -> Result<(), Halt> {
        let unknown = |p: &&Place| self.front.look(p, self.now) == Known::Unknown && !self.readings.rows.contains_key(*p);
        let missing: Vec<Place> = places.iter().filter(unknown).cloned().collect();
        if missing.is_empty() { Ok(()) } else { Err(Halt::Rows(missing)) }
    }

    /// What lives at a place.
    pub fn get(&self, place: &Place) -> Result<Option<(u64, Row)>, Halt> {
        self.at(place, self.now)
    }

    /// What lies there, expired or not.
    pub fn lies(&self, place: &Place) -> Result<bool, Halt> {
        Ok(self.at(place, 0)?.is_some())
    }

    fn at(&self, place: &Place, now: u64) -> Result<Option<(u64, Row)>, Halt> {
        let known = self.front.look(place, now);
        let on_disk = match (&known, self.readings.rows.get(place)) {
            (Known::Unknown, None) => return Err(Halt::Rows(vec![place.clone()])),
            (Known::Unknown, Some(read)) => read.clone(),
            _ => None,
        };
        Ok(known.or(on_disk, now))
    }

    /// The head of a list.
    pub fn head(&self, key: &Key) -> Result<Head, Halt> {
        match self.get(&place::place(key, Kind::Head))? {
            Some((_, Row::Head(head))) => Ok(head),
            _ => Ok(Head::default()),
        }
    }

    /// The oldest items of a list, expired ones too.
    pub fn oldest(&self, key: &Key, floor: Position, count: usize) -> Result<Vec<Place>, Halt> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let (from, to) = (place::place(key, Kind::Item(floor)), place::place(key, Kind::Head));
        let (rows, done) = match self.readings.oldest.get(&from) {
            Some(read) => read,
            None if self.front.hides(&to) => &(Vec::new(), true),
            None => return Err(Halt::Oldest { from, to, count }),
        };
        let upper = match rows.last().filter(|_| !done) {
            Some((last, _, _)) => Bound::Included(&**last),
            None => Bound::Excluded(&*to),
        };
        let seen = self.front.overlay(rows.clone(), (Bound::Included(&from), upper), 0);
        Ok(seen.into_keys().take(count).collect())
    }

    /// Refuses what there is no room for; `known`: something is there already.
    pub fn room(&self, place: &Place, known: bool, until: u64) -> Result<(), Halt> {
        let refused = |text: String| Err(Halt::Refused(Error::Full(text)));
        if self.front.load().1 >= MAX_WAITING && !self.front.holds(place) {
            return refused(format!("{} MiB wait for the disk", MAX_WAITING >> 20));
        }
        if !known && until != u64::MAX && self.budget.full(self.role) {
            return refused(format!("it holds its {}", self.budget.limit()));
        }
        Ok(())
    }

    /// True where it matters for [`View::room`] whether something is there already.
    pub fn is_tight(&self) -> bool {
        self.budget.full(self.role)
    }

    pub fn set(&mut self, place: Place, until: u64, row: Row) {
        self.front.set(place, until, row);
    }

    /// Removes items of one list, its oldest or expired ones.
    pub fn drop_items(&mut self, key: &Key, mut head: Head, items: Vec<Place>) {
        head.count = head.count.saturating_sub(items.len() as u64);
        for item in items {
            self.front.remove(item);
        }
        self.set_head(key, head);
    }

    /// Removes the oldest items of a list; nothing lies before the last of them any more.
    pub fn drop_oldest(&mut self, key: &Key, mut head: Head, items: Vec<Place>) {
        if let Some((_, Kind::Item(position))) = items.last().and_then(|p| place::read(p)) {
            head.floor = position;
        }
        self.drop_items(key, head, items);
    }

    pub fn set_head(&mut self, key: &Key, head: Head) {
        let place = place::place(key, Kind::Head);
        match head.count {
            0 => self.front.remove(place),
            _ => self.front.set(place, u64::MAX, Row::Head(head)),
        }
    }
}

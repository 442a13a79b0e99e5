//! Walks through the embedded store, and what lies in it, by space.

use super::entry::{Cursor, Page, Space};
use super::place::{self, Place};
use super::shelf::Shelf;
use super::{Error, clock, tables};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Expired entries that are looked for before the numbers are given.
const EXPIRED: usize = 10_000;

/// Some entries behind a cursor, spaces in the order of their names.
pub(super) fn page(shelves: &[&Shelf], space: Option<&str>, after: Option<&Cursor>, count: usize) -> Result<Page, Error> {
    let now = clock();
    let mut page = Page::default();
    let reached = after.map(|cursor| place::space(&cursor.0));
    let mut spaces = BTreeMap::new();
    for shelf in shelves {
        spaces.extend(names(shelf, now).into_iter().map(|name| (name, shelf)));
    }
    let wanted = |name: &str| space.is_none_or(|s| s == name) && reached.is_none_or(|r| r <= name);
    for (name, shelf) in spaces.iter().filter(|(name, _)| wanted(name)) {
        let from = match after.filter(|_| reached == Some(name)) {
            // The next place after this one.
            Some(cursor) => [&cursor.0[..], &[0]].concat(),
            None => [name.as_bytes(), &[0]].concat(),
        };
        let to = [name.as_bytes(), &[1]].concat();
        let left = count - page.entries.len();
        let found = shelf.walk(name, (from.into(), to.into()), false, left + 1)?;
        for (place, until, row) in found {
            if page.entries.len() == count {
                return Ok(page);
            }
            page.next = Some(Cursor(Bytes::copy_from_slice(&place)));
            page.entries.extend(place::entry(&place, until, row, now));
        }
    }
    page.next = None;
    Ok(page)
}

fn names(shelf: &Shelf, now: u64) -> Vec<String> {
    let shared = shelf.shared();
    let mut names: Vec<String> = shared.disk.sizes().spaces.keys().cloned().collect();
    let waiting = shared.lock().front.unwritten(now);
    names.extend(waiting.keys().map(|place| place::space(place).to_owned()));
    names.sort();
    names.dedup();
    names
}

/// What lives in the store.
pub(super) fn census(shelves: &[&Shelf]) -> Result<Vec<Space>, Error> {
    let mut spaces = Vec::new();
    for shelf in shelves {
        spaces.extend(count(shelf)?.into_iter().filter(|s| s.entries > 0));
    }
    spaces.sort_by(|a: &Space, b| a.name.cmp(&b.name));
    Ok(spaces)
}

fn count(shelf: &Shelf) -> Result<Vec<Space>, Error> {
    let (shared, now) = (shelf.shared(), clock());
    let (waiting, sizes) = {
        let state = shared.lock();
        let mut sizes = shared.disk.sizes().clone().spaces;
        sizes.retain(|name, _| !state.front.flushes(name));
        (state.front.unwritten(now), sizes)
    };
    let mut spaces: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let read = shared.disk.with(|d| {
        for (name, size) in &sizes {
            let expired = tables::expired(d, name, now, EXPIRED)?.len() as u64;
            let share = size.bytes / size.entries.max(1);
            let living = size.entries.saturating_sub(expired);
            spaces.insert(name.clone(), (living, size.bytes.saturating_sub(expired * share)));
        }
        let places: Vec<Place> = waiting.keys().cloned().collect();
        for (place, old) in tables::get(d, places.iter())? {
            let space = spaces.entry(place::space(&place).to_owned()).or_default();
            let size = |(until, row): &(u64, place::Row)| place.len() + place::pack(*until, row).len();
            if let Some(old) = old.filter(|(until, _)| *until > now) {
                *space = (space.0.saturating_sub(1), space.1.saturating_sub(size(&old) as u64));
            }
            if let Some(new) = waiting.get(&place).and_then(Option::as_ref) {
                *space = (space.0 + 1, space.1 + size(new) as u64);
            }
        }
        Ok(())
    });
    read.map_err(|trouble| Error::Temporary(trouble.text().to_owned()))?;
    let spaces = spaces.into_iter();
    Ok(spaces.map(|(name, (entries, bytes))| Space { name, entries, bytes }).collect())
}

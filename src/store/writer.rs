//! The thread that brings to disk what waits for it, and keeps the file in order when nothing else is to be done.
//!
//! It folds waiting writes into one commit every 50 ms or 2,000 operations. Expired entries and history beyond the size
//! limit go in slices, through the same door as every other write. A file that is mostly air is copied into a smaller one
//! while nobody writes. Nobody waits for this thread but who asks with `settle` or `flush`.

use super::budget::Role;
use super::disk::Trouble;
use super::entry::Key;
use super::front::{Batch, Front, Known};
use super::place::{self, Kind, Place, Row};
use super::shelf::{FOLD_COUNT, Flush, Shared, State};
use super::{Error, clock, tables};
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// The writer waits this long for more before it commits.
const FOLD: Duration = Duration::from_millis(50);
/// Pause between attempts while the disk is out of order.
const RETRY: Duration = Duration::from_secs(1);
/// How often expired entries are looked for.
const SWEEP: Duration = Duration::from_secs(1);
/// Entries removed in one commit.
const SLICE: usize = 1_000;
/// Lists looked at for their oldest item when history must go.
const LISTS: usize = 64;
/// Nothing written for so long: time to tidy up.
const IDLE: Duration = Duration::from_secs(10);
/// Time until that is tried again.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the thread remembers from round to round.
struct Chores {
    swept: Instant,
    wrote: Instant,
    /// The last try to make the file smaller.
    tidied: Option<Instant>,
    /// Tables thrown away may be left.
    thrown: bool,
}

/// The thread: ends after the last commit once `stop` is set.
pub(super) fn run(shared: &Shared) {
    let now = Instant::now();
    let mut chores = Chores {
        swept: now,
        wrote: now,
        tidied: None,
        thrown: true,
    };
    let mut busy = false;
    loop {
        let stop = if busy { shared.lock().stop } else { wait(shared) };
        let (waiters, flushes) = {
            let mut state = shared.lock();
            (std::mem::take(&mut state.waiters), std::mem::take(&mut state.flushes))
        };
        let answer = bring(shared, &mut chores);
        for flush in flushes {
            chores.thrown = true;
            chores.tidied = None;
            let count = answer.clone().and_then(|()| remove(shared, &flush.0, &mut chores));
            let (_, sender): Flush = flush;
            let _ = sender.send(count);
        }
        for waiter in waiters {
            let _ = waiter.send(answer.clone());
        }
        if stop {
            return;
        }
        busy = match answer {
            Ok(()) => chores.tidy(shared),
            Err(_) => {
                pause(shared);
                false
            }
        };
    }
}

/// Commits what waits. A damaged file is set aside, and what waits goes into the fresh one.
fn bring(shared: &Shared, chores: &mut Chores) -> Result<(), Error> {
    let damage = shared.lock().damage.take();
    if let Some(text) = damage.filter(|_| shared.disk.is_damaged()) {
        set_aside(shared, &text);
    }
    let mut damaged = false;
    loop {
        let batch = shared.lock().front.leave();
        let result = if batch.is_empty() {
            probe(shared)
        } else {
            chores.wrote = Instant::now();
            shared.disk.write(&batch)
        };
        drop(batch);
        match result {
            Ok(sizes) => {
                arrived(shared, sizes);
                return Ok(());
            }
            Err(Trouble::Damaged(text)) if !damaged => {
                damaged = true;
                shared.lock().front.bounced();
                set_aside(shared, &text);
            }
            Err(trouble) => return bounced(shared, trouble),
        }
    }
}

/// Nothing to write: asks whether the disk would take it, if it did not before.
fn probe(shared: &Shared) -> Result<tables::Sizes, Trouble> {
    let well = shared.lock().trouble.is_none();
    if well {
        return Ok(shared.disk.sizes().clone());
    }
    shared.disk.write(&Batch::default())
}

fn arrived(shared: &Shared, sizes: tables::Sizes) {
    shared.budget.note(shared.role, sizes.cost());
    *shared.disk.sizes() = sizes;
    let full = shared.budget.full(shared.role);
    let mut state = shared.lock();
    state.front.arrived();
    state.recover();
    if full && !state.full && shared.role == Role::Main {
        let limit = shared.budget.limit();
        tracing::warn!("the store holds its {limit} (store.max_size): new entries that may be forgotten are refused until others expire");
    }
    state.full = full;
}

fn bounced(shared: &Shared, trouble: Trouble) -> Result<(), Error> {
    {
        let mut state = shared.lock();
        state.front.bounced();
        state.suffer(trouble);
    }
    // redb takes nothing more after an error until it is opened anew.
    let reopened = shared.disk.reopen();
    let mut state = shared.lock();
    if let Err(trouble) = reopened {
        if let Trouble::Damaged(text) = &trouble {
            state.damage = Some(text.clone());
        }
        state.suffer(trouble);
    }
    state.error()
}

fn set_aside(shared: &Shared, text: &str) {
    let result = shared.disk.set_aside(text);
    shared.budget.note(shared.role, shared.disk.sizes().cost());
    let mut state = shared.lock();
    state.front.renewed();
    state.damage = None;
    if let Err(trouble) = result {
        state.suffer(trouble);
    }
}

/// Removes a space, or all, and counts what lived in it.
fn remove(shared: &Shared, space: &Option<String>, chores: &mut Chores) -> Result<u64, Error> {
    let now = clock();
    let (spaces, dropped) = {
        let mut state = shared.lock();
        let mut spaces: Vec<String> = shared.disk.sizes().spaces.keys().cloned().collect();
        spaces.extend(state.front.unwritten(now).keys().map(|p| place::space(p).to_owned()));
        spaces.sort();
        spaces.dedup();
        spaces.retain(|s| space.as_ref().is_none_or(|wanted| wanted == s));
        let mut dropped = BTreeMap::new();
        for space in &spaces {
            // What was said while the last commit was under way.
            dropped.extend(state.front.flush(space));
        }
        (spaces, dropped)
    };
    let places: Vec<Place> = dropped.keys().filter(|p| !place::is_head(p)).cloned().collect();
    let count = shared.disk.with(|d| {
        let mut count = 0;
        let sizes = shared.disk.sizes().clone();
        for space in &spaces {
            let on_disk = sizes.spaces.get(space).map_or(0, |s| s.entries);
            count += on_disk.saturating_sub(tables::expired(d, space, now, usize::MAX)?.len() as u64);
        }
        for (place, on_disk) in tables::get(d, places.iter())? {
            let lives = dropped.get(&place).is_some_and(|cell| cell.row.is_some() && cell.until > now);
            let lived = on_disk.is_some_and(|(until, _)| until > now);
            count = (count + u64::from(lives)).saturating_sub(u64::from(lived));
        }
        Ok(count)
    });
    bring(shared, chores)?;
    count.map_err(|trouble| Error::Temporary(trouble.text().to_owned()))
}

impl Chores {
    /// One slice of what is to be done besides; true where more is left.
    fn tidy(&mut self, shared: &Shared) -> bool {
        let done = self.slice(shared);
        match done {
            Ok(more) => more,
            Err(Trouble::Damaged(text)) => {
                shared.lock().damage = Some(text);
                true
            }
            Err(trouble) => {
                let _ = bounced(shared, trouble);
                false
            }
        }
    }

    fn slice(&mut self, shared: &Shared) -> Result<bool, Trouble> {
        if shared.role == Role::History && shared.budget.excess() > 0 && trim(shared)? {
            return Ok(true);
        }
        if self.swept.elapsed() >= SWEEP {
            let more = sweep(shared)?;
            if more {
                return Ok(true);
            }
            self.swept = Instant::now();
        }
        if self.thrown {
            self.thrown = shared.disk.with(|d| tables::drain(d, SLICE))?;
            return Ok(self.thrown);
        }
        if self.wrote.elapsed() >= IDLE && self.tidied.is_none_or(|t| t.elapsed() >= PATIENCE) {
            self.tidied = Some(Instant::now());
            super::compact::run(shared)?;
        }
        Ok(false)
    }
}

/// Removes some expired entries; true where more wait.
fn sweep(shared: &Shared) -> Result<bool, Trouble> {
    let now = clock();
    let spaces: Vec<String> = shared.disk.sizes().spaces.keys().cloned().collect();
    let mut left = SLICE;
    for space in &spaces {
        if left == 0 {
            break;
        }
        let gone = shared.disk.with(|d| tables::expired(d, space, now, left))?;
        left = left.saturating_sub(gone.len());
        if !gone.is_empty() {
            forget(shared, &gone);
        }
    }
    Ok(left == 0)
}

/// Removes entries that were found expired on disk, but for those that were renewed meanwhile.
fn forget(shared: &Shared, gone: &[Place]) {
    let mut lists: BTreeMap<Key, Vec<Place>> = BTreeMap::new();
    let mut values = Vec::new();
    for place in gone {
        match place::read(place) {
            Some((key, Kind::Item(_))) => lists.entry(key).or_default().push(place.clone()),
            _ => values.push(place.clone()),
        }
    }
    let heads: Vec<Place> = lists.keys().map(|key| place::place(key, Kind::Head)).collect();
    let done = shared.change(|view| {
        view.want(&heads)?;
        let stays = |front: &Front, place: &Place| front.look(place, 0) != Known::Unknown;
        for place in &values {
            if !stays(view.front, place) {
                view.front.remove(place.clone());
            }
        }
        for (key, items) in &lists {
            let head = view.head(key)?;
            let items = items.iter().filter(|item| !stays(view.front, item)).cloned().collect::<Vec<_>>();
            if !items.is_empty() {
                view.drop_items(key, head, items);
            }
        }
        Ok(())
    });
    if let Err(error) = done {
        tracing::debug!("expired entries stay for now: {error}");
    }
}

/// Removes some of the oldest history; true where something went.
fn trim(shared: &Shared) -> Result<bool, Trouble> {
    let spaces: Vec<String> = shared.disk.sizes().spaces.keys().cloned().collect();
    let mut oldest: Option<(super::Position, Key)> = None;
    for space in spaces {
        let heads = shared.disk.with(|d| {
            let heads = tables::lists(d, &space, LISTS)?;
            tables::get(d, heads.iter())
        })?;
        for (place, row) in heads {
            let (Some((key, _)), Some((_, Row::Head(head)))) = (place::read(&place), row) else {
                continue;
            };
            if oldest.as_ref().is_none_or(|(floor, _)| head.floor < *floor) {
                oldest = Some((head.floor, key));
            }
        }
    }
    let Some((_, key)) = oldest else { return Ok(false) };
    let trimmed = shared.change(|view| {
        let head = view.head(&key)?;
        let gone = view.oldest(&key, head.floor, SLICE)?;
        let any = !gone.is_empty();
        if any {
            view.drop_oldest(&key, head, gone);
        }
        Ok(any)
    });
    Ok(trimmed.unwrap_or(false))
}

/// Waits for something to write, then a little for more; true when the store closes.
fn wait(shared: &Shared) -> bool {
    let mut state = shared.lock();
    let asked = |s: &State| !s.waiters.is_empty() || !s.flushes.is_empty() || s.damage.is_some() || s.stop;
    while state.front.waiting() == 0 && !asked(&state) {
        state.idle = true;
        let (next, timeout) = shared.wake.wait_timeout(state, SWEEP).unwrap_or_else(PoisonError::into_inner);
        state = next;
        state.idle = false;
        if timeout.timed_out() {
            return state.stop;
        }
    }
    let begun = Instant::now();
    while state.front.waiting() < FOLD_COUNT && !asked(&state) {
        let Some(left) = FOLD.checked_sub(begun.elapsed()) else { break };
        state = shared.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    state.stop
}

fn pause(shared: &Shared) {
    let state = shared.lock();
    let (_state, _) = shared
        .wake
        .wait_timeout_while(state, RETRY, |s| !s.stop)
        .unwrap_or_else(PoisonError::into_inner);
}

//! One file of the embedded store with what waits for it: reads, changes and walks that never wait for the disk to write.
//!
//! Knows places and rows, not the verbs; the thread that writes is in [`super::writer`].

use super::budget::{Budget, Role};
use super::disk::{Disk, Trouble};
use super::front::{Front, Known};
use super::place::{self, Place, Row};
use super::view::{Halt, Readings, View};
use super::{Error, clock, tables, writer};
use std::ops::Bound;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot::{Receiver, Sender, channel};

/// The writer commits at latest when this many writes wait.
pub(super) const FOLD_COUNT: usize = 2_000;
/// Rows read from disk in one go.
const CHUNK: usize = 256;
/// How often a change reads without the lock before it reads under it.
const PATIENCE: usize = 3;

/// A file and its writer.
pub(super) struct Shelf {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

/// What the verbs and the writer share.
pub(super) struct Shared {
    pub state: Mutex<State>,
    pub wake: Condvar,
    pub disk: Disk,
    pub budget: Arc<Budget>,
    pub role: Role,
}

/// A flush that was asked for: which space (none: all), and who waits for the count.
pub(super) type Flush = (Option<String>, Sender<Result<u64, Error>>);

#[derive(Default)]
pub(super) struct State {
    /// What it is called in the log.
    pub name: &'static str,
    pub front: Front,
    pub waiters: Vec<Sender<Result<(), Error>>>,
    pub flushes: Vec<Flush>,
    pub trouble: Option<Trouble>,
    /// A reader met a damaged page.
    pub damage: Option<String>,
    /// The size limit is reached, and that was said.
    pub full: bool,
    /// The writer waits for something to write.
    pub idle: bool,
    pub stop: bool,
}

/// Entries with their expiries, in order.
pub(super) type Found = Vec<(Place, u64, Row)>;

impl Shelf {
    pub fn start(disk: Disk, budget: Arc<Budget>, role: Role) -> Shelf {
        let name = match role {
            Role::Main => "store",
            Role::History => "history",
        };
        let mut state = State { name, ..State::default() };
        state.front.last = disk.sizes().last;
        budget.note(role, disk.sizes().cost());
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            wake: Condvar::new(),
            disk,
            budget,
            role,
        });
        let work = shared.clone();
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || writer::run(&work));
        let writer = match spawned {
            Ok(handle) => Some(handle),
            Err(error) => {
                tracing::error!("cannot start a thread, the {name} goes on in memory: {error}");
                shared.lock().trouble = Some(Trouble::Failed(error.to_string()));
                None
            }
        };
        Shelf { shared, writer }
    }

    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// What lives at some places.
    pub fn get(&self, places: &[Place]) -> Result<Vec<Option<(u64, Row)>>, Error> {
        let now = clock();
        let known: Vec<Known> = {
            let state = self.shared.lock();
            places.iter().map(|place| state.front.look(place, now)).collect()
        };
        let asked = places.iter().zip(&known).filter(|(_, k)| **k == Known::Unknown).map(|(p, _)| p);
        // Nothing to ask costs no transaction.
        let read = match known.contains(&Known::Unknown) {
            true => self.shared.read(|d| tables::get(d, asked), Vec::new())?,
            false => Vec::new(),
        };
        let mut read = read.into_iter().map(|(_, row)| row);
        let mut answer = |k: Known| {
            let on_disk = if k == Known::Unknown { read.next().flatten() } else { None };
            k.or(on_disk, now)
        };
        Ok(known.into_iter().map(&mut answer).collect())
    }

    /// Carries out a change exactly once, as if nothing else happened meanwhile. It may be begun several times: it writes only
    /// after it has read everything.
    pub fn change<T>(&self, work: impl FnMut(&mut View<'_>) -> Result<T, Halt>) -> Result<T, Error> {
        self.shared.change(work)
    }

    /// Entries of one space within a range of places, from its beginning or from its end.
    pub fn walk(&self, space: &str, range: (Place, Place), back: bool, count: usize) -> Result<Found, Error> {
        let now = clock();
        let (mut from, mut to) = (Bound::Included(range.0), Bound::Excluded(range.1));
        let mut found = Vec::new();
        loop {
            let seek = Seek {
                range: (as_ref(&from), as_ref(&to)),
                back,
                count: count - found.len(),
                now,
            };
            let (chunk, end) = self.chunk(space, &seek)?;
            found.extend(chunk);
            match end {
                Some(end) if found.len() < count && back => to = Bound::Excluded(end),
                Some(end) if found.len() < count => from = Bound::Excluded(end),
                _ => return Ok(found),
            }
        }
    }

    /// Some of a walk, and the last place of the disk that was looked at, where there may be more.
    fn chunk(&self, space: &str, seek: &Seek<'_>) -> Result<(Found, Option<Place>), Error> {
        let read = || {
            let limit = (seek.count + 1).min(CHUNK);
            self.shared.disk.with(|d| tables::rows(d, space, seek.range, seek.back, limit))
        };
        for attempt in 0.. {
            let mut state = self.shared.lock();
            let epoch = state.front.epoch;
            let rows = if state.front.flushes(space) {
                Ok((Vec::new(), true))
            } else if attempt < PATIENCE {
                drop(state);
                let rows = read();
                state = self.shared.lock();
                if state.front.epoch != epoch {
                    continue;
                }
                rows
            } else {
                read()
            };
            let (rows, done) = match rows {
                Ok(rows) => rows,
                Err(trouble) => {
                    state.problem(trouble, &self.shared.wake)?;
                    (Vec::new(), true)
                }
            };
            return Ok(merge(&state.front, rows, done, seek));
        }
        unreachable!("the last attempt returns")
    }

    /// Asks for the removal of a space, or of all; answered once that is on disk.
    pub fn flush(&self, space: Option<&str>) -> Result<Receiver<Result<u64, Error>>, Error> {
        let (sender, receiver) = channel();
        let mut state = self.shared.lock();
        state.error()?;
        state.flushes.push((space.map(str::to_owned), sender));
        self.shared.wake.notify_one();
        Ok(receiver)
    }

    /// Asks for everything said before to be on disk.
    pub fn settle(&self) -> Result<Receiver<Result<(), Error>>, Error> {
        let (sender, receiver) = channel();
        let mut state = self.shared.lock();
        state.error()?;
        state.waiters.push(sender);
        self.shared.wake.notify_one();
        Ok(receiver)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.wake.notify_all();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn as_ref(bound: &Bound<Place>) -> Bound<&[u8]> {
    bound.as_ref().map(|place| &**place)
}

/// What a walk looks for.
struct Seek<'s> {
    range: (Bound<&'s [u8]>, Bound<&'s [u8]>),
    back: bool,
    count: usize,
    now: u64,
}

fn merge(front: &Front, rows: Found, done: bool, seek: &Seek<'_>) -> (Found, Option<Place>) {
    let end = rows.last().map(|(place, _, _)| place.clone()).filter(|_| !done);
    // Only as far as the disk was read.
    let seen = match &end {
        Some(end) if seek.back => (Bound::Included(&**end), seek.range.1),
        Some(end) => (seek.range.0, Bound::Included(&**end)),
        None => seek.range,
    };
    let merged = front.overlay(rows, seen, seek.now);
    let merged = merged.into_iter().map(|(place, (until, row))| (place, until, row));
    let found = match seek.back {
        true => merged.rev().take(seek.count).collect(),
        false => merged.take(seek.count).collect(),
    };
    (found, end)
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from disk, without the lock.
    fn read<T>(&self, work: impl FnOnce(&redb::Database) -> Result<T, redb::Error>, absent: T) -> Result<T, Error> {
        match self.disk.with(work) {
            Ok(found) => Ok(found),
            Err(trouble) => self.lock().problem(trouble, &self.wake).map(|()| absent),
        }
    }

    /// See [`Shelf::change`].
    pub fn change<T>(&self, mut work: impl FnMut(&mut View<'_>) -> Result<T, Halt>) -> Result<T, Error> {
        let now = clock();
        let mut readings = Readings::default();
        let mut stale = 0;
        let mut held = None;
        loop {
            let mut state = held.take().unwrap_or_else(|| self.lock());
            if readings.epoch != state.front.epoch {
                stale += usize::from(!readings.is_empty());
                readings = Readings::at(state.front.epoch);
            }
            let mut view = View {
                front: &mut state.front,
                readings: &readings,
                budget: &self.budget,
                role: self.role,
                now,
            };
            let halt = match work(&mut view) {
                Ok(done) => {
                    self.nudge(&state);
                    return Ok(done);
                }
                Err(Halt::Refused(error)) => return Err(error),
                Err(halt) => halt,
            };
            // Others need not wait while this one reads, unless it was overtaken too often.
            if stale < PATIENCE {
                drop(state);
            } else {
                held = Some(state);
            }
            let read = self.disk.with(|d| fetch(d, &halt));
            let read = match read {
                Ok(read) => read,
                Err(trouble) => {
                    let mut state = held.take().unwrap_or_else(|| self.lock());
                    state.problem(trouble, &self.wake)?;
                    Fetched::default()
                }
            };
            readings.note(halt, read.rows, read.oldest);
        }
    }

    /// Wakes the writer for the first write of a batch and for a full one.
    fn nudge(&self, state: &State) {
        if state.idle || state.front.waiting() >= FOLD_COUNT {
            self.wake.notify_one();
        }
    }
}

#[derive(Default)]
struct Fetched {
    rows: Vec<(Place, Option<(u64, Row)>)>,
    oldest: Option<tables::Rows>,
}

/// Reads what a change halted for.
fn fetch(database: &redb::Database, halt: &Halt) -> Result<Fetched, redb::Error> {
    let mut fetched = Fetched::default();
    match halt {
        Halt::Rows(places) => fetched.rows = tables::get(database, places.iter())?,
        Halt::Oldest { from, to, count } => {
            let range = (Bound::Included(&**from), Bound::Excluded(&**to));
            // A few more than asked for: some may be on their way out already.
            fetched.oldest = Some(tables::rows(database, place::space(from), range, false, count + 64)?);
        }
        Halt::Refused(_) => {}
    }
    Ok(fetched)
}

impl State {
    /// Notes trouble, and says it once.
    pub fn suffer(&mut self, trouble: Trouble) {
        if self.trouble.is_none() {
            let (text, name) = (trouble.text(), self.name);
            match &trouble {
                Trouble::Full(_) => tracing::error!("disk full, the {name} goes on in memory: {text}"),
                Trouble::Failed(_) => tracing::error!("the {name} cannot be written, it goes on in memory: {text}"),
                Trouble::Damaged(_) => tracing::error!("the file of the {name} is damaged, it goes on in memory: {text}"),
            }
        }
        self.trouble = Some(trouble);
    }

    /// Trouble while reading. Damage counts as absence: the file is about to be set aside.
    fn problem(&mut self, trouble: Trouble, wake: &Condvar) -> Result<(), Error> {
        match trouble {
            Trouble::Damaged(text) => {
                self.damage.get_or_insert(text);
                wake.notify_one();
                Ok(())
            }
            trouble => {
                let error = Error::Temporary(trouble.text().to_owned());
                self.suffer(trouble);
                Err(error)
            }
        }
    }

    pub fn recover(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!("the {} takes writes again, nothing said meanwhile is lost", self.name);
        }
    }

    pub fn error(&self) -> Result<(), Error> {
        match &self.trouble {
            Some(trouble) => Err(Error::Temporary(trouble.text().to_owned())),
            None => Ok(()),
        }
    }
}

//! The embedded store: answers from memory at once, one thread brings what was said to disk.
//!
//! The thread folds waiting writes into one commit every 50 ms or 2,000 operations. While the disk takes nothing (full,
//! broken) the store goes on in memory within a bound, says so once, and recovers by itself. Nobody waits for the disk
//! but who asks for it with `settle`.

use super::disk::{Disk, Trouble, open_file};
use super::folder::{Folder, Refused};
use super::front::{Front, Known};
use super::{Bucket, Caps, Cursor, Entry, Error, Health, Key, Level, Life, Page, Position, Reply, Scale, Space, Store};
use super::{clock, counter, counter_bytes, ready};
use bytes::Bytes;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The writer waits this long for more before it commits.
const FOLD: Duration = Duration::from_millis(50);
/// ... or until this many writes wait.
const FOLD_COUNT: usize = 2_000;
/// Pause between attempts while the disk is out of order.
const RETRY: Duration = Duration::from_secs(1);
/// How often expired entries are looked for.
const SWEEP: Duration = Duration::from_secs(1);
/// Expired entries removed in one commit.
const SWEEP_SLICE: usize = 1_000;
/// Bytes kept in memory while the disk takes nothing; beyond them new keys are refused.
const MAX_WAITING: usize = 64 << 20;

/// The store in a file of the state folder.
pub struct Embedded {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    // Last, so that the folder is unlocked after the writer has ended.
    _folder: Option<Folder>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    disk: Disk,
}

#[derive(Default)]
struct State {
    front: Front,
    waiters: Vec<tokio::sync::oneshot::Sender<Result<(), Error>>>,
    trouble: Option<Trouble>,
    stop: bool,
}

impl Embedded {
    /// Opens the store of a state folder that this process has locked.
    pub fn open(folder: Folder) -> Result<Embedded, Refused> {
        let path = folder.path().join("store.redb");
        let file = path.clone();
        let disk = Disk::open(Box::new(move || open_file(&file))).map_err(|error| Refused {
            path: folder.path().to_owned(),
            problem: format!("the store in it, {}, does not open: {error}", path.display()),
            remedy: "free space if the disk is full, or move that file away (torwart then starts with an empty store)".to_owned(),
            holder: None,
        })?;
        Ok(Embedded::start(disk, Some(folder)))
    }

    pub(super) fn start(disk: Disk, folder: Option<Folder>) -> Embedded {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            disk,
        });
        let work = shared.clone();
        let writer = std::thread::Builder::new().name("store".to_owned()).spawn(move || write(&work));
        let writer = match writer {
            Ok(handle) => Some(handle),
            Err(error) => {
                tracing::error!("cannot start the store's thread, going on in memory: {error}");
                shared.lock().trouble = Some(Trouble::Failed(error.to_string()));
                None
            }
        };
        Embedded {
            shared,
            writer,
            _folder: folder,
        }
    }

    /// A value from memory, else from disk; trouble with the disk counts as absence.
    fn look(&self, key: &Key, now: u64) -> Option<Bytes> {
        match self.shared.lock().front.look(key.bytes(), now) {
            Known::Value(value) => Some(value),
            Known::Absent => None,
            Known::Unknown => self.on_disk(key, now),
        }
    }

    fn on_disk(&self, key: &Key, now: u64) -> Option<Bytes> {
        match self.shared.disk.get(key.bytes()) {
            Ok(found) => found.filter(|(until, _)| *until > now).map(|(_, value)| value),
            Err(trouble) => {
                self.shared.lock().suffer(trouble);
                None
            }
        }
    }

    fn add(&self, key: &Key, amount: i64, life: Life, now: u64) -> Result<i64, Error> {
        for attempt in 0.. {
            let (mut state, mut known) = {
                let state = self.shared.lock();
                let known = state.front.look(key.bytes(), now);
                (state, known)
            };
            if known == Known::Unknown {
                let epoch = state.front.epoch;
                // Read without the lock, so that others need not wait; a commit in between makes the reading stale. The
                // last attempt reads under the lock.
                if attempt < 3 {
                    drop(state);
                    let found = self.on_disk(key, now);
                    state = self.shared.lock();
                    known = state.front.look(key.bytes(), now);
                    if known == Known::Unknown {
                        if state.front.epoch != epoch {
                            continue;
                        }
                        known = found.map_or(Known::Absent, Known::Value);
                    }
                } else {
                    let found = self.shared.disk.get(key.bytes()).ok().flatten();
                    known = found
                        .filter(|(until, _)| *until > now)
                        .map_or(Known::Absent, |(_, v)| Known::Value(v));
                }
            }
            let before = match &known {
                Known::Value(value) => counter(Some(value)),
                _ => 0,
            };
            state.room(matches!(known, Known::Value(_)))?;
            let sum = before.saturating_add(amount);
            state.front.set(key.bytes(), life.until(now), counter_bytes(sum));
            self.shared.nudge(&state);
            return Ok(sum);
        }
        unreachable!("the fourth attempt returns")
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.wake.notify_all();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the writer for the first write of a batch and for a full one.
    fn nudge(&self, state: &State) {
        let waiting = state.front.waiting();
        if waiting == 1 || waiting >= FOLD_COUNT || !state.waiters.is_empty() {
            self.wake.notify_one();
        }
    }
}

impl State {
    fn suffer(&mut self, trouble: Trouble) {
        if self.trouble.is_none() {
            let text = trouble.text();
            match &trouble {
                Trouble::Full(_) => tracing::error!("disk full, going on in memory: {text}"),
                Trouble::Failed(_) => tracing::error!("the store cannot be written, going on in memory: {text}"),
                Trouble::Damaged(_) => tracing::error!("the store's file is damaged, going on in memory: {text}"),
            }
        }
        self.trouble = Some(trouble);
    }

    fn recover(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!("the store takes writes again, nothing said meanwhile is lost");
        }
    }

    fn room(&self, known: bool) -> Result<(), Error> {
        if known || self.front.load().1 < MAX_WAITING {
            return Ok(());
        }
        Err(Error::Full(format!("{} MiB wait for the disk", MAX_WAITING >> 20)))
    }

    fn error(&self) -> Result<(), Error> {
        match &self.trouble {
            Some(trouble) => Err(Error::Temporary(trouble.text().to_owned())),
            None => Ok(()),
        }
    }
}

impl Store for Embedded {
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, Vec<Option<Bytes>>> {
        let now = clock();
        ready(Ok(keys.iter().map(|key| self.look(key, now)).collect()))
    }

    fn put_many<'a>(&'a self, entries: &'a [(Key, Bytes)], life: Life) -> Reply<'a, ()> {
        let mut state = self.shared.lock();
        let result = state.room(false);
        if result.is_ok() {
            for (key, value) in entries {
                state.front.set(key.bytes(), life.until(clock()), value.clone());
            }
            self.shared.nudge(&state);
        }
        ready(result)
    }

    fn claim<'a>(&'a self, _: &'a Key, _: Bytes, _: Life) -> Reply<'a, Option<Bytes>> {
        later()
    }

    fn take<'a>(&'a self, _: &'a [Bucket], _: Life) -> Reply<'a, Vec<Level>> {
        later()
    }

    fn scale<'a>(&'a self, _: &'a [Scale], _: Life) -> Reply<'a, ()> {
        later()
    }

    fn page<'a>(&'a self, _: Option<&'a str>, _: Option<&'a Cursor>, _: usize) -> Reply<'a, Page> {
        later()
    }

    fn restore<'a>(&'a self, _: &'a [Entry]) -> Reply<'a, ()> {
        later()
    }

    fn census(&self) -> Reply<'_, Vec<Space>> {
        later()
    }

    fn flush<'a>(&'a self, _: Option<&'a str>) -> Reply<'a, u64> {
        later()
    }

    fn remove_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, ()> {
        let mut state = self.shared.lock();
        for key in keys {
            state.front.remove(key.bytes());
        }
        self.shared.wake.notify_one();
        ready(Ok(()))
    }

    fn add_many<'a>(&'a self, amounts: &'a [(Key, i64)], life: Life) -> Reply<'a, Vec<i64>> {
        let now = clock();
        ready(amounts.iter().map(|(key, amount)| self.add(key, *amount, life, now)).collect())
    }

    fn push_capped<'a>(&'a self, _: &'a Key, _: Bytes, _: Caps) -> Reply<'a, Position> {
        later()
    }

    fn newest<'a>(&'a self, _: &'a Key, _: Option<Position>, _: usize) -> Reply<'a, Vec<(Position, Bytes)>> {
        later()
    }

    fn settle(&self) -> Reply<'_, ()> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        {
            let mut state = self.shared.lock();
            if let Err(error) = state.error() {
                return ready(Err(error));
            }
            state.waiters.push(sender);
            self.shared.wake.notify_one();
        }
        Box::pin(async move {
            let ended = || Error::Temporary("the store is closing".to_owned());
            receiver.await.map_err(|_| ended())?
        })
    }

    fn health(&self) -> Health {
        let state = self.shared.lock();
        Health {
            kind: "embedded",
            degraded: state.trouble.is_some(),
            reason: state.trouble.as_ref().map(|t| t.text().to_owned()),
            waiting: state.front.load().0,
            trips: 0,
        }
    }
}

fn later<'a, T: Send + 'a>() -> Reply<'a, T> {
    ready(Err(Error::Temporary("this verb is still to come".to_owned())))
}

/// The writer's thread: ends after the last commit once `stop` is set.
fn write(shared: &Shared) {
    let mut swept = Instant::now();
    loop {
        let stop = wait(shared);
        let (batch, waiters) = {
            let mut state = shared.lock();
            (state.front.leave(), std::mem::take(&mut state.waiters))
        };
        let mut result = if batch.is_empty() { Ok(()) } else { shared.disk.write(&batch) };
        drop(batch);
        if result.is_ok() && !stop && swept.elapsed() >= SWEEP {
            swept = Instant::now();
            // What was written is safe; trouble here is trouble of the disk all the same.
            if let Err(trouble) = shared.disk.sweep(clock(), SWEEP_SLICE) {
                shared.lock().front.arrived();
                result = Err(trouble);
            }
        }
        let answer = settle_commit(shared, result);
        for waiter in waiters {
            let _ = waiter.send(answer.clone());
        }
        if stop {
            return;
        }
        if answer.is_err() {
            pause(shared);
        }
    }
}

fn settle_commit(shared: &Shared, result: Result<(), Trouble>) -> Result<(), Error> {
    match result {
        Ok(()) => {
            let mut state = shared.lock();
            state.front.arrived();
            state.recover();
            Ok(())
        }
        Err(trouble) => {
            {
                let mut state = shared.lock();
                state.front.bounced();
                state.suffer(trouble);
            }
            // redb takes nothing more after an error until it is opened anew.
            let reopened = shared.disk.reopen();
            let mut state = shared.lock();
            if let Err(trouble) = reopened {
                state.suffer(trouble);
            }
            state.error()
        }
    }
}

/// Waits for something to write, then a little for more; true when the store closes.
fn wait(shared: &Shared) -> bool {
    let mut state = shared.lock();
    while state.front.waiting() == 0 && state.waiters.is_empty() && !state.stop {
        let (next, timeout) = shared.wake.wait_timeout(state, SWEEP).unwrap_or_else(PoisonError::into_inner);
        state = next;
        if timeout.timed_out() {
            return state.stop;
        }
    }
    let begun = Instant::now();
    while state.front.waiting() < FOLD_COUNT && state.waiters.is_empty() && !state.stop {
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

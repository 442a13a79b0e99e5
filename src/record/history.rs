//! What was decided for each message, in a list of the store: written behind a bounded queue by one task, read in slices.
//!
//! Mail never waits for it: when the queue is full, or the store out of order, rows are lost, counted, and that is said once. It judges
//! nothing and knows no protocol.

mod row;
mod search;
mod settings;
#[cfg(test)]
mod tests;

pub use row::Past;
pub use search::{ARGUMENTS, Found, Wanted, search};
pub use settings::{MODULE, Settings, defaults};

use crate::store::{Error, Key, Store};
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Rows that may wait for the store.
const QUEUE: usize = 4_096;
/// Envelope recipients that go into the queue with a message.
const RECIPIENTS: usize = 128;
/// Questions looked into at a time.
const QUESTIONS: usize = 2;
/// The longest wait for the rows in the queue.
const PATIENCE: Duration = Duration::from_secs(5);
/// The level of packing: the fastest.
const LEVEL: i32 = 1;

/// The list of all rows.
pub fn list() -> Key {
    Key::new("history", "")
}

/// How and where the history is kept.
pub struct Setup {
    /// How.
    pub settings: Settings,
    /// Where.
    pub store: Arc<dyn Store>,
}

/// The history of a daemon; off until it is arranged.
pub struct History {
    setup: ArcSwapOption<Setup>,
    queue: mpsc::Sender<Job>,
    jobs: Mutex<Option<mpsc::Receiver<Job>>>,
    questions: Semaphore,
    lost: Counter,
    troubled: AtomicBool,
}

enum Job {
    Write(Box<Past>),
    /// Everything before this has been written.
    Tell(oneshot::Sender<()>),
}

impl History {
    /// A history that is off. Rows lost are counted in `lost`.
    pub fn new(lost: Counter) -> History {
        let (queue, jobs) = mpsc::channel(QUEUE);
        History {
            setup: ArcSwapOption::empty(),
            queue,
            jobs: Mutex::new(Some(jobs)),
            questions: Semaphore::new(QUESTIONS),
            lost,
            troubled: AtomicBool::new(false),
        }
    }

    /// Puts settings in force; `None` switches it off.
    pub fn arrange(&self, setup: Option<Setup>) {
        self.setup.store(setup.map(Arc::new));
    }

    /// True where rows are kept.
    pub fn is_on(&self) -> bool {
        self.setup.load().is_some()
    }

    /// Takes a message over, without waiting.
    pub fn note(&self, mut past: Past) {
        // The queue is bounded in bytes, too: what no row shows does not go into it.
        past.envelope.extra = Vec::new();
        past.envelope.recipients.truncate(RECIPIENTS);
        if self.queue.try_send(Job::Write(Box::new(past))).is_err() {
            self.lose("more messages came than the store could take");
        }
    }

    /// Writes what comes, for as long as the future is polled. Only the first caller gets anything to do.
    pub async fn keep(&self) {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut jobs) = jobs else { return };
        let mut packer = zstd::bulk::Compressor::new(LEVEL).ok();
        while let Some(job) = jobs.recv().await {
            match job {
                Job::Write(past) => self.write(&past, packer.as_mut()).await,
                Job::Tell(done) => drop(done.send(())),
            }
        }
    }

    async fn write(&self, past: &Past, packer: Option<&mut zstd::bulk::Compressor<'_>>) {
        let Some(setup) = self.setup.load_full() else { return };
        let plain = row::write(past, &setup.settings);
        let packed = packer.filter(|_| setup.settings.compress).and_then(|p| p.compress(&plain).ok());
        let item = Bytes::from(packed.unwrap_or(plain));
        match setup.store.push_capped(&list(), item, setup.settings.caps).await {
            Ok(_) if self.queue.capacity() > QUEUE / 2 && self.troubled.swap(false, Ordering::Relaxed) => {
                tracing::info!(
                    "the history is written again; {} messages since the start are not in it",
                    self.lost.get()
                );
            }
            Ok(_) => {}
            Err(error) => self.lose(&error.to_string()),
        }
    }

    fn lose(&self, why: &str) {
        self.lost.inc();
        if !self.troubled.swap(true, Ordering::Relaxed) {
            tracing::warn!("messages are missing from the history: {why}; mail goes on");
        }
    }

    /// Returns when everything noted before is in the store, as far as it takes it.
    pub async fn settle(&self) {
        let (tell, told) = oneshot::channel();
        if self.queue.send(Job::Tell(tell)).await.is_ok() {
            let _ = tokio::time::timeout(PATIENCE, told).await;
        }
    }

    /// Rows by their numbers, as `/history` counts them; `None` where history is off.
    ///
    /// # Errors
    /// What the store says.
    pub async fn range(&self, from: i64, to: i64) -> Option<Result<Vec<Value>, Error>> {
        let setup = self.setup.load_full()?;
        let _turn = self.questions.acquire().await.ok();
        Some(search::range(&*setup.store, &list(), setup.settings.window, from, to).await)
    }

    /// Rows that answer to a description; `None` where history is off.
    ///
    /// # Errors
    /// What the store says.
    pub async fn search(&self, wanted: &Wanted) -> Option<Result<Found, Error>> {
        let setup = self.setup.load_full()?;
        let _turn = self.questions.acquire().await.ok();
        Some(search(&*setup.store, &list(), wanted).await)
    }

    /// Forgets everything, answered once that is safe; `None` where history is off.
    ///
    /// # Errors
    /// What the store says.
    pub async fn reset(&self) -> Option<Result<(), Error>> {
        let setup = self.setup.load_full()?;
        self.settle().await;
        let removed = setup.store.remove_many(&[list()]).await;
        Some(match removed {
            Ok(()) => setup.store.settle().await,
            failed => failed,
        })
    }
}

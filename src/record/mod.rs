//! What remains of a scan: counters, one log line, metrics. Called after the answer has gone out; never delays mail.
//!
//! Counters live in memory and are written through the store in the background. Nothing here judges mail.

pub mod history;
pub mod log_line;
pub mod metrics;
pub mod stats;

pub use history::History;
pub use metrics::Metrics;
pub use stats::Stats;

use crate::engine::Verdict;
use crate::message::Envelope;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;

/// How often counters are written through the store.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// A finished scan as its worker knows it.
pub struct Scanned<'a> {
    /// Client and envelope.
    pub envelope: &'a Envelope,
    /// The result.
    pub verdict: &'a Verdict,
    /// Bytes of the message.
    pub size: usize,
    /// The client's name for the input (`Filename` header).
    pub file: Option<&'a str>,
    /// Write the log line (false with the flag `no_log`).
    pub log: bool,
    /// Count it (false with the flag `no_stat`).
    pub count: bool,
}

impl<'a> Scanned<'a> {
    /// A scan that is counted and logged.
    pub fn new(envelope: &'a Envelope, verdict: &'a Verdict, size: usize) -> Scanned<'a> {
        Scanned {
            envelope,
            verdict,
            size,
            file: None,
            log: true,
            count: true,
        }
    }
}

/// The keeper of what remains.
pub struct Record {
    /// Counters behind `/stat`.
    pub stats: Arc<Stats>,
    /// Metrics behind `/metrics`.
    pub metrics: Metrics,
    /// Rows behind `/history`; off until it is arranged.
    pub history: Arc<History>,
    store: Arc<dyn Store>,
}

impl Record {
    /// Counters as the store remembers them; from zero where it cannot say.
    pub async fn load(store: Arc<dyn Store>) -> Record {
        let stats = Arc::new(Stats::load(&*store).await);
        let metrics = Metrics::new(stats.clone(), store.clone());
        Record {
            history: Arc::new(History::new(metrics.history_lost())),
            metrics,
            stats,
            store,
        }
    }

    /// Counts and logs one finished scan.
    pub fn message(&self, scanned: &Scanned<'_>) {
        if scanned.count {
            self.stats.count(scanned.verdict);
            self.metrics.observe(scanned.verdict);
        }
        if scanned.log {
            log_line::write(scanned);
        }
    }

    /// Writes what changed since the last time through the store.
    pub async fn save(&self) {
        if let Err(error) = self.stats.save(&*self.store).await {
            tracing::debug!("counters are not saved: {error}");
        }
    }

    /// Saves every second, for as long as the future is polled.
    pub async fn keep_saving(&self) {
        loop {
            tokio::time::sleep(SAVE_EVERY).await;
            self.save().await;
        }
    }

    /// The store, for who shows its health.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
}

//! Counters of messages by outcome, the ring of scan times, connections: what `/stat` shows.
//!
//! Exact in memory; the store holds sums, so that a daemon that starts again goes on counting.

use crate::engine::{Action, Verdict};
use crate::store::{Error, Key, Life, Store, counter};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Scan times remembered (`http-api` 2.6.17).
const RING: usize = 31;
/// Actions that `/stat` always names, in its order; others appear once they happened.
const SHOWN: [Action; 6] = [
    Action::Reject,
    Action::SoftReject,
    Action::RewriteSubject,
    Action::AddHeader,
    Action::Greylist,
    Action::NoAction,
];

/// A point in time of every counter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages scanned.
    pub scanned: u64,
    /// Messages by action.
    pub actions: Vec<(Action, u64)>,
    /// Connections of milter and scan clients.
    pub connections: u64,
    /// Connections of controller clients.
    pub control_connections: u64,
    /// Messages learned.
    pub learned: u64,
}

impl Totals {
    /// Messages with an action.
    pub fn action(&self, action: Action) -> u64 {
        self.actions.iter().find(|(a, _)| *a == action).map_or(0, |(_, n)| *n)
    }

    /// Messages treated as spam.
    pub fn spam(&self) -> u64 {
        self.actions.iter().filter(|(a, _)| !a.is_ham()).map(|(_, n)| n).sum()
    }

    /// Messages treated as ham.
    pub fn ham(&self) -> u64 {
        self.actions.iter().filter(|(a, _)| a.is_ham()).map(|(_, n)| n).sum()
    }

    fn named(&self) -> Vec<(&'static str, u64)> {
        let mut all = vec![
            ("scanned", self.scanned),
            ("connections", self.connections),
            ("control_connections", self.control_connections),
            ("learned", self.learned),
        ];
        all.extend(self.actions.iter().map(|(a, n)| (a.name(), *n)));
        all
    }
}

/// The counters.
#[derive(Debug)]
pub struct Stats {
    started: SystemTime,
    scanned: AtomicU64,
    actions: [AtomicU64; Action::ALL.len()],
    connections: AtomicU64,
    control_connections: AtomicU64,
    learned: AtomicU64,
    times: Mutex<VecDeque<f64>>,
    config_id: Mutex<String>,
    saved: tokio::sync::Mutex<Totals>,
}

impl Default for Stats {
    fn default() -> Stats {
        Stats {
            started: SystemTime::now(),
            scanned: AtomicU64::new(0),
            actions: Default::default(),
            connections: AtomicU64::new(0),
            control_connections: AtomicU64::new(0),
            learned: AtomicU64::new(0),
            times: Mutex::default(),
            config_id: Mutex::default(),
            saved: tokio::sync::Mutex::new(Totals::default()),
        }
    }
}

impl Stats {
    /// Counters as a store remembers them.
    pub async fn load(store: &dyn Store) -> Stats {
        let stats = Stats::default();
        let names: Vec<&'static str> = stats.totals().named().into_iter().map(|(n, _)| n).collect();
        let keys: Vec<Key> = names.iter().map(|n| Key::new("stats", n)).collect();
        let Ok(values) = store.get_many(&keys).await else { return stats };
        for (name, value) in names.into_iter().zip(&values) {
            let value = u64::try_from(counter(value.as_ref())).unwrap_or(0);
            if let Some(cell) = stats.cell(name) {
                cell.store(value, Ordering::Relaxed);
            }
        }
        if let Ok(found) = store.get_many(&[Key::new("stats", "scan_times")]).await {
            let times = found.into_iter().flatten().next();
            let times: Vec<f64> = times.and_then(|t| serde_json::from_slice(&t).ok()).unwrap_or_default();
            stats.ring().extend(times.into_iter().take(RING));
        }
        *stats.saved.lock().await = stats.totals();
        stats
    }

    fn cell(&self, name: &str) -> Option<&AtomicU64> {
        match name {
            "scanned" => Some(&self.scanned),
            "connections" => Some(&self.connections),
            "control_connections" => Some(&self.control_connections),
            "learned" => Some(&self.learned),
            action => self.action_cell(Action::parse(action)?),
        }
    }

    fn action_cell(&self, action: Action) -> Option<&AtomicU64> {
        Action::ALL.iter().zip(&self.actions).find(|(a, _)| **a == action).map(|(_, c)| c)
    }

    fn ring(&self) -> MutexGuard<'_, VecDeque<f64>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a finished scan.
    pub fn count(&self, verdict: &Verdict) {
        let action = counted_as(verdict);
        self.scanned.fetch_add(1, Ordering::Relaxed);
        if let Some(cell) = self.action_cell(action) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
        let mut ring = self.ring();
        if ring.len() == RING {
            ring.pop_front();
        }
        ring.push_back((verdict.elapsed.as_secs_f64() * 1e6).round() / 1e6);
    }

    /// Counts a connection of a milter or scan client.
    pub fn connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection to the controller.
    pub fn control_connection(&self) {
        self.control_connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Every counter now.
    pub fn totals(&self) -> Totals {
        let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        Totals {
            scanned: read(&self.scanned),
            actions: Action::ALL.iter().zip(&self.actions).map(|(a, c)| (*a, read(c))).collect(),
            connections: read(&self.connections),
            control_connections: read(&self.control_connections),
            learned: read(&self.learned),
        }
    }

    /// Sets the counters back and gives what `/stat` showed before; scan times stay.
    pub fn reset(&self) -> Value {
        let before = self.to_json();
        for (name, _) in self.totals().named() {
            if let Some(cell) = self.cell(name) {
                cell.store(0, Ordering::Relaxed);
            }
        }
        before
    }

    /// When counting began in this process.
    pub fn started(&self) -> SystemTime {
        self.started
    }

    /// Whole seconds since then.
    pub fn uptime(&self) -> u64 {
        self.started.elapsed().map_or(0, |d| d.as_secs())
    }

    /// Seconds since 1970 at which the process began to count.
    pub fn started_unix(&self) -> f64 {
        self.started.duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
    }

    /// Mean of the remembered scan times in seconds.
    pub fn scan_time_average(&self) -> Option<f64> {
        let ring = self.ring();
        let count = u32::try_from(ring.len()).ok().filter(|n| *n > 0)?;
        Some(ring.iter().sum::<f64>() / f64::from(count))
    }

    /// Names the configuration in force: a digest of it.
    pub fn set_config_id(&self, id: String) {
        *self.config_id.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// The digest of the configuration in force.
    pub fn config_id(&self) -> String {
        self.config_id.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The body of `/stat`, every key of the peer's.
    pub fn to_json(&self) -> Value {
        let totals = self.totals();
        let shown = |a: &Action| SHOWN.contains(a);
        let mut actions: Map<String, Value> = SHOWN.iter().map(|a| (a.name().to_owned(), json!(totals.action(*a)))).collect();
        let rare = totals.actions.iter().filter(|(a, n)| *n > 0 && !shown(a));
        actions.extend(rare.map(|(a, n)| (a.name().to_owned(), json!(n))));
        let mut times: Vec<Value> = self.ring().iter().map(|t| json!(t)).collect();
        times.resize(RING, Value::Null);
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "config_id": self.config_id(),
            "uptime": self.uptime(),
            "read_only": false,
            "scanned": totals.scanned,
            "learned": totals.learned,
            "actions": actions,
            "scan_times": times,
            "spam_count": totals.spam(),
            "ham_count": totals.ham(),
            "connections": totals.connections,
            "control_connections": totals.control_connections,
            "pools_allocated": 0,
            "pools_freed": 0,
            "bytes_allocated": memory_in_use(),
            "chunks_allocated": 0,
            "shared_chunks_allocated": 0,
            "chunks_freed": 0,
            "chunks_oversized": 0,
            "fragmented": 0,
            "total_learns": totals.learned,
            "statfiles": [],
            "fuzzy_hashes": {},
        })
    }

    /// Writes what changed through the store; what it does not take is tried again next time.
    pub async fn save(&self, store: &dyn Store) -> Result<(), Error> {
        let mut saved = self.saved.lock().await;
        let now = self.totals();
        let changed: Vec<(Key, i64)> = now
            .named()
            .into_iter()
            .zip(saved.named().into_iter().map(|(_, n)| n).chain(std::iter::repeat(0)))
            .filter(|((_, new), old)| new != old)
            .map(|((name, new), old)| (Key::new("stats", name), new.wrapping_sub(old).cast_signed()))
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        store.add_many(&changed, Life::Forever).await?;
        *saved = now;
        let times: Vec<f64> = self.ring().iter().copied().collect();
        let times = Bytes::from(serde_json::to_vec(&times).unwrap_or_default());
        store.put_many(&[(Key::new("stats", "scan_times"), times)], Life::Forever).await
    }
}

/// A soft reject that greylisting asked for counts as `greylist`.
fn counted_as(verdict: &Verdict) -> Action {
    let by = verdict.passthrough.as_ref().map(|p| p.module.as_str());
    match verdict.action {
        Action::SoftReject if by == Some("greylist") => Action::Greylist,
        action => action,
    }
}

/// Resident bytes of this process; 0 where the system does not say.
pub fn memory_in_use() -> u64 {
    const PAGE: u64 = 4096;
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE
}

#[cfg(test)]
mod tests {
    use super::super::log_line::tests::verdict;
    use super::*;
    use crate::engine::Passthrough;
    use crate::store::Memory;

    #[test]
    fn outcomes_are_counted_and_the_ring_holds_31() {
        let stats = Stats::default();
        stats.count(&verdict(Action::Reject));
        let mut greylisted = verdict(Action::SoftReject);
        stats.count(&greylisted);
        greylisted.passthrough = Some(Passthrough {
            module: "greylist".to_owned(),
            action: Action::SoftReject,
            message: None,
            least: false,
        });
        stats.count(&greylisted);
        let shown = stats.to_json();
        assert_eq!(shown["actions"]["reject"], 1);
        assert_eq!(shown["actions"]["soft reject"], 1);
        assert_eq!(shown["actions"]["greylist"], 1);
        assert_eq!(shown["actions"].get("discard"), None);
        assert_eq!((&shown["spam_count"], &shown["ham_count"]), (&json!(2), &json!(1)));
        assert_eq!(shown["scan_times"].as_array().unwrap().len(), RING);
        assert_eq!(shown["scan_times"][3], Value::Null);
        (0..40).for_each(|_| stats.count(&verdict(Action::Discard)));
        assert_eq!(stats.to_json()["actions"]["discard"], 40);
        assert!(stats.to_json()["scan_times"].as_array().unwrap().iter().all(Value::is_number));
    }

    #[tokio::test]
    async fn counters_outlive_the_process_and_a_reset() {
        let store = Memory::new();
        let first = Stats::load(&store).await;
        first.count(&verdict(Action::AddHeader));
        first.connection();
        first.save(&store).await.unwrap();
        first.count(&verdict(Action::AddHeader));
        first.save(&store).await.unwrap();
        let second = Stats::load(&store).await;
        assert_eq!(second.totals(), first.totals());
        assert_eq!(second.totals().action(Action::AddHeader), 2);
        assert_eq!(second.scan_time_average(), first.scan_time_average());
        let before = second.reset();
        assert_eq!(before["scanned"], 2);
        second.count(&verdict(Action::NoAction));
        second.save(&store).await.unwrap();
        let third = Stats::load(&store).await.totals();
        assert_eq!((third.scanned, third.action(Action::AddHeader), third.connections), (1, 0, 0));
    }
}

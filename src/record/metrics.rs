//! Metrics in OpenMetrics text, under the names that dashboards for rspamd ask for, and a few of our own.

use super::Stats;
use super::stats::memory_in_use;
use crate::engine::{Action, Verdict};
use crate::scanners::counts::COUNTS;
use crate::store::{Health, Store, Stores};
use arc_swap::ArcSwapOption;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// Upper bounds of the histogram of scan times, in seconds.
const BOUNDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 4.0, 8.0];

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    scan_seconds: Histogram,
    timed_out: Counter,
    unscanned: Counter,
    accept_pauses: Counter,
    failures: Counter,
    given_up: Counter,
    stores: Arc<ArcSwapOption<Stores>>,
    history_lost: Counter,
}

impl Metrics {
    /// Metrics over the counters and the store's health.
    pub fn new(stats: Arc<Stats>, store: Arc<dyn Store>) -> Metrics {
        let mut registry = Registry::default();
        let stores: Arc<ArcSwapOption<Stores>> = Arc::default();
        let shown = stores.clone();
        registry.register_collector(Box::new(Shown {
            stats,
            store,
            stores: shown,
        }));
        let scan_seconds = Histogram::new(BOUNDS);
        registry.register("torwart_scan_seconds", "Wall time of scans", scan_seconds.clone());
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        Metrics {
            timed_out: counter("torwart_scans_timed_out", "Scans cut short by their deadline"),
            unscanned: counter("torwart_messages_unscanned", "Messages that no rule judged"),
            accept_pauses: counter("torwart_accept_pauses", "Pauses of accepting for want of file descriptors"),
            failures: counter("torwart_scan_failures", "Messages answered by on_failure"),
            given_up: counter(
                "torwart_afterwork_given_up",
                "Verdicts whose consequences (replies, rates) were not kept for want of time",
            ),
            history_lost: counter("torwart_history_lost", "Messages that are missing from the history"),
            scan_seconds,
            registry,
            stores,
        }
    }

    /// The stores in force from now on.
    pub fn watch(&self, stores: Option<Arc<Stores>>) {
        self.stores.store(stores);
    }

    /// Notes a finished scan.
    pub fn observe(&self, verdict: &Verdict) {
        self.scan_seconds.observe(verdict.elapsed.as_secs_f64());
        if verdict.timed_out {
            self.timed_out.inc();
        }
        if verdict.unscanned.is_some() {
            self.unscanned.inc();
        }
    }

    /// Notes that accepting paused because the process had no descriptor left.
    pub fn accept_paused(&self) {
        self.accept_pauses.inc();
    }

    /// Notes a message that was answered by `on_failure`.
    pub fn failed(&self) {
        self.failures.inc();
    }

    /// Notes a verdict whose afterwork was given up.
    pub fn given_up(&self) {
        self.given_up.inc();
    }

    /// Counts messages that are missing from the history.
    pub fn history_lost(&self) -> Counter {
        self.history_lost.clone()
    }

    /// The text of `/metrics`, ended by `# EOF`.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing into a string cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

/// What is read at the moment of asking.
struct Shown {
    stats: Arc<Stats>,
    store: Arc<dyn Store>,
    stores: Arc<ArcSwapOption<Stores>>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(metric)
    }

    fn labelled(&mut self, name: &str, help: &str, label: (&str, &str)) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(1_i64).encode(metric.encode_family(&[label])?)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(metric)
    }
}

/// Gauges of the peer that have no counterpart here.
const NOTHING: [(&str, &str); 7] = [
    ("rspamd_pools_allocated", "Memory pools made, always 0 here"),
    ("rspamd_pools_freed", "Memory pools given back, always 0 here"),
    ("rspamd_chunks_allocated", "Pool chunks made, always 0 here"),
    ("rspamd_shared_chunks_allocated", "Shared pool chunks made, always 0 here"),
    ("rspamd_chunks_freed", "Pool chunks given back, always 0 here"),
    ("rspamd_chunks_oversized", "Oversized pool chunks, always 0 here"),
    ("rspamd_fragmented", "Fragmented pool memory, always 0 here"),
];

impl Collector for Shown {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (stats, totals, health) = (&self.stats, self.stats.totals(), self.store.health());
        let whole = |n: u64| u32::try_from(n).map_or(f64::from(u32::MAX), f64::from);
        let mut out = Writer(encoder);
        out.labelled(
            "rspamd_build_info",
            "The version of this program",
            ("version", env!("CARGO_PKG_VERSION")),
        )?;
        out.labelled("rspamd_config", "The digest of the configuration", ("id", &stats.config_id()))?;
        let average = stats.scan_time_average().unwrap_or(0.0);
        out.gauge("rspamd_scan_time_average", "Mean of the last 31 scan times in seconds", average)?;
        out.gauge(
            "process_start_time_seconds",
            "When the process started",
            stats.started_unix().floor(),
        )?;
        out.gauge("rspamd_read_only", "The daemon takes no changes", 0.0)?;
        out.counter("rspamd_scanned", "Messages scanned", totals.scanned)?;
        out.counter("rspamd_learned", "Messages learned", totals.learned)?;
        out.counter("rspamd_spam", "Messages treated as spam", totals.spam())?;
        out.counter("rspamd_ham", "Messages treated as ham", totals.ham())?;
        out.gauge(
            "rspamd_connections",
            "Connections of milter and scan clients",
            whole(totals.connections),
        )?;
        let control = whole(totals.control_connections);
        out.gauge("rspamd_control_connections_total", "Connections of controller clients", control)?;
        let memory = u32::try_from(memory_in_use() / 1024).map_or(0.0, f64::from) * 1024.0;
        out.gauge("rspamd_allocated_bytes", "Resident memory in bytes", memory)?;
        for (name, help) in NOTHING {
            out.gauge(name, help, 0.0)?;
        }
        out.counter("rspamd_learns", "Messages learned in all", totals.learned)?;
        actions(&mut out, &totals)?;
        let degraded = if health.degraded { 1.0 } else { 0.0 };
        out.gauge("torwart_store_degraded", "1 while the store goes on in memory", degraded)?;
        let waiting = u64::try_from(health.waiting).unwrap_or(u64::MAX);
        out.gauge("torwart_store_waiting", "Writes that wait for the disk", whole(waiting))?;
        if let Some(stores) = &*self.stores.load() {
            elsewhere(&mut out, stores)?;
        }
        scanners(&mut out)
    }
}

fn scanners(out: &mut Writer<'_>) -> fmt::Result {
    for (name, help, count) in [
        ("torwart_scanner_scanned", "Contents judged by a virus scanner", &COUNTS.scanned),
        (
            "torwart_scanner_remembered",
            "Contents judged from the verdict cache",
            &COUNTS.remembered,
        ),
        (
            "torwart_scanner_shared",
            "Contents judged by a scan already under way",
            &COUNTS.shared,
        ),
        (
            "torwart_scanner_found",
            "Contents in which a virus scanner found something",
            &COUNTS.found,
        ),
        ("torwart_scanner_failed", "Contents that no virus scanner judged", &COUNTS.failed),
    ] {
        out.counter(name, help, count.get())?;
    }
    Ok(())
}

/// How the stores feel that are not this machine's own, by the modules they are for.
fn elsewhere(out: &mut Writer<'_>, stores: &Stores) -> fmt::Result {
    let named = |names: Vec<&str>| if names.is_empty() { "shared".to_owned() } else { names.join(",") };
    let all = stores.all().into_iter().skip(1);
    let all: Vec<(String, Health)> = all.map(|(names, store)| (named(names), store.health())).collect();
    if all.is_empty() {
        return Ok(());
    }
    let help = "1 while mail goes on without what is remembered in that store";
    let name = "torwart_shared_store_degraded";
    let mut family = out.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (label, health) in &all {
        let value = i64::from(health.degraded);
        ConstGauge::new(value).encode(family.encode_family(&[("modules", label.as_str())])?)?;
    }
    let help = "Round trips made to that store";
    let name = "torwart_shared_store_round_trips";
    let mut family = out.0.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (label, health) in &all {
        ConstCounter::new(health.trips).encode(family.encode_family(&[("modules", label.as_str())])?)?;
    }
    Ok(())
}

fn actions(out: &mut Writer<'_>, totals: &super::stats::Totals) -> fmt::Result {
    let help = "Messages by action";
    let mut family = out.0.encode_descriptor("rspamd_actions", help, None, MetricType::Counter)?;
    for action in Action::ALL.into_iter().rev() {
        let count = totals.action(action);
        let always = !matches!(action, Action::Quarantine | Action::Discard);
        if always || count > 0 {
            ConstCounter::new(count).encode(family.encode_family(&[("type", action.name())])?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::log_line::tests::verdict;
    use super::*;
    use crate::store::Memory;

    #[test]
    fn dashboards_find_their_names() {
        let stats = Arc::new(Stats::default());
        let metrics = Metrics::new(stats.clone(), Arc::new(Memory::new()));
        stats.set_config_id("abc".to_owned());
        stats.count(&verdict(Action::Reject));
        metrics.observe(&verdict(Action::Reject));
        metrics.accept_paused();
        let text = metrics.text();
        for line in [
            "rspamd_scanned_total 1",
            "rspamd_spam_total 1",
            "rspamd_ham_total 0",
            "rspamd_config{id=\"abc\"} 1",
            "rspamd_actions_total{type=\"reject\"} 1",
            "rspamd_actions_total{type=\"no action\"} 0",
            "# TYPE rspamd_connections gauge",
            "torwart_accept_pauses_total 1",
            "torwart_store_degraded 0.0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing from\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        let golden = include_str!("../../tests/golden/metric-names.txt");
        for name in golden.lines() {
            let found = text.lines().any(|l| l.split([' ', '{']).next() == Some(name));
            assert!(found, "{name} is missing from\n{text}");
        }
    }
}

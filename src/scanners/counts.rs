//! How often scanners were asked, since the process began: for metrics. Not kept by configuration, so that a reload loses nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The numbers.
#[derive(Debug)]
pub struct Counts {
    /// Contents sent to a scanner and judged by it.
    pub scanned: Count,
    /// Contents judged from the cache.
    pub remembered: Count,
    /// Contents judged by a scan of the same that was under way.
    pub shared: Count,
    /// Contents in which something was found.
    pub found: Count,
    /// Contents that no scanner judged.
    pub failed: Count,
}

/// The numbers of this process.
pub static COUNTS: Counts = Counts {
    scanned: Count(AtomicU64::new(0)),
    remembered: Count(AtomicU64::new(0)),
    shared: Count(AtomicU64::new(0)),
    found: Count(AtomicU64::new(0)),
    failed: Count(AtomicU64::new(0)),
};

//! A leaky bucket at rest: how it leaks, fills and is scaled. Pure: the time comes from the caller.

use super::entry::{Bucket, Level, Scale};
use std::time::Duration;

/// What is kept of a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pail {
    pub level: f64,
    /// Milliseconds since 1970 up to which it has leaked.
    pub at: u64,
    pub rate: f64,
    pub burst: f64,
}

impl Pail {
    /// An empty one.
    pub fn new(now: u64) -> Pail {
        Pail {
            level: 0.0,
            at: now,
            rate: 1.0,
            burst: 1.0,
        }
    }

    /// Lets it leak, then pours in what fits.
    pub fn take(&mut self, bucket: &Bucket, now: u64) -> Level {
        self.leak(bucket.rate, now);
        let passed = bucket.amount <= 0.0 || self.level + bucket.amount <= bucket.capacity * self.burst;
        if passed {
            self.level = (self.level + bucket.amount).max(0.0);
        }
        Level {
            passed,
            level: self.level,
            rate: self.rate,
            burst: self.burst,
        }
    }

    /// Multiplies the factors within their bounds.
    pub fn scale(&mut self, scale: &Scale) {
        let bound = |factor: f64, most: f64| factor.clamp(1.0 / most.max(1.0), most.max(1.0));
        self.rate = bound(self.rate * scale.rate, scale.max_rate);
        self.burst = bound(self.burst * scale.burst, scale.max_burst);
    }

    fn leak(&mut self, rate: f64, now: u64) {
        // A clock that went back leaks nothing.
        let seconds = Duration::from_millis(now.saturating_sub(self.at)).as_secs_f64();
        self.level = (self.level - seconds * rate * self.rate).max(0.0);
        self.at = now.max(self.at);
    }
}

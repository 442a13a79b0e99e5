//! How often somebody may guess: a leaky bucket for each address. Knows no passwords and reads no clock.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Addresses remembered. Past that, who has waited longest is forgotten.
const MOST: usize = 4096;

#[derive(Clone, Copy)]
struct Bucket {
    level: f64,
    seen: Instant,
}

/// Failures by address.
pub struct Throttle {
    most: f64,
    window: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Throttle {
    /// At most `most` failures in `window`; they are forgiven evenly over it. None at all (0) switches it off.
    pub fn new(most: u32, window: Duration) -> Throttle {
        Throttle {
            most: f64::from(most),
            window: window.as_secs_f64().max(0.001),
            buckets: Mutex::default(),
        }
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<IpAddr, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn level(&self, bucket: Bucket, now: Instant) -> f64 {
        let forgiven = now.saturating_duration_since(bucket.seen).as_secs_f64() / self.window * self.most;
        (bucket.level - forgiven).max(0.0)
    }

    /// True where this address has to wait.
    pub fn is_full(&self, address: IpAddr, now: Instant) -> bool {
        let bucket = self.buckets().get(&network(address)).copied();
        // A tenth of a failure: the limit is met at the moment of the last failure, not an instant before.
        self.most > 0.0 && bucket.is_some_and(|b| self.level(b, now) > self.most - 0.1)
    }

    /// Notes a failure.
    pub fn failed(&self, address: IpAddr, now: Instant) {
        if self.most <= 0.0 {
            return;
        }
        let mut buckets = self.buckets();
        let key = network(address);
        if !buckets.contains_key(&key) && buckets.len() >= MOST {
            buckets.retain(|_, b| self.level(*b, now) > 0.0);
            let oldest = buckets.iter().min_by_key(|(_, b)| b.seen).map(|(k, _)| *k);
            if let Some(oldest) = oldest.filter(|_| buckets.len() >= MOST) {
                buckets.remove(&oldest);
            }
        }
        let level = buckets.get(&key).map_or(0.0, |b| self.level(*b, now));
        buckets.insert(
            key,
            Bucket {
                level: level + 1.0,
                seen: now,
            },
        );
    }

    /// Forgives everything.
    pub fn passed(&self, address: IpAddr) {
        self.buckets().remove(&network(address));
    }
}

/// An IPv6 host has a whole /64 to guess from.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn failures_fill_and_time_drains() {
        let throttle = Throttle::new(10, Duration::from_secs(60));
        let now = Instant::now();
        for _ in 0..9 {
            throttle.failed(ip("192.0.2.1"), now);
        }
        assert!(!throttle.is_full(ip("192.0.2.1"), now));
        throttle.failed(ip("192.0.2.1"), now);
        assert!(throttle.is_full(ip("192.0.2.1"), now));
        assert!(!throttle.is_full(ip("192.0.2.2"), now));
        let now = now + Duration::from_secs(6);
        assert!(!throttle.is_full(ip("192.0.2.1"), now), "a tenth of the window forgives one");
        throttle.failed(ip("192.0.2.1"), now);
        assert!(throttle.is_full(ip("192.0.2.1"), now));
        throttle.passed(ip("192.0.2.1"));
        assert!(!throttle.is_full(ip("192.0.2.1"), now));
    }

    #[test]
    fn a_whole_network_shares_a_bucket_and_memory_is_bounded() {
        let throttle = Throttle::new(1, Duration::from_secs(60));
        let now = Instant::now();
        throttle.failed(ip("2001:db8::1"), now);
        assert!(throttle.is_full(ip("2001:db8::ffff"), now));
        assert!(!throttle.is_full(ip("2001:db8:0:1::1"), now));
        for n in 0..10_000u32 {
            throttle.failed(IpAddr::V4(n.into()), now);
        }
        assert!(throttle.buckets().len() <= MOST);
        assert!(throttle.is_full(IpAddr::V4(9_999u32.into()), now));
    }

    #[test]
    fn nought_switches_it_off() {
        let throttle = Throttle::new(0, Duration::from_secs(60));
        let now = Instant::now();
        throttle.failed(ip("192.0.2.1"), now);
        assert!(!throttle.is_full(ip("192.0.2.1"), now));
    }
}

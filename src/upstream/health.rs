//! Whether a server is worth asking: a breaker that opens after some errors in a short time, rests, and lets one caller try again.
//! Pure: the time comes from outside.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many errors ...
const ERRORS: usize = 4;
/// ... within this time, and the server counts as dead ...
const WITHIN: Duration = Duration::from_secs(10);
/// ... for this long, and up to an eighth longer, so that several daemons do not come back at the same moment.
const REST: Duration = Duration::from_secs(60);

/// How a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is asked.
    Alive,
    /// It is left alone.
    Dead,
    /// Its rest is over: one caller may try it.
    Probing,
}

/// The breaker of one server.
#[derive(Debug, Default)]
pub struct Health {
    errors: VecDeque<Instant>,
    dead_until: Option<Instant>,
    probe_out: bool,
    failing: bool,
}

impl Health {
    /// How it stands at `now`.
    pub fn state(&self, now: Instant) -> State {
        match self.dead_until {
            None => State::Alive,
            Some(until) if now < until || self.probe_out => State::Dead,
            Some(_) => State::Probing,
        }
    }

    /// Takes leave to ask it. False: it is to be left alone. A leave to probe must be given back by one of the other verbs.
    pub fn enter(&mut self, now: Instant) -> bool {
        match self.state(now) {
            State::Alive => true,
            State::Dead => false,
            State::Probing => {
                self.probe_out = true;
                true
            }
        }
    }

    /// It answered. True where it had failed before.
    pub fn answered(&mut self) -> bool {
        let news = self.failing;
        *self = Health::default();
        news
    }

    /// It failed; `jitter` lies between 0 and 1. True where it had not failed before.
    pub fn failed(&mut self, now: Instant, jitter: f64) -> bool {
        let news = !self.failing;
        self.failing = true;
        while self
            .errors
            .front()
            .is_some_and(|first| now.saturating_duration_since(*first) > WITHIN)
        {
            self.errors.pop_front();
        }
        if self.errors.len() < ERRORS {
            self.errors.push_back(now);
        }
        // Errors of calls that began before it was given up do not prolong its rest.
        let resting = self.dead_until.is_some_and(|until| now < until);
        if self.probe_out || (self.errors.len() >= ERRORS && !resting) {
            self.dead_until = Some(now + REST.mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 8.0));
            self.probe_out = false;
        }
        news
    }

    /// Nobody knows what became of the call: whoever asked was cut off.
    pub fn forgotten(&mut self) {
        self.probe_out = false;
    }

    /// Somebody else saw it answer something small: its rest may end, and the next call shows.
    pub fn seen(&mut self, now: Instant) {
        if self.dead_until.is_some() {
            self.dead_until = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn dead(at: Instant) -> Health {
        let mut health = Health::default();
        for _ in 0..ERRORS {
            health.failed(at, 0.0);
        }
        health
    }

    #[test]
    fn four_errors_in_ten_seconds_open_it() {
        let start = Instant::now();
        let mut health = Health::default();
        for second in [0, 3, 6, 11] {
            health.failed(start + SECOND * second, 0.0);
            assert_eq!(health.state(start + SECOND * second), State::Alive);
        }
        health.failed(start + SECOND * 12, 0.0);
        assert_eq!(health.state(start + SECOND * 12), State::Dead);
        assert!(!health.enter(start + SECOND * 12));
    }

    #[test]
    fn it_rests_a_minute_and_a_little() {
        let start = Instant::now();
        assert_eq!(dead(start).state(start + SECOND * 59), State::Dead);
        assert_eq!(dead(start).state(start + SECOND * 60), State::Probing);
        let mut late = Health::default();
        (0..ERRORS).for_each(|_| {
            late.failed(start, 1.0);
        });
        assert_eq!(late.state(start + SECOND * 67), State::Dead);
        assert_eq!(late.state(start + SECOND * 68), State::Probing);
    }

    #[test]
    fn one_caller_tries_for_all() {
        let start = Instant::now();
        let later = start + SECOND * 60;
        let mut health = dead(start);
        assert!(health.enter(later));
        assert!(!health.enter(later));
        health.forgotten();
        assert!(health.enter(later));
        assert!(!health.failed(later, 0.0), "the outage is no news");
        assert_eq!(health.state(later + SECOND * 59), State::Dead);
        assert!(health.enter(later + SECOND * 60));
        assert!(health.answered(), "its return is news");
        assert_eq!(health.state(later), State::Alive);
        assert!(!health.answered());
    }

    #[test]
    fn late_errors_do_not_prolong_the_rest() {
        let start = Instant::now();
        let mut health = dead(start);
        health.failed(start + SECOND * 5, 0.0);
        assert_eq!(health.state(start + SECOND * 60), State::Probing);
    }

    #[test]
    fn a_sign_of_life_ends_the_rest_but_not_the_doubt() {
        let start = Instant::now();
        let mut health = dead(start);
        health.seen(start + SECOND);
        assert_eq!(health.state(start + SECOND), State::Probing);
        let mut alive = Health::default();
        alive.seen(start);
        assert_eq!(alive.state(start), State::Alive);
    }
}

//! How large the embedded store may grow: the oldest history makes room for everything else. Pure numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// History may run ahead of its removal by this and an eighth of the limit.
const AHEAD: u64 = 16 << 20;

/// What the two files hold, and what they may hold together.
#[derive(Debug)]
pub(super) struct Budget {
    max: u64,
    main: AtomicU64,
    history: AtomicU64,
}

/// Which file a shelf is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Everything but history.
    Main,
    /// History alone.
    History,
}

impl Budget {
    pub fn new(max: u64) -> Budget {
        Budget {
            max,
            main: AtomicU64::new(0),
            history: AtomicU64::new(0),
        }
    }

    /// Notes what a file holds.
    pub fn note(&self, role: Role, cost: u64) {
        match role {
            Role::Main => self.main.store(cost, Ordering::Relaxed),
            Role::History => self.history.store(cost, Ordering::Relaxed),
        }
    }

    /// Bytes of history that must go.
    pub fn excess(&self) -> u64 {
        let room = self.max.saturating_sub(self.main.load(Ordering::Relaxed));
        self.history.load(Ordering::Relaxed).saturating_sub(room)
    }

    /// True where new keys that may be forgotten find no room.
    pub fn full(&self, role: Role) -> bool {
        let alone = self.main.load(Ordering::Relaxed) >= self.max;
        alone || (role == Role::History && self.excess() > self.max / 8 + AHEAD)
    }

    /// For messages.
    pub fn limit(&self) -> String {
        match self.max {
            max if max >= 1 << 20 => format!("{} MiB", max >> 20),
            max => format!("{max} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_makes_room() {
        let budget = Budget::new(800);
        budget.note(Role::Main, 300);
        budget.note(Role::History, 400);
        assert_eq!((budget.excess(), budget.full(Role::Main)), (0, false));
        budget.note(Role::History, 700);
        assert_eq!((budget.excess(), budget.full(Role::Main)), (200, false));
        assert!(!budget.full(Role::History), "it goes in a moment");
        budget.note(Role::History, 100 << 20);
        assert!(budget.full(Role::History));
        budget.note(Role::History, 0);
        budget.note(Role::Main, 800);
        assert!(budget.full(Role::Main) && budget.full(Role::History));
    }
}

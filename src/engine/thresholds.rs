//! From which score on an action is taken. Knows nothing of symbols or pre-results.

use super::Action;

/// Thresholds of the actions, with the actions that settings switched off.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    limits: [Option<f64>; Action::ALL.len()],
    disabled: [bool; Action::ALL.len()],
    /// The list as configured: ascending by threshold, those without one behind. Settings change limits, never this order,
    /// and the displayed required score is that of the last entry with a limit.
    list: [Action; Action::ALL.len()],
}

impl Default for Thresholds {
    /// The stock ones: greylist 4, add header 6, reject 15.
    fn default() -> Thresholds {
        Thresholds::new(&[(Action::Greylist, 4.0), (Action::AddHeader, 6.0), (Action::Reject, 15.0)])
    }
}

impl Thresholds {
    /// The thresholds given and no others; one that is no number counts as not given.
    pub fn new(limits: &[(Action, f64)]) -> Thresholds {
        let mut all = [None; Action::ALL.len()];
        for (action, limit) in limits {
            if limit.is_finite()
                && let Some(slot) = all.get_mut(*action as usize)
            {
                *slot = Some(*limit);
            }
        }
        let mut thresholds = Thresholds {
            limits: all,
            disabled: [false; Action::ALL.len()],
            list: [
                Action::Greylist,
                Action::AddHeader,
                Action::Reject,
                Action::SoftReject,
                Action::RewriteSubject,
                Action::Quarantine,
                Action::Discard,
                Action::NoAction,
            ],
        };
        let mut list = thresholds.list;
        let key = |action: &Action| thresholds.get(*action).unwrap_or(f64::INFINITY);
        list.sort_by(|a, b| key(a).total_cmp(&key(b)));
        thresholds.list = list;
        thresholds
    }

    /// The threshold in force, `None` where the action has none or is switched off.
    pub fn get(&self, action: Action) -> Option<f64> {
        let limit = self.limits.get(action as usize).copied().flatten();
        limit.filter(|_| !self.is_disabled(action))
    }

    /// Gives an action another threshold (settings).
    pub fn set(&mut self, action: Action, limit: f64) {
        if let Some(slot) = self.limits.get_mut(action as usize).filter(|_| limit.is_finite()) {
            *slot = Some(limit);
        }
        self.switch(action, false);
    }

    /// Switches an action off (settings: null): neither the sum nor a pre-result reaches it.
    pub fn disable(&mut self, action: Action) {
        self.switch(action, true);
    }

    fn switch(&mut self, action: Action, disabled: bool) {
        if let Some(slot) = self.disabled.get_mut(action as usize) {
            *slot = disabled;
        }
    }

    /// True where settings switched the action off.
    pub fn is_disabled(&self, action: Action) -> bool {
        self.disabled.get(action as usize).copied().unwrap_or(false)
    }

    /// The action with the highest threshold not above the score; `no action` where none fits.
    pub fn choose(&self, score: f64) -> Action {
        let mut best: Option<(f64, Action)> = None;
        for action in Action::ALL {
            if action == Action::NoAction {
                continue; // ham: never reached by a threshold
            }
            if let Some(limit) = self.get(action)
                && score >= limit
                && best.is_none_or(|(highest, _)| limit >= highest)
            {
                best = Some((limit, action));
            }
        }
        best.map_or(Action::NoAction, |(_, action)| action)
    }

    /// The score that is shown as required: the limit of the last action in the configured order that has one, switched off or not
    /// (so 3.4 shows it); 0 where none has.
    pub fn required(&self) -> f64 {
        let shown = self.list.iter().rev().filter(|a| **a != Action::NoAction);
        let limits = shown.filter_map(|a| self.limits.get(*a as usize).copied().flatten());
        limits.into_iter().next().unwrap_or(0.0)
    }

    /// The largest positive threshold, the yardstick of the grow factor.
    pub fn largest(&self) -> Option<f64> {
        let positive = Action::ALL.iter().filter_map(|a| self.get(*a)).filter(|limit| *limit > 0.0);
        positive.reduce(f64::max)
    }

    /// Every threshold in force, highest first.
    pub fn in_force(&self) -> Vec<(Action, f64)> {
        let shown = Action::ALL.into_iter().rev().filter(|a| *a != Action::NoAction);
        let mut all: Vec<(Action, f64)> = shown.filter_map(|a| self.get(a).map(|limit| (a, limit))).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }

    /// The list as `/actions` shows it; `quarantine` and `discard` only where they have a threshold.
    pub fn listing(&self) -> Vec<(Action, Option<f64>)> {
        let rare = |a: &Action| matches!(a, Action::Quarantine | Action::Discard);
        let all = self.list.iter().map(|a| (*a, self.get(*a)));
        all.filter(|(a, limit)| limit.is_some() || !rare(a)).collect()
    }
}

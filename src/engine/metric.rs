//! Hits to scores: shots, options, group caps, thresholds, pre-results. Pure, and the order of insertion decides; runs no rule.

use super::applied::Applied;
use super::options::Options;
use super::{Action, After, GroupResult, Hit, Hits, PreResult, Ruleset, SymbolResult};
use std::collections::HashMap;

/// The growing result of one message.
pub struct Metric<'r> {
    rules: &'r Ruleset,
    applied: Applied<'r>,
    score: f64,
    entries: Vec<Entry>,
    /// By place of a known symbol: 1 + place of its entry, 0 for none.
    slots: Vec<u32>,
    /// Entries of symbols that nobody defined.
    strangers: HashMap<String, usize>,
    /// Sums credited so far, groups in the order they were first hit.
    sums: Vec<(usize, f64)>,
    pre_results: Vec<PreResult>,
    positive: usize,
    negative: usize,
    skipped: bool,
    closed: bool,
    /// How often anything was put in or taken out.
    changes: usize,
    after: Vec<Box<dyn After>>,
}

struct Entry {
    /// `None` once the symbol was removed.
    name: Option<String>,
    known: Option<usize>,
    score: f64,
    count: u32,
    options: Options,
    /// A composite took it out of sight; it still counts as found.
    hidden: bool,
}

/// What is to be done, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The action.
    pub action: Action,
    /// The final score.
    pub score: f64,
    /// The pre-result that decided.
    pub by: Option<PreResult>,
}

impl<'r> Metric<'r> {
    /// An empty result under the settings of one message.
    pub fn new(rules: &'r Ruleset, applied: Applied<'r>) -> Metric<'r> {
        Metric {
            rules,
            applied,
            score: 0.0,
            entries: Vec::new(),
            slots: vec![0; rules.symbols().len()],
            strangers: HashMap::new(),
            sums: Vec::new(),
            pre_results: Vec::new(),
            positive: 0,
            negative: 0,
            skipped: false,
            closed: false,
            changes: 0,
            after: Vec::new(),
        }
    }

    /// The sum so far.
    pub fn score(&self) -> f64 {
        self.score
    }

    /// The settings of this message.
    pub fn applied(&self) -> &Applied<'r> {
        &self.applied
    }

    /// How many symbols were inserted with a value above and below zero.
    pub fn signs(&self) -> (usize, usize) {
        (self.positive, self.negative)
    }

    /// A rule found that the message is not to be scanned.
    pub fn skipped(&self) -> bool {
        self.skipped
    }

    /// True once a pre-result ends the remaining rules.
    pub fn ended(&self) -> bool {
        self.skipped || self.pre_results.iter().any(|p| !p.least && !p.process_all)
    }

    /// True where any pre-result was set.
    pub fn decided(&self) -> bool {
        !self.pre_results.is_empty()
    }

    /// True where the sum is strictly above the configured reject threshold. What settings make of that threshold decides the
    /// action, not the early stop: the peer reads the limit before its settings apply.
    pub fn above_reject(&self) -> bool {
        let reject = self.rules.scoring.thresholds.get(Action::Reject);
        reject.is_some_and(|limit| self.score > limit)
    }

    /// No insertion counts from here on (the post stages are over).
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Takes what one rule found. A pre-result counts only if one of the rule's symbols may appear, or it has none. Settings do not
    /// bind a rule that skips the message.
    pub fn take(&mut self, hits: Hits) {
        if self.closed || hits.is_empty() {
            return;
        }
        if hits.skip {
            self.clear();
            self.skipped = true;
        }
        let free = hits.skip || !self.applied.restricts();
        let any = free || hits.hits.is_empty() || hits.hits.iter().any(|h| self.applied.allows(self.rules.find(&h.symbol), &h.symbol));
        for hit in hits.hits {
            let id = self.rules.find(&hit.symbol);
            if free || self.applied.allows(id, &hit.symbol) {
                self.put(id, hit);
            }
        }
        for result in hits.pre_results.into_iter().filter(|_| any) {
            if hits.skip || !self.applied.thresholds().is_disabled(result.action) {
                self.pre_result(result);
            }
        }
        hits.disabled.into_iter().for_each(|action| self.applied.disable(action));
        self.after.extend(hits.after);
    }

    /// The work that rules left for when the verdict is known.
    pub fn take_after(&mut self) -> Vec<Box<dyn After>> {
        std::mem::take(&mut self.after)
    }

    /// True where the symbol stands in the result.
    pub fn has(&self, symbol: &str) -> bool {
        self.place(self.rules.find(symbol), symbol).is_some()
    }

    /// Inserts one symbol, if settings allow it.
    pub fn insert(&mut self, hit: Hit) {
        let id = self.rules.find(&hit.symbol);
        if !self.closed && self.applied.allows(id, &hit.symbol) {
            self.put(id, hit);
        }
    }

    /// Inserts one symbol, whether settings allow it or not (those that settings themselves insert).
    pub fn force(&mut self, hit: Hit) {
        self.put(self.rules.find(&hit.symbol), hit);
    }

    /// Keeps a pre-result: sorted by priority, among equals the earlier first.
    pub fn pre_result(&mut self, result: PreResult) {
        let place = self.pre_results.partition_point(|p| p.priority >= result.priority);
        self.pre_results.insert(place, result);
    }

    /// How often anything was put in or taken out; equal numbers, equal results.
    pub(super) fn changes(&self) -> usize {
        self.changes
    }

    fn put(&mut self, id: Option<usize>, hit: Hit) {
        if id.is_some_and(|id| !self.rules.is_live(id)) {
            return;
        }
        self.changes += 1;
        let known = id.and_then(|id| self.rules.symbol(id));
        // A test pattern is judged ahead of any settings.
        let given = self.applied.score(&hit.symbol).filter(|_| !self.skipped);
        let base = match (given, known) {
            (Some(score), _) => score,
            (None, Some(known)) => known.score,
            (None, None) if hit.enforced => 1.0,
            (None, None) => 0.0,
        };
        let weight = if hit.weight.is_finite() { hit.weight } else { 0.0 };
        let value = base * weight;
        // The sum turns a negative zero into a plain one.
        let value = if value.is_finite() { value + 0.0 } else { 0.0 };
        match self.place(id, &hit.symbol) {
            Some(place) => self.repeat(place, id, hit, value),
            None => self.first(id, hit, value),
        }
    }

    /// Where a symbol stands among the results: `id` is its place among the known ones, a stranger is found by name.
    pub(super) fn place(&self, id: Option<usize>, name: &str) -> Option<usize> {
        match id {
            Some(id) => self.slots.get(id).and_then(|slot| (*slot as usize).checked_sub(1)),
            None => self.strangers.get(name).copied(),
        }
    }

    fn first(&mut self, id: Option<usize>, hit: Hit, value: f64) {
        let value = self.credit(id, value);
        self.score += value;
        self.positive += usize::from(value > f64::EPSILON);
        self.negative += usize::from(value < -f64::EPSILON);
        let mut options = Options::default();
        options.extend(hit.options, self.rules.scoring.max_opts_len);
        let place = self.entries.len();
        let name = hit.symbol.into_owned();
        match id {
            Some(id) => {
                if let Some(slot) = self.slots.get_mut(id) {
                    *slot = u32::try_from(place + 1).unwrap_or(u32::MAX);
                }
            }
            None => {
                self.strangers.insert(name.clone(), place);
            }
        }
        self.entries.push(Entry {
            name: Some(name),
            known: id,
            score: value,
            count: 1,
            options,
            hidden: false,
        });
    }

    fn repeat(&mut self, place: usize, id: Option<usize>, hit: Hit, value: f64) {
        let known = id.and_then(|id| self.rules.symbol(id));
        let shots = known.map_or(self.rules.scoring.default_shots(), |k| self.rules.shots(k));
        let Some(entry) = self.entries.get_mut(place) else { return };
        let again = entry.count < shots && !hit.single;
        entry.count = entry.count.saturating_add(1);
        if !known.is_some_and(|k| k.one_param) {
            entry.options.extend(hit.options, self.rules.scoring.max_opts_len);
        }
        let stored = entry.score;
        let larger = value.is_sign_negative() == stored.is_sign_negative() && value.abs() > stored.abs();
        let difference = match (again, larger) {
            (true, _) => value,
            (false, true) => value - stored,
            (false, false) => return,
        };
        let difference = self.credit(id, difference);
        self.score += difference;
        if let Some(entry) = self.entries.get_mut(place) {
            entry.score += difference;
        }
    }

    /// Passes a value through the caps of the symbol's groups in turn and returns what is left of it.
    fn credit(&mut self, id: Option<usize>, value: f64) -> f64 {
        let mut value = value;
        let rules = self.rules;
        let Some(known) = id.and_then(|id| rules.symbol(id)) else {
            return value;
        };
        for index in &known.groups {
            let Some(group) = rules.groups().get(*index) else { continue };
            let sum = self.sum(*index);
            let target = *sum + value;
            let cap = if target >= 0.0 { group.max_score } else { group.min_score };
            let limited = if target >= 0.0 { cap > 0.0 } else { cap < 0.0 };
            if limited && sum.abs() >= cap.abs() && sum.is_sign_negative() == value.is_sign_negative() {
                return 0.0;
            }
            if limited && target.abs() > cap.abs() {
                value = cap - *sum;
                *sum = cap;
            } else {
                *sum = target;
            }
        }
        value
    }

    /// The sum of a group; few groups are hit, so a short list is the quickest map.
    fn sum(&mut self, group: usize) -> &mut f64 {
        let place = self.sums.iter().position(|(g, _)| *g == group).unwrap_or_else(|| {
            self.sums.push((group, 0.0));
            self.sums.len() - 1
        });
        let slot = self.sums.get_mut(place);
        slot.map(|(_, sum)| sum).expect("the place was found or made a line above")
    }

    /// Takes a symbol out; its score goes back to the message and its groups. False where it was not there.
    pub fn remove(&mut self, symbol: &str) -> bool {
        let id = self.rules.find(symbol);
        let Some(place) = self.place(id, symbol) else { return false };
        let Some(entry) = self.entries.get_mut(place) else { return false };
        entry.name = None;
        self.changes += 1;
        let score = entry.score;
        self.score -= score;
        match id {
            Some(id) => {
                if let Some(slot) = self.slots.get_mut(id) {
                    *slot = 0;
                }
                let groups = self.rules.symbol(id).map_or(&[][..], |k| k.groups.as_slice());
                for group in groups {
                    *self.sum(*group) -= score;
                }
            }
            None => {
                self.strangers.remove(symbol);
            }
        }
        true
    }

    /// Takes the symbol at a place out of sight, with its weight left where it is; later composites still find it.
    pub(super) fn hide(&mut self, place: usize) {
        if let Some(entry) = self.entries.get_mut(place) {
            entry.hidden = true;
        }
    }

    /// Score and options of the symbol at a place.
    pub(super) fn found(&self, place: usize) -> Option<(f64, &[String])> {
        self.entries.get(place).map(|entry| (entry.score, entry.options.all()))
    }

    /// Shows what was found of a group, in order; with a sign only symbols whose configured score is above (true) or below zero.
    pub(super) fn found_in(&self, group: usize, sign: Option<bool>, show: &mut impl FnMut(usize, f64, &[String])) {
        for (place, entry) in self.entries.iter().enumerate().filter(|(_, entry)| entry.name.is_some()) {
            let Some(known) = entry.known.and_then(|id| self.rules.symbol(id)) else {
                continue;
            };
            let fits = match sign {
                Some(true) => known.score > 0.0,
                Some(false) => known.score < 0.0,
                None => true,
            };
            if fits && known.groups.contains(&group) {
                show(place, entry.score, entry.options.all());
            }
        }
    }

    /// Takes the weight from the symbol at a place but leaves it in sight; its groups keep what they were credited (composites).
    pub(super) fn remove_weight(&mut self, place: usize) {
        if let Some(entry) = self.entries.get_mut(place) {
            self.score -= entry.score;
            entry.score = 0.0;
        }
    }

    /// Lets positive scores grow with their number; once, after the post stage.
    pub fn grow(&mut self) {
        let factor = self.rules.scoring.grow_factor;
        let Some(largest) = self.applied.thresholds().largest().filter(|_| factor > 1.0) else {
            return;
        };
        let present = self.entries.iter().filter(|e| e.name.is_some() && e.score > 0.0);
        let grown = present.fold(factor, |f, e| f * (1.0 + (factor - 1.0) * e.score / largest));
        if !grown.is_finite() {
            return;
        }
        for entry in self.entries.iter_mut().filter(|e| e.name.is_some() && e.score > 0.0) {
            let more = entry.score * grown - entry.score;
            entry.score += more;
            self.score += more;
        }
    }

    fn clear(&mut self) {
        self.score = 0.0;
        self.entries.clear();
        self.slots.fill(0);
        self.strangers.clear();
        self.sums.clear();
        self.pre_results.clear();
        (self.positive, self.negative) = (0, 0);
    }

    /// The action: a pre-result's, or the one whose threshold the sum reaches, or at least that of a lower bound.
    pub fn decide(&self) -> Decision {
        let thresholds = self.applied.thresholds();
        if let Some(result) = self.pre_results.iter().find(|p| !p.least) {
            let score = match result.score {
                Some(target) if result.action == Action::NoAction => target.min(self.score),
                Some(target) => target,
                None => self.score,
            };
            return Decision {
                action: result.action,
                score,
                by: Some(result.clone()),
            };
        }
        let plain = thresholds.choose(self.score);
        let Some(least) = self.pre_results.first() else {
            return Decision {
                action: plain,
                score: self.score,
                by: None,
            };
        };
        let limit = thresholds.get(least.action);
        let holds = match (limit, thresholds.get(plain)) {
            (Some(bound), Some(reached)) => reached < bound,
            (Some(_), None) => true,
            (None, _) => !matches!(plain, Action::Reject | Action::Discard),
        };
        let target = least.score.or(limit).unwrap_or(self.score);
        Decision {
            action: if holds { least.action } else { plain },
            score: self.score.max(target),
            by: holds.then(|| least.clone()),
        }
    }

    /// Names of inserted symbols that nobody defined.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let strangers = self.entries.iter().filter(|e| e.known.is_none());
        strangers.filter_map(|e| e.name.as_deref())
    }

    /// Symbols in the order of insertion, groups in the order they were hit.
    pub fn into_results(self) -> (Vec<SymbolResult>, Vec<GroupResult>) {
        let rules = self.rules;
        let symbol = |entry: Entry| {
            let known = entry.known.and_then(|id| rules.symbol(id));
            Some(SymbolResult {
                name: entry.name?,
                score: entry.score,
                metric_score: known.map_or(0.0, |k| k.score),
                description: known.and_then(|k| k.description.clone()),
                options: entry.options.into_vec(),
            })
        };
        let group = |(index, sum): (usize, f64)| {
            let group = rules.groups().get(index)?;
            Some(GroupResult {
                name: group.name.clone(),
                score: sum,
                description: group.description.clone(),
            })
        };
        let symbols = self.entries.into_iter().filter(|e| !e.hidden).filter_map(symbol).collect();
        (symbols, self.sums.into_iter().filter_map(group).collect())
    }
}

#[cfg(test)]
mod tests;

//! Brings rules into running order: by stage, by step, and behind what they need. Runs nothing.

use super::{Rank, Rule, Stage};
use std::collections::{HashMap, HashSet};

/// A rule with its place: rules of one wave do not need each other.
pub(crate) struct Planned {
    /// The rule.
    pub rule: Rule,
    /// Rules of the same stage and wave may wait side by side.
    pub wave: usize,
}

/// Why rules cannot be brought into order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Each needs the next, and the last the first.
    #[error("rules need each other in a circle: {}; remove one of these needs", .0.join(" -> "))]
    Circle(Vec<String>),
    /// A need that could never be met.
    #[error("rule {rule} of an earlier stage needs {need}, which runs later; move one of them to the other's stage")]
    Late {
        /// The rule that waits.
        rule: String,
        /// What it waits for.
        need: String,
    },
}

/// Sorts rules by stage, step, depth and rank; within these they keep the order in which they came. `givers` names, for each symbol, the
/// rules (by place) that may insert it.
pub(crate) fn order(rules: Vec<Rule>, givers: &HashMap<String, Vec<usize>>) -> Result<Vec<Planned>, Vec<PlanError>> {
    let needs = resolve(&rules, givers)?;
    let keys = keys(&rules, &needs)?;
    let mut placed: Vec<(Key, usize, Rule)> = Vec::with_capacity(rules.len());
    for (place, (rule, key)) in rules.into_iter().zip(keys).enumerate() {
        placed.push((key, place, rule));
    }
    placed.sort_by(|(a_key, a_place, a), (b_key, b_place, b)| {
        let ranked = (*a_key, a.rank).cmp(&(*b_key, b.rank));
        ranked.then_with(|| named(a).cmp(&named(b))).then(a_place.cmp(b_place))
    });
    let mut planned: Vec<Planned> = Vec::with_capacity(placed.len());
    let (mut wave, mut last) = (0, None);
    for (key, _, rule) in placed {
        wave += usize::from(last.is_some_and(|l| l != key));
        last = Some(key);
        planned.push(Planned { rule, wave });
    }
    Ok(planned)
}

/// What orders rules of that rank, and no others.
fn named(rule: &Rule) -> Option<(usize, &str)> {
    (rule.rank == Rank::Named).then_some((rule.name.len(), rule.name.as_str()))
}

/// Stage, step within it, depth of dependence within that.
type Key = (Stage, u8, usize);

/// For each rule the places of the rules that it waits for. A need that nobody meets counts as met.
fn resolve(rules: &[Rule], givers: &HashMap<String, Vec<usize>>) -> Result<Vec<Vec<usize>>, Vec<PlanError>> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, rule) in rules.iter().enumerate() {
        by_name.entry(rule.name.as_str()).or_default().push(place);
        for symbol in &rule.symbols {
            by_name.entry(symbol.symbol.as_str()).or_default().push(place);
        }
    }
    let mut errors = Vec::new();
    let mut all = Vec::with_capacity(rules.len());
    for (place, rule) in rules.iter().enumerate() {
        let mut mine: Vec<usize> = Vec::new();
        for need in &rule.needs {
            let named = by_name.get(need).map(Vec::as_slice);
            let found = named.or_else(|| family_of(need, place, givers)).unwrap_or_default();
            for other in found {
                let late = rules.get(*other).is_some_and(|o| o.stage > rule.stage);
                if late {
                    errors.push(PlanError::Late {
                        rule: rule.name.clone(),
                        need: (*need).to_owned(),
                    });
                } else if !mine.contains(other) {
                    mine.push(*other);
                }
            }
        }
        all.push(mine);
    }
    if errors.is_empty() { Ok(all) } else { Err(errors) }
}

/// The rules of the family that declares a symbol, unless the asking rule belongs to it: then the order within the family decides.
fn family_of<'g>(symbol: &str, place: usize, givers: &'g HashMap<String, Vec<usize>>) -> Option<&'g [usize]> {
    let family = givers.get(symbol)?;
    (!family.contains(&place)).then_some(family.as_slice())
}

/// Depth first over the needs, with a stack of our own: configuration must not exhaust the real one.
fn keys(rules: &[Rule], needs: &[Vec<usize>]) -> Result<Vec<Key>, Vec<PlanError>> {
    let mut done: Vec<Option<Key>> = vec![None; rules.len()];
    let mut errors = Vec::new();
    for start in 0..rules.len() {
        if let Err(circle) = visit(start, rules, needs, &mut done) {
            errors.push(PlanError::Circle(circle));
            break; // the rest would name the same circle again
        }
    }
    if errors.is_empty() {
        Ok(done.into_iter().flatten().collect())
    } else {
        Err(errors)
    }
}

/// `done` holds the keys found so far; a rule without one that was met before stands on the path: a circle.
fn visit(start: usize, rules: &[Rule], needs: &[Vec<usize>], done: &mut [Option<Key>]) -> Result<(), Vec<String>> {
    let mut open = HashSet::new();
    let mut path: Vec<(usize, usize)> = vec![(start, 0)];
    open.insert(start);
    while let Some((place, next)) = path.last().copied() {
        if done.get(place).is_some_and(Option::is_some) {
            path.pop();
            continue;
        }
        let mine = needs.get(place).map_or(&[][..], Vec::as_slice);
        if let Some(other) = mine.get(next).copied() {
            if let Some(step) = path.last_mut() {
                step.1 += 1;
            }
            if done.get(other).is_some_and(Option::is_some) {
                continue;
            }
            if !open.insert(other) {
                let from = path.iter().position(|(p, _)| *p == other).unwrap_or(0);
                let circle = path.iter().skip(from).map(|(p, _)| *p).chain([other]);
                return Err(circle.filter_map(|p| rules.get(p).map(|r| r.name.clone())).collect());
            }
            path.push((other, 0));
            continue;
        }
        let key = key(place, rules, mine, done);
        if let Some(slot) = done.get_mut(place) {
            *slot = key;
        }
        path.pop();
    }
    Ok(())
}

/// A rule stands in its own step, or behind the latest of its needs.
fn key(place: usize, rules: &[Rule], needs: &[usize], done: &[Option<Key>]) -> Option<Key> {
    let rule = rules.get(place)?;
    let own = (rule.stage, rule.order, 0);
    let after = needs.iter().filter_map(|n| done.get(*n).copied().flatten());
    let after = after.map(|(stage, order, depth)| (stage, order, depth + 1)).max();
    Some(after.map_or(own, |a| own.max(a)))
}

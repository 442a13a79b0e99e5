//! Imported rules at work on a message: patterns first, metas behind what they build on; those that build on symbols of other rules come
//! last, when these are known.

use crate::base::expr::Expression;
use crate::engine::{Ask, Asked, Check, Hits, Scan, SoFar};
use crate::rules::regexp::book::{Book, Entry, Reading};
use crate::rules::regexp::function::Function;
use crate::rules::regexp::members::log_given_up;
use std::sync::Arc;

/// What a rule asks.
pub(super) enum Judge {
    /// One of these patterns is found.
    Patterns {
        entries: Vec<Entry>,
        /// Without this header the answer is known.
        unset: Option<(String, bool)>,
        negated: bool,
    },
    /// The function's answer, or its opposite.
    Function(Function, bool),
    /// An expression over other rules.
    Meta(Expression, Vec<Operand>),
}

/// What a name in a meta is.
pub(super) enum Operand {
    /// A rule that runs ahead, by its place.
    Rule(usize),
    /// A meta that also waits for symbols of others, by its place.
    Late(usize),
    /// A symbol of somebody else, or of nobody.
    Symbol,
}

/// A rule.
pub(super) struct Ready {
    pub name: String,
    /// It is a symbol; others only serve metas.
    pub shown: bool,
    pub judge: Judge,
}

/// All of them.
pub(super) struct Rules {
    pub book: Book,
    /// Each behind what it builds on.
    pub list: Vec<Ready>,
    /// Metas that build on symbols of others.
    pub foreign: Vec<Ready>,
}

/// What the rules came to, for those that wait.
struct Values(Vec<f64>);

impl Judge {
    pub(super) fn found(entry: Entry) -> Judge {
        Judge::Patterns {
            entries: vec![entry],
            unset: None,
            negated: false,
        }
    }

    fn value(&self, scan: &Scan<'_>, reading: &Reading<'_, '_>, before: &[f64]) -> f64 {
        let yes = match self {
            Judge::Patterns { entries, unset, negated } => {
                let given = unset.as_ref().filter(|(header, _)| !scan.mail.headers().has(header));
                let found = || entries.iter().any(|entry| reading.count(*entry) > 0);
                given.map_or_else(found, |(_, fits)| *fits) != *negated
            }
            Judge::Function(function, negated) => function.answer(scan) != *negated,
            Judge::Meta(expression, operands) => return expression.value(|at| operand(operands, at, before, &[], &|| false)),
        };
        f64::from(u8::from(yes))
    }
}

fn operand(operands: &[Operand], at: usize, rules: &[f64], late: &[f64], symbol: &dyn Fn() -> bool) -> f64 {
    match operands.get(at) {
        Some(Operand::Rule(place)) => rules.get(*place).copied().unwrap_or_default(),
        Some(Operand::Late(place)) => late.get(*place).copied().unwrap_or_default(),
        Some(Operand::Symbol) => f64::from(u8::from(symbol())),
        None => 0.0,
    }
}

/// Inserts a rule whose value is not nought; a meta tells what it found.
fn insert(rule: &Ready, value: f64, member: impl Fn(usize) -> f64, hits: &mut Hits) {
    if !rule.shown || !value.is_finite() || value.abs() <= f64::EPSILON {
        return;
    }
    let mut options: Vec<String> = Vec::new();
    if let Judge::Meta(expression, _) = &rule.judge {
        for (at, atom) in expression.atoms().iter().enumerate() {
            if member(at) != 0.0 && !options.contains(&atom.text) {
                options.push(atom.text.clone());
            }
        }
    }
    hits.named(&rule.name, value, options);
}

/// The rules that need nobody else.
pub(super) struct Ahead(pub Arc<Rules>);

impl Check for Ahead {
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits) {
        let reading = self.0.book.read(scan);
        let mut values: Vec<f64> = Vec::with_capacity(self.0.list.len());
        for rule in &self.0.list {
            let value = rule.judge.value(scan, &reading, &values);
            let member = |at: usize| match &rule.judge {
                Judge::Meta(_, operands) => operand(operands, at, &values, &[], &|| false),
                _ => 0.0,
            };
            insert(rule, value, member, hits);
            values.push(value);
        }
        log_given_up(super::FAMILY.name, &reading);
        if !self.0.foreign.is_empty() {
            scan.facts.leave(Values(values));
        }
    }
}

/// The metas that build on symbols of others.
pub(super) struct Behind(pub Arc<Rules>);

impl Ask for Behind {
    fn ask<'a>(&'a self, scan: &'a Scan<'_>, so_far: &'a SoFar<'_>) -> Asked<'a> {
        let hits = self.judge(scan, so_far);
        Box::pin(std::future::ready(hits))
    }
}

impl Behind {
    fn judge(&self, scan: &Scan<'_>, so_far: &SoFar<'_>) -> Hits {
        let mut hits = Hits::default();
        let Some(rules) = scan.facts.find::<Values>() else { return hits };
        let mut late: Vec<f64> = Vec::with_capacity(self.0.foreign.len());
        for rule in &self.0.foreign {
            let Judge::Meta(expression, operands) = &rule.judge else { continue };
            let names = expression.atoms();
            let member = |at: usize| {
                let symbol = || names.get(at).is_some_and(|atom| so_far.has(&atom.text));
                operand(operands, at, &rules.0, &late, &symbol)
            };
            let value = expression.value(member);
            insert(rule, value, member, &mut hits);
            late.push(value);
        }
        hits
    }
}

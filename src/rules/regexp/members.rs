//! Rules that are ready to run: each an expression over patterns and functions, and what its value becomes.

use super::atom::{self, Atom};
use super::book::{Book, Draft, Entry, Reading};
use super::function::Function;
use crate::base::expr::Expression;
use crate::base::patterns::{BACKTRACKED_BYTES, STEPS};
use crate::engine::{Check, Hits, Scan};

/// What an expression asks.
#[derive(Debug)]
pub(crate) enum Member {
    /// How often a pattern was found.
    Pattern(Entry),
    /// Whether a function says yes.
    Function(Function),
}

impl Member {
    pub(crate) fn value(&self, scan: &Scan<'_>, reading: &Reading<'_, '_>) -> f64 {
        match self {
            Member::Pattern(entry) => reading.count(*entry).into(),
            Member::Function(function) => f64::from(u8::from(function.answer(scan))),
        }
    }
}

/// An expression with what its atoms are.
#[derive(Debug)]
pub(crate) struct Formula {
    expression: Expression,
    members: Vec<Member>,
    /// What its patterns hold that only backtracking can find.
    pub slow: Option<&'static str>,
}

impl Formula {
    /// Reads an expression; its patterns go into the draft.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn parse(text: &str, draft: &mut Draft) -> Result<Formula, String> {
        let expression = Expression::parse_over(text, atom::length).map_err(|e| format!("the expression is not understood: {e}"))?;
        let mut slow = None;
        let mut members = Vec::new();
        for atom in expression.atoms() {
            members.push(match Atom::parse(&atom.text)? {
                Atom::Call(name, arguments) => Member::Function(Function::new(&name, arguments)?),
                Atom::Pattern(kind, pattern, flags) => {
                    let added = draft.add(kind, &pattern, flags);
                    let (entry, reason) = added.map_err(|e| format!("no engine takes the pattern /{pattern}/: {e}"))?;
                    slow = slow.or(reason);
                    Member::Pattern(entry)
                }
            });
        }
        Ok(Formula { expression, members, slow })
    }

    fn value(&self, scan: &Scan<'_>, reading: &Reading<'_, '_>) -> f64 {
        let member = |place: usize| self.members.get(place).map_or(0.0, |m| m.value(scan, reading));
        self.expression.value(member)
    }
}

/// A symbol and its formula.
pub(crate) struct Ready {
    /// The symbol's name.
    pub symbol: String,
    /// Its weight is the value of this.
    pub formula: Formula,
    /// Not for what is no MIME mail.
    pub mime_only: bool,
}

/// Rules over one book of patterns.
pub(crate) struct Rules {
    /// Who speaks of them in the log.
    pub module: &'static str,
    /// The patterns.
    pub book: Book,
    /// The rules in their order.
    pub list: Vec<Ready>,
}

impl Check for Rules {
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits) {
        let reading = self.book.read(scan);
        for rule in &self.list {
            if rule.mime_only && !scan.mime {
                continue;
            }
            let value = rule.formula.value(scan, &reading);
            if value.is_finite() && value.abs() > f64::EPSILON {
                hits.named(&rule.symbol, value, Vec::new());
            }
        }
        log_given_up(self.module, &reading);
    }
}

/// Says that patterns were not followed to their end.
pub(crate) fn log_given_up(module: &str, reading: &Reading<'_, '_>) {
    let count = reading.given_up();
    if count > 0 {
        tracing::info!("{module}: {count} patterns with look-around were given up after {STEPS} steps or {BACKTRACKED_BYTES} bytes");
    }
}

//! Joins the families of rules into one question: `scan(request) -> Verdict`. Knows no protocol and keeps no statistics.

pub mod request;

pub use request::{Flags, Request};

use crate::engine::{Action, Ruleset, Verdict};

/// Rules, scores and thresholds of one configuration. A reload builds a new one; a message keeps the one it began with.
pub struct Filter {
    rules: Ruleset,
}

impl Filter {
    /// Scans one message; never fails: what cannot be judged is said in the verdict.
    pub async fn scan(&self, request: &Request) -> Verdict {
        let _ = request;
        Verdict::default()
    }

    /// Groups with their symbols, as `/symbols` lists them.
    pub fn groups(&self) -> Vec<GroupListing> {
        Vec::new()
    }

    /// Actions with their thresholds, as `/actions` lists them.
    pub fn actions(&self) -> Vec<(Action, Option<f64>)> {
        self.rules.scoring().thresholds.listing()
    }
}

/// A group of symbols for people.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupListing {
    /// Its name, `ungrouped` for symbols without one.
    pub name: String,
    /// Its symbols.
    pub symbols: Vec<SymbolListing>,
}

/// A symbol for people.
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolListing {
    /// Its name.
    pub name: String,
    /// Its score.
    pub weight: f64,
    /// Its sentence, where it has one.
    pub description: Option<String>,
}

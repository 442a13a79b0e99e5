//! What a rule author implements: a check, its place in the run, what it waits for. Runs nothing itself.

use super::{Definition, Hits, Scan, SoFar, Symbol, Verdict};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A check that needs only the message: a plain function or a struct with settings.
pub trait Check: Send + Sync {
    /// Looks at the message and says what it found.
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits);
}

impl<F: Fn(&Scan<'_>, &mut Hits) + Send + Sync> Check for F {
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits) {
        self(scan, hits)
    }
}

/// A check that must wait for somebody (DNS, a store, a scanner). It owns its deadline; a failure is a symbol of its own.
pub trait Ask: Send + Sync {
    /// Asks, and says what it found. `so_far` is what earlier waves came to: only rules of [`Stage::Post`] should build on it, since
    /// before the composites it is no verdict.
    fn ask<'a>(&'a self, scan: &'a Scan<'_>, so_far: &'a SoFar<'_>) -> Asked<'a>;
}

/// What a waiting rule will say.
pub type Asked<'a> = Pin<Box<dyn Future<Output = Hits> + Send + 'a>>;

/// Work that a rule leaves for the time when the verdict is known and the answer is on its way: it can change neither. It owns what it
/// needs and its deadline; nobody waits for it.
pub trait After: Send + Sync {
    /// Does it.
    fn after(self: Box<Self>, verdict: Arc<Verdict>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// When a rule runs. Stages run in this order, rules of one stage by `order`, then as they were registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Knows only the client.
    Connect,
    /// Before the filters; may end the scan.
    Pre,
    /// The bulk of the rules.
    Filter,
    /// Learned judgement.
    Classify,
    /// After the composites.
    Post,
}

/// How a rule is run.
pub enum Run {
    /// At once.
    Check(Box<dyn Check>),
    /// Awaited beside others of its stage.
    Ask(Box<dyn Ask>),
}

/// One rule of a family.
pub struct Rule {
    /// Its name, for logs, timings and `needs`: by custom that of its main symbol or its rspamd callback.
    pub name: String,
    /// When it runs.
    pub stage: Stage,
    /// Within the stage, lower runs first: [`order`] names the steps.
    pub order: u8,
    /// Among the rules of a step that do not need each other.
    pub rank: Rank,
    /// Rules or symbols that must have finished first, whether they fired or not.
    pub needs: Vec<&'static str>,
    /// Symbols of the code that it inserts, where its family has several rules: settings switch them as one. The only rule of a
    /// family inserts all of the family's.
    pub gives: Vec<&'static str>,
    /// It runs even without a message body, after a pre-result, or above the reject threshold.
    pub always: bool,
    /// Symbols that the configuration of this rule names (those of the code are declared by the family).
    pub symbols: Vec<Definition>,
    /// What it does.
    pub run: Run,
}

/// Where a rule stands among its step's: caps of groups cut what is inserted late. Equal ones keep the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// At a place of its own before the rest.
    Early(usize),
    /// Shorter names first, and those by the alphabet.
    Named,
    /// At a place of its own behind the rest.
    Late(usize),
}

/// Steps inside the filter stage. The guide's second report fixes them: structure first, then address maps, then all else.
pub mod order {
    /// MIME structure and presence of ARC.
    pub const STRUCTURE: u8 = 10;
    /// Maps of client addresses, whose `action` ends the rest.
    pub const ADDRESS_MAPS: u8 = 20;
    /// Everything else.
    pub const REST: u8 = 50;
}

impl Rule {
    /// A synchronous rule of the filter stage in the last step, without needs.
    pub fn check(name: &str, check: impl Check + 'static) -> Rule {
        Rule::new(name, Run::Check(Box::new(check)))
    }

    /// A waiting rule of the filter stage in the last step, without needs.
    pub fn ask(name: &str, ask: impl Ask + 'static) -> Rule {
        Rule::new(name, Run::Ask(Box::new(ask)))
    }

    fn new(name: &str, run: Run) -> Rule {
        Rule {
            name: name.to_owned(),
            stage: Stage::Filter,
            order: order::REST,
            rank: Rank::Early(0),
            needs: Vec::new(),
            gives: Vec::new(),
            always: false,
            symbols: Vec::new(),
            run,
        }
    }

    /// The same rule in another stage.
    pub fn in_stage(mut self, stage: Stage) -> Rule {
        self.stage = stage;
        self
    }

    /// The same rule, run even without a body, after a pre-result, or above the reject threshold.
    pub fn always(mut self) -> Rule {
        self.always = true;
        self
    }

    /// The same rule, inserting these symbols of its family.
    pub fn giving(mut self, symbols: &[&'static Symbol]) -> Rule {
        self.gives = symbols.iter().map(|s| s.name).collect();
        self
    }

    /// The same rule, naming a symbol that the configuration gave it.
    pub fn defines(mut self, symbol: Definition) -> Rule {
        self.symbols.push(symbol);
        self
    }

    /// The same rule in another step.
    pub fn at(mut self, order: u8) -> Rule {
        self.order = order;
        self
    }

    /// The same rule after others.
    pub fn after(mut self, needs: &[&'static str]) -> Rule {
        self.needs = needs.to_vec();
        self
    }
}

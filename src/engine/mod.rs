//! The rule engine: what a rule author implements, and how hits become a verdict. Pure: no socket, no clock, no file.

pub mod action;
pub mod applied;
pub mod composite;
pub mod facts;
pub mod metric;
mod options;
pub mod plan;
pub mod rule;
pub mod ruleset;
pub mod run;
pub mod scan;
pub mod settings;
pub mod symbol;
pub mod thresholds;
pub mod verdict;

pub use action::Action;
pub use applied::Applied;
pub use composite::{Composite, Policy};
pub use facts::Facts;
pub use metric::{Decision, Metric};
pub use plan::PlanError;
pub use rule::{After, Ask, Asked, Check, Rank, Rule, Run, Stage, order};
pub use ruleset::{Definition, GroupSetting, Ruleset, Scoring};
pub use run::{Control, Outcome, Scope, SoFar, rehearse, run};
pub use scan::{Hit, Hits, PreResult, Scan};
pub use settings::Settings;
pub use symbol::{Compat, Symbol};
pub use thresholds::Thresholds;
pub use verdict::{Edits, GroupResult, Headline, Passthrough, SymbolResult, Verdict};

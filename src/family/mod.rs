//! The contract of a family of rules: what it is called, which symbols it declares, how its section becomes rules.

use crate::config::{Diagnostic, Section};
use crate::engine::{Compat, Rule, Symbol};
use crate::maps::Maps;
use std::path::PathBuf;
use std::sync::Arc;

/// Handles that a family is given when it builds its rules.
#[derive(Clone, Default)]
pub struct Services {
    /// Lists in files, watched for changes.
    pub maps: Arc<Maps>,
    /// Where maps named without a folder lie (`paths.maps`).
    pub folder: PathBuf,
    /// Which generation's behaviour is asked for.
    pub compat: Compat,
}

/// One family: a room of rules with its own section `[modules.NAME]`.
pub struct Family {
    /// Its name, which is that of its section.
    pub name: &'static str,
    /// Every symbol that the code of this family inserts.
    pub symbols: &'static [&'static Symbol],
    /// Turns the section into rules; what is wrong with it goes to the findings.
    pub build: Build,
}

/// Turns a family's section, where there is one, into rules.
pub type Build = fn(Option<&Section>, &Services, &mut Vec<Diagnostic>) -> Vec<Rule>;

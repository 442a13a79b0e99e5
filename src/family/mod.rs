//! The contract of a family of rules: what it is called, which symbols it declares, how its section becomes rules.

use crate::engine::{Compat, Rule, Symbol};

/// Handles that a family is given when it builds its rules.
#[derive(Clone, Default)]
pub struct Services {
    /// Which generation's behaviour is asked for.
    pub compat: Compat,
}

/// One family: a room of rules with its own section `[modules.NAME]`.
pub struct Family {
    /// Its name, which is that of its section.
    pub name: &'static str,
    /// Every symbol that the code of this family inserts.
    pub symbols: &'static [&'static Symbol],
    /// Turns the section into rules.
    pub build: fn(&Services) -> Vec<Rule>,
}

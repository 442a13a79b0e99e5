//! The contract of a family of rules: what it is called, which symbols it declares, how its section becomes rules.

mod chores;
mod lists;

pub use chores::{Chores, Started};
pub use lists::{Lines, Lists, list_file};

use crate::config::{Diagnostic, Section};
use crate::engine::{Compat, Rule, Symbol};
use crate::maps::Maps;
use crate::store::{Store, Stores};
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Handles that a family is given when it builds its rules.
#[derive(Clone, Default)]
pub struct Services {
    /// Lists in files, watched for changes.
    pub maps: Arc<Maps>,
    /// Where maps named without a folder lie (`paths.maps`).
    pub folder: PathBuf,
    /// Where the administrator's own rule files lie (`paths.rules`).
    pub rules: PathBuf,
    /// Which generation's behaviour is asked for.
    pub compat: Compat,
    /// How long a scan may take (`scan.timeout`): waiting rules that want to be heard end before.
    pub timeout: Option<Duration>,
    /// What is remembered between messages; `None` where nothing may be (`check`, `scan --local`).
    pub stores: Option<Arc<Stores>>,
    /// Work beside the scans.
    pub chores: Arc<Chores>,
    /// Symbols that stay away because there is no store.
    pub away: Arc<Mutex<Vec<String>>>,
}

impl Services {
    /// The store of a module whose rules cannot do without one; where there is none the symbols are noted as staying away, and the
    /// family, having read its section, builds nothing.
    pub fn store_for(&self, module: &str, symbols: &[&str]) -> Option<Arc<dyn Store>> {
        let store = self.stores.as_ref().map(|stores| stores.of(module));
        if store.is_none() {
            let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
            away.extend(symbols.iter().map(|s| (*s).to_owned()));
        }
        store
    }
}

/// One family: a room of rules with its own section `[modules.NAME]`.
pub struct Family {
    /// Its name, which is that of its section.
    pub name: &'static str,
    /// What its section holds where nothing is written, if it has keys of its own.
    pub defaults: Option<fn() -> Value>,
    /// Every symbol that the code of this family inserts.
    pub symbols: &'static [&'static Symbol],
    /// Turns the section into rules; what is wrong with it goes to the findings.
    pub build: Build,
}

/// What a section holds where nothing is written: keys without a value are left out.
pub fn defaults<T: Default + Serialize>() -> Value {
    serde_json::to_value(T::default()).unwrap_or_default()
}

/// Turns a family's section, where there is one, into rules.
pub type Build = fn(Option<&Section>, &Services, &mut Vec<Diagnostic>) -> Vec<Rule>;

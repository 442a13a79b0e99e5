//! A filter out of a configuration, with the maps it watches. Shared by the daemon, `check`, `rules` and `scan --local`.

use crate::config::{self, Config, Diagnostic, Report};
use crate::engine::Compat;
use crate::family::Services;
use crate::filter::Filter;
use crate::maps::Maps;
use std::sync::Arc;

/// A filter that can be put in force.
pub struct Built {
    /// The rules.
    pub filter: Filter,
    /// The files behind them, to be watched.
    pub maps: Arc<Maps>,
    /// What is merely doubtful.
    pub warnings: Vec<Diagnostic>,
}

/// Builds the filter of a configuration. Reads the files of maps.
pub fn filter(config: &Config) -> Result<Built, Report> {
    let maps = Arc::new(Maps::default());
    let services = Services {
        maps: maps.clone(),
        compat: compat(config),
    };
    let mut findings = Vec::new();
    match Filter::assemble(config, &services, &mut findings) {
        Some(filter) => Ok(Built {
            filter,
            maps,
            warnings: findings,
        }),
        None => Err(Report(findings)),
    }
}

/// Symbols that only come with a store. No family of this generation asks one yet.
pub fn needs_store(_config: &Config) -> Vec<String> {
    Vec::new()
}

/// The generation in the engine's words.
pub fn compat(config: &Config) -> Compat {
    match config.compat {
        config::Compat::V3_4 => Compat::V34,
        config::Compat::V4_1 => Compat::V41,
    }
}

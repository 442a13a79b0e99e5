//! A filter out of a configuration, with the maps it watches. Shared by the daemon, `check`, `rules` and `scan --local`.

use crate::config::{self, Config, Diagnostic, Examined, LoadOptions, Loaded, Report};
use crate::engine::Compat;
use crate::family::Services;
use crate::filter::{self, Filter};
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

/// Loads a configuration and builds its filter. The report holds what is wrong with either, so that nobody mends one mistake
/// only to be told the next.
pub fn load(options: &LoadOptions) -> Result<(Loaded, Built), Report> {
    complete(config::examine(options))
}

/// The second half of [`load`], for a configuration already examined.
pub fn complete(mut examined: Examined) -> Result<(Loaded, Built), Report> {
    let Some(config) = &examined.config else {
        return Err(Report(examined.findings));
    };
    match filter(config) {
        Ok(built) => examined.accept().map(|loaded| (loaded, built)),
        Err(report) => {
            examined.findings.extend(report.0);
            Err(Report(examined.findings))
        }
    }
}

/// Builds the filter of a configuration. Reads the files of maps.
pub fn filter(config: &Config) -> Result<Built, Report> {
    let maps = Arc::new(Maps::default());
    let services = Services {
        maps: maps.clone(),
        folder: config.paths.maps.clone(),
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
    filter::compat(config.compat)
}

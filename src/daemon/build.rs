//! A filter out of a configuration, with the maps it watches. Shared by the daemon, `check`, `rules` and `scan --local`.

use crate::config::{self, Config, Diagnostic, Examined, LoadOptions, Loaded, Report};
use crate::engine::Compat;
use crate::family::{Chores, Services};
use crate::filter::{self, Filter};
use crate::maps::Maps;
use crate::record::history;
use crate::store::{Store, Stores};
use std::sync::{Arc, PoisonError};

/// A filter that can be put in force.
pub struct Built {
    /// The rules.
    pub filter: Filter,
    /// The files behind them, to be watched.
    pub maps: Arc<Maps>,
    /// Where its modules remember.
    pub stores: Option<Arc<Stores>>,
    /// Work beside the scans, to be started with it.
    pub chores: Arc<Chores>,
    /// Symbols that stay away for want of a store.
    pub away: Vec<String>,
    /// How the history is kept, where it is.
    pub history: Option<history::Settings>,
    /// What is merely doubtful.
    pub warnings: Vec<Diagnostic>,
}

/// Loads a configuration and builds its filter. The report holds what is wrong with either, so that nobody mends one mistake
/// only to be told the next.
pub fn load(options: &LoadOptions) -> Result<(Loaded, Built), Report> {
    complete(config::examine(options), None)
}

/// The second half of [`load`], for a configuration already examined.
pub fn complete(mut examined: Examined, stores: Option<Arc<Stores>>) -> Result<(Loaded, Built), Report> {
    let Some(config) = &examined.config else {
        return Err(Report(examined.findings));
    };
    match filter(config, stores) {
        Ok(built) => examined.accept().map(|loaded| (loaded, built)),
        Err(report) => {
            examined.findings.extend(report.0);
            Err(Report(examined.findings))
        }
    }
}

/// Builds the filter of a configuration. Reads the files of maps. Without stores nothing is remembered between messages.
pub fn filter(config: &Config, stores: Option<Arc<Stores>>) -> Result<Built, Report> {
    let maps = Arc::new(Maps::default());
    let services = Services {
        maps: maps.clone(),
        folder: config.paths.maps.clone(),
        rules: config.paths.rules.clone(),
        compat: compat(config),
        timeout: Some(config.scan.timeout),
        stores,
        ..Services::default()
    };
    let mut findings = Vec::new();
    let history = history::Settings::read(config, &mut findings);
    findings.iter_mut().for_each(Diagnostic::pardon);
    let sound = !findings.iter().any(Diagnostic::is_error);
    match Filter::assemble(config, &services, &mut findings).filter(|_| sound) {
        Some(filter) => Ok(Built {
            history,
            filter,
            maps,
            stores: services.stores,
            chores: services.chores,
            away: std::mem::take(&mut *services.away.lock().unwrap_or_else(PoisonError::into_inner)),
            warnings: findings,
        }),
        None => Err(Report(findings)),
    }
}

/// Which module keeps its memory where; connections of `old` whose settings stayed the same are kept. For a configuration without
/// errors, on a runtime.
pub fn stores(examined: &Examined, own: Arc<dyn Store>, old: Option<&Stores>) -> Arc<Stores> {
    Arc::new(match &examined.config {
        Some(config) if examined.is_good() => Stores::configured(own, config, old),
        _ => Stores::alone(own),
    })
}

/// The generation in the engine's words.
pub fn compat(config: &Config) -> Compat {
    filter::compat(config.compat)
}

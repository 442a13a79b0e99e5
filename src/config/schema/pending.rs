//! Settings that are known and read, but have no effect in this version: whoever sets one is told.

use super::Config;
use crate::config::report::Diagnostic;

/// Warns of every such setting that is not at its default.
pub fn pending(_config: &Config, _findings: &mut Vec<Diagnostic>) {}

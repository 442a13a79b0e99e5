//! What no single value shows: settings that contradict each other. It reads typed settings and says where they were written.

use super::Config;
use crate::config::report::Diagnostic;

/// Looks for contradictions.
pub fn check(_config: &Config, _findings: &mut Vec<Diagnostic>) {}

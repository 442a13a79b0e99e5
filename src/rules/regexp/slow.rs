//! The list of rules whose patterns take more than linear time: told once for each file, when the rules are read.

use crate::base::patterns::{BACKTRACKED_BYTES, STEPS};
use crate::config::{Diagnostic, Place};

/// Rules named in one finding.
const NAMED: usize = 50;

/// Such rules: where, which, why.
#[derive(Default)]
pub(crate) struct Slow(Vec<(Place, String, &'static str)>);

impl Slow {
    /// Notes one.
    pub(crate) fn note(&mut self, place: &Place, name: &str, reason: &'static str) {
        self.0.push((place.clone(), name.to_owned(), reason));
    }

    /// Lists them.
    pub(crate) fn tell(&self, findings: &mut Vec<Diagnostic>) {
        for file in self.0.chunk_by(|a, b| a.0.file() == b.0.file()) {
            let named = file.iter().take(NAMED).map(|(_, name, reason)| format!("{name} ({reason})"));
            let mut list = named.collect::<Vec<_>>().join(", ");
            if file.len() > NAMED {
                list.push_str(&format!(" and {} more", file.len() - NAMED));
            }
            let kib = BACKTRACKED_BYTES / 1024;
            let text = format!("patterns that backtrack run with at most {STEPS} steps over the first {kib} KiB of a text: {list}");
            let help = "patterns without look-around, back-references and possessive quantifiers take linear time and have no limit";
            findings.push(
                Diagnostic::warning(text)
                    .at(file.first().map(|(place, ..)| place.clone()))
                    .help(help),
            );
        }
    }
}

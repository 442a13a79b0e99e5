//! Patterns of the administrator: `[modules.regexp]` and the files of `paths.rules`. Every symbol stands for an expression over patterns
//! and functions; its value is the symbol's weight.
//!
//! All patterns over one kind of text are searched in one pass (`book`). Patterns with look-around run under a limit of steps and are
//! listed when the rules are read. What nothing can run is an error in files of our own; in an rspamd tree it costs its rule and a warning.

pub(super) mod atom;
pub(super) mod book;
pub(super) mod function;
pub(super) mod kind;
pub(super) mod members;
mod read;
mod slow;

pub(super) use members::Rules;
pub(super) use slow::Slow;

use crate::base::quantity::ByteSize;
use crate::config::{Diagnostic, Section, rule_files};
use crate::engine::{Rule, Symbol};
use crate::family::{Family, Services};
use read::Reader;

/// No symbols of the code: the configuration names them all.
static SYMBOLS: &[&Symbol] = &[];

/// The administrator's patterns.
pub const FAMILY: Family = Family {
    name: "regexp",
    defaults: None,
    symbols: SYMBOLS,
    build,
};

/// So much of each text is searched by default.
pub(super) const MAX_SIZE: usize = 1_000_000;
/// Keys of the section that are no rules.
const SETTINGS: &[&str] = &["enabled", "disabled", "max_size"];

fn build(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Module {
        max_size: Option<ByteSize>,
    }
    let mut reader = Reader::default();
    let mut max_size = MAX_SIZE;
    if let Some(section) = section {
        let module: Option<Module> = section.without_tables().read(findings);
        let given = module.and_then(|m| m.max_size);
        max_size = given.map_or(max_size, ByteSize::as_usize);
        let entries = section.value().table().into_iter().flat_map(|table| table.iter());
        for entry in entries.filter(|e| !SETTINGS.contains(&e.key.as_str())) {
            reader.rule(&Section::new(section.path(), entry.clone()), findings);
        }
    }
    for entry in rule_files(&services.rules, findings) {
        reader.rule(&entry, findings);
    }
    reader.finish(max_size, findings).into_iter().collect()
}

/// From a file of rspamd's: what cannot be run there is passed over with a warning.
pub(super) fn is_imported(section: &Section) -> bool {
    section.place().source().lenient
}

#[cfg(test)]
mod tests;

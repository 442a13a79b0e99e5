//! The administrator's own rules: every `*.toml` of a folder, one entry a symbol. What an entry means is the business of its family.

use super::load::{drop_ins, read_file};
use super::native;
use super::report::Diagnostic;
use super::section::Section;
use super::value::Node;
use std::path::Path;

/// The entries of all files, in the order of the names of the files; a folder that is not there has none.
pub fn rule_files(folder: &Path, findings: &mut Vec<Diagnostic>) -> Vec<Section> {
    let mut entries = Vec::new();
    for path in drop_ins(folder, findings) {
        let Some(source) = read_file(&path, findings) else { continue };
        let (value, trouble) = native::parse(&source);
        findings.extend(trouble);
        if let Node::Table(table) = value.node {
            entries.extend(table.into_entries().into_iter().map(|entry| Section::new("", entry)));
        }
    }
    entries
}

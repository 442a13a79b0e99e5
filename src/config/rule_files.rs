//! Files that hold rules: every `*.toml` of a folder, one entry a symbol; and files of other languages, as text. What they mean is the
//! business of their families.

use super::files::{drop_ins, read_file};
use super::native;
use super::report::Diagnostic;
use super::section::Section;
use super::value::{Node, Source};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

/// The texts of the files that a path names; a `*` in the name of the file stands for anything.
pub fn texts(path: &Path, findings: &mut Vec<Diagnostic>) -> Vec<Arc<Source>> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let Some((head, tail)) = name.split_once('*') else {
        return read_file(path, findings).into_iter().collect();
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            findings.push(Diagnostic::error(format!("cannot list the folder {}: {error}", folder.display())));
            return Vec::new();
        }
    };
    let fits = |name: &str| name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail);
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.is_file() && path.file_name().and_then(|n| n.to_str()).is_some_and(fits))
        .collect();
    paths.sort();
    paths.iter().filter_map(|path| read_file(path, findings)).collect()
}

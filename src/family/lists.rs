//! Lists that settings of families name: a file, several, or the entries themselves.

use super::Services;
use crate::base::prefix_set::parse_network;
use crate::config::{Diagnostic, Section};
use crate::maps::watch::Content;
use crate::maps::{Entries, Map, Networks, Source};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A list as the configuration writes it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Lines {
    /// A file.
    File(String),
    /// Entries; those that begin like a path are files.
    Several(Vec<String>),
}

/// Lists asked as one.
pub struct Lists<C: Content>(Vec<Arc<Map<C>>>);

impl<C: Content> Default for Lists<C> {
    fn default() -> Lists<C> {
        Lists(Vec::new())
    }
}

impl<C: Content> Lists<C> {
    /// Opens the lists that the setting `key` names.
    pub fn open(lines: Option<&Lines>, key: &str, section: &Section, services: &Services, findings: &mut Vec<Diagnostic>) -> Lists<C> {
        let (files, inline) = match lines {
            None => (Vec::new(), Vec::new()),
            Some(Lines::File(file)) => (vec![file.clone()], Vec::new()),
            Some(Lines::Several(all)) => all.iter().cloned().partition(|entry| is_path(entry)),
        };
        let mut maps = Vec::new();
        for file in &files {
            match list_file(file, section.place().file(), &services.folder) {
                Ok(path) => maps.push(services.maps.open(&Source::File(path)).0),
                Err(finding) => findings.push(finding.at(section.place_of(key))),
            }
        }
        if !inline.is_empty() {
            let (map, problems) = services.maps.open(&Source::Inline(inline));
            for problem in problems {
                findings.push(section.error_at(key, format!("entry {}: {}", problem.line, problem.reason)));
            }
            maps.push(map);
        }
        Lists(maps)
    }

    /// One list of these entries; those that cannot be read are left out.
    pub fn inline(entries: &[String]) -> Lists<C> {
        Lists(vec![Arc::new(Map::inline(entries).0)])
    }

    /// Some list passes the test.
    pub fn any(&self, test: impl Fn(&C) -> bool) -> bool {
        self.0.iter().any(|map| test(&map.content()))
    }
}

impl Lists<Networks> {
    /// Some list holds the address.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.iter().any(|map| map.content().contains(address))
    }
}

impl Lists<Entries> {
    /// Some list has the word, in any case.
    pub fn has(&self, word: &str) -> bool {
        self.0.iter().any(|map| map.content().contains(word))
    }
}

fn is_path(entry: &str) -> bool {
    ["/", "./", "../", "file://", "fallback+"]
        .iter()
        .any(|start| entry.starts_with(start))
        || entry.contains("://")
}

/// The file that a setting names: a mere name lies in `maps`, a relative path counts from the folder of the configuration file.
///
/// # Errors
/// It names something in the net, an address, or nothing.
pub fn list_file(text: &str, configuration: &str, maps: &Path) -> Result<PathBuf, Diagnostic> {
    let plain = text.strip_prefix("fallback+").unwrap_or(text);
    let plain = plain.strip_prefix("file://").unwrap_or(plain);
    if let Some((scheme, _)) = plain.split_once("://") {
        let finding = Diagnostic::error(format!("maps from `{scheme}://` are known in rspamd, but not in this version"));
        return Err(finding.help("name a file that something else fetches; it is read again whenever it changes"));
    }
    if parse_network(plain).is_ok() {
        return Err(Diagnostic::error(format!("`{plain}` is an address, not a file")).help(format!("write a list: [\"{plain}\"]")));
    }
    if plain.is_empty() {
        return Err(Diagnostic::error("the map names no file"));
    }
    let folder = match plain.contains('/') {
        true => Path::new(configuration).parent().unwrap_or(Path::new("")),
        false => maps,
    };
    Ok(folder.join(plain))
}

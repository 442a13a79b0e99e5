//! The files of a tree: what each was read for, and those that nobody reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::account::{Fate, Item};
use super::maps::USUAL;
use super::surroundings::Surroundings;
use super::translate::Translated;
use crate::base::suggest::nearest;
use crate::config::report::Diagnostic;
use crate::config::ucl::{Parsed, Strategy};
use crate::config::value::{Node, Value};

/// Folders of a tree in which people put files to be read.
const FOLDERS: [&str; 8] = [
    "",
    "local.d",
    "override.d",
    "modules.d",
    "modules.local.d",
    "scores.d",
    "maps.d",
    "local.d/maps.d",
];
/// Files of the package that its own settings do not name.
const OF_PACKAGE: [&str; 1] = ["maps.d/maillist.inc"];
/// Files looked at in one folder.
const MOST: usize = 10_000;

/// A file of the tree and what it was read for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Its path.
    pub path: PathBuf,
    /// In a few words: `into greylist, over what is there (priority 1)`.
    pub what: String,
}

/// What each file was read for; unread ones go to the findings.
pub fn used(around: &Surroundings, parsed: &Parsed, raw: &Value, out: &mut Translated) -> Vec<Use> {
    let mut uses = Vec::new();
    for fed in parsed.files.iter().filter(|fed| Path::new(&fed.path).exists()) {
        let section = fed.section.join(".");
        let into = if section.is_empty() {
            "at the top".to_owned()
        } else {
            format!("into {section}")
        };
        let how = match fed.strategy {
            Strategy::Merge => ", merged",
            Strategy::Rewrite => ", in the place of what is there",
            _ if fed.priority >= 10 => ", over everything",
            _ => "",
        };
        let rank = if fed.priority > 0 {
            format!(" (priority {})", fed.priority)
        } else {
            String::new()
        };
        uses.push(Use {
            path: PathBuf::from(&fed.path),
            what: format!("{into}{how}{rank}"),
        });
    }
    let named = named_files(around, raw);
    let read: BTreeSet<PathBuf> = uses.iter().map(|used| used.path.clone()).collect();
    for (path, by) in &named {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if real.starts_with(real_folder(around)) && real.is_file() && !read.contains(&real) {
            uses.push(Use {
                path: real,
                what: match by.as_str() {
                    "lua" => "a script, not supported".to_owned(),
                    _ => format!("{} for {by}", if is_script(path) { "a script" } else { "a list" }),
                },
            });
        }
    }
    lists(around, raw, &named, out);
    unread(around, parsed, &uses, out);
    uses
}

/// Accounts for the lists of the tree: those that a setting here names as well are read as they are.
fn lists(around: &Surroundings, raw: &Value, named: &BTreeMap<PathBuf, String>, out: &mut Translated) {
    let ours = named_files(around, &out.layer);
    for (path, by) in named {
        let shown = path.strip_prefix(&around.folder).unwrap_or(path).display().to_string();
        // Those of the package belong to modules that are spoken of as a whole.
        if !path.is_file() || is_script(path) || shown.starts_with("maps.d/") && !ours.contains_key(path) || !is_list(raw, by) {
            continue;
        }
        let fate = match ours.get(path) {
            Some(setting) => Fate::Same(format!("read as it is, for {setting}")),
            None => Fate::Lost(format!("nothing here reads it; it is for {by}")),
        };
        out.account.push(Item::new(format!("the list {shown}"), None, fate));
    }
}

/// Scripts are spoken of by `lua`.
fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "lua")
}

/// False for what is a file but no list: certificates, keys, sockets, settings of the program.
fn is_list(raw: &Value, setting: &str) -> bool {
    let section = setting.split('.').next().unwrap_or_default();
    let other = ["options", "logging", "worker", "lua", "modules", "redis", "classifier"];
    raw.at([section]).is_some() && !other.contains(&section)
}

fn real_folder(around: &Surroundings) -> PathBuf {
    fs::canonicalize(&around.folder).unwrap_or_else(|_| around.folder.clone())
}

/// Every path that a setting names, with that setting; one below the usual folder stands for the same below this one as well.
fn named_files(around: &Surroundings, raw: &Value) -> BTreeMap<PathBuf, String> {
    let mut named = BTreeMap::new();
    let mut open = vec![(String::new(), raw)];
    while let Some((name, value)) = open.pop() {
        match &value.node {
            Node::Table(table) => open.extend(table.iter().map(|entry| {
                let name = if name.is_empty() {
                    entry.key.clone()
                } else {
                    format!("{name}.{}", entry.key)
                };
                (name, &entry.value)
            })),
            Node::List(items) | Node::Repeated(items) => open.extend(items.iter().map(|item| (name.clone(), item))),
            Node::Text(text) => {
                if let Some(at) = text.find('/').filter(|_| text.len() < 4_096) {
                    let path = text.get(at..).unwrap_or_default();
                    let path = path.strip_prefix("//").unwrap_or(path);
                    if let Some(rest) = path.strip_prefix(USUAL) {
                        named.entry(around.folder.join(rest)).or_insert_with(|| name.clone());
                    }
                    named.entry(PathBuf::from(path)).or_insert(name);
                }
            }
            _ => (),
        }
    }
    named
}

/// Reports the files that nobody reads.
fn unread(around: &Surroundings, parsed: &Parsed, uses: &[Use], out: &mut Translated) {
    let root = real_folder(around);
    let read: BTreeSet<&Path> = uses.iter().map(|used| used.path.as_path()).collect();
    // Names that would have been read: in this folder of the tree first.
    let asked: Vec<PathBuf> = parsed.absent.iter().map(|(path, _)| PathBuf::from(path)).collect();
    for folder in FOLDERS {
        let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
        let mut files: Vec<PathBuf> = entries.flatten().take(MOST).map(|entry| entry.path()).collect();
        files.sort();
        for path in files {
            let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            // Lua is spoken of elsewhere; hidden files and those of editors and package managers are nobody's settings.
            if read.contains(real.as_path()) || real.is_dir() || name.starts_with('.') || name.ends_with(".lua") {
                continue;
            }
            let shown = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
            let finding = Diagnostic::warning(format!("nobody reads {}", around.folder.join(&shown).display()));
            if OF_PACKAGE.contains(&shown.as_str()) {
                continue;
            }
            let better = meant(&path, &name, &asked, &root);
            let finding = match &better {
                Some(better) => finding.help(format!("did you mean {better}?")),
                None if folder == "maps.d" || folder == "local.d/maps.d" => finding.help("no setting names this list"),
                None => finding.help("no file of the tree includes it"),
            };
            out.findings.push(finding);
            let why = match better {
                Some(better) => format!("nobody reads it, rspamd neither; {better} would be read"),
                None => "nobody reads it, rspamd neither".to_owned(),
            };
            out.account.push(Item::new(format!("the file {shown}"), None, Fate::Needless(why)));
        }
    }
}

/// A file that would be read, with a name like this one.
fn meant(path: &Path, name: &str, asked: &[PathBuf], root: &Path) -> Option<String> {
    let short = |path: &Path| Some(path.strip_prefix(root).unwrap_or(path).to_str()?.to_owned());
    let here: Vec<&PathBuf> = asked.iter().filter(|asked| asked.parent() == path.parent()).collect();
    // The right name in the wrong place, or with the wrong ending, comes before a slip of the pen.
    let stem = name.split('.').next().unwrap_or(name);
    let same_stem = |asked: &&PathBuf| {
        asked
            .file_name()
            .and_then(|f| f.to_str())
            .is_some_and(|f| f.split('.').next() == Some(stem))
    };
    if let Some(found) = here.iter().copied().find(same_stem) {
        return short(found);
    }
    let names: Vec<&str> = here.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    if let Some(found) = nearest(name, names.iter().copied()) {
        return short(&path.parent()?.join(found));
    }
    let settings = [".conf", ".inc"].iter().any(|end| name.ends_with(end)) && !path.to_str().is_some_and(|path| path.contains("maps.d"));
    let local = root.join("local.d");
    let found = asked
        .iter()
        .find(|asked| settings && asked.parent() == Some(&local) && same_stem(asked))?;
    short(found)
}

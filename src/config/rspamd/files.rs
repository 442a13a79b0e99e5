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

/// Files of the package that its own settings do not name.
const OF_PACKAGE: [&str; 1] = ["maps.d/maillist.inc"];
/// Files and folders of a tree that are looked at, and how deep folders may lie in each other.
const MOST: usize = 10_000;
const DEEPEST: usize = 8;

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
                    // `file:///x`, and the `/$CONFDIR/x` of many examples.
                    let path = format!("/{}", text.get(at..).unwrap_or_default().trim_start_matches('/'));
                    let path = path.as_str();
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
    let present: Vec<&Path> = read.iter().copied().collect();
    for path in all_files(&root) {
        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        // Lua is spoken of elsewhere.
        if read.contains(real.as_path()) || real.is_dir() || name.ends_with(".lua") {
            continue;
        }
        let shown = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        if OF_PACKAGE.contains(&shown.as_str()) {
            continue;
        }
        let finding = Diagnostic::warning(format!("nobody reads {}", around.folder.join(&shown).display()));
        let (help, why) = match meant(&path, &name, &asked, &present, &root) {
            Some((better, false)) => (
                format!("did you mean {better}?"),
                format!("nobody reads it, rspamd neither; {better} would be read"),
            ),
            Some((better, true)) => (
                format!("{better} is read, it could go there"),
                format!("nobody reads it, rspamd neither; {better} is read"),
            ),
            None => {
                let lists = path.parent().is_some_and(|folder| folder.ends_with("maps.d"));
                let help = if lists {
                    "no setting names this list"
                } else {
                    "no file of the tree includes it"
                };
                (help.to_owned(), "nobody reads it, rspamd neither".to_owned())
            }
        };
        out.findings.push(finding.help(help));
        out.account.push(Item::new(format!("the file {shown}"), None, Fate::Needless(why)));
    }
}

/// The files of a tree, folder by folder; hidden ones are those of editors and package managers, and nobody's settings.
fn all_files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![(root.to_owned(), 0)];
    let mut left = MOST;
    while let Some((folder, depth)) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut here: Vec<fs::DirEntry> = entries.flatten().take(left).collect();
        left -= here.len();
        here.retain(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
        here.sort_by_key(fs::DirEntry::file_name);
        // A link to a folder is not followed: it may lead anywhere.
        let (folders, inside): (Vec<_>, Vec<_>) = here
            .into_iter()
            .partition(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        files.extend(inside.iter().map(fs::DirEntry::path));
        if depth < DEEPEST {
            open.extend(folders.iter().rev().map(|folder| (folder.path(), depth + 1)));
        }
    }
    files
}

/// A file that would be read, with a name like this one; true if it is there, and read.
fn meant(path: &Path, name: &str, asked: &[PathBuf], present: &[&Path], root: &Path) -> Option<(String, bool)> {
    let short = |path: &Path| Some(path.strip_prefix(root).unwrap_or(path).to_str()?.to_owned());
    let here = |other: &&Path| other.parent() == path.parent();
    let absent: Vec<&Path> = asked.iter().map(PathBuf::as_path).filter(here).collect();
    let read: Vec<&Path> = present.iter().copied().filter(here).collect();
    // The right name in the wrong place, or with the wrong ending, comes before a slip of the pen.
    let stem = name.split('.').next().unwrap_or(name);
    let same_stem = |other: &&Path| file_name(other).is_some_and(|other| other.split('.').next() == Some(stem));
    if let Some(found) = absent.iter().copied().find(same_stem) {
        return Some((short(found)?, false));
    }
    let names = absent.iter().chain(&read).filter_map(|path| file_name(path));
    // `_group.conf` is common to many names, and would make all of them look alike.
    let tail = "_group.conf";
    let found = match name.strip_suffix(tail) {
        Some(bare) => nearest(bare, names.filter_map(|name| name.strip_suffix(tail))).map(|bare| format!("{bare}{tail}")),
        None => nearest(name, names).map(str::to_owned),
    };
    if let Some(found) = found {
        let there = read.iter().any(|path| file_name(path) == Some(&found));
        return Some((short(&path.parent()?.join(found))?, there));
    }
    let settings = [".conf", ".inc"].iter().any(|end| name.ends_with(end)) && !path.to_str().is_some_and(|path| path.contains("maps.d"));
    let local = root.join("local.d");
    let found = asked
        .iter()
        .map(PathBuf::as_path)
        .find(|asked| settings && asked.parent() == Some(&local) && same_stem(asked))?;
    Some((short(found)?, false))
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

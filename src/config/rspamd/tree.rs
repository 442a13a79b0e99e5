//! Reading a tree: which files, over what, and what all of it comes to.

use std::path::{Path, PathBuf};

use super::account::Item;
use super::files::{self, Use};
use super::lua;
use super::surroundings::Surroundings;
use super::table::LACKING;
use super::translate;
use crate::config::report::{Diagnostic, Report};
use crate::config::schema::MODULES;
use crate::config::ucl::{self, Disk, Includes, Opened, Trouble};
use crate::config::value::{Entry, Node, Table, Value};

/// The stock settings, and where local files go.
const STOCK: &str = include_str!("../../../config/stock/3.4.conf");
/// What their file is called in reports.
const STOCK_NAME: &str = "rspamd's stock settings";
/// The main file of a tree.
const MAIN: &str = "rspamd.conf";

/// A tree that was read.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Its settings as a layer of ours: only what differs from the stock ones.
    pub layer: Value,
    /// Its settings in its own words.
    pub said: Value,
    /// The same, sections said several times joined.
    pub raw: Value,
    /// The files, with what each of them was for.
    pub files: Vec<Use>,
    /// The folder.
    pub folder: PathBuf,
    /// The main file; none if there are local files only.
    pub main: Option<PathBuf>,
    /// What became of everything in it that differs from the stock settings.
    pub account: Vec<Item>,
}

impl Tree {
    /// Which modules are on, under the titles that people know.
    pub fn modules(&self) -> Vec<(&'static str, Vec<&str>)> {
        let mut lists = [
            ("Modules enabled", Vec::new()),
            ("Modules disabled (explicitly)", Vec::new()),
            ("Modules disabled (unconfigured)", Vec::new()),
            ("Modules disabled (no Redis)", Vec::new()),
            ("Modules disabled (not in this version)", Vec::new()),
        ];
        let off = |module: &str| {
            self.layer
                .at(["modules", module, "enabled"])
                .is_some_and(|said| said.node == Node::Bool(false))
        };
        for module in MODULES {
            let section = self.raw.at([*module]);
            let place = match section {
                Some(section) if translate::is_off(section) => 1,
                _ if LACKING.iter().any(|lacking| lacking.module == *module) => 4,
                _ if *module == "greylist" && off(module) => 3,
                Some(_) => 0,
                None => 2,
            };
            if let Some((_, names)) = lists.get_mut(place) {
                names.push(*module);
            }
        }
        lists.into()
    }
}

/// Reads a tree. What is wrong with it goes to the findings; `None` if it cannot be read at all.
pub fn read(around: &Surroundings, findings: &mut Vec<Diagnostic>) -> Option<Tree> {
    let main = main_file(around, findings)?;
    let sources = Sources {
        disk: Some(Disk::below(around.roots())),
        stock: stock_path(around),
        shared: around.variable("SHAREDIR").unwrap_or_default(),
    };
    let path = main
        .as_ref()
        .map_or_else(|| sources.stock.clone(), |path| path.display().to_string());
    let parsed = match ucl::read(&path, &sources, &around.options()) {
        Ok(parsed) => parsed,
        Err(Report(found)) => {
            findings.extend(found);
            return None;
        }
    };
    findings.extend(parsed.findings.iter().cloned());
    let raw = joined(&parsed.tree);
    let stock = stock(around);
    let mut found = translate::all(&raw, &stock, around);
    lua::all(around, &raw, &mut found);
    let files = files::used(around, &parsed, &raw, &mut found);
    if looks_newer(&raw) {
        let text = "the tree looks like one of rspamd 4.x; it is read as 3.4";
        found
            .findings
            .push(Diagnostic::note(text).help("compat = \"4.1\" (or --compat 4.1) takes the symbols and scores of 4.1"));
    }
    findings.append(&mut found.findings);
    Some(Tree {
        layer: found.layer,
        said: parsed.tree,
        raw,
        files,
        folder: around.folder.clone(),
        main,
        account: found.account,
    })
}

/// The main file: the one named, or the usual one if it is there.
fn main_file(around: &Surroundings, findings: &mut Vec<Diagnostic>) -> Option<Option<PathBuf>> {
    if let Some(named) = &around.main {
        return Some(Some(named.clone()));
    }
    if !around.folder.is_dir() {
        let text = format!("cannot open {}: there is no such file or folder", around.folder.display());
        findings.push(Diagnostic::error(text).help("name the folder that holds rspamd.conf or local.d"));
        return None;
    }
    let usual = around.folder.join(MAIN);
    match std::fs::symlink_metadata(&usual) {
        Ok(_) => Some(Some(usual)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(None),
        Err(error) => {
            findings.push(Diagnostic::error(format!("cannot look at {}: {error}", usual.display())));
            None
        }
    }
}

/// Where the stock settings would lie if they were a file: `$CURDIR` is the folder.
fn stock_path(around: &Surroundings) -> String {
    around.folder.join(STOCK_NAME).display().to_string()
}

/// The stock settings alone, as they would be read in this place.
fn stock(around: &Surroundings) -> Value {
    let alone = Sources {
        disk: None,
        stock: stock_path(around),
        shared: String::new(),
    };
    let parsed = ucl::read(&alone.stock, &alone, &around.options());
    joined(&parsed.expect("the stock settings are part of the program").tree)
}

/// The files of a tree, and those that are part of the program.
struct Sources {
    /// None: nothing but the stock settings.
    disk: Option<Disk>,
    stock: String,
    shared: String,
}

impl Includes for Sources {
    fn read(&self, path: &str, most: u64) -> Result<Opened, Trouble> {
        let built_in = |text: &str| Opened {
            path: path.to_owned(),
            bytes: text.as_bytes().to_owned(),
            built_in: true,
        };
        if path == self.stock {
            return Ok(built_in(STOCK));
        }
        let Some(disk) = &self.disk else { return Err(Trouble::Missing) };
        match disk.read(path, most) {
            // What the peer's package brings, and says nothing that is not built in here.
            Err(Trouble::Missing) if Path::new(path).starts_with(&self.shared) => Ok(built_in("# part of the program\n")),
            answer => answer,
        }
    }

    fn matching(&self, pattern: &str, most: usize) -> Result<Vec<String>, Trouble> {
        self.disk.as_ref().map_or(Ok(Vec::new()), |disk| disk.matching(pattern, most))
    }
}

/// The tree with every section that was said several times made one, as the peer's scripts see it: setting by setting the last one
/// counts, however deep it is and whatever its rank. Workers of one type stay several.
fn joined(tree: &Value) -> Value {
    let mut whole = Table::default();
    for entry in tree.table().into_iter().flat_map(Table::iter) {
        let mut entry = entry.clone();
        if let Node::Repeated(items) = &entry.value.node
            && items.iter().all(|item| item.table().is_some())
        {
            let mut one = Value::new(Node::Table(Table::default()), entry.value.place.clone());
            for item in items {
                join(&mut one, &by_name(&entry.key, item), entry.key == "worker");
            }
            entry.value = one;
        } else {
            entry.value = by_name(&entry.key, &entry.value);
        }
        whole.insert(entry);
    }
    let old = whole.get("metric").and_then(|metric| metric.value.at(["actions"])).cloned();
    if let (Some(old), Some(actions)) = (old, whole.get_mut("actions")) {
        join(&mut actions.value, &old, false);
    }
    Value::new(Node::Table(whole), tree.place.clone())
}

/// The old form `worker { type = "normal" }` as the new one, `worker "normal" { }`.
fn by_name(section: &str, value: &Value) -> Value {
    let key = match section {
        "worker" | "classifier" => "type",
        "group" => "name",
        _ => return value.clone(),
    };
    let Some(table) = value.table() else { return value.clone() };
    let Some(Node::Text(name)) = table.get(key).map(|entry| &entry.value.node) else {
        return value.clone();
    };
    let mut inner = table.clone();
    let named = inner.remove(key);
    let mut outer = Table::default();
    if let Some(named) = named {
        outer.insert(Entry {
            key: name.clone(),
            key_place: named.key_place,
            value: Value::new(Node::Table(inner), value.place.clone()),
        });
    }
    Value::new(Node::Table(outer), value.place.clone())
}

/// Lays one section over another of its name; with `all` both stay where they speak of the same.
fn join(base: &mut Value, more: &Value, all: bool) {
    let (Node::Table(below), Some(table)) = (&mut base.node, more.table()) else {
        return;
    };
    for entry in table.iter() {
        let mut entry = entry.clone();
        if let Some(old) = below.get_mut(&entry.key) {
            if all {
                let both = each(&old.value).iter().chain(each(&entry.value)).cloned().collect();
                entry.value = Value::new(Node::Repeated(both), old.value.place.clone());
            } else if entry.value.overridden.is_none() {
                entry.value.overridden = Some(Box::new(old.value.clone()));
            }
        }
        below.insert(entry);
    }
}

/// The values that a key said once or several times has.
pub fn each(value: &Value) -> &[Value] {
    match &value.node {
        Node::Repeated(items) => items,
        _ => std::slice::from_ref(value),
    }
}

/// It speaks of what only 4.x has in its own files.
fn looks_newer(raw: &Value) -> bool {
    ["url_suspect", "aliases", "lang_detection"].iter().any(|section| {
        let value = raw.at([*section]);
        value.is_some_and(|value| value.priority == 0 && !value.place.source().built_in && value.table().is_some())
    })
}

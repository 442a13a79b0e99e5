//! The walk over a tree, by the rows of `table`: what it says becomes a layer of our settings, and everything is accounted for.

use super::account::named_symbols;
pub use super::account::{Fate, Item};
use super::kind::{self, converted, same};
use super::surroundings::Surroundings;
use super::table::{self, Kind, LACKING, Row, SECTIONS, To};
use super::wording::{count, few, found, unblanked, written, written_in};
use super::{actions, maps, redis, symbols, workers};
use crate::base::suggest::nearest;
use crate::config::report::Diagnostic;
use crate::config::schema::MODULES;
use crate::config::value::{Entry, Node, Table, Value};

/// What a walk gives.
#[derive(Debug)]
pub struct Translated {
    /// Settings of ours.
    pub layer: Value,
    /// What people should hear of it.
    pub findings: Vec<Diagnostic>,
    /// The account.
    pub account: Vec<Item>,
}

/// A walk under way.
pub struct Walk<'w> {
    /// The whole tree.
    pub raw: &'w Value,
    /// The stock settings.
    pub stock: &'w Value,
    /// Where the tree lies.
    pub around: &'w Surroundings,
    /// What comes of it.
    pub out: Translated,
}

/// Stock settings that differ from our defaults, so that they are settings here even where nobody changed them.
const UNLIKE: &[&str] = &["logging.type", "logging.filename"];

/// Walks the whole tree.
pub fn all(raw: &Value, stock: &Value, around: &Surroundings) -> Translated {
    let layer = Value::new(Node::Table(Table::default()), raw.place.clone());
    let out = Translated {
        layer,
        findings: Vec::new(),
        account: Vec::new(),
    };
    let mut walk = Walk { raw, stock, around, out };
    for entry in raw.table().into_iter().flat_map(Table::iter) {
        walk.top(entry);
    }
    walk.unconfigured();
    actions::absent(&mut walk);
    workers::all(&mut walk);
    symbols::all(&mut walk);
    maps::stock_rules(&mut walk);
    maps::feeds(&mut walk);
    redis::all(&mut walk);
    walk.out
}

impl Walk<'_> {
    fn top(&mut self, entry: &Entry) {
        let name = entry.key.as_str();
        match name {
            // Read by the rooms of their own; Lua by `lua`.
            "worker" | "group" | "symbols" | "metric" | "composites" | "redis" | "lua" | "modules" => (),
            "options" | "logging" | "logger" | "actions" | "classifier" => {
                self.section(&[if name == "logger" { "logging" } else { name }], &entry.value, false)
            }
            _ if table::leads_on(&[name]) => self.module(entry),
            // Before 4.x nothing reads it either.
            "lang_detection" if !self.is_stock(&[name], &entry.value) => self.lost(entry, name, "how languages are told apart"),
            "lang_detection" => (),
            _ if LACKING.iter().any(|lacking| lacking.module == name) => self.lacking(entry),
            _ if self.is_stock(&[name], &entry.value) => (),
            _ if MODULES.contains(&name) => self.lost(entry, name, "a module that this version lacks"),
            _ => {
                let known = SECTIONS.iter().chain(MODULES).copied();
                let text = format!("rspamd has no section `{}`", name.escape_debug());
                self.unknown(text, entry.key_place.clone(), nearest(name, known));
            }
        }
    }

    /// Modules without any section are off: the main file left their stock sections out.
    fn unconfigured(&mut self) {
        let (raw, stock) = (self.raw, self.stock);
        let all = stock.table().into_iter().flat_map(Table::iter);
        let absent = |name: &str| raw.at([name]).is_none() && MODULES.contains(&name) && table::leads_on(&[name]);
        let says_something = |entry: &&Entry| entry.value.table().is_some_and(|table| count(table) > 0);
        let off: Vec<&Entry> = all.filter(says_something).filter(|entry| absent(&entry.key)).collect();
        for entry in &off {
            let value = Value::new(Node::Bool(false), raw.place.clone());
            self.put(&["modules", &entry.key, "enabled"], entry, value);
        }
        if !off.is_empty() {
            let names: Vec<String> = off.iter().map(|entry| entry.key.clone()).collect();
            let text = format!(
                "the tree has no section for the modules {}: they are off, as with rspamd",
                few(&names)
            );
            self.out
                .findings
                .push(Diagnostic::note(text).help("include modules.d/*.conf, or write an empty section"));
            let how = "off for want of a section, as with rspamd";
            self.account(&names.join(", "), None, Fate::Same(how.to_owned()));
        }
    }

    /// A module that is here.
    fn module(&mut self, entry: &Entry) {
        let name = entry.key.as_str();
        match &entry.value.node {
            Node::Null | Node::Bool(false) => {
                let off = kind::with(&entry.value, Node::Bool(false));
                self.put(&["modules", name, "enabled"], entry, off);
            }
            _ => self.section(&[name], &entry.value, false),
        }
    }

    /// A module that is not here.
    fn lacking(&mut self, entry: &Entry) {
        let name = entry.key.as_str();
        let Some(lacking) = LACKING.iter().find(|lacking| lacking.module == name) else {
            return;
        };
        let stock = self.stock.at([name]);
        let changed = !stock.is_some_and(|stock| same(stock, &entry.value));
        if is_off(&entry.value) || !(lacking.active || changed) {
            return;
        }
        let mut symbols: Vec<String> = lacking.symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
        named_symbols(name, &entry.value, stock, &mut symbols);
        let lost = match symbols.as_slice() {
            [] => String::new(),
            all => format!(": the symbols {} stay away", few(all)),
        };
        let text = format!("this version has no module {name}{lost}");
        let inside = entry.value.table().into_iter().flat_map(Table::iter);
        let mut places = std::iter::once(entry).chain(inside).filter_map(|entry| written(&entry.key_place));
        let place = places.next();
        self.out.findings.push(Diagnostic::warning(text).at(place.clone()));
        self.stay_away(name, place, "this version has no such module", &symbols);
    }

    /// The settings of a section; `whole` where they count even if they are the stock ones.
    pub fn section(&mut self, path: &[&str], value: &Value, whole: bool) {
        self.hidden(path, value);
        let Some(table) = value.table() else {
            if value.node != Node::Null {
                let text = format!("[{}] is a section, found {}", path.join("."), value.node.kind());
                self.out.findings.push(Diagnostic::warning(text).at(value.place.clone()));
            }
            return;
        };
        for entry in table.iter() {
            let key = if path == ["actions"] {
                entry.key.replace(' ', "_")
            } else {
                entry.key.clone()
            };
            let mut inner = path.to_vec();
            inner.push(&key);
            self.setting(&inner, entry, whole);
        }
    }

    fn setting(&mut self, path: &[&str], entry: &Entry, whole: bool) {
        let row = table::find(path);
        if let (["actions", name], None) = (path, row) {
            return actions::other(self, name, entry);
        }
        if self.nested(path, entry) {
            return;
        }
        if let Some(row) = row {
            return self.row(row, path, entry, whole);
        }
        let is_module = MODULES.contains(&path.first().copied().unwrap_or_default());
        match path {
            [_, key @ ("enabled" | "disabled")] if is_module => return self.switch(path, key, entry),
            [
                module,
                "redis" | "servers" | "server" | "read_servers" | "write_servers" | "db" | "dbname" | "password" | "username" | "sentinels",
            ] if is_module && redis::keeps(module) => {
                return;
            }
            _ => (),
        }
        if !table::leads_on(path) {
            return self.unknown_key(path, entry);
        }
        // A rule of its own: all of it counts if anything in it was changed.
        let rule = path.split_last().is_some_and(|(_, above)| table::names_freely(above));
        if rule && self.is_stock(path, &entry.value) {
            return;
        }
        match &entry.value.node {
            Node::Null | Node::Bool(false) => {}
            Node::Repeated(items) => items.iter().for_each(|item| self.section(path, item, true)),
            _ if rule && !maps::fits(self, path, entry) => (),
            _ => self.section(path, &entry.value, whole || rule),
        }
    }

    /// True if nobody changed this.
    pub fn is_stock(&self, path: &[&str], value: &Value) -> bool {
        self.stock.at(path.iter().copied()).is_some_and(|stock| same(stock, value))
    }

    fn row(&mut self, row: &Row, path: &[&str], entry: &Entry, whole: bool) {
        let name = path.join(".");
        let without_effect = matches!(row.to, To::Nothing(_) | To::Neither(_) | To::Later(_));
        if !without_effect {
            self.hidden(path, &entry.value);
        }
        // What somebody wrote in a file of his own counts even if it is what the stock files say, unless nothing comes of it.
        let needless = match row.to {
            To::Later(_) => entry.value.node == Node::Bool(false),
            _ => without_effect,
        };
        let unsaid = entry.value.priority == 0 || needless;
        let stock = !whole && unsaid && self.is_stock(path, &entry.value) && !UNLIKE.contains(&name.as_str());
        // Lists that the stock settings name may be there or not.
        if stock && (row.to != To::Source || !maps::has_files(&entry.value)) {
            return;
        }
        // What comes to nothing here the peer reads all the same.
        if without_effect
            && table::is_typed(path)
            && entry.value.node != Node::Null
            && let Err(wanted) = converted(row.kind, &entry.value, true)
        {
            return self.wrong(path, entry, wanted, true, unblanked(row.kind, &entry.value));
        }
        match row.to {
            To::Nothing(why) => {
                let text = format!("`{name}` has no meaning here: {why}");
                let place = written_in(entry).unwrap_or_else(|| entry.key_place.clone());
                self.out.findings.push(Diagnostic::note(text).at(place));
                self.account(&name, written_in(entry), Fate::Needless(why.to_owned()));
            }
            To::Neither(why) => {
                let text = format!("`{name}` has no effect, neither here nor with rspamd: {why}");
                self.out.findings.push(Diagnostic::warning(text).at(entry.key_place.clone()));
                self.account(
                    &name,
                    written_in(entry),
                    Fate::Needless(format!("it means nothing to rspamd either: {why}")),
                );
            }
            To::Later(what) => self.lost(entry, &name, what),
            To::Special => super::special::setting(self, path, entry),
            To::Source => {
                if let Some(value) = maps::source(self, path, entry)
                    && let Some(ours) = row.target(path)
                {
                    self.emit(&name, &ours, entry, value);
                }
            }
            To::At(_) | To::Same => {
                if let Some(value) = self.convert(row.kind, path, entry)
                    && let Some(ours) = row.target(path)
                {
                    self.emit(&name, &ours, entry, value);
                }
            }
        }
    }

    /// The value in our words; a wrong one is reported.
    pub fn convert(&mut self, kind: Kind, path: &[&str], entry: &Entry) -> Option<Value> {
        if kind == Kind::Score {
            return actions::threshold(self, path, entry);
        }
        let strict = table::is_typed(path);
        // What nobody wanted set is as if it were not there.
        if entry.value.node == Node::Null {
            return None;
        }
        match converted(kind, &entry.value, strict) {
            Ok(mut value) => {
                self.grown(path, &entry.value);
                value.overridden = hidden_chain(kind, &entry.value, strict);
                if kind == Kind::Time {
                    self.thousands(path, &entry.value);
                }
                Some(value)
            }
            Err(wanted) => {
                let help = unblanked(kind, &entry.value);
                self.wrong(path, entry, wanted, strict, help);
                None
            }
        }
    }

    /// Reports a value of another type than the one wanted: an error where the peer refuses the configuration for it.
    pub fn wrong(&mut self, path: &[&str], entry: &Entry, wanted: &str, strict: bool, help: Option<String>) {
        let text = format!("`{}` takes {wanted}, found {}", path.join("."), found(&entry.value));
        let mut help = Vec::from_iter(help);
        let finding = if strict {
            Diagnostic::error(text)
        } else {
            help.push("it is left out; rspamd passes over it too".to_owned());
            Diagnostic::warning(text)
        };
        let finding = if help.is_empty() { finding } else { finding.help(help.join("; ")) };
        self.out.findings.push(finding.at(entry.value.place.clone()));
        let fate = Fate::Lost(format!("it takes {wanted}"));
        self.account(&path.join("."), Some(entry.value.place.clone()), fate);
    }

    fn switch(&mut self, path: &[&str], key: &str, entry: &Entry) {
        if self.is_stock(path, &entry.value) {
            return;
        }
        let Some(value) = self.convert(Kind::Bool, path, entry) else {
            return;
        };
        let on = (value.node == Node::Bool(true)) == (key == "enabled");
        let module = path.first().copied().unwrap_or_default();
        self.put(&["modules", module, "enabled"], entry, kind::with(&value, Node::Bool(on)));
    }

    /// Enters a setting of ours and accounts for it.
    pub fn emit(&mut self, name: &str, ours: &[String], entry: &Entry, value: Value) {
        let path: Vec<&str> = ours.iter().map(String::as_str).collect();
        self.put(&path, entry, value);
        // Stock settings that are settings here, too, are nobody's.
        if let Some(place) = written_in(entry) {
            self.account(name, Some(place), Fate::Same(ours.join(".")));
        }
    }

    /// Enters a setting of ours.
    pub fn put(&mut self, path: &[&str], entry: &Entry, value: Value) {
        let mut here = &mut self.out.layer;
        let Some((last, above)) = path.split_last() else { return };
        for step in above {
            let Node::Table(table) = &mut here.node else { return };
            if table.get(step).is_none_or(|old| old.value.table().is_none()) {
                table.insert(Entry {
                    key: (*step).to_owned(),
                    key_place: entry.key_place.clone(),
                    value: Value::new(Node::Table(Table::default()), entry.key_place.clone()),
                });
            }
            let Some(below) = table.get_mut(step) else { return };
            here = &mut below.value;
        }
        if let Node::Table(table) = &mut here.node {
            table.insert(Entry {
                key: (*last).to_owned(),
                key_place: entry.key_place.clone(),
                value,
            });
        }
    }
}

/// The chain of what a value hides, in our words as far as it can be said.
pub fn hidden_chain(kind: Kind, value: &Value, strict: bool) -> Option<Box<Value>> {
    let below = value.overridden.as_ref()?;
    let mut read = converted(kind, below, strict).ok()?;
    read.overridden = hidden_chain(kind, below, strict);
    Some(Box::new(read))
}

/// A module that somebody switched off.
pub fn is_off(value: &Value) -> bool {
    let says = |key: &str, word: bool| {
        value
            .at([key])
            .is_some_and(|said| converted(Kind::Bool, said, false).is_ok_and(|v| v.node == Node::Bool(word)))
    };
    matches!(value.node, Node::Null | Node::Bool(false)) || says("enabled", false) || says("disabled", true)
}

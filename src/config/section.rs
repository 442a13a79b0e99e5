//! A part of the tree that somebody else reads: the table of one module. What its keys mean is its family's business.

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::de;
use super::report::Diagnostic;
use super::value::{Entry, Node, Place, Value};

/// A table under a name, with the places of everything in it.
#[derive(Clone, PartialEq)]
pub struct Section {
    path: String,
    entry: Entry,
}

// Sections may hold passwords; their names say enough.
impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.path)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl Section {
    /// The section made of `entry`, which stands under `parent` (`modules`; empty for the top).
    pub fn new(parent: &str, entry: Entry) -> Section {
        let path = if parent.is_empty() {
            entry.key.clone()
        } else {
            format!("{parent}.{}", entry.key)
        };
        Section { path, entry }
    }

    /// The last part of its name.
    pub fn name(&self) -> &str {
        &self.entry.key
    }

    /// The whole name: `modules.multimap`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where it begins.
    pub fn place(&self) -> &Place {
        &self.entry.value.place
    }

    /// The values, for who wants to look himself.
    pub fn value(&self) -> &Value {
        &self.entry.value
    }

    /// Reads the whole section; errors go to `findings`, and what is left of it is read all the same.
    pub fn read<T: DeserializeOwned>(&self, findings: &mut Vec<Diagnostic>) -> Option<T> {
        de::read(self.entry.value.clone(), &self.path, findings)
    }

    /// True unless switched off: `enabled = false`, `disabled = true`, or `false` in place of the table.
    pub fn enabled(&self) -> bool {
        let says = |key: &str, word: bool| match self.value().at([key]).map(|value| &value.node) {
            Some(Node::Bool(said)) => *said == word,
            // Old trees quote their booleans here.
            Some(Node::Text(said)) => said == if word { "yes" } else { "no" } || said == if word { "true" } else { "false" },
            _ => false,
        };
        !(self.value().node == Node::Bool(false) || says("enabled", false) || says("disabled", true))
    }

    /// The tables directly inside, in the order written: the rules of a family that names its rules.
    pub fn tables(&self) -> impl Iterator<Item = (&str, Section)> {
        let entries = self.value().table().into_iter().flat_map(|table| table.iter());
        let tables = entries.filter(|entry| entry.value.table().is_some());
        tables.map(|entry| (entry.key.as_str(), Section::new(&self.path, entry.clone())))
    }

    /// The section without the tables directly inside: the settings beside the rules of such a family.
    pub fn without_tables(&self) -> Section {
        let mut rest = self.clone();
        if let Some(table) = rest.entry.value.table_mut() {
            table.retain(|entry| entry.value.table().is_none());
        }
        rest
    }

    /// The section without some keys, and those of them that were there.
    pub fn divided<'k>(&self, keys: &[&'k str]) -> (Section, Vec<&'k str>) {
        let mut rest = self.clone();
        let table = rest.entry.value.table_mut();
        let found = match table {
            Some(table) => keys.iter().copied().filter(|key| table.remove(key).is_some()).collect(),
            None => Vec::new(),
        };
        (rest, found)
    }

    /// An error at the value of `key`, or at the section's own beginning if the key is not there.
    pub fn error_at(&self, key: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(message).at(self.place_of(key))
    }

    /// A warning at the value of `key`, or at the section's own beginning if the key is not there.
    pub fn warning_at(&self, key: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(message).at(self.place_of(key))
    }

    /// Where the value of `key` stands, or the section if the key is not there. Dots walk down.
    pub fn place_of(&self, key: &str) -> Place {
        self.value()
            .at(key.split('.').filter(|step| !step.is_empty()))
            .unwrap_or(self.value())
            .place
            .clone()
    }

    /// Where the name `key` stands, or the section if it is not there.
    pub fn place_of_key(&self, key: &str) -> Place {
        self.value()
            .table()
            .and_then(|table| table.get(key))
            .map_or_else(|| self.place().clone(), |entry| entry.key_place.clone())
    }
}

/// The tables under `[modules]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modules {
    sections: Vec<Section>,
}

impl Modules {
    /// The modules in the table `[modules]`.
    pub fn new(modules: &Value) -> Modules {
        let entries = modules.table().into_iter().flat_map(|table| table.iter());
        Modules {
            sections: entries.map(|entry| Section::new("modules", entry.clone())).collect(),
        }
    }

    /// The section of one module, if it is configured.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name() == name)
    }

    /// The names of all modules configured, in the order written.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(Section::name)
    }

    /// All sections, in the order written.
    pub fn iter(&self) -> std::slice::Iter<'_, Section> {
        self.sections.iter()
    }
}

// The typed reading passes over `[modules]`: it is filled from the tree afterwards, so that places are kept.
impl<'de> Deserialize<'de> for Modules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Modules, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Modules::default())
    }
}

impl Serialize for Modules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(std::iter::empty::<(&str, &str)>())
    }
}

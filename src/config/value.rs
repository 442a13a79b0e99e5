//! The tree every configuration language is read into: values, each with the place it was written at.
//!
//! It knows no language and no setting; `native` fills it, `layers` merges it, `de` reads types out of it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A text that settings were written in: a file, the compiled-in defaults, an argument of the command line.
#[derive(Debug)]
pub struct Source {
    /// What people call it: the path of the file.
    pub name: String,
    /// The whole text, without a byte order mark.
    pub text: String,
    /// True for what nobody wrote: the compiled-in defaults.
    pub built_in: bool,
    /// True for a file of rspamd's, which passes over many a mistake: here they are warnings.
    pub lenient: bool,
}

/// Where in which text something stands.
#[derive(Clone)]
pub struct Place {
    source: Arc<Source>,
    start: u32,
    end: u32,
}

impl Place {
    /// The bytes `start..end` of `source`, moved onto character borders inside the text if they are not there.
    pub fn new(source: &Arc<Source>, start: usize, end: usize) -> Place {
        let text = &source.text;
        let start = text.floor_char_boundary(start.min(text.len()));
        let end = text.ceil_char_boundary(end.clamp(start, text.len()));
        let small = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Place {
            source: Arc::clone(source),
            start: small(start),
            end: small(end),
        }
    }

    /// The text this is a place in.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The name of the file.
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// The bytes meant.
    pub fn span(&self) -> std::ops::Range<usize> {
        let wide = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        wide(self.start)..wide(self.end)
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.before().matches('\n').count() + 1
    }

    /// The column in characters, counted from 1.
    pub fn column(&self) -> usize {
        let before = self.before();
        before
            .get(before.rfind('\n').map_or(0, |at| at + 1)..)
            .unwrap_or("")
            .chars()
            .count()
            + 1
    }

    /// The text at this place.
    pub fn text(&self) -> &str {
        self.source.text.get(self.span()).unwrap_or("")
    }

    fn before(&self) -> &str {
        self.source.text.get(..self.span().start).unwrap_or("")
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        Arc::ptr_eq(&self.source, &other.source) && self.start == other.start && self.end == other.end
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file(), self.line(), self.column())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A value and the place it was written at. Values are equal if they say the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct Value {
    /// What it says.
    pub node: Node,
    /// Where it says so.
    pub place: Place,
    /// What an earlier layer said here, newest first through its own `overridden`.
    pub overridden: Option<Box<Value>>,
    /// The rank of the file it came from, 0..=15, where the language has ranks (UCL); 0 elsewhere.
    pub priority: u8,
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.node == other.node
    }
}

/// The kinds of values. `Null`, `Time` and `Repeated` come from UCL only.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `null`: taken away by name.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Seconds, written with a unit of time.
    Time(f64),
    /// Text, with `${ENV:..}` expanded once the layers are joined.
    Text(String),
    /// Values in a row.
    List(Vec<Value>),
    /// What was said under one name several times, at least twice; readers of one value take the first.
    Repeated(Vec<Value>),
    /// Named values.
    Table(Table),
}

impl Node {
    /// What people call this kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Bool(_) => "a boolean",
            Node::Int(_) | Node::Float(_) => "a number",
            Node::Time(_) => "a time",
            Node::Text(_) => "a string",
            Node::List(_) => "a list",
            Node::Repeated(_) => "several values",
            Node::Table(_) => "a table",
        }
    }
}

/// One name of a table with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name.
    pub key: String,
    /// Where the name stands.
    pub key_place: Place,
    /// Its value.
    pub value: Value,
}

/// Named values in the order they were first written.
#[derive(Clone, Debug, Default)]
pub struct Table {
    entries: Vec<Entry>,
    index: HashMap<String, usize>,
}

impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        self.entries.len() == other.entries.len()
            && self
                .iter()
                .all(|entry| other.get(&entry.key).is_some_and(|e| e.value == entry.value))
    }
}

impl Table {
    /// The entry of this name.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.index.get(key).and_then(|&at| self.entries.get(at))
    }

    /// The entry of this name, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.index.get(key).and_then(|&at| self.entries.get_mut(at))
    }

    /// Adds an entry at the end, or replaces the one of its name where that stands.
    pub fn insert(&mut self, entry: Entry) {
        match self.index.get(&entry.key).and_then(|&at| self.entries.get_mut(at)) {
            Some(old) => *old = entry,
            None => {
                self.index.insert(entry.key.clone(), self.entries.len());
                self.entries.push(entry);
            }
        }
    }

    /// Takes the entry of this name out.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let at = self.index.remove(key)?;
        let entry = self.entries.remove(at);
        for later in self.index.values_mut().filter(|place| **place > at) {
            *later -= 1;
        }
        Some(entry)
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    /// The entries in order, to change.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Entry> {
        self.entries.iter_mut()
    }

    /// Takes the table apart.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// Keeps the entries that `keep` says yes to.
    pub fn retain(&mut self, keep: impl Fn(&Entry) -> bool) {
        let entries = std::mem::take(&mut self.entries);
        self.index.clear();
        for entry in entries.into_iter().filter(|entry| keep(entry)) {
            self.insert(entry);
        }
    }
}

impl Value {
    /// A value that overrides nothing.
    pub fn new(node: Node, place: Place) -> Value {
        Value {
            node,
            place,
            overridden: None,
            priority: 0,
        }
    }

    /// The table, if it is one.
    pub fn table(&self) -> Option<&Table> {
        match &self.node {
            Node::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The table, if it is one, to change.
    pub fn table_mut(&mut self) -> Option<&mut Table> {
        match &mut self.node {
            Node::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The value found by walking `path` down names, and numbers in lists.
    pub fn at<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Option<&Value> {
        path.into_iter().try_fold(self, |value, step| match &value.node {
            Node::Table(table) => table.get(step).map(|entry| &entry.value),
            Node::List(items) | Node::Repeated(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
            _ => None,
        })
    }

    /// Takes the value at `path` out of the tree; false if there is none, or if `path` is empty.
    pub fn remove(&mut self, path: &[String]) -> bool {
        let Some((step, rest)) = path.split_first() else { return false };
        match &mut self.node {
            Node::Table(table) if rest.is_empty() => table.remove(step).is_some(),
            Node::Table(table) => table.get_mut(step).is_some_and(|entry| entry.value.remove(rest)),
            Node::List(items) | Node::Repeated(items) => match step.parse::<usize>() {
                Ok(at) if at < items.len() && rest.is_empty() => {
                    items.remove(at);
                    true
                }
                Ok(at) => items.get_mut(at).is_some_and(|item| item.remove(rest)),
                Err(_) => false,
            },
            _ => false,
        }
    }
}

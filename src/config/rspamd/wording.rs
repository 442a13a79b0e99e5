//! How values, places and names of a tree are put into sentences.

use super::kind::{self, converted};
use super::table::Kind;
use crate::config::value::{Entry, Node, Place, Table, Value};

/// A place that somebody wrote; none in the settings that are part of the program.
pub fn written(place: &Place) -> Option<Place> {
    (!place.source().built_in).then(|| place.clone())
}

/// The first place where somebody wrote a part of a setting.
pub fn written_in(entry: &Entry) -> Option<Place> {
    let mut open = vec![&entry.value];
    let mut first = written(&entry.key_place);
    while let (None, Some(value)) = (&first, open.pop()) {
        first = written(&value.place);
        match &value.node {
            Node::List(items) | Node::Repeated(items) => open.extend(items.iter().rev()),
            Node::Table(table) => open.extend(table.iter().map(|entry| &entry.value)),
            _ => (),
        }
    }
    first
}

/// A value in a few words; passwords are not shown.
pub fn shown(path: &[&str], value: &Value) -> String {
    let secret = path.last().is_some_and(|key| key.contains("password") || key.contains("key"));
    match &value.node {
        _ if secret => "***".to_owned(),
        Node::Null => "null".to_owned(),
        Node::Bool(yes) => yes.to_string(),
        Node::Int(number) => number.to_string(),
        Node::Float(number) => number.to_string(),
        Node::Time(number) => format!("{number}s"),
        Node::Text(text) => {
            let short: String = text.chars().take(60).collect();
            let more = if short.len() < text.len() { ".." } else { "" };
            format!("\"{}{more}\"", short.escape_debug())
        }
        Node::List(items) => format!("a list of {}", items.len()),
        Node::Repeated(items) => format!("{} values", items.len()),
        Node::Table(table) => format!("a section of {}", count(table)),
    }
}

/// What was found in the place of something else.
pub fn found(value: &Value) -> String {
    match &value.node {
        Node::Text(_) => format!("the string {}", shown(&[], value)),
        node => node.kind().to_owned(),
    }
}

/// How a value would be right that has a blank between number and unit.
pub fn unblanked(kind: Kind, value: &Value) -> Option<String> {
    let Node::Text(text) = &value.node else { return None };
    let squeezed = text.replace([' ', '\t'], "");
    let right = squeezed != *text && converted(kind, &kind::with(value, Node::Text(squeezed.clone())), false).is_ok();
    right.then(|| format!("write {squeezed}, without a blank before the unit"))
}

/// Names in a sentence; of many the first.
pub fn few(names: &[String]) -> String {
    const MOST: usize = 8;
    let first = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// How many settings a section has.
pub fn count(table: &Table) -> usize {
    table.iter().count()
}

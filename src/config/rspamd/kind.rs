//! How a value of an rspamd tree is written in our own settings. Pure; the rules of typing are config.md 13.

use std::time::Duration;

use super::table::Kind;
use crate::base::quantity::{ByteSize, print_duration};
use crate::config::value::{Entry, Node, Table, Value};

/// Largest number of seconds taken: a thousand years.
const LONGEST: f64 = 1_000.0 * 365.0 * 86_400.0;

/// The value in our words; the error is the end of "expected ...".
///
/// `strict` where the peer reads with types of its own (its program, not its scripts): a quoted number is an error there.
pub fn converted(kind: Kind, value: &Value, strict: bool) -> Result<Value, &'static str> {
    let node = match (kind, first(value)) {
        (Kind::Any, _) => return plain(value).ok_or("a value"),
        (Kind::Words, _) => Node::List(words(value)?),
        (_, Node::Table(_) | Node::List(_) | Node::Repeated(_)) => return Err(wanted(kind)),
        (Kind::Bool, node) => Node::Bool(boolean(node, strict).ok_or(wanted(kind))?),
        (Kind::Int, node) => Node::Int(whole(number(node, strict).ok_or(wanted(kind))?)),
        (Kind::Number, Node::Int(number)) => Node::Int(*number),
        (Kind::Number, node) => Node::Float(number(node, strict).ok_or(wanted(kind))?),
        (Kind::Score, Node::Null | Node::Bool(false)) => Node::Bool(false),
        (Kind::Score, node) => Node::Float(number(node, strict).ok_or(wanted(kind))?),
        (Kind::Time, node) => Node::Text(time(node, strict).ok_or(wanted(kind))?),
        (Kind::Size, node) => Node::Text(size(node, strict).ok_or(wanted(kind))?),
        (Kind::Text, node) => Node::Text(text(node).ok_or(wanted(kind))?),
    };
    Ok(with(value, node))
}

/// `node` in the place of `value`.
pub fn with(value: &Value, node: Node) -> Value {
    Value {
        node,
        ..Value::new(Node::Null, value.place.clone())
    }
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "a boolean",
        Kind::Int => "a whole number",
        Kind::Number | Kind::Score => "a number",
        Kind::Time => "a number of seconds, or a time such as 5min",
        Kind::Size => "a number of bytes, or a size such as 20mb",
        Kind::Text => "a string",
        Kind::Words => "a list of strings",
        Kind::Any => "a value",
    }
}

/// Of a key said several times the first counts.
pub fn first(value: &Value) -> &Node {
    match &value.node {
        Node::Repeated(items) => items.first().map_or(&value.node, |item| &item.node),
        node => node,
    }
}

fn boolean(node: &Node, strict: bool) -> Option<bool> {
    match node {
        Node::Bool(yes) => Some(*yes),
        Node::Int(number) => Some(*number != 0),
        Node::Text(word) if !strict => match word.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" => Some(true),
            "no" | "false" | "off" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The number that a value is.
#[expect(clippy::cast_precision_loss, reason = "no setting is that large")]
pub fn number(node: &Node, strict: bool) -> Option<f64> {
    match node {
        Node::Int(number) => Some(*number as f64),
        Node::Float(number) | Node::Time(number) => Some(*number).filter(|number| number.is_finite()),
        Node::Text(text) if !strict => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of floats stops at the ends")]
fn whole(number: f64) -> i64 {
    number as i64
}

fn time(node: &Node, strict: bool) -> Option<String> {
    if let (Node::Text(text), false) = (node, strict) {
        return crate::base::quantity::parse_duration(text)
            .ok()
            .map(print_duration)
            .or_else(|| seconds(number(node, false)?));
    }
    seconds(number(node, strict)?)
}

fn seconds(number: f64) -> Option<String> {
    let fits = (0.0..=LONGEST).contains(&number);
    fits.then(|| print_duration(Duration::from_secs_f64(number)))
}

fn size(node: &Node, strict: bool) -> Option<String> {
    if let (Node::Text(text), false) = (node, strict)
        && let Ok(size) = text.parse::<ByteSize>()
    {
        return Some(size.to_string());
    }
    let bytes = whole(number(node, strict)?);
    u64::try_from(bytes).ok().map(|bytes| ByteSize(bytes).to_string())
}

fn text(node: &Node) -> Option<String> {
    match node {
        Node::Text(text) => Some(text.clone()),
        Node::Bool(yes) => Some(yes.to_string()),
        Node::Int(number) => Some(number.to_string()),
        Node::Float(number) | Node::Time(number) => Some(number.to_string()),
        Node::Null => Some(String::new()),
        _ => None,
    }
}

/// A server without the word for how one of several is chosen, and without its weight: `round-robin:host:port:weight`.
pub fn server(item: &str) -> String {
    let bare = undirected(item);
    let colons = bare.rsplit(']').next().unwrap_or(bare).matches(':').count();
    match bare.rsplit_once(':') {
        Some((front, _)) if colons == 2 => front.to_owned(),
        _ => bare.to_owned(),
    }
}

/// A server without the word for how one of several is chosen.
pub fn undirected(item: &str) -> &str {
    let words = ["random:", "master-slave:", "round-robin:", "hash:"];
    words.iter().find_map(|word| item.strip_prefix(word)).unwrap_or(item)
}

/// The items of a list, each where it stands; a string is divided at commas and blanks.
pub fn words(value: &Value) -> Result<Vec<Value>, &'static str> {
    match &value.node {
        Node::Null => Ok(Vec::new()),
        Node::List(items) | Node::Repeated(items) => {
            let mut all = Vec::new();
            for item in items {
                match &item.node {
                    Node::List(_) => all.extend(words(item)?),
                    // Of a repeated key each may be such a string; an item of a list is one word.
                    Node::Text(_) if matches!(value.node, Node::Repeated(_)) => all.extend(words(item)?),
                    node => all.push(with(item, Node::Text(text(node).ok_or(wanted(Kind::Words))?))),
                }
            }
            Ok(all)
        }
        node => {
            let text = text(node).ok_or(wanted(Kind::Words))?;
            let divided = text.split([',', ' ', '\t', '\n', ';']).filter(|word| !word.is_empty());
            Ok(divided.map(|word| with(value, Node::Text(word.to_owned()))).collect())
        }
    }
}

/// A value as it is, without what only UCL has: times with their unit, repeated keys as lists, nothing for null.
pub fn plain(value: &Value) -> Option<Value> {
    let node = match &value.node {
        Node::Null => return None,
        Node::Time(number) => Node::Text(seconds(*number)?),
        Node::List(items) | Node::Repeated(items) => Node::List(items.iter().filter_map(plain).collect()),
        Node::Table(table) => {
            let mut read = Table::default();
            for entry in table.iter() {
                if let Some(value) = plain(&entry.value) {
                    read.insert(Entry { value, ..entry.clone() });
                }
            }
            Node::Table(read)
        }
        node => node.clone(),
    };
    Some(with(value, node))
}

/// True if two values mean the same to the peer, wherever and however they are written.
pub fn same(a: &Value, b: &Value) -> bool {
    match (&a.node, &b.node) {
        (Node::Table(a), Node::Table(b)) => {
            let known = |entry: &&Entry| entry.key != "description";
            a.iter().filter(known).count() == b.iter().filter(known).count()
                && a.iter()
                    .filter(known)
                    .all(|entry| b.get(&entry.key).is_some_and(|other| same(&entry.value, &other.value)))
        }
        (Node::List(a) | Node::Repeated(a), Node::List(b) | Node::Repeated(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (x, y) => match (number(x, true), number(y, true)) {
            (Some(x), Some(y)) => (x - y).abs() <= f64::EPSILON * x.abs(),
            _ => x == y,
        },
    }
}

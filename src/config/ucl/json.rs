//! A tree as JSON, as the peer's dump shows it: repeated names are arrays, and behind a list nothing is seen. For comparing and for
//! people; nothing reads settings from it.

use serde_json::{Map, Number};

use crate::config::value::{Node, Value};

/// The value as JSON; numbers that are not finite are `null`. The depth of trees is bounded where they are read.
pub fn to_json(value: &Value) -> serde_json::Value {
    match &value.node {
        Node::Null => serde_json::Value::Null,
        Node::Bool(yes) => (*yes).into(),
        Node::Int(number) => (*number).into(),
        Node::Float(number) | Node::Time(number) => Number::from_f64(*number).map_or(serde_json::Value::Null, serde_json::Value::Number),
        Node::Text(text) => text.as_str().into(),
        Node::List(items) => items.iter().map(to_json).collect(),
        Node::Repeated(items) => match items.first() {
            Some(first) if matches!(first.node, Node::List(_)) => to_json(first),
            _ => items.iter().map(to_json).collect(),
        },
        Node::Table(table) => {
            let entries = table.iter().map(|entry| (entry.key.clone(), to_json(&entry.value)));
            serde_json::Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

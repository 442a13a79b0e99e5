//! JSON as UCL text, laid out as rspamd's tools print it. Comments and places are not kept.

use serde_json::{Map, Value};
use std::fmt::Write;

/// Texts of several lines that are longer stand as they are, between two lines of their own.
const LONG: usize = 80;
/// The last of them.
const END: &str = "EOD";

/// The text of a table; any other value stands alone on its line.
pub fn to_text(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(table) => entries(&mut out, table, 0),
        other => {
            bare(&mut out, other, 0);
            out.push('\n');
        }
    }
    out
}

fn entries(out: &mut String, table: &Map<String, Value>, depth: usize) {
    for (name, value) in table {
        indent(out, depth);
        key(out, name);
        match value {
            Value::Object(_) | Value::Array(_) => {
                out.push(' ');
                bare(out, value, depth);
                out.push('\n');
            }
            simple => {
                out.push_str(" = ");
                bare(out, simple, depth);
                out.push_str(";\n");
            }
        }
    }
}

fn bare(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(table) if table.is_empty() => out.push_str("{}"),
        Value::Object(table) => {
            out.push_str("{\n");
            entries(out, table, depth + 1);
            indent(out, depth);
            out.push('}');
        }
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            out.push_str("[\n");
            for item in items {
                indent(out, depth + 1);
                bare(out, item, depth + 1);
                out.push_str(if item.is_object() || item.is_array() { "\n" } else { ",\n" });
            }
            indent(out, depth);
            out.push(']');
        }
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => out.push_str(&decimal(float)),
            None => {
                let _ = write!(out, "{number}");
            }
        },
        Value::String(text) if text.len() > LONG && text.contains('\n') && !text.contains(END) => {
            let _ = write!(out, "<<{END}\n{text}\n{END}");
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// Six digits behind the point where they say it all.
fn decimal(float: f64) -> String {
    let whole = format!("{float:.1}");
    let six = format!("{float:.6}");
    let exact = |text: &String| text.parse() == Ok(float);
    [whole, six].into_iter().find(exact).map_or_else(
        || float.to_string(),
        |text| match text.ends_with(".0") {
            true => text,
            false => format!("{float:.6}"),
        },
    )
}

fn key(out: &mut String, name: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '$');
    let begins = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/');
    if name.starts_with(begins) && name.chars().all(plain) {
        out.push_str(name);
    } else {
        let _ = write!(out, "{}", Value::from(name));
    }
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("    ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ucl::{Disk, Options, read_text, to_json};
    use serde_json::json;

    #[test]
    fn it_is_laid_out_as_the_peer_does() {
        let value = json!({
            "a": [{"x": 1}, {"y": 2}], "e": [], "o": {}, "a b": 1, "k-_.9/": 2, "n": [[1, 2], []],
            "f": [1.5, 2.0, 0.00000001, -3.25], "u": "ä\t\\", "12": {"x": [null, true]},
        });
        let text = "a [\n    {\n        x = 1;\n    }\n    {\n        y = 2;\n    }\n]\ne []\no {}\n\"a b\" = 1;\nk-_.9/ = 2;\n\
            n [\n    [\n        1,\n        2,\n    ]\n    []\n]\nf [\n    1.500000,\n    2.0,\n    0.00000001,\n    -3.250000,\n]\n\
            u = \"ä\\t\\\\\";\n12 {\n    x [\n        null,\n        true,\n    ]\n}\n";
        assert_eq!(to_text(&value), text);
    }

    #[test]
    fn what_is_written_is_read() {
        let value = json!({"a": {"b": [1, 2.5, "x\"y\nz"], "c d": true, "e": {"f": [{"g": "$HOME ${x}"}, {"h": 0}]}}, "i": -7, "j": "",
            "long": "a line\n".repeat(20)});
        let read = read_text("/x", &to_text(&value), &Disk::anywhere(), &Options::default()).unwrap();
        assert_eq!(to_json(&read.tree), value);
    }
}

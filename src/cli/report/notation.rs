//! Values in rspamd's three notations, as its tools print them: JSON on one line, JSON in steps, configuration text.

use serde_json::{Number, Value};
use std::fmt::Write;

/// How a value is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Notation {
    /// JSON on one line.
    Compact,
    /// JSON, four blanks a step.
    Json,
    /// `key = value;`, one a line.
    Config,
}

/// Writes a value. The parser that read it bounds the depth.
pub(in crate::cli) fn write(value: &Value, notation: Notation) -> String {
    let mut out = String::new();
    match notation {
        Notation::Compact => compact(&mut out, value),
        Notation::Json => json(&mut out, value, 0),
        Notation::Config => match value {
            Value::Object(members) => members.iter().for_each(|(key, value)| member(&mut out, key, value, 0)),
            other => config(&mut out, other, 0),
        },
    }
    out
}

fn compact(out: &mut String, value: &Value) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                compact(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (n, (key, value)) in members.iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                quote(out, key);
                out.push(':');
                compact(out, value);
            }
            out.push('}');
        }
        plain => scalar(out, plain),
    }
}

fn json(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                line(out, depth + 1);
                json(out, item, depth + 1);
            }
            line(out, depth);
            out.push(']');
        }
        Value::Object(members) if !members.is_empty() => {
            out.push('{');
            for (n, (key, value)) in members.iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                line(out, depth + 1);
                quote(out, key);
                out.push_str(": ");
                json(out, value, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
        other => compact(out, other),
    }
}

/// `key = value;` or `key { ... }`, with the line's end.
fn member(out: &mut String, key: &str, value: &Value, depth: usize) {
    indent(out, depth);
    let plain = !key.is_empty() && key.bytes().all(|b| b > b' ' && !b"\"\\{}[]();:,=#'".contains(&b));
    if plain {
        out.push_str(key);
    } else {
        quote(out, key);
    }
    if value.is_array() || value.is_object() {
        out.push(' ');
        config(out, value, depth);
        out.push('\n');
    } else {
        out.push_str(" = ");
        scalar(out, value);
        out.push_str(";\n");
    }
}

fn config(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for item in items {
                line(out, depth + 1);
                config(out, item, depth + 1);
                // Only what has no bracket of its own needs an end.
                out.push_str(if item.is_array() || item.is_object() { "" } else { "," });
            }
            line(out, depth);
            out.push(']');
        }
        Value::Object(members) if !members.is_empty() => {
            out.push_str("{\n");
            for (key, value) in members {
                member(out, key, value, depth + 1);
            }
            indent(out, depth);
            out.push('}');
        }
        other => compact(out, other),
    }
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    indent(out, depth);
}

fn indent(out: &mut String, depth: usize) {
    (0..depth).for_each(|_| out.push_str("    "));
}

fn scalar(out: &mut String, value: &Value) {
    match value {
        Value::Number(number) => out.push_str(&spell(number)),
        Value::String(text) => quote(out, text),
        other => drop(write!(out, "{other}")),
    }
}

/// `15`, `15.0`, `0.900000`.
fn spell(number: &Number) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() <= f64::from(i32::MAX) => format!("{value:.1}"),
        Some(value) if number.is_f64() => format!("{value:.6}"),
        _ => number.to_string(),
    }
}

/// The text of a value by itself: a string without quotes, all else on one line.
pub(in crate::cli) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => write(other, Notation::Compact),
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\u{b}' => out.push_str("\\u000B"),
            '\0' => out.push_str("\\u0000"),
            c if c.is_ascii_control() => out.push_str("\\uFFFD"),
            plain => out.push(plain),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_three_are_spelt_as_rspamc_spells_them() {
        let value = json!({
            "s": -1.5, "n": 15, "w": 15.0, "big": 1e20, "t": "q\"\n\u{1}/é", "none": null, "A b": true, "k.x/é": {},
            "list": ["x", 1, {"a": 2}], "nested": [[1], {"b": {"c": 3}}], "empty": [[]],
        });
        assert_eq!(
            write(&value, Notation::Compact),
            r#"{"s":-1.500000,"n":15,"w":15.0,"big":100000000000000000000.000000,"t":"q\"\n\uFFFD/é","none":null,"A b":true,"k.x/é":{},"list":["x",1,{"a":2}],"nested":[[1],{"b":{"c":3}}],"empty":[[]]}"#
        );
        let config = "s = -1.500000;\nn = 15;\nw = 15.0;\nbig = 100000000000000000000.000000;\nt = \"q\\\"\\n\\uFFFD/é\";\nnone = null;\n\
             \"A b\" = true;\nk.x/é {}\nlist [\n    \"x\",\n    1,\n    {\n        a = 2;\n    }\n]\n\
             nested [\n    [\n        1,\n    ]\n    {\n        b {\n            c = 3;\n        }\n    }\n]\nempty [\n    []\n]\n";
        assert_eq!(write(&value, Notation::Config), config);
        assert_eq!(write(&json!([1, 2]), Notation::Config), "[\n    1,\n    2,\n]");
        let steps = write(&json!({"a": {}, "b": [1, {"c": 0.5}]}), Notation::Json);
        assert_eq!(
            steps,
            "{\n    \"a\": {},\n    \"b\": [\n        1,\n        {\n            \"c\": 0.500000\n        }\n    ]\n}"
        );
    }
}

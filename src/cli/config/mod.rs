//! `torwart config`: what is in force, where it comes from, and an rspamd tree as a file of our own.

mod convert;
mod dump;
mod import;
mod in_force;
mod why;

use super::ConfigArgs;
use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::Value;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct ConfigVerbArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Say what a setting is, where that was written, and what it overrides
    Why(why::WhyArgs),
    /// Print the settings in force
    Dump(dump::DumpArgs),
    /// Write the settings of an rspamd tree as one TOML file, to stdout
    Convert(convert::ConvertArgs),
    /// Say what becomes of each setting, script and list of an rspamd tree: exit 0 nothing lost, 2 something lost, 1 unreadable
    Import(import::ImportArgs),
}

pub(super) fn run(args: &ConfigVerbArgs) -> Result<ExitCode> {
    match &args.verb {
        Verb::Why(args) => why::run(args),
        Verb::Dump(args) => dump::run(args),
        Verb::Convert(args) => convert::run(args),
        Verb::Import(args) => import::run(args),
    }
}

/// The settings that can be understood, for somebody who looks; errors are drawn.
fn examined(which: &ConfigArgs) -> Result<crate::config::Examined> {
    let examined = crate::config::examine(&which.options().load());
    if !examined.is_good() {
        let errors = examined.findings.iter().filter(|finding| finding.is_error()).cloned().collect();
        eprintln!("{}", crate::config::Report(errors).draw_for_stderr());
        anyhow::bail!("the configuration has errors");
    }
    Ok(examined)
}

/// What stands at a path, names joined by dots.
pub(super) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.')
        .filter(|step| !step.is_empty())
        .try_fold(value, |value, step| match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            other => other.get(step),
        })
}

/// A value as it stands behind `=` in TOML.
fn in_toml(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let inner: Vec<String> = table
                .iter()
                .map(|(key, value)| format!("{} = {}", key_in_toml(key), in_toml(value)))
                .collect();
            if inner.is_empty() {
                "{}".to_owned()
            } else {
                format!("{{ {} }}", inner.join(", "))
            }
        }
        Value::Array(items) => format!("[{}]", items.iter().map(in_toml).collect::<Vec<_>>().join(", ")),
        Value::Number(number) => match number.as_f64() {
            // A float that is whole must look like one, or it would be read as something else.
            Some(float) if number.is_f64() => format!("{float:?}"),
            _ => number.to_string(),
        },
        Value::String(text) => text_in_toml(text),
        other => other.to_string(),
    }
}

/// A string in TOML: literal where that spares escapes.
fn text_in_toml(text: &str) -> String {
    let plain = !text.contains(['\'', '\n', '\r']) && !text.chars().any(|c| c.is_control() && c != '\t');
    if plain && text.contains(['\\', '"']) {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}

/// A key in TOML, in quotes where it must be.
fn key_in_toml(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { key.to_owned() } else { text_in_toml(key) }
}

/// A whole document: the plain keys of a table before its tables, which have headings of their own.
fn document(value: &Value) -> String {
    let mut out = String::new();
    if let Value::Object(table) = value {
        tables(&mut out, &mut Vec::new(), table);
    }
    out
}

fn tables(out: &mut String, path: &mut Vec<String>, table: &serde_json::Map<String, Value>) {
    let (below, plain): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| heads(value, path.is_empty()));
    if !path.is_empty() && (!plain.is_empty() || below.is_empty()) {
        let gap = if out.is_empty() { "" } else { "\n" };
        out.push_str(&format!("{gap}[{}]\n", path.join(".")));
    }
    for (key, value) in plain {
        out.push_str(&format!("{} = {}\n", key_in_toml(key), in_toml(value)));
    }
    for (key, value) in below {
        if let Value::Object(table) = value {
            path.push(key_in_toml(key));
            tables(out, path, table);
            path.pop();
        }
    }
}

/// A table gets a heading unless it is a short one of plain values inside another.
fn heads(value: &Value, top: bool) -> bool {
    value.as_object().is_some_and(|table| {
        let short = table.len() <= 3 && !table.is_empty() && in_toml(value).len() <= 80;
        top || !short || table.values().any(Value::is_object)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_reads_back() {
        let value = json!({
            "compat": "3.4",
            "odd \"name\"": { "x": 1.0, "list": [1, "a\\b", "it's \"so\"", "line\nline\u{7}"], "empty": {} },
            "deep": { "inner": { "plain": true, "more": { "a": 1, "b": 2, "c": 3, "d": { "e": -0.5 } } } },
        });
        let text = document(&value);
        let back: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(serde_json::to_value(back).unwrap(), value, "{text}");
    }
}

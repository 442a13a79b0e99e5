//! Answers about stores for people. From JSON to text; nothing is asked here.

use crate::base::quantity::print_duration;
use serde_json::Value;
use std::fmt::Write;
use std::time::Duration;

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A number of bytes with one digit behind the point.
fn size(bytes: u64) -> String {
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(*unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

/// Entries as a word: `1 entry`, `2 entries`.
pub(super) fn entries(count: u64) -> String {
    format!("{count} {}", if count == 1 { "entry" } else { "entries" })
}

/// The stores one below the other.
pub(super) fn stat(stat: &Value) -> String {
    let mut out = String::new();
    for store in list(stat, "stores") {
        let modules: Vec<&str> = list(store, "modules").iter().filter_map(Value::as_str).collect();
        let modules = match (text(store, "name"), modules.as_slice()) {
            (_, []) => String::new(),
            (name, [one]) if *one == name => String::new(),
            (_, some) => format!(", also {}", some.join(", ")),
        };
        let feels = match (text(store, "problem"), text(store, "reason")) {
            ("", "") => "in order".to_owned(),
            ("", reason) => format!("out of order: {reason}"),
            (problem, _) => problem.to_owned(),
        };
        let waiting = match number(store, "waiting") {
            0 => String::new(),
            waiting => format!("; {waiting} writes wait for the disk"),
        };
        let _ = writeln!(out, "{} ({}){modules}: {feels}{waiting}", text(store, "name"), text(store, "kind"));
        for space in list(store, "spaces") {
            let unused = if space.get("home") == Some(&Value::Bool(false)) {
                "   not used: the configuration keeps it elsewhere"
            } else {
                ""
            };
            let (entries, size) = (number(space, "entries"), size(number(space, "bytes")));
            let _ = writeln!(out, "  {:<12} {entries:>12} {size:>12}{unused}", text(space, "name"));
        }
        if list(store, "spaces").is_empty() && text(store, "problem").is_empty() {
            out.push_str("  empty\n");
        }
    }
    out
}

/// One entry, or the items of a list.
pub(super) fn found(found: &Value) -> String {
    let mut out = String::new();
    let store = text(found, "store");
    for item in list(found, "items") {
        let position = text(item, "position");
        let when = position.split_once('-').and_then(|(ms, _)| moment(ms.parse().ok()?));
        let _ = writeln!(out, "{} ({position})", when.unwrap_or_default());
        content(&mut out, item, "item");
    }
    let Some(entry) = found.get("entry") else {
        return out;
    };
    match entry.get("expires").and_then(Value::as_u64) {
        Some(until) => {
            let left = until.saturating_sub(crate::store::export::now());
            // To the second: nobody reads more.
            let left = print_duration(Duration::from_secs(left / 1_000));
            let _ = writeln!(out, "in {store}, for another {left} (until {})", moment(until).unwrap_or_default());
        }
        None => {
            let _ = writeln!(out, "in {store}, until removed");
        }
    }
    content(&mut out, entry, "value");
    if let Some(bucket) = entry.get("bucket") {
        let part = |key: &str| bucket.get(key).and_then(Value::as_f64).unwrap_or(0.0);
        let (level, rate, burst) = (part("level"), part("rate"), part("burst"));
        let _ = writeln!(
            out,
            "bucket: level {level:.3}, factor of its rate {rate:.3}, of its capacity {burst:.3}"
        );
    }
    out
}

/// Text as it is, other bytes in hexadecimal. A store holds what strangers wrote: nothing of it may steer a terminal.
fn content(out: &mut String, row: &Value, kind: &str) {
    if let Some(text) = row.get(kind).and_then(Value::as_str) {
        let safe = |c: char| match c {
            '\n' | '\t' => c.to_string(),
            c if c.is_control() => c.escape_default().to_string(),
            c => c.to_string(),
        };
        let _ = writeln!(out, "{}", text.chars().map(safe).collect::<String>());
    }
    if let Some(digits) = row.get(format!("{kind}_hex")).and_then(Value::as_str) {
        let _ = writeln!(out, "hex:{digits}");
    }
}

fn moment(ms: u64) -> Option<String> {
    let moment = jiff::Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
    Some(moment.to_string())
}

/// What was forgotten.
pub(super) fn flushed(done: &Value) -> String {
    let mut out = String::new();
    for one in list(done, "flushed") {
        let space = one.get("space").and_then(Value::as_str).unwrap_or("everything");
        let _ = writeln!(
            out,
            "{space}: {} forgotten in {}",
            entries(number(one, "entries")),
            text(one, "store")
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stores_are_told_in_words() {
        let text = stat(&json!({"stores": [
            {"name": "own", "modules": ["history"], "kind": "embedded", "waiting": 2, "reason": "disk full", "degraded": true,
             "spaces": [{"name": "stats", "entries": 7, "bytes": 1_234, "home": true}, {"name": "verdicts", "entries": 1, "bytes": 12, "home": false}]},
            {"name": "shared", "modules": [], "kind": "redis", "problem": "no connection", "degraded": true},
            {"name": "replies", "modules": ["replies"], "kind": "redis", "spaces": []},
        ]}));
        let awaited = "own (embedded), also history: out of order: disk full; 2 writes wait for the disk\n\
                       \x20 stats                   7      1.2 KiB\n\
                       \x20 verdicts                1         12 B   not used: the configuration keeps it elsewhere\n\
                       shared (redis): no connection\n\
                       replies (redis): in order\n\
                       \x20 empty\n";
        assert_eq!(text, awaited);
    }

    #[test]
    fn what_strangers_wrote_steers_no_terminal() {
        let text = found(&json!({"store": "own", "entry": {"value": "a\u{9b}2J\r\n\u{7f}b"}}));
        assert_eq!(text, "in own, until removed\na\\u{9b}2J\\r\n\\u{7f}b\n");
        let items = found(&json!({"items": [{"position": "1790000000000-2", "item_hex": "1b"}]}));
        assert_eq!(items, "2026-09-21T14:13:20Z (1790000000000-2)\nhex:1b\n");
    }
}

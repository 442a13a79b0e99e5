//! `rspamc --human`: the table of points and rules that SpamAssassin's users know.

use super::{Look, notation, sorted};
use serde_json::Value;
use std::fmt::Write;

/// Longest description on a line.
const WIDE: usize = 60;

/// The report on one message.
pub(in crate::cli) fn human(reply: &Value, look: &Look) -> String {
    let number = |from: &Value, key: &str| from.get(key).and_then(Value::as_f64).unwrap_or(0.0);
    let (score, required) = (number(reply, "score"), number(reply, "required_score"));
    let mut out = format!("Content analysis details:   ({score:.2} points, {required:.2} required)\n");
    if let Some(action) = reply.get("action").and_then(Value::as_str) {
        let _ = writeln!(out, "Action: {}", look.action(action));
    }
    out.push_str("\n  pts rule name                      description\n");
    let _ = writeln!(out, " ---- ------------------------------ {}", "-".repeat(WIDE));
    for (name, symbol) in sorted(reply, &look.sort) {
        let text = match symbol.get("description").and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None => symbol.get("options").map(notation::text).unwrap_or_default(),
        };
        let text: String = text.chars().take(WIDE).collect();
        let line = format!("{:>5.1} {name:<30} {text}", number(symbol, "score"));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn points_stand_before_names() {
        let reply = json!({
            "score": 3.5, "required_score": 15, "action": "no action",
            "symbols": {"B": {"score": -0.5}, "A": {"score": 4, "description": "Something"}, "C": 5},
        });
        let text = human(&reply, &Look::default());
        assert!(text.starts_with("Content analysis details:   (3.50 points, 15.00 required)\nAction: no action\n\n"));
        let rows: Vec<&str> = text.lines().skip(5).collect();
        assert_eq!(rows, ["  4.0 A                              Something", " -0.5 B", "  0.0 C"]);
    }
}

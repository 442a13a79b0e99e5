//! The table of `rspamc counters` and the line of `rspamc uptime`.

use super::Look;
use serde_json::Value;
use std::fmt::Write;

/// The rules of a daemon with their hits.
pub(in crate::cli) fn counters(reply: &Value, look: &Look) -> String {
    let Some(all) = reply.as_array() else {
        return "Bad output\n".to_owned();
    };
    let name = |rule: &Value| rule.get("symbol").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut rules: Vec<(String, &Value)> = all.iter().map(|rule| (name(rule), rule)).collect();
    look.sort.apply(&mut rules, |rule, key| rule.get(key).and_then(Value::as_f64));
    let width = rules
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0)
        .max("Symbol".len());
    let dashes = "-".repeat(width + 44);
    let (rule, bold) = (format!(" {dashes} \n"), format!(" {} \n", look.bold(&dashes)));
    let mut out = String::from("Symbols cache\n");
    let _ = write!(
        out,
        "{bold}| Pri  | {:<width$} | Weight  |   Frequency   |  Hits   |\n{bold}",
        "Symbol"
    );
    let _ = write!(out, "|      | {:<width$} |         |   hits/min    |         |\n{rule}", "");
    for (row, (name, counted)) in rules.iter().enumerate() {
        if let Some(cells) = cells(counted).filter(|_| counted.get("symbol").is_some()) {
            let _ = writeln!(out, "| {row:<4} | {name:<width$} | {cells} |");
        }
        out.push_str(&rule);
    }
    out
}

/// Weight, frequency and hits; nothing where one of them is missing.
fn cells(rule: &Value) -> Option<String> {
    let number = |key: &str| rule.get(key).map(|n| n.as_f64().unwrap_or(0.0));
    let (weight, frequency, hits) = (number("weight")?, number("frequency")?, number("hits")?);
    let spread = number("frequency_stddev").unwrap_or(0.0);
    // Counted by the second, shown by the minute.
    let (mean, spread) = (format!("{:.3}", frequency * 60.0), format!("({:.3})", spread * 60.0));
    Some(format!(
        "{:^7} | {:^13} | {:^7}",
        format!("{weight:.1}"),
        format!("{mean:<6}{spread}"),
        format!("{hits:.0}")
    ))
}

/// What a daemon is and since when.
pub(in crate::cli) fn uptime(reply: &Value) -> String {
    let mut out = String::new();
    if let Some(version) = reply.get("version").and_then(Value::as_str) {
        let _ = writeln!(out, "Rspamd version: {version}");
    }
    let Some(uptime) = reply.get("uptime") else { return out };
    let seconds = uptime.as_i64().or_else(|| Some(whole(uptime.as_f64()?))).unwrap_or(0);
    let count = |n: i64, unit: &str| format!("{n} {unit}{}", if n > 1 { "s" } else { "" });
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let parts = if hours >= 2 {
        [count(days, "day"), count(hours % 24, "hour"), count(minutes % 60, "minute")].join(" ")
    } else if seconds >= 60 {
        [count(hours, "hour"), count(minutes % 60, "minute"), count(seconds % 60, "second")].join(" ")
    } else {
        count(seconds, "second")
    };
    let _ = writeln!(out, "Uptime: {parts}");
    out
}

fn whole(number: f64) -> i64 {
    format!("{number:.0}").parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_is_rspamcs() {
        let reply = json!([
            {"symbol": "BB", "weight": -21.5, "frequency": 1234.5678, "hits": 1_234_567_890, "frequency_stddev": 12.5},
            {"symbol": "LONG_NAME", "weight": 0},
            {"symbol": "A", "weight": -1.0, "frequency": 0.0, "hits": 10},
        ]);
        let table = counters(&reply, &Look::default());
        let rows: Vec<&str> = table.lines().filter(|l| l.starts_with("| ")).skip(2).collect();
        assert_eq!(
            rows,
            [
                "| 0    | A         |  -1.0   | 0.000 (0.000) |   10    |",
                "| 1    | BB        |  -21.5  | 74074.068(750.000) | 1234567890 |",
            ]
        );
        assert_eq!(table.lines().nth(1).unwrap(), format!(" {} ", "-".repeat(53)));
        assert_eq!(table.lines().count(), 11, "{table}");
        assert_eq!(counters(&json!({}), &Look::default()), "Bad output\n");
    }

    #[test]
    fn times_are_said_in_words() {
        for (seconds, said) in [
            (json!(0), "0 second"),
            (json!(59), "59 seconds"),
            (json!(197), "0 hour 3 minutes 17 seconds"),
            (json!(3661), "1 hour 1 minute 1 second"),
            (json!(7200), "0 day 2 hours 0 minute"),
            (json!(1e10), "115740 days 17 hours 46 minutes"),
            (json!("x"), "0 second"),
            (json!(-5), "-5 second"),
        ] {
            let text = uptime(&json!({"version": "1.0", "uptime": seconds}));
            assert_eq!(text, format!("Rspamd version: 1.0\nUptime: {said}\n"));
        }
        assert_eq!(uptime(&json!([])), "");
    }
}

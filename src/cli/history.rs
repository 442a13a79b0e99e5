//! `torwart history`: what was decided, for people and scripts.

use super::access::Access;
use super::{ConfigArgs, print};
use crate::record::log_line::clean;
use anyhow::Result;
use clap::Args;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::process::ExitCode;

/// Rows asked for at a time.
const PAGE: usize = 200;
/// Symbols shown of one message.
const SHOWN_SYMBOLS: usize = 6;

#[derive(Args)]
pub(super) struct HistoryArgs {
    #[command(flatten)]
    which: ConfigArgs,
    /// In the sender of envelope or header, in any case
    #[arg(long, value_name = "TEXT")]
    sender: Option<String>,
    /// In a recipient of envelope or header
    #[arg(long, value_name = "TEXT")]
    recipient: Option<String>,
    /// One of these actions, such as reject or "add header"
    #[arg(long, value_name = "ACTION,...")]
    action: Option<String>,
    /// With all these symbols
    #[arg(long, value_name = "NAME,...")]
    symbol: Option<String>,
    /// In Subject, addresses, ids, client, user or options of symbols
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// From this moment on: 2h (ago), 2026-11-23, "2026-11-23 14:30"
    #[arg(long, value_name = "MOMENT")]
    since: Option<String>,
    /// Before this moment
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    /// So many messages at most
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: usize,
    /// Whole rows, one JSON object a line
    #[arg(short, long)]
    json: bool,
}

impl HistoryArgs {
    /// The arguments by the names that the daemon knows.
    fn question(&self) -> Map<String, Value> {
        let all = [
            ("sender", &self.sender),
            ("recipient", &self.recipient),
            ("action", &self.action),
            ("symbol", &self.symbol),
            ("text", &self.text),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let given = all
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
        given.collect()
    }
}

pub(super) fn run(args: &HistoryArgs) -> Result<ExitCode> {
    let access = Access::open(&args.which)?;
    let mut question = args.question();
    question.insert("verb".to_owned(), json!("history"));
    let mut left = args.limit;
    while left > 0 {
        question.insert("limit".to_owned(), json!(left.min(PAGE).to_string()));
        let found = access.ask(&Value::Object(question.clone()))?;
        let rows = found.get("rows").and_then(Value::as_array);
        for row in rows.into_iter().flatten() {
            print(&if args.json { format!("{row}\n") } else { line(row) });
            left = left.saturating_sub(1);
        }
        match found.get("next") {
            Some(next) => question.insert("before".to_owned(), next.clone()),
            None => break,
        };
    }
    Ok(ExitCode::SUCCESS)
}

/// One message in one line: time, action, score, who to whom, Subject, the weightiest symbols.
fn line(row: &Value) -> String {
    let text = |key: &str| clean(row.get(key).and_then(Value::as_str).unwrap_or_default());
    let number = |key: &str| row.get(key).and_then(Value::as_f64).unwrap_or(0.0);
    let seconds = row.get("unix_time").and_then(Value::as_i64).unwrap_or(0);
    let time = Timestamp::from_second(seconds).unwrap_or_default().to_zoned(TimeZone::system());
    let recipients = |key: &str| {
        let all = row
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        all.map(|r| clean(r).into_owned()).collect::<Vec<_>>()
    };
    let mut to = recipients("rcpt_smtp");
    if to.is_empty() {
        to = recipients("rcpt_mime");
    }
    let more = if to.len() > 2 {
        format!(",+{}", to.len() - 2)
    } else {
        String::new()
    };
    to.truncate(2);
    let mut out = format!(
        "{} {:<15} {:>7.2}/{:.2} {} -> {}{more} \"{}\"",
        time.strftime("%Y-%m-%d %H:%M:%S"),
        text("action"),
        number("score"),
        number("required_score"),
        text("sender_smtp"),
        to.join(","),
        text("subject"),
    );
    let symbols = row.get("symbols").and_then(Value::as_object).into_iter().flatten();
    let score = |symbol: &Value| symbol.get("score").and_then(Value::as_f64).unwrap_or(0.0);
    let mut weighty: Vec<(&String, f64)> = symbols
        .map(|(name, symbol)| (name, score(symbol)))
        .filter(|(_, s)| *s != 0.0)
        .collect();
    weighty.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    for (name, score) in weighty.into_iter().take(SHOWN_SYMBOLS) {
        let _ = write!(out, " {}({score:.2})", clean(name));
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_it_says() {
        let row = json!({
            "unix_time": 0, "action": "add header", "score": 7.9, "required_score": 15.0, "sender_smtp": "a@b.example",
            "rcpt_smtp": ["c@d.example", "e@f.example", "g@h.example"], "subject": "x\r\n\u{1b}[31m",
            "symbols": {"SMALL": {"score": 0.1}, "NONE": {"score": 0.0}, "GREAT": {"score": -4.0}}
        });
        let line = line(&row);
        let expect = "add header         7.90/15.00 a@b.example -> c@d.example,e@f.example,+1 \"x???[31m\" GREAT(-4.00) SMALL(0.10)\n";
        assert!(line.ends_with(expect), "{line}");
    }
}

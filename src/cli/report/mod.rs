//! Reports for people, line for line as rspamc prints them (`http-api` 5.4). From JSON to text; nothing is asked here.

mod counters;
mod human;
mod look;
pub(super) mod notation;
mod stat;

pub(super) use counters::{counters, uptime};
pub(super) use human::human;
pub(super) use look::{Look, Sort};
pub(super) use notation::Notation;
pub(super) use stat::stat;

use serde_json::Value;
use std::fmt::Write;

/// Longest message that is no text.
const SHOWN: usize = 60;

/// Actions in rspamd's order: those before `greylist` count as spam.
const ORDER: [&str; 6] = ["reject", "soft reject", "rewrite subject", "add header", "greylist", "no action"];

/// The place of an action in rspamd's order, however it is spelt; none for actions that rspamc does not know.
fn place(action: &str) -> Option<usize> {
    ORDER.iter().position(|known| known.eq_ignore_ascii_case(&action.replace('_', " ")))
}

/// True for actions that mean spam, none for those of which rspamc does not know.
pub(super) fn is_spam(action: &str) -> Option<bool> {
    place(action).map(|place| place < 4)
}

/// Seconds with three digits that matter, none behind the thousandth, and without needless zeros.
pub(super) fn seconds(time: f64) -> String {
    let digits = [1.0, 10.0, 100.0].iter().filter(|bound| time < **bound).count();
    let text = format!("{time:.digits$}");
    match digits {
        0 => text,
        _ => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

/// The report on one message.
pub(super) fn scan(reply: &Value, look: &Look) -> String {
    let text = |key: &str| reply.get(key).and_then(Value::as_str);
    let mut out = String::from("[Metric: default]\n");
    if let Some(action) = text("action") {
        let _ = writeln!(out, "Action: {}", look.action(action));
        if let Some(spam) = is_spam(action) {
            let _ = writeln!(out, "Spam: {}", look.bold(spam));
        }
    }
    if let Some(subject) = text("subject") {
        let _ = writeln!(out, "Subject: {}", look.bold(subject));
    }
    if let (Some(score), Some(required)) = (reply.get("score"), reply.get("required_score")) {
        let number = |n: &Value| look.bold(format!("{:.2}", n.as_f64().unwrap_or(0.0)));
        let _ = writeln!(out, "Score: {} / {}", number(score), number(required));
    }
    symbols(&mut out, reply, look);
    for (label, key) in [("Message-ID", "message-id"), ("Queue-ID", "queue-id")] {
        if let Some(value) = text(key) {
            let _ = writeln!(out, "{label}: {value}");
        }
    }
    let form = if look.extended_urls { Notation::Json } else { Notation::Compact };
    for (label, key) in [("Urls", "urls"), ("Emails", "emails")] {
        if let Some(list) = reply.get(key) {
            let _ = writeln!(out, "{label}: {}", notation::write(list, form));
        }
    }
    if let Some(error) = text("error") {
        let _ = writeln!(out, "Scan error: {error}");
    }
    for (name, message) in reply.get("messages").and_then(Value::as_object).into_iter().flatten() {
        let shown = if message.is_string() { usize::MAX } else { SHOWN };
        let message: String = notation::text(message).chars().take(shown).collect();
        let _ = writeln!(out, "Message - {name}: {message}");
    }
    for signature in signatures(reply) {
        let _ = writeln!(out, "DKIM-Signature: {signature}");
    }
    profile(&mut out, reply);
    out
}

/// The signatures that a reply carries: one, or a list of them.
pub(super) fn signatures(reply: &Value) -> impl Iterator<Item = &str> {
    let found = reply.get("dkim-signature");
    let several = found.and_then(Value::as_array).into_iter().flatten();
    found.into_iter().chain(several).filter_map(Value::as_str)
}

/// The symbols of a reply, in the order wanted.
pub(super) fn sorted<'v>(reply: &'v Value, sort: &Sort) -> Vec<(String, &'v Value)> {
    let all = reply.get("symbols").and_then(Value::as_object);
    let mut symbols: Vec<(String, &Value)> = all.into_iter().flatten().map(|(name, s)| (name.clone(), s)).collect();
    sort.apply(&mut symbols, |symbol, key| {
        let number = symbol.get(key).and_then(Value::as_f64);
        // How far a score lies from nothing counts here, in either direction.
        if key == "score" { number.map(f64::abs) } else { number }
    });
    symbols
}

fn symbols(out: &mut String, reply: &Value, look: &Look) {
    for (name, symbol) in sorted(reply, &look.sort) {
        let _ = write!(out, "Symbol: {name} ");
        if let Some(score) = symbol.get("score") {
            let _ = write!(out, "({:.2})", score.as_f64().unwrap_or(0.0));
        }
        if let Some(options) = symbol.get("options").and_then(Value::as_array) {
            let options: Vec<String> = options.iter().map(notation::text).collect();
            let _ = write!(out, "[{}]", options.join(", "));
        }
        out.push('\n');
    }
}

fn profile(out: &mut String, reply: &Value) {
    let Some(all) = reply.get("profile").and_then(Value::as_object) else {
        return;
    };
    out.push_str("Profile data:\n");
    for (name, time) in all.iter().rev() {
        let _ = writeln!(out, "\t{name}: {:>3} usec", time.as_f64().unwrap_or(0.0));
    }
}

/// JSON with four blanks a step, as rspamc prints it.
pub(super) fn pretty(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut writer = serde_json::Serializer::with_formatter(&mut out, formatter);
    match serde::Serialize::serialize(value, &mut writer) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_report_reads_as_the_guide_shows_it() {
        let reply = json!({
            "is_skipped": false, "score": -0.1, "required_score": 15.0, "action": "reject",
            "symbols": {
                "MIME_TRACE": {"name": "MIME_TRACE", "score": 0.0, "options": ["0:+"]},
                "ARC_NA": {"name": "ARC_NA", "score": 0.0},
                "LOCAL_RBL_HIT": {"name": "LOCAL_RBL_HIT", "score": 0.0, "options": ["10.88.113.21"]},
                "MIME_GOOD": {"name": "MIME_GOOD", "score": -0.1, "options": ["text/plain"]},
            },
            "messages": {"smtp_message": "Matched map: LOCAL_RBL_HIT"},
            "message-id": "undef",
        });
        assert_eq!(
            scan(&reply, &Look::default()),
            "[Metric: default]\nAction: reject\nSpam: true\nScore: -0.10 / 15.00\nSymbol: ARC_NA (0.00)\n\
             Symbol: LOCAL_RBL_HIT (0.00)[10.88.113.21]\nSymbol: MIME_GOOD (-0.10)[text/plain]\nSymbol: MIME_TRACE (0.00)[0:+]\n\
             Message-ID: undef\nMessage - smtp_message: Matched map: LOCAL_RBL_HIT\n"
        );
    }

    #[test]
    fn actions_say_spam_or_nothing() {
        let shown = |action: &str| {
            scan(&json!({ "action": action }), &Look::default())
                .lines()
                .nth(2)
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(shown("soft reject"), "Spam: true");
        assert_eq!(shown("greylist"), "Spam: false");
        assert_eq!(shown("no_action"), "Spam: false");
        assert_eq!(shown("quarantine"), "");
    }

    #[test]
    fn seconds_are_short() {
        for (time, text) in [
            (0.0, "0"),
            (0.004, "0.004"),
            (0.4, "0.4"),
            (1.0, "1"),
            (0.6161, "0.616"),
            (12.345, "12.3"),
            (20.0, "20"),
            (1000.4, "1000"),
        ] {
            assert_eq!(seconds(time), text);
        }
    }
}

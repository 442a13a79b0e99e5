//! Reports for people, line for line as rspamc prints them (`http-api` 5.4). From JSON to text; nothing is asked here.

use serde_json::Value;
use std::fmt::Write;

/// Actions in rspamd's order: those before `greylist` count as spam, others have no `Spam:` line.
const ORDER: [&str; 6] = ["reject", "soft reject", "rewrite subject", "add header", "greylist", "no action"];

/// Seconds with up to three digits behind the point, without needless zeros.
pub(super) fn seconds(time: f64) -> String {
    let text = format!("{time:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The report on one message.
pub(super) fn scan(reply: &Value, extended_urls: bool) -> String {
    let text = |key: &str| reply.get(key).and_then(Value::as_str);
    let number = |key: &str| reply.get(key).and_then(Value::as_f64).unwrap_or(0.0);
    let mut out = String::from("[Metric: default]\n");
    let action = text("action").unwrap_or("no action");
    let _ = writeln!(out, "Action: {action}");
    if let Some(place) = ORDER.iter().position(|a| *a == action) {
        let _ = writeln!(out, "Spam: {}", place < 4);
    }
    if let Some(subject) = text("subject") {
        let _ = writeln!(out, "Subject: {subject}");
    }
    let _ = writeln!(out, "Score: {:.2} / {:.2}", number("score"), number("required_score"));
    symbols(&mut out, reply);
    for (label, key) in [("Message-ID", "message-id"), ("Queue-ID", "queue-id")] {
        if let Some(value) = text(key) {
            let _ = writeln!(out, "{label}: {value}");
        }
    }
    for (label, key) in [("Urls", "urls"), ("Emails", "emails")] {
        if let Some(list) = reply.get(key) {
            let shown = if extended_urls { pretty(list) } else { list.to_string() };
            let _ = writeln!(out, "{label}: {shown}");
        }
    }
    if let Some(error) = text("error") {
        let _ = writeln!(out, "Scan error: {error}");
    }
    for (name, message) in reply.get("messages").and_then(Value::as_object).into_iter().flatten() {
        match message.as_str() {
            Some(message) => writeln!(out, "Message - {name}: {message}"),
            None => writeln!(
                out,
                "Message - {name}: {}",
                message.to_string().chars().take(60).collect::<String>()
            ),
        }
        .ok();
    }
    profile(&mut out, reply);
    out
}

fn symbols(out: &mut String, reply: &Value) {
    let Some(all) = reply.get("symbols").and_then(Value::as_object) else {
        return;
    };
    let mut sorted: Vec<(&String, &Value)> = all.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    for (name, symbol) in sorted {
        let score = symbol.get("score").and_then(Value::as_f64).unwrap_or(0.0);
        let _ = write!(out, "Symbol: {name} ({score:.2})");
        let options: Vec<&str> = symbol
            .get("options")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if !options.is_empty() {
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
    let mut sorted: Vec<(&String, f64)> = all.iter().map(|(n, t)| (n, t.as_f64().unwrap_or(0.0))).collect();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (name, time) in sorted {
        let _ = writeln!(out, "\t{name}: {time:.1} usec");
    }
}

/// The counters of `/stat`.
pub(super) fn stat(stat: &Value) -> String {
    let count = |key: &str| stat.get(key).and_then(Value::as_u64).unwrap_or(0);
    let scanned = count("scanned");
    let share = |n: u64| 100.0 * float(n) / float(scanned);
    let mut out = format!("Messages scanned: {scanned}\n");
    if scanned > 0 {
        for (action, n) in stat.get("actions").and_then(Value::as_object).into_iter().flatten() {
            let n = n.as_u64().unwrap_or(0);
            let _ = writeln!(out, "Messages with action {action}: {n}, {:.2}%", share(n));
        }
        for (label, key) in [("spam", "spam_count"), ("ham", "ham_count")] {
            let n = count(key);
            let _ = writeln!(out, "Messages treated as {label}: {n}, {:.2}%", share(n));
        }
    }
    for (label, key) in [
        ("Messages learned", "learned"),
        ("Connections count", "connections"),
        ("Control connections count", "control_connections"),
    ] {
        let _ = writeln!(out, "{label}: {}", count(key));
    }
    let times: Vec<f64> = stat
        .get("scan_times")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_f64)
        .collect();
    if !times.is_empty() {
        let mean = times.iter().sum::<f64>() / float(u64::try_from(times.len()).unwrap_or(1));
        let _ = writeln!(out, "Average scan time: {mean:.3} sec");
    }
    for (label, key) in [
        ("Pools allocated", "pools_allocated"),
        ("Pools freed", "pools_freed"),
        ("Bytes allocated", "bytes_allocated"),
        ("Memory chunks allocated", "chunks_allocated"),
        ("Shared chunks allocated", "shared_chunks_allocated"),
        ("Chunks freed", "chunks_freed"),
        ("Oversized chunks", "chunks_oversized"),
    ] {
        let _ = writeln!(out, "{label}: {}", count(key));
    }
    let _ = writeln!(out, "Total learns: {}", count("total_learns"));
    out
}

fn float(n: u64) -> f64 {
    u32::try_from(n).map_or(f64::from(u32::MAX), f64::from)
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
            scan(&reply, false),
            "[Metric: default]\nAction: reject\nSpam: true\nScore: -0.10 / 15.00\nSymbol: ARC_NA (0.00)\n\
             Symbol: LOCAL_RBL_HIT (0.00)[10.88.113.21]\nSymbol: MIME_GOOD (-0.10)[text/plain]\nSymbol: MIME_TRACE (0.00)[0:+]\n\
             Message-ID: undef\nMessage - smtp_message: Matched map: LOCAL_RBL_HIT\n"
        );
    }

    #[test]
    fn actions_say_spam_or_nothing() {
        let shown = |action: &str| {
            scan(&json!({ "action": action }), false)
                .lines()
                .nth(2)
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(shown("soft reject"), "Spam: true");
        assert_eq!(shown("greylist"), "Spam: false");
        assert_eq!(shown("quarantine"), "Score: 0.00 / 0.00");
    }

    #[test]
    fn seconds_are_short() {
        for (time, text) in [(0.0, "0"), (0.004, "0.004"), (0.4, "0.4"), (1.0, "1"), (0.6161, "0.616")] {
            assert_eq!(seconds(time), text);
        }
    }

    #[test]
    fn counters_read_as_rspamc_prints_them() {
        let text = stat(&json!({
            "scanned": 17, "actions": {"reject": 11, "no action": 6}, "spam_count": 11, "ham_count": 6, "connections": 18,
            "scan_times": [0.1, 0.3, null], "bytes_allocated": 1664,
        }));
        for line in [
            "Messages scanned: 17",
            "Messages with action reject: 11, 64.71%",
            "Messages treated as ham: 6, 35.29%",
            "Average scan time: 0.200 sec",
            "Bytes allocated: 1664",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing from\n{text}");
        }
        assert!(!stat(&json!({})).contains('%'), "no shares of nothing");
    }
}

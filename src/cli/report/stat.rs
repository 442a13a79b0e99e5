//! The counters of `/stat`, line for line as rspamc prints them.

use super::Look;
use serde_json::Value;
use std::fmt::Write;

const FLOWS: [(&str, &str); 3] = [
    ("Messages learned", "learned"),
    ("Connections count", "connections"),
    ("Control connections count", "control_connections"),
];

const MEMORY: [(&str, &str); 7] = [
    ("Pools allocated", "pools_allocated"),
    ("Pools freed", "pools_freed"),
    ("Bytes allocated", "bytes_allocated"),
    ("Memory chunks allocated", "chunks_allocated"),
    ("Shared chunks allocated", "shared_chunks_allocated"),
    ("Chunks freed", "chunks_freed"),
    ("Oversized chunks", "chunks_oversized"),
];

/// The counters.
pub(in crate::cli) fn stat(stat: &Value, look: &Look) -> String {
    let count = |key: &str| number(stat, key);
    let scanned = count("scanned");
    let mut out = format!("Messages scanned: {}\n", look.bold(scanned));
    if scanned > 0 {
        let share = |label: &str, n: u64| format!("{label}: {}, {:.2}%\n", look.bold(n), percent(n, scanned));
        for (action, n) in stat.get("actions").and_then(Value::as_object).into_iter().flatten() {
            out.push_str(&share(&format!("Messages with action {action}"), n.as_u64().unwrap_or(0)));
        }
        out.push_str(&share("Messages treated as spam", count("spam_count")));
        out.push_str(&share("Messages treated as ham", count("ham_count")));
    }
    for (label, key) in FLOWS {
        let _ = writeln!(out, "{label}: {}", look.bold(count(key)));
    }
    let times: Vec<f64> = list(stat, "scan_times").iter().filter_map(Value::as_f64).collect();
    if !times.is_empty() {
        let mean = times.iter().sum::<f64>() / float(u64::try_from(times.len()).unwrap_or(u64::MAX));
        let _ = writeln!(out, "Average scan time: {} sec", look.bold(format!("{mean:.3}")));
    }
    for (label, key) in MEMORY {
        let _ = writeln!(out, "{label}: {}", count(key));
    }
    fuzzy(&mut out, stat);
    list(stat, "statfiles").iter().for_each(|file| statfile(&mut out, file));
    let _ = writeln!(out, "Total learns: {}", count("total_learns"));
    out
}

fn fuzzy(out: &mut String, stat: &Value) {
    let Some(storages) = stat.get("fuzzy_hashes").and_then(Value::as_object) else {
        return;
    };
    let mut total = 0_u64;
    for (name, hashes) in storages {
        let hashes = hashes.as_u64().unwrap_or(0);
        total = total.saturating_add(hashes);
        let _ = writeln!(out, "Fuzzy hashes in storage \"{name}\": {hashes}");
    }
    let _ = writeln!(out, "Fuzzy hashes stored: {total}");
}

fn statfile(out: &mut String, file: &Value) {
    let text = |key: &str| file.get(key).and_then(Value::as_str);
    let count = |key: &str| number(file, key);
    let label = text("label").map(|label| format!(" <{label}>")).unwrap_or_default();
    let total = count("total");
    let free = total.saturating_sub(count("used"));
    let _ = writeln!(
        out,
        "Statfile: {}{label} type: {}; length: {}; free blocks: {free}; total blocks: {total}; free: {:.2}%; learned: {}; users: {}; \
         languages: {}",
        text("symbol").unwrap_or_default(),
        text("type").unwrap_or_default(),
        count("size"),
        percent(free, total),
        count("revision"),
        count("users"),
        count("languages"),
    );
}

fn number(from: &Value, key: &str) -> u64 {
    from.get(key).and_then(Value::as_u64).unwrap_or(0)
}

fn list<'v>(from: &'v Value, key: &str) -> &'v [Value] {
    from.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * float(part) / float(whole) }
}

fn float(n: u64) -> f64 {
    u32::try_from(n).map_or_else(|_| n.to_string().parse().unwrap_or(f64::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counters_read_as_rspamc_prints_them() {
        let text = stat(
            &json!({
                "scanned": 17, "actions": {"reject": 11, "no action": 6}, "spam_count": 11, "ham_count": 6, "connections": 18,
                "scan_times": [0.1, 0.3, null], "bytes_allocated": 1664, "fuzzy_hashes": {"local": 3, "x": 5},
                "statfiles": [{"revision": 4, "used": 3, "total": 10, "size": 100, "symbol": "B", "type": "redis", "label": "lab"}, 5],
            }),
            &Look::default(),
        );
        for line in [
            "Messages scanned: 17",
            "Messages with action reject: 11, 64.71%",
            "Messages treated as ham: 6, 35.29%",
            "Average scan time: 0.200 sec",
            "Bytes allocated: 1664",
            "Fuzzy hashes in storage \"x\": 5",
            "Fuzzy hashes stored: 8",
            "Statfile: B <lab> type: redis; length: 100; free blocks: 7; total blocks: 10; free: 70.00%; learned: 4; users: 0; languages: 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing from\n{text}");
        }
        assert!(!stat(&json!({}), &Look::default()).contains('%'), "no shares of nothing");
    }
}

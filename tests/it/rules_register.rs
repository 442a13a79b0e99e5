//! What the families declare against `tests/rules/symbols.csv`: the symbols that both generations of rspamd were seen to have, with group,
//! scores and number of insertions that count. Priority 1 are those that need neither the net nor learned data.

use std::collections::{BTreeMap, BTreeSet};
use torwart::rules::FAMILIES;

/// Symbols of priority 1 that no family of ours gives, and why.
const LACKING: &[(&str, &str)] = &[
    (
        "FREEMAIL_REPLYTO_NEQ_FROM_DOM",
        "needs the list of free mail hosters, which is loaded over the net",
    ),
    ("GTUBE", "the engine's own: its action depends on no score"),
    ("INTERNAL_MAIL", "needs tables of aliases of one's own"),
    ("KNOWN_MID", "needs Redis"),
    ("KNOWN_NO_MID", "needs Redis"),
    ("LOCAL_INBOUND", "needs tables of aliases of one's own"),
    ("PHISHED_EXCLUDED", "needs a feed over the net"),
    ("PHISHED_GENERIC_SERVICE", "needs a feed over the net"),
    ("PHISHED_OPENPHISH", "needs a feed over the net"),
];

struct Row {
    group: String,
    scores: [Option<f64>; 2],
    shots: Option<u32>,
    first: bool,
}

fn table() -> BTreeMap<String, Row> {
    let text = include_str!("../rules/symbols.csv");
    let rows = text.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let [name, group, v34, v41, shots, priority] = fields[..] else {
            panic!("six fields in {line}")
        };
        let score = |field: &str| (!field.is_empty()).then(|| field.parse().expect("a score"));
        let row = Row {
            group: group.to_owned(),
            scores: [score(v34), score(v41)],
            shots: shots.parse().ok(),
            first: priority == "1",
        };
        (name.to_owned(), row)
    });
    rows.collect()
}

#[test]
fn symbols_are_those_of_the_table() {
    let table = table();
    let mut faults = Vec::new();
    let mut declared = BTreeSet::new();
    for symbol in FAMILIES.iter().flat_map(|f| f.symbols) {
        if !declared.insert(symbol.name) {
            faults.push(format!("{} is declared twice", symbol.name));
        }
        let Some(row) = table.get(symbol.name) else {
            faults.push(format!("{} is not in the table", symbol.name));
            continue;
        };
        let ours = (symbol.group, [symbol.score_34, symbol.score_41], symbol.shots);
        let theirs = (row.group.as_str(), row.scores, row.shots);
        if ours != theirs {
            faults.push(format!("{}: ours {ours:?}, the table has {theirs:?}", symbol.name));
        }
    }
    let lacking: BTreeSet<&str> = LACKING.iter().map(|(name, _)| *name).collect();
    for (name, _) in table.iter().filter(|(_, row)| row.first) {
        if declared.contains(name.as_str()) == lacking.contains(name.as_str()) {
            faults.push(format!("{name} is neither declared nor explained, or both"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

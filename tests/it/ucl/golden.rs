//! Every recorded tree of `tests/golden/ucl` (see INDEX.txt there) gives the tree, or the kind of error, that rspamd 3.4 gave.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use torwart::config::ucl::{self, Disk, Options};

/// What rspamd says of an error, and what we say of the same.
const SAME: [(&str, &str); 18] = [
    ("numeric value out of range", "this number is too large"),
    (
        "object closed with } is not opened with {",
        "closes nothing that was opened in this file",
    ),
    ("unexpected newline", "this string is not closed on its line"),
    ("unterminated multiline value", "this text has no end"),
    ("string value must not be empty", "there is no value"),
    ("delimiter is missing", "a separator is missing"),
    ("key must begin with a letter", "a name is awaited here"),
    ("unmatched open brace", "is never closed"),
    ("top configuration must be an object", "the configuration is a list"),
    ("Invalid argument", "is empty"),
    ("cannot merge an object with an array", "cannot be merged with what is a list"),
    ("duplicate element for key", "this name is set already"),
    ("No such file or directory", "there is no such file"),
    ("Unable to find inherited object", "there is no section `nobody`"),
    ("unknown macro", "there is no macro"),
    ("invalid character in a key", "this character may not stand in a name"),
    ("unfinished key", "the file ends behind this name"),
    ("unfinished multiline comment", "this comment is never closed"),
];

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/ucl");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

/// Runs one case; gives what differs.
fn differs(case: &Path) -> Option<String> {
    let root = case.join("input");
    let root = root.to_str().unwrap();
    let read = |name: &str| fs::read_to_string(case.join(name)).unwrap_or_default();
    let mut variables = vec![
        ("CONFDIR".to_owned(), root.to_owned()),
        ("LOCAL_CONFDIR".to_owned(), root.to_owned()),
    ];
    for argument in read("args").split_whitespace() {
        let (name, value) = argument.strip_prefix("--var=").unwrap().split_once('=').unwrap();
        variables.push((name.to_owned(), value.to_owned()));
    }
    let environment: BTreeMap<_, _> = read("env")
        .lines()
        .filter_map(|line| line.strip_prefix("RSPAMD_")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let options = Options {
        variables,
        environment,
        ..Options::default()
    };
    let answer = ucl::read(&format!("{root}/rspamd.conf"), &Disk::below([PathBuf::from(root)]), &options);
    let good = read("rc").trim() == "0";
    match answer {
        Ok(parsed) if good => {
            let awaited: serde_json::Value = serde_json::from_str(&read("expected.json").replace("@ROOT@", root)).unwrap();
            let found = ucl::to_json(&parsed.tree);
            (!same(&awaited, &found)).then(|| format!("awaited {awaited}\n  found {found}"))
        }
        Ok(parsed) => Some(format!(
            "awaited the error {}  found {}",
            read("expected.err"),
            ucl::to_json(&parsed.tree)
        )),
        Err(report) if good => Some(format!("awaited a tree\n  found {report}")),
        Err(report) => {
            let (peer, ours) = (read("expected.err"), report.to_string());
            let said = SAME
                .iter()
                .filter(|(theirs, _)| peer.contains(theirs))
                .any(|(_, word)| ours.contains(word));
            let located = report
                .0
                .iter()
                .filter(|finding| finding.is_error())
                .all(|finding| finding.place.is_some());
            let empty = peer.contains("Invalid argument");
            (!said || (!located && !empty)).then(|| format!("awaited the error {peer}  found {ours}"))
        }
    }
}

/// Equal as JSON, with numbers by value: the record has rounded them to six places.
fn same(awaited: &serde_json::Value, found: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (awaited, found) {
        (Number(a), Number(b)) => a.is_f64() == b.is_f64() && (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-6,
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Object(a), Object(b)) => a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b))),
        _ => awaited == found,
    }
}

#[test]
fn every_recorded_case() {
    let cases = cases();
    assert_eq!(cases.len(), 85, "cases were lost");
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let name = case.file_name().unwrap().to_string_lossy().into_owned();
            let title = fs::read_to_string(case.join("title")).unwrap_or_default();
            differs(case).map(|what| format!("{name} ({}):\n  {what}", title.trim()))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} cases differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

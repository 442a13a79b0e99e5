//! The untouched tree of Debian's package against our built-in defaults, both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use serde_json::Value;
use torwart::config::ucl;
use torwart::config::{Config, LoadOptions, Loaded, load};
use torwart::daemon::build;

use super::merging::stock_tree;
use crate::support::tools::Folder;

/// Settings that an untouched tree has and we have not, and why both are right.
const REMAINDER: &[(&str, &str, &str)] = &[
    (
        "log.target",
        r#""file""#,
        "its package rotates a file; ours leaves lines to the service manager",
    ),
    ("log.file", r#""/var/log/rspamd/rspamd.log""#, "the name of that file"),
    (
        "listen.milter.sockets",
        r#"["localhost:11332"]"#,
        "a name that may also be ::1; ours is one address",
    ),
    ("listen.http.sockets", r#"["localhost:11333"]"#, "the same"),
    ("listen.controller.sockets", r#"["localhost:11334"]"#, "the same"),
    (
        "modules.greylist.enabled",
        "false",
        "without Redis rspamd has nowhere to remember senders; ours has its own store",
    ),
];

fn loaded(rspamd: Option<PathBuf>) -> Loaded {
    let options = LoadOptions {
        environment: Box::new(|_: &str| None),
        standard: "/nowhere/torwart.toml".into(),
        rspamd,
        ..LoadOptions::default()
    };
    load(&options).unwrap_or_else(|report| panic!("{report}"))
}

/// Every value by its path.
fn leaves(path: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(entries) if !entries.is_empty() => entries.iter().for_each(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            leaves(&path, value, into);
        }),
        other => {
            into.insert(path.to_owned(), other.clone());
        }
    }
}

#[test]
fn the_stock_tree_is_our_defaults() {
    let folder = Folder::new("stock");
    stock_tree(folder.path());
    let tree = loaded(Some(folder.path().to_owned()));
    let (mut theirs, mut ours) = (BTreeMap::new(), BTreeMap::new());
    leaves("", &serde_json::to_value(&tree.config).unwrap(), &mut theirs);
    leaves("", &serde_json::to_value(Config::default()).unwrap(), &mut ours);
    for section in tree.config.modules.iter() {
        leaves(section.path(), &ucl::to_json(section.value()), &mut theirs);
    }
    let paths: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let differing = paths.into_iter().filter(|path| theirs.get(*path) != ours.get(*path));
    let found: BTreeMap<&str, &Value> = differing
        .map(|path| (path.as_str(), theirs.get(path).unwrap_or(&Value::Null)))
        .collect();
    let awaited: BTreeMap<&str, Value> = REMAINDER
        .iter()
        .map(|(path, value, _)| (*path, serde_json::from_str(value).unwrap()))
        .collect();
    assert_eq!(found, awaited.iter().map(|(path, value)| (*path, value)).collect());
}

#[test]
fn every_symbol_of_the_stock_tree_has_our_score() {
    let folder = Folder::new("stock");
    stock_tree(folder.path());
    let listing = |loaded: &Loaded| {
        let built = build::filter(&loaded.config, None).unwrap_or_else(|report| panic!("{report}"));
        let mut all = BTreeMap::new();
        for group in built.filter.groups() {
            for symbol in group.symbols {
                all.insert((symbol.name, group.name.clone()), symbol.weight);
            }
        }
        all
    };
    let (theirs, ours) = (listing(&loaded(Some(folder.path().to_owned()))), listing(&loaded(None)));
    let mut wrong = String::new();
    for key in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
        if theirs.get(key) != ours.get(key) {
            writeln!(wrong, "{key:?}: {:?} {:?}", theirs.get(key), ours.get(key)).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

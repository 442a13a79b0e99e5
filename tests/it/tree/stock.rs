//! The untouched tree of Debian's package against our built-in defaults, both ways.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use torwart::base::quantity::{ByteSize, parse_duration};
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
        "modules.phishing.exceptions.REDIRECTOR_FALSE",
        r#"["DIR/maps.d/redirectors.inc"]"#,
        "the tree's own file is read, which says the same as the list that is built in",
    ),
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

/// Stock values that are not our defaults when somebody writes them, and why.
const STATED: &[(&str, &str)] = &[
    (
        "listen.control.sockets",
        "the control socket is our own, in the folder of a running daemon",
    ),
    ("listen.controller.sockets", "a name that may also be ::1; ours is one address"),
    ("listen.http.sockets", "the same"),
    ("listen.milter.sockets", "the same"),
    ("log.file", "its package has a folder of its own"),
    ("log.target", "ours leaves lines to the service manager"),
    (
        "modules.greylist.enabled",
        "without Redis it greylists nobody; ours has its own store",
    ),
    ("modules.hfilter.from_enabled", "on in the code, not shown in the reference"),
    ("modules.hfilter.helo_enabled", "the same"),
    ("modules.hfilter.hostname_enabled", "the same"),
    ("modules.hfilter.rcpt_enabled", "the same"),
    ("modules.hfilter.url_enabled", "the same"),
    ("modules.milter_headers.use", "none; the reference shows an example"),
    (
        "modules.mime_types.extension_map.html",
        "in the built-in table, which the setting adds to",
    ),
    ("modules.mime_types.extension_map.pdf", "the same"),
    ("modules.mime_types.extension_map.txt", "the same"),
    (
        "modules.once_received.bad_host",
        "the same words in the code, not shown in the reference",
    ),
    ("modules.once_received.good_host", "the same"),
    ("scan.local_networks", "127.2.4.7 is loopback, which is local in any case"),
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
    let placed = |value: &Value| value.to_string().replace(&*folder.path().to_string_lossy(), "DIR");
    let found: BTreeMap<&str, String> = differing
        .map(|path| (path.as_str(), placed(theirs.get(path).unwrap_or(&Value::Null))))
        .collect();
    let awaited: BTreeMap<&str, String> = REMAINDER.iter().map(|(path, value, _)| (*path, (*value).to_owned())).collect();
    assert_eq!(found, awaited);
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

/// The reference configuration with its examples, where each module shows its defaults.
fn shown_defaults() -> Value {
    let text = fs::read_to_string("config/torwart.toml").unwrap();
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_alphabetic()) => rest,
        _ => line,
    });
    let lines: Vec<&str> = lines.collect();
    serde_json::to_value(lines.join("\n").parse::<toml::Table>().unwrap()).unwrap()
}

/// Times and sizes however they are written, numbers with or without a point.
fn meant(value: &Value) -> Value {
    match value {
        Value::Number(number) => format!("{:.4}", number.as_f64().unwrap()).into(),
        Value::String(text) => match (parse_duration(text), text.parse::<ByteSize>()) {
            (Ok(time), _) => format!("{time:?}").into(),
            (_, Ok(size)) => format!("{} bytes", size.0).into(),
            _ => value.clone(),
        },
        Value::Array(items) if items.len() == 1 => meant(&items[0]),
        Value::Array(items) => items.iter().map(meant).collect(),
        other => other.clone(),
    }
}

/// A section as a file holds it: without its own brackets.
fn inside(section: &torwart::config::value::Value) -> String {
    let text = ucl::to_json(section).to_string();
    text[1..text.len() - 1].to_owned()
}

#[test]
fn every_stock_value_is_our_default() {
    let folder = Folder::new("stock");
    let bare = loaded(Some(folder.path().to_owned()));
    let raw = &bare.tree.as_ref().unwrap().raw;
    // What somebody writes himself counts, even where it is what the stock files say.
    for (section, file) in [("options", "options.inc"), ("logging", "logging.inc"), ("actions", "actions.conf")] {
        folder.write(&format!("override.d/{file}"), inside(raw.at([section]).unwrap()));
    }
    for (worker, file) in [("normal", "normal"), ("controller", "controller"), ("rspamd_proxy", "proxy")] {
        let said = inside(raw.at(["worker", worker]).unwrap());
        folder.write(&format!("override.d/worker-{file}.inc"), said);
    }
    for module in torwart::config::schema::MODULES {
        if let Some(said) = raw.at([*module]) {
            folder.write(&format!("override.d/{module}.conf"), inside(said));
        }
    }
    let tree = loaded(Some(folder.path().to_owned()));
    let (mut theirs, mut ours) = (BTreeMap::new(), BTreeMap::new());
    leaves("", &serde_json::to_value(&tree.config).unwrap(), &mut theirs);
    leaves("", &serde_json::to_value(Config::default()).unwrap(), &mut ours);
    leaves("modules", &shown_defaults()["modules"], &mut ours);
    for section in tree.config.modules.iter() {
        leaves(section.path(), &ucl::to_json(section.value()), &mut theirs);
    }
    let differing = theirs
        .iter()
        .filter(|(path, value)| ours.get(*path).map(meant) != Some(meant(value)));
    let found: Vec<&str> = differing.map(|(path, _)| path.as_str()).collect();
    let shown: Vec<String> = found
        .iter()
        .map(|path| format!("{path}: theirs {:?}, ours {:?}", theirs.get(*path), ours.get(*path)))
        .collect();
    let awaited: Vec<&str> = STATED.iter().map(|(path, _)| *path).collect();
    assert_eq!(found, awaited, "{}", shown.join("\n"));
}

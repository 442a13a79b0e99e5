//! Where the lists of a tree come from, and rules that look at something this version does not look at.

use std::path::Path;

use super::account::{Fate, Item, own_score, score};
use super::kind;
use super::translate::Walk;
use super::tree::each;
use super::wording::{few, written};
use crate::config::report::Diagnostic;
use crate::config::value::{Entry, Node, Table, Value};

/// The folder that is written out in many trees, wherever they lie.
pub const USUAL: &str = "/etc/rspamd/";
/// Words before a source that say what it is.
const KINDS: [&str; 12] = [
    "regexp;",
    "re;",
    "regexp_multi;",
    "re_multi;",
    "glob;",
    "glob_multi;",
    "radix;",
    "ipnet;",
    "set;",
    "hash;",
    "plain;",
    "file://",
];

/// False for a rule that cannot work here; it is accounted for.
pub fn fits(walk: &mut Walk<'_>, path: &[&str], entry: &Entry) -> bool {
    let text = |key: &str| match entry.value.at([key]).map(|value| &value.node) {
        Some(Node::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let named = text("type");
    let (kind, why) = match path.first() {
        Some(&"multimap") if !matches!(named.as_deref(), None | Some("ip")) => (named.unwrap_or_default(), "rules"),
        Some(&"multimap") if !reads(entry) => ("ip whose lists are in the net".to_owned(), "rules"),
        Some(&"antivirus") if named.as_deref().unwrap_or(&entry.key) != "clamav" => {
            (named.unwrap_or_else(|| entry.key.clone()), "scanners")
        }
        _ => return true,
    };
    let symbol = text("symbol").unwrap_or_else(|| entry.key.clone());
    let name = path.join(".");
    let finding = format!("`{name}`: this version has no {why} of type {kind}, the symbol {symbol} stays away");
    walk.out.findings.push(Diagnostic::warning(finding).at(entry.key_place.clone()));
    let mut item = Item::new(&name, Some(entry.key_place.clone()), Fate::Lost(format!("{why} of type {kind}")));
    let score = own_score(&entry.value).or_else(|| score(walk.raw, &symbol));
    item.symbols.push((symbol, score.unwrap_or(0.0)));
    walk.out.account.push(item);
    false
}

/// True if a rule has a list that can be read here.
fn reads(rule: &Entry) -> bool {
    let lists: Vec<&Value> = ["map", "url"].iter().filter_map(|key| rule.value.at([*key])).collect();
    let elsewhere = |item: &Value| matches!(&item.node, Node::Text(text) if text.contains("://") && !text.contains("file://"));
    lists.is_empty() || lists.into_iter().flat_map(each).flat_map(items).any(|item| !elsewhere(item))
}

/// Names the symbols of the stock rules that cannot work here: they read lists from the net.
pub fn stock_rules(walk: &mut Walk<'_>) {
    let Some(section) = walk.raw.table().and_then(|table| table.get("multimap")).cloned() else {
        return;
    };
    let mut symbols = Vec::new();
    for rule in section.value.table().into_iter().flat_map(Table::iter) {
        let text = |key: &str| match rule.value.at([key]).map(|value| &value.node) {
            Some(Node::Text(text)) => Some(text.clone()),
            _ => None,
        };
        if walk.is_stock(&["multimap", &rule.key], &rule.value) && text("type").is_some_and(|kind| kind != "ip") {
            symbols.extend(text("symbol"));
        }
    }
    if !symbols.is_empty() {
        let text = format!(
            "rules of multimap that look up lists from the net are not in this version: the symbols {} stay away",
            few(&symbols)
        );
        walk.out.findings.push(Diagnostic::warning(text).at(written(&section.key_place)));
        let why = "they look up lists from the net";
        walk.stay_away("multimap, the stock rules", written(&section.key_place), why, &symbols);
    }
}

/// Names the symbols of phishing that cannot work here: their lists come from the net.
pub fn feeds(walk: &mut Walk<'_>) {
    let Some(section) = walk.raw.table().and_then(|table| table.get("phishing")).cloned() else {
        return;
    };
    let on = |key: &str| matches!(section.value.at([key]).map(|value| &value.node), Some(Node::Bool(true)));
    let feeds = [
        ("openphish_enabled", "PHISHED_OPENPHISH"),
        ("phishtank_enabled", "PHISHED_PHISHTANK"),
        ("generic_service_enabled", "PHISHED_GENERIC_SERVICE"),
    ];
    let symbols: Vec<String> = feeds
        .into_iter()
        .filter(|(key, _)| on(key))
        .map(|(_, symbol)| symbol.to_owned())
        .collect();
    if !symbols.is_empty() {
        let text = format!(
            "lists of known phishing sites are not asked in this version: the symbols {} stay away",
            few(&symbols)
        );
        walk.out.findings.push(Diagnostic::warning(text).at(written(&section.key_place)));
        walk.stay_away(
            "phishing, the lists of known sites",
            written(&section.key_place),
            "they come from the net",
            &symbols,
        );
    }
}

/// The sources of a list that this version can read: files and what is written out. Those of the net are accounted for.
pub fn source(walk: &mut Walk<'_>, path: &[&str], entry: &Entry) -> Option<Value> {
    let name = path.join(".");
    let (items, single) = match &entry.value.node {
        Node::Null => return None,
        Node::List(items) | Node::Repeated(items) => (items.clone(), false),
        Node::Table(table) => (described(table)?, false),
        // Not a path but the list itself.
        Node::Text(text) if !text.contains(['/', ':']) => {
            if path.first() == Some(&"multimap") {
                let how = "rspamd finds no map in this string and leaves the rule out; here it is the list itself";
                walk.near(entry, &name, how);
            }
            (kind::words(&entry.value).ok()?, false)
        }
        _ => (vec![entry.value.clone()], true),
    };
    let mut kept = Vec::new();
    for item in &items {
        let Node::Text(text) = &item.node else {
            if let Some(value) = kind::plain(item) {
                kept.push(value);
            }
            continue;
        };
        if let Some(text) = local(walk, &name, entry, item, text, items.len() > 1) {
            kept.push(kind::with(item, Node::Text(text)));
        }
    }
    match kept.as_slice() {
        [] if items.is_empty() => Some(kind::with(&entry.value, Node::List(kept))),
        [] => None,
        [one] if single => Some(one.clone()),
        _ => Some(kind::with(&entry.value, Node::List(kept))),
    }
}

/// True if one of the files that a setting names is there.
pub fn has_files(value: &Value) -> bool {
    let bare = |text: &str| {
        text.rsplit([';', '+'])
            .next()
            .unwrap_or(text)
            .trim_start_matches("file://")
            .to_owned()
    };
    each(value).iter().flat_map(items).any(|item| match &item.node {
        Node::Text(text) => text.contains('/') && Path::new(&bare(text)).is_file(),
        _ => false,
    })
}

fn items(value: &Value) -> &[Value] {
    match &value.node {
        Node::List(items) => items,
        _ => std::slice::from_ref(value),
    }
}

/// The sources in `{ url = [..] }`.
fn described(table: &Table) -> Option<Vec<Value>> {
    let value = ["url", "urls", "upstreams", "data"].iter().find_map(|key| table.get(key))?;
    Some(match &value.value.node {
        Node::List(items) | Node::Repeated(items) => items.clone(),
        _ => vec![value.value.clone()],
    })
}

/// One source without the words before it; none if it cannot be read here. Of several, files that are not there are passed over.
fn local(walk: &mut Walk<'_>, name: &str, entry: &Entry, item: &Value, text: &str, several: bool) -> Option<String> {
    let mut bare = text.strip_prefix("fallback+").unwrap_or(text);
    while let Some(rest) = KINDS.iter().find_map(|word| bare.strip_prefix(word)) {
        bare = rest;
    }
    if bare.contains("://") || bare.starts_with("sign+") || bare.starts_with("redis+") {
        let text = format!("`{name}` reads {bare}: this version reads lists from files only");
        walk.out.findings.push(
            Diagnostic::warning(text)
                .at(item.place.clone())
                .help("fetch it into a file, and name the file"),
        );
        walk.account(name, Some(entry.key_place.clone()), Fate::Lost(format!("the list at {bare}")));
        return None;
    }
    if !bare.starts_with('/') || Path::new(bare).exists() {
        return Some(bare.to_owned());
    }
    let elsewhere = bare
        .strip_prefix(USUAL)
        .map(|rest| walk.around.folder.join(rest))
        .filter(|path| path.exists());
    let finding = Diagnostic::warning(format!("there is no file {bare}, named by `{name}`")).at(item.place.clone());
    let finding = match elsewhere {
        Some(path) => finding.help(format!(
            "there is {}: write $LOCAL_CONFDIR/{}",
            path.display(),
            bare.trim_start_matches(USUAL)
        )),
        None if several => return None,
        None => finding.help("put the file there, or correct the path"),
    };
    walk.out.findings.push(finding);
    (!several).then(|| bare.to_owned())
}

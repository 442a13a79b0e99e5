//! Lua in a tree: the lines that the stock tree has too, and everything else by name, with the symbols found in its text.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::account::{Fate, Item};
use super::surroundings::Surroundings;
use super::translate::Translated;
use super::wording::few;
use crate::config::report::Diagnostic;
use crate::config::value::{Node, Place, Source, Value};

/// Bytes of one file that are looked at.
const LONGEST: u64 = 1 << 20;
/// Files of one folder that are looked at.
const MOST: usize = 1_000;
/// What the stock tree says.
const STOCK: [&str; 2] = ["rules/rspamd.lua", "lua_bayes_learn"];
/// Names of symbols as scripts write them.
static SYMBOL: LazyLock<Regex> = LazyLock::new(|| {
    let called = r#"(?:register_symbol|insert_result|symbol|name)\b[^"'\n]{0,40}["']([A-Z][A-Z0-9_]{2,})["']"#;
    let assigned = r#"rspamd_config(?:\.|\[["'])([A-Z][A-Z0-9_]{2,})(?:["']\])?\s*="#;
    let expression = r#"config\[["']regexp["']\]\[["']([A-Z][A-Z0-9_]{2,})["']\]\s*="#;
    Regex::new(&format!("{called}|{assigned}|{expression}")).expect("a pattern of ours")
});

/// Reports all Lua of the tree.
pub fn all(around: &Surroundings, raw: &Value, out: &mut Translated) {
    for (place, text) in scripts(raw) {
        lost(out, raw, "this script", Some(place), &symbols(&text));
    }
    for value in raw.at(["lua"]).into_iter().flat_map(super::tree::each) {
        let Node::Text(path) = &value.node else { continue };
        if !STOCK.iter().any(|stock| path.contains(stock)) {
            let path = Path::new(path);
            lost(out, raw, &shown(around, path), Some(value.place.clone()), &symbols(&read(path)));
        }
    }
    for path in files(around) {
        let text = read(&path);
        if !text.trim().is_empty() {
            let place = first(&path.display().to_string(), &text);
            lost(out, raw, &shown(around, &path), Some(place), &symbols(&text));
        }
    }
}

/// A file as the tree names it.
fn shown(around: &Surroundings, path: &Path) -> String {
    path.strip_prefix(&around.folder).unwrap_or(path).display().to_string()
}

/// Where a script file begins to do something: at its first symbol, else at its top.
fn first(name: &str, text: &str) -> Place {
    let source = Arc::new(Source {
        name: name.to_owned(),
        text: text.to_owned(),
        built_in: false,
        lenient: true,
    });
    let found = SYMBOL.captures(text).and_then(|found| found.iter().skip(1).flatten().next());
    let end = text.find('\n').unwrap_or(text.len());
    found.map_or_else(|| Place::new(&source, 0, end), |name| Place::new(&source, name.start(), name.end()))
}

fn lost(out: &mut Translated, raw: &Value, what: &str, place: Option<Place>, symbols: &[String]) {
    let names = match symbols {
        [] => String::new(),
        [one] => format!(", and the symbol {one} stays away"),
        all => format!(", and the symbols {} stay away", few(all)),
    };
    let finding = Diagnostic::warning(format!("{what} is not supported: there is no Lua here{names}")).at(place.clone());
    let help = "patterns can be rules of their own, lists belong to [modules.multimap]";
    out.findings.push(finding.help(help));
    let fate = Fate::Lost("there is no Lua here".to_owned());
    out.account.push(Item::new(what, place, fate).without(symbols, raw));
}

/// Scripts written into settings, but for the stock one.
fn scripts(raw: &Value) -> Vec<(Place, String)> {
    let mut found = Vec::new();
    let mut open = vec![raw];
    while let Some(value) = open.pop() {
        match &value.node {
            Node::Table(table) => open.extend(table.iter().map(|entry| &entry.value)),
            Node::List(items) | Node::Repeated(items) => open.extend(items),
            Node::Text(text) if is_script(text) => found.push((value.place.clone(), text.clone())),
            _ => (),
        }
    }
    found
}

fn is_script(text: &str) -> bool {
    let lua = text.contains("function") && text.contains("end") || text.trim_start().starts_with("return ") && text.contains('(');
    lua && !STOCK.iter().any(|stock| text.contains(stock))
}

/// Script files where the peer looks for them.
fn files(around: &Surroundings) -> Vec<PathBuf> {
    let mut found = vec![around.folder.join("rspamd.local.lua"), around.folder.join("rspamd.lua")];
    for folder in ["lua.local.d", "plugins.d", "local.d", "override.d"] {
        let listed = fs::read_dir(around.folder.join(folder)).into_iter().flatten().flatten();
        found.extend(
            listed
                .take(MOST)
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|e| e == "lua")),
        );
    }
    found.retain(|path| path.is_file());
    found.sort();
    found
}

fn read(path: &Path) -> String {
    let mut bytes = Vec::new();
    let opened = fs::File::open(path)
        .ok()
        .filter(|file| file.metadata().is_ok_and(|about| about.is_file()));
    let whole = opened.map(|file| file.take(LONGEST).read_to_end(&mut bytes));
    match whole {
        Some(Ok(_)) => String::from_utf8_lossy(&bytes).into_owned(),
        _ => String::new(),
    }
}

fn symbols(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for found in SYMBOL.captures_iter(text) {
        let name = found.iter().skip(1).flatten().next().map_or("", |name| name.as_str()).to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

//! `redis`, for all modules and for one: which servers are asked, and who keeps what where.

use super::kind::{self, words};
use super::table::{self, Kind, To};
use super::translate::Walk;
use crate::base::suggest::nearest;
use crate::config::report::Diagnostic;
use crate::config::schema::{KEEPING, MODULES};
use crate::config::value::{Entry, Node, Table, Value};

/// Keys that name servers.
const SERVERS: [&str; 4] = ["servers", "server", "read_servers", "write_servers"];
/// Keys that a module may have at its own top for its servers; others there are the module's own.
const BESIDE: [&str; 9] = [
    "servers",
    "server",
    "read_servers",
    "write_servers",
    "db",
    "dbname",
    "password",
    "username",
    "sentinels",
];

/// What a module that keeps something is called here.
fn ours(module: &str) -> Option<&'static str> {
    let name = if module == "history_redis" { "history" } else { module };
    KEEPING.iter().copied().find(|known| *known == name)
}

/// True for a module here that asks Redis.
pub fn keeps(module: &str) -> bool {
    ours(module).is_some()
}

/// The common section, and what each module says.
pub fn all(walk: &mut Walk<'_>) {
    let common = walk.raw.at(["redis"]).cloned();
    if let Some(common) = &common {
        for entry in common.table().into_iter().flat_map(Table::iter) {
            let path = ["redis", entry.key.as_str()];
            if entry.value.table().is_none() || walk.nested(&path, entry) {
                continue;
            }
            match ours(&entry.key) {
                Some(module) => servers(walk, &path, &["redis", module], &entry.value, &[]),
                None if MODULES.contains(&entry.key.as_str()) || entry.key == "bayes" => (),
                None => {
                    let text = format!("rspamd has no module `{}` to have servers of its own", entry.key.escape_debug());
                    walk.unknown(text, entry.key_place.clone(), nearest(&entry.key, MODULES.iter().copied()));
                }
            }
        }
        servers(walk, &["redis"], &["redis"], common, &[]);
    }
    for module in MODULES {
        let Some(name) = ours(module) else { continue };
        let Some(section) = walk.raw.at([*module]).cloned() else { continue };
        if let Some(own) = section.at(["redis"]) {
            servers(walk, &[module, "redis"], &["redis", name], own, &[]);
        } else if SERVERS.iter().any(|key| section.at([*key]).is_some()) {
            servers(walk, &[module], &["redis", name], &section, &BESIDE);
        }
    }
    without(walk);
}

/// The settings of one such section; `only` bounds the keys that are meant, empty: all.
fn servers(walk: &mut Walk<'_>, theirs: &[&str], ours: &[&str], section: &Value, only: &[&str]) {
    let Some(table) = section.table() else { return };
    let both = ["servers", "server"].iter().find_map(|key| table.get(key));
    let read = table.get("read_servers");
    let write = table.get("write_servers");
    if let Some(entry) = both.or(read) {
        put_list(walk, theirs, &[ours, &["servers"]].concat(), entry);
        if both.is_none() && write.is_none() {
            walk.near(
                entry,
                &[theirs, &["read_servers"]].concat().join("."),
                "the servers are written to as well",
            );
        }
    }
    match (both.or(read), write) {
        (Some(_), Some(entry)) => put_list(walk, theirs, &[ours, &["write_servers"]].concat(), entry),
        (None, Some(entry)) => {
            let text = "`write_servers` without `read_servers` has no effect, neither here nor with rspamd";
            walk.out.findings.push(Diagnostic::warning(text).at(entry.key_place.clone()));
        }
        _ => (),
    }
    for entry in table.iter() {
        let key = entry.key.as_str();
        let meant = only.is_empty() || only.contains(&key);
        if !meant || SERVERS.contains(&key) || (entry.value.table().is_some() && theirs == ["redis"]) {
            continue;
        }
        one(walk, theirs, ours, entry);
    }
}

fn one(walk: &mut Walk<'_>, theirs: &[&str], ours: &[&str], entry: &Entry) {
    let key = entry.key.as_str();
    let name = [theirs, &[key]].concat().join(".");
    let Some(row) = table::find(&["redis", key]) else {
        let near = nearest(key, table::names_below(&["redis"]));
        let text = format!("rspamd has no key `{}` in [{}]", key.escape_debug(), theirs.join("."));
        return walk.unknown(text, entry.key_place.clone(), near);
    };
    match row.to {
        To::At(target) => {
            let last = target.split('.').next_back().unwrap_or(target);
            let path = [ours, &[last]].concat();
            walk.hidden(&[theirs, &[key]].concat(), &entry.value);
            if let Some(value) = walk.convert(row.kind, &["redis", key], entry) {
                let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
                walk.emit(&name, &path, entry, value);
            }
        }
        To::Later(what) => walk.lost(entry, &name, what),
        To::Special if key == "disabled_modules" => not_for(walk, entry),
        _ => (),
    }
}

fn not_for(walk: &mut Walk<'_>, entry: &Entry) {
    let modules = words(&entry.value).unwrap_or_default();
    let known = modules.iter().filter_map(|module| match &module.node {
        Node::Text(name) => ours(name).map(|name| kind::with(module, Node::Text(name.to_owned()))),
        _ => None,
    });
    let list = kind::with(&entry.value, Node::List(known.collect()));
    walk.emit("redis.disabled_modules", &["redis", "not_for"].map(str::to_owned), entry, list);
}

/// A list of servers without the word for how they are chosen.
fn put_list(walk: &mut Walk<'_>, theirs: &[&str], ours: &[&str], entry: &Entry) {
    let name = [theirs, &[entry.key.as_str()]].concat();
    walk.hidden(&name, &entry.value);
    let Some(mut list) = walk.convert(Kind::Words, &name, entry) else {
        return;
    };
    if let Node::List(items) = &mut list.node {
        for item in items.iter_mut() {
            if let Node::Text(text) = &mut item.node {
                let bare = kind::server(text);
                *text = if bare.starts_with('/') { format!("unix:{bare}") } else { bare };
            }
        }
        items.retain(|item| item.node != Node::Text(String::new()));
    }
    let ours: Vec<String> = ours.iter().map(|step| (*step).to_owned()).collect();
    walk.emit(&name.join("."), &ours, entry, list);
}

/// Without Redis the peer greylists nobody; so a tree without one means just that.
fn without(walk: &mut Walk<'_>) {
    let named = |path: &[&str]| walk.out.layer.at(path.iter().copied()).is_some();
    if [
        &["redis", "servers"][..],
        &["redis", "sentinels"],
        &["redis", "greylist", "servers"],
        &["redis", "greylist", "sentinels"],
    ]
    .iter()
    .any(|path| named(path))
    {
        return;
    }
    let (raw, place) = (walk.raw, walk.raw.place.clone());
    let section = raw.table().and_then(|table| table.get("greylist"));
    let entry = section.cloned().unwrap_or_else(|| Entry {
        key: "greylist".to_owned(),
        key_place: place.clone(),
        value: Value::new(Node::Table(Table::default()), place),
    });
    let off = kind::with(&entry.value, Node::Bool(false));
    walk.put(&["modules", "greylist", "enabled"], &entry, off);
    let text = "greylisting is off, as with rspamd: the tree names no Redis server";
    let note = Diagnostic::note(text)
        .help("name one in local.d/redis.conf, or set [modules.greylist] enabled = true in TOML: the embedded store does");
    walk.out.findings.push(note);
}

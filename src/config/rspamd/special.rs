//! Settings that are not merely called otherwise here: two that become one, booleans turned round, words for words.

use super::kind::{self, words};
use super::table::Kind;
use super::translate::{Fate, Walk};
use crate::base::prefix_set::parse_network;
use crate::base::suggest::nearest;
use crate::config::report::Diagnostic;
use crate::config::value::{Entry, Node, Value};

/// Debug modules there, and the rooms of the program here that do their work.
const ROOMS: &[(&str, &str)] = &[
    ("antivirus", "antivirus"),
    ("clamav", "antivirus"),
    ("composites", "engine"),
    ("config", "config"),
    ("cfg", "config"),
    ("controller", "workers"),
    ("greylist", "limits"),
    ("history_redis", "record"),
    ("http", "http"),
    ("known_senders", "learn"),
    ("lua_redis", "store"),
    ("map", "maps"),
    ("maps", "maps"),
    ("metric", "engine"),
    ("milter", "milter"),
    ("mime", "message"),
    ("multimap", "lists"),
    ("protocol", "workers"),
    ("proxy", "milter"),
    ("ratelimit", "limits"),
    ("redis", "store"),
    ("redis_pool", "store"),
    ("replies", "learn"),
    ("scan", "filter"),
    ("settings", "filter"),
    ("symcache", "engine"),
    ("task", "filter"),
    ("upstream", "upstream"),
];

/// One setting of the kind `Special` outside the sections that have rooms of their own.
pub fn setting(walk: &mut Walk<'_>, path: &[&str], entry: &Entry) {
    let name = path.join(".");
    match name.as_str() {
        "options.dns.nameserver" | "options.dns.server" | "options.dns_nameserver" => name_servers(walk, path, entry),
        "options.local_addrs" | "options.local_networks" => networks(walk, path, entry),
        "options.soft_reject_on_timeout" => word(walk, path, entry, "scan.on_timeout", |on| if on { "tempfail" } else { "accept" }),
        "options.enable_test_patterns" => word(walk, path, entry, "scan.gtube", |on| if on { "all" } else { "reject" }),
        "options.check_all_filters" => {
            if let Some(value) = walk.convert(Kind::Bool, path, entry) {
                let turned = Node::Bool(value.node != Node::Bool(true));
                enter(walk, path, entry, "scan.stop_at_reject", kind::with(&value, turned));
            }
        }
        "options.control_socket" => {
            if let Some(value) = super::workers::address(walk, entry, &entry.value, 0) {
                let list = kind::with(&value, Node::List(vec![value.clone()]));
                enter(walk, path, entry, "listen.control.sockets", list);
            }
        }
        "logging.type" => log_target(walk, path, entry),
        "logging.level" => log_level(walk, path, entry),
        "logging.facility" => {
            if let Some(value) = walk.convert(Kind::Text, path, entry)
                && let Node::Text(text) = &value.node
            {
                let bare = text.to_ascii_lowercase();
                let bare = bare.strip_prefix("log_").unwrap_or(&bare);
                if !is_facility(bare) {
                    return facility(walk, entry, text);
                }
                enter(walk, path, entry, "log.facility", kind::with(&value, Node::Text(bare.to_owned())));
            }
        }
        "logging.systemd" | "logging.log_systemd" => walk.near(entry, &name, "lines have the form of the journal when it listens"),
        "logging.debug_modules" => debug_modules(walk, path, entry),
        "actions.rewrite_subject" | "actions.subject" => super::actions::rewrite(walk, entry),
        // The stock one is built in; `lua` speaks of any other.
        "classifier.bayes.learn_condition" => (),
        _ => walk.lost(entry, &name, "its meaning"),
    }
}

/// Facilities that the peer knows.
fn is_facility(name: &str) -> bool {
    let local = name.strip_prefix("local").is_some_and(|n| matches!(n.as_bytes(), [b'0'..=b'7']));
    local || ["auth", "cron", "daemon", "mail", "user"].contains(&name)
}

/// A facility that there is none of: the peer refuses it where it logs there.
fn facility(walk: &mut Walk<'_>, entry: &Entry, said: &str) {
    let text = format!("`{}` is no syslog facility of rspamd's", said.escape_debug());
    let word = matches!(entry.value.node, Node::Text(_));
    let syslog = Node::Text("syslog".to_owned());
    let used = word && walk.raw.at(["logging", "type"]).is_some_and(|kind| kind.node == syslog);
    let finding = if used { Diagnostic::error(text) } else { Diagnostic::warning(text) };
    let help = "write mail, daemon, user, auth, cron, or local0 to local7";
    walk.out.findings.push(finding.at(entry.value.place.clone()).help(help));
    let fate = Fate::Lost("it is no facility".to_owned());
    walk.account("logging.facility", Some(entry.value.place.clone()), fate);
}

fn enter(walk: &mut Walk<'_>, path: &[&str], entry: &Entry, ours: &str, value: Value) {
    let ours: Vec<String> = ours.split('.').map(str::to_owned).collect();
    walk.emit(&path.join("."), &ours, entry, value);
}

/// A boolean as one of two words.
fn word(walk: &mut Walk<'_>, path: &[&str], entry: &Entry, ours: &str, words: fn(bool) -> &'static str) {
    if let Some(value) = walk.convert(Kind::Bool, path, entry) {
        let word = words(value.node == Node::Bool(true));
        enter(walk, path, entry, ours, kind::with(&value, Node::Text(word.to_owned())));
    }
}

/// Name servers, without the word for how they are chosen; a file of them is the system's, which is asked in any case.
fn name_servers(walk: &mut Walk<'_>, path: &[&str], entry: &Entry) {
    let Some(mut list) = walk.convert(Kind::Words, path, entry) else {
        return;
    };
    if let Node::List(items) = &mut list.node {
        for item in items.iter_mut() {
            if let Node::Text(text) = &mut item.node {
                *text = kind::server(text);
            }
        }
        items.retain(|item| !matches!(&item.node, Node::Text(text) if text.starts_with('/')));
    }
    enter(walk, path, entry, "dns.servers", list);
}

/// Our own networks; what is none is left out.
fn networks(walk: &mut Walk<'_>, path: &[&str], entry: &Entry) {
    let Some(mut list) = walk.convert(Kind::Words, path, entry) else {
        return;
    };
    let Node::List(items) = &mut list.node else { return };
    items.retain(|item| {
        let Node::Text(text) = &item.node else { return false };
        // A file of them is read where settings are.
        let reads = text.contains("/") && !text.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':') || parse_network(text).is_ok();
        if !reads {
            let text = format!(
                "`{}`: `{}` is no address or network, and is left out",
                path.join("."),
                text.escape_debug()
            );
            let help = "write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32";
            walk.out.findings.push(Diagnostic::warning(text).at(item.place.clone()).help(help));
        }
        reads
    });
    enter(walk, path, entry, "scan.local_networks", list);
}

fn log_target(walk: &mut Walk<'_>, path: &[&str], entry: &Entry) {
    let Some(value) = walk.convert(Kind::Text, path, entry) else {
        return;
    };
    let Node::Text(text) = &value.node else { return };
    let target = match text.as_str() {
        "file" => "file",
        "syslog" => "syslog",
        "console" => "stderr",
        other => {
            let error = Diagnostic::error(format!("`{}` is no type of log", other.escape_debug())).at(value.place.clone());
            walk.out.findings.push(error.help("write file, syslog or console"));
            return;
        }
    };
    let name = walk.raw.at(["logging", "filename"]);
    if target == "file" && name.is_none_or(|name| name.node == Node::Null) {
        let error = Diagnostic::error("logging into a file needs `filename`").at(value.place.clone());
        walk.out.findings.push(error);
    }
    enter(walk, path, entry, "log.target", kind::with(&value, Node::Text(target.to_owned())));
}

fn log_level(walk: &mut Walk<'_>, path: &[&str], entry: &Entry) {
    let Some(value) = walk.convert(Kind::Text, path, entry) else {
        return;
    };
    let Node::Text(text) = &value.node else { return };
    let level = match text.as_str() {
        "error" | "warning" | "info" | "debug" => text.as_str(),
        "notice" | "message" | "silent" => "info",
        other => {
            let known = ["error", "warning", "notice", "message", "info", "silent", "debug"];
            let error = Diagnostic::error(format!("invalid log level: {}", other.escape_debug())).at(value.place.clone());
            walk.out.findings.push(match nearest(other, known) {
                Some(name) => error.help(format!("did you mean `{name}`?")),
                None => error.help("write error, warning, notice, info, silent or debug"),
            });
            return;
        }
    };
    enter(walk, path, entry, "log.level", kind::with(&value, Node::Text(level.to_owned())));
}

fn debug_modules(walk: &mut Walk<'_>, path: &[&str], entry: &Entry) {
    let Ok(modules) = words(&entry.value) else {
        walk.convert(Kind::Words, path, entry);
        return;
    };
    let mut rooms: Vec<Value> = Vec::new();
    for module in &modules {
        let Node::Text(name) = &module.node else { continue };
        match ROOMS.iter().find(|(theirs, _)| theirs == name) {
            Some((_, room)) => {
                let room = kind::with(module, Node::Text((*room).to_owned()));
                if !rooms.contains(&room) {
                    rooms.push(room);
                }
            }
            None => {
                let text = format!(
                    "no room of this program does the work of `{}`: there is nothing to debug",
                    name.escape_debug()
                );
                walk.out.findings.push(Diagnostic::note(text).at(module.place.clone()));
            }
        }
    }
    let list = kind::with(&entry.value, Node::List(rooms));
    enter(walk, path, entry, "log.debug", list);
}

//! `worker`: listeners, who may use them, and who scans.

use super::kind::{self, words};
use super::table::Kind;
use super::translate::{Fate, Walk};
use super::tree::each;
use super::wording::written;
use crate::base::suggest::nearest;
use crate::config::report::Diagnostic;
use crate::config::schema::Secret;
use crate::config::value::{Entry, Node, Table, Value};

/// The port of an address that names none.
const PORT: u16 = 11_333;
/// Types of workers.
const TYPES: [&str; 5] = ["normal", "controller", "rspamd_proxy", "fuzzy", "hs_helper"];
/// Words that the peer never takes for a password, though its own files have one of them there.
const NO_PASSWORDS: [&str; 2] = ["q1", "q2"];

/// All workers of the tree.
pub fn all(walk: &mut Walk<'_>) {
    let Some(workers) = walk.raw.at(["worker"]).and_then(Value::table).cloned() else {
        return;
    };
    if let Some(setting) = workers
        .iter()
        .find(|entry| each(&entry.value).iter().any(|said| said.table().is_none()))
    {
        let error = Diagnostic::error("a worker section without a type: rspamd refuses the configuration");
        let help = "write worker \"normal\" { ... }, or `type` inside it";
        return walk.out.findings.push(error.at(setting.key_place.clone()).help(help));
    }
    for entry in workers.iter() {
        match entry.key.as_str() {
            "normal" => listener(walk, entry, "http"),
            "controller" => listener(walk, entry, "controller"),
            "rspamd_proxy" => proxies(walk, entry),
            "hs_helper" => (),
            "fuzzy" => {
                if each(&entry.value).iter().any(|worker| runs(walk, "fuzzy", worker)) {
                    walk.lost(entry, "worker \"fuzzy\"", "a storage of fuzzy hashes");
                }
            }
            other => {
                let text = format!("unknown worker type `{}`", other.escape_debug());
                walk.unknown(text, entry.key_place.clone(), nearest(other, TYPES));
            }
        }
    }
}

/// True for a worker that is switched on.
fn runs(walk: &mut Walk<'_>, kind: &str, worker: &Value) -> bool {
    let read = |walk: &mut Walk<'_>, key: &str, how: Kind| {
        let entry = worker.table()?.get(key)?.clone();
        walk.convert(how, &["worker", kind, key], &entry).map(|value| value.node)
    };
    let stopped = read(walk, "count", Kind::Int).is_some_and(|count| matches!(count, Node::Int(count) if count <= 0));
    let off = read(walk, "enabled", Kind::Bool) == Some(Node::Bool(false));
    worker.node != Node::Null && !stopped && !off
}

/// Workers of one type become one listener: the first gives its settings, all of them their addresses.
fn listener(walk: &mut Walk<'_>, entry: &Entry, ours: &str) {
    let kind = entry.key.clone();
    let mut sockets = Vec::new();
    for (at, worker) in each(&entry.value).iter().enumerate() {
        if runs(walk, &kind, worker) {
            sockets.extend(addresses(walk, &kind, worker));
        }
        if at == 0 {
            settings(walk, &kind, worker);
        } else {
            further(walk, &kind, worker);
        }
    }
    put_sockets(walk, entry, ours, sockets);
}

/// Settings of a second worker of one type: only its addresses are taken.
fn further(walk: &mut Walk<'_>, kind: &str, worker: &Value) {
    for entry in worker.table().into_iter().flat_map(Table::iter) {
        let taken = ["bind_socket", "bind", "listen", "count", "enabled", "milter", "upstream"].contains(&entry.key.as_str());
        if !taken && !walk.is_stock(&["worker", kind, &entry.key], &entry.value) {
            let what = "settings of its own for a second worker of one type";
            walk.lost(entry, &format!("worker.{kind}.{}", entry.key), what);
        }
    }
}

fn put_sockets(walk: &mut Walk<'_>, entry: &Entry, ours: &str, sockets: Vec<Value>) {
    let place = sockets.first().unwrap_or(&entry.value);
    let list = kind::with(place, Node::List(sockets.clone()));
    walk.put(&["listen", ours, "sockets"], entry, list);
    if let Some(place) = sockets.iter().find_map(|socket| written(&socket.place)) {
        let what = format!("worker.{}.bind_socket", entry.key);
        walk.account(&what, Some(place), Fate::Same(format!("listen.{ours}.sockets")));
    }
}

/// The settings that rows speak of, and those that only this room understands.
fn settings(walk: &mut Walk<'_>, kind: &str, worker: &Value) {
    walk.section(&["worker", kind], &without(worker), false);
    let Some(table) = worker.table() else { return };
    let text = |key: &str| table.get(key).filter(|entry| entry.value.node != Node::Null).cloned();
    for (key, ours) in [("password", "password"), ("enable_password", "write_password")] {
        if kind != "controller" {
            break;
        }
        let path = ["worker", kind, key];
        let Some(entry) = text(key) else { continue };
        walk.hidden(&path, &entry.value);
        let Some(value) = walk.convert(Kind::Text, &path, &entry) else {
            continue;
        };
        if matches!(&value.node, Node::Text(word) if NO_PASSWORDS.contains(&word.as_str())) {
            if let Some(place) = written(&entry.value.place).filter(|_| entry.value.priority > 0) {
                let text = format!("`{}` is a word that rspamd never takes for a password: none is set", path.join("."));
                let help = "make one with `rspamadm pw`, or with `torwart password`";
                walk.out.findings.push(Diagnostic::warning(text).at(place).help(help));
            }
            continue;
        }
        let path = path.join(".");
        walk.emit(&path, &["listen", "controller", ours].map(str::to_owned), &entry, value);
    }
    if let Some(entry) = text("keypair")
        && kind == "normal"
    {
        let inside = each(&entry.value).first().and_then(Value::table);
        match inside.and_then(|table| table.get("privkey")) {
            Some(secret) => {
                if let Some(value) = walk.convert(Kind::Text, &["worker", kind, "keypair", "privkey"], secret) {
                    walk.emit(
                        "worker.normal.keypair",
                        &["listen", "http", "keypair"].map(str::to_owned),
                        &entry,
                        value,
                    );
                }
            }
            None => walk.lost(&entry, "worker.normal.keypair", "the encryption: the section names no privkey"),
        }
    }
    if let Some(entry) = text("max_auth_failures").or_else(|| text("auth_failure_window"))
        && kind == "controller"
    {
        let number = |walk: &mut Walk<'_>, key: &str, how: Kind| text(key).and_then(|e| walk.convert(how, &["worker", kind, key], &e));
        let count = number(walk, "max_auth_failures", Kind::Int).map_or(10, |v| if let Node::Int(n) = v.node { n.max(0) } else { 10 });
        let per = number(walk, "auth_failure_window", Kind::Time)
            .map_or("60s".to_owned(), |v| if let Node::Text(t) = v.node { t } else { "60s".to_owned() });
        let rate = kind::with(&entry.value, Node::Text(format!("{count}/{per}")));
        let ours = ["listen", "controller", "max_auth_failures"].map(str::to_owned);
        walk.emit("worker.controller.max_auth_failures", &ours, &entry, rate);
    }
}

/// A worker without the settings that are read here.
fn without(worker: &Value) -> Value {
    const HERE: [&str; 15] = [
        "bind_socket",
        "bind",
        "listen",
        "count",
        "enabled",
        "milter",
        "upstream",
        "password",
        "enable_password",
        "max_auth_failures",
        "auth_failure_window",
        "discard_on_reject",
        "quarantine_on_reject",
        "type",
        "keypair",
    ];
    let mut rest = worker.clone();
    if let Some(table) = rest.table_mut() {
        table.retain(|entry| !HERE.contains(&entry.key.as_str()));
    }
    rest
}

/// Proxies that speak milter are the milter listener; the others scan over HTTP like everybody.
fn proxies(walk: &mut Walk<'_>, entry: &Entry) {
    let mut sockets = Vec::new();
    let mut first = true;
    for worker in each(&entry.value) {
        let milter = worker.table().and_then(|table| table.get("milter")).cloned();
        let milter = milter.and_then(|entry| walk.convert(Kind::Bool, &["worker", "rspamd_proxy", "milter"], &entry));
        let on = runs(walk, "rspamd_proxy", worker);
        if milter.is_none_or(|value| value.node != Node::Bool(true)) {
            if on {
                let what = "a proxy over HTTP; messages sent to it can be sent to the normal worker's address";
                walk.lost(entry, "worker \"rspamd_proxy\" without milter", what);
            }
            continue;
        }
        if on {
            sockets.extend(addresses(walk, "rspamd_proxy", worker));
        }
        if first {
            settings(walk, "rspamd_proxy", worker);
            reject_as(walk, worker);
            upstreams(walk, worker);
        } else {
            further(walk, "rspamd_proxy", worker);
        }
        first = false;
    }
    put_sockets(walk, entry, "milter", sockets);
}

fn reject_as(walk: &mut Walk<'_>, worker: &Value) {
    let ours = ["listen", "milter", "reject_as"].map(str::to_owned);
    for (key, word) in [("quarantine_on_reject", "quarantine"), ("discard_on_reject", "discard")] {
        let Some(entry) = worker.table().and_then(|table| table.get(key)).cloned() else {
            continue;
        };
        let path = ["worker", "rspamd_proxy", key];
        if let Some(value) = walk.convert(Kind::Bool, &path, &entry)
            && value.node == Node::Bool(true)
        {
            walk.emit(&path.join("."), &ours, &entry, kind::with(&value, Node::Text(word.to_owned())));
        }
    }
}

/// Who scans for the proxy: we do. Somebody else is a loss.
fn upstreams(walk: &mut Walk<'_>, worker: &Value) {
    let Some(upstream) = worker.table().and_then(|table| table.get("upstream")) else {
        return;
    };
    let mut all = Vec::new();
    for said in each(&upstream.value) {
        match said.table() {
            // The old form has its name inside.
            Some(table) if table.get("hosts").is_some() || table.get("self_scan").is_some() => all.push(Entry {
                value: said.clone(),
                ..upstream.clone()
            }),
            Some(table) => all.extend(table.iter().cloned()),
            None => (),
        }
    }
    for entry in all {
        let Some(table) = entry.value.table() else { continue };
        for key in ["self_scan", "default"] {
            let quoted = table.get(key).filter(|said| matches!(said.value.node, Node::Text(_)));
            if let Some(said) = quoted {
                let text = format!("`{key}` is a word in quotes, and that counts as no");
                let finding = Diagnostic::warning(text).at(said.value.place.clone());
                walk.out.findings.push(finding.help("leave the quotes out"));
            }
        }
        let scans_here = table.get("self_scan").is_some_and(|said| said.value.node == Node::Bool(true));
        if let Some(hosts) = table.get("hosts")
            && let Some(wrong) = unreadable(&hosts.value)
        {
            let error = Diagnostic::error(format!("`hosts` of the upstream `{}` cannot be read: {wrong}", entry.key));
            let help = "write addresses as host:port, several with commas between them";
            walk.out.findings.push(error.at(hosts.value.place.clone()).help(help));
            continue;
        }
        if scans_here {
            continue;
        }
        if let Some(key) = table.get("key").filter(|key| !is_key(&key.value)) {
            let error = Diagnostic::error(format!("the `key` of the upstream `{}` is no public key", entry.key));
            walk.out
                .findings
                .push(error.at(key.value.place.clone()).help("give it in rspamd's base32: 52 letters"));
        }
        let Some(hosts) = table.get("hosts") else {
            let error = Diagnostic::error("upstream option must have some hosts definition").at(entry.key_place.clone());
            walk.out.findings.push(error.help("name `hosts`, or write self_scan = yes"));
            continue;
        };
        let elsewhere = words(&hosts.value).unwrap_or_default().into_iter().find(|host| !is_here(host));
        if elsewhere.is_some() {
            let what = "scanning on another machine: messages are scanned here";
            walk.lost(hosts, &format!("worker.rspamd_proxy.upstream.{}.hosts", entry.key), what);
        }
    }
}

fn is_key(value: &Value) -> bool {
    matches!(&value.node, Node::Text(text) if Secret::new(text).is_key())
}

/// What is wrong with a list of servers that the peer could not take: none at all, or no address. Names are not looked up.
fn unreadable(hosts: &Value) -> Option<String> {
    let all = match &hosts.node {
        Node::Text(_) | Node::List(_) | Node::Repeated(_) => words(hosts).unwrap_or_default(),
        node => return Some(format!("it is {}", node.kind())),
    };
    if all.is_empty() {
        return Some("it is empty".to_owned());
    }
    all.iter().find_map(|host| {
        let Node::Text(text) = &host.node else { return None };
        let bare = kind::undirected(text);
        let (name, behind) = match bare.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None if bare.starts_with('/') => return None,
            None => bare.split_at(bare.find(':').unwrap_or(bare.len())),
        };
        let numbers = behind.strip_prefix(':').unwrap_or(behind).split(':');
        let readable = behind.is_empty() || numbers.clone().count() <= 2 && numbers.clone().all(|n| n.parse::<u32>().is_ok());
        (name.is_empty() || !readable).then(|| format!("`{}` is no address", text.escape_debug()))
    })
}

/// True for an address of this machine's own scanner.
fn is_here(host: &Value) -> bool {
    let Node::Text(text) = &host.node else { return true };
    let text = kind::server(text);
    let name = text
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next())
        .unwrap_or(text.split(':').next().unwrap_or(&text));
    text.is_empty() || matches!(name, "localhost" | "127.0.0.1" | "::1")
}

/// The addresses of a worker, in our words.
fn addresses(walk: &mut Walk<'_>, kind: &str, worker: &Value) -> Vec<Value> {
    let Some(table) = worker.table() else { return Vec::new() };
    let Some(entry) = ["bind_socket", "bind", "listen"].iter().find_map(|key| table.get(key)) else {
        let error = Diagnostic::error(format!("worker \"{kind}\" has no bind_socket")).at(worker.place.clone());
        walk.out.findings.push(error.help("name an address, such as localhost:11333"));
        return Vec::new();
    };
    walk.hidden(&["worker", kind, &entry.key], &entry.value);
    let lines = match &entry.value.node {
        Node::List(items) | Node::Repeated(items) => items.clone(),
        _ => vec![entry.value.clone()],
    };
    lines.iter().filter_map(|line| address(walk, entry, line, PORT)).collect()
}

/// One address: `host:port`, `*:port`, `/path mode=0660 owner=user group=grp`, `systemd:N`.
pub fn address(walk: &mut Walk<'_>, entry: &Entry, line: &Value, port: u16) -> Option<Value> {
    let Node::Text(text) = &line.node else {
        let error = Diagnostic::error(format!("an address is a string, found {}", line.node.kind())).at(line.place.clone());
        walk.out.findings.push(error);
        return None;
    };
    let mut plain = text.trim();
    if let Some(rest) = plain.strip_suffix(" ssl") {
        walk.lost(entry, &entry.key, "TLS on this address: it listens without");
        plain = rest.trim();
    }
    match ours(plain, port) {
        Some(ours) => Some(kind::with(line, Node::Text(ours))),
        None => {
            let error = Diagnostic::error(format!("cannot parse bind line: {}", plain.escape_debug())).at(line.place.clone());
            walk.out.findings.push(error.help("write host:port, *:port, or /path mode=0660"));
            None
        }
    }
}

fn ours(line: &str, port: u16) -> Option<String> {
    if line.starts_with(['/', '.']) {
        return socket(line);
    }
    if let Some(name) = line.strip_prefix("systemd:") {
        return Some(format!("systemd:{name}"));
    }
    let (host, given) = match line.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']')?;
            (format!("[{host}]"), behind.strip_prefix(':'))
        }
        None => match line.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (line.to_owned(), None),
        },
    };
    let port = given
        .map_or(Some(port), |text| text.trim().parse().ok())
        .filter(|port| *port != 0)?;
    let host = match host.as_str() {
        "" => return None,
        "*v4" => "0.0.0.0",
        "*v6" => "[::]",
        other => other,
    };
    Some(format!("{host}:{port}"))
}

/// `/path mode=0660 owner=user group=grp`; the mode is a number as C writes it.
fn socket(line: &str) -> Option<String> {
    let mut parts = line.split([' ', ',', '\t']).filter(|part| !part.is_empty());
    let path = parts.next()?;
    let mut options = Vec::new();
    for part in parts {
        let (key, value) = part.split_once('=')?;
        match key {
            "mode" => {
                let octal = value.strip_prefix('0').filter(|rest| !rest.is_empty());
                let mode = octal.map_or_else(|| value.parse::<u32>().ok(), |rest| u32::from_str_radix(rest, 8).ok())?;
                options.push(format!("mode={mode:04o}"));
            }
            "owner" | "group" => options.push(format!("{key}={value}")),
            _ => return None,
        }
    }
    if !options.iter().any(|option| option.starts_with("mode")) {
        options.insert(0, "mode=0644".to_owned());
    }
    Some(format!("unix:{path}?{}", options.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_our_words() {
        for (theirs, awaited) in [
            ("localhost:11332", Some("localhost:11332")),
            ("*:11334", Some("*:11334")),
            ("*v4:11334", Some("0.0.0.0:11334")),
            ("*v6:1", Some("[::]:1")),
            ("[::1]:5", Some("[::1]:5")),
            ("192.0.2.1", Some("192.0.2.1:11333")),
            (
                "/run/rspamd/w.sock mode=0660 owner=postfix",
                Some("unix:/run/rspamd/w.sock?mode=0660&owner=postfix"),
            ),
            ("/run/rspamd/w.sock,mode=0600", Some("unix:/run/rspamd/w.sock?mode=0600")),
            ("/run/rspamd/w.sock mode=432", Some("unix:/run/rspamd/w.sock?mode=0660")),
            ("/run/rspamd/w.sock", Some("unix:/run/rspamd/w.sock?mode=0644")),
            ("*:notaport", None),
            ("host:99999", None),
            ("", None),
        ] {
            assert_eq!(ours(theirs, PORT).as_deref(), awaited, "{theirs}");
        }
    }
}

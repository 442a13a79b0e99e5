//! `group`, `symbols`, `metric` and `composites`: what symbols are worth. Only what differs from the stock scores is a setting here.

use super::kind::{self, same};
use super::table::Kind;
use super::translate::{Fate, Walk};
use super::tree::each;
use super::wording::{few, found, written};
use crate::base::suggest::nearest;
use crate::config::report::Diagnostic;
use crate::config::value::{Entry, Node, Table, Value};

/// What a group may say of itself, and how that is written.
const GROUP: &[(&str, Kind, &str)] = &[
    ("max_score", Kind::Number, "max_score"),
    ("min_score", Kind::Number, "min_score"),
    ("one_shot", Kind::Bool, "one_shot"),
    ("enabled", Kind::Bool, "enabled"),
    ("description", Kind::Text, "description"),
];
/// What may be said of a symbol.
const SYMBOL: &[(&str, Kind, &str)] = &[
    ("score", Kind::Number, "score"),
    ("weight", Kind::Number, "score"),
    ("description", Kind::Text, "description"),
    ("one_shot", Kind::Bool, "one_shot"),
    ("any_shot", Kind::Bool, "any_shot"),
    ("one_param", Kind::Bool, "one_param"),
    ("nshots", Kind::Int, "nshots"),
    ("ignore", Kind::Bool, "ignore"),
    ("enabled", Kind::Bool, "enabled"),
    ("groups", Kind::Words, "groups"),
];
/// Settings of either that mean nothing here, and are read by the peer all the same.
const READ: &[(&str, Kind)] = &[("priority", Kind::Number), ("public", Kind::Bool), ("private", Kind::Bool)];
/// Known of both and without meaning here.
const NEEDLESS: [&str; 7] = ["public", "private", "name", "priority", "symbols", "symbol", "disabled"];
/// The group of symbols that have none.
const UNGROUPED: &str = "ungrouped";

/// Everything about symbols.
pub fn all(walk: &mut Walk<'_>) {
    let raw = walk.raw;
    let section = raw.at(["group"]);
    for entry in section.and_then(Value::table).into_iter().flat_map(Table::iter) {
        group(walk, &entry.key, entry);
    }
    if let Some(other) = section.filter(|said| said.table().is_none() && said.node != Node::Null) {
        let error = Diagnostic::error(format!("`group` takes sections, found {}", found(other)));
        let help = "write group \"NAME\" { symbols { ... } }";
        walk.out.findings.push(error.at(other.place.clone()).help(help));
    }
    if let Some(symbols) = raw.at(["symbols"]) {
        each_symbol(symbols, &mut |entry| symbol(walk, UNGROUPED, entry));
    }
    metric(walk, raw);
    composites(walk, raw);
    gone(walk, raw);
}

fn group(walk: &mut Walk<'_>, name: &str, entry: &Entry) {
    let stock = walk.stock.at(["group", name]).cloned();
    for said in each(&entry.value).iter().filter_map(Value::table) {
        for setting in said.iter() {
            let key = setting.key.as_str();
            let unchanged = stock
                .as_ref()
                .and_then(|stock| stock.at([key]))
                .is_some_and(|stock| same(stock, &setting.value));
            if unchanged || read_in_vain(walk, &["group", name], setting) || came_along(setting) {
                continue;
            }
            if key == "disabled" {
                if !typed(walk, Kind::Bool, &["group", name, key], setting) {
                    continue;
                }
                if let Some(value) = walk.convert(Kind::Bool, &["group", name, key], setting) {
                    let on = Node::Bool(value.node != Node::Bool(true));
                    walk.emit(
                        &format!("group.{name}.disabled"),
                        &path(name, &["enabled"]),
                        setting,
                        kind::with(&value, on),
                    );
                }
                continue;
            }
            one(walk, GROUP, &["group", name], &path(name, &[]), setting);
        }
        for key in ["symbols", "symbol"] {
            if let Some(symbols) = said.get(key) {
                each_symbol(&symbols.value, &mut |entry| symbol(walk, name, entry));
            }
        }
    }
}

/// True for a setting without meaning here; a wrong value is reported all the same.
fn read_in_vain(walk: &mut Walk<'_>, above: &[&str], setting: &Entry) -> bool {
    let key = setting.key.as_str();
    if let Some((_, kind)) = READ.iter().find(|(name, _)| *name == key) {
        typed(walk, *kind, &[above, &[key]].concat(), setting);
    }
    NEEDLESS.contains(&key) && !(key == "disabled" && above.len() == 2)
}

/// True if the value is of its type, without a conversion; the peer refuses any other.
fn typed(walk: &mut Walk<'_>, kind: Kind, path: &[&str], entry: &Entry) -> bool {
    let (fits, wanted) = match (kind, kind::first(&entry.value)) {
        (Kind::Bool, node) => (matches!(node, Node::Bool(_)), "true or false"),
        (Kind::Number | Kind::Int, node) => (matches!(node, Node::Int(_) | Node::Float(_) | Node::Time(_)), "a number"),
        (Kind::Words, node) => (matches!(node, Node::Text(_) | Node::List(_) | Node::Table(_)), "a list of strings"),
        _ => (true, ""),
    };
    // 3.4 does not know this one, and reads nothing.
    let read = !path.ends_with(&["min_score"]);
    if !fits && read {
        let quoted = matches!(entry.value.node, Node::Text(_)) && kind::converted(kind, &entry.value, false).is_ok();
        walk.wrong(path, entry, wanted, true, quoted.then(|| "leave the quotes out".to_owned()));
    }
    fits || !read
}

fn path(group: &str, rest: &[&str]) -> Vec<String> {
    ["groups", group].iter().chain(rest).map(|step| (*step).to_owned()).collect()
}

/// Symbols stand by name, in one section or in several of that name; the old form has the name inside.
fn each_symbol(symbols: &Value, take: &mut dyn FnMut(&Entry)) {
    for said in each(symbols) {
        let Some(table) = said.table() else { continue };
        if let Some(Node::Text(name)) = table.get("name").map(|entry| &entry.value.node) {
            take(&Entry {
                key: name.clone(),
                key_place: said.place.clone(),
                value: said.clone(),
            });
            continue;
        }
        for entry in table.iter() {
            for value in each(&entry.value) {
                take(&Entry {
                    value: value.clone(),
                    ..entry.clone()
                });
            }
        }
    }
}

/// Words that came with a file of the package, not with a change.
fn came_along(setting: &Entry) -> bool {
    setting.key == "description" && setting.value.priority == 0
}

fn symbol(walk: &mut Walk<'_>, group: &str, entry: &Entry) {
    let name = entry.key.as_str();
    if walk
        .stock
        .at(["group", group, "symbols", name])
        .is_some_and(|stock| same(stock, &entry.value))
    {
        return;
    }
    let path = path(group, &["symbols", name]);
    match &entry.value.node {
        Node::Table(table) => table.iter().for_each(|setting| {
            // Of the two words for one thing the peer reads the first.
            let outdone = setting.key == "weight" && table.get("score").is_some();
            if !came_along(setting) && !outdone && !read_in_vain(walk, &["group", group, "symbols", name], setting) {
                one(walk, SYMBOL, &["group", group, "symbols", name], &path, setting);
            }
        }),
        _ => {
            let help = format!("write {name} {{ score = {}; }}", entry.value.place.text());
            let help = matches!(entry.value.node, Node::Int(_) | Node::Float(_)).then_some(help);
            walk.wrong(&["group", group, "symbols", name], entry, "a section", true, help);
        }
    }
}

/// One setting of a group or a symbol.
fn one(walk: &mut Walk<'_>, known: &[(&str, Kind, &str)], theirs: &[&str], ours: &[String], entry: &Entry) {
    let key = entry.key.as_str();
    if key == "group" && theirs.len() == 2 {
        return inside_itself(walk, &theirs.join("."), entry);
    }
    let Some((_, kind, name)) = known.iter().find(|(name, ..)| *name == key) else {
        let text = format!("rspamd has no key `{}` in [{}]", key.escape_debug(), theirs.join("."));
        return walk.unknown(text, entry.key_place.clone(), nearest(key, known.iter().map(|(name, ..)| *name)));
    };
    let path = [theirs, &[key]].concat();
    if !typed(walk, *kind, &path, entry) {
        return;
    }
    if let Some(value) = walk.convert(*kind, &path, entry) {
        let ours: Vec<String> = ours.iter().cloned().chain([(*name).to_owned()]).collect();
        walk.emit(&path.join("."), &ours, entry, value);
    }
}

/// A group in a group, or a metric in the metric, as where a file of local.d names its section once more.
fn inside_itself(walk: &mut Walk<'_>, section: &str, entry: &Entry) {
    let text = format!("[{section}] stands inside itself: what is in there has no effect, neither here nor with rspamd");
    let help = format!(
        "this file holds what is inside the section: leave `{} {{` and its `}}` out",
        entry.key
    );
    walk.out
        .findings
        .push(Diagnostic::warning(text).at(entry.key_place.clone()).help(help));
    let fate = Fate::Lost("all that is inside it".to_owned());
    walk.account(&format!("{section}.{}", entry.key), Some(entry.key_place.clone()), fate);
}

/// The old section: actions, groups and symbols in one, which count as if they stood outside.
fn metric(walk: &mut Walk<'_>, raw: &Value) {
    let Some(table) = raw.at(["metric"]).and_then(Value::table) else {
        return;
    };
    for entry in table.iter() {
        match entry.key.as_str() {
            "name" => (),
            // Laid over the section of that name where the tree is read.
            "actions" => (),
            "symbol" | "symbols" => each_symbol(&entry.value, &mut |entry| symbol(walk, UNGROUPED, entry)),
            "group" => {
                let groups = each(&entry.value).iter().filter_map(Value::table).flat_map(Table::iter);
                groups.for_each(|entry| group(walk, &entry.key, entry));
            }
            "unknown_weight" | "grow_factor" | "subject" => {
                let inner = kind::with(&entry.value, Node::Table(Table::default()));
                let mut inner = inner;
                if let Some(table) = inner.table_mut() {
                    table.insert(entry.clone());
                }
                walk.section(&["actions"], &inner, true);
            }
            "metric" => inside_itself(walk, "metric", entry),
            other => {
                let text = format!("rspamd has no key `{}` in [metric]", other.escape_debug());
                let near = nearest(other, ["actions", "symbol", "group", "unknown_weight", "grow_factor", "subject"]);
                walk.unknown(text, entry.key_place.clone(), near);
            }
        }
    }
}

fn composites(walk: &mut Walk<'_>, raw: &Value) {
    let Some(section) = raw.at(["composites"]) else { return };
    let off = |walk: &mut Walk<'_>, name: &str, entry: &Entry| {
        let value = kind::with(&entry.value, Node::Bool(false));
        for (key, node) in [("expression", Node::Text(name.to_owned())), ("enabled", Node::Bool(false))] {
            walk.put(&["composites", name, key], entry, kind::with(&value, node));
        }
    };
    for entry in section.table().into_iter().flat_map(Table::iter) {
        let name = entry.key.as_str();
        if matches!(name, "enabled" | "disabled") || walk.is_stock(&["composites", name], &entry.value) {
            continue;
        }
        composite(walk, name, entry);
    }
    // Stock composites that this tree does not have.
    let stock = walk.stock.at(["composites"]).and_then(Value::table).cloned().unwrap_or_default();
    for entry in stock.iter().filter(|entry| section.at([entry.key.as_str()]).is_none()) {
        off(walk, &entry.key, entry);
    }
}

/// One composite; the peer refuses one without an expression, and policies that it does not know.
fn composite(walk: &mut Walk<'_>, name: &str, entry: &Entry) {
    let says = |key: &str| entry.value.at([key]).map(|value| &value.node);
    let off = says("enabled") == Some(&Node::Bool(false));
    if !off && !matches!(says("expression"), Some(Node::Text(_))) {
        let error = Diagnostic::error(format!("the composite {name} must have an expression")).at(entry.key_place.clone());
        let help = match name {
            "composites" => "the section stands inside itself: leave `composites {` and its `}` out".to_owned(),
            _ => format!("{name} {{ enabled = false; }} switches it off"),
        };
        return walk.out.findings.push(error.help(help));
    }
    if let Some(policy) = entry.value.at(["policy"]).filter(|policy| !is_policy(policy)) {
        let text = format!("the composite {name} has a policy that rspamd does not know: {}", found(policy));
        let error = Diagnostic::error(text).at(policy.place.clone());
        let word = if let Node::Text(word) = &policy.node {
            word.to_lowercase()
        } else {
            String::new()
        };
        walk.out.findings.push(match nearest(&word, POLICIES) {
            Some(name) => error.help(format!("did you mean `{name}`?")),
            None => error.help(format!("write one of {}", POLICIES.join(", "))),
        });
        return;
    }
    walk.section(&["composites", name], &entry.value, true);
}

/// What may become of the symbols of a composite.
const POLICIES: [&str; 6] = ["default", "remove", "remove_all", "remove_weight", "remove_symbol", "leave"];

fn is_policy(value: &Value) -> bool {
    matches!(&value.node, Node::Text(word) if POLICIES.contains(&word.as_str()))
}

/// Symbols that have a score in the stock groups and none in this tree are worth nothing with the peer.
fn gone(walk: &mut Walk<'_>, raw: &Value) {
    let mut here = std::collections::HashSet::new();
    for group in raw.at(["group"]).and_then(Value::table).into_iter().flat_map(Table::iter) {
        for said in each(&group.value).iter().filter_map(Value::table) {
            for symbols in ["symbols", "symbol"].iter().filter_map(|key| said.get(key)) {
                each_symbol(&symbols.value, &mut |entry| {
                    here.insert(entry.key.clone());
                });
            }
        }
    }
    let stock = walk.stock.at(["group"]).and_then(Value::table).cloned().unwrap_or_default();
    let (mut lost, mut place) = (Vec::new(), None);
    for group in stock.iter() {
        let Some(symbols) = group.value.at(["symbols"]).and_then(Value::table) else {
            continue;
        };
        for entry in symbols.iter().filter(|entry| !here.contains(&entry.key)) {
            let instead = raw
                .at(["group", group.key.as_str(), "symbols"])
                .or(raw.at(["group", group.key.as_str()]));
            place = place.or_else(|| written(&instead?.place));
            let instead = instead.unwrap_or(raw).place.clone();
            for (key, node) in [("score", Node::Float(0.0)), ("ignore", Node::Bool(true))] {
                let value = Value::new(node, instead.clone());
                walk.put(&["groups", &group.key, "symbols", &entry.key, key], entry, value);
            }
            lost.push(entry.key.clone());
        }
    }
    if !lost.is_empty() {
        let text = format!(
            "{} symbols of the stock groups have no score in this tree and count 0: {}",
            lost.len(),
            few(&lost)
        );
        let help = "a section in override.d takes the place of the whole stock section; local.d adds to it";
        walk.out.findings.push(Diagnostic::warning(text).at(place.clone()).help(help));
        walk.account(
            "group",
            place,
            Fate::Near(format!("without a score, as with rspamd: {}", lost.join(", "))),
        );
    }
}

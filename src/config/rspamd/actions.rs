//! `actions`: thresholds in all the forms they have there, and those that a tree does not have.

use super::kind::{self, converted};
use super::table::{self, Kind};
use super::translate::{Fate, Walk};
use super::wording::{found, written};
use crate::base::suggest::nearest;
use crate::config::report::Diagnostic;
use crate::config::value::{Entry, Node, Table, Value};

/// The threshold that a setting of `actions` is: a number, null, or a section with `score`.
///
/// Anything else leaves the action without a threshold there, and here.
pub fn threshold(walk: &mut Walk<'_>, path: &[&str], entry: &Entry) -> Option<Value> {
    let name = path.join(".");
    let score = match &entry.value.node {
        Node::Table(table) => {
            further(walk, &name, table);
            table.get("score").map(|score| &score.value)
        }
        _ => Some(&entry.value),
    };
    let read = score.and_then(|score| converted(Kind::Score, score, true).ok());
    let told = |value: &Value| value.node != Node::Bool(false) || matches!(entry.value.node, Node::Null | Node::Bool(false));
    if let Some(mut value) = read.filter(told) {
        value.overridden = super::translate::hidden_chain(Kind::Score, &entry.value, true);
        if let Node::Repeated(_) = &entry.value.node {
            let text = format!("`{name}` is said several times in one file: the first counts, as with rspamd");
            walk.out.findings.push(Diagnostic::warning(text).at(entry.value.place.clone()));
        }
        return Some(value);
    }
    let Some(score) = score else {
        let error = Diagnostic::error(format!("`{name}` is a section without `score`: rspamd refuses the configuration"));
        walk.out.findings.push(error.at(entry.value.place.clone()).help("name its score"));
        return None;
    };
    let what = found(score);
    let text = format!("`{name}` takes a number, found {what}: this action is never taken, neither here nor with rspamd");
    let finding = Diagnostic::warning(text).at(entry.value.place.clone());
    let quoted = matches!(&score.node, Node::Text(text) if text.trim().parse::<f64>().is_ok());
    walk.out
        .findings
        .push(if quoted { finding.help("leave the quotes out") } else { finding });
    Some(kind::with(&entry.value, Node::Bool(false)))
}

/// An action of its own, which rspamd takes and which there is none of here; a section without score it refuses.
pub fn other(walk: &mut Walk<'_>, name: &str, entry: &Entry) {
    let known = [
        "reject",
        "add_header",
        "greylist",
        "soft_reject",
        "quarantine",
        "discard",
        "rewrite_subject",
        "subject",
    ];
    if let Some(table) = entry.value.table()
        && table.get("score").is_none()
        && table.get("flags").is_none()
    {
        let error = Diagnostic::error(format!("the action `{name}` has no score: rspamd refuses the configuration"));
        let help = match name {
            "actions" => "the section stands inside itself: leave `actions {` and its `}` out".to_owned(),
            _ => format!("write {name} = 5, or {name} {{ flags = [\"no_threshold\"] }}"),
        };
        return walk.out.findings.push(error.at(entry.key_place.clone()).help(help));
    }
    match nearest(name, known) {
        Some(near) => {
            let text = format!("`actions.{name}` is an action of its own with rspamd; here it has no effect");
            let warning = Diagnostic::warning(text).at(entry.key_place.clone());
            walk.out.findings.push(warning.help(format!("did you mean `{near}`?")));
            let fate = Fate::Lost("an action of its own".to_owned());
            walk.account(&format!("actions.{name}"), written(&entry.key_place), fate);
        }
        None => walk.lost(entry, &format!("actions.{name}"), "an action of its own"),
    }
}

/// What else a section of an action may say.
fn further(walk: &mut Walk<'_>, name: &str, table: &Table) {
    for entry in table.iter() {
        let name = format!("{name}.{}", entry.key);
        match entry.key.as_str() {
            "score" => (),
            "flags" => walk.lost(entry, &name, "an action of another kind"),
            // That is what this one does in any case.
            "milter" if matches!(&entry.value.node, Node::Text(word) if name == format!("actions.{word}.milter")) => (),
            "milter" => walk.lost(entry, &name, "another answer to the mail server; see listen.milter reject_as"),
            "priority" => (),
            _ => walk.unknown_key(&name.split('.').collect::<Vec<_>>(), entry),
        }
    }
}

/// `rewrite_subject` and `subject` are one setting here; whichever comes, both are read.
pub fn rewrite(walk: &mut Walk<'_>, entry: &Entry) {
    let read = |walk: &mut Walk<'_>, key: &str, kind: Kind| {
        let table = walk.raw.at(["actions"])?.table()?;
        let entry = table.iter().find(|entry| entry.key.replace(' ', "_") == key)?.clone();
        walk.convert(kind, &["actions", key], &entry).map(|value| Entry {
            key: key.to_owned(),
            value,
            ..entry
        })
    };
    let score = read(walk, "rewrite_subject", Kind::Score);
    let subject = read(walk, "subject", Kind::Text);
    let mut table = Table::default();
    let off = || Entry {
        key: "score".to_owned(),
        value: kind::with(&entry.value, Node::Bool(false)),
        ..entry.clone()
    };
    table.insert(score.map_or_else(off, |score| Entry {
        key: "score".to_owned(),
        ..score
    }));
    if let Some(subject) = subject {
        table.insert(subject);
    }
    let value = kind::with(&entry.value, Node::Table(table));
    let ours = ["actions".to_owned(), "rewrite_subject".to_owned()];
    walk.emit(&format!("actions.{}", entry.key), &ours, entry, value);
}

/// Actions of the stock settings that this tree does not have have no threshold: their section was replaced, or left out.
pub fn absent(walk: &mut Walk<'_>) {
    let (raw, stock) = (walk.raw, walk.stock);
    let section = raw.at(["actions"]);
    let has = |name: &str| {
        let table = section.and_then(Value::table);
        table.is_some_and(|table| table.iter().any(|entry| entry.key.replace(' ', "_") == name))
    };
    let place = section.map_or(&raw.place, |section| &section.place);
    let mut gone = Vec::new();
    let thresholds = stock.at(["actions"]).and_then(Value::table).into_iter().flat_map(Table::iter);
    for entry in thresholds.filter(|entry| table::find(&["actions", &entry.key]).is_some_and(|row| row.kind == Kind::Score)) {
        if !has(&entry.key) {
            walk.put(&["actions", &entry.key], entry, Value::new(Node::Bool(false), place.clone()));
            gone.push(entry.key.clone());
        }
    }
    if !gone.is_empty() {
        let text = format!("this tree has no threshold for {}: never taken, as with rspamd", gone.join(", "));
        let help = "a section in override.d or rspamd.conf.override takes the place of the whole stock section; local.d adds to it";
        walk.out.findings.push(Diagnostic::warning(text).at(written(place)).help(help));
        let how = "never taken for want of a threshold, as with rspamd";
        walk.account(&format!("actions: {}", gone.join(", ")), written(place), Fate::Same(how.to_owned()));
    }
}

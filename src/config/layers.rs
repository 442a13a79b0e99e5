//! One layer of settings laid over another: tables merge, everything else replaces, `"+name" = [..]` appends.

use super::report::Diagnostic;
use super::value::{Entry, Node, Table, Value};

/// Lays `over` on `base`; every value keeps what it overrides.
pub fn merge(base: &mut Value, over: Value, findings: &mut Vec<Diagnostic>) {
    let mut over = over;
    if let (Node::Table(below), Node::Table(above)) = (&mut base.node, &mut over.node) {
        merge_tables(below, std::mem::take(above), findings);
        // A table that nobody wrote gets the place of the first who did.
        if base.place.source().built_in {
            base.place = over.place;
        }
        return;
    }
    if let Node::Table(table) = &mut over.node {
        let plain = std::mem::take(table);
        merge_tables(table, plain, findings);
    }
    let old = std::mem::replace(base, over);
    // What it overrides within its own layer comes first.
    let mut last = &mut base.overridden;
    while let Some(below) = last {
        last = &mut below.overridden;
    }
    *last = Some(Box::new(old));
}

/// Notes every value that somebody wrote and somebody else's hides. What a tree of rspamd's hides within itself is told where it is read.
pub fn hidden(tree: &Value, findings: &mut Vec<Diagnostic>) {
    let mut open = vec![(String::new(), tree)];
    while let Some((name, value)) = open.pop() {
        if let Node::Table(table) = &value.node {
            let dot = if name.is_empty() { "" } else { "." };
            open.extend(table.iter().map(|entry| (format!("{name}{dot}{}", entry.key), &entry.value)));
        }
        let Some(below) = value.overridden.as_deref() else { continue };
        let (above, under) = (value.place.source(), below.place.source());
        let told = above.built_in || under.built_in || above.lenient && under.lenient || std::ptr::eq(above, under);
        if !told && value.node != below.node {
            let note = Diagnostic::note(format!("`{name}` hides what another file says")).at(value.place.clone());
            findings.push(note.also(below.place.clone(), "hidden"));
        }
    }
}

fn merge_tables(below: &mut Table, above: Table, findings: &mut Vec<Diagnostic>) {
    let mut appended = Vec::new();
    for entry in above.into_entries() {
        if entry.key.len() > 1 && entry.key.starts_with('+') {
            appended.push(entry);
            continue;
        }
        match below.get_mut(&entry.key) {
            Some(old) => {
                merge(&mut old.value, entry.value, findings);
                if !old.value.place.source().built_in {
                    old.key_place = entry.key_place;
                }
            }
            None => {
                // Nothing below, but tables inside may still append.
                let mut value = entry.value;
                if let Node::Table(table) = &mut value.node {
                    let inner = std::mem::take(table);
                    merge_tables(table, inner, findings);
                }
                below.insert(Entry { value, ..entry });
            }
        }
    }
    for entry in appended {
        append(below, entry, findings);
    }
}

/// `"+name" = [..]`: the items go behind those of `name`.
fn append(below: &mut Table, entry: Entry, findings: &mut Vec<Diagnostic>) {
    let name = entry.key.trim_start_matches('+').to_owned();
    let Node::List(items) = entry.value.node else {
        let error = Diagnostic::error(format!("`+{name}` appends to a list, found {}", entry.value.node.kind()));
        findings.push(
            error
                .at(entry.value.place)
                .help(format!("write \"+{name}\" = [..], or {name} = .. to replace")),
        );
        return;
    };
    let place = entry.value.place;
    match below.get_mut(&name).map(|old| &mut old.value) {
        None => below.insert(Entry {
            key: name,
            key_place: entry.key_place,
            value: Value::new(Node::List(items), place),
        }),
        Some(Value {
            node: Node::List(old),
            place: at,
            ..
        }) => {
            old.extend(items);
            *at = place;
        }
        Some(old) => {
            let error = Diagnostic::error(format!(
                "nothing can be appended to `{name}`: it is {}, not a list",
                old.node.kind()
            ));
            findings.push(
                error
                    .at(place)
                    .also((!old.place.source().built_in).then(|| old.place.clone()), "set here"),
            );
        }
    }
}

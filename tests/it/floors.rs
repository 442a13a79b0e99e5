//! The rules of the house that a compiler does not hold: stairs lead one way, and some crates stay in their room.
//!
//! It reads source text, not a syntax tree: `crate::room` anywhere in code counts, comments and strings do not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every room of `src` and its floor; the table in `src/lib.rs` is the same one.
const FLOORS: [(&str, u8); 20] = [
    ("base", 0),
    ("config", 1),
    ("message", 1),
    ("engine", 2),
    ("milter", 2),
    ("http", 2),
    ("store", 2),
    ("maps", 2),
    ("upstream", 2),
    ("family", 3),
    ("rules", 4),
    ("lists", 4),
    ("scanners", 4),
    ("limits", 4),
    ("learn", 4),
    ("filter", 5),
    ("record", 5),
    ("workers", 6),
    ("daemon", 7),
    ("cli", 8),
];

/// Crates that only one room (or file) may name.
const KEPT_IN: [(&str, &[&str]); 5] = [
    ("mail_parser", &["message/parse.rs", "message/parse/"]),
    ("redb", &["store/"]),
    ("use redis", &["store/", "config/schema/mod.rs"]),
    ("rustls", &["store/redis/"]),
    ("hyper", &["http/"]),
];

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("read src").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("read a source file");
                found.push((path.strip_prefix(&root).expect("below src").to_path_buf(), code(&text)));
            }
        }
    }
    found.sort();
    found
}

/// The text without comments and without what stands between quotes.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            raw.find("\"#").map_or(rest.len(), |end| end + 5)
        } else if rest.starts_with("'\"'") || rest.starts_with("b'\"'") {
            4.min(rest.len())
        } else if c == '"' {
            string_end(rest)
        } else {
            0
        };
        if skip == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            rest = &rest[skip..];
        }
    }
    out
}

fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The rooms that `crate::...` paths in this code lead to, `crate::{a::b, c}` included.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            None => {
                rooms.insert(word(after));
            }
            Some(group) => {
                let mut depth = 0;
                let mut first = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => first = true,
                        c if first && (c.is_alphanumeric() || c == '_') => {
                            rooms.insert(word(&group[at..]));
                            first = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    rooms
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// What breaks the rule in this file, one line each.
fn breaches(path: &Path, code: &str) -> Vec<String> {
    let file = path.display().to_string();
    let Some(room) = path.iter().next().and_then(|r| r.to_str()).filter(|_| path.iter().count() > 1) else {
        return Vec::new(); // lib.rs and main.rs belong to no room
    };
    let Some(own) = floor(room) else {
        return vec![format!("src/{file}: room {room} is in no floor of the table")];
    };
    let mut found = Vec::new();
    for other in rooms_named(code) {
        match floor(&other) {
            Some(_) if other == room => {}
            Some(below) if below < own => {}
            Some(level) => found.push(format!("src/{file}: {room} (floor {own}) reaches {other} (floor {level})")),
            // a macro exported by a room is named at the crate's root
            None if code.contains(&format!("crate::{other}!")) => {}
            None => found.push(format!("src/{file}: crate::{other} is no room of the table")),
        }
    }
    for (name, homes) in KEPT_IN {
        let named = code.match_indices(name).any(|(at, _)| stands_alone(code, at, name.len()));
        if named && !homes.iter().any(|home| file.starts_with(home)) {
            found.push(format!("src/{file}: {name} is named outside {homes:?}"));
        }
    }
    found
}

fn stands_alone(code: &str, at: usize, length: usize) -> bool {
    let part = |c: char| c.is_alphanumeric();
    !code[..at].ends_with(part) && !code[at + length..].starts_with(part)
}

#[test]
fn rooms_import_from_lower_floors_only() {
    let found: Vec<String> = sources().iter().flat_map(|(path, code)| breaches(path, code)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_map_in_the_library_is_this_table() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("read src/lib.rs");
    let mut shown: Vec<(String, u8)> = Vec::new();
    for line in map.lines().filter(|l| l.starts_with("//! | ")) {
        let mut cells = line.trim_start_matches("//! |").split('|').map(str::trim);
        let (Some(Ok(floor)), Some(rooms)) = (cells.next().map(str::parse::<u8>), cells.next()) else {
            continue;
        };
        shown.extend(rooms.split('`').skip(1).step_by(2).map(|room| (room.to_string(), floor)));
    }
    shown.sort();
    let mut table: Vec<(String, u8)> = FLOORS.iter().map(|(room, floor)| (room.to_string(), *floor)).collect();
    table.sort();
    assert_eq!(shown, table);
}

#[test]
fn a_breach_is_found() {
    let up = "use std::io;\nuse crate::base::quantity;\nuse crate::filter::Filter;\n";
    assert_eq!(
        breaches(Path::new("rules/dates.rs"), up),
        ["src/rules/dates.rs: rules (floor 4) reaches filter (floor 5)"]
    );
    let sideways = "use crate::{base::glob, message::{Mail, part::{Part}}, lists::multimap};";
    assert_eq!(
        breaches(Path::new("rules/dates.rs"), sideways),
        ["src/rules/dates.rs: rules (floor 4) reaches lists (floor 4)"]
    );
    let inside = "fn f() { let x = crate::workers::Scan::new(); }";
    assert_eq!(breaches(Path::new("http/server.rs"), inside).len(), 1);
    assert_eq!(
        breaches(
            Path::new("http/server.rs"),
            &code("// crate::workers\nlet s = \"crate::daemon \\\" redb\"; /* crate::cli */")
        )
        .len(),
        0
    );
    assert_eq!(breaches(Path::new("message/mod.rs"), "use mail_parser::Message;").len(), 1);
    assert_eq!(breaches(Path::new("message/parse.rs"), "use mail_parser::Message;").len(), 0);
    assert_eq!(breaches(Path::new("workers/scan.rs"), "use hyper_util::rt;").len(), 1);
}

#[test]
fn every_file_says_what_it_is_for_and_ends_in_time() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, _) in sources() {
        let text = fs::read_to_string(root.join("src").join(&path)).expect("read a source file");
        assert!(text.starts_with("//!"), "src/{} does not open with its purpose", path.display());
        let lines = text.lines().count();
        let table = path.ends_with("symbols.rs") || text.contains("@generated");
        assert!(lines <= 500 || table, "src/{} has {lines} lines; 500 is the end", path.display());
    }
}

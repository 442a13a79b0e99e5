//! The one table: what becomes of each setting of rspamd here. Rows only; `translate` walks by them.

mod core;
mod lacking;
mod modules;

use std::collections::HashMap;
use std::sync::LazyLock;

/// How a value is written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A boolean.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Number,
    /// Seconds.
    Time,
    /// Bytes.
    Size,
    /// A string.
    Text,
    /// A list of strings: in brackets, in one string, or a repeated key.
    Words,
    /// A score, or null for none.
    Score,
    /// Anything, passed on as it is.
    Any,
}

/// What becomes of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// It is called so here; each `*` stands for what that of the row's own path stood for.
    At(&'static str),
    /// It is called the same, under `modules`.
    Same,
    /// Files or addresses of lists, called the same under `modules`.
    Source,
    /// Section by section somebody else's: see `translate`.
    Special,
    /// It means nothing here, and why.
    Nothing(&'static str),
    /// People write it, and it means nothing there either: why it can go.
    Neither(&'static str),
    /// It is not supported in this version, and what is lost.
    Later(&'static str),
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its path there; `*` stands for any name.
    pub path: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What becomes of it.
    pub to: To,
}

/// A row.
const fn row(path: &'static str, kind: Kind, to: To) -> Row {
    Row { path, kind, to }
}

/// All rows.
pub fn rows() -> impl Iterator<Item = &'static Row> + Clone {
    [core::ROWS, core::WORKERS, core::REDIS, modules::ROWS].into_iter().flatten()
}

/// The rows whose path may begin like this one, by its first name; all of them for the empty path.
fn rows_of(path: &[&str]) -> &'static [&'static Row] {
    static BY_SECTION: LazyLock<HashMap<&'static str, Vec<&'static Row>>> = LazyLock::new(|| {
        let mut sections: HashMap<_, Vec<_>> = HashMap::from([("", rows().collect())]);
        for row in rows() {
            sections
                .entry(row.path.split('.').next().unwrap_or_default())
                .or_default()
                .push(row);
        }
        sections
    });
    BY_SECTION.get(path.first().copied().unwrap_or_default()).map_or(&[], Vec::as_slice)
}

/// Sections at the top that are no modules.
pub const SECTIONS: &[&str] = &[
    "options",
    "logging",
    "logger",
    "worker",
    "actions",
    "group",
    "symbols",
    "metric",
    "composites",
    "classifier",
    "redis",
    "settings",
    "modules",
    "lua",
    "lang_detection",
];

/// Modules of rspamd that this version lacks, with the symbols that are lost.
pub use lacking::{LACKING, module_of};

/// True where the peer reads with types of its own: a wrong value is an error there.
pub fn is_typed(path: &[&str]) -> bool {
    const TYPED: [&str; 5] = ["options", "logging", "worker", "actions", "classifier"];
    path.first().is_some_and(|section| TYPED.contains(section)) && !core::UNTYPED.contains(&path.join(".").as_str())
}

/// The row for a path.
pub fn find(path: &[&str]) -> Option<&'static Row> {
    rows_of(path).iter().copied().find(|row| row.fits(path))
}

/// True if settings lie below this path.
pub fn leads_on(path: &[&str]) -> bool {
    rows_of(path).iter().any(|row| row.begins_with(path))
}

/// The names that may stand directly below a path.
pub fn names_below(path: &[&str]) -> Vec<&'static str> {
    let below = rows_of(path)
        .iter()
        .filter(|row| row.begins_with(path))
        .filter_map(|row| row.path.split('.').nth(path.len()));
    let mut names: Vec<&str> = below.filter(|name| *name != "*").collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// True if any name may stand directly below a path: those of rules.
pub fn names_freely(path: &[&str]) -> bool {
    rows_of(path)
        .iter()
        .any(|row| row.begins_with(path) && row.path.split('.').nth(path.len()) == Some("*"))
}

impl Row {
    fn fits(&self, path: &[&str]) -> bool {
        let mut own = self.path.split('.');
        path.iter().all(|step| own.next().is_some_and(|name| name == "*" || name == *step)) && own.next().is_none()
    }

    fn begins_with(&self, path: &[&str]) -> bool {
        let mut own = self.path.split('.');
        path.iter().all(|step| own.next().is_some_and(|name| name == "*" || name == *step)) && own.next().is_some()
    }

    /// The path of ours for a path of theirs; none where it goes nowhere.
    pub fn target(&self, path: &[&str]) -> Option<Vec<String>> {
        match self.to {
            To::At(ours) => {
                let own = self.path.split('.').zip(path);
                let mut stars = own.filter(|(name, _)| *name == "*").map(|(_, step)| *step);
                let steps = ours
                    .split('.')
                    .map(|name| if name == "*" { stars.next().unwrap_or(name) } else { name });
                Some(steps.map(str::to_owned).collect())
            }
            To::Same | To::Source => Some(std::iter::once("modules").chain(path.iter().copied()).map(str::to_owned).collect()),
            To::Special | To::Nothing(_) | To::Neither(_) | To::Later(_) => None,
        }
    }
}

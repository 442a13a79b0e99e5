//! Symbols and groups as people see them. Only reads.

use crate::engine::Ruleset;

/// A group of symbols for people.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupListing {
    /// Its name, `ungrouped` for symbols without one.
    pub name: String,
    /// Its sentence, where it has one.
    pub description: Option<String>,
    /// Its symbols.
    pub symbols: Vec<SymbolListing>,
}

/// A symbol for people.
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolListing {
    /// Its name.
    pub name: String,
    /// Its score.
    pub weight: f64,
    /// Its sentence, where it has one.
    pub description: Option<String>,
    /// Some rule gives it; otherwise somebody only speaks of it.
    pub given: bool,
}

/// Every group that has symbols, each symbol in every group it belongs to.
pub(super) fn groups(rules: &Ruleset) -> Vec<GroupListing> {
    let shown = |wanted: Option<usize>| {
        let mine = rules.symbols().iter().filter(|s| !s.absent && s.enabled);
        let mine = mine.filter(|s| wanted.map_or(s.groups.is_empty(), |g| s.groups.contains(&g)));
        let listing = mine.map(|s| SymbolListing {
            name: s.name.clone(),
            weight: s.score,
            description: s.description.clone(),
            given: s.registered,
        });
        listing.collect::<Vec<_>>()
    };
    let grouped = rules.groups().iter().enumerate().map(|(place, group)| GroupListing {
        name: group.name.clone(),
        description: group.description.clone(),
        symbols: shown(Some(place)),
    });
    let rest = GroupListing {
        name: "ungrouped".to_owned(),
        description: None,
        symbols: shown(None),
    };
    grouped.chain([rest]).filter(|g| !g.symbols.is_empty()).collect()
}

//! The account of a tree: what became of each thing in it that differs from the stock settings. Data only; `cli::config` prints it.

use super::kind::{self, first, same};
use super::tree::each;
use crate::config::value::{Node, Place, Table, Value};

/// What became of one thing in the tree.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// The same here, as this setting.
    Same(String),
    /// Nearly the same: how.
    Near(String),
    /// It means nothing here, and nothing is lost: why.
    Needless(String),
    /// Lost: what.
    Lost(String),
}

/// One thing in the tree that differs from the stock settings: a setting, a module, a script, a list, a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What people call it there.
    pub what: String,
    /// Where it stands.
    pub place: Option<Place>,
    /// What became of it.
    pub fate: Fate,
    /// Symbols that stay away, with the scores they have in the tree.
    pub symbols: Vec<(String, f64)>,
}

impl Item {
    /// An item without symbols.
    pub fn new(what: impl Into<String>, place: Option<Place>, fate: Fate) -> Item {
        Item {
            what: what.into(),
            place,
            fate,
            symbols: Vec::new(),
        }
    }

    /// The same with symbols that stay away; their scores stand in the tree, or are 0.
    pub fn without(mut self, symbols: &[String], raw: &Value) -> Item {
        let scored = symbols.iter().map(|name| (name.clone(), score(raw, name).unwrap_or(0.0)));
        self.symbols = scored.collect();
        self
    }
}

/// The score that a tree gives a symbol: in one of its groups, or beside them.
pub fn score(raw: &Value, symbol: &str) -> Option<f64> {
    let groups = raw.at(["group"]).and_then(Value::table).into_iter().flat_map(Table::iter);
    let grouped = groups
        .flat_map(|group| each(&group.value))
        .filter_map(|group| group.at(["symbols"]));
    let all = grouped.chain(raw.at(["symbols"])).flat_map(each);
    all.filter_map(|symbols| symbols.at([symbol])).flat_map(each).find_map(own_score)
}

/// The score in the section of a symbol or a rule.
pub fn own_score(said: &Value) -> Option<f64> {
    let value = ["score", "weight"].iter().find_map(|key| said.at([*key])).unwrap_or(said);
    match first(value) {
        Node::Table(_) => None,
        node => kind::number(node, false),
    }
}

/// Symbols that the changed parts of a section name, besides those that are known of it.
pub fn named_symbols(module: &str, value: &Value, stock: Option<&Value>, symbols: &mut Vec<String>) {
    let by_key = SYMBOLS_BY_KEY.contains(&module);
    let mut open = vec![(value, stock)];
    while let Some((value, stock)) = open.pop() {
        match &value.node {
            Node::Table(table) => {
                for entry in table.iter() {
                    let before = stock.and_then(|stock| stock.at([entry.key.as_str()]));
                    if before.is_some_and(|before| same(before, &entry.value)) || NO_SYMBOLS.contains(&entry.key.as_str()) {
                        continue;
                    }
                    let named = match &entry.value.node {
                        Node::Text(name) if entry.key.starts_with("symbol") => name.as_str(),
                        _ if by_key => entry.key.as_str(),
                        _ => "",
                    };
                    if looks_like_symbol(named) && !symbols.iter().any(|symbol| symbol == named) && symbols.len() < 400 {
                        symbols.push(named.to_owned());
                    }
                    open.push((&entry.value, before));
                }
            }
            Node::List(items) | Node::Repeated(items) => open.extend(items.iter().map(|item| (item, None))),
            _ => (),
        }
    }
}

/// Modules where symbols stand before a sign or a brace.
const SYMBOLS_BY_KEY: [&str; 7] = ["external_services", "fuzzy_check", "phishing", "rbl", "surbl", "trie", "whitelist"];
/// Sections whose names look like symbols and are none.
const NO_SYMBOLS: [&str; 3] = ["mime_parts_filter_regex", "mime_parts_filter_ext", "symbols_prefixes"];

fn looks_like_symbol(name: &str) -> bool {
    let capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.len() > 2 && name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(capital)
}

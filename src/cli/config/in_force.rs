//! Everything in force: what is written, and where nothing is, the defaults of the modules, symbols and groups of the generation.

use crate::config::{Config, effective};
use crate::engine::ruleset::CAPS;
use crate::engine::symbol::Scores;
use crate::engine::{Compat, Symbol};
use crate::filter::{self, families};
use crate::record::history;
use crate::rules::{composites, gtube};
use serde_json::{Map, Value, json};

/// The settings in force as one document, named as in TOML.
pub(super) fn in_force(config: &Config) -> Value {
    let compat = filter::compat(config.compat);
    let mut all = effective(config);
    for (module, defaults) in modules() {
        fill(table(&mut all, &["modules", module]), defaults());
    }
    for (group, caps) in CAPS {
        if let Some(cap) = compat.of(caps) {
            fill(table(&mut all, &["groups", group]), json!({ "max_score": cap }));
        }
    }
    let scored = scored(config);
    for symbol in symbols().filter(|s| !scored.contains(&s.name)) {
        if let Some(score) = symbol.score(compat) {
            let place = table(&mut all, &["groups", symbol.group, "symbols", symbol.name]);
            fill(place, json!({ "score": score }));
        }
    }
    for place in ["modules", "groups"] {
        all.get_mut(place)
            .and_then(Value::as_object_mut)
            .into_iter()
            .for_each(Map::sort_keys);
    }
    let groups = all.get_mut("groups").and_then(Value::as_object_mut).into_iter();
    for group in groups.flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        group.retain(|_, value| *value != json!("") && *value != json!({}));
        let symbols = group.get_mut("symbols").and_then(Value::as_object_mut);
        symbols.into_iter().for_each(Map::sort_keys);
    }
    all
}

/// What a setting is in each generation, where these differ.
pub(super) fn by_generation(name: &str) -> Option<Scores> {
    let differs = |scores: &Scores| scores[0] != scores[1];
    match name.split('.').collect::<Vec<_>>()[..] {
        ["groups", group, "max_score"] => CAPS.iter().find(|(name, _)| *name == group).map(|(_, caps)| *caps),
        ["groups", _, "symbols", name, "score"] => {
            let symbol = symbols().find(|s| s.name == name)?;
            Some([Compat::V34, Compat::V41].map(|compat| symbol.score(compat)))
        }
        _ => None,
    }
    .filter(differs)
}

/// Where the settings of a symbol stand that is named alone.
pub(super) fn of_symbol(all: &Value, name: &str) -> Option<String> {
    let groups = all.get("groups")?.as_object()?;
    let group = groups
        .iter()
        .find(|(_, group)| group.get("symbols").and_then(|s| s.get(name)).is_some())?;
    Some(format!("groups.{}.symbols.{name}", group.0))
}

type Defaults = fn() -> Value;

fn modules() -> impl Iterator<Item = (&'static str, Defaults)> {
    let others: [(&str, Defaults); 2] = [
        (history::MODULE, history::defaults),
        (filter::HEADERS, crate::family::defaults::<filter::headers::Config>),
    ];
    families().filter_map(|family| Some((family.name, family.defaults?))).chain(others)
}

fn symbols() -> impl Iterator<Item = &'static Symbol> {
    let lists = [gtube::SYMBOLS, composites::SYMBOLS].into_iter();
    lists.chain(families().map(|family| family.symbols)).flatten().copied()
}

/// Symbols that the administrator speaks of, in whatever group.
fn scored(config: &Config) -> Vec<&str> {
    let groups = config.groups.values();
    groups.flat_map(|group| group.symbols.keys()).map(String::as_str).collect()
}

/// The table at a path, made where it is missing; what is no table (a module that is `false`) stays.
fn table<'v>(all: &'v mut Value, path: &[&str]) -> &'v mut Value {
    path.iter().fold(all, |inner, step| match inner {
        Value::Object(table) => table.entry(*step).or_insert_with(|| Value::Object(Map::new())),
        other => other,
    })
}

/// Puts in what is missing; no value is no default.
fn fill(into: &mut Value, defaults: Value) {
    let (Value::Object(into), Value::Object(defaults)) = (into, defaults) else {
        return;
    };
    for (key, value) in defaults.into_iter().filter(|(_, value)| !value.is_null()) {
        match into.get_mut(&key) {
            Some(there) => fill(there, value),
            None => {
                into.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{by_generation, in_force, of_symbol};
    use crate::cli::config::{at, document};
    use crate::config::{Config, LoadOptions, load_text};
    use serde_json::{Value, json};

    fn dumped(text: &str) -> Value {
        let options = LoadOptions {
            environment: Box::new(|_| None),
            ..LoadOptions::default()
        };
        let loaded = load_text("torwart.toml", text, &options).unwrap_or_else(|report| panic!("{report}"));
        in_force(&loaded.config)
    }

    #[test]
    fn what_is_in_force_is_a_configuration_that_says_the_same() {
        for compat in ["3.4", "4.1"] {
            let all = dumped(&format!("compat = \"{compat}\"\n"));
            let again = dumped(&document(&all));
            let (before, after) = (document(&all), document(&again));
            let differs = before.lines().zip(after.lines()).find(|(a, b)| a != b);
            assert_eq!((differs, before.lines().count()), (None, after.lines().count()));
        }
    }

    #[test]
    fn defaults_and_what_is_written_over_them() {
        let all = dumped("[modules.greylist]\nexpire = \"2d\"\n[groups.mine.symbols]\nR_PARTS_DIFFER = 3.0\n");
        assert_eq!(at(&all, "modules.greylist.expire"), Some(&json!("2d")));
        assert_eq!(at(&all, "modules.greylist.timeout"), Some(&json!("5m")));
        assert_eq!(
            of_symbol(&all, "R_PARTS_DIFFER").as_deref(),
            Some("groups.mine.symbols.R_PARTS_DIFFER")
        );
        assert_eq!(
            of_symbol(&all, "URI_COUNT_ODD").as_deref(),
            Some("groups.url.symbols.URI_COUNT_ODD")
        );
        assert_eq!(of_symbol(&in_force(&Config::default()), "NOPE"), None);
    }

    #[test]
    fn generations_differ_where_the_table_says_so() {
        assert_eq!(by_generation("groups.url.max_score"), Some([None, Some(9.0)]));
        assert_eq!(by_generation("groups.headers.max_score"), None);
        assert_eq!(
            by_generation("groups.experimental.symbols.HAS_GOOGLE_REDIR.score"),
            Some([Some(0.01), Some(1.0)])
        );
        assert_eq!(by_generation("actions.reject"), None);
    }
}

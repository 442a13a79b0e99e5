//! The settings in force as one JSON document, named as in TOML. For people and for comparing: passwords are hidden, and nothing
//! reads settings from it.

use serde_json::{Map, Value};

use super::schema::Config;
use super::ucl;

/// Everything that is set or has a default; of `[modules]` what is set, for the defaults there are the modules' own.
pub fn effective(config: &Config) -> Value {
    let mut all = serde_json::to_value(config).unwrap_or_default();
    let modules = config.tree.0.as_ref().and_then(|tree| tree.at(["modules"]));
    if let Some(table) = all.as_object_mut() {
        table.insert(
            "modules".to_owned(),
            modules.map_or_else(|| Value::Object(Map::new()), ucl::to_json),
        );
    }
    for (path, key) in [
        ("/listen/milter", "named"),
        ("/listen/http", "named"),
        ("/listen/controller", "named"),
        ("/redis", "modules"),
    ] {
        if let Some(Value::Object(table)) = all.pointer_mut(path)
            && let Some(Value::Object(inner)) = table.shift_remove(key)
        {
            table.extend(inner);
        }
    }
    without_null(&mut all);
    all
}

/// What is not set at all is left out.
fn without_null(value: &mut Value) {
    match value {
        Value::Object(table) => {
            table.retain(|_, value| !value.is_null());
            table.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => (),
    }
}

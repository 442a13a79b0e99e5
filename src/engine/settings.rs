//! Settings of one message: which symbols may appear, other scores and thresholds, headers to add. Reads them from the object that
//! a request carries; does not choose among configured profiles.

use super::Action;
use serde_json::Value;
use std::collections::HashMap;

/// What a request (or a settings rule) changes for its message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Other thresholds; `None` switches the action off.
    pub actions: Vec<(Action, Option<f64>)>,
    /// Other scores by symbol; the configured score stays visible as `metric_score`.
    pub scores: HashMap<String, f64>,
    /// Pattern of the rewritten Subject.
    pub subject: Option<String>,
    /// Only these symbols (and those of `groups_enabled`).
    pub symbols_enabled: Option<Vec<String>>,
    /// Not these symbols.
    pub symbols_disabled: Vec<String>,
    /// Only symbols of these groups (and those of `symbols_enabled`).
    pub groups_enabled: Option<Vec<String>>,
    /// No symbol of these groups.
    pub groups_disabled: Vec<String>,
    /// `policy = implicit_allow`: the enabling lists switch nothing off.
    pub implicit_allow: bool,
    /// Symbols inserted whatever the rules say.
    pub symbols: Vec<Insertion>,
    /// Names of task flags.
    pub flags: Vec<String>,
    /// Texts by category, such as `smtp_message`.
    pub messages: Vec<(String, String)>,
    /// Headers to add: (name, value, position).
    pub add_headers: Vec<(String, String, i32)>,
    /// Headers to remove: (name, instance).
    pub remove_headers: Vec<(String, i32)>,
    /// The message is not scanned.
    pub whitelist: bool,
}

/// A symbol that settings insert.
#[derive(Clone, Debug, PartialEq)]
pub struct Insertion {
    /// Its name.
    pub symbol: String,
    /// Multiplies its score. Requests call it a score; 3.4 takes it as a weight all the same.
    pub weight: f64,
    /// Its options.
    pub options: Vec<String>,
}

impl Settings {
    /// Reads the value of a `Settings` request header. A key of another type than expected is passed over, as are unknown ones.
    ///
    /// # Errors
    /// The text is no JSON object; the caller goes on without it.
    pub fn parse(text: &str) -> Result<Settings, String> {
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(object)) => Ok(Settings::from_object(&object)),
            Ok(_) => Err("cannot read the settings: they are no JSON object".to_owned()),
            Err(e) => Err(format!("cannot read the settings: {e}")),
        }
    }

    /// The same from a parsed object, such as the `apply` part of a rule.
    pub fn from_object(object: &serde_json::Map<String, Value>) -> Settings {
        let mut settings = Settings::default();
        for (key, value) in object {
            settings.take(key, value);
        }
        settings
    }

    /// The thresholds that `Maxscore` and `Softscore` ask for, without other settings.
    pub fn with_scores(reject: Option<f64>, add_header: Option<f64>) -> Settings {
        let given = [(Action::Reject, reject), (Action::AddHeader, add_header)];
        let actions = given.into_iter().filter(|(_, limit)| limit.is_some_and(f64::is_finite));
        Settings {
            actions: actions.collect(),
            ..Settings::default()
        }
    }

    fn take(&mut self, key: &str, value: &Value) {
        match key {
            "actions" => self.actions = actions(value),
            "scores" | "default" => self.scores.extend(numbers(value)),
            "subject" => self.subject = value.as_str().map(str::to_owned),
            "symbols_enabled" => self.symbols_enabled = names(value),
            "symbols_disabled" => self.symbols_disabled = names(value).unwrap_or_default(),
            "groups_enabled" => self.groups_enabled = names(value),
            "groups_disabled" => self.groups_disabled = names(value).unwrap_or_default(),
            "policy" => self.implicit_allow = value.as_str() == Some("implicit_allow"),
            "symbols" => self.symbols = insertions(value),
            "flags" => self.flags = names(value).unwrap_or_default(),
            "messages" => self.messages = texts(value),
            "add_headers" => self.add_headers = additions(value),
            "remove_headers" => self.remove_headers = removals(value),
            "whitelist" => self.whitelist = value.as_bool().unwrap_or(false),
            // The old style names symbols at the top level; named scores win over it.
            _ => {
                if let Some(score) = value.as_f64() {
                    self.scores.entry(key.to_owned()).or_insert(score);
                }
            }
        }
    }

    /// True where nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Settings::default()
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn actions(value: &Value) -> Vec<(Action, Option<f64>)> {
    let one = |(name, limit): (&String, &Value)| {
        let action = Action::parse(name)?;
        match limit {
            Value::Null => Some((action, None)),
            other => other.as_f64().map(|limit| (action, Some(limit))),
        }
    };
    entries(value).filter_map(one).collect()
}

fn numbers(value: &Value) -> Vec<(String, f64)> {
    entries(value).filter_map(|(name, n)| Some((name.clone(), n.as_f64()?))).collect()
}

fn texts(value: &Value) -> Vec<(String, String)> {
    entries(value)
        .filter_map(|(name, t)| Some((name.clone(), t.as_str()?.to_owned())))
        .collect()
}

/// A list of names; a single name is a list of one.
fn names(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(many) => Some(many.iter().filter_map(|n| n.as_str().map(str::to_owned)).collect()),
        _ => None,
    }
}

fn insertions(value: &Value) -> Vec<Insertion> {
    let bare = |name: &str| Insertion {
        symbol: name.to_owned(),
        weight: 1.0,
        options: Vec::new(),
    };
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(bare).collect(),
        Value::Object(map) => map.iter().map(|(name, v)| insertion(bare(name), v)).collect(),
        _ => Vec::new(),
    }
}

fn insertion(mut bare: Insertion, value: &Value) -> Insertion {
    let weight = value.as_f64().or_else(|| value.get("score").and_then(Value::as_f64));
    bare.weight = weight.unwrap_or(1.0);
    bare.options = value.get("options").and_then(names).unwrap_or_default();
    bare
}

fn additions(value: &Value) -> Vec<(String, String, i32)> {
    let mut all = Vec::new();
    for (name, given) in entries(value) {
        let list = given.as_array().map_or(std::slice::from_ref(given), Vec::as_slice);
        for one in list {
            let text = one.as_str().or_else(|| one.get("value").and_then(Value::as_str));
            if let Some(text) = text {
                let order = one.get("order").or_else(|| one.get("index")).and_then(small);
                all.push((name.clone(), text.to_owned(), order.unwrap_or(-1)));
            }
        }
    }
    all
}

fn removals(value: &Value) -> Vec<(String, i32)> {
    let mut all = Vec::new();
    for (name, given) in entries(value) {
        let list = given.as_array().map_or(std::slice::from_ref(given), Vec::as_slice);
        all.extend(list.iter().filter_map(small).map(|n| (name.clone(), n)));
    }
    all
}

fn small(value: &Value) -> Option<i32> {
    value.as_i64().and_then(|n| i32::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_key() {
        let text = r#"{"actions":{"add header":5,"rewrite_subject":-1.5,"reject":null,"nonsense":3},
            "scores":{"A":1.5,"B":"x"},"subject":"[%d] %s","symbols_enabled":["A"],"groups_enabled":"g",
            "symbols_disabled":["B",3],"groups_disabled":["h"],"policy":"implicit_allow",
            "symbols":{"S":3,"T":{"score":2,"options":["x","y"]},"U":null},"flags":["skip"],
            "messages":{"smtp_message":"no"},"add_headers":{"X-A":"v","X-B":{"value":"w","order":1},"X-C":["a",{"value":"b"}]},
            "remove_headers":{"X-D":0,"X-E":[1,-2]},"whitelist":true}"#;
        let s = Settings::parse(text).expect("an object");
        let limits = [
            (Action::AddHeader, Some(5.0)),
            (Action::RewriteSubject, Some(-1.5)),
            (Action::Reject, None),
        ];
        assert_eq!(s.actions, limits);
        assert_eq!(s.scores, HashMap::from([("A".to_owned(), 1.5)]));
        assert_eq!(s.subject.as_deref(), Some("[%d] %s"));
        assert_eq!(
            (s.symbols_enabled, s.groups_enabled),
            (Some(vec!["A".to_owned()]), Some(vec!["g".to_owned()]))
        );
        assert_eq!(
            (s.symbols_disabled, s.groups_disabled),
            (vec!["B".to_owned()], vec!["h".to_owned()])
        );
        assert!(s.implicit_allow && s.whitelist);
        let inserted: Vec<(&str, f64, usize)> = s.symbols.iter().map(|i| (&*i.symbol, i.weight, i.options.len())).collect();
        assert_eq!(inserted, [("S", 3.0, 0), ("T", 2.0, 2), ("U", 1.0, 0)]);
        let added: Vec<(&str, &str, i32)> = s.add_headers.iter().map(|(n, v, o)| (&**n, &**v, *o)).collect();
        assert_eq!(added, [("X-A", "v", -1), ("X-B", "w", 1), ("X-C", "a", -1), ("X-C", "b", -1)]);
        let removed: Vec<(&str, i32)> = s.remove_headers.iter().map(|(n, i)| (&**n, *i)).collect();
        assert_eq!(removed, [("X-D", 0), ("X-E", 1), ("X-E", -2)]);
    }

    #[test]
    fn broken_or_odd_text_never_fails_hard() {
        for bad in ["", "{", "[]", "3", "null", "{\"a\":}", &"[".repeat(100_000)] {
            assert!(Settings::parse(bad).is_err());
        }
        for odd in [
            r#"{"actions":3,"scores":[],"symbols":7,"add_headers":"x","remove_headers":{"a":1e99}}"#,
            "{}",
        ] {
            assert!(Settings::parse(odd).expect("an object").is_empty());
        }
    }

    #[test]
    fn old_style_scores_yield_to_named_ones() {
        let s = Settings::parse(r#"{"A":1,"scores":{"A":2},"B":3}"#).expect("an object");
        assert_eq!((s.scores.get("A"), s.scores.get("B")), (Some(&2.0), Some(&3.0)));
    }

    #[test]
    fn limits_of_a_request() {
        let s = Settings::with_scores(Some(20.0), None);
        assert_eq!(s.actions, [(Action::Reject, Some(20.0))]);
        assert!(Settings::with_scores(None, Some(f64::NAN)).is_empty());
    }
}

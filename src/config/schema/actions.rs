//! `[actions]`, `[groups.*]`, `[composites.*]`: what scores are worth and what they lead to.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `[actions]`: the score from which each action is taken; `false` switches one off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Actions {
    /// Refuse for good.
    pub reject: Threshold,
    /// Deliver with the spam header.
    pub add_header: Threshold,
    /// Ask the sender to come back.
    pub greylist: Threshold,
    /// Deliver with another Subject.
    pub rewrite_subject: Rewrite,
    /// Refuse for now.
    pub soft_reject: Threshold,
    /// Accept and hold.
    pub quarantine: Threshold,
    /// Accept and drop.
    pub discard: Threshold,
    /// What each further positive score is multiplied with once more; 1: nothing.
    pub grow_factor: f64,
}

impl Default for Actions {
    fn default() -> Actions {
        Actions {
            reject: Threshold(Some(15.0)),
            add_header: Threshold(Some(6.0)),
            greylist: Threshold(Some(4.0)),
            rewrite_subject: Rewrite::default(),
            soft_reject: Threshold(None),
            quarantine: Threshold(None),
            discard: Threshold(None),
            grow_factor: 1.0,
        }
    }
}

/// A score, or `false` for an action that is off.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Threshold(pub Option<f64>);

impl Serialize for Threshold {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(score) => serializer.serialize_f64(score),
            None => serializer.serialize_bool(false),
        }
    }
}

/// `rewrite_subject`: a score, a table with score and subject, or `false`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewrite {
    /// The score from which the Subject is rewritten.
    pub score: Option<f64>,
    /// The new one: `%s` the old one, `%d` the score, `%%` a percent sign.
    pub subject: String,
}

/// The Subject written if none is set.
const SUBJECT: &str = "*** SPAM *** %s";

impl Default for Rewrite {
    fn default() -> Rewrite {
        Rewrite {
            score: None,
            subject: SUBJECT.to_owned(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RewriteTable {
    score: Threshold,
    #[serde(default)]
    subject: Option<String>,
}

impl Serialize for Rewrite {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Rewrite::default() {
            return serializer.serialize_bool(false);
        }
        RewriteTable {
            score: Threshold(self.score),
            subject: Some(self.subject.clone()),
        }
        .serialize(serializer)
    }
}

/// Reads a number or `false`, and a table where the type has one.
struct Scores<T> {
    expecting: &'static str,
    table: Option<fn(RewriteTable) -> T>,
    score: fn(Option<f64>) -> T,
}

impl<'de, T> Visitor<'de> for Scores<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<T, E> {
        if on {
            Err(E::custom("say from which score\nwrite the score, or false to switch it off"))
        } else {
            Ok((self.score)(None))
        }
    }

    fn visit_f64<E: de::Error>(self, score: f64) -> Result<T, E> {
        Ok((self.score)(Some(score)))
    }

    fn visit_i64<E: de::Error>(self, score: i64) -> Result<T, E> {
        let small = i32::try_from(score).map_err(|_| E::custom(format_args!("the score {score} is out of range")))?;
        Ok((self.score)(Some(f64::from(small))))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        match self.table {
            Some(table) => RewriteTable::deserialize(MapAccessDeserializer::new(map)).map(table),
            None => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Threshold, D::Error> {
        deserializer.deserialize_any(Scores {
            expecting: "a score or false",
            table: None,
            score: Threshold,
        })
    }
}

impl<'de> Deserialize<'de> for Rewrite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rewrite, D::Error> {
        let table = |table: RewriteTable| Rewrite {
            score: table.score.0,
            subject: table.subject.unwrap_or_else(|| SUBJECT.to_owned()),
        };
        let score = |score| Rewrite {
            score,
            ..Rewrite::default()
        };
        deserializer.deserialize_any(Scores {
            expecting: "a score, a table with score and subject, or false",
            table: Some(table),
            score,
        })
    }
}

/// `[groups.NAME]`: symbols that belong together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Group {
    /// A sentence for people.
    pub description: String,
    /// The most its symbols add to a score.
    pub max_score: Option<f64>,
    /// The most they take away from it.
    pub min_score: Option<f64>,
    /// `false` switches its symbols off.
    pub enabled: Option<bool>,
    /// Its symbols count once.
    pub one_shot: Option<bool>,
    /// Its symbols.
    pub symbols: BTreeMap<String, SymbolSettings>,
}

/// One symbol of a group: its score, or a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SymbolSettings {
    /// What it is worth.
    pub score: Option<f64>,
    /// A sentence for people.
    pub description: Option<String>,
    /// Counts once however often it is found.
    pub one_shot: Option<bool>,
    /// Counts so often at most; 0: without limit.
    pub nshots: Option<u32>,
    /// Counts however often it is found.
    pub any_shot: Option<bool>,
    /// Keeps the options of the first time only.
    pub one_param: Option<bool>,
    /// `false` switches it off.
    pub enabled: Option<bool>,
    /// May be scored although no rule gives it.
    pub ignore: Option<bool>,
    /// Further groups it belongs to.
    pub groups: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SymbolTable {
    #[serde(alias = "weight")]
    score: Option<f64>,
    description: Option<String>,
    one_shot: Option<bool>,
    nshots: Option<u32>,
    any_shot: Option<bool>,
    one_param: Option<bool>,
    enabled: Option<bool>,
    ignore: Option<bool>,
    groups: Option<Vec<String>>,
}

impl<'de> Deserialize<'de> for SymbolSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SymbolSettings, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = SymbolSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a score or a table like { score = 2.0 }")
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<SymbolSettings, E> {
                Ok(SymbolSettings {
                    enabled: Some(on),
                    ..SymbolSettings::default()
                })
            }

            fn visit_f64<E: de::Error>(self, score: f64) -> Result<SymbolSettings, E> {
                Ok(SymbolSettings {
                    score: Some(score),
                    ..SymbolSettings::default()
                })
            }

            fn visit_i64<E: de::Error>(self, score: i64) -> Result<SymbolSettings, E> {
                let small = i32::try_from(score).map_err(|_| E::custom(format_args!("the score {score} is out of range")))?;
                self.visit_f64(f64::from(small))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SymbolSettings, A::Error> {
                let SymbolTable {
                    score,
                    description,
                    one_shot,
                    nshots,
                    any_shot,
                    one_param,
                    enabled,
                    ignore,
                    groups,
                } = SymbolTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(SymbolSettings {
                    score,
                    description,
                    one_shot,
                    nshots,
                    any_shot,
                    one_param,
                    enabled,
                    ignore,
                    groups,
                })
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// `[composites.NAME]`: a symbol made of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composite {
    /// Names of symbols with `&`, `|`, `!` and brackets.
    pub expression: String,
    /// What it is worth.
    #[serde(default)]
    pub score: Option<f64>,
    /// The group it belongs to.
    #[serde(default)]
    pub group: Option<String>,
    /// A sentence for people.
    #[serde(default)]
    pub description: Option<String>,
    /// What becomes of the symbols it is made of.
    #[serde(default)]
    pub policy: Policy,
    /// `false` switches it off.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// What becomes of the symbols that a composite is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Symbols and scores go.
    #[default]
    Default,
    /// Everything goes, even against another composite's wish.
    RemoveAll,
    /// Scores go, symbols stay.
    RemoveWeight,
    /// Symbols go, scores stay.
    RemoveSymbol,
    /// Nothing changes.
    Leave,
}

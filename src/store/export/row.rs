//! One entry as a line: readable where it is text, hexadecimal where it is not. Pure.

use crate::base::hex;
use crate::store::{Content, Entry, Key, Life, Position};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bytes of a space's name at most.
const LONGEST_SPACE: usize = 128;

/// One entry of an export: exactly one of each pair of names, and one kind of content.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Row {
    space: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<Pail>,
    /// The moment of expiry in milliseconds since 1970; none: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

/// A bucket on its way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pail {
    level: f64,
    rate: f64,
    burst: f64,
}

/// Bytes as text, or in hexadecimal.
type Spelled = (Option<String>, Option<String>);

impl Row {
    /// An entry that was read from a store at this moment.
    pub fn of(entry: &Entry, now: u64) -> Row {
        let (name, name_hex) = spell(entry.key.name());
        let row = Row {
            space: entry.key.space().to_owned(),
            name,
            name_hex,
            expires: match entry.life {
                Life::Forever => None,
                life => Some(life.until(now)),
            },
            ..Row::default()
        };
        match &entry.content {
            Content::Value(value) => {
                let (value, value_hex) = spell(value);
                Row { value, value_hex, ..row }
            }
            Content::Item(position, item) => {
                let (item, item_hex) = spell(item);
                let position = Some(position.to_string());
                Row {
                    position,
                    item,
                    item_hex,
                    ..row
                }
            }
            Content::Bucket { level, rate, burst } => Row {
                bucket: Some(Pail {
                    level: sound(*level, 0.0),
                    rate: sound(*rate, 1.0),
                    burst: sound(*burst, 1.0),
                }),
                ..row
            },
        }
    }

    /// Whose entry it is.
    pub fn space(&self) -> &str {
        &self.space
    }

    /// Its life is over.
    pub fn is_over(&self, now: u64) -> bool {
        self.expires.is_some_and(|until| until <= now)
    }

    /// The moment of expiry in milliseconds since 1970; none: never.
    pub fn expires(&self) -> Option<u64> {
        self.expires
    }

    /// The entry with what remains of its life, or what is wrong with the row.
    pub fn entry(&self, now: u64) -> Result<Entry, String> {
        let good = |c: char| !c.is_control() && !c.is_whitespace();
        if self.space.is_empty() || self.space.len() > LONGEST_SPACE || !self.space.chars().all(good) {
            return Err("`space` is no word".to_owned());
        }
        let name = read("name", &self.name, &self.name_hex)?.ok_or("it has no `name`")?;
        let life = match self.expires {
            None => Life::Forever,
            // The largest number stands for never inside the engines.
            Some(u64::MAX) => return Err("`expires` is no moment".to_owned()),
            Some(until) => Life::For(Duration::from_millis(until.saturating_sub(now))),
        };
        Ok(Entry {
            key: Key::new(&self.space, name),
            life,
            content: self.content()?,
        })
    }

    fn content(&self) -> Result<Content, String> {
        let value = read("value", &self.value, &self.value_hex)?;
        let item = read("item", &self.item, &self.item_hex)?;
        match (value, item, self.position.as_deref(), self.bucket) {
            (Some(value), None, None, None) => Ok(Content::Value(value)),
            (None, Some(item), Some(text), None) => {
                let position = position(text).ok_or_else(|| "`position` is no position such as \"1790000000000-0\"".to_owned())?;
                Ok(Content::Item(position, item))
            }
            (None, None, None, Some(Pail { level, rate, burst })) => {
                if level < 0.0 || rate <= 0.0 || burst <= 0.0 {
                    return Err("`bucket` has a level below 0, or a factor that is not above 0".to_owned());
                }
                Ok(Content::Bucket { level, rate, burst })
            }
            _ => Err("it is neither a `value`, nor an `item` with its `position`, nor a `bucket`".to_owned()),
        }
    }
}

/// JSON knows finite numbers only; an engine that holds another one gets the number a bucket begins with.
fn sound(number: f64, else_this: f64) -> f64 {
    if number.is_finite() { number } else { else_this }
}

fn spell(bytes: &[u8]) -> Spelled {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(text) => (Some(text.to_owned()), None),
        _ => (None, Some(hex::encode(bytes))),
    }
}

/// Text that a person can read, and that steers no terminal.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

fn read(what: &str, text: &Option<String>, digits: &Option<String>) -> Result<Option<Bytes>, String> {
    match (text, digits) {
        (Some(text), None) => Ok(Some(Bytes::copy_from_slice(text.as_bytes()))),
        (None, Some(digits)) => {
            let bytes = hex::decode(digits).ok_or_else(|| format!("`{what}_hex` is no hexadecimal text"))?;
            Ok(Some(bytes.into()))
        }
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(format!("it has both `{what}` and `{what}_hex`")),
    }
}

fn position(text: &str) -> Option<Position> {
    let (ms, seq) = text.split_once('-')?;
    let position = Position {
        ms: ms.parse().ok()?,
        seq: seq.parse().ok()?,
    };
    (position.to_string() == text).then_some(position)
}

//! Typed settings out of the tree: a serde deserializer whose errors know their place, and a reader that collects all of them.
//!
//! Any type with `Deserialize` can be read; nothing here knows a setting by name. An error message may carry, behind a line
//! feed, what to write instead; it becomes the help of the finding.

use std::fmt;

use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};

use crate::base::suggest::nearest;

use super::report::Diagnostic;
use super::value::{Entry, Node, Place, Value};

/// Errors looked for in one reading; each costs one more walk over the tree.
const ROUNDS: usize = 100;

/// Reads a `T`, and every error there is: a value that is wrong is noted, taken out, and the rest is read again.
///
/// `None` if even what is left makes no `T`; otherwise the caller must look whether `findings` grew. `name` is the tree's own
/// name for messages, empty for a whole configuration.
pub fn read<T: DeserializeOwned>(tree: Value, name: &str, findings: &mut Vec<Diagnostic>) -> Option<T> {
    read_noting(tree, name, findings, &mut Vec::new())
}

/// As [`read`]; the paths of what was taken out go to `taken`.
pub fn read_noting<T: DeserializeOwned>(
    mut tree: Value,
    name: &str,
    findings: &mut Vec<Diagnostic>,
    taken: &mut Vec<Vec<String>>,
) -> Option<T> {
    for _ in 0..ROUNDS {
        match T::deserialize(Walker(&tree)) {
            Ok(read) => return Some(read),
            Err(error) => {
                let path: Vec<String> = error.path.iter().rev().cloned().collect();
                let place = error.place.clone().unwrap_or_else(|| tree.place.clone());
                // A key that is missing because it was misspelt or wrong has been spoken about.
                let echo = matches!(error.what, What::MissingKey(_))
                    && taken
                        .iter()
                        .any(|taken| taken.split_last().is_some_and(|(_, parent)| parent == path));
                if !echo {
                    findings.push(error.into_diagnostic(name, &path).at(place));
                }
                if !tree.remove(&path) {
                    return None;
                }
                taken.push(path);
            }
        }
    }
    findings.push(Diagnostic::error(format!("more than {ROUNDS} errors; the rest is not shown")));
    None
}

/// A failed reading; the place and the path are filled in on the way out.
#[derive(Debug)]
pub struct Error {
    what: What,
    place: Option<Place>,
    /// Names from the innermost out.
    path: Vec<String>,
}

#[derive(Debug)]
enum What {
    Text(String),
    UnknownKey { key: String, valid: &'static [&'static str] },
    UnknownWord { word: String, valid: &'static [&'static str] },
    MissingKey(&'static str),
}

impl Error {
    fn new(what: What) -> Error {
        Error {
            what,
            place: None,
            path: Vec::new(),
        }
    }

    fn within(mut self, step: impl Into<String>, place: &Place) -> Error {
        self.place.get_or_insert_with(|| place.clone());
        self.path.push(step.into());
        self
    }

    fn into_diagnostic(self, name: &str, path: &[String]) -> Diagnostic {
        let table = |path: &[String]| {
            let names: Vec<&str> = std::iter::once(name)
                .filter(|name| !name.is_empty())
                .chain(path.iter().map(String::as_str))
                .collect();
            if names.is_empty() {
                "at the top level".to_owned()
            } else {
                format!("in [{}]", names.join(".").escape_debug())
            }
        };
        match self.what {
            What::Text(text) => match text.split_once('\n') {
                Some((message, help)) => Diagnostic::error(message).help(help),
                None => Diagnostic::error(text),
            },
            What::UnknownKey { key, valid } => {
                let parent = path.split_last().map_or(path, |(_, parent)| parent);
                let error = Diagnostic::error(format!("unknown key `{}` {}", key.escape_debug(), table(parent)));
                with_suggestion(error, &key, valid)
            }
            What::UnknownWord { word, valid } => {
                with_suggestion(Diagnostic::error(format!("unknown value `{}`", word.escape_debug())), &word, valid)
            }
            What::MissingKey(key) => Diagnostic::error(format!("the key `{key}` is missing {}", table(path))),
        }
    }
}

/// Adds the nearest valid name, or all of them if none is near and they are few.
pub fn with_suggestion(error: Diagnostic, word: &str, valid: &[&'static str]) -> Diagnostic {
    let former = super::schema::former_name(word).filter(|name| valid.contains(name));
    match former.or_else(|| nearest(word, valid.iter().copied())) {
        Some(name) => error.help(format!("did you mean `{name}`?")),
        None if valid.is_empty() => error,
        None => error.help(format!(
            "valid here: {}",
            valid.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        )),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.what)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Error {
        Error::new(What::Text(text.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Error {
        let expected = plain(&expected.to_string());
        let help = match (expected.as_str(), &found) {
            ("a boolean", _) => "\nwrite true or false, without quotes",
            ("a list in brackets", Unexpected::Str(_)) => "\nput it in brackets: [\"..\"]",
            _ => "",
        };
        Error::new(What::Text(format!("expected {expected}, found {}{help}", kind(&found))))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Error {
        let shown = match found {
            Unexpected::Signed(number) => format!("{number}"),
            Unexpected::Unsigned(number) => format!("{number}"),
            Unexpected::Float(number) => format!("{number}"),
            other => kind(&other).to_owned(),
        };
        Error::new(What::Text(format!(
            "{shown} is out of range, expected {}",
            plain(&expected.to_string())
        )))
    }

    fn unknown_field(key: &str, valid: &'static [&'static str]) -> Error {
        Error::new(What::UnknownKey {
            key: key.to_owned(),
            valid,
        })
    }

    fn unknown_variant(word: &str, valid: &'static [&'static str]) -> Error {
        Error::new(What::UnknownWord {
            word: word.to_owned(),
            valid,
        })
    }

    fn missing_field(key: &'static str) -> Error {
        Error::new(What::MissingKey(key))
    }
}

/// Serde's words for what it wants, in an administrator's words.
fn plain(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => {
            let most = match expected {
                "u8" => u64::from(u8::MAX),
                "u16" => u64::from(u16::MAX),
                "u32" => u64::from(u32::MAX),
                _ => return "a whole number, not negative".to_owned(),
            };
            format!("a whole number from 0 to {most}")
        }
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "a list in brackets".to_owned(),
        "a map" => "a table".to_owned(),
        "path string" => "a string".to_owned(),
        "variant identifier" | "string or map" => "a string".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other if other.starts_with("enum ") => "a string".to_owned(),
        other => other.to_owned(),
    }
}

fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Signed(_) | Unexpected::Unsigned(_) => "a whole number",
        Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) => "a string",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a table",
        _ => "something else",
    }
}

/// Walks one value.
struct Walker<'t>(&'t Value);

impl<'de> de::Deserializer<'de> for Walker<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.node {
            Node::Null => visitor.visit_unit(),
            Node::Bool(yes) => visitor.visit_bool(*yes),
            Node::Int(number) => visitor.visit_i64(*number),
            Node::Float(number) | Node::Time(number) => visitor.visit_f64(*number),
            Node::Text(text) => visitor.visit_borrowed_str(text),
            Node::List(items) | Node::Repeated(items) => visitor.visit_seq(Items {
                items: items.iter(),
                at: 0,
            }),
            Node::Table(table) => visitor.visit_map(Entries {
                entries: table.iter(),
                value: None,
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.node {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.0.node {
            Node::Text(text) => {
                let word: StrDeserializer<'_, Error> = text.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            other => Err(Error::new(What::Text(format!("expected a string, found {}", other.kind())))),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Items<'t> {
    items: std::slice::Iter<'t, Value>,
    at: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let at = self.at;
        self.at += 1;
        seed.deserialize(Walker(item))
            .map(Some)
            .map_err(|error| error.within(at.to_string(), &item.place))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'t> {
    entries: std::slice::Iter<'t, Entry>,
    value: Option<&'t Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        self.value = Some(entry);
        let key: StringDeserializer<Error> = entry.key.clone().into_deserializer();
        seed.deserialize(key)
            .map(Some)
            .map_err(|error| error.within(entry.key.as_str(), &entry.key_place))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let entry = self
            .value
            .take()
            .ok_or_else(|| de::Error::custom("a value was asked for before its key"))?;
        seed.deserialize(Walker(&entry.value))
            .map_err(|error| error.within(entry.key.as_str(), &entry.value.place))
    }
}

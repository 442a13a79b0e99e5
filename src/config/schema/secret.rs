//! Passwords and keys: texts that are never printed, and the shape of rspamd's password hashes. Verifying one is `http::auth`'s work.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A text that must not show up in logs or dumps.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// What a password setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashKind {
    /// Nothing.
    Empty,
    /// The password itself.
    Plain,
    /// A well-formed hash `$1$..` or `$2$..`.
    Hash,
    /// It begins like a hash, but is none: nobody can ever log in with it.
    Broken,
}

/// The letters of rspamd's base32.
const LETTERS: &[u8] = b"ybndrfg8ejkmcpqxot1uwisza345h769";
const SALT: usize = 32;
const KEY: usize = 52;

impl Secret {
    /// A secret of this text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself; keep it out of messages.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True for the empty text: not set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Somebody can log in with it.
    pub fn is_usable(&self) -> bool {
        self.unusable().is_none()
    }

    /// Why nobody can log in with it; empty for one that is not set.
    pub fn unusable(&self) -> Option<&'static str> {
        match self.hash_kind() {
            HashKind::Empty => Some(""),
            HashKind::Broken => Some("begins like a hash but is none: nobody can log in with it"),
            HashKind::Plain if matches!(self.expose(), "q1" | "q2") => Some("is one of two words that are never accepted as a password"),
            HashKind::Plain | HashKind::Hash => None,
        }
    }

    /// It can be one half of a key pair.
    pub fn is_key(&self) -> bool {
        well_formed(&self.0, KEY)
    }

    /// What it is as a password.
    pub fn hash_kind(&self) -> HashKind {
        if self.0.is_empty() {
            return HashKind::Empty;
        }
        let Some(fields) = self.0.strip_prefix("$1$").or_else(|| self.0.strip_prefix("$2$")) else {
            return HashKind::Plain;
        };
        match fields.split_once('$') {
            Some((salt, key)) if well_formed(salt, SALT) && well_formed(key, KEY) => HashKind::Hash,
            _ => HashKind::Broken,
        }
    }
}

/// A field in rspamd's base32.
fn well_formed(field: &str, length: usize) -> bool {
    field.len() == length && field.bytes().all(|letter| LETTERS.contains(&letter.to_ascii_lowercase()))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { "\"***\"" })
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { "***" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let hash = "$1$rhzzahtm8a5homdhh7z4qiiy7j8pzp4u$k5toro136brshjjuy9t39r785td69qodmd39qzygxuyehn9tqauy";
        for (text, kind) in [
            ("", HashKind::Empty),
            ("secret", HashKind::Plain),
            ("$3$whatever", HashKind::Plain),
            ("$", HashKind::Plain),
            (hash, HashKind::Hash),
            (&hash.to_uppercase(), HashKind::Hash),
            (&hash[..hash.len() - 1], HashKind::Broken),
            (&hash.replace('k', "l"), HashKind::Broken),
            ("$2$...", HashKind::Broken),
            ("$1$", HashKind::Broken),
            ("$2$$", HashKind::Broken),
        ] {
            assert_eq!(Secret::new(text).hash_kind(), kind, "{text}");
        }
        assert_eq!(format!("{:?}", Secret::new("tea")), "\"***\"");
        assert!(Secret::new("aeadbmk4mac1z891mbkshbaitth3rkei6g59wq193pq338tfsgty").is_key());
        assert!(!Secret::new("tea").is_key());
    }
}

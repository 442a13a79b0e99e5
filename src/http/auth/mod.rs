//! Passwords of the controller: plain, `$1$` (PBKDF2 over keyed BLAKE2b) and `$2$` (Catena), checked in constant time.
//!
//! It does not decide who may do what: that is the controller's.

pub mod base32;
mod catena;
mod pbkdf2;

use blake2::{Blake2b512, Digest};
use std::fmt;
use std::io::Read;
use std::sync::{Mutex, PoisonError};
use subtle::ConstantTimeEq;

/// Bytes of a salt.
const SALT: usize = 20;
/// Bytes of a derived key.
const KEY: usize = 32;
/// Longer passwords are refused unread: no person types one, and each costs a hash.
const LONGEST: usize = 4096;

/// The two kinds of hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashKind {
    /// `$1$`: 16,000 rounds of keyed BLAKE2b.
    Pbkdf2,
    /// `$2$`: Catena, which needs memory as well as time.
    Catena,
}

impl HashKind {
    fn derive(self, password: &[u8], salt: &[u8]) -> [u8; KEY] {
        match self {
            HashKind::Pbkdf2 => pbkdf2::derive(password, salt),
            HashKind::Catena => catena::derive(password, salt),
        }
    }

    fn id(self) -> char {
        match self {
            HashKind::Pbkdf2 => '1',
            HashKind::Catena => '2',
        }
    }
}

/// What the configuration holds.
enum Secret {
    Plain(Vec<u8>),
    Hash {
        kind: HashKind,
        salt: Vec<u8>,
        key: [u8; KEY],
    },
    /// A hash that cannot be right: nobody gets in.
    Broken,
}

/// A configured password.
pub struct Password {
    secret: Secret,
    /// Digest of the password that once passed a slow hash.
    proven: Mutex<Option<[u8; 64]>>,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.secret {
            Secret::Plain(_) => "plain",
            Secret::Hash {
                kind: HashKind::Pbkdf2, ..
            } => "$1$",
            Secret::Hash {
                kind: HashKind::Catena, ..
            } => "$2$",
            Secret::Broken => "malformed",
        };
        write!(f, "Password({kind})")
    }
}

impl Password {
    /// Reads a configured value. A text that does not begin like a known hash is a plain password.
    pub fn parse(text: &str) -> Password {
        let kind = match (text.get(..3), text.len()) {
            (Some("$1$"), _) => Some(HashKind::Pbkdf2),
            (Some("$2$"), _) => Some(HashKind::Catena),
            _ => None,
        };
        let secret = match kind {
            None => Secret::Plain(text.as_bytes().to_vec()),
            Some(kind) => text.get(3..).and_then(|rest| fields(kind, rest)).unwrap_or(Secret::Broken),
        };
        Password {
            secret,
            proven: Mutex::new(None),
        }
    }

    /// False where nobody can ever get in with it: empty, or a hash that is malformed.
    pub fn usable(&self) -> bool {
        match &self.secret {
            Secret::Plain(text) => !text.is_empty(),
            Secret::Hash { .. } => true,
            Secret::Broken => false,
        }
    }

    /// True where [`verify`](Self::verify) would run a slow hash: do it off the event loop.
    pub fn is_slow(&self) -> bool {
        matches!(self.secret, Secret::Hash { .. }) && self.proven().is_none()
    }

    /// True where `given` is this password. Takes equally long whatever it differs in.
    pub fn verify(&self, given: &str) -> bool {
        if given.is_empty() || given.len() > LONGEST {
            return false;
        }
        match &self.secret {
            Secret::Broken => false,
            // Digests, so that not even the length shows.
            Secret::Plain(text) => bool::from(digest(text).ct_eq(&digest(given.as_bytes()))) && !text.is_empty(),
            Secret::Hash { kind, salt, key } => {
                let digest = digest(given.as_bytes());
                // Once the right one is known, everything else is wrong without running the hash again.
                if let Some(proven) = self.proven() {
                    return bool::from(proven.ct_eq(&digest));
                }
                let right = bool::from(kind.derive(given.as_bytes(), salt).ct_eq(key));
                if right {
                    *self.proven.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest);
                }
                right
            }
        }
    }

    fn proven(&self) -> Option<[u8; 64]> {
        *self.proven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `salt$key` behind the id.
fn fields(kind: HashKind, rest: &str) -> Option<Secret> {
    let (salt, key) = rest.split_once('$')?;
    let salt = base32::decode(salt)?;
    let key = base32::decode(key)?.try_into().ok()?;
    (salt.len() == SALT).then_some(Secret::Hash { kind, salt, key })
}

fn digest(bytes: &[u8]) -> [u8; 64] {
    Blake2b512::digest(bytes).into()
}

/// Makes a hash with a salt from the operating system, ready for the configuration.
pub fn hash_new(kind: HashKind, password: &str) -> std::io::Result<String> {
    let mut salt = [0u8; SALT];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut salt)?;
    Ok(hash_with(kind, password, &salt))
}

fn hash_with(kind: HashKind, password: &str, salt: &[u8]) -> String {
    let key = kind.derive(password.as_bytes(), salt);
    format!("${}${}${}", kind.id(), base32::encode(salt), base32::encode(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: &str = include_str!("../../../tests/golden/http/password-hashes.txt");
    const UPSTREAM: [(&str, &str); 3] = [
        (
            "nq1",
            "$2$xu1581gidj5cyp4yjgo68qbj6jz1j8o3$j9yg4k58jy3fj8suijxx9d7pea6a6obtufq9kfenosyq8erm87ky",
        ),
        (
            "nq1",
            "$1$rhzzahtm8a5homdhh7z4qiiy7j8pzp4u$k5toro136brshjjuy9t39r785td69qodmd39qzygxuyehn9tqauy",
        ),
        (
            "nq2",
            "$2$irotou88u89r1gj53pqnom96qo36hgkn$d4dt3466db7ccqx96k18yz9b1brx8hmk3b4w6erf4oqpmf9sag6y",
        ),
    ];

    #[test]
    fn every_recorded_pair_is_accepted() {
        let recorded = PAIRS.lines().filter(|l| !l.starts_with('#')).map(|line| {
            let mut fields = line.splitn(3, '|').skip(1);
            (fields.next().unwrap(), fields.next().unwrap())
        });
        let mut seen = 0;
        for (password, hash) in recorded.chain(UPSTREAM) {
            let parsed = Password::parse(hash);
            // Slow, so the wrong one is tried once for each kind.
            if password == "p@ss" {
                assert!(!parsed.verify(&format!("{password}x")), "{hash} took a wrong password");
            }
            assert!(parsed.is_slow());
            assert!(parsed.verify(password), "{hash} refused its password");
            assert!(!parsed.is_slow(), "the proof is not remembered");
            assert!(parsed.verify(password), "{hash} refused its password the second time");
            assert!(!parsed.verify(&format!("{password}x")));
            let Secret::Hash { kind, salt, .. } = &parsed.secret else {
                panic!()
            };
            assert_eq!(hash_with(*kind, password, salt), hash);
            seen += 1;
        }
        assert_eq!(seen, 12);
    }

    #[test]
    fn a_malformed_hash_refuses_everybody() {
        for text in [
            "$1$",
            "$2$",
            "$1$$",
            "$2$abc",
            "$1$bh9rga3n9ia55mt7885a8juwipcip8km$",
            "$1$bh9rga3n9ia55mt7885a8juwipcip8k$wmg9ksynii1o54kk7t8a1a5gs4uxypfnyapa77sdy6ceuaz58pay",
            "$1$bh9rga3n9ia55mt7885a8juwipcip8km$wmg9ksynii1o54kk7t8a1a5gs4uxypfnyapa77sdy6ceuaz58pa",
            "$1$bh9rga3n9ia55mt7885a8juwipcip8km$wmg9ksynii1o54kk7t8a1a5gs4uxypfnyapa77sdy6ceuaz58pay$",
            "$2$bh9rga3n9ia55mt7885a8juwipcip8kl$wmg9ksynii1o54kk7t8a1a5gs4uxypfnyapa77sdy6ceuaz58pay",
        ] {
            let password = Password::parse(text);
            assert!(!password.usable(), "{text}");
            for given in ["", text, "q1pass", "bh9rga3n9ia55mt7885a8juwipcip8km"] {
                assert!(!password.verify(given), "{text} took {given}");
            }
        }
    }

    #[test]
    fn plain_passwords_compare_whole() {
        let password = Password::parse("geheim");
        assert!(password.usable() && !password.is_slow());
        assert!(password.verify("geheim"));
        for wrong in ["", "geheimx", "gehei", "Geheim", "geheim\0"] {
            assert!(!password.verify(wrong));
        }
        assert!(Password::parse("$9$x").verify("$9$x"), "an unknown id is a plain password");
        assert!(!Password::parse("").usable());
        assert!(!Password::parse("").verify(""));
    }

    #[test]
    fn new_hashes_verify_and_differ() {
        for kind in [HashKind::Pbkdf2, HashKind::Catena] {
            let (a, b) = (hash_new(kind, "päss").unwrap(), hash_new(kind, "päss").unwrap());
            assert_ne!(a, b, "the salt repeats");
            assert!(Password::parse(&a).verify("päss"));
            assert!(!Password::parse(&b).verify("pass"));
        }
    }
}

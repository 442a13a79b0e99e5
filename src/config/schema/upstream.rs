//! `[upstream.*]`, `[store]`, `[bayes]`: who else is asked, and where state is kept.

use std::path::PathBuf;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::quantity::{self, ByteSize};

/// `[upstream.NAME]`: other scanners.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upstream {
    /// `host:port weight=N`, `srv:name`.
    pub servers: Vec<String>,
    /// How one is chosen.
    pub rotation: Rotation,
    /// Wait for a reply.
    #[serde(with = "quantity::duration")]
    pub timeout: Duration,
    /// Attempts before the scan counts as failed.
    pub retries: u32,
    /// The public key that requests are encrypted to; empty: none.
    pub key: String,
    /// Compress requests.
    pub compress: bool,
    /// The name of an upstream whose messages are copied here; empty: none.
    pub mirror_of: String,
    /// The share of messages copied.
    pub probability: f64,
}

impl Default for Upstream {
    fn default() -> Upstream {
        Upstream {
            servers: Vec::new(),
            rotation: Rotation::RoundRobin,
            timeout: Duration::from_secs(60),
            retries: 5,
            key: String::new(),
            compress: true,
            mirror_of: String::new(),
            probability: 1.0,
        }
    }
}

/// How one of several servers is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// In turn, in proportion to their weights.
    #[default]
    RoundRobin,
    /// The one of the highest weight that answers.
    MasterSlave,
    /// By what is asked.
    Hash,
    /// By chance.
    Random,
}

/// `[store]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// Which store.
    pub kind: StoreKind,
    /// Its folder; empty: the state folder.
    pub path: PathBuf,
    /// How large it may grow.
    pub max_size: ByteSize,
}

impl Default for Store {
    fn default() -> Store {
        Store {
            kind: StoreKind::Embedded,
            path: PathBuf::new(),
            max_size: ByteSize(2 << 30),
        }
    }
}

/// Which store keeps the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// Files of our own.
    #[default]
    Embedded,
    /// The server in `[redis]`.
    Redis,
}

/// `[bayes]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bayes {
    /// Where tokens are kept.
    pub backend: Backend,
    /// Messages of either class that must be learned before it judges.
    pub min_learns: u32,
    /// Words a message must have to be judged.
    pub min_tokens: u32,
    /// When messages are learned by themselves.
    pub autolearn: Autolearn,
}

impl Default for Bayes {
    fn default() -> Bayes {
        Bayes {
            backend: Backend::Embedded,
            min_learns: 200,
            min_tokens: 11,
            autolearn: Autolearn::default(),
        }
    }
}

/// Where the classifier keeps its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// The embedded store.
    #[default]
    Embedded,
    /// The server in `[redis]`.
    Redis,
}

/// Scores from which a message is learned by itself; written `{ spam = 6.0, ham = -0.5 }`, or `false`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Autolearn {
    /// At this score and above: learned as spam.
    pub spam: Option<f64>,
    /// At this score and below: learned as ham.
    pub ham: Option<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scores {
    #[serde(skip_serializing_if = "Option::is_none")]
    spam: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ham: Option<f64>,
}

impl Serialize for Autolearn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Autolearn { spam: None, ham: None } => serializer.serialize_bool(false),
            Autolearn { spam, ham } => Scores { spam, ham }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Autolearn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Autolearn, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Autolearn;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a table like { spam = 6.0, ham = -0.5 }, or false")
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Autolearn, E> {
                if on {
                    Err(E::custom("say from which scores\nwrite { spam = 6.0, ham = -0.5 }"))
                } else {
                    Ok(Autolearn::default())
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Autolearn, A::Error> {
                let Scores { spam, ham } = Scores::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Autolearn { spam, ham })
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

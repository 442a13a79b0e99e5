//! What is remembered of a scan: under the digest of the content, the kind of scanner and the state of its signatures; clean results
//! like finds, each with its time. Failures are not remembered. Pure.

use crate::store::Key;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::time::{SystemTime, UNIX_EPOCH};

/// The space of the store.
const SPACE: &str = "verdicts";

/// What stands for a content.
pub(super) type Digest = [u8; 32];

/// The digest of a content.
pub(super) fn digest(content: &[u8]) -> Digest {
    Sha256::digest(content).into()
}

/// The name of a verdict: `rs_clamav_1.4.6-27500_<digest>`.
pub(super) fn key(prefix: &str, kind: &str, epoch: &str, digest: &Digest) -> Key {
    let mut name = format!("{prefix}{kind}_{epoch}_");
    for byte in digest {
        name.push_str(&format!("{byte:02x}"));
    }
    Key::new(SPACE, name)
}

/// A remembered verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// When the scanner said it, in seconds since 1970.
    pub(super) time: u64,
    /// What it found; nothing: clean.
    pub(super) found: Vec<String>,
}

impl Remembered {
    /// A verdict said at `now`.
    pub(super) fn new(found: Vec<String>, now: SystemTime) -> Remembered {
        Remembered {
            time: now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
            found,
        }
    }

    /// As it lies in the store.
    pub(super) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what lies there; `None` for anything foreign.
    pub(super) fn read(bytes: &[u8]) -> Option<Remembered> {
        serde_json::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_differ_by_everything_that_matters() {
        let one = digest(b"one");
        let keys = [
            key("rs_", "clamav", "1.4.6-1", &one),
            key("rs_", "clamav", "1.4.6-2", &one),
            key("rs_", "other", "1.4.6-1", &one),
            key("xx_", "clamav", "1.4.6-1", &one),
            key("rs_", "clamav", "1.4.6-1", &digest(b"two")),
        ];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(keys[0].space(), "verdicts");
        assert!(keys[0].name().starts_with(b"rs_clamav_1.4.6-1_7692c3ad"));
    }

    proptest! {
        #[test]
        fn a_verdict_reads_back(time in any::<u64>(), found in proptest::collection::vec(".{0,20}", 0..4)) {
            let verdict = Remembered { time, found };
            prop_assert_eq!(Remembered::read(&verdict.write()), Some(verdict));
        }

        #[test]
        fn foreign_bytes_are_no_verdict(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(Remembered::read(&bytes), None);
        }
    }
}

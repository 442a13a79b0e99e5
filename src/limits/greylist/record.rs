//! What greylisting keeps of a message: when it was first seen, and enough of its envelope to show who waits. Bounded, whatever came.

use crate::store::Key;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Space of all entries.
pub(super) const SPACE: &str = "greylist";
/// Recipients shown of one message.
const RECIPIENTS: usize = 5;
/// Characters kept of one address.
const LONGEST: usize = 200;

/// What stands under a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// First seen, in milliseconds since 1970; 0: let in by hand.
    #[serde(rename = "t")]
    pub(super) since: u64,
    /// From then on it may pass.
    #[serde(rename = "u")]
    pub(super) until: u64,
    /// It has passed.
    #[serde(rename = "p", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) passed: bool,
    /// Sender.
    #[serde(rename = "f")]
    pub(super) sender: String,
    /// Some recipients.
    #[serde(rename = "r")]
    pub(super) recipients: Vec<String>,
    /// How many recipients there were.
    #[serde(rename = "c")]
    pub(super) count: usize,
    /// Network of the client; empty where unknown.
    #[serde(rename = "n")]
    pub(super) network: String,
    /// Name of the entry that stands for the same message's text.
    #[serde(rename = "b")]
    pub(super) body: String,
}

impl Record {
    /// Shortens what a client may have made long.
    pub(super) fn bounded(mut self) -> Record {
        let cut = |text: &mut String| {
            if let Some((end, _)) = text.char_indices().nth(LONGEST) {
                text.truncate(end);
            }
        };
        self.count = self.recipients.len();
        self.recipients.truncate(RECIPIENTS);
        self.recipients.iter_mut().for_each(cut);
        cut(&mut self.sender);
        self
    }

    /// Reads a value; foreign bytes are none.
    pub(super) fn read(bytes: &[u8]) -> Option<Record> {
        serde_json::from_slice(bytes).ok()
    }

    /// The value to store.
    pub(super) fn bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// The key of a name.
pub(super) fn key(name: &str) -> Key {
    Key::new(SPACE, name)
}

/// The value of a sender that once passed.
pub(super) const KNOWN: &[u8] = b"1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_stay_small() {
        let record = Record {
            since: 5,
            until: 305,
            sender: "ä".repeat(10_000),
            recipients: vec!["b@c".repeat(1_000); 100],
            network: "192.0.2.0/24".to_owned(),
            ..Record::default()
        };
        let record = record.bounded();
        assert_eq!((record.count, record.recipients.len()), (100, 5));
        assert!(record.bytes().len() < 2_000);
        assert_eq!(Record::read(&record.bytes()), Some(record));
        assert_eq!(Record::read(b"1795401866"), None);
    }
}

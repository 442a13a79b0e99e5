//! Who writes to whom: the addresses that count, and the keys under which they are remembered. Addresses themselves are never stored.

use crate::engine::{Action, Scan, Verdict};
use crate::store::Key;
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};

/// Sixteen bytes that stand for some texts, one after another.
pub fn hash(texts: &[&str]) -> [u8; 16] {
    let mut hash = Blake2b::<U16>::new();
    for text in texts {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

/// A key of a kind for some texts.
pub fn key(space: &str, kind: &str, texts: &[&str]) -> Key {
    let mut name = kind.as_bytes().to_vec();
    name.extend_from_slice(&hash(texts));
    Key::new(space, name)
}

/// The address that answers will go to, in lower case: Reply-To, else From, else the envelope's sender.
pub fn author(scan: &Scan<'_>) -> Option<String> {
    let mut named = scan.mail.reply_to().iter().chain(scan.mail.from()).map(|a| a.address.as_str());
    let envelope = scan.envelope.sender.as_ref().map(|s| s.address.as_str());
    let address = named.find(|a| !a.is_empty()).or(envelope)?;
    (!address.is_empty()).then(|| address.to_lowercase())
}

/// False where the message was not taken: then nobody will answer it.
pub fn taken(verdict: &Verdict) -> bool {
    !matches!(
        verdict.action,
        Action::Reject | Action::SoftReject | Action::Discard | Action::Quarantine
    )
}

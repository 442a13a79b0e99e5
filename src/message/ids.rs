//! Names of a message: its digest and its Message-ID. Nothing random, nothing stored.

use super::mail::Mail;
use crate::base::hex;
use sha2::{Digest, Sha256};

/// 32 hexadecimal digits over what a message says: its subject and the content of each part, decoded. Who sent it to whom and by which
/// way does not count, as with the peer, whose digits are others.
pub(super) fn digest(mail: &Mail<'_>) -> String {
    let mut sum = Sha256::new();
    let contents = mail.parts().iter().filter(|part| part.children.is_empty());
    let subject = mail.subject().unwrap_or_default().as_bytes();
    for piece in std::iter::once(subject).chain(contents.map(|part| part.data())) {
        // Where one ends and the next begins counts.
        sum.update((piece.len() as u64).to_le_bytes());
        sum.update(piece);
    }
    let sum = sum.finalize();
    hex::encode(sum.first_chunk::<16>().unwrap_or(&[0; 16]))
}

/// A Message-ID without its brackets; `None` where nothing remains.
pub(super) fn message_id(value: &str) -> Option<&str> {
    let value = value.trim();
    let value = value.strip_prefix('<').unwrap_or(value);
    let value = value.strip_suffix('>').unwrap_or(value);
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use crate::message::{Limits, Mail};

    fn digest(mail: &str) -> String {
        Mail::parse(mail.as_bytes(), &Limits::default()).digest().to_owned()
    }

    /// Asked of a running 3.4: the same holds for its digests.
    #[test]
    fn a_digest_names_what_is_said() {
        let plain = "Subject: Offer\r\nTo: a@x.example\r\n\r\nbuy = now\r\n";
        let packed = "Received: by b\r\nSubject: Offer\r\nContent-Transfer-Encoding: base64\r\n\r\nYnV5ID0gbm93DQo=\r\n";
        assert_eq!(digest(plain), digest(packed));
        assert_eq!(digest(plain).len(), 32);
        for other in [
            plain.replace("Offer", "offer"),
            plain.replace("now", "later"),
            plain.replace("\r\n", "\n"),
        ] {
            assert_ne!(digest(plain), digest(&other), "{other}");
        }
        let parts = |one: &str, two: &str| {
            let part = |text| format!("--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n");
            let head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
            digest(&format!("{head}{}{}--b--\r\n", part(one), part(two)))
        };
        assert_ne!(parts("ab", "c"), parts("a", "bc"));
    }
}

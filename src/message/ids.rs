//! Names of a message: its digest and its Message-ID. Nothing random, nothing stored.

use crate::base::hex;
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};

/// 32 hexadecimal digits of BLAKE2b over all bytes.
pub(super) fn digest(raw: &[u8]) -> String {
    hex::encode(&Blake2b::<U16>::digest(raw))
}

/// A Message-ID without its brackets; `None` where nothing remains.
pub(super) fn message_id(value: &str) -> Option<&str> {
    let value = value.trim();
    let value = value.strip_prefix('<').unwrap_or(value);
    let value = value.strip_suffix('>').unwrap_or(value);
    (!value.is_empty()).then_some(value)
}

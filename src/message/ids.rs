//! Names of a message: its digest and its Message-ID. Nothing random, nothing stored.

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use std::fmt::Write;

/// 32 hexadecimal digits of BLAKE2b over all bytes.
pub(super) fn digest(raw: &[u8]) -> String {
    let hash = Blake2b::<U16>::digest(raw);
    hash.iter().fold(String::with_capacity(32), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A Message-ID without its brackets; `None` where nothing remains.
pub(super) fn message_id(value: &str) -> Option<&str> {
    let value = value.trim();
    let value = value.strip_prefix('<').unwrap_or(value);
    let value = value.strip_suffix('>').unwrap_or(value);
    (!value.is_empty()).then_some(value)
}

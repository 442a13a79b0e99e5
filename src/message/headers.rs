//! Header fields in order, found by name in any case. Values are decoded when first asked for; what a value means is the
//! business of others.

use super::words;
use std::borrow::Cow;
use std::sync::OnceLock;

/// A name that a header field can have (RFC 5322, 3.6.8): visible ASCII, no colon.
pub fn is_field_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}

/// One header field.
#[derive(Debug, Clone)]
pub struct Header<'r> {
    /// Its name as spelt; `\u{fffd}` where it is not UTF-8.
    pub name: &'r str,
    /// The bytes of its name.
    pub name_raw: &'r [u8],
    /// All bytes behind the colon, folding kept, without the final line end.
    pub raw: &'r [u8],
    /// Nothing blank between colon and value.
    pub empty_delimiter: bool,
    /// The first byte behind the colon is a tab.
    pub tab_delimiter: bool,
    /// Place in its block, from 0.
    pub position: usize,
    decoded: OnceLock<Cow<'r, str>>,
}

impl<'r> Header<'r> {
    pub(super) fn new(name_raw: &'r [u8], raw: &'r [u8], position: usize) -> Header<'r> {
        let first = raw.first().copied();
        Header {
            name: std::str::from_utf8(name_raw).unwrap_or("\u{fffd}"),
            name_raw,
            raw,
            empty_delimiter: !matches!(first, Some(b' ' | b'\t')),
            tab_delimiter: first == Some(b'\t'),
            position,
            decoded: OnceLock::new(),
        }
    }

    /// The value decoded: folding undone, RFC 2047 words read, trimmed.
    pub fn value(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.text())
    }

    /// The same without the wrapper; decoded once.
    pub fn text(&self) -> &str {
        self.decoded.get_or_init(|| words::value(self.raw))
    }

    /// The value as received with folding, without the blanks in front: what patterns on raw headers see.
    pub fn raw_value(&self) -> &'r [u8] {
        self.raw.trim_ascii_start()
    }

    /// The value with folding undone and nothing decoded.
    pub fn unfolded(&self) -> Cow<'r, [u8]> {
        words::unfold(self.raw.trim_ascii())
    }

    /// True for this name in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name_raw.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// A header block.
#[derive(Debug, Clone, Default)]
pub struct Headers<'r> {
    list: Vec<Header<'r>>,
    keys: Vec<u32>,
    /// A bit for each key: most look-ups are for names that no message has, and end here.
    present: u64,
}

/// Length, first, middle and last letter: tells almost all names apart, so that a look-up compares integers.
fn key(name: &[u8]) -> u32 {
    let at = |i: usize| u32::from(name.get(i).copied().unwrap_or_default().to_ascii_lowercase());
    let length = u32::try_from(name.len() & 0xff).unwrap_or_default();
    length << 24 | at(0) << 16 | at(name.len() / 2) << 8 | at(name.len().wrapping_sub(1))
}

/// One of 64 bits.
fn bit(key: u32) -> u64 {
    1 << (key.wrapping_mul(0x9e37_79b1) >> 26)
}

impl<'r> Headers<'r> {
    pub(super) fn push(&mut self, name: &'r [u8], raw: &'r [u8]) {
        let key = key(name);
        self.keys.push(key);
        self.present |= bit(key);
        self.list.push(Header::new(name, raw, self.list.len()));
    }

    /// The keys, if that one may be among them.
    fn keys(&self, wanted: u32) -> &[u32] {
        if self.present & bit(wanted) == 0 { &[] } else { &self.keys }
    }

    /// All fields in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header<'r>> {
        self.list.iter()
    }

    /// All fields of a name, in order.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h Header<'r>> + 'h {
        let wanted = key(name.as_bytes());
        self.keys(wanted)
            .iter()
            .zip(&self.list)
            .filter(move |(k, h)| **k == wanted && h.is(name))
            .map(|(_, h)| h)
    }

    /// The first field of a name.
    pub fn first(&self, name: &str) -> Option<&Header<'r>> {
        let wanted = key(name.as_bytes());
        self.keys(wanted)
            .iter()
            .zip(&self.list)
            .find(|(k, h)| **k == wanted && h.is(name))
            .map(|(_, h)| h)
    }

    /// True where a field of that name exists.
    pub fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// How many fields have that name.
    pub fn count(&self, name: &str) -> usize {
        self.all(name).count()
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True without any field.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl<'h, 'r> IntoIterator for &'h Headers<'r> {
    type Item = &'h Header<'r>;
    type IntoIter = std::slice::Iter<'h, Header<'r>>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

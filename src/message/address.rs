//! Mail addresses in headers and on the SMTP line. The header reader is not RFC 5322's: it is the one that rspamd's symbols
//! depend on (`;` and groups unknown, a comma counts only behind an `@`). No look-up, no rewriting.

mod smtp;
#[cfg(test)]
mod tests;

use super::words;
pub use smtp::is_smtp_address;
use std::borrow::Cow;

/// One entry of an address header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// Display name, decoded; empty where there is none.
    pub name: String,
    /// The entry's address as written, brackets and all.
    pub raw: String,
    /// The address without brackets.
    pub address: String,
    /// Before the last `@`.
    pub local: String,
    /// Behind the last `@`, as written.
    pub domain: String,
    /// It is a valid SMTP address in ASCII, or the empty `<>`.
    pub valid: bool,
    /// It has bytes above 127.
    pub eight_bit: bool,
}

/// Reads a header value into at most `limit` entries.
pub fn parse_list(text: &str, limit: usize) -> Vec<Address> {
    let mut out = Vec::new();
    read_list(text.as_bytes(), limit, &mut out);
    out
}

/// Adds the entries of a raw header value, up to `limit` in all.
pub(super) fn read_list(raw: &[u8], limit: usize, out: &mut Vec<Address>) {
    if out.len() >= limit {
        return;
    }
    let flat = words::unfold(raw.trim_ascii());
    let text = without_comments(&flat);
    let mut reader = Reader {
        text: &text,
        at: 0,
        start: 0,
        name: Vec::new(),
        seen_at: false,
        out,
        limit,
    };
    reader.run();
}

/// A value without its `( )` comments and the blanks around what is left.
pub fn uncommented(text: &str) -> Cow<'_, str> {
    match without_comments(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text.trim_ascii()),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).trim_ascii().to_owned()),
    }
}

/// Drops `( )` comments outside quoted strings, but not the quoted strings in them; an unclosed one runs to the end.
fn without_comments(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'(', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut depth = 0usize;
    let mut quoted = false;
    let mut escaped = false;
    for &byte in text {
        let literal = escaped;
        escaped = byte == b'\\' && !literal;
        match byte {
            b'"' if !literal => quoted = !quoted,
            b'(' if !quoted && !literal => depth += 1,
            b')' if !quoted && !literal && depth > 0 => {
                depth -= 1;
                continue;
            }
            _ => {}
        }
        if depth == 0 || quoted || byte == b'"' {
            out.push(byte);
        }
    }
    Cow::Owned(out)
}

struct Reader<'t, 'o> {
    text: &'t [u8],
    at: usize,
    /// Where the piece that is neither name nor address yet begins.
    start: usize,
    name: Vec<u8>,
    seen_at: bool,
    out: &'o mut Vec<Address>,
    limit: usize,
}

impl<'t> Reader<'t, '_> {
    fn run(&mut self) {
        while let Some(&byte) = self.text.get(self.at) {
            if self.out.len() >= self.limit {
                return;
            }
            match byte {
                b'"' => self.quoted(),
                b'<' => self.bracketed(),
                b',' => self.comma(),
                _ => {
                    self.seen_at |= byte == b'@';
                    self.at += 1;
                }
            }
        }
        self.finish();
    }

    fn pending(&self) -> &'t [u8] {
        self.text.get(self.start..self.at).unwrap_or_default()
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// An address ends here, if one was seen; a name that only looked like one is dropped.
    fn comma(&mut self) {
        if self.seen_at {
            self.add(self.pending().trim_ascii());
        }
        self.at += 1;
        self.start = self.at;
    }

    /// Moves the text read so far into the name.
    fn take_name(&mut self) {
        let piece = self.pending();
        let blank = piece.first().is_some_and(u8::is_ascii_whitespace) && !self.name.is_empty();
        if blank {
            // Any blanks behind a quoted string count as one.
            self.name.push(b' ');
        }
        self.name.extend_from_slice(piece.trim_ascii_start());
    }

    fn quoted(&mut self) {
        self.take_name();
        // What stood before is a name, whatever it looked like.
        self.seen_at = false;
        self.at += 1;
        let (before, opened) = (self.name.len(), self.at);
        loop {
            let Some(&byte) = self.text.get(self.at) else {
                self.name.truncate(before);
                return self.unclosed(opened);
            };
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    self.name.extend(self.text.get(self.at));
                    self.at += 1;
                }
                _ => self.name.push(byte),
            }
        }
        self.start = self.at;
    }

    /// A quote without end: what it holds is no name, but an address in brackets in it counts.
    fn unclosed(&mut self, opened: usize) {
        let tail = self.text.get(opened..).unwrap_or_default();
        if let Some(bracket) = memchr::memchr(b'<', tail) {
            self.at = opened + bracket;
            self.start = self.at;
            self.bracketed();
        }
        self.at = self.text.len();
        self.start = self.at;
    }

    fn bracketed(&mut self) {
        self.take_name();
        self.start = self.at;
        self.at += memchr::memchr(b'>', self.rest()).map_or(self.rest().len(), |i| i + 1);
        self.add(self.pending());
        self.start = self.at;
    }

    fn finish(&mut self) {
        let rest = self.pending().trim_ascii();
        if self.seen_at && !rest.is_empty() {
            self.add(rest);
        } else if self.out.is_empty() && !rest.is_empty() {
            self.take_name();
            let name = std::mem::take(&mut self.name);
            self.out.push(Address {
                name: display_name(&name),
                raw: "<>".to_owned(),
                ..Address::default()
            });
        }
    }

    fn add(&mut self, entry: &[u8]) {
        let name = std::mem::take(&mut self.name);
        self.seen_at = false;
        if self.out.len() < self.limit {
            self.out.push(Address::of(entry, &name));
        }
    }
}

fn display_name(bytes: &[u8]) -> String {
    words::value(bytes.trim_ascii()).into_owned()
}

impl Address {
    fn of(entry: &[u8], name: &[u8]) -> Address {
        let raw = words::text(entry).into_owned();
        let address = bare(&raw).to_owned();
        let empty = raw.starts_with('<') && raw.ends_with('>') && raw.len() == 2;
        let closed = !raw.starts_with('<') || raw.ends_with('>');
        let valid = empty || (closed && address.is_ascii() && is_smtp_address(&address));
        let mut out = Address {
            name: display_name(name),
            eight_bit: !address.is_ascii(),
            raw,
            valid,
            ..Address::default()
        };
        out.set(&address);
        out
    }

    /// Splits at the last `@`; a valid address loses its final dot and the quotes of its local part.
    fn set(&mut self, address: &str) {
        let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
        if !self.valid {
            self.local = local.to_owned();
            self.domain = domain.to_owned();
            self.address = address.to_owned();
            return;
        }
        let local = local.strip_prefix('"').and_then(|l| l.strip_suffix('"')).unwrap_or(local);
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        self.local = local.to_owned();
        self.domain = domain
            .strip_prefix('[')
            .and_then(|d| d.strip_suffix(']'))
            .unwrap_or(domain)
            .to_owned();
        self.address = if address.is_empty() {
            String::new()
        } else {
            format!("{local}@{domain}")
        };
    }
}

/// The address inside an entry: without brackets and source route; outside brackets up to the first blank, if that alone is
/// an address.
fn bare(raw: &str) -> &str {
    if raw == "<" {
        return raw;
    }
    let Some(inner) = raw.strip_prefix('<') else {
        let first = raw.split_ascii_whitespace().next().unwrap_or_default();
        return if is_smtp_address(first) { first } else { raw };
    };
    let inner = inner.strip_suffix('>').unwrap_or(inner);
    let trimmed = inner.trim();
    let target = match trimmed.split_once(':') {
        Some((route, target)) if route.starts_with('@') => target,
        _ => trimmed,
    };
    if is_smtp_address(target) { target } else { inner }
}

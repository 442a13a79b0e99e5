//! Mail addresses in headers and on the SMTP line. The header reader is not RFC 5322's: it is the one that rspamd's symbols
//! depend on (`;` and groups unknown, a comma counts only behind an `@`). No look-up, no rewriting.

mod smtp;

use super::words;
pub use smtp::is_smtp_address;

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
    /// It is a valid SMTP address.
    pub valid: bool,
}

/// Reads a decoded or raw header value into at most `limit` entries. `parse_list("", n)` is empty.
pub fn parse_list(text: &str, limit: usize) -> Vec<Address> {
    let mut out = Vec::new();
    read_list(text.as_bytes(), limit, &mut out);
    out
}

/// Adds the entries of a raw header value, up to `limit` in all.
pub(super) fn read_list(raw: &[u8], limit: usize, out: &mut Vec<Address>) {
    let flat = words::unfold(raw.trim_ascii());
    let bare = without_comments(&flat);
    let mut reader = Reader {
        text: &bare,
        at: 0,
        start: 0,
        name: Vec::new(),
        seen_at: false,
        out,
        limit,
    };
    reader.run();
}

/// Drops `( )` comments outside quoted strings; an unclosed one runs to the end.
fn without_comments(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if memchr::memchr(b'(', text).is_none() {
        return std::borrow::Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut depth = 0usize;
    let mut quoted = false;
    let mut escaped = false;
    for &byte in text {
        let literal = escaped;
        escaped = byte == b'\\' && !literal;
        match byte {
            b'"' if depth == 0 && !literal => quoted = !quoted,
            b'(' if !quoted && !literal => depth += 1,
            b')' if !quoted && !literal && depth > 0 => {
                depth -= 1;
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            out.push(byte);
        }
    }
    std::borrow::Cow::Owned(out)
}

struct Reader<'t, 'o> {
    text: &'t [u8],
    at: usize,
    start: usize,
    name: Vec<u8>,
    seen_at: bool,
    out: &'o mut Vec<Address>,
    limit: usize,
}

impl Reader<'_, '_> {
    fn run(&mut self) {
        while let Some(&byte) = self.text.get(self.at) {
            if self.out.len() >= self.limit {
                return;
            }
            match byte {
                b'"' => self.quoted(),
                b'<' => self.bracketed(),
                b',' if self.seen_at => {
                    let entry = self.pending().trim_ascii();
                    self.add(entry);
                    self.at += 1;
                    self.start = self.at;
                }
                b'@' => {
                    self.seen_at = true;
                    self.at += 1;
                }
                b',' if self.pending().trim_ascii().is_empty() && self.name.is_empty() => {
                    self.at += 1;
                    self.start = self.at;
                }
                _ => self.at += 1,
            }
        }
        self.finish();
    }

    fn pending<'t>(&self) -> &'t [u8]
    where
        Self: 't,
    {
        self.text.get(self.start..self.at).unwrap_or_default()
    }

    /// Moves the text read so far into the name.
    fn take_name(&mut self) {
        let piece = self.pending();
        let piece = if self.name.is_empty() { piece.trim_ascii_start() } else { piece };
        self.name.extend_from_slice(piece);
    }

    fn quoted(&mut self) {
        self.take_name();
        self.at += 1;
        while let Some(&byte) = self.text.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => {
                    if let Some(&next) = self.text.get(self.at) {
                        self.name.push(next);
                        self.at += 1;
                    }
                }
                _ => self.name.push(byte),
            }
        }
        self.start = self.at;
    }

    fn bracketed(&mut self) {
        self.take_name();
        self.start = self.at;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = memchr::memchr(b'>', rest).map_or(rest.len(), |i| i + 1);
        self.at += length;
        let entry = self.pending();
        self.add(entry);
        self.start = self.at;
        // What follows up to the comma belongs to nobody.
        let rest = self.text.get(self.at..).unwrap_or_default();
        let blanks = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        if rest.get(blanks) == Some(&b',') {
            self.at += blanks + 1;
            self.start = self.at;
        }
    }

    fn finish(&mut self) {
        let rest = self.pending().trim_ascii();
        if self.seen_at && !rest.is_empty() {
            self.add(rest);
        } else if self.out.is_empty() && (!rest.is_empty() || !self.name.is_empty()) {
            self.take_name();
            let name = std::mem::take(&mut self.name);
            self.out.push(Address {
                name: words::value(&name).into_owned(),
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

impl Address {
    fn of(entry: &[u8], name: &[u8]) -> Address {
        let raw = words::text(entry).into_owned();
        let inner = raw.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or(&raw).trim();
        let valid = (inner.is_empty() && raw.starts_with('<')) || is_smtp_address(inner);
        let address = inner.to_owned();
        let (local, domain) = address.rsplit_once('@').map_or((address.as_str(), ""), |(l, d)| (l, d));
        Address {
            name: words::value(name).into_owned(),
            local: local.to_owned(),
            domain: domain.trim_end_matches('>').to_owned(),
            address: address.clone(),
            raw,
            valid,
        }
    }
}

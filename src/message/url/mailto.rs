//! `mailto:` (RFC 6068): one address and what follows it.

use super::class::{self, BLANK, CLOSING, HOST, LOCAL, Set};
use super::syntax::{self, Fields, Reading};

const LONGEST_LOCAL: usize = 65;
const LONGEST_HOST: usize = 254;
/// How far `?to=` is looked for.
const TO_REACH: usize = 1_024;

/// Reads from behind the colon.
pub(super) fn fields(text: &str, behind: usize, reading: Reading) -> Option<Fields> {
    let bytes = text.as_bytes();
    let (start, flags) = syntax::slashes(bytes, behind)?;
    let start = over_to(bytes, start)?;
    let local = class::span(bytes.get(start..)?, LOCAL);
    let at = start + local;
    let host = class::span(bytes.get(at + 1..)?, HOST);
    let fits = (1..=LONGEST_LOCAL).contains(&local) && (1..=LONGEST_HOST).contains(&host);
    if !fits || bytes.get(at) != Some(&b'@') {
        return None;
    }
    let end = at + 1 + host;
    let fields = Fields {
        user: Some(start..at),
        host: at + 1..end,
        path: end..end,
        query: end..end,
        fragment: end..end,
        end,
        flags,
        ..Fields::default()
    };
    match bytes.get(end..)? {
        [] => Some(fields),
        [b'?', _, ..] => Some(with_query(bytes, fields, reading)),
        _ => (reading == Reading::Running).then_some(fields),
    }
}

/// Over `?to=` in front of an address.
fn over_to(bytes: &[u8], start: usize) -> Option<usize> {
    match bytes.get(start..)? {
        [b'?', rest @ ..] => {
            let reach = rest.get(..TO_REACH).unwrap_or(rest);
            let length = memchr::memchr(b'=', reach).filter(|_| reach.first() == Some(&b't'))?;
            Some(start + 1 + length + 1)
        }
        _ => Some(start),
    }
}

fn with_query(bytes: &[u8], mut fields: Fields, reading: Reading) -> Fields {
    const HASH: Set = Set::of(b"#");
    let stops = if reading == Reading::Attribute {
        BLANK.and(HASH)
    } else {
        BLANK.and(HASH).and(CLOSING)
    };
    let start = fields.end + 1;
    fields.end = start + syntax::until(bytes, start, stops);
    // Only what is whole is told apart.
    let whole = bytes.get(fields.end).is_none_or(|b| *b == b'#');
    fields.query = if whole { start..fields.end } else { fields.end..fields.end };
    fields.fragment = fields.end..fields.end;
    fields
}

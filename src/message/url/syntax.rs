//! Where the fields of a URL are: the components of RFC 3986, told apart the way mail programs do. Changes and judges nothing.

use super::class::{self, BLANK, CLOSING, SCHEME, SLASH, Set};
use super::{Flags, Protocol, authority, mailto, telephone};
use std::ops::Range;

/// How a URL is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// All of it is meant as a URL: the value of an attribute.
    Attribute,
    /// It was cut out of a text.
    Piece,
    /// It begins here in a text and ends somewhere.
    Running,
    /// The same without a scheme: what comes first is a host, unless `@` shows otherwise.
    Name,
}

impl Reading {
    /// More text follows the URL.
    pub(super) fn is_in_text(self) -> bool {
        matches!(self, Reading::Running | Reading::Name)
    }
}

/// The fields as places in the source, in their order there; absent ones are empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    pub(super) user: Option<Range<usize>>,
    pub(super) host: Range<usize>,
    pub(super) port: Option<u16>,
    pub(super) path: Range<usize>,
    pub(super) query: Range<usize>,
    pub(super) fragment: Range<usize>,
    pub(super) end: usize,
    pub(super) flags: Flags,
}

/// A URL with its scheme.
#[derive(Clone, Debug)]
pub(super) struct Syntax {
    /// In lower case.
    pub(super) scheme: &'static str,
    pub(super) protocol: Protocol,
    /// Behind the colon.
    pub(super) behind: usize,
    pub(super) fields: Fields,
}

/// Nothing shorter is an address or a number.
const SHORT: usize = 7;

/// Tells the fields of a URL apart.
pub(super) fn split(text: &str, reading: Reading) -> Option<Syntax> {
    let colon = class::span(text.as_bytes(), SCHEME);
    let (scheme, rest) = text.split_at_checked(colon)?;
    let (scheme, protocol) = Protocol::of(scheme.as_bytes()).filter(|_| rest.starts_with(':'))?;
    let behind = colon + 1;
    let fields = match protocol {
        Protocol::Mailto if text.len() > SHORT => mailto::fields(text, behind, reading),
        Protocol::Telephone if text.len() > SHORT => telephone::fields(text, behind),
        _ => web(text, behind, reading),
    }?;
    Some(Syntax {
        scheme,
        protocol,
        behind,
        fields,
    })
}

/// A URL with an authority, from behind its colon.
pub(super) fn web(text: &str, behind: usize, reading: Reading) -> Option<Fields> {
    let (start, missing) = slashes(text.as_bytes(), behind)?;
    let mut fields = from_authority(text, start, reading)?;
    fields.flags |= missing;
    Some(fields)
}

/// The same from behind its slashes.
pub(super) fn from_authority(text: &str, start: usize, reading: Reading) -> Option<Fields> {
    let mut fields = authority::fields(text, start, reading)?;
    tail(text.as_bytes(), &mut fields, reading);
    Some(fields)
}

/// Over the slashes behind a colon: none, or two and more.
pub(super) fn slashes(bytes: &[u8], behind: usize) -> Option<(usize, Flags)> {
    match class::span(bytes.get(behind..)?, SLASH) {
        0 => Some((behind, Flags::MISSING_SLASHES)),
        1 => None,
        many => Some((behind + many, Flags::default())),
    }
}

/// Path, query and fragment from the end of the authority on.
fn tail(bytes: &[u8], fields: &mut Fields, reading: Reading) {
    let rest = |from: usize| bytes.get(from..).unwrap_or_default();
    let closes = |b: u8| BLANK.has(b) || (reading != Reading::Attribute && CLOSING.has(b));
    let until = |from: usize, marks: &[u8]| {
        let length = rest(from).iter().position(|b| closes(*b) || marks.contains(b));
        from..from + length.unwrap_or(rest(from).len())
    };
    let mut at = fields.end;
    fields.path = at..at;
    let run = class::span(rest(at), SLASH);
    if run > 0 {
        fields.path = until(at + run, b"?#");
        at = fields.path.end;
    }
    fields.query = at..at;
    if rest(at).first() == Some(&b'?') {
        fields.query = until(at + 1, b"#");
        at = fields.query.end;
    }
    fields.fragment = at..at;
    if rest(at).first() == Some(&b'#') {
        fields.fragment = until(at + 1, b"");
        at = fields.fragment.end;
    }
    fields.end = at;
}

/// How many bytes from `start` on do not belong to a set.
pub(super) fn until(bytes: &[u8], start: usize, stops: Set) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter().position(|b| stops.has(*b)).unwrap_or(rest.len())
}

//! Finds URLs and addresses in running text: marks of them in one pass, then around each mark where it begins and ends. What the
//! URL says is read by `read`.

use super::class::{self, BLANK, CLOSING, HOST, HOST_INSIDE, LABEL, LOCAL, OPENING};
use super::marks::{self, Mark};
use super::syntax::{self, Fields, Reading};
use super::{Flags, Url, host, mailto, read, telephone};
use std::ops::Range;

/// What counts as a URL in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Extent {
    /// What names its scheme or its service (`www.`, `ftp.`), and addresses.
    Strict,
    /// Also names with a known suffix.
    All,
}

/// Every URL of a text in order, with its place, until `each` says false. `breaks`: where lines began before they were joined.
pub(in super::super) fn find(text: &str, breaks: &[usize], extent: Extent, mut each: impl FnMut(Url, usize) -> bool) {
    for First { start, url } in Finder::new(text, breaks, extent) {
        if let Some(url) = url
            && !each(url, start)
        {
            return;
        }
    }
}

/// The first place that looks like a URL.
pub(super) struct First {
    pub(super) start: usize,
    /// The URL, if that place can be read.
    pub(super) url: Option<Url>,
}

pub(super) fn first(text: &str, extent: Extent) -> Option<First> {
    Finder::new(text, &[], extent).next()
}

const LONGEST: usize = 65_536;
const LONGEST_TELEPHONE: usize = 100;
/// How far a name or an address reaches to either side of its mark.
const NAME_REACH: usize = 262;
const ADDRESS_REACH: usize = 512;
const LONGEST_LABEL: usize = 64;
/// What a bare address lacks.
const ADDRESS: &str = "mailto://";

/// A place that looks like a URL.
struct Place {
    start: usize,
    end: usize,
    /// What is missing in front of it.
    prefix: &'static str,
}

struct Finder<'t> {
    text: &'t str,
    breaks: &'t [usize],
    extent: Extent,
    /// All before is done.
    at: usize,
    /// Up to here nothing begins that did not begin behind a bracket.
    closed: usize,
    /// A place without scheme could not be read.
    unread: bool,
}

impl Iterator for Finder<'_> {
    type Item = First;

    fn next(&mut self) -> Option<First> {
        while let Some((mark, found)) = marks::find(self.text.as_bytes(), self.at, self.extent) {
            self.at = found.end;
            if let Some(place) = self.place(mark, found) {
                if !matches!(mark, Mark::Telephone) {
                    self.at = self.at.max(place.end);
                }
                return Some(First {
                    start: place.start,
                    url: self.read(&place),
                });
            }
        }
        None
    }
}

impl<'t> Finder<'t> {
    fn new(text: &'t str, breaks: &'t [usize], extent: Extent) -> Finder<'t> {
        Finder {
            text,
            breaks,
            extent,
            at: 0,
            closed: 0,
            unread: false,
        }
    }

    fn place(&mut self, mark: Mark, Range { start, end }: Range<usize>) -> Option<Place> {
        match mark {
            Mark::Scheme => self.scheme(start, end),
            Mark::File => self.file(start, end),
            Mark::Telephone => self.telephone(start, end),
            Mark::Mailto => self.mailto(start, end),
            Mark::At => self.address(start),
            Mark::Service(prefix) => self.service(start, prefix),
            Mark::Dot => self.name(start),
        }
    }

    fn read(&mut self, place: &Place) -> Option<Url> {
        let text = self.text.get(place.start..place.end)?.trim_ascii_end();
        // A domain without a dot is none: not worth reading.
        let dotless = place.prefix == ADDRESS && text.rsplit('@').next().is_some_and(|host| !host.contains('.'));
        let url = if dotless {
            None
        } else if place.prefix.is_empty() {
            read::read(text, Reading::Piece)
        } else {
            read::read(&format!("{}{text}", place.prefix), Reading::Piece)
        };
        let Some(mut url) = url else {
            self.unread |= !place.prefix.is_empty();
            return None;
        };
        let before = std::mem::take(&mut self.unread);
        if before || !place.prefix.is_empty() {
            url.flags |= Flags::SCHEMALESS;
        }
        Some(url)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn before(&self, at: usize) -> Option<u8> {
        self.byte(at.checked_sub(1)?)
    }

    /// Where the line of a place begins.
    fn line_start(&self, at: usize) -> usize {
        let lines = self.breaks.partition_point(|b| *b <= at);
        lines.checked_sub(1).and_then(|i| self.breaks.get(i)).copied().unwrap_or(0)
    }

    fn line_end(&self, at: usize) -> usize {
        let next = self.breaks.partition_point(|b| *b <= at);
        self.breaks.get(next).copied().unwrap_or(self.text.len()).min(self.text.len())
    }

    /// Where a URL that begins here has to end: with its line, unless a bracket holds it together.
    fn limit(&self, start: usize) -> usize {
        let end = match self.before(start) {
            Some(b'<') => self.text.len(),
            _ => self.line_end(start),
        };
        self.text.floor_char_boundary(end.min(start + LONGEST))
    }

    /// The line from `start` on, as far as a URL may go.
    fn ahead(&self, start: usize) -> &'t str {
        self.text.get(start..self.limit(start)).unwrap_or_default()
    }

    /// A place of the web, unless a bracket ends it and its word that did not begin it.
    fn enclosed(&mut self, start: usize, prefix: &'static str, fields: impl Fn(&str) -> Option<Fields>) -> Option<Place> {
        let opened = self.before(start) == Some(b'<');
        if start < self.closed && !opened {
            return None;
        }
        let end = start + fields(self.ahead(start))?.end;
        let ends_word = self.byte(end + 1).is_none_or(|b| BLANK.has(b));
        if !opened && self.byte(end) == Some(b'>') && ends_word && end < self.limit(start) {
            self.closed = end;
            return None;
        }
        Some(Place { start, end, prefix })
    }

    fn scheme(&mut self, start: usize, end: usize) -> Option<Place> {
        if self.before(start).is_some_and(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let behind = memchr::memchr(b':', self.text.as_bytes().get(start..end)?)? + 1;
        self.enclosed(start, "", |text| syntax::web(text, behind, Reading::Running))
    }

    fn service(&mut self, start: usize, prefix: &'static str) -> Option<Place> {
        let free = match self.before(start) {
            None => true,
            Some(b) if prefix == "ftp://" => !b.is_ascii_alphanumeric(),
            Some(b) => OPENING.has(b) || BLANK.has(b) || !b.is_ascii() || self.line_start(start) == start,
        };
        if !free {
            return None;
        }
        self.enclosed(start, prefix, |text| syntax::from_authority(text, 0, Reading::Name))
    }

    /// A name that ends with a known suffix, of which `dot` is the last dot.
    fn name(&mut self, dot: usize) -> Option<Place> {
        let rest = self.text.as_bytes().get(dot + 1..self.limit(dot).max(dot + 1))?;
        let label = class::span(rest.get(..=LONGEST_LABEL).unwrap_or(rest), LABEL);
        let label = rest.get(..label).filter(|l| (1..=LONGEST_LABEL).contains(&l.len()))?;
        let ends = |b: &u8| BLANK.has(*b) || matches!(b, b'/' | b':');
        let ended = match rest.get(label.len()..)? {
            [] => true,
            [b'.', b, ..] => ends(b) || *b == b'?',
            [b, ..] => ends(b) || CLOSING.has(*b),
        };
        if !ended || !host::top_level(label) {
            return None;
        }
        // Where the last line begins is not known.
        let known = self.breaks.last().is_some_and(|b| *b > dot);
        let line = if known { self.line_start(dot) } else { 0 };
        let floor = line.max(dot.saturating_sub(NAME_REACH));
        let front = self.text.as_bytes().get(floor..dot)?;
        let length = class::span_back(front, HOST);
        let start = dot - length;
        let name = front.get(front.len() - length..)?;
        let begins = name.first().is_some_and(u8::is_ascii_alphanumeric);
        let steady = !name.ends_with(b".") && !name.windows(2).any(|w| matches!(w, [b'.', b] if !b.is_ascii_alphanumeric()));
        // A bracket that opens a line, but not the text, opens no name.
        let bracket_line = line > 0 && start == line + 1;
        let free = start == line || (!bracket_line && self.before(start).is_some_and(|b| BLANK.has(b) || OPENING.has(b)));
        if !(begins && steady && free) {
            return None;
        }
        self.enclosed(start, "http://", |text| syntax::from_authority(text, 0, Reading::Name))
    }

    fn file(&self, start: usize, end: usize) -> Option<Place> {
        let bytes = self.ahead(start).as_bytes();
        let length = class::span(bytes.get(end - start..)?, HOST_INSIDE);
        (length > 0).then_some(Place {
            start,
            end: end + length,
            prefix: "",
        })
    }

    fn telephone(&self, start: usize, end: usize) -> Option<Place> {
        let line = self.ahead(start);
        let line = line.get(..line.floor_char_boundary(LONGEST_TELEPHONE))?;
        let fields = telephone::fields(line, end - start)?;
        Some(Place {
            start,
            end: start + fields.end,
            prefix: "",
        })
    }

    fn mailto(&self, start: usize, end: usize) -> Option<Place> {
        let fields = mailto::fields(self.ahead(start), end - start, Reading::Running)?;
        Some(Place {
            start,
            end: start + fields.end,
            prefix: "",
        })
    }

    /// An address around its `@`.
    fn address(&self, at: usize) -> Option<Place> {
        const ALNUM: fn(&u8) -> bool = u8::is_ascii_alphanumeric;
        let line = self.line_start(at)..self.line_end(at);
        let bytes = self.text.as_bytes();
        let front = bytes.get(line.start.max(at.saturating_sub(ADDRESS_REACH))..at)?;
        let back = bytes.get(at + 1..line.end.min(at + 1 + ADDRESS_REACH))?;
        if !(front.last().is_some_and(ALNUM) && back.first().is_some_and(ALNUM) && bytes.len() > at + 2) {
            return None;
        }
        let local = front.get(front.len() - class::span_back(front, LOCAL)..)?;
        let local = local.get(local.iter().position(ALNUM)?..)?;
        let length = class::span(back, HOST);
        let host = back.get(..length)?;
        let length = match host.iter().rposition(ALNUM) {
            Some(last) if at + 1 + length < bytes.len() => last + 1,
            _ => length,
        };
        Some(Place {
            start: at - local.len(),
            end: at + 1 + length,
            prefix: ADDRESS,
        })
    }
}

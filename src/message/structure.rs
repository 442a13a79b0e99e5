//! The MIME structure: which parts a message has and where each one lies. One walk over the body with a stack of open
//! multiparts, no recursion. Contents are not decoded here.

use super::block::{self, Block};
use super::content::{ContentType, Disposition};
use super::encoding::{self, Encoding};
use super::headers::Headers;
use super::limits::{Anomalies, Limits};
use super::part::Part;
use super::unpacked::is_packed;
use std::borrow::Cow;
use std::sync::OnceLock;

/// A multipart whose boundary may still come.
struct Level {
    part: usize,
    /// Without the leading `--`; compared without case, as the peer does. `None` where the type names none: the first
    /// line that could be one is taken.
    boundary: Option<Vec<u8>>,
    seen: bool,
}

pub(super) struct Walk<'r, 'a> {
    raw: &'r [u8],
    limits: &'a Limits,
    header_budget: usize,
    parts: Vec<Part<'r>>,
    /// Offset where the content of each part begins.
    starts: Vec<usize>,
    levels: Vec<Level>,
    /// Parts whose end is not known yet, outermost first.
    open: Vec<usize>,
    /// The top multipart is over: any further line with `--` begins a part without parent.
    stray: bool,
    anomalies: &'a mut Anomalies,
}

impl<'r, 'a> Walk<'r, 'a> {
    pub(super) fn new(raw: &'r [u8], limits: &'a Limits, header_budget: usize, anomalies: &'a mut Anomalies) -> Walk<'r, 'a> {
        Walk {
            raw,
            limits,
            header_budget,
            parts: Vec::new(),
            starts: Vec::new(),
            levels: Vec::new(),
            open: Vec::new(),
            stray: false,
            anomalies,
        }
    }

    /// Reads everything from `body` on; `headers` are the message's own.
    pub(super) fn run(mut self, headers: Headers<'r>, body: usize) -> Vec<Part<'r>> {
        let start = self.enter(headers, body, None);
        self.follow(start);
        if self.levels.first().is_some_and(|top| top.part == 0 && !top.seen) {
            // The boundary never came: whatever else could be one begins parts.
            self.anomalies.bad_boundary = true;
            self.levels.clear();
            self.stray = true;
            self.follow(start);
        }
        self.repeat_attached(body);
        self.close_from(0, self.raw.len());
        self.anomalies.unclosed_boundary |= !self.levels.is_empty();
        self.anomalies.bad_boundary |= self.levels.iter().any(|l| !l.seen);
        self.parts
    }

    /// Reads a whole message that stands in another one.
    pub(super) fn run_inside(mut self) -> Vec<Part<'r>> {
        let block = self.block(0);
        self.anomalies.broken_headers |= block.broken;
        self.run(block.headers, block.body)
    }

    /// A message that is nothing but another message: the peer then also takes each boundary line in it for a stray one, once for
    /// every message around the innermost.
    fn repeat_attached(&mut self, body: usize) {
        let messages = self
            .parts
            .iter()
            .enumerate()
            .take_while(|(i, p)| p.is_message() && p.parent == i.checked_sub(1));
        let times = messages.count().min(self.limits.max_depth);
        for _ in 0..times {
            self.levels.clear();
            self.close_from(0, self.raw.len());
            self.stray = true;
            self.follow(body.saturating_sub(1));
        }
    }

    /// Goes from one candidate line to the next.
    fn follow(&mut self, from: usize) {
        let mut at = from;
        while let Some((line, text_at)) = self.next_candidate(at) {
            let whole = line_text(self.raw.get(text_at..).unwrap_or_default());
            let after = self.after_line(text_at + whole.len());
            at = match self.matching(whole) {
                Some((level, closing)) => self.boundary(level, closing, line, after, whole),
                None if self.levels.is_empty() && !whole.is_empty() => self.stray(line, after, whole),
                None => after.saturating_sub(1).max(text_at),
            };
            if self.anomalies.too_many_parts {
                return;
            }
        }
    }

    /// The next line that begins with `--`: where it begins, and where its text behind `--` begins.
    fn next_candidate(&self, from: usize) -> Option<(usize, usize)> {
        if self.levels.is_empty() && !self.stray {
            return None;
        }
        let rest = self.raw.get(from..)?;
        let mut skip = 0;
        loop {
            let found = skip + memchr::memmem::find(rest.get(skip..)?, b"--")?;
            let at = from + found;
            let before = self.raw.get(..at).unwrap_or_default();
            if matches!(before, [.., b'\n' | b'\r'] | []) {
                return Some((at, at + 2));
            }
            // A row of dashes is one candidate at most: step over it.
            let dashes = rest.get(found..)?.iter().take_while(|b| **b == b'-').count();
            skip = found + dashes;
        }
    }

    /// The outermost open multipart that this line belongs to, and whether it closes it. Blanks at the end of the line do
    /// not count (RFC 2046, 5.1.1).
    fn matching(&self, whole: &[u8]) -> Option<(usize, bool)> {
        let text = whole.trim_ascii_end();
        self.levels.iter().enumerate().find_map(|(i, level)| {
            let Some(boundary) = &level.boundary else {
                return (!text.is_empty()).then_some((i, false));
            };
            let (head, rest) = text.split_at_checked(boundary.len())?;
            if !head.eq_ignore_ascii_case(boundary) {
                return None;
            }
            match rest {
                [] => Some((i, false)),
                [b'-', b'-'] => Some((i, true)),
                _ => None,
            }
        })
    }

    /// A line that no header block of a part reaches beyond.
    fn stops(&self, text: &[u8]) -> bool {
        let whole = line_text(text);
        self.matching(whole).is_some() || (self.levels.is_empty() && self.stray && !whole.is_empty())
    }

    /// A boundary line: ends what is open, begins a part unless it closes. Gives where to read on.
    fn boundary(&mut self, level: usize, closing: bool, line: usize, after: usize, whole: &[u8]) -> usize {
        let Some(open) = self.levels.get_mut(level) else {
            return after;
        };
        open.seen = true;
        open.boundary.get_or_insert_with(|| whole.trim_ascii_end().to_vec());
        let owner = open.part;
        self.levels.truncate(level + 1);
        let keep = self.open.iter().position(|p| *p == owner).map_or(0, |i| i + 1);
        self.close_from(keep, line);
        if closing {
            self.levels.truncate(level);
            self.stray |= self.levels.is_empty();
            return after.saturating_sub(1);
        }
        self.part(after, Some(owner))
    }

    /// A line with `--` and more behind the end of the top multipart: a part without parent, unless it looks like an end.
    fn stray(&mut self, line: usize, after: usize, whole: &[u8]) -> usize {
        self.close_from(0, line);
        if whole.len() > 2 && whole.ends_with(b"--") {
            return after.saturating_sub(1);
        }
        self.part(after, None)
    }

    /// Ends all open parts from the given depth of the stack on.
    fn close_from(&mut self, keep: usize, end: usize) {
        for index in self.open.drain(keep.min(self.open.len())..) {
            if let (Some(part), Some(start)) = (self.parts.get_mut(index), self.starts.get(index)) {
                part.raw = self.raw.get(*start..end.max(*start)).unwrap_or_default();
                part.effective_encoding = encoding::effective(part);
            }
        }
    }

    /// Reads the header block at `at` and enters the part behind it; between two boundary lines in a row there is none.
    fn part(&mut self, at: usize, parent: Option<usize>) -> usize {
        let nothing = match self.raw.get(at..) {
            None | Some([]) => true,
            Some([b'-', b'-', text @ ..]) => self.stops(text),
            Some(_) => false,
        };
        if nothing {
            return at.saturating_sub(1);
        }
        let block = self.block(at);
        match parent {
            Some(_) => self.anomalies.broken_headers |= block.broken,
            None => self.anomalies.broken_footer |= block.broken,
        }
        self.enter(block.headers, at + block.body, parent)
    }

    /// A part's header block. Without an empty line there is none: all of it is content.
    fn block(&mut self, at: usize) -> Block<'r> {
        let rest = self.raw.get(at..).unwrap_or_default();
        let mut budget = self.header_budget;
        let block = block::scan(rest, &mut budget, |text| self.stops(text));
        if !block.ended || block.body <= 2 {
            return Block::default();
        }
        self.header_budget = budget;
        self.anomalies.too_many_headers |= block.too_many;
        block
    }

    /// Adds a part whose content begins at `at`, and those messages that begin with it. Gives where to look for boundaries.
    fn enter(&mut self, headers: Headers<'r>, at: usize, parent: Option<usize>) -> usize {
        let (mut headers, mut at, mut parent) = (headers, at, parent);
        loop {
            if self.parts.len() >= self.limits.max_parts {
                self.anomalies.too_many_parts = true;
                return at;
            }
            let index = self.parts.len();
            let mut part = make(headers, parent);
            if part.is_multipart() && self.levels.len() > self.limits.max_depth {
                self.anomalies.too_deep = true;
                return at.saturating_sub(1);
            }
            part.effective_encoding = encoding::inherited(&part, parent.and_then(|p| self.parts.get(p)));
            let nested = part.is_message();
            let multipart = part.is_multipart();
            let boundary = if multipart { self.boundary_of(&part) } else { None };
            self.open.push(index);
            self.starts.push(at);
            self.parts.push(part);
            if let Some(parent) = parent.and_then(|p| self.parts.get_mut(p)) {
                parent.children.push(index);
            }
            if multipart {
                self.levels.push(Level {
                    part: index,
                    boundary,
                    seen: false,
                });
            }
            if !nested || self.parts.get(index).is_some_and(is_packed) {
                // The first boundary may stand directly at the start: its line end is the one before.
                return at.saturating_sub(1);
            }
            let block = self.block(at);
            self.anomalies.broken_headers |= block.broken;
            at += block.body;
            headers = block.headers;
            parent = Some(index);
        }
    }

    fn boundary_of(&mut self, part: &Part<'_>) -> Option<Vec<u8>> {
        let boundary = part.content_type.as_ref().and_then(|t| t.params.get("boundary"));
        let boundary = boundary.map(|b| b.trim_ascii_end().as_bytes().to_vec()).filter(|b| !b.is_empty());
        self.anomalies.bad_boundary |= boundary.is_none();
        boundary
    }

    fn after_line(&self, at: usize) -> usize {
        let rest = self.raw.get(at..).unwrap_or_default();
        match memchr::memchr2(b'\r', b'\n', rest) {
            Some(i) if rest.get(i..i + 2) == Some(b"\r\n") => at + i + 2,
            Some(i) => at + i + 1,
            None => self.raw.len(),
        }
    }
}

/// What stands before the line end.
fn line_text(rest: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// Builds a part out of its headers.
fn make<'r>(headers: Headers<'r>, parent: Option<usize>) -> Part<'r> {
    let content_type = headers.first("Content-Type").and_then(|h| ContentType::read(h.raw));
    let disposition = headers.first("Content-Disposition").map(|h| Disposition::read(h.raw));
    let transfer_encoding = headers
        .first("Content-Transfer-Encoding")
        .map_or(Encoding::Unknown, |h| Encoding::read(&h.value()));
    let file_name = disposition
        .as_ref()
        .and_then(|d| d.params.get("filename"))
        .filter(|n| !n.is_empty())
        .or_else(|| content_type.as_ref().and_then(|t| t.params.get("name")).filter(|n| !n.is_empty()))
        .map(str::to_owned);
    let mime_type = match &content_type {
        Some(t) => Cow::Owned(format!("{}/{}", t.main, t.sub)),
        None => Cow::Borrowed("text/plain"),
    };
    Part {
        parent,
        children: Vec::new(),
        type_missing: content_type.is_none(),
        content_type,
        disposition,
        file_name,
        transfer_encoding,
        effective_encoding: transfer_encoding,
        raw: &[],
        headers,
        mime_type,
        data: OnceLock::new(),
        text: OnceLock::new(),
        is_html: OnceLock::new(),
        html: OnceLock::new(),
        plain: OnceLock::new(),
        archive: OnceLock::new(),
        pdf: OnceLock::new(),
    }
}

//! Objects of a file by their marks `1 0 obj` and `endobj`, and those in streams. What they hold is read by `value`.

use super::value::{Dict, Reader, Value};
use super::{GROWTH, LINKS, OBJECT, OBJECTS, Pdf, STREAMS, UNPACKED, is_blank};
use flate2::read::ZlibDecoder;
use memchr::memmem;
use std::collections::HashSet;
use std::io::Read as _;
use std::ops::Range;

/// A stream that holds objects.
struct Packed {
    body: Range<usize>,
    first: usize,
    deflated: bool,
}

/// A walk over all objects.
pub(super) struct Walk<'p> {
    bytes: &'p [u8],
    pub(super) pdf: Pdf,
    packed: Vec<Packed>,
    /// Numbers of objects that are strings, and of streams that are text.
    strings: HashSet<usize>,
    texts: HashSet<usize>,
    /// Objects whose text is a script.
    scripts: HashSet<usize>,
    read: usize,
    work: usize,
    /// More bytes than these are read only of files that are made to be slow.
    most: usize,
}

impl<'p> Walk<'p> {
    pub(super) fn new(bytes: &'p [u8]) -> Walk<'p> {
        Walk {
            bytes,
            pdf: Pdf::default(),
            packed: Vec::new(),
            strings: HashSet::new(),
            texts: HashSet::new(),
            scripts: HashSet::new(),
            read: 0,
            work: 0,
            most: bytes.len().saturating_mul(4).saturating_add(OBJECT),
        }
    }

    /// Reads the objects that have an end; one that stands in another goes to the same end.
    pub(super) fn objects(&mut self) {
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut waiting = 0;
        for at in memmem::find_iter(self.bytes, b"obj") {
            let front = self.bytes.get(..at).unwrap_or_default();
            if front.ends_with(b"end") {
                for (number, from) in open.drain(..) {
                    self.object(number, from..at - 3);
                }
                self.pdf.objects += std::mem::take(&mut waiting);
            } else if let Some(number) = number(front) {
                waiting += 1;
                if open.len() < OBJECTS {
                    open.push((number, at + 3));
                }
            }
        }
    }

    /// Opens streams, where they can be, and resolves what was left open.
    pub(super) fn finish(mut self) -> Pdf {
        if !self.pdf.encrypted {
            let factor = self.bytes.len().saturating_mul(GROWTH).saturating_add(OBJECT);
            let mut room = UNPACKED.min(factor);
            for packed in std::mem::take(&mut self.packed) {
                self.open(&packed, &mut room);
            }
        }
        let readable = |n: &usize| self.strings.contains(n) || (!self.pdf.encrypted && self.texts.contains(n));
        self.pdf.scripts |= self.scripts.iter().any(readable);
        self.pdf
    }

    fn object(&mut self, number: usize, range: Range<usize>) {
        let bytes = self.bytes;
        let whole = bytes.get(range.clone()).unwrap_or_default();
        let Some((value, length)) = self.value(whole) else {
            return;
        };
        let body = match &value {
            Value::Dict(dict) => stream(whole, length).map(|body| (dict, body)),
            _ => None,
        };
        if let Some((dict, body)) = body {
            self.work += body.len();
            self.stream(number, dict, range.start + body.start..range.start + body.end);
        }
        self.keep(number, &value);
    }

    /// Reads one value and keeps its links; where it cannot be read to its end nothing is kept.
    fn value(&mut self, bytes: &[u8]) -> Option<(Value, usize)> {
        if self.read >= OBJECTS || self.pdf.gave_up.is_some() {
            return None;
        }
        self.read += 1;
        let mut reader = Reader::new(bytes.get(..OBJECT).unwrap_or(bytes));
        let value = reader.value(0);
        self.work += reader.at();
        if self.work > self.most {
            self.pdf.gave_up = Some(self.work);
        }
        let value = value?;
        let at = reader.at();
        let room = LINKS.saturating_sub(self.pdf.links.len());
        self.pdf.links.extend(reader.links.into_iter().take(room));
        self.pdf.opens |= reader.opens;
        Some((value, at))
    }

    fn keep(&mut self, number: usize, value: &Value) {
        match value {
            Value::Text(_) => {
                self.strings.insert(number);
            }
            Value::Dict(dict) if dict.action => match dict.script {
                Value::Text(_) | Value::Name(_) => self.pdf.scripts = true,
                Value::Reference(object) => {
                    self.scripts.insert(object);
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn stream(&mut self, number: usize, dict: &Dict, body: Range<usize>) {
        self.pdf.encrypted |= dict.encrypted && dict.kind == b"XRef";
        let deflated = dict.filter == b"FlateDecode";
        if !deflated && !dict.filter.is_empty() {
            return;
        }
        self.texts.insert(number);
        if let (b"ObjStm", Some(first)) = (dict.kind.as_slice(), dict.first)
            && self.packed.len() < STREAMS
        {
            self.packed.push(Packed { body, first, deflated });
        }
    }

    fn open(&mut self, packed: &Packed, room: &mut usize) {
        let body = self.bytes.get(packed.body.clone()).unwrap_or_default();
        let mut unpacked = Vec::new();
        let content = if packed.deflated {
            let limit = u64::try_from(*room).unwrap_or(u64::MAX);
            // A stream that breaks off has still shown what came before.
            let _ = ZlibDecoder::new(body).take(limit).read_to_end(&mut unpacked);
            *room = room.saturating_sub(unpacked.len());
            self.most = self.most.saturating_add(unpacked.len().saturating_mul(4));
            unpacked.as_slice()
        } else {
            body
        };
        let mut head = Reader::new(content.get(..packed.first).unwrap_or_default());
        while let (Some(number), Some(at)) = (head.number(), head.number()) {
            if self.read >= OBJECTS || self.pdf.gave_up.is_some() {
                return;
            }
            let object = packed.first.checked_add(at).and_then(|at| content.get(at..)).unwrap_or_default();
            if let Some((value, _)) = self.value(object) {
                self.keep(number, &value);
            }
        }
    }
}

/// The number in front of `obj`, a generation between.
fn number(front: &[u8]) -> Option<usize> {
    let line = front.get(front.len().saturating_sub(48)..)?;
    let (line, blanks) = back(line, is_blank);
    let (line, generation) = back(line, |b| b.is_ascii_digit());
    let (line, between) = back(line, is_blank);
    let (line, digits) = back(line, |b| b.is_ascii_digit());
    let stands_alone = line.last().is_none_or(|b| is_blank(*b));
    let whole = stands_alone && ![blanks, generation, between, digits].iter().any(|part| part.is_empty());
    let number = || std::str::from_utf8(digits).ok()?.parse().ok();
    whole.then(|| number().unwrap_or(usize::MAX))
}

/// Splits off the bytes of a kind at the end.
fn back(bytes: &[u8], kind: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().rposition(|b| !kind(*b)).map_or(0, |at| at + 1);
    bytes.split_at(end)
}

/// The content between `stream` and `endstream` behind a dictionary.
fn stream(object: &[u8], from: usize) -> Option<Range<usize>> {
    let rest = object.get(from..)?;
    let word = from + rest.iter().position(|b| !is_blank(*b))?;
    let rest = object.get(word..)?.strip_prefix(b"stream")?;
    let line_end = [&b"\r\n"[..], b"\n", b"\r"].into_iter().find(|end| rest.starts_with(end))?;
    let start = word + b"stream".len() + line_end.len();
    let rest = object.get(start..)?;
    // One that does not end goes up to the end of the object.
    let length = memmem::find(rest, b"endstream").unwrap_or(rest.len());
    Some(start..start + length)
}

//! Values of PDF: numbers, names, strings, arrays, dictionaries. Of dictionaries only what tells something is kept.

use super::{DEPTH, is_blank};

/// A value.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Value {
    /// A string of either kind.
    Text(Vec<u8>),
    /// A name without its slash.
    Name(Vec<u8>),
    /// A whole number.
    Number(usize),
    /// The number of another object.
    Reference(usize),
    /// An array of just one name.
    Names(Vec<u8>),
    /// A dictionary.
    Dict(Box<Dict>),
    /// Anything else.
    #[default]
    Other,
}

/// What is kept of a dictionary.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dict {
    /// `/Type`
    pub kind: Vec<u8>,
    /// It has an `/S`.
    pub action: bool,
    /// `/JS`
    pub script: Value,
    /// `/Encrypt`
    pub encrypted: bool,
    /// `/Filter`, of several all but the first are told by a blank.
    pub filter: Vec<u8>,
    /// `/First`, where `/N` is there as well.
    pub first: Option<usize>,
}

/// Reads values in order.
pub(super) struct Reader<'p> {
    bytes: &'p [u8],
    at: usize,
    /// Where `/URI` led.
    pub links: Vec<Vec<u8>>,
    /// An `/OpenAction` was seen.
    pub opens: bool,
}

impl<'p> Reader<'p> {
    pub(super) fn new(bytes: &'p [u8]) -> Reader<'p> {
        Reader {
            bytes,
            at: 0,
            links: Vec::new(),
            opens: false,
        }
    }

    /// Bytes that were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'p [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn takes(&mut self, word: &[u8]) -> bool {
        let there = self.rest().starts_with(word);
        if there {
            self.at += word.len();
        }
        there
    }

    fn take_while(&mut self, kind: impl Fn(u8) -> bool) -> &'p [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|b| !kind(*b)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Blanks and comments.
    fn blanks(&mut self) {
        loop {
            self.take_while(is_blank);
            if self.peek() != Some(b'%') {
                return;
            }
            self.take_while(|b| !matches!(b, b'\r' | b'\n'));
        }
    }

    /// A number without sign or fraction.
    pub(super) fn number(&mut self) -> Option<usize> {
        self.blanks();
        let digits = self.take_while(|b| b.is_ascii_digit());
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// One value; `None` where there is none or it does not end.
    pub(super) fn value(&mut self, depth: usize) -> Option<Value> {
        self.blanks();
        match self.peek()? {
            b'<' if self.takes(b"<<") => self.dict(depth),
            b'<' => self.hex().map(Value::Text),
            b'(' => self.string().map(Value::Text),
            b'/' => self.name().map(Value::Name),
            b'[' => self.array(depth),
            b'+' | b'-' | b'.' => self.fraction(),
            b'0'..=b'9' => self.number_or_reference(),
            _ => {
                let word = self.take_while(|b| b.is_ascii_alphabetic());
                matches!(word, b"true" | b"false" | b"null").then_some(Value::Other)
            }
        }
    }

    fn fraction(&mut self) -> Option<Value> {
        let number = self.take_while(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'));
        number.iter().any(u8::is_ascii_digit).then_some(Value::Other)
    }

    fn number_or_reference(&mut self) -> Option<Value> {
        let number = self.number();
        if self.peek() == Some(b'.') {
            return self.fraction().or(Some(Value::Other));
        }
        let behind = self.at;
        if self.number().is_some() {
            self.blanks();
            if self.takes(b"R") {
                return Some(number.map_or(Value::Other, Value::Reference));
            }
        }
        self.at = behind;
        Some(number.map_or(Value::Other, Value::Number))
    }

    fn name(&mut self) -> Option<Vec<u8>> {
        let mark = |b: u8| is_blank(b) || matches!(b, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%');
        self.next()?;
        let raw = self.take_while(|b| !mark(b));
        let mut name = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((byte, tail)) = rest.split_first() {
            let escape = tail.split_at_checked(2).filter(|_| *byte == b'#');
            match escape.and_then(|(code, behind)| Some((pair(code)?, behind))) {
                Some((code, behind)) => {
                    name.push(code);
                    rest = behind;
                }
                None => {
                    name.push(*byte);
                    rest = tail;
                }
            }
        }
        Some(name)
    }

    fn hex(&mut self) -> Option<Vec<u8>> {
        self.next()?;
        let raw = self.take_while(|b| b != b'>');
        self.next()?;
        let mut digits: Vec<u8> = raw.iter().copied().filter(|b| !is_blank(*b)).collect();
        if digits.len() % 2 == 1 {
            digits.push(b'0');
        }
        digits.chunks(2).map(pair).collect()
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        self.next()?;
        let mut text = Vec::new();
        let mut open = 1usize;
        loop {
            match self.next()? {
                b'(' => open += 1,
                b')' if open == 1 => return Some(text),
                b')' => open -= 1,
                b'\\' => {
                    self.escape(&mut text)?;
                    continue;
                }
                _ => {}
            }
            text.push(self.bytes.get(self.at - 1).copied()?);
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Option<()> {
        let byte = self.next()?;
        match byte {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'(' | b')' | b'\\' => text.push(byte),
            b'0'..=b'7' => {
                let mut code = u32::from(byte - b'0');
                for _ in 0..2 {
                    match self.peek() {
                        Some(digit @ b'0'..=b'7') => code = code * 8 + u32::from(digit - b'0'),
                        _ => break,
                    }
                    self.at += 1;
                }
                text.push(u8::try_from(code & 0xff).ok()?);
            }
            // A line that goes on.
            b'\r' => {
                self.takes(b"\n");
            }
            b'\n' => {}
            _ => text.extend([b'\\', byte]),
        }
        Some(())
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.next()?;
        let mut only = None;
        let mut count = 0usize;
        loop {
            self.blanks();
            if self.takes(b"]") {
                break;
            }
            if depth >= DEPTH {
                return None;
            }
            only = Some(self.value(depth + 1)?);
            count += 1;
        }
        Some(match only {
            Some(Value::Name(name)) if count == 1 => Value::Names(name),
            _ => Value::Other,
        })
    }

    fn dict(&mut self, depth: usize) -> Option<Value> {
        if depth >= DEPTH {
            return None;
        }
        let mut dict = Dict::default();
        let (mut counted, mut first, mut link) = (false, None, None);
        loop {
            self.blanks();
            if self.takes(b">>") {
                break;
            }
            if self.peek()? != b'/' {
                return None;
            }
            let key = self.name()?;
            let value = self.value(depth + 1)?;
            match (key.as_slice(), value) {
                (b"Type", Value::Name(name)) => dict.kind = name,
                (b"S", _) => dict.action = true,
                (b"JS", value) => dict.script = value,
                (b"Encrypt", _) => dict.encrypted = true,
                (b"OpenAction", _) => self.opens = true,
                (b"Filter", Value::Name(name) | Value::Names(name)) => dict.filter = name,
                (b"Filter", _) => dict.filter = b" ".to_vec(),
                (b"N", Value::Number(_)) => counted = true,
                (b"First", Value::Number(at)) => first = Some(at),
                (b"URI", Value::Text(text)) => link = Some(text),
                _ => {}
            }
        }
        self.links.extend(link);
        dict.first = first.filter(|_| counted);
        Some(Value::Dict(Box::new(dict)))
    }
}

/// A byte of two hex digits.
fn pair(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| digits.get(at).and_then(|d| char::from(*d).to_digit(16));
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

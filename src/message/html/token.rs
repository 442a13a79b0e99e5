//! HTML cut into tokens by the rules of browsers: in one pass, borrowed from the source, whatever the source is. Knows nothing of what
//! elements mean.

use memchr::{memchr, memchr_iter, memmem};
use std::borrow::Cow;

/// One token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'s> {
    /// Text between tags, characters by name still in it.
    Text(&'s str),
    /// The name as written; attributes were handed over before.
    Start { name: &'s str, closed: bool },
    /// An end tag.
    End { name: &'s str },
    /// Comments, doctypes and what browsers take for comments.
    Aside { xml: bool },
}

/// A source being read.
pub(super) struct Tokens<'s> {
    rest: &'s str,
    /// The name of a start tag that the source ends in.
    pub(super) cut: Option<&'s str>,
}

impl<'s> Tokens<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self { rest: source, cut: None }
    }

    /// The next token; attributes of a start tag go to `each` as they come.
    pub(super) fn next(&mut self, each: impl FnMut(&'s str, Cow<'s, str>)) -> Option<Token<'s>> {
        loop {
            if let Some(text) = self.text() {
                return Some(Token::Text(text));
            }
            let mark = *self.rest.as_bytes().get(1)?;
            match mark {
                b'/' => match self.rest.as_bytes().get(2) {
                    Some(b'>') => self.skip(3),
                    Some(letter) if letter.is_ascii_alphabetic() => {
                        self.skip(2);
                        let name = self.name();
                        self.attributes(|_, _| {})?;
                        return Some(Token::End { name });
                    }
                    _ => return self.aside(),
                },
                b'!' | b'?' => return self.aside(),
                _ => {
                    self.skip(1);
                    let name = self.name();
                    let named = !self.rest.is_empty();
                    let Some(closed) = self.attributes(each) else {
                        self.cut = Some(name).filter(|_| named);
                        return None;
                    };
                    return Some(Token::Start { name, closed });
                }
            }
        }
    }

    /// Takes all up to the next end tag as text, whatever stands in it; nothing where the source ends first. No further than `reach`.
    pub(super) fn raw(&mut self, reach: usize) -> Option<&'s str> {
        let near = self.rest.get(..self.rest.floor_char_boundary(reach)).unwrap_or(self.rest);
        let begins = |at: &usize| near.as_bytes().get(at + 2).is_some_and(u8::is_ascii_alphabetic);
        let end = memmem::find_iter(near.as_bytes(), b"</").find(begins);
        let cut = (near.len() < self.rest.len()).then_some(near.len());
        Some(self.take(end.or(cut)?))
    }

    fn take(&mut self, length: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn skip(&mut self, length: usize) {
        self.take(length);
    }

    /// Text up to the next `<` that begins something.
    fn text(&mut self) -> Option<&'s str> {
        let bytes = self.rest.as_bytes();
        let begins = |at: &usize| match bytes.get(at + 1) {
            Some(b'/') => bytes.get(at + 2).is_some(),
            Some(next) => next.is_ascii_alphabetic() || matches!(next, b'!' | b'?'),
            None => false,
        };
        let end = memchr_iter(b'<', bytes).find(begins).unwrap_or(bytes.len());
        (end > 0).then(|| self.take(end))
    }

    /// A comment or the like, from its `<`.
    fn aside(&mut self) -> Option<Token<'s>> {
        let xml = self.rest.starts_with("<?");
        let Some(comment) = self.rest.strip_prefix("<!--") else {
            let end = memchr(b'>', self.rest.as_bytes()).map_or(self.rest.len(), |at| at + 1);
            self.skip(end);
            return Some(Token::Aside { xml });
        };
        let short = [">", "->"].into_iter().find(|end| comment.starts_with(end));
        let length = short.map_or_else(|| comment_end(comment.as_bytes()), str::len);
        self.skip(4 + length);
        Some(Token::Aside { xml })
    }

    fn name(&mut self) -> &'s str {
        let end = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'/' | b'>');
        let length = self.rest.bytes().position(|b| end(&b)).unwrap_or(self.rest.len());
        self.take(length)
    }

    /// Attributes up to and with the `>`; whether the element ends with its start. `None` where the source ends first.
    fn attributes(&mut self, mut each: impl FnMut(&'s str, Cow<'s, str>)) -> Option<bool> {
        loop {
            self.rest = self.rest.trim_ascii_start();
            match self.rest.as_bytes().first()? {
                b'>' => {
                    self.skip(1);
                    return Some(false);
                }
                b'/' => {
                    self.skip(1);
                    if self.rest.starts_with('>') {
                        self.skip(1);
                        return Some(true);
                    }
                }
                _ => {
                    let name = self.attribute_name();
                    let (value, bare) = self.value()?;
                    // Browsers take the slash for a part of the value; rspamd does not.
                    let last = value.strip_suffix('/').filter(|_| bare && self.rest.starts_with('>'));
                    each(name, blanks(htmlize::unescape_attribute(last.unwrap_or(value))));
                    if last.is_some() {
                        self.skip(1);
                        return Some(true);
                    }
                }
            }
        }
    }

    fn attribute_name(&mut self) -> &'s str {
        let end = |(at, b): &(usize, u8)| b.is_ascii_whitespace() || matches!(b, b'/' | b'>') || (*b == b'=' && *at > 0);
        let length = self.rest.bytes().enumerate().find(end).map_or(self.rest.len(), |(at, _)| at);
        self.take(length)
    }

    /// The value of an attribute, and whether it stands without quotes. `None` where the source ends first.
    fn value(&mut self) -> Option<(&'s str, bool)> {
        self.rest = self.rest.trim_ascii_start();
        let Some(value) = self.rest.strip_prefix('=') else {
            return Some(("", false));
        };
        self.rest = value.trim_ascii_start();
        let quote = *self.rest.as_bytes().first()?;
        if !matches!(quote, b'"' | b'\'') {
            let end = |b: u8| b.is_ascii_whitespace() || b == b'>';
            let length = self.rest.bytes().position(end).unwrap_or(self.rest.len());
            return Some((self.take(length), true));
        }
        self.skip(1);
        let length = memchr(quote, self.rest.as_bytes()).unwrap_or(self.rest.len());
        let value = self.take(length);
        self.skip(1);
        Some((value, false))
    }
}

/// What came of characters by name: a blank that does not break is a blank.
pub(super) fn blanks(decoded: Cow<'_, str>) -> Cow<'_, str> {
    match decoded {
        Cow::Owned(text) if text.contains('\u{a0}') => Cow::Owned(text.replace('\u{a0}', " ")),
        other => other,
    }
}

/// Where a comment ends, from behind its `<!--`.
fn comment_end(comment: &[u8]) -> usize {
    let usual = memmem::find(comment, b"-->").map_or(comment.len(), |at| at + 3);
    let odd = memmem::find(comment.get(..usual).unwrap_or(comment), b"--!>");
    odd.map_or(usual, |at| at + 4)
}

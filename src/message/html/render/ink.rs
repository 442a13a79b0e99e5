//! Text as it is written down: runs of blanks become one, lines end where elements ask for it.

use crate::message::html::token::blanks;

/// Bytes up to where the text is not just words with one blank between them.
fn even(text: &str) -> usize {
    let bytes = text.as_bytes();
    let odd = |(at, byte): (usize, &u8)| match byte {
        b' ' => bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace),
        other => other.is_ascii_whitespace(),
    };
    bytes.iter().enumerate().position(odd).unwrap_or(bytes.len())
}

/// A text in the making.
#[derive(Default)]
pub(super) struct Ink(String);

impl Ink {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes what stands between two tags; where it is not `drawn`, blanks take its place. Blanks that are written by name stay, but
    /// for those at the end.
    pub(super) fn write(&mut self, source: &str, drawn: bool) {
        let named = source.contains('&');
        let mut rest = source.trim_ascii_start();
        if rest.len() < source.len() {
            self.gap();
        }
        let begin = self.len();
        while !rest.is_empty() {
            let (words, tail) = rest.split_at_checked(even(rest)).unwrap_or((rest, ""));
            if named {
                self.0.push_str(&blanks(htmlize::unescape(words)));
            } else {
                self.0.push_str(words);
            }
            rest = tail.trim_ascii_start();
            if !tail.is_empty() {
                self.0.push(' ');
            }
        }
        self.end_words(begin, drawn);
    }

    /// One blank at most ends the words behind `begin`.
    fn end_words(&mut self, begin: usize, drawn: bool) {
        let words = self.0.get(begin..).unwrap_or_default();
        let letters = words.trim_ascii_end().len();
        if words.len() > letters + 1 {
            self.0.truncate(begin + letters);
            self.0.push(' ');
        }
        if !drawn {
            let length = self.len() - begin;
            self.0.truncate(begin);
            self.0.extend(std::iter::repeat_n(' ', length));
        }
    }

    /// Words that replace an image, as they are, with blanks around them.
    pub(super) fn aside(&mut self, words: &str) {
        self.gap();
        self.0.push_str(words);
        if !words.ends_with(|c: char| c.is_ascii_whitespace()) {
            self.0.push(' ');
        }
    }

    /// A blank, unless one is there or the line is new.
    pub(super) fn gap(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with([' ', '\n']) {
            self.0.push(' ');
        }
    }

    /// Ends the line, once more where it ended already.
    pub(super) fn line_end(&mut self) {
        self.0.push('\n');
    }

    /// Ends the line where something stands in it, if only blanks. Those at its end behind `own` go.
    pub(super) fn new_line(&mut self, own: usize) {
        if self.0.is_empty() || self.0.ends_with('\n') {
            return;
        }
        let letters = self.0.trim_end_matches(' ').len();
        self.0.truncate(letters.max(own.min(self.len())));
        self.line_end();
    }

    /// All of it.
    pub(super) fn all(self) -> String {
        self.0
    }

    /// The text up to `end`, without blanks at its end; of its line ends there one stays.
    pub(super) fn finish(mut self, end: usize) -> String {
        self.0.truncate(end);
        let line = self.0.ends_with('\n');
        self.0.truncate(self.0.trim_ascii_end().len());
        if line {
            self.line_end();
        }
        self.0
    }
}

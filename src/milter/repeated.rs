//! Finds the headers once more at the start of a body: Stalwart sends the whole message there, headers and all.
//!
//! The two copies may differ in blanks and folds, since the MTA took some away when it sent the headers singly. They must
//! agree in everything else, above all in where a header begins: a sender who writes his headers into the text once more,
//! but not quite, shall not choose what is scanned.

/// Length of a header block at the start of `body` that says the same as `head`, blank line included. Both are read once.
pub fn repeated_block(head: &[u8], body: &[u8]) -> Option<usize> {
    let mut ours = Words::new(head);
    let mut theirs = Words::new(body);
    let mut seen = false;
    loop {
        let word = ours.next()?;
        if theirs.next()? != word {
            return None;
        }
        if word == Word::EndOfBlock {
            return seen.then_some(theirs.at);
        }
        seen = true;
    }
}

/// What headers consist of, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Byte(u8),
    Blank,
    EndOfHeader,
    EndOfBlock,
}

/// Reads a header block word by word; blanks behind the colon and at the end of a header are no words.
struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
    line_start: bool,
    in_name: bool,
    after_colon: bool,
}

impl<'a> Words<'a> {
    fn new(bytes: &'a [u8]) -> Words<'a> {
        Words {
            bytes,
            at: 0,
            line_start: true,
            in_name: true,
            after_colon: false,
        }
    }

    /// Length of the line end at a place, 0 if there is none.
    fn line_end(&self, at: usize) -> usize {
        match self.bytes.get(at..) {
            Some([b'\n', ..]) => 1,
            Some([b'\r', b'\n', ..]) => 2,
            _ => 0,
        }
    }

    fn next(&mut self) -> Option<Word> {
        let end = self.line_end(self.at);
        if self.line_start && end > 0 {
            self.at += end;
            return Some(Word::EndOfBlock);
        }
        self.line_start = false;
        let begun = self.at;
        loop {
            let end = self.line_end(self.at);
            let byte = *self.bytes.get(self.at)?;
            self.at += end.max(1);
            match byte {
                _ if end > 0 => {
                    if !matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
                        (self.line_start, self.in_name, self.after_colon) = (true, true, false);
                        return Some(Word::EndOfHeader);
                    }
                }
                b' ' | b'\t' => {}
                _ if self.at - 1 > begun && !self.after_colon => {
                    self.at -= 1; // the byte behind the blanks is the next word
                    return Some(Word::Blank);
                }
                _ => {
                    self.after_colon = self.in_name && byte == b':';
                    self.in_name &= byte != b':';
                    return Some(Word::Byte(byte));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"From: a b@c\r\nSubject: hello\r\n\tworld\r\nX-Empty: \r\n\r\n";

    #[test]
    fn copies_may_differ_in_blanks() {
        for copy in [
            HEAD,
            b"From:a b@c\nSubject:  hello\n  world \nX-Empty:\n\n",
            b"From:\ta\tb@c\r\nSubject:\r\n hello world\r\nX-Empty:\r\n\r\n",
        ] {
            let body = [copy, b" text\r\n"].concat();
            assert_eq!(repeated_block(HEAD, &body), Some(copy.len()), "{}", copy.escape_ascii());
        }
    }

    #[test]
    fn anything_else_is_no_copy() {
        for body in [
            &b""[..],
            b"text",
            b"\r\nFrom: a b@c\r\nSubject: hello world\r\nX-Empty:\r\n\r\n",
            b"From: ab@c\r\nSubject: hello world\r\nX-Empty:\r\n\r\n",
            b"From: a\r\nb@c\r\nSubject: hello world\r\nX-Empty:\r\n\r\n",
            b"From: a b@c\r\n Subject: hello world\r\nX-Empty:\r\n\r\n",
            b"From: a b@c\r\nSubject: hello world\r\nX-Empty:\r\nX-More: y\r\n\r\n",
            b"From: a b@c\r\nSubject: hello world\r\nX-Empty:\r\n",
        ] {
            assert_eq!(repeated_block(HEAD, body), None, "{}", body.escape_ascii());
        }
        assert_eq!(repeated_block(b"\r\n", b"\r\ntext"), None);
    }
}

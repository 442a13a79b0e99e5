//! A message as it grows from packets: its exact bytes in one buffer, its envelope beside them.
//!
//! Headers are written `Name:value` as they came, or with one blank between where the MTA removed one; the LF of a fold
//! becomes the CRLF it was on the wire, so that signatures still hold. The body is appended once and never moved.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use memchr::memchr;

use super::limits::Limits;
use super::repeated::repeated_block;
use crate::message::{Envelope, SmtpPath};

/// Room made at once for a message. Most fit; SIZE is not asked, since a client can write anything there.
const USUAL: usize = 16 * 1024;
/// Name under which parameters of MAIL stand among the extra values of an envelope.
const MAIL_PARAMETERS: &str = "X-Rspamd-Mail-Esmtp-Args";
/// The same for RCPT; the values begin with the recipient's number.
const RCPT_PARAMETERS: &str = "X-Rspamd-Rcpt-Esmtp-Args";

/// A whole message, to be judged.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Who sent what to whom.
    pub envelope: Envelope,
    /// Headers, blank line, body. Of an oversized message the headers only.
    pub raw: Bytes,
    /// Bytes of the headers, their blank line included.
    pub header_length: usize,
    /// How many headers came.
    pub header_count: usize,
    /// Bytes of the message in all, kept or not; a lower bound where the MTA was told to send no more.
    pub size: u64,
    /// Longer than the limit: not to be scanned.
    pub oversize: bool,
    /// The body came with a second copy of the headers, as Stalwart sends it; the first was dropped.
    pub repeated_headers: bool,
}

impl Transaction {
    /// Names of the headers as received, in order.
    pub fn headers(&self) -> HeaderNames<'_> {
        HeaderNames::new(self.raw.get(..self.header_length).unwrap_or_default())
    }

    /// How many headers of that name there are, in any case.
    pub fn count(&self, name: &str) -> usize {
        self.headers().filter(|n| n.eq_ignore_ascii_case(name.as_bytes())).count()
    }
}

/// Walks over a header block and gives the names.
#[derive(Clone, Debug)]
pub struct HeaderNames<'a> {
    rest: &'a [u8],
}

impl<'a> HeaderNames<'a> {
    /// Over a block as `Transaction` keeps it: lines end in LF, only folds begin with a blank.
    pub fn new(block: &'a [u8]) -> HeaderNames<'a> {
        HeaderNames { rest: block }
    }
}

impl<'a> Iterator for HeaderNames<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let end = memchr(b'\n', self.rest).map_or(self.rest.len(), |at| at + 1);
            let (line, rest) = self.rest.split_at(end);
            self.rest = rest;
            if matches!(line, [b' ' | b'\t' | b'\r' | b'\n', ..]) {
                continue;
            }
            if let Some(colon) = memchr(b':', line) {
                // A blank before the colon hides a header from nobody.
                return line.get(..colon).map(<[u8]>::trim_ascii_end);
            }
        }
        None
    }
}

/// A message in the making.
#[derive(Debug, Default)]
pub struct Draft {
    raw: BytesMut,
    header_length: Option<usize>,
    header_count: usize,
    size: u64,
    oversize: bool,
    envelope: Envelope,
    parameter_bytes: usize,
}

impl Draft {
    /// MAIL.
    pub fn mail(&mut self, path: &[u8], parameters: &[u8], limits: &Limits) {
        self.raw.reserve(USUAL);
        if path.len() <= limits.path {
            self.envelope.sender = Some(SmtpPath::new(&String::from_utf8_lossy(path)));
        }
        for parameter in strings(parameters) {
            self.parameter(MAIL_PARAMETERS, None, parameter, limits);
        }
    }

    /// RCPT. An empty or endless one is no recipient; it is left out without an error.
    pub fn rcpt(&mut self, path: &[u8], parameters: &[u8], limits: &Limits) {
        if path.is_empty() || path.len() > limits.path {
            return;
        }
        let index = self.envelope.recipient_count;
        if index >= limits.recipients {
            self.envelope.recipient_count += 1;
            return;
        }
        self.envelope.add_recipient(&String::from_utf8_lossy(path), limits.recipients);
        for parameter in strings(parameters) {
            self.parameter(RCPT_PARAMETERS, Some(index), parameter, limits);
        }
    }

    fn parameter(&mut self, name: &str, index: Option<usize>, parameter: &[u8], limits: &Limits) {
        // What a parameter costs beyond its text counts too: a thousand empty ones are not free.
        let cost = parameter.len() + name.len() + 32;
        if self.parameter_bytes + cost > limits.parameters {
            return;
        }
        self.parameter_bytes += cost;
        let text = String::from_utf8_lossy(parameter);
        let value = index.map_or_else(|| text.to_string(), |index| format!("{index}:{text}"));
        self.envelope.extra.push((name.to_owned(), value));
    }

    /// HEADER. One behind the end of the headers has no place any more and is only counted.
    pub fn header(&mut self, name: &[u8], value: &[u8], leading_blank: bool, limits: &Limits) {
        self.header_count += 1;
        let needed = name.len() + value.len() + 4;
        if self.header_length.is_some() || !self.room(needed, limits) {
            return;
        }
        self.raw.reserve(needed);
        let before = self.raw.len();
        self.raw.put_slice(name);
        self.raw.put_slice(if leading_blank { b":" } else { b": " });
        let mut lines = value.split(|b| *b == b'\n');
        let mut line = lines.next().unwrap_or_default();
        for next in lines {
            self.raw.put_slice(line.strip_suffix(b"\r").unwrap_or(line));
            // A fold without its blank would be a header of its own, or the end of them all.
            self.raw
                .put_slice(if matches!(next, [b' ' | b'\t', ..]) { b"\r\n" } else { b"\r\n\t" });
            line = next;
        }
        self.raw.put_slice(line);
        self.raw.put_slice(b"\r\n");
        // What was needed was a guess as to blanks and folds.
        self.size = self.size - count(needed) + count(self.raw.len() - before);
    }

    /// End of headers: the blank line. Later ones change nothing.
    pub fn end_of_headers(&mut self) {
        if self.header_length.is_none() {
            self.raw.put_slice(b"\r\n");
            self.size += 2;
            self.header_length = Some(self.raw.len());
        }
    }

    /// A piece of the body.
    pub fn body(&mut self, bytes: &[u8], limits: &Limits) {
        self.end_of_headers();
        if self.room(bytes.len(), limits) {
            self.raw.extend_from_slice(bytes);
        }
    }

    /// The message is too long already.
    pub fn oversize(&self) -> bool {
        self.oversize
    }

    /// Counts, and says whether what is counted shall be kept.
    fn room(&mut self, more: usize, limits: &Limits) -> bool {
        self.size = self.size.saturating_add(count(more));
        if self.size > limits.message && !self.oversize {
            self.oversize = true;
            if let Some(headers) = self.header_length {
                // A copy, so that the memory of the body is given back now and not at the end of the message.
                self.raw = BytesMut::from(self.raw.get(..headers).unwrap_or_default());
            }
        }
        !self.oversize
    }

    /// Completes the message. The envelope still lacks what only the session knows.
    pub fn finish(mut self) -> Transaction {
        self.end_of_headers();
        let mut header_length = self.header_length.unwrap_or_default();
        let (head, body) = self.raw.split_at(header_length.min(self.raw.len()));
        let repeated = repeated_block(head, body);
        if let Some(length) = repeated {
            // The copy in the body holds the bytes as they were; ours goes.
            self.raw.advance(header_length);
            header_length = length;
        }
        Transaction {
            envelope: self.envelope,
            raw: self.raw.freeze(),
            header_length,
            header_count: self.header_count,
            size: self.size,
            oversize: self.oversize,
            repeated_headers: repeated.is_some(),
        }
    }
}

/// A length as part of a size.
fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// The strings of a list, without the empty ones.
fn strings(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|b| *b == 0).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(headers: &[(&str, &str)], leading_blank: bool, body: &[u8]) -> Transaction {
        let limits = Limits::default();
        let mut draft = Draft::default();
        for (name, value) in headers {
            draft.header(name.as_bytes(), value.as_bytes(), leading_blank, &limits);
        }
        draft.end_of_headers();
        draft.body(body, &limits);
        draft.finish()
    }

    #[test]
    fn bytes_are_those_of_the_wire() {
        let exact = built(
            &[("From", " a@b.c"), ("X-No", "x"), ("X-Fold", " a\n\tb\n  c"), ("X-E", "")],
            true,
            b"hi\r\n",
        );
        assert_eq!(
            &exact.raw[..],
            b"From: a@b.c\r\nX-No:x\r\nX-Fold: a\r\n\tb\r\n  c\r\nX-E:\r\n\r\nhi\r\n"
        );
        let stripped = built(&[("From", "a@b.c"), ("X-Two", " two"), ("X-Tab", "\tt")], false, b"");
        assert_eq!(&stripped.raw[..], b"From: a@b.c\r\nX-Two:  two\r\nX-Tab: \tt\r\n\r\n");
        assert_eq!(exact.size, exact.raw.len() as u64);
    }

    #[test]
    fn a_header_cannot_become_two() {
        let mail = built(&[("X", "a\nEvil: b\n\nbody"), ("Y", "c\r\n d\n")], false, b"");
        assert_eq!(&mail.raw[..], b"X: a\r\n\tEvil: b\r\n\t\r\n\tbody\r\nY: c\r\n d\r\n\t\r\n\r\n");
        assert_eq!(mail.headers().collect::<Vec<_>>(), [&b"X"[..], b"Y"]);
    }

    #[test]
    fn names_are_counted_in_any_case() {
        let mail = built(
            &[("X-Spam", "a\n b: c"), ("Subject", "x-spam: no"), ("x-spam", "")],
            false,
            b"X-Spam: body\r\n",
        );
        assert_eq!((mail.count("X-SPAM"), mail.count("Subject"), mail.count("To")), (2, 1, 0));
        assert_eq!(mail.header_count, 3);
    }

    #[test]
    fn repeated_headers_are_dropped_once() {
        let body = b"Subject:  hello\n\tworld\r\nX-Empty:\r\n\r\nSubject: hello\r\n\r\ntext\r\n";
        let mail = built(&[("Subject", "hello\n\tworld"), ("X-Empty", "")], false, body);
        assert!(mail.repeated_headers);
        assert_eq!(&mail.raw[..], body);
        assert_eq!(mail.header_length, 36);
        for body in [
            &b"Subject: hello\r\ntext"[..],
            b"Subject: hello\r\nTo: x\r\n\r\n",
            b"Subject: hell\r\n\r\n",
            b"",
            b"Subject: hello",
        ] {
            assert!(!built(&[("Subject", "hello")], false, body).repeated_headers, "{body:?}");
        }
        assert!(!built(&[], false, b"\r\n\r\ntext").repeated_headers);
    }

    #[test]
    fn an_oversized_message_keeps_its_headers() {
        let limits = Limits {
            message: 100,
            ..Limits::default()
        };
        let mut draft = Draft::default();
        draft.header(b"X-Spam", b"Yes", false, &limits);
        for _ in 0..1000 {
            draft.body(b"0123456789", &limits);
        }
        let mail = draft.finish();
        assert!(mail.oversize);
        assert_eq!(mail.size, 10_000 + 15);
        assert_eq!(&mail.raw[..], b"X-Spam: Yes\r\n\r\n");
        assert_eq!(mail.count("x-spam"), 1);
    }

    #[test]
    fn recipients_are_counted_to_the_end() {
        let limits = Limits {
            recipients: 3,
            ..Limits::default()
        };
        let mut draft = Draft::default();
        draft.mail(b"<>", b"SIZE=100\0BODY=8BITMIME\0", &limits);
        for n in 0..10 {
            draft.rcpt(format!("<r{n}@x.test>").as_bytes(), b"NOTIFY=NEVER\0", &limits);
        }
        draft.rcpt(b"", b"", &limits);
        draft.rcpt(&[b'x'; 70_000], b"", &limits);
        let envelope = draft.finish().envelope;
        assert_eq!((envelope.recipients.len(), envelope.recipient_count), (3, 10));
        assert_eq!(envelope.sender.unwrap().address, "");
        assert_eq!(
            envelope.extra.first().unwrap(),
            &(MAIL_PARAMETERS.to_owned(), "SIZE=100".to_owned())
        );
        assert_eq!(
            envelope.extra.last().unwrap(),
            &(RCPT_PARAMETERS.to_owned(), "2:NOTIFY=NEVER".to_owned())
        );
    }
}

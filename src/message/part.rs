//! One MIME part: what it says of itself and its content, decoded when first asked for. Where it begins and ends was
//! decided by `structure`.

use super::archive::{self, Archive};
use super::content::{ContentType, Disposition};
use super::encoding::Encoding;
use super::headers::Headers;
use super::html::Html;
use super::parse;
use super::pdf::Pdf;
use super::sniff;
use super::text::Plain;
use std::borrow::Cow;
use std::sync::OnceLock;

/// A part; its index in `Mail::parts` is rspamd's part number.
#[derive(Debug, Clone)]
pub struct Part<'r> {
    /// Index of the part it stands in.
    pub parent: Option<usize>,
    /// Indices of the parts in it.
    pub children: Vec<usize>,
    /// Its own header block; that of the message for the top part.
    pub headers: Headers<'r>,
    /// Content-Type, where there is one that can be read.
    pub content_type: Option<ContentType>,
    /// Content-Disposition, where there is one.
    pub disposition: Option<Disposition>,
    /// File name by disposition or type, decoded.
    pub file_name: Option<String>,
    /// The encoding as written.
    pub transfer_encoding: Encoding,
    /// The encoding in effect: where none or an unknown one is written, what the first bytes look like.
    pub effective_encoding: Encoding,
    /// Its bytes behind its headers, still encoded.
    pub raw: &'r [u8],
    /// No Content-Type was given, or none that can be read; the type is a default.
    pub type_missing: bool,
    pub(super) mime_type: Cow<'static, str>,
    pub(super) data: OnceLock<Vec<u8>>,
    pub(super) text: OnceLock<Cow<'r, str>>,
    pub(super) is_html: OnceLock<bool>,
    pub(super) html: OnceLock<Option<Box<Html>>>,
    pub(super) plain: OnceLock<Option<Box<Plain>>>,
    pub(super) archive: OnceLock<Option<Archive>>,
    pub(super) pdf: OnceLock<Option<Box<Pdf>>>,
}

impl<'r> Part<'r> {
    /// `text/plain` and the like in lower case: the declared type or the default.
    pub fn mime_type(&self) -> &str {
        &self.mime_type
    }

    /// The word before the slash.
    pub fn main_type(&self) -> &str {
        self.slash().and_then(|at| self.mime_type.get(..at)).unwrap_or(&self.mime_type)
    }

    /// The word behind the slash.
    pub fn sub_type(&self) -> &str {
        self.slash().and_then(|at| self.mime_type.get(at + 1..)).unwrap_or_default()
    }

    fn slash(&self) -> Option<usize> {
        memchr::memchr(b'/', self.mime_type.as_bytes())
    }

    /// It holds other parts.
    pub fn is_multipart(&self) -> bool {
        self.main_type() == "multipart"
    }

    /// Its type is text.
    pub fn is_text(&self) -> bool {
        self.main_type() == "text"
    }

    /// It is a message in the message: by the peer's reading any `message/` type but status reports.
    pub fn is_message(&self) -> bool {
        let sub = self.sub_type();
        self.main_type() == "message" && sub != "delivery-status" && !sub.contains("notification")
    }

    /// Its disposition says attachment, or it has a file name and is no picture that the text shows.
    pub fn is_attachment(&self) -> bool {
        let kind = self.disposition.as_ref().map_or("", |d| d.kind.as_str());
        kind == "attachment" || (self.file_name.is_some() && !(self.main_type() == "image" && kind == "inline"))
    }

    /// The charset it names.
    pub fn charset(&self) -> Option<&str> {
        self.content_type.as_ref().and_then(|t| t.params.get("charset"))
    }

    /// Its content with the transfer encoding undone; decoded once.
    pub fn data(&self) -> &[u8] {
        match self.effective_encoding {
            Encoding::Base64 => self.data.get_or_init(|| parse::base64(self.raw)),
            Encoding::QuotedPrintable => self.data.get_or_init(|| parse::quoted_printable(self.raw)),
            Encoding::Uuencode => self
                .data
                .get_or_init(|| parse::uuencode(self.raw).unwrap_or_else(|| self.raw.to_vec())),
            _ => self.raw,
        }
    }

    /// It says that it is uuencoded and is not.
    pub fn is_undecodable(&self) -> bool {
        !self.is_multipart() && self.effective_encoding == Encoding::Uuencode && parse::uuencode(self.raw).is_none()
    }

    /// Its content as UTF-8, for text parts only; decoded once.
    pub fn text(&self) -> Option<&str> {
        self.is_text().then(|| self.text.get_or_init(|| self.to_utf8()).as_ref())
    }

    /// Its text is HTML: by its content, whatever its type says, by its type, or by its name.
    pub fn is_html(&self) -> bool {
        *self.is_html.get_or_init(|| {
            if self.is_multipart() || matches!(self.main_type(), "message" | "image" | "audio" | "video") {
                return false;
            }
            let named = self
                .file_name
                .as_deref()
                .is_some_and(|n| n.len() > 5 && sniff::has_suffix(n, &[".htm", ".html"]));
            let typed = matches!(self.main_type(), "text" | "application") && matches!(self.sub_type(), "html" | "xhtml" | "xhtml+xml");
            typed || (self.is_text() && named) || sniff::looks_like_html(self.data())
        })
    }

    /// The part read as HTML, once; `None` for anything else.
    pub fn html(&self) -> Option<&Html> {
        let read = || match self.text() {
            _ if !self.is_html() => None,
            Some(text) => Some(Box::new(Html::read(text))),
            None => Some(Box::new(Html::read(&parse::guess(self.data())))),
        };
        self.html.get_or_init(read).as_deref()
    }

    /// The text a reader sees with its lines joined, once; `None` for parts without text.
    pub fn plain(&self) -> Option<&Plain> {
        let read = || match self.html() {
            Some(html) => Some(Box::new(Plain::read(&html.text, true))),
            None => self.text().map(|t| Box::new(Plain::read(t, false))),
        };
        self.plain.get_or_init(read).as_deref()
    }

    /// What is listed inside, where its content is an archive; listed once.
    pub fn archive(&self) -> Option<&Archive> {
        if self.is_multipart() || self.is_message() {
            return None;
        }
        let read = || archive::list(self.data(), self.file_name.as_deref());
        self.archive.get_or_init(read).as_ref()
    }

    /// What is in it, where it is a PDF: by its content, or by its type where that says nothing; read once.
    pub fn pdf(&self) -> Option<&Pdf> {
        if self.is_multipart() || self.is_message() {
            return None;
        }
        let read = || {
            let is_pdf = sniff::detect(self.data()).map_or_else(|| self.mime_type() == "application/pdf", |kind| kind.ext == "pdf");
            is_pdf.then(|| Box::new(Pdf::read(self.data())))
        };
        self.pdf.get_or_init(read).as_deref()
    }

    fn to_utf8(&self) -> Cow<'r, str> {
        let named = self.charset().filter(|label| !is_utf8_label(label));
        if !matches!(
            self.effective_encoding,
            Encoding::Base64 | Encoding::QuotedPrintable | Encoding::Uuencode
        ) {
            // Nothing to undo: where the bytes are UTF-8 already they are borrowed.
            if let Ok(text) = std::str::from_utf8(self.raw)
                && (named.is_none() || plain_ascii(named, self.raw))
            {
                return Cow::Borrowed(text);
            }
        }
        let data = self.data();
        if let Some(text) = named.and_then(|label| parse::charset(label, data)) {
            return Cow::Owned(text);
        }
        Cow::Owned(parse::guess(data))
    }
}

pub(super) fn is_utf8_label(label: &str) -> bool {
    label.eq_ignore_ascii_case("utf-8") || label.eq_ignore_ascii_case("utf8") || label.eq_ignore_ascii_case("us-ascii")
}

/// ASCII bytes mean the same in every charset but the stateful and the wide ones.
fn plain_ascii(label: Option<&str>, bytes: &[u8]) -> bool {
    let stateful = label.is_some_and(|l| {
        let l = l.to_ascii_lowercase();
        ["2022", "utf-7", "utf7", "utf-16", "utf16", "utf-32", "hz"]
            .iter()
            .any(|s| l.contains(s))
    });
    !stateful && bytes.is_ascii()
}

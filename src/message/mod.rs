//! A message: its envelope and its parsed bytes.

pub mod address;
pub mod envelope;

pub use envelope::{Envelope, SmtpPath};

/// Limits of the parser. (To come with the parser.)
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Addresses read from To, Cc and Bcc together.
    pub max_recipients: usize,
    /// MIME parts, multiparts included.
    pub max_parts: usize,
}

/// The parsed view of a message. (To come with the parser: for now the whole message is one text part.)
pub struct Mail<'r> {
    parts: Vec<Part<'r>>,
}

/// One part. (To come with the parser.)
pub struct Part<'r> {
    text: &'r str,
}

impl Part<'_> {
    /// The text.
    pub fn text(&self) -> Option<&str> {
        Some(self.text)
    }
}

impl<'r> Mail<'r> {
    /// Takes the bytes.
    pub fn parse(raw: &'r [u8], _limits: &Limits) -> Mail<'r> {
        Mail::raw_text(raw)
    }

    /// Takes the bytes.
    pub fn raw_text(raw: &'r [u8]) -> Mail<'r> {
        let text = std::str::from_utf8(raw).unwrap_or_default();
        Mail {
            parts: vec![Part { text }],
        }
    }

    /// The parts.
    pub fn parts(&self) -> &[Part<'r>] {
        &self.parts
    }

    /// No header is read yet.
    pub fn message_id(&self) -> Option<&str> {
        None
    }

    /// No header is read yet.
    pub fn subject(&self) -> Option<&str> {
        None
    }

    /// No digest yet.
    pub fn digest(&self) -> String {
        String::new()
    }
}

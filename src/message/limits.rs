//! How far a message is read, and what was wrong with it. Plain data.

/// Bounds of the parser. What lies beyond is not lost from the raw bytes, it is merely not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Header fields of the message and all its parts together.
    pub max_headers: usize,
    /// MIME parts, multiparts included.
    pub max_parts: usize,
    /// Multiparts and messages inside each other.
    pub max_depth: usize,
    /// Addresses read from To, Cc and Bcc together, and from any other address header.
    pub max_recipients: usize,
    /// Received headers read.
    pub max_received: usize,
    /// URLs and addresses kept of one message.
    pub max_urls: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_headers: 10_000,
            max_parts: 1_000,
            max_depth: 31,
            max_recipients: 1_024,
            max_received: 1_000,
            max_urls: 10_000,
        }
    }
}

/// What the parser noticed. All false for an ordinary message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anomalies {
    /// Not one header field was found.
    pub no_headers: bool,
    /// A header block is broken the way `BROKEN_HEADERS` means it: a line without colon, a blank in a name, no end.
    pub broken_headers: bool,
    /// The same in a part that begins behind the end of the top multipart: the footer of a list below its `-- ` line.
    pub broken_footer: bool,
    /// A multipart without a boundary, or whose boundary never appears.
    pub bad_boundary: bool,
    /// A multipart was not closed.
    pub unclosed_boundary: bool,
    /// Parts inside parts beyond `Limits::max_depth`.
    pub too_deep: bool,
    /// More parts than `Limits::max_parts`.
    pub too_many_parts: bool,
    /// More header fields than `Limits::max_headers`.
    pub too_many_headers: bool,
    /// A CR without LF ends a header line.
    pub bare_cr: bool,
    /// A NUL byte in the header block.
    pub nul_in_headers: bool,
    /// An mbox `From ` line stood in front.
    pub mbox_line: bool,
}

/// How a message ends its lines, judged by its first line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Newline {
    /// `\r\n`
    Crlf,
    /// `\n`
    #[default]
    Lf,
    /// `\r`
    Cr,
}

impl Newline {
    /// Its bytes.
    pub fn as_str(self) -> &'static str {
        match self {
            Newline::Crlf => "\r\n",
            Newline::Lf => "\n",
            Newline::Cr => "\r",
        }
    }

    /// Judges by the first line end.
    pub(super) fn of(raw: &[u8]) -> Newline {
        match memchr::memchr2(b'\r', b'\n', raw) {
            Some(at) if raw.get(at) == Some(&b'\n') => Newline::Lf,
            Some(at) if raw.get(at + 1) == Some(&b'\n') => Newline::Crlf,
            Some(_) => Newline::Cr,
            None => Newline::Lf,
        }
    }
}

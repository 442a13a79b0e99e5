//! Transfer encodings: the word in the header, and the encoding that the peer assumes where there is none. Undoing them is
//! the business of `parse`.

use super::part::Part;

/// A Content-Transfer-Encoding, by rspamd's reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// No such header, or an unknown word in it.
    #[default]
    Unknown,
    /// `7bit`
    SevenBit,
    /// `8bit`
    EightBit,
    /// `binary`
    Binary,
    /// `quoted-printable`
    QuotedPrintable,
    /// `base64`
    Base64,
    /// `x-uuencode` and its other names
    Uuencode,
}

impl Encoding {
    /// Reads a header value: a name alone, with marks around it or without; as the peer was seen to.
    pub fn read(value: &str) -> Encoding {
        let word = value.trim_matches(|c: char| c.is_ascii_whitespace() || "!#'+,-.;`~".contains(c));
        const NAMES: [(&str, Encoding); 8] = [
            ("7bit", Encoding::SevenBit),
            ("8bit", Encoding::EightBit),
            ("binary", Encoding::Binary),
            ("quoted-printable", Encoding::QuotedPrintable),
            ("base64", Encoding::Base64),
            ("x-uuencode", Encoding::Uuencode),
            ("uuencode", Encoding::Uuencode),
            ("x-uue", Encoding::Uuencode),
        ];
        NAMES
            .iter()
            .find(|(name, _)| word.eq_ignore_ascii_case(name))
            .map_or(Encoding::Unknown, |(_, e)| *e)
    }

    /// The name that rspamd shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Unknown => "unknown",
            Encoding::SevenBit => "7bit",
            Encoding::EightBit => "8bit",
            Encoding::Binary => "binary",
            Encoding::QuotedPrintable => "quoted-printable",
            Encoding::Base64 => "base64",
            Encoding::Uuencode => "uuencode",
        }
    }
}

/// How much of a part decides.
const SAMPLE: usize = 128;

/// Bytes behind the first line of uuencoded text.
const SHORTEST_LINES: usize = 4;

/// What is written, `binary` being as good as 8bit, else the encoding of the part around it.
pub(super) fn inherited(part: &Part<'_>, parent: Option<&Part<'_>>) -> Encoding {
    match (part.transfer_encoding, parent) {
        (Encoding::Binary, _) => Encoding::EightBit,
        (Encoding::Unknown, Some(parent)) => parent.effective_encoding,
        (written, _) => written,
    }
}

/// The encoding in effect for a part whose bytes are known: what it inherited, or what the first bytes look like.
pub(super) fn effective(part: &Part<'_>) -> Encoding {
    if part.is_multipart() || part.is_message() {
        return part.effective_encoding;
    }
    match part.effective_encoding {
        Encoding::Unknown => guess(part.raw),
        Encoding::Base64 | Encoding::QuotedPrintable if guess(part.raw) == Encoding::EightBit => Encoding::EightBit,
        known => known,
    }
}

/// What the bytes look like.
fn guess(raw: &[u8]) -> Encoding {
    let text = raw.trim_ascii_start();
    let text = text.get(..text.len().min(4096)).unwrap_or(text).trim_ascii_end();
    let bare = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let padded = bare.len() < text.len();
    let sample = bare.get(..bare.len().min(SAMPLE)).unwrap_or(bare);
    if !sample.is_ascii() {
        return Encoding::EightBit;
    }
    if let Some(rest) = text
        .strip_prefix(b"begin ")
        .filter(|rest| rest.first().is_some_and(u8::is_ascii_digit))
    {
        let lines = memchr::memchr(b'\n', rest).and_then(|end| rest.get(end + 1..));
        if lines.is_some_and(|lines| lines.len() >= SHORTEST_LINES) {
            return Encoding::Uuencode;
        }
    }
    let base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    if !sample.is_empty() && sample.iter().all(base64) {
        let upper = sample.iter().filter(|b| b.is_ascii_uppercase()).count();
        let lower = sample.iter().filter(|b| b.is_ascii_lowercase()).count();
        let likely = padded || (upper > 1 && lower > 1);
        let fits = raw.len() > 80 || text.len().is_multiple_of(4);
        return if likely && fits { Encoding::Base64 } else { Encoding::SevenBit };
    }
    let signs = sample.iter().filter(|b| **b == b'=').count();
    let escapes = sample
        .windows(4)
        .filter(|w| matches!(w, [b'=', a, b, _] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()));
    if signs > 2 && escapes.count() > 2 {
        Encoding::QuotedPrintable
    } else {
        Encoding::SevenBit
    }
}

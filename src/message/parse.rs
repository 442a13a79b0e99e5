//! The one door to `mail_parser`: transfer encodings and the charsets that browsers do not know. It decodes bytes; where
//! parts and headers begin is decided in `structure` and `block`, since rules need the peer's reading of broken mail.

use mail_parser::decoders::{base64::base64_decode, charsets::map::charset_decoder, quoted_printable::quoted_printable_decode};

/// Decodes base64; bytes outside the alphabet are skipped, since spam relies on readers that do so.
pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    base64_decode(bytes).unwrap_or_else(|| {
        let clean: Vec<u8> = bytes
            .iter()
            .copied()
            .filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
            .collect();
        base64_decode(&clean).unwrap_or_default()
    })
}

/// Decodes quoted-printable; escapes that are none stay as they are.
pub(super) fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    quoted_printable_decode(bytes).unwrap_or_else(|| lenient_quoted_printable(bytes))
}

fn lenient_quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'=', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 1..).unwrap_or_default();
        match rest {
            [a, b, tail @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                out.push(hex(*a) << 4 | hex(*b));
                rest = tail;
            }
            [b'\r', b'\n', tail @ ..] | [b'\n' | b'\r', tail @ ..] => rest = tail,
            [] => {}
            _ => out.push(b'='),
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Decodes uuencoded bytes, one file; `None` where none begins at the front or a letter is none of theirs.
pub(super) fn uuencode(bytes: &[u8]) -> Option<Vec<u8>> {
    let named = bytes.trim_ascii_start().strip_prefix(b"begin ")?;
    let mut lines = named.split(|b| *b == b'\n').skip(1).filter(|line| !line.is_empty()).peekable();
    lines.peek()?;
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    for line in lines {
        let (length, text) = line.trim_ascii_end().split_first().unwrap_or((&b' ', &[]));
        if line.starts_with(b"end") {
            break;
        }
        let length = usize::from(length.checked_sub(b' ').filter(|n| *n <= 64)? & 63);
        if length == 0 {
            break;
        }
        let letters = text.get(..length.div_ceil(3) * 4).unwrap_or(text);
        let sixes: Option<Vec<u8>> = letters
            .iter()
            .map(|b| b.checked_sub(b' ').filter(|n| *n <= 64).map(|n| n & 63))
            .collect();
        let start = out.len();
        for four in sixes?.chunks(4) {
            let at = |i: usize| four.get(i).copied().unwrap_or_default();
            out.extend([at(0) << 2 | at(1) >> 4, at(1) << 4 | at(2) >> 2, at(2) << 6 | at(3)]);
        }
        out.truncate(start + length);
    }
    Some(out)
}

/// Value of a hexadecimal digit; 0 for any other byte.
pub(super) fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// Text in a named charset as UTF-8; `None` where nobody knows the name.
pub(super) fn charset(label: &str, bytes: &[u8]) -> Option<String> {
    let label = label.trim_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '<' | '>'));
    if label.is_empty() {
        return None;
    }
    if let Some(encoding) = encoding_rs::Encoding::for_label(label.as_bytes()) {
        return Some(encoding.decode_without_bom_handling(bytes).0.into_owned());
    }
    charset_decoder(label.as_bytes()).map(|decode| decode(bytes))
}

/// So much of a text of unknown charset decides which one it is.
const SAMPLE: usize = 1024;
/// So much of that stands before the first byte that is not ASCII.
const BEFORE: usize = 32;

/// Text of unknown charset: UTF-8 where it is valid, else the best guess.
pub(super) fn guess(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    // The first foreign bytes decide, with the word that they stand in: the guess must stay cheap on large parts.
    let foreign = bytes.iter().position(|b| !b.is_ascii()).unwrap_or_default();
    let rest = bytes.get(foreign.saturating_sub(BEFORE)..).unwrap_or(bytes);
    let sample = rest.get(..rest.len().min(SAMPLE)).unwrap_or(rest);
    detector.feed(sample, true);
    let encoding = detector.guess(None, chardetng::Utf8Detection::Allow);
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charset_is_guessed_where_the_foreign_bytes_stand() {
        let word = "Здравствуйте, дорогие друзья";
        let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(word);
        let text = [&b"plain words first. ".repeat(2000)[..], &bytes].concat();
        assert!(guess(&text).ends_with(word));
    }

    #[test]
    fn uuencoded_text_is_one_file_of_its_letters() {
        let file = |lines: &str| uuencode(format!("begin 644 cat.txt\n{lines}").as_bytes());
        assert_eq!(file("#0V%T\n`\nend\n"), Some(b"Cat".to_vec()));
        assert_eq!(file("#0V%T\r\n \r\nend\r\nmore"), Some(b"Cat".to_vec()));
        assert_eq!(file("#0V\n"), Some(b"C`\0".to_vec()));
        for broken in ["", "#0v%t\n"] {
            assert_eq!(file(broken), None, "{broken}");
        }
        assert_eq!(uuencode(b"hello\nbegin 644 x\n#0V%T\n"), None);
    }
}

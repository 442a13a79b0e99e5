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
}

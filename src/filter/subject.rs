//! The rewritten Subject: a pattern filled in and made safe to stand in a header. Decides nothing.

use std::fmt::Write;

/// Longest encoded word that RFC 2047 section 2 allows.
const MAX_WORD: usize = 75;
const OPENING: &str = "=?UTF-8?Q?";
const CLOSING: &str = "?=";

/// Fills in `%s` (the old Subject), `%d` (the score) and `%%`; any other `%x` stays as it is. Encoded where it must be.
pub fn rewrite(pattern: &str, old: &str, score: f64) -> String {
    let mut text = String::with_capacity(pattern.len() + old.len());
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match rest.next() {
            Some('s') => text.push_str(old),
            Some('d') => write!(text, "{score:.2}").expect("a string takes everything"),
            Some('%') | None => text.push('%'),
            Some(other) => text.extend(['%', other]),
        }
    }
    encode(&text)
}

/// RFC 2047 where the text is not plain ASCII or could be mistaken for encoded words. Line breaks and other controls become blanks:
/// nothing may smuggle a header in.
pub fn encode(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.is_ascii() && !text.contains("=?") {
        return text;
    }
    let mut out = String::with_capacity(text.len() * 3);
    let mut room = 0;
    for c in text.chars() {
        let piece = encode_char(c);
        if piece.len() > room {
            if !out.is_empty() {
                out.push_str(CLOSING);
                out.push(' ');
            }
            out.push_str(OPENING);
            room = MAX_WORD - OPENING.len() - CLOSING.len();
        }
        room -= piece.len();
        out.push_str(&piece);
    }
    out.push_str(CLOSING);
    out
}

/// A character is never split between two words (RFC 2047 section 5).
fn encode_char(c: char) -> String {
    if c == ' ' {
        return "_".to_owned();
    }
    if c.is_ascii_alphanumeric() || "!*+-/.,:;".contains(c) {
        return c.to_string();
    }
    let mut piece = String::with_capacity(12);
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        write!(piece, "={byte:02X}").expect("a string takes everything");
    }
    piece
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The reading side, for these words only.
    fn decode(text: &str) -> String {
        if !text.starts_with(OPENING) {
            return text.to_owned();
        }
        let mut bytes = Vec::new();
        for word in text.split(' ') {
            assert!(word.len() <= MAX_WORD, "{word}");
            let inner = word
                .strip_prefix(OPENING)
                .and_then(|w| w.strip_suffix(CLOSING))
                .expect("an encoded word");
            let mut rest = inner.bytes();
            let begin = bytes.len();
            while let Some(b) = rest.next() {
                match b {
                    b'_' => bytes.push(b' '),
                    b'=' => {
                        let hex = [rest.next().unwrap(), rest.next().unwrap()];
                        bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
                    }
                    plain => bytes.push(plain),
                }
            }
            assert!(std::str::from_utf8(&bytes[begin..]).is_ok(), "a character is split: {text}");
        }
        String::from_utf8(bytes).expect("whole characters")
    }

    #[test]
    fn fills_in_the_pattern() {
        assert_eq!(rewrite("*** SPAM *** %s", "hello", 7.4), "*** SPAM *** hello");
        assert_eq!(rewrite("%%%d%x%s%", "plain", -0.1), "%-0.10%xplain%");
        assert_eq!(rewrite("[%d]", "", 15.0), "[15.00]");
        assert_eq!(rewrite("%s", "100%s", 1.0), "100%s");
    }

    #[test]
    fn encodes_what_is_not_ascii() {
        assert_eq!(encode("Grüße"), "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=");
        assert_eq!(decode(&encode(&"ä€😀 ".repeat(60))), "ä€😀 ".repeat(60));
        // It would read as something else otherwise.
        assert_eq!(encode("=?x?="), "=?UTF-8?Q?=3D=3Fx=3F=3D?=");
    }

    #[test]
    fn no_header_is_smuggled_in() {
        assert_eq!(rewrite("%s", "a\r\nBcc: x\u{0}y", 1.0), "a  Bcc: x y");
        assert!(!encode("ü\nX: y").contains('\n'));
    }

    proptest! {
        #[test]
        fn decodes_to_what_it_was(text in "\\PC{0,200}") {
            prop_assert_eq!(decode(&encode(&text)), text);
        }
    }
}

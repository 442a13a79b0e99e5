//! Text on its way to an MTA: header values, reply texts, addresses made safe for the protocol and for mail.
//!
//! Whatever a rule or an administrator wrote, what leaves here cannot begin another header, end the reply, or break the line
//! length of RFC 5322. It does not judge whether a value makes sense in its header.

use crate::message::headers::is_field_name;

/// Longest line of a header that we send; RFC 5322 allows 998.
const LINE: usize = 990;
/// Room for the content of one encoded word of 75 characters.
const WORD: usize = 63;

/// A header value: folds as LF with a blank behind, no other control characters, 8-bit text as RFC 2047 words, lines short
/// enough. `leading_blank` is what the MTA agreed to: one blank in front, or none.
pub fn header_value(name: &str, value: &str, leading_blank: bool) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    if leading_blank {
        out.push(' ');
    }
    // The first line also holds the name, its colon and a blank.
    let mut room = LINE.saturating_sub(name.len() + 2).max(LINE / 2);
    for line in value.trim().split('\n') {
        let line: String = line.chars().filter(|c| *c == '\t' || !c.is_control()).collect();
        let line = line.trim_end();
        if line.trim_start().is_empty() {
            continue; // a line of blanks would end the headers for some readers
        }
        let first = out.trim_start().is_empty();
        if !first {
            out.push('\n');
            if !line.starts_with([' ', '\t']) {
                out.push('\t');
            }
        }
        let line = if first { line.trim_start() } else { line };
        if line.is_ascii() {
            wrap(line, room, &mut out);
        } else {
            wrap_encoded(line, room, &mut out);
        }
        room = LINE;
    }
    out
}

/// Appends a line of ASCII, folded where it is too long: at a blank if it has one, else anywhere.
fn wrap(mut line: &str, mut room: usize, out: &mut String) {
    while line.len() > room {
        let window = line.get(..room).unwrap_or(line);
        let blank = window
            .rfind([' ', '\t'])
            .filter(|at| !window.get(..*at).unwrap_or_default().trim().is_empty());
        let (head, tail) = line.split_at(blank.unwrap_or(window.len()));
        out.push_str(head);
        out.push_str(if blank.is_some() { "\n" } else { "\n\t" });
        line = tail;
        room = LINE - 1;
    }
    out.push_str(line);
}

/// Appends a line with 8-bit text: what lies between the first and the last word that needs it becomes encoded words, each on
/// a line of its own.
fn wrap_encoded(line: &str, room: usize, out: &mut String) {
    let foreign = |c: char| !c.is_ascii();
    let blank = |c: char| c == ' ' || c == '\t';
    let first = line.find(foreign).unwrap_or_default();
    let last = line.rfind(foreign).unwrap_or_default();
    let start = line.get(..first).and_then(|head| head.rfind(blank)).map_or(0, |at| at + 1);
    let end = line
        .get(last..)
        .and_then(|tail| tail.find(blank))
        .map_or(line.len(), |at| last + at);
    let mut encoded = line.get(..start).unwrap_or_default().to_owned();
    if encoded.len() + 80 > room {
        wrap(&encoded, room, out);
        encoded.clear();
    }
    encode_words(line.get(start..end).unwrap_or_default(), &mut encoded);
    out.push_str(&encoded);
    let tail = line.get(end..).unwrap_or_default();
    // The last encoded word stands before it on its line.
    wrap(tail, LINE - 80, out);
}

/// Appends RFC 2047 words in the Q encoding, cut between characters, folded between words.
fn encode_words(text: &str, out: &mut String) {
    let mut length = WORD + 1;
    let mut begun = false;
    for character in text.chars() {
        let mut buffer = [0; 4];
        let bytes = character.encode_utf8(&mut buffer).as_bytes();
        let plain = matches!(character, 'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '!' | '*' | '+' | '-' | '/' | '.' | ',' | ':' | ';');
        let width = if plain { 1 } else { 3 * bytes.len() };
        if length + width > WORD {
            out.push_str(if begun { "?=\n =?UTF-8?Q?" } else { "=?UTF-8?Q?" });
            begun = true;
            length = 0;
        }
        length += width;
        match character {
            ' ' => out.push('_'),
            _ if plain => out.push(character),
            _ => bytes.iter().for_each(|byte| out.push_str(&format!("={byte:02X}"))),
        }
    }
    if begun {
        out.push_str("?=");
    }
}

/// Text of an SMTP reply, at most `room` bytes: one line, ASCII, each `%` doubled because MTAs read it as a format.
pub fn reply_text(text: &str, room: usize) -> String {
    let mut out = String::with_capacity(text.len().min(room));
    for character in text.trim().chars() {
        let mut buffer = [0; 4];
        let piece: &str = match character {
            '%' => "%%",
            '\t' | '\r' | '\n' if out.ends_with(' ') => continue,
            '\t' | '\r' | '\n' => " ",
            _ if character.is_control() => continue,
            _ if character.is_ascii() => character.encode_utf8(&mut buffer),
            _ => "?",
        };
        if out.len() + piece.len() > room {
            break;
        }
        out.push_str(piece);
    }
    out
}

/// A reason or an address: no control characters.
pub fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// A name that a header can have, short enough for any MTA.
pub fn is_header_name(name: &str) -> bool {
    name.len() <= 256 && is_field_name(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_cannot_become_headers() {
        assert_eq!(header_value("X", "a\r\nEvil: b\0\n\nbody\n", false), "a\n\tEvil: b\n\tbody");
        assert_eq!(header_value("X", "one;\n\ttwo\r\n  three", false), "one;\n\ttwo\n  three");
        assert_eq!(header_value("X", " \n v", true), " v");
        assert_eq!(header_value("X", "", true), " ");
        assert_eq!(header_value("X", "  ", false), "");
    }

    #[test]
    fn foreign_text_is_encoded() {
        assert_eq!(header_value("Subject", "Gr\u{fc}\u{df}e", false), "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=");
        assert_eq!(
            header_value("Subject", "*** SPAM *** Gr\u{fc}n = ja", true),
            " *** SPAM *** =?UTF-8?Q?Gr=C3=BCn?= = ja"
        );
        let long = header_value("Subject", &"\u{4e2d}".repeat(30), false);
        assert!(long.split('\n').count() > 3);
        assert!(
            long.split('\n')
                .all(|line| line.len() <= 76 && line.trim_start().starts_with("=?UTF-8?Q?") && line.ends_with("?="))
        );
    }

    #[test]
    fn long_lines_are_folded() {
        let words = header_value("X", &"word ".repeat(1000), false);
        assert!(words.split('\n').all(|line| line.len() < 998));
        assert_eq!(words.replace('\n', ""), "word ".repeat(1000).trim_end());
        let solid = header_value("X", &"x".repeat(5000), true);
        assert!(solid.split('\n').all(|line| line.len() < 998));
        assert_eq!(solid.chars().filter(|c| *c == 'x').count(), 5000);
    }

    #[test]
    fn reply_text_is_one_safe_line() {
        assert_eq!(reply_text("50% off\r\n250 fine\0\u{e9}", 100), "50%% off 250 fine?");
        assert_eq!(reply_text("100%", 4), "100");
        assert_eq!(reply_text(&"%".repeat(2000), 980).len(), 980);
    }

    proptest! {
        #[test]
        fn any_value_keeps_the_rules(value in "\\PC*", blank in any::<bool>(), extra in "[ \\t\\r\\n\\x00-\\x1f%a-z\u{e4}]{0,3000}") {
            for value in [value.as_str(), extra.as_str()] {
                let out = header_value("X-Name", value, blank);
                prop_assert!(out.is_ascii());
                prop_assert_eq!(out.starts_with(' '), blank);
                prop_assert!(!out.contains(['\r', '\0']));
                for (n, line) in out.split('\n').enumerate() {
                    prop_assert!(line.len() < 998 - 8, "{}", line.len());
                    prop_assert!(n == 0 || line.starts_with([' ', '\t']) && !line.trim().is_empty());
                }
                let text = reply_text(value, 980);
                prop_assert!(text.len() <= 980 && text.bytes().all(|b| (b' '..127).contains(&b)));
                prop_assert_eq!(text.replace("%%", "").contains('%'), false);
            }
        }
    }
}

//! Words of a text as rules count them: where the peer was seen to cut, which is nearly where Unicode does. URLs and addresses are no
//! words.

use std::ops::Range;
use unicode_normalization::char::is_combining_mark;

/// Longer words are no words.
const LONGEST: usize = 255;

/// Words of a text.
pub fn words(text: &str) -> Vec<&str> {
    outside(text, &[])
}

/// Words of a text outside the places of its URLs, which come in order.
pub(super) fn outside<'t>(text: &'t str, urls: &[Range<usize>]) -> Vec<&'t str> {
    let mut words = Vec::new();
    let mut start = 0;
    let end = text.len()..text.len();
    for url in urls.iter().chain(std::iter::once(&end)) {
        let mut rest = text.get(start..url.start).unwrap_or_default();
        while let Some((word, after)) = next(rest) {
            words.extend((word.len() <= LONGEST).then_some(word));
            rest = after;
        }
        start = start.max(url.end);
    }
    words
}

/// What a character does in a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    Hangul,
    /// Two of them are taken for a word: the peer looks into a dictionary.
    Han,
    Kana,
    /// Belongs to what stands before it.
    Mark,
    /// A word of its own.
    Money,
    Other,
}

impl Kind {
    fn of(c: char) -> Kind {
        match c {
            'a'..='z' | 'A'..='Z' | '_' => Kind::Letter,
            '0'..='9' => Kind::Digit,
            '$' | '\u{a2}'..='\u{a5}' | '\u{20a0}'..='\u{20c0}' | '\u{ffe0}' | '\u{ffe1}' | '\u{ffe5}' => Kind::Money,
            '\0'..='\x7f' | '\u{d7}' | '\u{f7}' => Kind::Other,
            // Latin and Cyrillic without a look into the tables below.
            '\u{c0}'..='\u{24f}' | '\u{400}'..='\u{481}' | '\u{48a}'..='\u{52f}' => Kind::Letter,
            '\u{200d}' => Kind::Mark,
            '\u{3040}'..='\u{30ff}' => Kind::Kana,
            '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => Kind::Han,
            '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}' => Kind::Hangul,
            // Raised digits, fractions and digits in circles are none.
            '\u{b2}' | '\u{b3}' | '\u{b9}' | '\u{bc}'..='\u{be}' | '\u{2070}'..='\u{24ff}' => Kind::Other,
            _ if is_combining_mark(c) => Kind::Mark,
            _ if c.is_alphabetic() => Kind::Letter,
            _ if c.is_numeric() => Kind::Digit,
            _ => Kind::Other,
        }
    }

    /// Nothing is cut between the two.
    fn joins(self, next: Kind) -> bool {
        next == Kind::Mark || (self == next && self != Kind::Money) || (western(self) && western(next))
    }
}

/// The first word of a text and what follows it.
fn next(text: &str) -> Option<(&str, &str)> {
    let text = text.get(first_of_word(text)?..)?;
    let first = text.chars().next()?;
    let mut before = Kind::of(first);
    let mut han = usize::from(before == Kind::Han);
    let mut at = first.len_utf8();
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let plain = if western(before) { plain(rest) } else { 0 };
        if let Some(last) = plain.checked_sub(1).and_then(|last| rest.as_bytes().get(last)) {
            before = Kind::of(char::from(*last));
            at += plain;
            continue;
        }
        let mut chars = rest.chars();
        let Some(c) = chars.next() else { break };
        let mut kind = Kind::of(c);
        if kind == Kind::Other {
            let behind = || chars.next().map_or(Kind::Other, Kind::of);
            if !bridges(c, before, behind) {
                return text.split_at_checked(at);
            }
            kind = before;
        }
        han += usize::from(kind == Kind::Han);
        if !before.joins(kind) || han > 2 {
            return text.split_at_checked(at);
        }
        if kind != Kind::Mark {
            before = kind;
        }
        at += c.len_utf8();
    }
    Some((text, ""))
}

/// Where the first word begins.
fn first_of_word(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += text
            .as_bytes()
            .get(at..)?
            .iter()
            .position(|b| !b.is_ascii() || is_plain(*b) || *b == b'$')?;
        let first = text.get(at..)?.chars().next()?;
        if !matches!(Kind::of(first), Kind::Other | Kind::Mark) {
            return Some(at);
        }
        at += first.len_utf8();
    }
}

fn western(kind: Kind) -> bool {
    matches!(kind, Kind::Letter | Kind::Digit)
}

/// Letters and digits of ASCII at the beginning: nothing is cut between them.
fn plain(text: &str) -> usize {
    text.bytes().take_while(|b| is_plain(*b)).count()
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A mark inside a word.
fn bridges(mark: char, before: Kind, behind: impl FnOnce() -> Kind) -> bool {
    match mark {
        '.' | ',' | ';' => before == Kind::Digit && behind() == Kind::Digit,
        '\'' | '\u{2019}' | '@' => western(before) && western(behind()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{outside, words};

    #[test]
    fn cut_like_the_peer() {
        let text = "Don't e-mail a@example.org, 3.14 P.S. at:once ___ -- 1,000$! root@host x\u{b2} e\u{301}t\u{e9}";
        let at = text.find("a@").expect("an address");
        let awaited = [
            "Don't",
            "e",
            "mail",
            "3.14",
            "P",
            "S",
            "at",
            "once",
            "___",
            "1,000",
            "$",
            "root@host",
            "x",
            "e\u{301}t\u{e9}",
        ];
        let url = at..at + 13;
        assert_eq!(outside(text, &[url]), awaited);
        assert_eq!(
            words("\u{67e5}\u{8a62}\u{4fee}\u{6539} a\u{c740}"),
            ["\u{67e5}\u{8a62}", "\u{4fee}\u{6539}", "a", "\u{c740}"]
        );
        assert!(words("... --").is_empty());
    }
}

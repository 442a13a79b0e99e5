//! Kinds of bytes and characters that URLs are told apart by. No opinion on what they mean.

/// A set of bytes: any of ASCII, and all or none of those beyond.
#[derive(Clone, Copy)]
pub(super) struct Set {
    ascii: u128,
    beyond: bool,
}

impl Set {
    pub(super) const fn of(bytes: &[u8]) -> Set {
        let mut ascii = 0;
        let mut rest = bytes;
        while let [byte, tail @ ..] = rest {
            ascii |= 1 << *byte;
            rest = tail;
        }
        Set { ascii, beyond: false }
    }

    pub(super) const fn and(self, other: Set) -> Set {
        Set {
            ascii: self.ascii | other.ascii,
            beyond: self.beyond || other.beyond,
        }
    }

    pub(super) const fn has(self, byte: u8) -> bool {
        if byte < 0x80 { self.ascii >> byte & 1 == 1 } else { self.beyond }
    }
}

const ALNUM: Set = Set::of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
const BEYOND: Set = Set { ascii: 0, beyond: true };

/// White space of ASCII.
pub(super) const BLANK: Set = Set::of(b"\t\n\x0b\x0c\r ");
/// People open brackets with these.
pub(super) const OPENING: Set = Set::of(b"({[<'");
/// And close them with these: in text no URL goes on behind one.
pub(super) const CLOSING: Set = Set::of(b")}]>'");
/// `/`, and what mail programs take for it.
pub(super) const SLASH: Set = Set::of(b"/\\");
/// Ends a host and begins what stands behind it.
pub(super) const DELIMITER: Set = Set::of(b"/\\?#:");
/// Letters of a host name, generously.
pub(super) const HOST: Set = ALNUM.and(BEYOND).and(Set::of(b"%-.\\^_"));
/// What a host may begin with.
pub(super) const HOST_START: Set = ALNUM.and(BEYOND).and(Set::of(b"[%_"));
/// What may also stand inside a host without making it none.
pub(super) const HOST_INSIDE: Set = HOST.and(Set::of(b"\"<>`{|}~"));
/// The part of an address in front of `@`.
pub(super) const LOCAL: Set = ALNUM.and(Set::of(b"%-.\\^_!\"#$'*+,/{|}~"));
/// The last label of a name.
pub(super) const LABEL: Set = ALNUM.and(BEYOND).and(Set::of(b"-"));
/// A scheme.
pub(super) const SCHEME: Set = ALNUM.and(Set::of(b"+-"));

/// A character that is not seen and takes no room.
pub(crate) fn zero_width(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200D}' | '\u{FEFF}' | '\u{AD}')
}

/// How many bytes at the front belong to a set.
pub(super) fn span(bytes: &[u8], set: Set) -> usize {
    bytes.iter().take_while(|b| set.has(**b)).count()
}

/// How many bytes at the end belong to a set.
pub(super) fn span_back(bytes: &[u8], set: Set) -> usize {
    bytes.iter().rev().take_while(|b| set.has(**b)).count()
}

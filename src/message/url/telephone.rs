//! `tel:` (RFC 3966) and `callto:`: a number, however it is grouped.

use super::class::{self, BLANK, SLASH, Set};
use super::normal::unescape;
use super::syntax::{Fields, until};

/// Where a number must have ended, counted from the front of the scheme.
const LONGEST: usize = 65;

/// Reads from behind the colon; the host is the number as it is written.
pub(super) fn fields(text: &str, behind: usize) -> Option<Fields> {
    const STOP: Set = Set::of(b"\0}>'");
    const BEGIN: Set = Set::of(b"0123456789%(");
    let bytes = text.as_bytes();
    let start = behind + slashes(bytes.get(behind..)?)?;
    let start = start + class::span(bytes.get(start..)?, BLANK);
    let start = start + usize::from(bytes.get(start) == Some(&b'+'));
    let begins = bytes.get(start).is_some_and(|b| BEGIN.has(*b));
    let end = start + until(bytes, start, STOP);
    (begins && end <= LONGEST).then_some(Fields {
        host: start..end,
        path: end..end,
        query: end..end,
        fragment: end..end,
        end,
        ..Fields::default()
    })
}

/// None, or two of either kind and more of the usual one.
fn slashes(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [a, b, rest @ ..] if SLASH.has(*a) && SLASH.has(*b) => Some(2 + rest.iter().take_while(|b| **b == b'/').count()),
        [a, ..] if SLASH.has(*a) => None,
        _ => Some(0),
    }
}

/// The digits of a number.
pub(super) fn digits(number: &str) -> String {
    let number = unescape(number);
    String::from_utf8_lossy(&number).chars().filter(|c| c.is_numeric()).collect()
}

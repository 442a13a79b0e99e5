//! Fields of a URL in the one form in which they are told: escapes undone, one way of writing a letter, no detours in paths.

use super::{Flags, class};
use crate::message::parse::hex;
use std::borrow::Cow;
use unicode_normalization::{UnicodeNormalization, is_nfkc};

/// A text in normal form (NFKC) without characters that are not seen.
pub(super) fn normal<'t>(text: &'t str, flags: &mut Flags) -> Cow<'t, str> {
    if text.is_ascii() {
        return text.into();
    }
    let mut text = Cow::from(text);
    if text.contains(class::zero_width) {
        *flags |= Flags::ZW_SPACES;
        text = text.replace(class::zero_width, "").into();
    }
    if text.contains(char::REPLACEMENT_CHARACTER) {
        *flags |= Flags::OBSCURED;
    }
    if !is_nfkc(&text) {
        *flags |= Flags::UNNORMALISED;
        text = text.nfkc().collect::<String>().into();
    }
    text
}

/// Escapes undone; of broken ones nothing stays but what cannot belong to them.
pub(super) fn unescape(text: &str) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr2(b'%', b'+', text.as_bytes()) else {
        return text.as_bytes().into();
    };
    let (front, mut rest) = text.as_bytes().split_at(first);
    let mut out = front.to_vec();
    loop {
        rest = match rest {
            [] | [b'%'] => return out.into(),
            [b'+', tail @ ..] => {
                out.push(b' ');
                tail
            }
            [b'%', high, tail @ ..] if high.is_ascii_hexdigit() => match tail {
                [] => return out.into(),
                [low, tail @ ..] => {
                    if low.is_ascii_hexdigit() {
                        out.push(hex(*high) << 4 | hex(*low));
                    }
                    tail
                }
            },
            [b'%', tail @ ..] => tail,
            [byte, tail @ ..] => {
                out.push(*byte);
                tail
            }
        };
    }
}

/// A path without empty pieces and without steps back (RFC 3986, 5.2.4, but none goes back over the first piece).
pub(super) fn straight(path: &str) -> Cow<'_, str> {
    if !(path.starts_with('.') || path.contains("//") || path.contains("/.")) {
        return path.into();
    }
    let mut pieces: Vec<&str> = Vec::new();
    for piece in path.split('/') {
        match piece {
            "" | "." => {}
            ".." if pieces.is_empty() => pieces.push(""),
            ".." => pieces.truncate((pieces.len() - 1).max(1)),
            _ => pieces.push(piece),
        }
    }
    let mut out = pieces.join("/");
    let open = matches!(path.rsplit('/').next(), Some("" | "."));
    if open && !pieces.is_empty() {
        out.push('/');
    }
    out.into()
}

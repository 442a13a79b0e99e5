//! Header values as people read them: folding undone, RFC 2047 words decoded, 8-bit bytes made UTF-8. No addresses, no
//! parameters.

use super::parse;
use super::part::is_utf8_label;
use std::borrow::Cow;

/// Decodes a value; borrows where nothing is to be done. Blanks in front go, those at the end stay (a rule asks for them);
/// any control character becomes a blank, a NUL vanishes, as the peer has it.
pub(super) fn value(raw: &[u8]) -> Cow<'_, str> {
    let raw = raw.trim_ascii_start();
    let plain = |b: &u8| *b >= b' ' && *b != 0x7f;
    let encoded = memchr::memmem::find(raw, b"=?").is_some();
    if !encoded && raw.iter().all(plain) {
        return text(raw);
    }
    let flat = unfold(raw);
    let decoded = if encoded { Cow::Owned(decode_words(&flat)) } else { text(&flat) };
    if decoded.bytes().all(|b| plain(&b)) {
        return Cow::Owned(decoded.into_owned());
    }
    let clean = decoded.chars().filter(|c| *c != '\0');
    Cow::Owned(clean.map(|c| if c.is_ascii_control() { ' ' } else { c }).collect())
}

/// Takes out line ends; each line end and the blanks behind it become one blank.
pub(super) fn unfold(raw: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr2(b'\r', b'\n', raw) else {
        return Cow::Borrowed(raw);
    };
    let mut out = Vec::with_capacity(raw.len());
    out.extend_from_slice(raw.get(..first).unwrap_or_default());
    let mut rest = raw.get(first..).unwrap_or_default();
    while !rest.is_empty() {
        let blanks = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        rest = rest.get(blanks..).unwrap_or_default();
        if !rest.is_empty() {
            out.push(b' ');
        }
        let line = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        out.extend_from_slice(rest.get(..line).unwrap_or_default());
        rest = rest.get(line..).unwrap_or_default();
    }
    Cow::Owned(out)
}

/// Bytes as UTF-8. Headers are too short to guess a charset well: what is not UTF-8 becomes U+FFFD, as the peer has it.
pub(super) fn text(raw: &[u8]) -> Cow<'_, str> {
    // Nearly always it is UTF-8, and this sees so faster.
    std::str::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Borrowed)
}

struct Word<'w> {
    charset: &'w [u8],
    base64: bool,
    text: &'w [u8],
}

/// Decodes encoded words. Blanks between two of them vanish; neighbours of one charset are joined before they are
/// converted, since careless senders cut characters in two.
pub(super) fn decode_words(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut pending: Vec<u8> = Vec::new();
    let mut charset: &[u8] = b"";
    let mut plain = 0;
    let mut at = 0;
    while let Some(found) = memchr::memmem::find(raw.get(at..).unwrap_or_default(), b"=?") {
        let start = at + found;
        let Some((word, end)) = word_at(raw, start) else {
            at = start + 2;
            continue;
        };
        let between = raw.get(plain..start).unwrap_or_default();
        let adjacent = plain > 0 && between.iter().all(u8::is_ascii_whitespace);
        if !adjacent || !charset.eq_ignore_ascii_case(word.charset) {
            flush(&mut out, charset, &mut pending);
        }
        if !adjacent {
            out.push_str(&text(between));
        }
        charset = word.charset;
        if word.base64 {
            pending.extend_from_slice(&parse::base64(word.text));
        } else {
            decode_q(word.text, &mut pending);
        }
        at = end;
        plain = end;
    }
    flush(&mut out, charset, &mut pending);
    // Blanks behind the last word vanish like those between words.
    let rest = raw.get(plain..).unwrap_or_default();
    if plain == 0 || !rest.trim_ascii().is_empty() {
        out.push_str(&text(rest));
    }
    out
}

fn flush(out: &mut String, charset: &[u8], pending: &mut Vec<u8>) {
    if pending.is_empty() {
        return;
    }
    // RFC 2231: the charset may carry a language behind an asterisk.
    let label = charset.split(|b| *b == b'*').next().unwrap_or_default();
    let decoded = match std::str::from_utf8(label).unwrap_or_default() {
        label if is_utf8_label(label) => String::from_utf8_lossy(pending).into_owned(),
        label => match parse::charset(label, pending) {
            Some(text) => text,
            // In a charset that nobody knows only UTF-8 can be read.
            None => std::str::from_utf8(pending).unwrap_or_default().to_owned(),
        },
    };
    // What its charset has not becomes a question mark, as with the peer.
    out.push_str(&decoded.replace(char::REPLACEMENT_CHARACTER, "?"));
    pending.clear();
}

/// Reads `=?charset?X?text?=` at `start`; gives the word and where it ends. Each piece is bounded by the next `?`, so
/// that a row of beginnings without ends stays linear.
fn word_at(raw: &[u8], start: usize) -> Option<(Word<'_>, usize)> {
    let rest = raw.get(start + 2..)?;
    let window = rest.get(..rest.len().min(76)).unwrap_or(rest);
    let mark = memchr::memchr(b'?', window)?;
    let charset = rest.get(..mark)?;
    if charset.is_empty() || charset.iter().any(|b| b.is_ascii_whitespace()) {
        return None;
    }
    let base64 = match rest.get(mark + 1)? {
        b'b' | b'B' => true,
        b'q' | b'Q' => false,
        _ => return None,
    };
    if rest.get(mark + 2) != Some(&b'?') {
        return None;
    }
    let text = rest.get(mark + 3..)?;
    // An empty word is no word.
    let end = text_end(text).filter(|end| *end > 0)?;
    let after = start + 2 + mark + 3 + end + 2;
    let text = text.get(..end)?;
    let visible = text.iter().all(|b| matches!(b, b' '..=b'~' | 0));
    visible.then_some((Word { charset, base64, text }, after))
}

/// The first `?=`; another `=?` before it means that this word has no end.
fn text_end(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let mark = from + memchr::memchr(b'?', text.get(from..)?)?;
        if text.get(mark + 1) == Some(&b'=') {
            return Some(mark);
        }
        if mark > 0 && text.get(mark - 1) == Some(&b'=') {
            return None;
        }
        from = mark + 1;
    }
}

fn decode_q(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'_', _) => out.push(b' '),
            (b'=', [a, b, after @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                out.push(parse::hex(*a) << 4 | parse::hex(*b));
                rest = after;
            }
            _ => out.push(byte),
        }
    }
}

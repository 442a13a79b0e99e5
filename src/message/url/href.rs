//! URLs in attributes of HTML, as mail programs take them: with less than a scheme, with blanks and line ends inside.

use super::class::BLANK;
use super::normal::normal;
use super::syntax::Reading;
use super::{Flags, Url, read};

/// The URL of an attribute's value.
pub(in super::super) fn href(value: &str) -> Option<Url> {
    let value = value.trim();
    let prefix = missing(value)?;
    let mut flags = Flags::default();
    let plain = plain(value, prefix, &mut flags);
    let mut url = read::read(&normal(&plain, &mut flags), Reading::Attribute)?;
    url.flags |= flags;
    if !prefix.is_empty() {
        url.flags |= Flags::SCHEMALESS;
    }
    // Without scheme and suffix it is the name of a file.
    (prefix.is_empty() || !url.flags.has(Flags::NO_TLD)).then_some(url)
}

/// What is to be put in front of a value; `None` where it leads nowhere.
fn missing(value: &str) -> Option<&'static str> {
    let own = ["mailto:", "tel:", "callto:"];
    if value.contains("://") || (value.len() > 7 && own.iter().any(|scheme| value.starts_with(scheme))) {
        return Some("");
    }
    let mark = value.bytes().position(|b| b.is_ascii() && !b.is_ascii_alphanumeric());
    match (mark, mark.and_then(|at| value.as_bytes().get(at))) {
        (Some(0), _) if value.starts_with("//") && value.len() > 2 => Some("http:"),
        (Some(0), _) => None,
        (Some(_), Some(b'@')) => Some("mailto://"),
        (Some(_), Some(b':')) | (None, _) => Some(""),
        _ => Some("http://"),
    }
}

/// The value on one line, with the escapes undone that hide where its fields end.
fn plain(value: &str, prefix: &str, flags: &mut Flags) -> String {
    let mut out = String::with_capacity(prefix.len() + value.len());
    out.push_str(prefix);
    let mut rest = value;
    while let Some(at) = rest.find(|c: char| c.is_ascii_control() || matches!(c, ' ' | '%')) {
        let (text, tail) = rest.split_at(at);
        out.push_str(text);
        let byte = *tail.as_bytes().first().unwrap_or(&b' ');
        let mut length = 1;
        match (byte, delimiter(tail)) {
            (_, Some(mark)) => {
                out.push(mark);
                length = 3;
            }
            (b'%', None) => out.push('%'),
            _ if BLANK.has(byte) => {}
            _ => {
                *flags |= Flags::OBSCURED;
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        rest = tail.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The mark between fields that an escape stands for.
fn delimiter(escape: &str) -> Option<char> {
    let code = escape.strip_prefix('%')?.get(..2)?;
    let mark = char::from(u8::from_str_radix(code, 16).ok()?);
    matches!(mark, '@' | ':' | '|' | '?' | '\\' | '/').then_some(mark)
}

//! Hosts: registrable domain, addresses in odd notations, names of other scripts. No network.

use super::class;
use unicode_normalization::UnicodeNormalization;

/// The registrable domain at the end of a lower-case host name: a public suffix and one label. A name that is itself a suffix
/// of several labels counts whole, as the peer has it; `None` where the name ends with no known suffix.
pub fn registrable(host: &str) -> Option<&str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let known = |name: &str| psl::suffix(name.as_bytes()).filter(|s| s.is_known()).map(|s| s.as_bytes().len());
    let suffix = known(host)?;
    if suffix < host.len() {
        let front = host.get(..host.len() - suffix - 1)?;
        let label = front.rfind('.').map_or(0, |dot| dot + 1);
        return host.get(label..).filter(|_| !front.is_empty());
    }
    host.contains('.').then_some(host)
}

/// True for a top-level label that names can end with.
pub(super) fn top_level(label: &[u8]) -> bool {
    if label.is_empty() || label.len() > 63 {
        return false;
    }
    let mut name = String::from_utf8_lossy(label).into_owned();
    name.make_ascii_lowercase();
    if !name.is_ascii() {
        name = name.to_lowercase();
    }
    psl::suffix(name.as_bytes()).is_some_and(|s| s.is_known()) || psl::suffix(format!("a.{name}").as_bytes()).is_some_and(|s| s.is_known())
}

/// A name in the form in which names are compared (nameprep, RFC 3491); `None` for characters that no name may hold.
pub(super) fn prepare(host: &str) -> Option<String> {
    if host.is_ascii() {
        return Some(host.to_ascii_lowercase());
    }
    let mapped = host
        .chars()
        .filter(|c| !class::zero_width(*c) && !matches!(c, '\u{2060}' | '\u{180B}'..='\u{180D}' | '\u{FE00}'..='\u{FE0F}'));
    let out: String = mapped.flat_map(char::to_lowercase).nfkc().collect();
    let forbidden = |c: char| {
        (!c.is_ascii() && (c.is_whitespace() || c.is_control()))
            || matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{FFF9}'..='\u{FFFD}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2061}'..='\u{2063}' | '\u{206A}'..='\u{206F}' | '\u{2FF0}'..='\u{2FFB}' | '\u{F0000}'..)
    };
    (!out.contains(forbidden)).then_some(out)
}

/// A punycode name as people read it; other names unchanged.
pub fn readable(host: &str) -> std::borrow::Cow<'_, str> {
    if host.len() <= 4
        || !host
            .split('.')
            .any(|label| label.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("xn--")))
    {
        return host.into();
    }
    let (name, result) = idna::domain_to_unicode(host);
    if result.is_ok() { name.into() } else { host.into() }
}

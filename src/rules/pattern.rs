//! Patterns on headers, as many small rules need them. Declares nothing.

use crate::engine::{Hits, Rule, Scan, Symbol};
use regex::Regex;

/// One symbol and when it fires.
pub(super) type When = (&'static Symbol, fn(&Scan<'_>) -> bool);

/// A rule for each symbol, named after it.
pub(super) fn rules(list: &'static [When]) -> Vec<Rule> {
    let rule = |(symbol, fires): &'static When| {
        let check = |scan: &Scan<'_>, hits: &mut Hits| {
            if fires(scan) {
                hits.add(symbol);
            }
        };
        Rule::check(symbol.name, check).giving(&[symbol])
    };
    list.iter().map(rule).collect()
}

/// Declares patterns that are compiled at first use.
macro_rules! patterns {
    ($($(#[$doc:meta])* $seen:vis $name:ident = $pattern:expr;)*) => {
        $($(#[$doc])* $seen static $name: std::sync::LazyLock<regex::Regex> =
            std::sync::LazyLock::new(|| regex::Regex::new($pattern).expect("the pattern is fixed"));)*
    };
}
pub(super) use patterns;

/// Something beyond plain text: a byte that is not ASCII, or a control character other than a tab or a line end.
pub(super) fn is_special(text: &[u8]) -> bool {
    let special = |byte: u8| byte >= 0x7f || (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'));
    // Without an early end the loop looks at many bytes at once.
    text.iter().fold(false, |any, byte| any | special(*byte))
}

/// Some header of that name matches, decoded.
pub(super) fn has(scan: &Scan<'_>, name: &str, pattern: &Regex) -> bool {
    scan.mail.headers().all(name).any(|h| pattern.is_match(h.text()))
}

/// Some header of that name matches as it was received, folding included; bytes that are no UTF-8 read as replacement characters.
pub(super) fn has_raw(scan: &Scan<'_>, name: &str, pattern: &Regex) -> bool {
    scan.mail
        .headers()
        .all(name)
        .any(|h| pattern.is_match(&String::from_utf8_lossy(h.raw_value())))
}

//! What stands behind a key of a map: `symbol:score:option,option`, `symbol:score`, `symbol` or `score`. Other text means nothing.

use crate::engine::Compat;

/// A value as its map meant it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value<'t> {
    pub(super) symbol: Option<&'t str>,
    pub(super) score: Option<f64>,
    pub(super) options: Vec<&'t str>,
}

/// Reads the beginning of a value; what cannot be read is left. Options are known to 4.1 only.
pub(super) fn read(compat: Compat, text: &str) -> Value<'_> {
    let (symbol, rest) = word(text);
    let number = match symbol {
        Some(_) => rest.strip_prefix(':'),
        None => Some(text),
    };
    let (score, rest) = number.map_or((None, rest), score);
    let options = rest
        .strip_prefix(':')
        .filter(|_| compat == Compat::V41 && symbol.is_some() && score.is_some());
    Value {
        symbol,
        score,
        options: options.map(|o| o.split(',').map(str::trim).collect()).unwrap_or_default(),
    }
}

/// A symbol's name: letters, digits and underscores, no digit in front.
fn word(text: &str) -> (Option<&str>, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    match text.split_at_checked(end) {
        Some((name, rest)) if !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) => (Some(name), rest),
        _ => (None, text),
    }
}

/// A number: sign, digits, a point and digits; digits before the point may be missing behind a sign.
fn score(text: &str) -> (Option<f64>, &str) {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = |t: &str| t.find(|c: char| !c.is_ascii_digit()).unwrap_or(t.len());
    let whole = digits(unsigned);
    let point = unsigned.get(whole..).and_then(|t| t.strip_prefix('.'));
    let length = match point.map(digits) {
        Some(fraction) if fraction > 0 && (whole > 0 || unsigned.len() < text.len()) => whole + 1 + fraction,
        _ => whole,
    };
    match text.split_at_checked(text.len() - unsigned.len() + length) {
        Some((number, rest)) if length > 0 => (number.parse().ok().filter(|n: &f64| n.is_finite()), rest),
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_maps_write_them() {
        for (text, symbol, score) in [
            ("", None, None),
            ("SYM", Some("SYM"), None),
            ("SYM:2.5", Some("SYM"), Some(2.5)),
            ("SYM:-2", Some("SYM"), Some(-2.0)),
            ("_a9:+.5", Some("_a9"), Some(0.5)),
            ("5", None, Some(5.0)),
            ("-.25 x", None, Some(-0.25)),
            ("5.", None, Some(5.0)),
            (".5", None, None),
            ("-", None, None),
            ("?", None, None),
            ("SYM:x", Some("SYM"), None),
            ("some text", Some("some"), None),
        ] {
            let value = read(Compat::V34, text);
            assert_eq!((value.symbol, value.score), (symbol, score), "{text}");
        }
    }

    #[test]
    fn options_are_of_4_1() {
        assert_eq!(read(Compat::V41, "S:1:a, b").options, ["a", "b"]);
        assert!(read(Compat::V34, "S:1:a, b").options.is_empty());
        assert!(read(Compat::V41, "S:a,b").options.is_empty());
    }

    #[test]
    fn no_number_is_too_long() {
        assert_eq!(read(Compat::V34, &"9".repeat(1000)).score, None);
    }
}

//! What an expression of this module joins: `Header=/pattern/flags`, `/pattern/flags`, `function(arguments)`. Reads texts only.

use super::kind::{self, Kind};
use crate::base::patterns::Flags;

/// How many matches the flag `A` counts in one text.
const COUNTED: u32 = 10_000;

/// One member of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Atom {
    /// A pattern over some kind of text.
    Pattern(Kind, String, Flags),
    /// A question about the message.
    Call(String, Vec<Argument>),
}

/// An argument of a function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Argument {
    /// A word.
    Text(String),
    /// A pattern.
    Pattern(String, Flags),
}

/// Bytes of the atom that a text begins with.
pub(crate) fn length(rest: &str) -> usize {
    if rest.starts_with('/') {
        return pattern_length(rest);
    }
    let mut at = rest.find(|c: char| " \t\r\n()&|!<>+*,=/".contains(c)).unwrap_or(rest.len());
    let tail = |at: usize| rest.get(at..).unwrap_or_default();
    if tail(at).starts_with('(') && at > 0 {
        at += call_length(tail(at));
    }
    if tail(at).starts_with("=/") {
        at += 1 + pattern_length(tail(at + 1));
    }
    at
}

/// `/pattern/flags{kind}`.
fn pattern_length(rest: &str) -> usize {
    let Some(end) = closing_slash(rest) else { return rest.len() };
    let tail = rest.get(end + 1..).unwrap_or_default();
    let flags = tail.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'$').count();
    let kind = tail.get(flags..).filter(|t| t.starts_with('{')).and_then(|t| t.find('}'));
    end + 1 + flags + kind.map_or(0, |k| k + 1)
}

/// Where the pattern that begins with a slash ends with one.
fn closing_slash(text: &str) -> Option<usize> {
    let mut escaped = true;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'/' => return Some(at),
            _ => {}
        }
    }
    None
}

/// Up to the bracket that closes the first one; brackets inside of patterns and quotes do not count.
fn call_length(rest: &str) -> usize {
    let mut at = 0;
    while let Some(c) = rest.get(at..).and_then(|r| r.chars().next()) {
        at += match c {
            ')' => return at + 1,
            '/' => pattern_length(rest.get(at..).unwrap_or_default()),
            '"' | '\'' => rest.get(at + 1..).and_then(|r| r.find(c)).map_or(rest.len(), |end| end + 2),
            c => c.len_utf8(),
        };
    }
    rest.len()
}

impl Atom {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn parse(text: &str) -> Result<Atom, String> {
        if text.starts_with('/') {
            return Atom::pattern(None, text);
        }
        if let Some((name, pattern)) = split_pattern(text) {
            return Atom::pattern(Some(name), pattern);
        }
        let Some((name, rest)) = text.split_once('(') else {
            return Err(format!(
                "`{text}` is neither a pattern such as Subject=/text/i nor a function such as header_exists(Subject)"
            ));
        };
        let inside = rest
            .strip_suffix(')')
            .ok_or_else(|| format!("the bracket behind `{name}` is never closed"))?;
        Ok(Atom::Call(name.to_owned(), arguments(inside)?))
    }

    fn pattern(header: Option<&str>, text: &str) -> Result<Atom, String> {
        let (pattern, letters) = parts(text)?;
        let read = kind::read(header, letters)?;
        Ok(Atom::Pattern(read.kind, pattern.to_owned(), read.flags))
    }
}

/// `Header` and `/pattern/..` of `Header=/pattern/..`.
fn split_pattern(text: &str) -> Option<(&str, &str)> {
    let (name, pattern) = text.split_once("=/")?;
    let plain = !name.is_empty() && !name.contains('(');
    plain.then_some((name, text.get(text.len() - pattern.len() - 1..)?))
}

/// Pattern and flags of `/pattern/flags`.
fn parts(text: &str) -> Result<(&str, &str), String> {
    let end = closing_slash(text).ok_or_else(|| format!("the pattern {text} has no slash at its end"))?;
    let (pattern, flags) = text.split_at_checked(end).unwrap_or((text, ""));
    Ok((pattern.get(1..).unwrap_or_default(), flags.get(1..).unwrap_or_default()))
}

fn arguments(inside: &str) -> Result<Vec<Argument>, String> {
    let mut list = Vec::new();
    let mut rest = inside.trim();
    while !rest.is_empty() {
        let length = if rest.starts_with('/') {
            pattern_length(rest)
        } else {
            rest.find(',').unwrap_or(rest.len())
        };
        let (one, tail) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let one = one.trim();
        list.push(match one.starts_with('/') {
            true => {
                let (pattern, letters) = parts(one)?;
                Argument::Pattern(pattern.to_owned(), kind::plain_flags(letters)?)
            }
            false => Argument::Text(one.trim_matches(['"', '\'']).to_owned()),
        });
        rest = tail.trim_start().trim_start_matches(',').trim_start();
    }
    Ok(list)
}

/// The flag `A`.
pub(super) const fn counted() -> u32 {
    COUNTED
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::expr::Expression;

    #[test]
    fn atoms_of_an_expression() {
        let text = r#"!(X-A=/a (b|c)\/d/i{raw_header} & /foo)/P) + header_exists("X-B") / 2 >= check_smtp_data(from, /a,b)/i)"#;
        let expression = Expression::parse_over(text, length).unwrap();
        let atoms: Vec<&str> = expression.atoms().iter().map(|a| a.text.as_str()).collect();
        assert_eq!(
            atoms,
            [
                r"X-A=/a (b|c)\/d/i{raw_header}",
                "/foo)/P",
                r#"header_exists("X-B")"#,
                "check_smtp_data(from, /a,b)/i)"
            ]
        );
        assert_eq!(
            Atom::parse(atoms[2]),
            Ok(Atom::Call("header_exists".into(), vec![Argument::Text("X-B".into())]))
        );
        let Ok(Atom::Call(_, list)) = Atom::parse(atoms[3]) else { panic!() };
        assert!(matches!(&list[..], [Argument::Text(f), Argument::Pattern(p, flags)] if f == "from" && p == "a,b)" && flags.caseless));
        assert!(matches!(Atom::parse(atoms[0]), Ok(Atom::Pattern(Kind::RawHeader(name), _, _)) if name == "X-A"));
    }

    #[test]
    fn mistakes() {
        for text in [
            "X-Foo",
            "/foo",
            "/foo/",
            "/foo/Z",
            "X=/foo/P{header}",
            "f(a",
            "/foo/{no_such_kind}",
            "X=/a/M",
        ] {
            assert!(Atom::parse(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in r#"[-A-Ca-cPH/\\(){}=,"' !&|ö]{0,40}"#) {
            if let Ok(expression) = Expression::parse_over(&text, length) {
                expression.atoms().iter().for_each(|a| { let _ = Atom::parse(&a.text); });
            }
        }
    }
}

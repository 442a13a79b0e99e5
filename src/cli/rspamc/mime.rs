//! `--mime`: the message itself, with the result in headers behind its own. What the daemon says cannot begin a header of its own.

use crate::cli::report::{is_spam, seconds, signatures};
use base64ct::{Base64, Encoding};
use serde_json::Value;
use std::fmt::Write;

/// Who says so.
const SCANNER: &str = "rspamc 3.4";
/// Most stars shown.
const STARS: usize = 32;
/// Letters of the packed result on a line.
const FOLD: usize = 60;

/// What is to be said of a message.
pub(super) enum Result<'r> {
    /// The reply, and its text where it goes along.
    Said(&'r Value, Option<String>),
    /// Why there is none.
    Failed(&'r str),
}

/// The message with its result; nothing where its headers have no end.
pub(super) fn mark(message: &[u8], time: f64, result: &Result<'_>) -> Option<Vec<u8>> {
    let (end, newline) = end_of_headers(message)?;
    let mut added = format!("X-Spam-Scanner: {SCANNER}{newline}");
    match result {
        Result::Said(reply, packed) => {
            let _ = write!(added, "X-Spam-Scan-Time: {}{newline}", seconds(time));
            said(&mut added, reply, newline);
            if let Some(packed) = packed {
                let _ = write!(added, "X-Spam-Result: {}{newline}", folded(packed.as_bytes(), newline));
            }
        }
        Result::Failed(why) => {
            let _ = write!(added, "X-Spam-Scan-Time: {time:.3}{newline}X-Spam-Error: {}{newline}", flat(why));
        }
    }
    let (headers, body) = message.split_at(end);
    Some([headers, added.as_bytes(), body].concat())
}

fn said(added: &mut String, reply: &Value, newline: &str) {
    let number = |key: &str| reply.get(key).and_then(Value::as_f64).unwrap_or(0.0);
    let action = reply.get("action").and_then(Value::as_str).unwrap_or("no action");
    if is_spam(action) == Some(true) {
        let _ = write!(added, "X-Spam: yes{newline}");
    }
    let score = number("score");
    let stars: String = (0..STARS)
        .scan(0.0, |point, _| (*point < score).then(|| *point += 1.0))
        .map(|()| '*')
        .collect();
    let symbols = reply.get("symbols").and_then(Value::as_object).into_iter().flatten();
    let symbols: Vec<String> = symbols.filter(|(_, s)| s.is_object()).map(|(name, _)| flat(name)).collect();
    let _ = write!(
        added,
        "X-Spam-Action: {}{newline}X-Spam-Score: {score:.2} / {:.2}{newline}X-Spam-Level: {stars}{newline}X-Spam-Symbols: {}{newline}",
        flat(action),
        number("required_score"),
        symbols.join(&format!(",{newline}\t")),
    );
    for signature in signatures(reply) {
        let lines: Vec<&str> = signature
            .split(['\r', '\n', '\0'])
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect();
        let _ = write!(added, "DKIM-Signature: {}{newline}", lines.join(&format!("{newline}\t")));
    }
}

fn flat(text: &str) -> String {
    text.replace(['\r', '\n', '\0'], " ")
}

/// Where the empty line behind the headers begins, and how lines end here.
fn end_of_headers(message: &[u8]) -> Option<(usize, &'static str)> {
    let first = memchr::memchr2(b'\r', b'\n', message)?;
    let newline = match message.get(first..first + 2) {
        Some(b"\r\n") => "\r\n",
        _ if message.get(first) == Some(&b'\r') => "\r",
        _ => "\n",
    };
    let empty = memchr::memmem::find(message, newline.repeat(2).as_bytes())?;
    (first > 0).then_some((empty + newline.len(), newline))
}

/// Base64 on folded lines.
fn folded(bytes: &[u8], newline: &str) -> String {
    let mut out = String::new();
    for (n, letter) in Base64::encode_string(bytes).chars().enumerate() {
        if n > 0 && n % FOLD == 0 {
            let _ = write!(out, "{newline}\t");
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn marked(message: &[u8], result: &Result<'_>) -> Option<String> {
        mark(message, 0.0, result).map(|m| String::from_utf8(m).unwrap())
    }

    #[test]
    fn the_result_stands_behind_the_headers() {
        let reply = json!({"action": "add header", "score": 3.7, "required_score": 4, "symbols": {"A": {}, "B\r\nX: y": {}, "C": 5},
            "dkim-signature": ["v=1;\r\n\tb=c", "v=2\nd"]});
        let text = marked(b"A: b\r\n c\r\n\r\nx\r\n", &Result::Said(&reply, Some("long".repeat(20)))).unwrap();
        let packed = "bG9uZ2xvbmdsb25nbG9uZ2xvbmdsb25nbG9uZ2xvbmdsb25nbG9uZ2xvbmds\r\n\tb25nbG9uZ2xvbmdsb25nbG9uZ2xvbmdsb25nbG9uZ2xvbmc=";
        assert_eq!(
            text,
            format!(
                "A: b\r\n c\r\nX-Spam-Scanner: rspamc 3.4\r\nX-Spam-Scan-Time: 0\r\nX-Spam: yes\r\nX-Spam-Action: add header\r\n\
                 X-Spam-Score: 3.70 / 4.00\r\nX-Spam-Level: ****\r\nX-Spam-Symbols: A,\r\n\tB  X: y\r\nDKIM-Signature: v=1;\r\n\tb=c\r\n\
                 DKIM-Signature: v=2\r\n\td\r\nX-Spam-Result: {packed}\r\n\r\nx\r\n"
            )
        );
        let failed = marked(b"A: b\rB: c\r\rx\r", &Result::Failed("no\nway")).unwrap();
        assert_eq!(
            failed,
            "A: b\rB: c\rX-Spam-Scanner: rspamc 3.4\rX-Spam-Scan-Time: 0.000\rX-Spam-Error: no way\r\rx\r"
        );
    }

    #[test]
    fn stars_have_an_end() {
        for (score, stars) in [(-3.0, 0), (0.0, 0), (0.8, 1), (16.0, 16), (1e300, 32)] {
            let text = marked(b"A: b\n\n", &Result::Said(&json!({ "score": score }), None)).unwrap();
            assert_eq!(text.matches('*').count(), stars);
        }
    }

    #[test]
    fn without_headers_there_is_nothing_to_say() {
        for message in [&b""[..], b"abc", b"A: b\n", b"\nbody\n", b"\n\n"] {
            assert_eq!(marked(message, &Result::Failed("x")), None);
        }
    }

    #[test]
    fn bytes_become_letters() {
        for (plain, packed) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(Base64::encode_string(plain.as_bytes()), packed);
        }
    }
}

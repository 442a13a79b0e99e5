//! What does the first line begin: HTTP, `RSPAMC` or `SPAMC`? Pure: bytes in, an opinion out.

use super::Kind;

/// A first line that is longer undecided is left to the HTTP parser, which refuses it.
const LONGEST: usize = 64;

/// What the bytes so far say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sniff {
    /// Too few to tell.
    More,
    /// This is it.
    Is(Kind),
}

/// Judges the first bytes of a connection. Whatever is not clearly one of the old protocols is HTTP.
pub fn sniff(bytes: &[u8]) -> Sniff {
    // Empty lines in front are skipped, as HTTP parsers do.
    let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(bytes.len());
    let line = bytes.get(start..).unwrap_or_default();
    let http = Sniff::Is(Kind::Http);
    let method = line.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let Some(behind) = line.get(method..) else { return http };
    let blanks = behind.iter().take_while(|b| **b == b' ').count();
    let word = behind.get(blanks..).unwrap_or_default();
    if method == 0 && !line.is_empty() {
        return http;
    }
    if word.is_empty() {
        return if bytes.len() > LONGEST { http } else { Sniff::More };
    }
    if blanks == 0 {
        return http;
    }
    for (name, kind) in [(&b"RSPAMC"[..], Kind::Rspamc), (b"SPAMC", Kind::Spamc)] {
        let common = word.len().min(name.len());
        let (have, want) = (word.get(..common).unwrap_or_default(), name.get(..common).unwrap_or_default());
        if have.eq_ignore_ascii_case(want) {
            return if common == name.len() { Sniff::Is(kind) } else { Sniff::More };
        }
    }
    http
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn first_lines_are_told_apart() {
        let is = Sniff::Is;
        for (bytes, expect) in [
            ("", Sniff::More),
            ("\r\n", Sniff::More),
            ("SYM", Sniff::More),
            ("SYMBOLS ", Sniff::More),
            ("SYMBOLS RSPA", Sniff::More),
            ("SYMBOLS RSPAMC", is(Kind::Rspamc)),
            ("CHECK  rspamc/1.3\r\n", is(Kind::Rspamc)),
            ("\r\nPING SPAMC/1.2", is(Kind::Spamc)),
            ("SYMBOLS S", Sniff::More),
            ("SYMBOLS SX", is(Kind::Http)),
            ("SYMBOLS / HTTP/1.1", is(Kind::Http)),
            ("GET /", is(Kind::Http)),
            ("GET /RSPAMC", is(Kind::Http)),
            ("garbage\r\n", is(Kind::Http)),
            ("\0\0\0\rO", is(Kind::Http)),
            (" GET /", is(Kind::Http)),
        ] {
            assert_eq!(sniff(bytes.as_bytes()), expect, "{bytes:?}");
        }
        assert_eq!(sniff(&[b'A'; 100]), is(Kind::Http), "an endless word is not waited for");
        assert_eq!(sniff(&[b'\n'; 100]), is(Kind::Http));
    }

    proptest! {
        #[test]
        fn an_opinion_never_changes(bytes in proptest::collection::vec(any::<u8>(), 0..80), cut in 0usize..80) {
            let part = &bytes[..cut.min(bytes.len())];
            if let Sniff::Is(kind) = sniff(part) {
                prop_assert_eq!(sniff(&bytes), Sniff::Is(kind));
            }
        }
    }
}

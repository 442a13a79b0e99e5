//! The words and signs that announce a URL in a text. Each has one of three signs in it, which are looked for in one pass.

use super::Extent;
use std::ops::Range;

/// What announces a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A scheme with an authority behind it, ours or not.
    Scheme,
    File,
    Telephone,
    Mailto,
    At,
    /// A name that says what it serves.
    Service(&'static str),
    Dot,
}

/// Words in front of a colon, and what must follow it. Where one ends in another, the longer one is first.
const SCHEMES: [(&str, &[&str], Mark); 14] = [
    ("http", &[""], Mark::Scheme),
    ("https", &[""], Mark::Scheme),
    ("mailto", &[""], Mark::Mailto),
    ("tel", &[""], Mark::Telephone),
    ("callto", &[""], Mark::Telephone),
    ("h323", &[""], Mark::Scheme),
    ("sip", &[""], Mark::Scheme),
    ("file", &["///"], Mark::File),
    ("sftp", &["//"], Mark::Scheme),
    ("ftp", &["//", "\\\\"], Mark::Scheme),
    ("news", &["//"], Mark::Scheme),
    ("nntp", &["//"], Mark::Scheme),
    ("telnet", &["//"], Mark::Scheme),
    ("webcal", &["//"], Mark::Scheme),
];
/// Words in front of a dot.
const SERVICES: [(&str, Mark); 2] = [("www", Mark::Service("http://")), ("ftp", Mark::Service("ftp://"))];

/// The first mark in a text from `from` on, in any case, and where it stands.
pub(super) fn find(text: &[u8], from: usize, extent: Extent) -> Option<(Mark, Range<usize>)> {
    let rest = text.get(from..)?;
    memchr::memchr3_iter(b':', b'@', b'.', rest).find_map(|sign| {
        let (front, back) = rest.split_at_checked(sign)?;
        let back = back.get(1..)?;
        let (mark, before, behind) = match rest.get(sign)? {
            b'@' => (Mark::At, 0, 0),
            b'.' => match SERVICES.iter().find(|(word, _)| ends_in(front, word)) {
                Some((word, mark)) => (*mark, word.len(), 0),
                None if extent == Extent::Strict => return None,
                None => (Mark::Dot, 0, 0),
            },
            _ => SCHEMES
                .iter()
                .filter(|(word, ..)| ends_in(front, word))
                .find_map(|(word, tails, mark)| {
                    let tail = tails.iter().find(|tail| back.starts_with(tail.as_bytes()))?;
                    Some((*mark, word.len(), tail.len()))
                })?,
        };
        Some((mark, from + sign - before..from + sign + 1 + behind))
    })
}

fn ends_in(front: &[u8], word: &str) -> bool {
    let end = front.len().checked_sub(word.len()).and_then(|start| front.get(start..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_in_order() {
        let text = b"hotel: 1.2 SFTP://a ftp:b ftp:\\\\c FTP.x gossip: wWw.y a@b HTTPs: file:// file:/// :";
        let all = |extent| {
            let mut found = Vec::new();
            let mut at = 0;
            while let Some((mark, range)) = find(text, at, extent) {
                at = range.end;
                found.push((mark, std::str::from_utf8(&text[range]).unwrap()));
            }
            found
        };
        let strict = [
            (Mark::Telephone, "tel:"),
            (Mark::Scheme, "SFTP://"),
            (Mark::Scheme, "ftp:\\\\"),
            (Mark::Service("ftp://"), "FTP."),
            (Mark::Scheme, "sip:"),
            (Mark::Service("http://"), "wWw."),
            (Mark::At, "@"),
            (Mark::Scheme, "HTTPs:"),
            (Mark::File, "file:///"),
        ];
        assert_eq!(all(Extent::Strict), strict);
        let mut more = strict.to_vec();
        more.insert(1, (Mark::Dot, "."));
        assert_eq!(all(Extent::All), more);
        assert_eq!(find(b"www.", 1, Extent::Strict), None);
        assert_eq!(find(b"www.", 1, Extent::All), Some((Mark::Dot, 3..4)));
    }
}

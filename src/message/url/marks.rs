//! The words and signs that announce a URL in a text, all looked for in one pass.

use super::Extent;
use aho_corasick::{AhoCorasick, MatchKind};
use std::sync::LazyLock;

/// What announces a URL.
#[derive(Clone, Copy)]
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

/// In the order of the automaton's patterns.
pub(super) const MARKS: [(&str, Mark); 19] = [
    ("http:", Mark::Scheme),
    ("https:", Mark::Scheme),
    ("ftp://", Mark::Scheme),
    ("ftp:\\\\", Mark::Scheme),
    ("sftp://", Mark::Scheme),
    ("news://", Mark::Scheme),
    ("nntp://", Mark::Scheme),
    ("telnet://", Mark::Scheme),
    ("webcal://", Mark::Scheme),
    ("h323:", Mark::Scheme),
    ("sip:", Mark::Scheme),
    ("file:///", Mark::File),
    ("tel:", Mark::Telephone),
    ("callto:", Mark::Telephone),
    ("mailto:", Mark::Mailto),
    ("@", Mark::At),
    ("www.", Mark::Service("http://")),
    ("ftp.", Mark::Service("ftp://")),
    (".", Mark::Dot),
];
/// Those in front count in every extent.
const STRICT: usize = 18;

/// Finds [`MARKS`].
pub(super) fn automaton(extent: Extent) -> &'static AhoCorasick {
    static BOTH: LazyLock<[AhoCorasick; 2]> = LazyLock::new(|| {
        [STRICT, MARKS.len()].map(|count| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::LeftmostLongest)
                .build(MARKS.iter().take(count).map(|(word, _)| word))
                .expect("a few short words fit an automaton")
        })
    });
    let [strict, all] = &*BOTH;
    if extent == Extent::Strict { strict } else { all }
}

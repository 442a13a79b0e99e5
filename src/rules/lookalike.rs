//! Names that look like other names (UTS 39). Declares nothing.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::skeleton;

/// A reader takes one for the other.
pub(super) fn alike(a: &str, b: &str) -> bool {
    skeleton(a).eq(skeleton(b))
}

/// A letter wears the same mark twice, which cannot be seen.
pub(super) fn stacked(name: &str) -> bool {
    if name.is_ascii() {
        return false;
    }
    let mut marks: Vec<char> = Vec::new();
    for c in name.nfd() {
        if !is_combining_mark(c) {
            marks.clear();
        } else if marks.contains(&c) {
            return true;
        } else if marks.len() < MARKS {
            marks.push(c);
        }
    }
    false
}

/// So many different marks on one letter are remembered.
const MARKS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// What a running 3.4 takes for one another.
    #[test]
    fn names_that_look_alike() {
        for (a, b, awaited) in [
            ("rnicrosoft.com", "microsoft.com", true),
            ("paypa1.com", "paypal.com", true),
            ("b\u{430}nk.com", "bank.com", true),
            ("\u{440}\u{430}\u{443}.com", "pay.com", true),
            ("paypai.com", "paypal.com", false),
            ("b\u{e4}nk.com", "bank.com", false),
            ("bank.net", "bank.com", false),
        ] {
            assert_eq!(alike(a, b), awaited, "{a} {b}");
        }
    }

    #[test]
    fn marks_on_marks() {
        assert!(stacked("e\u{301}\u{301}x.com"));
        assert!(stacked("a\u{327}\u{301}\u{327}.com"));
        assert!(!stacked("ae\u{301}e\u{301}.com"));
        assert!(!stacked("b\u{430}nk.com"));
        assert!(!stacked("bank.com"));
    }
}

//! Many patterns over one text: a single pass for the literals that the patterns cannot do without, then a closer look at those whose
//! literals are there. Knows no mail.
//!
//! Patterns are written as PCRE has them (`syntax` turns them into the dialect of `regex`). Those with look-around or back-references
//! have no linear engine: they run in `fancy-regex` under a stated limit of steps, on a text of bounded size, and only where a
//! linear pattern that accepts at least as much has matched.

mod literal;
mod one;
mod set;
mod syntax;

pub use one::{BACKTRACKED_BYTES, Pattern, STEPS};
pub use set::{Patterns, Tally};

/// Manners of a pattern, by their letters in PCRE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    /// `i`: case does not matter.
    pub caseless: bool,
    /// `m`: `^` and `$` also stand at line ends.
    pub multiline: bool,
    /// `s`: the dot takes line ends too.
    pub dotall: bool,
    /// `x`: blanks and comments in the pattern mean nothing.
    pub extended: bool,
    /// `u`: the text is read as UTF-8, not as bytes.
    pub unicode: bool,
    /// How many matches are worth counting.
    pub most: u32,
}

/// Why a pattern is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Refused {
    /// What is wrong with it.
    pub what: String,
    /// Where, in bytes from its beginning, as far as that is known.
    pub at: Option<usize>,
}

impl Refused {
    fn new(what: impl Into<String>, at: Option<usize>) -> Refused {
        Refused { what: what.into(), at }
    }
}

#[cfg(test)]
mod tests;

//! One pattern: compiled within limits, asked within limits.

use super::{Flags, Refused, literal, syntax};
use fancy_regex::BytesMode;
use regex::bytes::{Regex, RegexBuilder};

/// Longest pattern in bytes.
const LONGEST: usize = 64 * 1024;
/// Largest compiled pattern in bytes.
const LARGEST: usize = 2 * 1024 * 1024;
/// Memory that the matcher of one pattern may take while it works.
const CACHE: usize = 512 * 1024;
/// Groups inside groups.
const DEEPEST: u32 = 100;
/// Instructions of a compiled pattern with look-around.
const LARGEST_PROGRAM: usize = 20_000;

/// So often a pattern with look-around may step back in one text before the search is given up.
pub const STEPS: usize = 100_000;
/// So much of a text is searched with look-around: what one step costs grows with the text. To the pattern the text ends there.
pub const BACKTRACKED_BYTES: usize = 64 * 1024;

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    /// The pattern itself, or where that is not enough one that accepts at least as much.
    linear: Regex,
    exact: Option<Box<fancy_regex::Regex>>,
    /// What keeps it from the linear engine.
    reason: Option<&'static str>,
    pub(super) literals: Vec<Vec<u8>>,
    most: u32,
}

/// What came of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub found: u32,
    /// The search was given up: there may be more.
    pub cut: bool,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Why no engine takes it.
    pub fn new(text: &str, flags: Flags) -> Result<Pattern, Refused> {
        if text.len() > LONGEST {
            return Err(Refused::new(format!("the pattern is longer than {LONGEST} bytes"), None));
        }
        let translated = syntax::translate(text, flags)?;
        let hir = regex_syntax::ParserBuilder::new()
            .nest_limit(DEEPEST)
            .utf8(false)
            .unicode(flags.unicode)
            .case_insensitive(flags.caseless)
            .multi_line(flags.multiline)
            .dot_matches_new_line(flags.dotall)
            .build()
            .parse(&translated.linear)
            .map_err(|e| Refused::new(last_line(&e.to_string()), None))?;
        let linear = RegexBuilder::new(&translated.linear)
            .nest_limit(DEEPEST)
            .unicode(flags.unicode)
            .case_insensitive(flags.caseless)
            .multi_line(flags.multiline)
            .dot_matches_new_line(flags.dotall)
            .size_limit(LARGEST)
            .dfa_size_limit(CACHE)
            .build()
            .map_err(|e| Refused::new(last_line(&e.to_string()), None))?;
        let exact = match translated.reason {
            Some(_) => Some(Box::new(backtracking(&translated.exact, flags)?)),
            None => None,
        };
        Ok(Pattern {
            linear,
            exact,
            reason: translated.reason,
            literals: literal::required(&hir),
            most: flags.most.max(1),
        })
    }

    /// What the pattern holds that only backtracking can find; `None` for one that takes linear time.
    pub fn backtracks(&self) -> Option<&'static str> {
        self.reason
    }

    /// True where it matches.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.count(text, 1).found > 0
    }

    /// How often it matches, up to what is worth counting.
    pub(super) fn counted(&self, text: &[u8]) -> Count {
        self.count(text, self.most)
    }

    pub(super) fn most(&self) -> u32 {
        self.most
    }

    fn count(&self, text: &[u8], most: u32) -> Count {
        let found = |found: u32| Count { found, cut: false };
        if most == 1 || self.exact.is_some() {
            let any = self.linear.is_match(text);
            let Some(exact) = self.exact.as_ref().filter(|_| any) else {
                return found(any.into());
            };
            return count_slowly(exact, text, most);
        }
        let times = self
            .linear
            .find_iter(text)
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .count();
        found(u32::try_from(times).unwrap_or(u32::MAX))
    }
}

fn count_slowly(exact: &fancy_regex::Regex, text: &[u8], most: u32) -> Count {
    let cut = text.len() > BACKTRACKED_BYTES;
    let text = text.get(..BACKTRACKED_BYTES).unwrap_or(text);
    if most == 1 {
        let any = exact.is_match(text);
        let found = *any.as_ref().unwrap_or(&false);
        return Count {
            found: found.into(),
            cut: any.is_err() || (cut && !found),
        };
    }
    let mut count = Count { found: 0, cut };
    for found in exact.find_iter(text) {
        if found.is_err() || count.found >= most {
            count.cut |= found.is_err();
            break;
        }
        count.found += 1;
    }
    count
}

fn backtracking(text: &str, flags: Flags) -> Result<fancy_regex::Regex, Refused> {
    let mut builder = fancy_regex::RegexBuilder::new(text);
    builder
        .unicode_mode(flags.unicode)
        .bytes_mode(if flags.unicode { BytesMode::UnicodeBytes } else { BytesMode::Ascii })
        .case_insensitive(flags.caseless)
        .multi_line(flags.multiline)
        .dot_matches_new_line(flags.dotall)
        .backtrack_limit(STEPS)
        .delegate_size_limit(LARGEST)
        .delegate_dfa_size_limit(CACHE)
        .max_prog_size(LARGEST_PROGRAM);
    builder.build().map_err(|e| Refused::new(last_line(&e.to_string()), None))
}

/// Engines draw the pattern over several lines; what is wrong stands in the last.
fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or(text).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

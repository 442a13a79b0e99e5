//! Patterns that are asked together: one pass over a text tells which of them can match at all.

use super::Pattern;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// Literals up to this sum of bytes are searched by the fastest automaton, which is large.
const FASTEST: usize = 16 * 1024;

/// Patterns over one kind of text.
#[derive(Debug, Default)]
pub struct Patterns {
    list: Vec<Pattern>,
    finder: Option<AhoCorasick>,
    /// For each literal the patterns that hold it.
    owners: Vec<Vec<usize>>,
    /// Patterns without a literal: they are always looked at.
    always: Vec<usize>,
    /// Patterns whose matches are counted.
    counting: Vec<usize>,
}

/// How often each pattern of a set was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: Vec<u32>,
    /// Patterns whose search was given up.
    pub cut: Vec<usize>,
    /// Of the present text: patterns to look at, and literals met.
    seen: Vec<bool>,
    met: Vec<bool>,
}

impl Tally {
    /// How often a pattern was found.
    pub fn of(&self, pattern: usize) -> u32 {
        self.counts.get(pattern).copied().unwrap_or_default()
    }
}

impl Patterns {
    /// Joins patterns; each keeps its place.
    pub fn new(list: Vec<Pattern>) -> Patterns {
        let mut pairs: Vec<(&[u8], usize)> = Vec::new();
        let mut always = Vec::new();
        for (place, pattern) in list.iter().enumerate() {
            if pattern.literals.is_empty() {
                always.push(place);
            }
            pairs.extend(pattern.literals.iter().map(|literal| (literal.as_slice(), place)));
        }
        pairs.sort_unstable();
        pairs.dedup();
        let (mut literals, mut owners): (Vec<&[u8]>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            literals.extend(group.first().map(|(literal, _)| *literal));
            owners.push(group.iter().map(|(_, place)| *place).collect());
        }
        let finder = finder(&literals);
        if finder.is_none() {
            always = (0..list.len()).collect();
        }
        let counting = list.iter().enumerate().filter(|(_, p)| p.most() > 1).map(|(place, _)| place);
        Patterns {
            counting: counting.collect(),
            list,
            finder,
            owners,
            always,
        }
    }

    /// The patterns in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.list.iter()
    }

    /// True without any pattern.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A tally in which nothing was found yet.
    pub fn tally(&self) -> Tally {
        Tally {
            counts: vec![0; self.list.len()],
            cut: Vec::new(),
            seen: vec![false; self.list.len()],
            met: vec![false; self.owners.len()],
        }
    }

    /// Searches one more text for those patterns that are not found yet, and for those whose matches are counted. The counts of a
    /// further text weigh double what was there, as the peer has it: matches `c1`, `c2` in two texts make `2 * c1 + c2`.
    pub fn search(&self, text: &[u8], tally: &mut Tally) {
        for place in &self.counting {
            if let Some(count) = tally.counts.get_mut(*place) {
                *count = count.saturating_mul(2);
            }
        }
        for place in &self.always {
            self.look(*place, text, tally);
        }
        let Some(finder) = &self.finder else { return };
        self.sight(finder, text, tally);
        for place in 0..self.list.len() {
            if tally.seen.get(place) == Some(&true) {
                self.look(place, text, tally);
            }
        }
    }

    /// Notes the patterns whose literals the text holds.
    fn sight(&self, finder: &AhoCorasick, text: &[u8], tally: &mut Tally) {
        tally.seen.fill(false);
        tally.met.fill(false);
        let mut left = self.owners.len();
        for found in finder.find_overlapping_iter(text) {
            let literal = found.pattern().as_usize();
            let Some(met) = tally.met.get_mut(literal).filter(|met| !**met) else {
                continue;
            };
            *met = true;
            for place in self.owners.get(literal).into_iter().flatten() {
                if let Some(seen) = tally.seen.get_mut(*place) {
                    *seen = true;
                }
            }
            left -= 1;
            if left == 0 {
                return;
            }
        }
    }

    /// Looks closely.
    fn look(&self, place: usize, text: &[u8], tally: &mut Tally) {
        let (Some(pattern), Some(count)) = (self.list.get(place), tally.counts.get_mut(place)) else {
            return;
        };
        if pattern.most() == 1 && *count > 0 {
            return;
        }
        let found = pattern.counted(text);
        if found.cut && !tally.cut.contains(&place) {
            tally.cut.push(place);
        }
        *count = count.saturating_add(found.found);
    }
}

fn finder(literals: &[&[u8]]) -> Option<AhoCorasick> {
    let bytes: usize = literals.iter().map(|l| l.len()).sum();
    let fast = (bytes <= FASTEST).then_some(AhoCorasickKind::DFA);
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::Standard).ascii_case_insensitive(true).kind(fast);
    builder.build(literals).ok()
}

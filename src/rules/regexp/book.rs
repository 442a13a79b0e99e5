//! The patterns of a set of rules, sorted by the texts they search: each kind of text is passed over once, when somebody first asks.

use super::kind::Kind;
use crate::base::patterns::{Flags, Pattern, Patterns, Refused, Tally};
use crate::engine::Scan;
use std::cell::OnceCell;
use std::collections::HashMap;

/// Where a pattern stands in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    page: usize,
    line: usize,
}

/// Patterns that are being collected.
#[derive(Default)]
pub(crate) struct Draft {
    pages: Vec<(Kind, Vec<Pattern>)>,
    index: HashMap<Kind, usize>,
    /// The same pattern over the same text is compiled once.
    known: HashMap<(usize, String, Flags), Entry>,
}

impl Draft {
    /// Adds a pattern; what keeps it from linear time comes along.
    pub(crate) fn add(&mut self, kind: Kind, text: &str, flags: Flags) -> Result<(Entry, Option<&'static str>), Refused> {
        let page = match self.index.get(&kind) {
            Some(page) => *page,
            None => {
                self.pages.push((kind.clone(), Vec::new()));
                self.index.insert(kind, self.pages.len() - 1);
                self.pages.len() - 1
            }
        };
        let lines = self.pages.get_mut(page).map(|(_, lines)| lines);
        let lines = lines.expect("the page was looked up or pushed just now");
        let key = (page, text.to_owned(), flags);
        if let Some(entry) = self.known.get(&key) {
            return Ok((*entry, lines.get(entry.line).and_then(Pattern::backtracks)));
        }
        let pattern = Pattern::new(text, flags)?;
        let slow = pattern.backtracks();
        let entry = Entry { page, line: lines.len() };
        lines.push(pattern);
        self.known.insert(key, entry);
        Ok((entry, slow))
    }

    /// Closes the book. Of each text no more than `max_size` bytes are searched.
    pub(crate) fn finish(self, max_size: usize) -> Book {
        let pages = self.pages.into_iter().map(|(kind, list)| (kind, Patterns::new(list)));
        Book {
            pages: pages.collect(),
            max_size,
        }
    }
}

/// Patterns by the texts they search.
pub(crate) struct Book {
    pages: Vec<(Kind, Patterns)>,
    max_size: usize,
}

impl Book {
    /// Opens the book for one message.
    pub(crate) fn read<'b, 's>(&'b self, scan: &'b Scan<'s>) -> Reading<'b, 's> {
        Reading {
            book: self,
            scan,
            tallies: self.pages.iter().map(|_| OnceCell::new()).collect(),
        }
    }
}

/// What the patterns found in one message, as far as anybody asked.
pub(crate) struct Reading<'b, 's> {
    book: &'b Book,
    scan: &'b Scan<'s>,
    tallies: Vec<OnceCell<Tally>>,
}

impl Reading<'_, '_> {
    /// How often a pattern was found.
    pub(crate) fn count(&self, entry: Entry) -> u32 {
        let (Some((kind, patterns)), Some(tally)) = (self.book.pages.get(entry.page), self.tallies.get(entry.page)) else {
            return 0;
        };
        let tally = tally.get_or_init(|| {
            let mut tally = patterns.tally();
            kind.texts(self.scan, &mut |text| {
                let text = text.get(..self.book.max_size).unwrap_or(text);
                patterns.search(text, &mut tally);
            });
            tally
        });
        tally.of(entry.line)
    }

    /// How many searches were given up at their limit.
    pub(crate) fn given_up(&self) -> usize {
        self.tallies.iter().filter_map(OnceCell::get).map(|t| t.cut.len()).sum()
    }
}

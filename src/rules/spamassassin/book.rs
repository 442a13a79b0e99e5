//! The rules of all files taken together: which line wins, what each name is worth. Compiles nothing.

use super::line::{self, Line, Test};
use super::replace::Tags;
use crate::config::value::Source;
use crate::config::{Diagnostic, Place};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Most rules of all files together.
const MOST_RULES: usize = 50_000;
/// Lines named one by one; what is more is counted.
const NAMED: usize = 200;

/// A rule as the last line about it has it.
pub(super) struct Written {
    pub name: String,
    pub test: Test,
    pub place: Place,
}

/// What the files say.
#[derive(Default)]
pub(super) struct Files {
    pub rules: Vec<Written>,
    index: HashMap<String, usize>,
    pub scores: HashMap<String, f64>,
    pub sentences: HashMap<String, String>,
    pub tags: Tags,
    pub tagged: HashSet<String>,
    complaints: Vec<(Place, String)>,
}

impl Files {
    /// Takes one more file.
    pub(super) fn add(&mut self, source: &Arc<Source>) {
        // For each block whether its lines count.
        let mut blocks: Vec<bool> = Vec::new();
        let mut start = 0;
        for text in source.text.split_inclusive('\n') {
            let place = Place::new(source, start, start + text.trim_end().len());
            start += text.len();
            let counts = blocks.iter().all(|b| *b);
            match line::read(text) {
                Ok(Line::If(counts)) => blocks.push(counts),
                Ok(Line::Else) => {
                    if let Some(last) = blocks.last_mut() {
                        *last = !*last;
                    }
                }
                Ok(Line::EndIf) => {
                    blocks.pop();
                }
                _ if !counts => {}
                Ok(line) => self.take(line, place),
                Err(what) => self.complain(&place, what),
            }
        }
    }

    fn take(&mut self, line: Line, place: Place) {
        match line {
            Line::Rule(name, test) => match self.index.get(&name) {
                Some(at) => {
                    if let Some(rule) = self.rules.get_mut(*at) {
                        *rule = Written { name, test, place };
                    }
                }
                None if self.rules.len() >= MOST_RULES => self.complain(&place, format!("more than {MOST_RULES} rules")),
                None => {
                    self.index.insert(name.clone(), self.rules.len());
                    self.rules.push(Written { name, test, place });
                }
            },
            Line::Score(name, score) => {
                self.scores.insert(name, score);
            }
            Line::Describe(name, text) => {
                self.sentences.insert(name, text);
            }
            Line::Replace(kind, name, text) => self.tags.set(kind, name, text),
            Line::ReplaceRules(names) => self.tagged.extend(names),
            Line::If(_) | Line::Else | Line::EndIf | Line::Nothing => {}
        }
    }

    /// Notes what cannot be done.
    pub(super) fn complain(&mut self, place: &Place, what: impl Into<String>) {
        self.complaints.push((place.clone(), what.into()));
    }

    /// Lists what cannot be done, each with its file and line.
    pub(super) fn tell(&self, findings: &mut Vec<Diagnostic>) {
        for (place, what) in self.complaints.iter().take(NAMED) {
            findings.push(Diagnostic::warning(what.clone()).at(place.clone()).help("the line is passed over"));
        }
        for file in self
            .complaints
            .get(NAMED..)
            .unwrap_or_default()
            .chunk_by(|a, b| a.0.file() == b.0.file())
        {
            let lines: Vec<String> = file.iter().map(|(place, _)| place.line().to_string()).collect();
            let text = format!("{} more lines cannot be used: {}", lines.len(), lines.join(", "));
            findings.push(Diagnostic::warning(text).at(file.first().map(|(place, _)| place.clone())));
        }
    }
}

//! The text of one file as the parser sees it: templates filled in, line ends made one kind, and for every byte the place in
//! the file it came from. It reads no file.

use std::sync::Arc;

use super::template;
use crate::config::report::Diagnostic;
use crate::config::value::{Place, Source};

/// A text to parse, and the way back to the file.
#[derive(Debug)]
pub(super) struct Text {
    pub source: Arc<Source>,
    /// What is parsed, if it differs from what the file holds.
    changed: Option<String>,
    pieces: Vec<Piece>,
}

/// From `at` on the parsed text came from `from` on; all of it from that one byte if it was put in by a template.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece {
    pub at: usize,
    pub from: usize,
    pub put_in: bool,
}

impl Text {
    /// A text that is parsed as it stands.
    pub fn plain(source: Arc<Source>) -> Text {
        Text {
            source,
            changed: None,
            pieces: Vec::new(),
        }
    }

    /// The text of a file: CRLF becomes LF, and a template is filled in.
    pub fn of_file(source: Arc<Source>, template: Option<&template::Context>) -> Result<Text, Diagnostic> {
        let mut text = Text::plain(source);
        if text.source.text.contains("\r\n") {
            text.drop_returns();
        }
        let Some(context) = template.filter(|_| template::is_template(text.as_str())) else {
            return Ok(text);
        };
        match context.fill(text.as_str()) {
            Ok((filled, pieces)) => {
                let pieces = pieces.into_iter().map(|piece| Piece {
                    from: text.original(piece.from),
                    ..piece
                });
                text.pieces = pieces.collect();
                text.changed = Some(filled);
                Ok(text)
            }
            Err(wrong) => {
                let place = text.place(wrong.at.start, wrong.at.end);
                let error = Diagnostic::error(format!("the template in this file cannot be filled in: {}", wrong.what)).at(place);
                Err(error.help("templates are {% if .. %}, {= value =} and {# comment #}; rspamd reads them so too"))
            }
        }
    }

    fn drop_returns(&mut self) {
        let mut text = String::with_capacity(self.source.text.len());
        let mut from = 0;
        for part in self.source.text.split("\r\n") {
            self.pieces.push(Piece {
                at: text.len(),
                from,
                put_in: false,
            });
            text.push_str(part);
            from += part.len();
            if from < self.source.text.len() {
                text.push('\n');
                from += 2;
            }
        }
        self.changed = Some(text);
    }

    /// What is parsed.
    pub fn as_str(&self) -> &str {
        self.changed.as_deref().unwrap_or(&self.source.text)
    }

    /// Where in the file the byte `at` came from.
    pub fn original(&self, at: usize) -> usize {
        let behind = self.pieces.partition_point(|piece| piece.at <= at);
        match behind.checked_sub(1).and_then(|index| self.pieces.get(index)) {
            None => at,
            Some(piece) if piece.put_in => piece.from,
            Some(piece) => {
                let limit = self
                    .pieces
                    .get(behind)
                    .map_or(self.source.text.len(), |next| next.from.max(piece.from));
                (piece.from + (at - piece.at)).min(limit)
            }
        }
    }

    /// The place of a stretch of the parsed text.
    pub fn place(&self, from: usize, to: usize) -> Place {
        Place::new(&self.source, self.original(from), self.original(to))
    }
}

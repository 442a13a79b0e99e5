//! What the parser stands on: the texts being read, the sections that are open, and how a finding gets its place.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::include::Inclusion;
use super::lexer::Slip;
use super::parser::Parser;
use super::text::Text;
use super::tree::{Clash, Id, Span, Strategy};
use crate::config::report::Diagnostic;
use crate::config::value::Place;

/// Reading stops here. Boxed: it is large, and rare.
pub(super) type Halt = Box<Diagnostic>;

/// Warnings kept.
pub(super) const MOST_WARNINGS: usize = 100;

/// What is looked for next in a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    Start,
    Key,
    Value,
    AfterValue,
}

/// A text being read.
pub(super) struct Chunk {
    pub text: Rc<Text>,
    /// Its number among all texts.
    pub source: u32,
    pub at: usize,
    pub end: usize,
    pub state: State,
    /// The last key had more names behind it. Stays set over keys with a `=`, as with the peer.
    pub more_names: bool,
    /// What the last look ahead on this line found.
    pub ahead: (usize, bool),
    pub priority: u8,
    pub strategy: Strategy,
    /// The sections that were open when it began.
    pub base: usize,
    /// The section right below `base` is there for this text only.
    pub nested: bool,
    /// Its real path, to know loops by.
    pub path: String,
    pub named_at: Option<Place>,
    /// Files it includes that are still to be read.
    pub pending: VecDeque<(String, Rc<Inclusion>)>,
    /// `$CURDIR` and `$FILENAME` of the text that included it.
    pub outer: [Option<String>; 2],
}

/// An open section or list.
pub(super) struct Frame {
    pub id: Id,
    pub list: bool,
    /// Opened by a bracket, so that a bracket must close it.
    pub braced: bool,
    /// One of the names before a bracket: closed together with it.
    pub named: bool,
    pub open: Span,
    pub name: Option<Arc<str>>,
}

impl Parser<'_> {
    /// Lays a text on top of those being read.
    pub fn push_chunk(&mut self, text: Rc<Text>, range: std::ops::Range<usize>, priority: u8, strategy: Strategy) -> &mut Chunk {
        let source = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(Rc::clone(&text));
        let base = self.frames.len();
        self.chunks.push(Chunk {
            text,
            source,
            at: range.start,
            end: range.end,
            state: State::Start,
            more_names: false,
            ahead: (0, false),
            priority,
            strategy,
            base,
            nested: false,
            path: String::new(),
            named_at: None,
            pending: VecDeque::new(),
            outer: [None, None],
        });
        self.chunk()
    }

    pub fn chunk(&mut self) -> &mut Chunk {
        self.chunks.last_mut().expect("a text is being read")
    }

    /// A stretch of the text being read.
    pub fn span(&self, from: usize, to: usize) -> Span {
        let small = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        match self.chunks.last() {
            Some(chunk) => Span {
                source: chunk.source,
                from: small(chunk.text.original(from)),
                to: small(chunk.text.original(to)),
            },
            None => Span::default(),
        }
    }

    /// The place of a span.
    pub fn place(&self, span: Span) -> Option<Place> {
        let wide = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        let text = self.texts.get(wide(span.source))?;
        Some(Place::new(&text.source, wide(span.from), wide(span.to)))
    }

    /// An error at a stretch of the text being read, with the chain of includes that led there.
    pub fn error(&self, from: usize, to: usize, what: impl Into<String>) -> Diagnostic {
        let error = Diagnostic::error(what).at(self.place(self.span(from, to)));
        self.with_chain(error)
    }

    pub fn with_chain(&self, error: Diagnostic) -> Diagnostic {
        let places = self.chunks.iter().rev().filter_map(|chunk| chunk.named_at.clone());
        let places = places.filter(|place| !place.source().built_in);
        places.take(4).fold(error, |error, place| error.also(place, "included here"))
    }

    pub fn slip(&self, slip: Slip) -> Halt {
        let error = self.error(slip.from, slip.to, slip.what);
        Box::new(match slip.help {
            Some(help) => error.help(help),
            None => error,
        })
    }

    pub fn clash(&self, clash: Clash, from: usize, to: usize) -> Halt {
        let error = |what: &str| self.error(from, to, what);
        Box::new(match clash {
            Clash::Duplicate(old) => error("this name is set already, and the file is included with duplicate=error")
                .also(self.place(old), "set here")
                .help("take one of the two out"),
            Clash::TooMany => error("the configuration holds more values than can be kept (1,000,000, or 64 MiB of copied text)"),
            Clash::TooTangled => error("too many sections of one name are merged into each other"),
            Clash::TooDeep => error("the sections copied here nest too deep"),
        })
    }

    pub fn warn(&mut self, from: usize, to: usize, what: impl Into<String>, help: &str) {
        let warning = Diagnostic::warning(what).at(self.place(self.span(from, to)));
        self.warn_with(warning.help(help));
    }

    pub fn warn_with(&mut self, warning: Diagnostic) {
        match self.warnings.len() {
            0..MOST_WARNINGS => self.warnings.push(warning),
            MOST_WARNINGS => self.warnings.push(Diagnostic::warning("more warnings are not shown")),
            _ => (),
        }
    }

    /// The names of the open sections.
    pub fn path(&self) -> Vec<String> {
        self.frames
            .iter()
            .filter_map(|frame| frame.name.as_ref())
            .map(|name| name.to_string())
            .collect()
    }
}

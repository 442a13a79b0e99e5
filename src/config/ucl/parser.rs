//! The parser: texts in, a tree out. It follows the peer step by step, odd corners included, and keeps its own stack, so that no input
//! makes it recurse. Macros are in `macros` and `include`; this reads keys, values, and what separates them.

use std::rc::Rc;
use std::sync::Arc;

use super::files::Includes;
use super::lexer;
use super::number;
use super::stack::{Chunk, Frame, Halt, State};
use super::template;
use super::text::Text;
use super::tree::{Fate, Id, Joined, Kind, Span, Tree};
use super::variables::Variables;
use super::{Fed, Options, Unsupported};
use crate::config::report::Diagnostic;
use crate::config::value::Place;

/// Bytes of a key.
const LONGEST_KEY: usize = 64 << 10;

pub(super) struct Parser<'p> {
    pub options: &'p Options,
    pub files: &'p dyn Includes,
    pub variables: Variables,
    /// What templates may use.
    pub context: template::Context,
    pub tree: Tree,
    pub root: Option<Id>,
    pub texts: Vec<Rc<Text>>,
    pub chunks: Vec<Chunk>,
    pub frames: Vec<Frame>,
    /// The value to fill, what became of its key, and the key.
    pub current: Option<(Id, Fate, Arc<str>)>,
    pub warnings: Vec<Diagnostic>,
    /// Errors behind which reading went on.
    pub errors: Vec<Diagnostic>,
    pub fed: Vec<Fed>,
    pub absent: Vec<(String, Option<Place>)>,
    pub unsupported: Vec<Unsupported>,
    /// Bytes read and made.
    pub total: u64,
    /// It reads the arguments of a macro: no macros, no variables.
    pub arguments: bool,
}

impl<'p> Parser<'p> {
    pub fn new(options: &'p Options, files: &'p dyn Includes) -> Parser<'p> {
        let mut variables = Variables::default();
        // These are tried first, so that no variable of the caller shadows them by its beginning.
        ["CURDIR", "FILENAME"].iter().for_each(|name| variables.set(name, "undef"));
        options.variables.iter().for_each(|(name, value)| variables.set(name, value));
        Parser {
            options,
            files,
            variables,
            context: template::Context::new(options.environment.clone()),
            tree: Tree::default(),
            root: None,
            texts: Vec::new(),
            chunks: Vec::new(),
            frames: Vec::new(),
            current: None,
            warnings: Vec::new(),
            errors: Vec::new(),
            fed: Vec::new(),
            absent: Vec::new(),
            unsupported: Vec::new(),
            total: 0,
            arguments: false,
        }
    }

    /// Reads all texts to their end.
    pub fn run(&mut self) -> Result<(), Halt> {
        while let Some(chunk) = self.chunks.last_mut() {
            if let Some((path, inclusion)) = chunk.pending.pop_front() {
                self.enter(&inclusion, &path)?;
                continue;
            }
            if chunk.at >= chunk.end {
                self.finish_chunk()?;
                continue;
            }
            let text = Rc::clone(&chunk.text);
            let bytes = text.as_str().as_bytes().get(..chunk.end).unwrap_or(b"");
            match chunk.state {
                State::Start => self.start(bytes)?,
                State::Key => self.key(text.as_str(), bytes)?,
                State::Value => self.value(text.as_str(), bytes)?,
                State::AfterValue => self.after_value(bytes)?,
            }
        }
        Ok(())
    }

    /// The beginning of a text: an outer bracket of its own, or right the keys.
    fn start(&mut self, bytes: &[u8]) -> Result<(), Halt> {
        let mut at = lexer::comments(bytes, self.chunk().at).map_err(|slip| self.slip(slip))?;
        at = lexer::spaces(bytes, at);
        let open = bytes.get(at).copied();
        if at >= bytes.len() && self.root.is_some() {
            self.chunk().at = at;
            return Ok(());
        }
        let braced = matches!(open, Some(b'{' | b'['));
        if self.root.is_none() {
            let list = open == Some(b'[');
            let span = self.span(at, at + usize::from(braced));
            let kind = if list {
                Kind::List(Vec::new())
            } else {
                Kind::Table(super::tree::Keys::default())
            };
            let id = self.new_item(kind, at)?;
            self.root = Some(id);
            self.frames.push(Frame {
                id,
                list,
                braced,
                named: false,
                open: span,
                name: None,
            });
        } else if braced {
            let what = "this file is included, so it may not stand in brackets of its own";
            return Err(Box::new(self.error(at, at + 1, what).help("take the outermost brackets out")));
        }
        let chunk = self.chunk();
        chunk.state = if open == Some(b'[') { State::Value } else { State::Key };
        chunk.at = at + usize::from(braced);
        Ok(())
    }

    pub fn new_item(&mut self, kind: Kind, at: usize) -> Result<Id, Halt> {
        let (priority, span) = (self.chunk().priority, self.span(at, at + 1));
        self.tree
            .new_item(kind, priority, span)
            .map_err(|clash| self.clash(clash, at, at + 1))
    }

    /// The end of a text: what it opened must be closed.
    fn finish_chunk(&mut self) -> Result<(), Halt> {
        let base = self.chunk().base;
        let open = self.frames.get(base..).unwrap_or(&[]).iter().rev().find(|frame| frame.braced);
        if let Some(frame) = open {
            let bracket = if frame.list { "[" } else { "{" };
            let error = Diagnostic::error(format!("this `{bracket}` is never closed")).at(self.place(frame.open));
            return Err(Box::new(
                self.with_chain(error)
                    .help("write the closing bracket, or look for one too many above"),
            ));
        }
        let Some(chunk) = self.chunks.pop() else { return Ok(()) };
        if self.chunks.is_empty() {
            return Ok(());
        }
        if chunk.nested {
            self.frames.truncate(base.saturating_sub(1));
        }
        for (name, value) in ["CURDIR", "FILENAME"].into_iter().zip(chunk.outer) {
            self.variables.set(name, value.as_deref().unwrap_or(""));
        }
        Ok(())
    }

    fn key(&mut self, text: &str, bytes: &[u8]) -> Result<(), Halt> {
        let mut at = self.chunk().at;
        loop {
            at = lexer::spaces(bytes, at);
            if !lexer::is_comment(bytes, at) {
                break;
            }
            at = lexer::comments(bytes, at).map_err(|slip| self.slip(slip))?;
        }
        self.chunk().at = at;
        let from = at;
        let (key, behind) = match bytes.get(at) {
            None => return Ok(()),
            Some(b'}') => {
                self.chunk().state = State::AfterValue;
                return Ok(());
            }
            Some(b'.') if !self.arguments => return self.macro_call(text, bytes),
            Some(b'"') => {
                let found = lexer::quoted(bytes, at).map_err(|slip| self.slip(slip))?;
                let raw = text.get(found.from..found.to).unwrap_or("");
                self.remark_name(at, found.next);
                let key: Arc<str> = if found.escaped {
                    Arc::from(lexer::unescaped(raw))
                } else {
                    Arc::from(raw)
                };
                (key, found.next)
            }
            Some(&byte) if begins_key(byte) => {
                let end = self.bare_key(bytes, at)?;
                (Arc::from(text.get(at..end).unwrap_or("")), end)
            }
            Some(&byte) => return Err(Box::new(self.no_key(at, byte))),
        };
        at = self.behind_key(bytes, from, behind)?;
        if key.is_empty() {
            return Err(Box::new(self.error(from, behind, "a name may not be empty")));
        }
        if key.len() > LONGEST_KEY {
            let what = format!("this name is longer than {} KiB", LONGEST_KEY >> 10);
            return Err(Box::new(self.error(from, behind, what)));
        }
        self.say(key, from, behind)?;
        self.chunk().at = at;
        if self.chunk().more_names {
            return self.open(from, false, false);
        }
        self.chunk().state = State::Value;
        Ok(())
    }

    /// Warns of a string that is taken for the name of a section because of a bracket inside it.
    fn remark_name(&mut self, from: usize, to: usize) {
        let (ahead, found) = self.chunk().ahead;
        if found && (from..to).contains(&ahead) && self.chunk().more_names {
            let what = "this string is read as the name of a section: it holds a bracket";
            self.warn(from, to, what, "write a = before it");
        }
    }

    /// The end of a key without quotes.
    fn bare_key(&self, bytes: &[u8], from: usize) -> Result<usize, Halt> {
        let rest = bytes.get(from..).unwrap_or(b"");
        let length = rest.iter().position(|byte| !within_key(*byte));
        let end = from + length.unwrap_or(rest.len());
        match bytes.get(end) {
            None => Err(Box::new(self.unfinished(from, end))),
            Some(b' ' | b'\t' | b'=' | b':') => Ok(end),
            Some(b'\n' | b'\r') => {
                let error = self.error(from, end, "nothing stands behind this name");
                Err(Box::new(
                    error.help("write name = value; the { of a section stands on the line of its name"),
                ))
            }
            Some(_) => {
                let error = self.error(end, end + 1, "this character may not stand in a name");
                Err(Box::new(error.help("put the name into double quotes, or a blank behind it")))
            }
        }
    }

    fn no_key(&self, at: usize, byte: u8) -> Diagnostic {
        let error = self.error(at, at + 1, "a name is awaited here");
        error.help(match byte {
            b'{' | b'[' => "a section is written name { .. } or name \"other\" { .. } on one line",
            b'=' | b':' => "write name = value; names may stand before a section only",
            b']' => "this bracket closes no list",
            _ => "names begin with a letter, a digit, / or _; put others into double quotes",
        })
    }

    fn unfinished(&self, from: usize, to: usize) -> Diagnostic {
        self.error(from, to, "the file ends behind this name").help("write name = value")
    }

    /// Reads the separator behind a key and looks whether more names follow; gives where the value begins.
    fn behind_key(&mut self, bytes: &[u8], from: usize, mut at: usize) -> Result<usize, Halt> {
        let key = at;
        let mut separated = false;
        loop {
            match bytes.get(at) {
                None => return Err(Box::new(self.unfinished(from, key))),
                Some(b' ' | b'\t') => at += 1,
                Some(b'=' | b':') if separated => {
                    let error = self.error(at, at + 1, "a second sign stands behind this name");
                    return Err(Box::new(
                        error.help("write one = or : only, and a value that begins with it in quotes"),
                    ));
                }
                Some(b'=' | b':') => {
                    separated = true;
                    at += 1;
                }
                Some(_) if lexer::is_comment(bytes, at) => at = lexer::comments(bytes, at).map_err(|slip| self.slip(slip))?,
                Some(_) => break,
            }
        }
        if !separated {
            let chunk = self.chunk();
            chunk.more_names = false;
            if !matches!(bytes.get(at), Some(b'{' | b'[')) {
                // What an earlier key of this line found holds until it is reached.
                if chunk.ahead.0 <= at {
                    chunk.ahead = lexer::section_ahead(bytes, at);
                }
                chunk.more_names = chunk.ahead.1;
            }
        }
        Ok(at)
    }

    /// Enters a name into the section that is open.
    fn say(&mut self, key: Arc<str>, from: usize, to: usize) -> Result<(), Halt> {
        let Some(section) = self.frames.last().map(|frame| frame.id) else {
            return Err(Box::new(self.error(from, to, "the document is closed already")));
        };
        let span = self.span(from, to);
        let (priority, strategy) = (self.chunk().priority, self.chunk().strategy);
        let joined = self.tree.say(section, Arc::clone(&key), span, priority, strategy);
        let Joined { id, fate } = joined.map_err(|clash| self.clash(clash, from, to))?;
        self.current = Some((id, fate, key));
        Ok(())
    }

    /// What separates two values: closes brackets, and asks for a separator.
    fn after_value(&mut self, bytes: &[u8]) -> Result<(), Halt> {
        let mut at = self.chunk().at;
        let mut separated = false;
        while let Some(&byte) = bytes.get(at) {
            if lexer::is_blank(byte) {
                at += 1;
            } else if lexer::is_comment(bytes, at) {
                at = lexer::comments(bytes, at).map_err(|slip| self.slip(slip))?;
                separated = true;
            } else if matches!(byte, b'}' | b']') {
                self.close(byte, at)?;
                at += 1;
                separated = true;
                if self.frames.is_empty() {
                    return self.rest_ignored(bytes, at);
                }
            } else if number::ends_value(Some(byte)) {
                separated = true;
                at += 1;
            } else if separated {
                break;
            } else {
                let error = self.error(at, at + 1, "a separator is missing before this");
                return Err(Box::new(
                    error.help("write ; or a new line behind each value, and values with quotes inside as '..'"),
                ));
            }
        }
        let list = self.frames.last().is_some_and(|frame| frame.list);
        let chunk = self.chunk();
        chunk.at = at;
        chunk.state = if list { State::Value } else { State::Key };
        Ok(())
    }

    /// The document is closed; the peer reads no further.
    fn rest_ignored(&mut self, bytes: &[u8], at: usize) -> Result<(), Halt> {
        let mut rest = at;
        loop {
            rest = lexer::spaces(bytes, rest);
            match lexer::comments(bytes, rest) {
                Ok(behind) if behind > rest => rest = behind,
                _ => break,
            }
        }
        if rest < bytes.len() && !self.arguments {
            let help = "take the outermost brackets out, or move this before the last one";
            self.warn(
                rest,
                rest + 1,
                "all from here on is ignored: the document's brackets are closed",
                help,
            );
        }
        self.chunk().at = bytes.len();
        Ok(())
    }

    /// A closing bracket.
    fn close(&mut self, byte: u8, at: usize) -> Result<(), Halt> {
        let base = self.chunk().base;
        let (list, braced, open) = match self.frames.last() {
            Some(frame) => (frame.list, frame.braced && self.frames.len() > base, frame.open),
            None => (false, false, Span::default()),
        };
        if list != (byte == b']') {
            let (bracket, other) = if list { (']', '}') } else { ('}', ']') };
            let error = self.error(at, at + 1, format!("`{other}` stands where `{bracket}` is awaited"));
            return Err(Box::new(error.also(self.place(open), "opened here")));
        }
        if !braced {
            let error = self.error(at, at + 1, "this bracket closes nothing that was opened in this file");
            return Err(Box::new(error.help(
                "take it out, or put a value with brackets, commas or semicolons inside into quotes",
            )));
        }
        self.frames.pop();
        // Names before brackets end with the bracket, even those that a text further out began and left open.
        while self.frames.last().is_some_and(|frame| frame.named) {
            self.frames.pop();
        }
        let open = self.frames.len();
        self.chunks.iter_mut().for_each(|chunk| chunk.base = chunk.base.min(open));
        self.current = None;
        Ok(())
    }
}

/// True for what a name without quotes may begin with.
fn begins_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_') || byte >= 0x80
}

fn within_key(byte: u8) -> bool {
    begins_key(byte) || matches!(byte, b'-' | b'.')
}

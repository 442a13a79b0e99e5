//! The parser's half that reads values: strings, numbers, words, and the brackets that open sections and lists.

use std::sync::Arc;

use super::lexer::{self, Found};
use super::number::{self, NoNumber, Number};
use super::parser::Parser;
use super::stack::{Frame, Halt, MOST_WARNINGS, State};
use super::tree::{Fate, Id, Keys, Kind, Span};
use crate::config::report::Diagnostic;

impl Parser<'_> {
    /// The value to fill: that of the key, or a new one at the end of the list.
    fn slot(&mut self, at: usize) -> Result<(Id, Fate), Halt> {
        let frame = self.frames.last().map(|frame| (frame.id, frame.list));
        match (frame, &self.current) {
            (Some((list, true)), _) => {
                let id = self.new_item(Kind::Null, at)?;
                self.tree.append_to_list(list, id);
                Ok((id, Fate::Alone))
            }
            (Some(_), Some((id, fate, _))) => Ok((*id, *fate)),
            _ => Err(Box::new(self.error(at, at + 1, "a value without a name"))),
        }
    }

    pub fn value(&mut self, text: &str, bytes: &[u8]) -> Result<(), Halt> {
        let begin = self.chunk().at;
        let at = lexer::comments(bytes, lexer::spaces(bytes, begin)).map_err(|slip| self.slip(slip))?;
        self.chunk().at = at;
        let list = self.frames.last().is_some_and(|frame| frame.list);
        match bytes.get(at) {
            None => Ok(()),
            Some(b'"') => {
                let found = lexer::quoted(bytes, at).map_err(|slip| self.slip(slip))?;
                let raw = text.get(found.from..found.to).unwrap_or("");
                let value = if found.escaped { lexer::unescaped(raw) } else { raw.to_owned() };
                self.put_text(at, &found, value)
            }
            Some(b'\'') => {
                let found = lexer::single_quoted(bytes, at).map_err(|slip| self.slip(slip))?;
                let raw = text.get(found.from..found.to).unwrap_or("");
                self.put_text(at, &found, lexer::unescaped_single(raw))
            }
            Some(b'{') => {
                self.chunk().at = at + 1;
                self.open(at, false, true)
            }
            Some(b'[') => {
                self.chunk().at = at + 1;
                self.open(at, true, true)
            }
            Some(b']') if list => {
                self.chunk().state = State::AfterValue;
                Ok(())
            }
            Some(b'<') => match lexer::heredoc(bytes, at) {
                Some(found) => {
                    let found = found.map_err(|slip| self.slip(slip))?;
                    let raw = text.get(found.from..found.to).unwrap_or("").to_owned();
                    self.put_text(at, &found, raw)
                }
                None => self.word(text, bytes, begin, at),
            },
            Some(_) => self.word(text, bytes, begin, at),
        }
    }

    /// Fills a string in, its variables replaced.
    fn put_text(&mut self, at: usize, found: &Found, value: String) -> Result<(), Halt> {
        let value = match found.variables && !self.arguments {
            true => self.expanded(value, at, found.next)?,
            false => value,
        };
        self.put(at, found.next, Kind::Text(Arc::from(value)))
    }

    /// A text with its variables replaced.
    pub fn expanded(&mut self, value: String, from: usize, to: usize) -> Result<String, Halt> {
        let most = usize::try_from(self.options.limits.file_bytes).unwrap_or(usize::MAX);
        let expanded = self.variables.expand(&value, most);
        let Ok(expanded) = expanded else {
            return Err(Box::new(self.error(from, to, "with its variables this text grows too long")));
        };
        let Some(expanded) = expanded else { return Ok(value) };
        self.total += u64::try_from(expanded.len()).unwrap_or(u64::MAX);
        if self.total > self.options.limits.total_bytes {
            return Err(Box::new(self.error(
                from,
                to,
                "with its variables the configuration grows too long",
            )));
        }
        Ok(expanded)
    }

    fn put(&mut self, from: usize, to: usize, kind: Kind) -> Result<(), Halt> {
        let (id, fate) = self.slot(from)?;
        self.remark(fate, from, to);
        let span = self.span(from, to);
        self.tree.fill(id, kind, span).map_err(|clash| self.clash(clash, from, to))?;
        let chunk = self.chunk();
        (chunk.at, chunk.state) = (to, State::AfterValue);
        Ok(())
    }

    /// Warns of a value that nobody will see.
    fn remark(&mut self, fate: Fate, from: usize, to: usize) {
        let Fate::Behind(first) = fate else { return };
        if !matches!(self.tree.item(first).kind, Kind::List(_)) || self.tree.count(first) != 2 {
            return;
        }
        let old = self.place(self.tree.item(first).place);
        let warning = Diagnostic::warning("this value is lost: the name holds a list already").at(self.place(self.span(from, to)));
        self.warn_with(warning.also(old, "the list that counts").help("write all items into one list"));
    }

    /// A number, or a word without quotes.
    fn word(&mut self, text: &str, bytes: &[u8], begin: usize, at: usize) -> Result<(), Halt> {
        let rest = bytes.get(at..).unwrap_or(b"");
        if matches!(rest.first(), Some(b'0'..=b'9' | b'-')) {
            match number::read(rest) {
                Ok((number, length)) => {
                    let kind = match number {
                        Number::Int(number) => Kind::Int(number),
                        Number::Float(number) => Kind::Float(number),
                        Number::Time(seconds) => Kind::Time(seconds),
                    };
                    return self.put(at, at + length, kind);
                }
                Err(NoNumber::Range) => {
                    let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count().max(1);
                    let error = self.error(at, at + length, "this number is too large");
                    return Err(Box::new(error.help("whole numbers go up to 9223372036854775807")));
                }
                Err(NoNumber::Word) => (),
            }
        }
        let found = lexer::word(bytes, at);
        let raw = text.get(found.from..found.to).unwrap_or("");
        if raw.is_empty() {
            let error = self.error(at, at + 1, "there is no value");
            return Err(Box::new(error.help("write a value, or \"\" for an empty one")));
        }
        let boolean = |raw: &str| match raw.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        };
        let kind = match raw {
            "null" => Kind::Null,
            "nan" => Kind::Float(f64::NAN),
            "inf" => Kind::Float(f64::INFINITY),
            _ if raw.len() <= 5 && boolean(raw).is_some() => Kind::Bool(boolean(raw) == Some(true)),
            _ => {
                self.remark_word(raw, begin, at, found.to);
                let value = if found.escaped { lexer::unescaped(raw) } else { raw.to_owned() };
                let end = found.next;
                self.put_text(at, &found, value)?;
                self.chunk().at = end;
                return Ok(());
            }
        };
        self.put(at, found.to, kind)?;
        self.chunk().at = found.next;
        Ok(())
    }

    /// Warns of words that were meant as something else.
    fn remark_word(&mut self, raw: &str, begin: usize, from: usize, to: usize) {
        if self.arguments || self.warnings.len() > MOST_WARNINGS {
            return;
        }
        if number::is_suffixed(raw) {
            let what = format!("`{raw}` is read as a string: a blank stands behind the unit");
            self.warn(from, to, what, "write the ; or the end of the line right behind it");
        } else if raw.starts_with("<<") {
            self.warn(
                from,
                to,
                "this is no text of several lines, but a word",
                "write <<EOD with capital letters, and end the line behind it",
            );
        } else if raw.contains(" = ") && self.frames.last().is_some_and(|frame| !frame.list) {
            let line = self
                .chunks
                .last()
                .and_then(|chunk| chunk.text.as_str().get(begin..from))
                .is_some_and(|gap| gap.contains('\n'));
            if line {
                self.warn(
                    from,
                    to,
                    "this line is the value of the name above it",
                    "write a value, or \"\", behind the name above",
                );
            }
        }
    }

    /// Opens a section or a list in the value to fill.
    pub fn open(&mut self, at: usize, list: bool, braced: bool) -> Result<(), Halt> {
        if self.frames.len() >= self.options.limits.depth {
            let what = format!("sections nest deeper than {} levels", self.options.limits.depth);
            return Err(Box::new(self.error(at, at + 1, what).help("look for a bracket that is not closed")));
        }
        let (id, fate) = self.slot(at)?;
        self.remark(fate, at, at + 1);
        let span = self.span(at, at + 1);
        match (&self.tree.item(id).kind, list) {
            (Kind::Table(_), true) | (Kind::List(_), false) => {
                let old = self.place(self.tree.item(id).place);
                let (new, was) = if list { ("list", "section") } else { ("section", "list") };
                let error = self.error(at, at + 1, format!("this {new} cannot be merged with what is a {was} already"));
                let help = format!("write it as a {was}, or put it into override.d, which replaces");
                return Err(Box::new(error.also(old, format!("the {was}")).help(help)));
            }
            (Kind::Table(_), false) if braced => self.remark_joined(id, fate, at),
            (Kind::Table(_), false) | (Kind::List(_), true) => (),
            (_, true) => self.fill_empty(id, Kind::List(Vec::new()), span, at)?,
            (_, false) => self.fill_empty(id, Kind::Table(Keys::default()), span, at)?,
        }
        let name = self
            .current
            .take()
            .map(|(_, _, key)| key)
            .filter(|_| !self.frames.last().is_some_and(|frame| frame.list));
        self.frames.push(Frame {
            id,
            list,
            braced,
            named: !braced,
            open: span,
            name: Some(name.unwrap_or_else(|| Arc::from(""))),
        });
        self.chunk().state = if list { State::Value } else { State::Key };
        Ok(())
    }

    fn fill_empty(&mut self, id: Id, kind: Kind, span: Span, at: usize) -> Result<(), Halt> {
        self.tree.fill(id, kind, span).map_err(|clash| self.clash(clash, at, at + 1))
    }

    /// Warns of two nameless sections of one file that become one.
    fn remark_joined(&mut self, id: Id, fate: Fate, at: usize) {
        let old = self.tree.item(id).place;
        if fate != Fate::Reused || Some(old.source) != self.chunks.last().map(|chunk| chunk.source) {
            return;
        }
        let warning =
            Diagnostic::warning("this section and the one above become one: the file is merged").at(self.place(self.span(at, at + 1)));
        let warning = warning.also(self.place(old), "the one above");
        self.warn_with(warning.help("give each a name of its own: rule \"one\" { .. } rule \"two\" { .. }"));
    }
}

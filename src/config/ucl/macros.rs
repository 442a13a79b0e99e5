//! Macros: `.include` and its kin, `.priority`, `.inherit`, `.load`. This reads their names, arguments and values, and does the small
//! ones; files are brought in by `include`.

use std::rc::Rc;
use std::sync::Arc;

use super::lexer;
use super::parser::Parser;
use super::stack::{Halt, State};
use super::tree::{Kind, Strategy};
use super::{Unsupported, include};
use crate::base::suggest;
use crate::config::report::Diagnostic;
use crate::config::value::{Entry, Node, Value};

const NAMES: [&str; 7] = ["include", "includes", "try_include", "include_map", "inherit", "load", "priority"];

/// A macro as it was written.
pub(super) struct Call {
    pub name: String,
    pub arguments: Vec<Entry>,
    pub value: String,
    /// From the dot to the end of the value.
    pub from: usize,
    pub to: usize,
}

impl Parser<'_> {
    /// Reads a macro at the dot and does what it says.
    pub fn macro_call(&mut self, text: &str, bytes: &[u8]) -> Result<(), Halt> {
        let from = self.chunk().at;
        let rest = bytes.get(from + 1..).unwrap_or(b"");
        let length = rest.iter().position(|byte| lexer::is_space(*byte) || *byte == b'(');
        let end = from + 1 + length.unwrap_or(rest.len());
        let name = text.get(from + 1..end).unwrap_or("").to_owned();
        if name.is_empty() && length.is_some() {
            let error = self.error(from, end, "a macro's name is awaited behind the dot");
            return Err(Box::new(error.help(
                "macros are .include, .inherit, .load, .priority; put names that begin with a dot into quotes",
            )));
        }
        let known = NAMES.contains(&name.as_str());
        if !known && length.is_some() {
            return Err(Box::new(self.unknown_macro(&name, from, end)));
        }
        let mut at = self.behind_spaces(bytes, end)?;
        let mut arguments = Vec::new();
        if bytes.get(at) == Some(&b'(') {
            let close = self.closing(bytes, at)?;
            arguments = self.arguments(at + 1..close)?;
            at = self.behind_spaces(bytes, close + 1)?;
        }
        if at >= bytes.len() {
            self.warn(
                from,
                end,
                "this macro has no value and does nothing",
                "write for example .include \"$CURDIR/other.conf\"",
            );
            self.chunk().at = bytes.len();
            return Ok(());
        }
        let (value, to, next) = self.macro_value(text, bytes, at)?;
        let chunk = self.chunk();
        (chunk.at, chunk.state) = (next, State::Key);
        let value = self.expanded(value, at, to)?;
        self.call(Call {
            name,
            arguments,
            value,
            from,
            to,
        })
    }

    fn unknown_macro(&mut self, name: &str, from: usize, to: usize) -> Diagnostic {
        if name == "lua" {
            let place = self.place(self.span(from, to));
            self.unsupported.extend(place.map(|place| Unsupported {
                what: ".lua".to_owned(),
                place,
            }));
            return self
                .error(from, to, "Lua in the configuration is not supported")
                .help("take it out");
        }
        let error = self.error(from, to, format!("there is no macro `.{}`", name.escape_debug()));
        match suggest::nearest(name, NAMES) {
            Some(near) => error.help(format!("did you mean .{near}?")),
            None => error.help("macros are .include, .inherit, .load, .priority; put names that begin with a dot into quotes"),
        }
    }

    fn behind_spaces(&self, bytes: &[u8], mut at: usize) -> Result<usize, Halt> {
        loop {
            at = lexer::spaces(bytes, at);
            if !lexer::is_comment(bytes, at) {
                return Ok(at);
            }
            at = lexer::comments(bytes, at).map_err(|slip| self.slip(slip))?;
        }
    }

    /// The bracket that closes the arguments opened at `open`.
    fn closing(&self, bytes: &[u8], open: usize) -> Result<usize, Halt> {
        let (mut at, mut depth) = (open, 0_u64);
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    at = lexer::quoted(bytes, at).map_err(|slip| self.slip(slip))?.next;
                    continue;
                }
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(at);
                    }
                }
                _ => (),
            }
            at += 1;
        }
        let error = self.error(open, open + 1, "the arguments of this macro are never closed");
        Err(Box::new(error.help("write the closing )")))
    }

    /// The arguments are a document of their own, without macros and variables.
    fn arguments(&mut self, range: std::ops::Range<usize>) -> Result<Vec<Entry>, Halt> {
        let text = Rc::clone(&self.chunk().text);
        let mut parser = Parser::new(self.options, self.files);
        parser.arguments = true;
        parser.push_chunk(Rc::clone(&text), range, 0, Strategy::Append);
        parser.run()?;
        let Some(root) = parser.root else { return Ok(Vec::new()) };
        let tree = parser.tree.finish(root, &text.source);
        Ok(match tree.node {
            Node::Table(table) => table.into_entries(),
            _ => Vec::new(),
        })
    }

    /// The value: in quotes, in braces, or a word; with its end, and where reading goes on.
    fn macro_value(&mut self, text: &str, bytes: &[u8], at: usize) -> Result<(String, usize, usize), Halt> {
        let rest = bytes.get(at..).unwrap_or(b"");
        let (from, to, end) = match rest.first() {
            Some(b'"') => {
                let found = lexer::quoted(bytes, at).map_err(|slip| self.slip(slip))?;
                (found.from, found.to, found.next)
            }
            Some(b'{') => {
                let from = lexer::spaces(bytes, at + 1);
                let length = bytes.get(from..).and_then(|rest| memchr::memchr(b'}', rest));
                let Some(length) = length else {
                    let error = self.error(at, at + 1, "the value of this macro is never closed");
                    return Err(Box::new(error.help("write the closing }")));
                };
                (from, from + length, from + length + 1)
            }
            _ => {
                let length = rest
                    .iter()
                    .position(|byte| super::number::ends_value(Some(*byte)))
                    .unwrap_or(rest.len());
                (at, at + length, at + length)
            }
        };
        let behind = bytes.get(end..).unwrap_or(b"");
        let skipped = behind.iter().take_while(|byte| lexer::is_space(**byte) || **byte == b';').count();
        // The peer keeps blanks at the end of a bare word, and then finds no such file.
        let value = text.get(from..to).unwrap_or("").trim_end_matches([' ', '\t']);
        Ok((value.to_owned(), end, end + skipped))
    }

    fn call(&mut self, call: Call) -> Result<(), Halt> {
        match call.name.as_str() {
            "include" | "includes" | "try_include" => {
                let order = include::Order::read(self, &call);
                self.bring_in(include::Inclusion { call, order })
            }
            "load" => self.load(&call),
            "inherit" => self.inherit(&call),
            "priority" => self.priority(&call),
            _ => {
                let place = self.place(self.span(call.from, call.to));
                self.unsupported.extend(place.map(|place| Unsupported {
                    what: format!(".{}", call.name),
                    place,
                }));
                self.warn(
                    call.from,
                    call.to,
                    "settings from a map are not supported; this is ignored",
                    "write them into a file and .include it",
                );
                Ok(())
            }
        }
    }

    /// `.priority 5` rules what follows in this file.
    fn priority(&mut self, call: &Call) -> Result<(), Halt> {
        let argument = call.arguments.iter().find(|entry| "priority".starts_with(&entry.key));
        let number = match argument.map(|entry| &entry.value.node) {
            Some(Node::Int(number)) if call.value.trim().is_empty() => Some(*number),
            _ => call.value.parse().ok(),
        };
        let Some(number) = number else {
            let error = self.error(call.from, call.to, "a priority is a number from 0 to 15");
            return Err(Box::new(error.help("write for example .priority 5")));
        };
        self.chunk().priority = self.low_bits(number, call);
        Ok(())
    }

    /// Priorities have four bits; higher ones are not higher.
    pub fn low_bits(&mut self, number: i64, call: &Call) -> u8 {
        let low = u8::try_from(number & 15).unwrap_or(0);
        if i64::from(low) != number {
            let what = format!("priorities go from 0 to 15; {number} counts as {low}");
            self.warn(call.from, call.to, what, "write a number from 0 to 15");
        }
        low
    }

    /// `.inherit "name"` copies a top level section into this one.
    fn inherit(&mut self, call: &Call) -> Result<(), Halt> {
        let from = self.root.and_then(|root| self.tree.lookup(root, &call.value));
        let from = from.filter(|id| matches!(self.tree.item(*id).kind, Kind::Table(_)));
        let (Some(from), Some(to)) = (from, self.frames.last().map(|frame| frame.id)) else {
            let what = format!(
                "there is no section `{}` above, at the top level, to copy from",
                call.value.escape_debug()
            );
            return Err(Box::new(
                self.error(call.from, call.to, what)
                    .help("write the section first, outside of any other"),
            ));
        };
        let all = call
            .arguments
            .iter()
            .any(|entry| "replace".starts_with(&entry.key) && entry.value.node == Node::Bool(true));
        let depth = self.frames.len();
        self.tree
            .inherit(from, to, all, depth)
            .map_err(|clash| self.clash(clash, call.from, call.to))
    }

    /// `.load(key="k") "file"`: the text of a file as a value.
    fn load(&mut self, call: &Call) -> Result<(), Halt> {
        let text = |name: &str| {
            call.arguments
                .iter()
                .find(|entry| entry.key == name)
                .and_then(|entry| match &entry.value.node {
                    Node::Text(text) => Some(text.clone()),
                    _ => None,
                })
        };
        let flag = |name: &str| {
            call.arguments
                .iter()
                .any(|entry| entry.key == name && entry.value.node == Node::Bool(true))
        };
        let Some(key) = text("key") else {
            let error = self.error(call.from, call.to, "`.load` needs the name to put the text under");
            return Err(Box::new(error.help("write .load(key=\"name\") \"file\"")));
        };
        let section = self.frames.last().map(|frame| frame.id);
        let there = section.and_then(|section| self.tree.lookup(section, &key));
        if let Some(old) = there {
            let error = self.error(call.from, call.to, format!("`{}` is set already", key.escape_debug()));
            return Err(Box::new(error.also(self.place(self.tree.item(old).place), "set here")));
        }
        let soft = flag("try");
        let Some(loaded) = self.fetch(call, &call.value, soft)? else {
            return Ok(());
        };
        let loaded = String::from_utf8_lossy(&loaded.bytes).into_owned();
        let trimmed = if flag("trim") { loaded.trim() } else { loaded.as_str() };
        let kind = if text("target").is_some_and(|target| target.eq_ignore_ascii_case("int")) {
            Kind::Int(leading_int(trimmed))
        } else if flag("escape") {
            let quoted = serde_json::Value::from(trimmed).to_string();
            Kind::Text(Arc::from(quoted.trim_matches('"')))
        } else {
            Kind::Text(Arc::from(trimmed))
        };
        let priority = match self.argument_int(call, "priority") {
            Some(number) => self.low_bits(number, call),
            None => self.chunk().priority,
        };
        let span = self.span(call.from, call.to);
        let id = self.tree.named(Arc::from(key), kind, priority, span);
        let id = id.map_err(|clash| self.clash(clash, call.from, call.to))?;
        if let Some(section) = section {
            self.tree.insert(section, id);
        }
        Ok(())
    }

    fn argument_int(&self, call: &Call, name: &str) -> Option<i64> {
        call.arguments
            .iter()
            .find(|entry| entry.key == name)
            .and_then(|entry| match entry.value.node {
                Node::Int(number) => Some(number),
                _ => None,
            })
    }
}

/// The number a text begins with, as C reads it; 0 if none.
fn leading_int(text: &str) -> i64 {
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let number = text.get(..text.len() - digits.len() + length).unwrap_or("");
    number.trim_start_matches('+').parse().unwrap_or(0)
}

/// All values of an argument, said once or several times.
pub(super) fn each(value: &Value) -> &[Value] {
    match &value.node {
        Node::Repeated(all) => all,
        _ => std::slice::from_ref(value),
    }
}

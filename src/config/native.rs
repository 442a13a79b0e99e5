//! TOML into the tree of [`super::value`]; the only file that knows the language. It knows no setting.

use std::collections::HashSet;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::Diagnostic;
use super::value::{Entry, Node, Place, Source, Table, Value};

/// Times a document is read once more because the parser gave up at a line.
const ROUNDS: usize = 50;
/// What the parser says of a line without `=`, behind which it overlooks whole lines.
const NO_VALUE: &str = "key with no value";

/// Reads a document; after a syntax error the tree holds what could be understood around it.
pub fn parse(source: &Arc<Source>) -> (Value, Vec<Diagnostic>) {
    let (document, mut errors) = DeTable::parse_recoverable(&source.text);
    let mut seen: Vec<toml::de::Error> = Vec::new();
    let mut text = String::new();
    for _ in 0..ROUNDS {
        let spans: Vec<_> = errors
            .iter()
            .filter(|error| error.message().contains(NO_VALUE))
            .filter_map(toml::de::Error::span)
            .collect();
        let fresh = |error: &toml::de::Error| {
            !seen
                .iter()
                .any(|old| old.span() == error.span() && old.message() == error.message())
        };
        let new: Vec<_> = errors.into_iter().filter(fresh).collect();
        seen.extend(new);
        if spans.is_empty() {
            break;
        }
        if text.is_empty() {
            text.clone_from(&source.text);
        }
        spans.iter().for_each(|span| blank_line(&mut text, span.start));
        errors = DeTable::parse_recoverable(&text).1;
    }
    let mut findings = syntax_errors(source, &seen);
    let mut reader = Reader {
        source,
        findings: &mut findings,
    };
    let whole = Place::new(source, 0, 0);
    let tree = Value::new(Node::Table(reader.table(document.into_inner())), whole);
    (tree, findings)
}

/// Covers the line around `at` with blanks, so that all other offsets stay.
fn blank_line(text: &mut String, at: usize) {
    let at = text.floor_char_boundary(at);
    let (before, behind) = text.split_at(at);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = behind.find('\n').map_or(text.len(), |length| at + length);
    text.replace_range(start..end, &" ".repeat(end - start));
}

/// The findings of the parser; of a line that is wrong in some way nobody needs to hear as well that it has no value.
fn syntax_errors(source: &Arc<Source>, errors: &[toml::de::Error]) -> Vec<Diagnostic> {
    let (echoes, real): (Vec<_>, Vec<_>) = errors.iter().partition(|error| error.message().contains(NO_VALUE));
    let mut findings: Vec<Diagnostic> = real.iter().map(|error| syntax_error(source, error)).collect();
    let line = |finding: &Diagnostic| finding.place.as_ref().map(Place::line);
    let lines: HashSet<_> = findings.iter().map(line).collect();
    let lonely = echoes
        .iter()
        .map(|error| syntax_error(source, error))
        .filter(|finding| !lines.contains(&line(finding)));
    findings.extend(lonely);
    findings
}

fn syntax_error(source: &Arc<Source>, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    let place = Place::new(source, span.start, span.end);
    let error = Diagnostic::error(format!("this is no TOML: {}", error.message())).at(place.clone());
    match syntax_help(error.message.as_str(), place.text()) {
        Some(help) => error.help(help),
        None => error,
    }
}

/// What to write instead, for the slips of people who know other languages.
fn syntax_help(message: &str, text: &str) -> Option<String> {
    let word = text.to_ascii_lowercase();
    if message.contains("must be quoted") {
        return Some(match word.as_str() {
            "yes" | "on" => "write true".to_owned(),
            "no" | "off" => "write false".to_owned(),
            _ => format!("write \"{}\"", text.escape_debug()),
        });
    }
    if message.contains("duplicate key") {
        return Some("a key may stand once in a table, and a [table] once in a file".to_owned());
    }
    message
        .contains("key with no value")
        .then(|| "write name = value; a section begins with [name]".to_owned())
}

struct Reader<'r> {
    source: &'r Arc<Source>,
    findings: &'r mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn table(&mut self, table: DeTable<'_>) -> Table {
        let mut entries: Vec<_> = table.into_iter().collect();
        // The parser sorts by name; people think in the order they wrote.
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut read = Table::default();
        for (key, value) in entries {
            let key_place = Place::new(self.source, key.span().start, key.span().end);
            if let Some(value) = self.value(value) {
                read.insert(Entry {
                    key: key.into_inner().into_owned(),
                    key_place,
                    value,
                });
            }
        }
        read
    }

    fn value(&mut self, value: Spanned<DeValue<'_>>) -> Option<Value> {
        let place = Place::new(self.source, value.span().start, value.span().end);
        let node = match value.into_inner() {
            DeValue::String(text) => Node::Text(text.into_owned()),
            DeValue::Boolean(yes) => Node::Bool(yes),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Node::Int(number),
                Err(_) => return self.refuse("this number is too large", place),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => Node::Float(number),
                _ => return self.refuse("no setting takes a number that is not finite", place),
            },
            DeValue::Datetime(_) => return self.refuse("no setting takes a date", place),
            DeValue::Array(items) => Node::List(items.into_iter().filter_map(|item| self.value(item)).collect()),
            DeValue::Table(table) => Node::Table(self.table(table)),
        };
        Some(Value::new(node, place))
    }

    fn refuse(&mut self, why: &str, place: Place) -> Option<Value> {
        self.findings.push(Diagnostic::error(why).at(place));
        None
    }
}

//! TOML into the tree of [`super::value`]; the only file that knows the language. It knows no setting.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::Diagnostic;
use super::value::{Entry, Node, Place, Source, Table, Value};

/// Reads a document; after a syntax error the tree holds what could be understood around it.
pub fn parse(source: &Arc<Source>) -> (Value, Vec<Diagnostic>) {
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    let mut findings: Vec<Diagnostic> = errors.iter().map(|error| syntax_error(source, error)).collect();
    let mut reader = Reader {
        source,
        findings: &mut findings,
    };
    let whole = Place::new(source, 0, 0);
    let tree = Value::new(Node::Table(reader.table(document.into_inner())), whole);
    (tree, findings)
}

fn syntax_error(source: &Arc<Source>, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    let place = Place::new(source, span.start, span.end);
    Diagnostic::error(format!("this is no TOML: {}", error.message())).at(place)
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

//! From an entry of the configuration to a rule. Knows the keys of a rule; what an expression means is said in `members`.

use super::book::Draft;
use super::members::{Formula, Ready};
use super::{Rules, Slow, is_imported};
use crate::config::value::Node;
use crate::config::{Diagnostic, Place, Section, Severity};
use crate::engine::{Definition, Rule};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashMap;

/// One rule's table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The expression, or several of which one is enough.
    #[serde(alias = "expression")]
    re: Lines,
    /// Score of the symbol.
    #[serde(alias = "weight")]
    score: Option<f64>,
    /// Its main group.
    group: Option<String>,
    /// Further groups.
    #[serde(default)]
    groups: Vec<String>,
    /// A sentence for people.
    description: Option<String>,
    /// It counts once.
    #[serde(default)]
    one_shot: bool,
    /// So often it counts.
    nshots: Option<u32>,
    /// Not for what is no MIME mail.
    #[serde(default)]
    mime_only: bool,
    /// False: the rule is left out.
    #[serde(rename = "enabled")]
    _enabled: Option<bool>,
    /// A script.
    condition: Option<IgnoredAny>,
    /// Scripts.
    functions: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    One(String),
    Several(Vec<String>),
}

impl Lines {
    fn expression(self) -> String {
        match self {
            Lines::One(text) => text,
            Lines::Several(list) => list.iter().map(|text| format!("({text})")).collect::<Vec<_>>().join(" | "),
        }
    }
}

/// Collects rules.
#[derive(Default)]
pub(super) struct Reader {
    draft: Draft,
    list: Vec<Ready>,
    symbols: Vec<Definition>,
    known: HashMap<String, Place>,
    slow: Slow,
}

impl Reader {
    /// Reads one entry: a table, or the bare expression.
    pub(super) fn rule(&mut self, entry: &Section, findings: &mut Vec<Diagnostic>) {
        if !entry.enabled() {
            return;
        }
        let mut found = Vec::new();
        self.add(entry, &mut found);
        if is_imported(entry) {
            for finding in found.iter_mut().filter(|f| f.is_error()) {
                finding.severity = Severity::Warning;
                finding.help.get_or_insert_with(|| "the rule is left out".to_owned());
            }
        }
        findings.append(&mut found);
    }

    fn add(&mut self, entry: &Section, found: &mut Vec<Diagnostic>) {
        let name = entry.name();
        let config = match &entry.value().node {
            Node::Text(text) => Some(plain(text.clone())),
            Node::Table(_) => entry.read(found),
            other => {
                let text = format!("the rule {name} is {}, not an expression or a table", other.kind());
                found.push(Diagnostic::error(text).at(entry.place().clone()));
                None
            }
        };
        let Some(config) = config else { return };
        if name.is_empty() || name.contains(char::is_whitespace) {
            found.push(Diagnostic::error(format!("`{name}` is no name of a symbol")).at(entry.place().clone()));
            return;
        }
        if let Some(before) = self.known.insert(name.to_owned(), entry.place().clone()) {
            let error = Diagnostic::error(format!("the rule {name} is there twice")).at(entry.place().clone());
            found.push(error.also(before, "the other one"));
            return;
        }
        for (key, given) in [("condition", config.condition.is_some()), ("functions", config.functions.is_some())] {
            if given {
                let text = format!("`{key}` of the rule {name} is a script: it has no effect in this version");
                found.push(entry.warning_at(key, text));
            }
        }
        let mut definition = Definition::new(name);
        definition.score = config.score;
        definition.groups = config.group.into_iter().chain(config.groups).collect();
        definition.description = config.description;
        definition.shots = config.nshots.or(config.one_shot.then_some(1));
        match Formula::parse(&config.re.expression(), &mut self.draft) {
            Ok(formula) => {
                if let Some(reason) = formula.slow {
                    self.slow.note(entry.place(), name, reason);
                }
                self.symbols.push(definition);
                self.list.push(Ready {
                    symbol: name.to_owned(),
                    formula,
                    mime_only: config.mime_only,
                });
            }
            Err(error) => found.push(entry.error_at("re", format!("the rule {name}: {error}"))),
        }
    }

    /// All of them as one rule; nothing where there are none.
    pub(super) fn finish(self, max_size: usize, findings: &mut Vec<Diagnostic>) -> Option<Rule> {
        self.slow.tell(findings);
        if self.list.is_empty() {
            return None;
        }
        let rules = Rules {
            module: super::FAMILY.name,
            book: self.draft.finish(max_size),
            list: self.list,
        };
        let mut rule = Rule::check(super::FAMILY.name, rules);
        rule.symbols = self.symbols;
        Some(rule)
    }
}

fn plain(re: String) -> Config {
    Config {
        re: Lines::One(re),
        score: None,
        group: None,
        groups: Vec::new(),
        description: None,
        one_shot: false,
        nshots: None,
        mime_only: false,
        _enabled: None,
        condition: None,
        functions: None,
    }
}

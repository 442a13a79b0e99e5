//! From what the files say to rules that run: patterns compiled, names resolved, metas behind what they build on.

use super::book::{Files, Written};
use super::line::{Header, Pattern, Test};
use super::run::{Judge, Operand, Ready, Rules};
use crate::base::expr::Expression;
use crate::base::patterns;
use crate::engine::Definition;
use crate::rules::regexp::Slow;
use crate::rules::regexp::atom::Argument;
use crate::rules::regexp::book::{Draft, Entry};
use crate::rules::regexp::function::Function;
use crate::rules::regexp::kind::Kind;
use std::collections::{HashMap, HashSet};

/// Tests by name of SpamAssassin's, the function here, and whether its answer is turned round.
const EVALS: &[(&str, &str, &[&str], bool)] = &[
    ("check_for_missing_to_header", "header_exists", &["To"], true),
    ("check_for_mime_html_only", "has_only_html_part", &[], false),
    ("html_tag_exists", "has_html_tag", &[], false),
];

/// Metas that build on each other, in a row.
const DEEPEST: usize = 100;

/// What is being built.
pub(super) struct Builder<'f> {
    pub files: &'f mut Files,
    pub slow: &'f mut Slow,
    /// Scores nearer to nought than this are none.
    pub alpha: f64,
    pub max_size: usize,
    pub group: &'static str,
}

impl Builder<'_> {
    /// Builds the rules, and what they are called.
    pub(super) fn build(mut self) -> (Rules, Vec<Definition>) {
        let written = std::mem::take(&mut self.files.rules);
        let mut draft = Draft::default();
        let mut ready: Vec<Ready> = Vec::new();
        let mut metas: Vec<(Written, String)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for rule in written {
            if let Test::Meta(text) = &rule.test {
                let text = text.clone();
                metas.push((rule, text));
                continue;
            }
            match self.judge(&rule, &mut draft) {
                Ok((judge, reason)) => {
                    if let Some(reason) = reason {
                        self.slow.note(&rule.place, &rule.name, reason);
                    }
                    places.insert(rule.name.clone(), ready.len());
                    ready.push(self.ready(&rule.name, judge));
                }
                Err(what) => self.files.complain(&rule.place, format!("the rule {}: {what}", rule.name)),
            }
        }
        let foreign = self.metas(metas, &mut ready, places);
        let definitions = ready.iter().chain(&foreign).filter(|r| r.shown).map(|r| self.definition(&r.name));
        let definitions = definitions.collect();
        let rules = Rules {
            book: draft.finish(self.max_size),
            list: ready,
            foreign,
        };
        (rules, definitions)
    }

    fn definition(&self, name: &str) -> Definition {
        let mut definition = Definition::new(name);
        definition.score = self.files.scores.get(name).copied();
        definition.description = self.files.sentences.get(name).cloned();
        definition.groups.push(self.group.to_owned());
        definition
    }

    fn ready(&self, name: &str, judge: Judge) -> Ready {
        let score = self.files.scores.get(name).copied().unwrap_or_default();
        Ready {
            name: name.to_owned(),
            shown: !name.starts_with("__") && score.abs() >= self.alpha,
            judge,
        }
    }

    /// What a rule asks, and what keeps its pattern from linear time.
    fn judge(&self, rule: &Written, draft: &mut Draft) -> Result<(Judge, Option<&'static str>), String> {
        let mut slow = None;
        let mut add = |kind: Kind, pattern: &Pattern| {
            let text = match self.files.tagged.contains(&rule.name) {
                true => self.files.tags.replace(&pattern.text).ok_or("its tags cannot be replaced")?,
                false => pattern.text.clone(),
            };
            let added = draft.add(kind, &text, pattern.flags);
            let (entry, reason) = added.map_err(|e| format!("no engine takes its pattern: {e}"))?;
            slow = slow.or(reason);
            Ok::<_, String>(entry)
        };
        let judge = match &rule.test {
            Test::Body(pattern) => Judge::found(add(Kind::SaBody, pattern)?),
            Test::RawBody(pattern) => Judge::found(add(Kind::SaRawBody, pattern)?),
            Test::Full(pattern) => Judge::found(add(Kind::Body, pattern)?),
            Test::Uri(pattern) => Judge::found(add(Kind::Url, pattern)?),
            Test::MimeHeader(name, pattern) => Judge::found(add(Kind::MimeHeader(name.clone()), pattern)?),
            Test::Header(header) => of_header(header, &mut add)?,
            Test::Eval(name, arguments) => eval(name, arguments)?,
            Test::Meta(_) => return Err("a meta has no pattern".to_owned()),
        };
        Ok((judge, slow))
    }

    /// Brings the metas behind what they build on; those that build on symbols of others come back apart.
    fn metas(&mut self, metas: Vec<(Written, String)>, ready: &mut Vec<Ready>, mut places: HashMap<String, usize>) -> Vec<Ready> {
        let mut waiting = Vec::new();
        for (rule, text) in metas {
            match Expression::parse(&text) {
                Ok(expression) => waiting.push((rule, expression)),
                Err(error) => self.files.complain(&rule.place, format!("the rule {}: {error}", rule.name)),
            }
        }
        let mut foreign: Vec<Ready> = Vec::new();
        let mut late: HashMap<String, usize> = HashMap::new();
        let mut unmet: HashSet<String> = waiting.iter().map(|(rule, _)| rule.name.clone()).collect();
        // Each round settles one more step of a chain.
        for _ in 0..DEEPEST {
            let before = waiting.len();
            let (now, later): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|(_, expression)| expression.atoms().iter().all(|atom| !unmet.contains(&atom.text)));
            for (rule, expression) in now {
                let operand = |name: &str| match (places.get(name), late.get(name)) {
                    (Some(place), _) => Operand::Rule(*place),
                    (_, Some(place)) => Operand::Late(*place),
                    _ => Operand::Symbol,
                };
                let operands: Vec<Operand> = expression.atoms().iter().map(|a| operand(&a.text)).collect();
                let own = operands.iter().all(|o| matches!(o, Operand::Rule(_)));
                let (list, index) = if own {
                    (&mut *ready, &mut places)
                } else {
                    (&mut foreign, &mut late)
                };
                index.insert(rule.name.clone(), list.len());
                list.push(self.ready(&rule.name, Judge::Meta(expression, operands)));
                unmet.remove(&rule.name);
            }
            waiting = later;
            if waiting.is_empty() || waiting.len() == before {
                break;
            }
        }
        for (rule, _) in waiting {
            let what = format!("the rule {} builds on itself, or on more than {DEEPEST} metas in a row", rule.name);
            self.files.complain(&rule.place, what);
        }
        foreign
    }
}

type Add<'a> = dyn FnMut(Kind, &Pattern) -> Result<Entry, String> + 'a;

fn of_header(header: &Header, add: &mut Add<'_>) -> Result<Judge, String> {
    let name = header.name.as_str();
    if name.starts_with("X-Spam-Relays") || name == "MESSAGEID" && !header.part.is_empty() {
        return Err(format!("the header {name} of SpamAssassin's own is not supported"));
    }
    let Some(pattern) = &header.pattern else {
        return Ok(Judge::Function(
            Function::new("header_exists", vec![Argument::Text(name.to_owned())])?,
            false,
        ));
    };
    let make: fn(String) -> Kind = match header.part.as_str() {
        "" => Kind::Header,
        "raw" => Kind::RawHeader,
        "addr" => Kind::HeaderAddress,
        "name" => Kind::HeaderName,
        part => return Err(format!("`:{part}` behind a header is not supported")),
    };
    let kinds = match name {
        "ALL" => vec![Kind::AllHeader],
        "EnvelopeFrom" => vec![Kind::Sender],
        "ToCc" => ["To", "Cc"].map(|name| make(name.to_owned())).to_vec(),
        "MESSAGEID" => ["Message-Id", "X-Message-Id", "Resent-Message-Id"]
            .map(|name| make(name.to_owned()))
            .to_vec(),
        name => vec![make(name.to_owned())],
    };
    let entries = kinds.into_iter().map(|kind| add(kind, pattern)).collect::<Result<_, _>>()?;
    let unset = header.unset.as_ref().map(|text| {
        let fits = patterns::Pattern::new(&pattern.text, pattern.flags).is_ok_and(|p| p.is_match(text.as_bytes()));
        (name.to_owned(), fits)
    });
    Ok(Judge::Patterns {
        entries,
        unset,
        negated: header.negated,
    })
}

fn eval(name: &str, arguments: &[String]) -> Result<Judge, String> {
    let Some((_, ours, fixed, negated)) = EVALS.iter().find(|(theirs, ..)| *theirs == name) else {
        return Err(format!("the test {name}() is not supported"));
    };
    let arguments = fixed.iter().map(|a| (*a).to_owned()).chain(arguments.iter().cloned());
    let function = Function::new(ours, arguments.map(Argument::Text).collect())?;
    Ok(Judge::Function(function, *negated))
}

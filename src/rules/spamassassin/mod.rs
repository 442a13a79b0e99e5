//! Rule files of SpamAssassin, as rspamd's module of that name reads them: `header`, `body`, `rawbody`, `full`, `uri`, `mimeheader` and
//! `meta` rules with `score`, `describe`, `replace_*`, `ifplugin` and a few tests by name. A rule with a score is a symbol; one whose name
//! begins with `__`, or whose score is next to nought, only serves metas. What cannot be used is listed with file and line.

mod book;
mod build;
mod line;
mod replace;
mod run;

use crate::config::value::Node;
use crate::config::{Diagnostic, Section, texts};
use crate::engine::{Compat, Rule, Stage, Symbol};
use crate::family::{Family, Services, defaults};
use crate::rules::regexp::{MAX_SIZE, Slow};
use book::Files;
use build::Builder;
use run::{Ahead, Behind};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// No symbols of the code: the files name them all.
static SYMBOLS: &[&Symbol] = &[];

/// Rules of SpamAssassin.
pub const FAMILY: Family = Family {
    name: "spamassassin",
    defaults: Some(defaults::<Config>),
    symbols: SYMBOLS,
    build,
};

/// `[modules.spamassassin]`.
#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    #[serde(rename = "enabled")]
    _enabled: Option<bool>,
    /// Files; a `*` in the name of a file stands for anything.
    ruleset: Lines,
    /// Scores nearer to nought are none.
    alpha: f64,
    /// Bytes of a text that are searched.
    match_limit: usize,
    /// Which patterns the peer's faster engine leaves alone: there is none here.
    #[serde(rename = "pcre_only", skip_serializing)]
    _pcre_only: Option<IgnoredAny>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            _enabled: None,
            ruleset: Lines::default(),
            alpha: 0.01,
            match_limit: MAX_SIZE,
            _pcre_only: None,
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Lines {
    One(String),
    Several(Vec<String>),
}

impl Default for Lines {
    fn default() -> Lines {
        Lines::Several(Vec::new())
    }
}

fn build(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let Some(section) = section else { return Vec::new() };
    let Some(config) = section.read::<Config>(findings) else {
        return Vec::new();
    };
    let mut files = Files::default();
    let paths = match &config.ruleset {
        Lines::One(path) => std::slice::from_ref(path),
        Lines::Several(paths) => paths.as_slice(),
    };
    let folder = Path::new(section.place().file()).parent().unwrap_or(Path::new(""));
    for path in paths {
        let mut found = Vec::new();
        let sources = texts(&folder.join(path), &mut found);
        if sources.is_empty() && found.is_empty() {
            found.push(Diagnostic::warning(format!("there is no file {path}")));
        }
        findings.extend(found.into_iter().map(|f| match f.place {
            None => f.at(place(section)),
            Some(_) => f,
        }));
        sources.iter().for_each(|source| files.add(source));
    }
    let mut slow = Slow::default();
    let builder = Builder {
        files: &mut files,
        slow: &mut slow,
        alpha: config.alpha,
        max_size: config.match_limit,
        group: if services.compat == Compat::V41 { FAMILY.name } else { "" },
    };
    let (rules, definitions) = builder.build();
    files.tell(findings);
    slow.tell(findings);
    if rules.list.is_empty() && rules.foreign.is_empty() {
        return Vec::new();
    }
    let rules = Arc::new(rules);
    let mut all = Vec::new();
    if !rules.foreign.is_empty() {
        all.push(Rule::ask("spamassassin_metas", Behind(rules.clone())).in_stage(Stage::Post));
    }
    let mut ahead = Rule::check(FAMILY.name, Ahead(rules));
    ahead.symbols = definitions;
    all.push(ahead);
    all
}

/// Where the files are named.
fn place(section: &Section) -> crate::config::Place {
    match section.value().node {
        Node::Table(_) => section.place_of("ruleset"),
        _ => section.place().clone(),
    }
}

#[cfg(test)]
mod tests;

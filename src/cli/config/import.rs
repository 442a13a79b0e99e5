//! `torwart config import`: what becomes of an rspamd tree here, before anything is switched over. Changes nothing, starts nothing.

use crate::cli::{ConfigArgs, print};
use crate::config::rspamd::{Fate, Item, Tree};
use crate::config::value::{Node, Value};
use crate::config::{self, Diagnostic, Place, Report};
use crate::daemon::build;
use clap::Args;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Columns of a line.
const WIDTH: usize = 80;

#[derive(Args)]
pub(super) struct ImportArgs {
    /// The tree: its folder, or its rspamd.conf
    folder: PathBuf,
    /// A variable of the tree, may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = crate::cli::variable)]
    var: Vec<(String, String)>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let which = ConfigArgs {
        rspamd: Some(args.folder.clone()),
        var: args.var.clone(),
        ..ConfigArgs::default()
    };
    let examined = config::examine(&which.options().load());
    let Some(tree) = examined.tree.clone() else {
        eprintln!("{}", Report(examined.findings).draw_for_stderr());
        return Ok(ExitCode::FAILURE);
    };
    let (findings, known) = match build::complete(examined, None) {
        Ok((loaded, built)) => {
            let groups = built.filter.groups();
            let symbols = groups
                .into_iter()
                .flat_map(|group| group.symbols)
                .filter(|symbol| symbol.given)
                .map(|symbol| symbol.name);
            // What the tree's own reader found is in its account.
            let idle = loaded
                .warnings
                .into_iter()
                .filter(|finding| finding.message.contains("has no effect"));
            (idle.chain(built.warnings).collect(), Some(symbols.collect()))
        }
        Err(report) => (report.0, None),
    };
    let account = Account::new(&tree, &findings, known.as_ref());
    if args.json {
        print(&format!("{:#}\n", account.json(&tree)));
    } else {
        print(&account.text(&tree));
    }
    Ok(if account.lost.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

/// Everything that differs from the stock settings, by what became of it.
#[derive(Default)]
struct Account {
    lost: Vec<Item>,
    near: Vec<Item>,
    same: Vec<Item>,
    needless: Vec<Item>,
}

impl Account {
    /// The account of a tree, corrected by what the rest of the program says of its settings; `known` are the symbols that are given.
    fn new(tree: &Tree, findings: &[Diagnostic], known: Option<&BTreeSet<String>>) -> Account {
        let mut account = Account::default();
        let said = objections(findings);
        let gone = |symbol: &str| known.is_some_and(|known| !known.contains(symbol));
        for item in &tree.account {
            let ours = match &item.fate {
                Fate::Same(ours) => ours.split('.').collect(),
                _ => Vec::new(),
            };
            let mut item = item.clone();
            match ours.as_slice() {
                ["groups", group, "symbols", symbol, ..] if gone(symbol) => {
                    let lost = Fate::Lost("no rule here gives this symbol".to_owned());
                    let what = format!("group.{group}.symbols.{symbol}");
                    let known = account.lost.iter().any(|item| item.what == what);
                    if !known {
                        account.add(Item::new(what, item.place, lost).without(&[(*symbol).to_owned()], &tree.raw));
                    }
                    continue;
                }
                ["composites", name, "expression"] => {
                    let names = tree.layer.at(["composites", name, "expression"]);
                    let missing: Vec<String> = names
                        .map(symbols_named)
                        .unwrap_or_default()
                        .into_iter()
                        .filter(|name| gone(name))
                        .collect();
                    if !missing.is_empty() {
                        item.fate = Fate::Near(format!("symbols of its expression stay away: {}", missing.join(", ")));
                    }
                }
                [_, ..] => {
                    if let Some(text) = item.place.as_ref().and_then(|place| said.get(&line(place))) {
                        item.fate = Fate::Lost(text.clone());
                    }
                }
                [] => (),
            }
            account.add(item);
        }
        account.add_others(tree, findings, &said);
        account
    }

    /// Adds what was said of lines that nothing else is accounted for on.
    fn add_others(&mut self, tree: &Tree, findings: &[Diagnostic], said: &BTreeMap<(String, usize), String>) {
        let accounted: BTreeSet<_> = tree.account.iter().filter_map(|item| item.place.as_ref().map(line)).collect();
        for (at, text) in said
            .iter()
            .filter(|(at, text)| !accounted.contains(at) && !text.starts_with("no rule gives"))
        {
            let place = findings.iter().filter_map(|f| f.place.clone()).find(|place| line(place) == *at);
            if place.as_ref().is_some_and(|place| !place.source().built_in) {
                self.add(Item::new("a setting", place, Fate::Lost(text.clone())));
            }
        }
    }

    fn add(&mut self, item: Item) {
        let group = match item.fate {
            Fate::Lost(_) => &mut self.lost,
            Fate::Near(_) => &mut self.near,
            Fate::Same(_) => &mut self.same,
            Fate::Needless(_) => &mut self.needless,
        };
        if !group.contains(&item) {
            group.push(item);
        }
    }

    /// Symbols that stay away, each once, with its score.
    fn symbols(&self) -> BTreeMap<&str, f64> {
        let all = self.lost.iter().flat_map(|item| &item.symbols);
        all.map(|(name, score)| (name.as_str(), *score)).collect()
    }

    fn text(&self, tree: &Tree) -> String {
        let symbols = self.symbols();
        let (up, down) = sums(symbols.values().copied());
        let mut out = format!("{}\n", tree.folder.display());
        let differing = self.lost.len() + self.near.len() + self.same.len() + self.needless.len();
        let _ = writeln!(
            out,
            "{} files read; {differing} things differ from rspamd's stock settings:",
            tree.files.len()
        );
        let _ = writeln!(
            out,
            "{} the same here, {} nearly the same, {} needless, {} not supported",
            self.same.len(),
            self.near.len(),
            self.needless.len(),
            self.lost.len()
        );
        if !symbols.is_empty() {
            let _ = writeln!(out, "{} symbols stay away{}", symbols.len(), worth(up, down));
        }
        for (title, items) in [
            ("Not supported: this is lost", &self.lost),
            ("Nearly the same", &self.near),
            ("The same here, those of modules under [modules]", &self.same),
            ("Needless here", &self.needless),
        ] {
            if items.is_empty() {
                continue;
            }
            let _ = writeln!(out, "\n{title}");
            items.iter().for_each(|item| self::text(&mut out, item, tree));
        }
        out.push_str("\nFiles read\n");
        for file in &tree.files {
            let shown = file.path.strip_prefix(&tree.folder).unwrap_or(&file.path);
            wrap(&mut out, &format!("{}: {}", shown.display(), file.what), 2, 6);
        }
        out
    }

    fn json(&self, tree: &Tree) -> Json {
        let symbols = self.symbols();
        let (up, down) = sums(symbols.values().copied());
        let all = [&self.lost, &self.near, &self.same, &self.needless].into_iter().flatten();
        json!({
            "tree": tree.folder,
            "files": tree.files.iter().map(|file| json!({ "path": file.path, "what": file.what })).collect::<Vec<_>>(),
            "lost": { "symbols": symbols.len(), "positive_score": up, "negative_score": down },
            "account": all.map(entry).collect::<Vec<_>>(),
        })
    }
}

/// Names of symbols in the expression of a composite.
fn symbols_named(expression: &Value) -> Vec<String> {
    let Node::Text(text) = &expression.node else { return Vec::new() };
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':' || c == '+' || c == '.'));
    let words = words.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
    words.map(str::to_owned).collect()
}

/// What the rest of the program holds against lines of the tree.
fn objections(findings: &[Diagnostic]) -> BTreeMap<(String, usize), String> {
    let serious = findings.iter().filter(|finding| finding.is_trouble());
    let placed = serious.filter_map(|finding| Some((line(finding.place.as_ref()?), finding.message.clone())));
    placed.collect()
}

fn line(place: &Place) -> (String, usize) {
    (place.source().name.clone(), place.line())
}

fn sums(scores: impl Iterator<Item = f64>) -> (f64, f64) {
    scores.fold((0.0, 0.0), |(up, down), score| (up + score.max(0.0), down + score.min(0.0)))
}

fn parts(item: &Item) -> (&'static str, &str) {
    match &item.fate {
        Fate::Same(text) => ("same", text),
        Fate::Near(text) => ("near", text),
        Fate::Needless(text) => ("needless", text),
        Fate::Lost(text) => ("lost", text),
    }
}

fn text(out: &mut String, item: &Item, tree: &Tree) {
    let place = item.place.as_ref().map(|place| {
        let name = std::path::Path::new(&place.source().name);
        let name = name.strip_prefix(&tree.folder).unwrap_or(name).display().to_string();
        format!(" ({name}:{})", place.line())
    });
    let (_, detail) = parts(item);
    let head = format!("{}{}", item.what, place.unwrap_or_default());
    let own_name = matches!(item.fate, Fate::Same(_)) && detail.strip_prefix("modules.").unwrap_or(detail) == item.what;
    wrap(out, &head, 2, 6);
    if !own_name {
        wrap(out, detail, 6, 6);
    }
    if !item.symbols.is_empty() {
        let (up, down) = sums(item.symbols.iter().map(|(_, score)| *score));
        let shown = item.symbols.iter().map(|(name, score)| match *score == 0.0 {
            true => name.clone(),
            false => format!("{name} {score:+}"),
        });
        let count = item.symbols.len();
        let noun = if count == 1 { "symbol" } else { "symbols" };
        let worth = if count == 1 { String::new() } else { worth(up, down) };
        wrap(
            out,
            &format!("{count} {noun}{worth}: {}", shown.collect::<Vec<_>>().join(", ")),
            6,
            6,
        );
    }
}

/// What symbols would have added and taken away, all together.
fn worth(up: f64, down: f64) -> String {
    match (up > 0.0, down < 0.0) {
        (true, true) => format!(", worth {up:+.1} and {down:+.1} points"),
        (true, false) => format!(", worth {up:+.1} points"),
        (false, true) => format!(", worth {down:+.1} points"),
        (false, false) => String::new(),
    }
}

fn entry(item: &Item) -> Json {
    let (fate, detail) = parts(item);
    json!({
        "what": item.what,
        "file": item.place.as_ref().map(|place| place.source().name.clone()),
        "line": item.place.as_ref().map(Place::line),
        "fate": fate,
        "detail": detail,
        "symbols": item.symbols.iter().map(|(name, score)| json!({ "name": name, "score": score })).collect::<Vec<_>>(),
    })
}

/// Writes a sentence in lines of at most `WIDTH` columns; a word that is longer stays whole.
fn wrap(out: &mut String, sentence: &str, first: usize, next: usize) {
    let mut column = first;
    let _ = write!(out, "{:first$}", "");
    for (at, word) in sentence.split_whitespace().enumerate() {
        let length = word.chars().count();
        if at > 0 && column + 1 + length > WIDTH {
            let _ = write!(out, "\n{:next$}", "");
            column = next;
        } else if at > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}

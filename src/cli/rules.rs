//! `torwart rules`: which symbols a configuration has, in which groups, with which scores.

use super::{ConfigArgs, load, print};
use crate::base::suggest;
use crate::daemon::build;
use crate::filter::{Filter, GroupListing, SymbolListing};
use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use std::fmt::Write;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Every symbol with its group, score and meaning
    List(ConfigArgs),
    /// One symbol
    Show {
        /// Its name
        symbol: String,
        #[command(flatten)]
        which: ConfigArgs,
    },
}

pub(super) fn run(args: &RulesArgs) -> Result<ExitCode> {
    match &args.what {
        What::List(which) => {
            let groups = build(which)?.groups();
            print(&list(&groups));
        }
        What::Show { symbol, which } => {
            let groups = build(which)?.groups();
            print(&show(&groups, symbol)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn build(which: &ConfigArgs) -> Result<Filter> {
    let loaded = load(which)?;
    let built = build::filter(&loaded.config, None).map_err(|report| {
        eprintln!("{}", report.draw_for_stderr());
        anyhow!("the configuration has errors")
    })?;
    Ok(built.filter)
}

fn list(groups: &[GroupListing]) -> String {
    let mut out = String::new();
    for group in groups {
        let _ = writeln!(out, "{}", group.name);
        let mut symbols: Vec<&SymbolListing> = group.symbols.iter().collect();
        symbols.sort_by(|a, b| a.name.cmp(&b.name));
        for symbol in symbols {
            let meaning = symbol.description.as_deref().unwrap_or_default();
            let line = format!("  {:<32} {:>7.2}  {meaning}", symbol.name, symbol.weight);
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
    out
}

fn show(groups: &[GroupListing], name: &str) -> Result<String> {
    let all = || groups.iter().flat_map(|g| g.symbols.iter().map(move |s| (g, s)));
    let Some((group, symbol)) = all().find(|(_, s)| s.name == name) else {
        let near = suggest::nearest(name, all().map(|(_, s)| s.name.as_str()));
        let near = near.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
        return Err(anyhow!("no rule of this configuration sets {name}{near}"));
    };
    let meaning = symbol.description.as_deref().unwrap_or("-");
    Ok(format!(
        "symbol:  {}\ngroup:   {}\nscore:   {:.2}\nmeaning: {meaning}\n",
        symbol.name, group.name, symbol.weight
    ))
}

//! `rspamadm template`: files with rspamd's templates in them, filled in from variables.

use super::super::print;
use super::Call;
use crate::config::ucl;
use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

/// Fill templates in
#[derive(Parser)]
#[command(name = "rspamadm template")]
struct Args {
    /// Without meaning here: there are no variables but those of -e and --var
    #[arg(short, long)]
    no_vars: bool,
    /// A file of variables, NAME=VALUE a line
    #[arg(short, long, value_name = "FILE")]
    env: Vec<PathBuf>,
    /// Not in this version: there is no Lua
    #[arg(short, long, value_name = "FILE")]
    lua_env: Vec<PathBuf>,
    /// Write beside each file, under its name with this behind it
    #[arg(short, long, conflicts_with = "inplace")]
    suffix: Option<String>,
    /// Write over each file
    #[arg(short, long)]
    inplace: bool,
    /// Files to fill in
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn run(call: &Call) -> Result<ExitCode> {
    let args: Args = call.read()?;
    if !args.lua_env.is_empty() {
        bail!("rspamadm template --lua-env: not in this version of torwart");
    }
    let mut variables: BTreeMap<String, String> = call.variables.iter().cloned().collect();
    for file in &args.env {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot load {}", file.display()))?;
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let (name, value) = line
                .split_once('=')
                .with_context(|| format!("{}: \"{line}\" is not NAME=VALUE", file.display()))?;
            variables.insert(name.trim().to_owned(), value.trim().trim_matches('"').to_owned());
        }
    }
    for file in &args.files {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let filled = ucl::fill(&text, &variables).map_err(|e| anyhow!("cannot fill in {}: {e}", file.display()))?;
        let target = match &args.suffix {
            Some(suffix) => {
                let mut name = file.clone().into_os_string();
                name.push(suffix);
                Some(name.into())
            }
            None => args.inplace.then(|| file.clone()),
        };
        match target {
            Some(target) => std::fs::write(&target, filled).with_context(|| format!("cannot write {}", target.display()))?,
            None => print(&filled),
        }
    }
    Ok(ExitCode::SUCCESS)
}

//! `torwart config dump`: the settings in force, defaults included; passwords are hidden.

use super::in_force::in_force;
use super::{at, document, examined, in_toml};
use crate::cli::{ConfigArgs, print, report};
use crate::config::ucl;
use anyhow::{Result, anyhow};
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct DumpArgs {
    /// Only this table, or this one setting: `listen.milter`
    section: Option<String>,
    #[command(flatten)]
    which: ConfigArgs,
    /// As JSON
    #[arg(long, group = "form")]
    json: bool,
    /// As TOML, which is the default
    #[arg(long, group = "form")]
    toml: bool,
    /// As UCL
    #[arg(long, group = "form")]
    ucl: bool,
}

pub(super) fn run(args: &DumpArgs) -> Result<ExitCode> {
    let examined = examined(&args.which)?;
    let config = examined.config.as_ref().ok_or_else(|| anyhow!("there is no configuration"))?;
    let all = in_force(config);
    let section = args.section.as_deref().unwrap_or_default();
    let shown = at(&all, section).ok_or_else(|| anyhow!("there is no setting `{section}`"))?;
    print(&if args.json {
        report::pretty(shown) + "\n"
    } else if args.ucl {
        ucl::to_text(&within(section, shown))
    } else if shown.is_object() {
        document(&within(section, shown))
    } else {
        format!("{section} = {}\n", in_toml(shown))
    });
    Ok(ExitCode::SUCCESS)
}

/// A part of the settings in the tables around it.
fn within(section: &str, value: &Value) -> Value {
    let steps = section.split('.').filter(|step| !step.is_empty());
    steps.rev().fold(value.clone(), |inner, step| json!({ step: inner }))
}

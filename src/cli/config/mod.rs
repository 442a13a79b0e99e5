//! `torwart config`: the configuration itself as the subject.

mod import;

use clap::{Args, Subcommand};
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct SettingsArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Say what becomes of each setting, script and list of an rspamd tree: exit 0 nothing lost, 2 something lost, 1 unreadable
    Import(import::ImportArgs),
}

pub(super) fn run(args: &SettingsArgs) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::Import(args) => import::run(args),
    }
}

//! `torwart check`: is this configuration good? Starts nothing, opens no store, binds nothing.

use super::{ConfigArgs, print};
use crate::config::{Diagnostic, Report, examine};
use crate::daemon::build;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct CheckArgs {
    /// The file to check [default: the one that `serve` would read]
    file: Option<PathBuf>,
    #[command(flatten)]
    which: ConfigArgs,
    /// Exit 2 where there are warnings
    #[arg(short, long)]
    strict: bool,
    /// Leave the line on stdout out
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let mut options = args.which.options();
    options.config = args.file.clone().or(options.config);
    let examined = examine(&options.load());
    eprintln!("configuration: {}", examined.origin);
    for file in examined.tree.iter().flat_map(|tree| &tree.files) {
        eprintln!("read {} {}", file.path.display(), file.what);
    }
    let findings: Vec<Diagnostic> = match build::complete(examined, None) {
        Ok((loaded, built)) => loaded.warnings.into_iter().chain(built.warnings).collect(),
        Err(report) => report.0,
    };
    let bad = findings.iter().any(Diagnostic::is_error);
    let warned = findings.iter().any(Diagnostic::is_trouble);
    if !findings.is_empty() {
        eprintln!("\n{}", Report(findings).draw_for_stderr());
    }
    if !args.quiet {
        print(if bad { "syntax BAD\n" } else { "syntax OK\n" });
    }
    Ok(match (bad, warned && args.strict) {
        (true, _) => ExitCode::from(1),
        (false, true) => ExitCode::from(2),
        (false, false) => ExitCode::SUCCESS,
    })
}

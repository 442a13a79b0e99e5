//! `torwart scanners`: are the configured scanners there, and do they find anything? Asks them itself, not through the daemon.

use super::{ConfigArgs, load, print, runtime};
use crate::config::{Diagnostic, Report};
use crate::family::Services;
use crate::scanners::probe::{self, Tested};
use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use std::fmt::Write;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct ScannersArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Have every server of every configured scanner find the test virus; exit 0 if each one does
    Test(ConfigArgs),
}

pub(super) fn run(args: &ScannersArgs) -> Result<ExitCode> {
    let What::Test(which) = &args.what;
    let loaded = load(which)?;
    let services = Services {
        folder: loaded.config.paths.maps.clone(),
        ..Services::default()
    };
    let mut findings = Vec::new();
    let section = loaded.config.modules.section("antivirus");
    let tested = runtime()?.block_on(probe::test(section, &services, &mut findings));
    let bad = findings.iter().any(Diagnostic::is_error);
    if !findings.is_empty() {
        eprintln!("{}", Report(findings).draw_for_stderr());
    }
    if bad {
        return Err(anyhow!("the configuration has errors"));
    }
    if tested.is_empty() {
        return Err(anyhow!(
            "no scanner is configured ({}); write a table [modules.antivirus.clamav] with servers = [\"127.0.0.1:3310\"]",
            loaded.origin
        ));
    }
    print(&tested.iter().map(show).collect::<String>());
    Ok(match tested.iter().all(|t| t.outcome.is_ok()) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn show(tested: &Tested) -> String {
    let Tested { scanner, server, outcome } = tested;
    let mut out = format!("{scanner} {server}: ");
    // Writing into a string cannot fail.
    let _ = match outcome {
        Ok(healthy) => {
            let signatures = match (healthy.signatures, &healthy.date) {
                (Some(number), Some(date)) => format!("signatures {number} of {date}"),
                (Some(number), None) => format!("signatures {number}"),
                _ => "signatures without a number (none official)".to_owned(),
            };
            writeln!(
                out,
                "ok, found {} in {:.1} ms; version {}, {signatures}",
                healthy.found,
                healthy.took.as_secs_f64() * 1000.0,
                healthy.version
            )
        }
        Err(sick) => writeln!(out, "FAILED, {}\n  {}", sick.reason, sick.help),
    };
    out
}

//! `rspamadm configtest` and `configdump`: is the tree good, and what does it come to. Options, verdicts and exit codes are the peer's.

use super::Call;
use crate::cli::{ConfigArgs, config::at, print, report};
use crate::config::rspamd::Tree;
use crate::config::{Diagnostic, Examined, LoadOptions, Report, examine, ucl};
use crate::daemon::build;
use crate::filter::{Filter, GroupListing};
use anyhow::{Result, anyhow};
use clap::Parser;
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the peer's tree lies.
const USUAL: &str = "/etc/rspamd";

/// Check the configuration
#[derive(Parser)]
#[command(name = "rspamadm configtest")]
struct Test {
    /// Say no verdict, the exit code tells
    #[arg(short, long)]
    quiet: bool,
    /// The main file, or the folder
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Every error counts; here every error counts in any case
    #[arg(short, long)]
    strict: bool,
    /// Leave templates as they are
    #[arg(short = 'T', long)]
    skip_template: bool,
    /// The peer reads no further words, and refuses none
    #[arg(hide = true)]
    rest: Vec<OsString>,
}

/// Print the configuration as it is in force
#[derive(Parser)]
#[command(name = "rspamadm configdump", disable_help_flag = true)]
struct Dump {
    /// JSON on several lines
    #[arg(short, long)]
    json: bool,
    /// JSON on one line
    #[arg(short = 'C', long)]
    compact: bool,
    /// The main file, or the folder
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Accepted; `rspamadm confighelp` explains options
    #[arg(short = 'h', long)]
    show_help: bool,
    /// Accepted; comments are not kept
    #[arg(short = 's', long)]
    show_comments: bool,
    /// Only which modules are on
    #[arg(short = 'm', long)]
    modules_state: bool,
    /// Only the groups of symbols
    #[arg(short = 'g', long)]
    groups: bool,
    /// Only the symbols
    #[arg(short = 'd', long)]
    symbol_details: bool,
    /// Leave templates as they are
    #[arg(short = 'T', long)]
    skip_template: bool,
    /// Show this help
    #[arg(short = '?', long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Sections; parts of them behind a dot
    section: Vec<String>,
}

fn options(call: &Call, file: Option<&Path>, skip_template: bool) -> LoadOptions {
    let usual = Path::new(USUAL).join("rspamd.conf");
    let usual = if usual.exists() { usual } else { PathBuf::from(USUAL) };
    let which = ConfigArgs {
        rspamd: Some(file.map_or(usual, Path::to_owned)),
        var: call.variables.clone(),
        ..ConfigArgs::default()
    };
    LoadOptions {
        skip_templates: skip_template,
        ..which.options().load()
    }
}

pub(super) fn test(call: &Call) -> Result<ExitCode> {
    let args: Test = call.read()?;
    let findings = match build::load(&options(call, args.config.as_deref(), args.skip_template)) {
        Ok((loaded, built)) => loaded.warnings.into_iter().chain(built.warnings).collect(),
        Err(report) => report.0,
    };
    let bad = findings.iter().any(Diagnostic::is_error);
    let troubles: Vec<Diagnostic> = findings.into_iter().filter(Diagnostic::is_trouble).collect();
    if bad {
        eprintln!("failed to load config:");
    }
    if !troubles.is_empty() {
        eprintln!("{}", Report(troubles).draw_for_stderr());
    }
    if !args.quiet {
        print(if bad { "syntax BAD\n" } else { "syntax OK\n" });
    }
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

pub(super) fn dump(call: &Call) -> Result<ExitCode> {
    let args: Dump = call.read()?;
    let examined = examine(&options(call, args.config.as_deref(), args.skip_template));
    if !examined.is_good() {
        let errors = examined.findings.iter().filter(|finding| finding.is_error()).cloned().collect();
        eprintln!("failed to load config:\n{}", Report(errors).draw_for_stderr());
        return Ok(ExitCode::FAILURE);
    }
    let tree = examined.tree.clone().ok_or_else(|| anyhow!("there is no tree"))?;
    if args.modules_state {
        print(&modules(&tree));
    } else if args.groups || args.symbol_details {
        let groups = filter(&examined)?.groups();
        let shown = if args.groups { by_group(&groups) } else { by_symbol(&groups) };
        print(&form(&args, &shown));
    } else if args.section.is_empty() {
        print(&form(&args, &ucl::to_json(&tree.said)));
    } else {
        let (said, joined) = (ucl::to_json(&tree.said), ucl::to_json(&tree.raw));
        for name in &args.section {
            print(&section(&args, name, at(&said, name).or_else(|| at(&joined, name))));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn form(args: &Dump, value: &Value) -> String {
    match (args.compact, args.json) {
        (true, _) => format!("{value}\n"),
        (_, true) => report::pretty(value) + "\n",
        _ => ucl::to_text(value),
    }
}

fn section(args: &Dump, name: &str, value: Option<&Value>) -> String {
    match value {
        None => format!("Section {name} NOT FOUND\n"),
        Some(value) if args.json || args.compact => form(args, value),
        Some(value) => format!("*** Section {name} ***\n{}\n*** End of section {name} ***\n", ucl::to_text(value)),
    }
}

fn filter(examined: &Examined) -> Result<Filter> {
    let config = examined.config.as_ref().ok_or_else(|| anyhow!("there is no configuration"))?;
    let built = build::filter(config, None).map_err(|report| {
        eprintln!("{}", report.draw_for_stderr());
        anyhow!("the configuration has errors")
    })?;
    Ok(built.filter)
}

fn symbol(symbol: &crate::filter::SymbolListing) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("score".to_owned(), json!(symbol.weight));
    if let Some(words) = &symbol.description {
        shown.insert("description".to_owned(), json!(words));
    }
    shown
}

fn by_group(groups: &[GroupListing]) -> Value {
    let shown = groups.iter().map(|group| {
        let symbols: Map<String, Value> = group.symbols.iter().map(|s| (s.name.clone(), symbol(s).into())).collect();
        (group.name.clone(), json!({ "symbols": symbols }))
    });
    Value::Object(shown.collect())
}

fn by_symbol(groups: &[GroupListing]) -> Value {
    let mut shown = Map::new();
    for group in groups {
        for one in &group.symbols {
            let mut details = symbol(one);
            details.insert("group".to_owned(), json!(group.name));
            shown.entry(one.name.clone()).or_insert_with(|| details.into());
        }
    }
    json!({ "symbols": shown })
}

/// Which modules are on, in the peer's lines; those that this version lacks have a line of their own.
fn modules(tree: &Tree) -> String {
    let mut out = String::new();
    for (title, names) in tree.modules() {
        out.push_str(&format!("{title}: {}\n", names.join(", ")));
    }
    out
}

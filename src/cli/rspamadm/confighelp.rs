//! `rspamadm confighelp`: rspamd's options, and what becomes of each here, out of the table by which trees are read.

use super::super::{print, report};
use super::Call;
use crate::config::rspamd::{Kind, Row, To, rows};
use anyhow::Result;
use clap::Parser;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Explain options
#[derive(Parser)]
#[command(name = "rspamadm confighelp")]
struct Args {
    /// Print JSON
    #[arg(short, long)]
    json: bool,
    /// Print JSON on one line
    #[arg(short, long)]
    compact: bool,
    /// Options with this word in their names, or in what is said of them
    #[arg(short, long, value_name = "WORD")]
    keyword: Option<String>,
    /// Without meaning here: there are no plugins in files
    #[arg(short = 'P', long, value_name = "FOLDER")]
    plugins: Vec<PathBuf>,
    /// A section such as `options`, or an option in it, such as `options.dns.timeout`; none: all
    path: Option<String>,
}

pub(super) fn run(call: &Call) -> Result<ExitCode> {
    let args: Args = call.read()?;
    let found: Vec<&Row> = rows().filter(|row| args.wants(row)).collect();
    if args.json || args.compact {
        let all: Map<String, Value> = found.iter().map(|row| (row.path.to_owned(), told(row))).collect();
        let all = Value::Object(all);
        print(&if args.compact { all.to_string() } else { report::pretty(&all) });
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = match (&args.keyword, &args.path) {
        (Some(word), _) => format!("Showing help for keyword {word}:\n"),
        (None, Some(path)) => format!("Showing help for {path}:\n"),
        (None, None) => "Showing help for all options:\n".to_owned(),
    };
    for row in &found {
        let _ = write!(
            out,
            "Configuration element: {}\n\tDescription: {}\n\tType: {}\n\tRequired: false\n",
            row.path,
            said(row),
            kind(row.kind)
        );
    }
    print(&out);
    if found.is_empty() {
        eprintln!("there is no such option; sections of modules are named without \"modules.\", workers as worker.TYPE");
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn wants(&self, row: &Row) -> bool {
        if let Some(word) = &self.keyword {
            return row.path.contains(word.as_str()) || said(row).contains(word.as_str());
        }
        let Some(path) = &self.path else { return true };
        let behind = row.path.strip_prefix(path.as_str());
        behind.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

fn told(row: &Row) -> Value {
    json!({ "data": said(row), "type": kind(row.kind), "required": false })
}

/// What becomes of it.
fn said(row: &Row) -> String {
    match row.to {
        To::At(ours) => format!("{ours} in torwart.toml"),
        To::Same => format!("modules.{} in torwart.toml", row.path),
        To::Source => format!("modules.{} in torwart.toml: files and addresses", row.path),
        To::Special => "understood; its form in torwart.toml differs, `torwart config convert` shows it".to_owned(),
        To::Nothing(why) | To::Neither(why) => format!("without meaning here: {why}"),
        To::Later(lost) => format!("not in this version: {lost}"),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "bool",
        Kind::Int => "int",
        Kind::Number | Kind::Score => "double",
        Kind::Time => "time",
        Kind::Size => "size",
        Kind::Text => "string",
        Kind::Words => "array of strings",
        Kind::Any => "object",
    }
}

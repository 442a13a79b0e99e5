//! `rspamadm mime`: messages taken apart, for people and scripts; and headers changed.

mod extract;
mod modify;
mod urls;

use super::super::{print, report, write};
use super::Call;
use crate::config::ucl;
use crate::message::{Header, Headers, Limits, Mail, Newline, Part};
use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use serde_json::{Map, Value, json};
use std::io::Read;
use std::process::ExitCode;

/// Bytes of a message at most.
const LARGEST: u64 = 1 << 30;

/// Take messages apart
#[derive(Parser)]
#[command(name = "rspamadm mime")]
struct Line {
    /// Without meaning here: no configuration is needed
    #[arg(short, long, value_name = "FILE")]
    config: Option<String>,
    /// Print JSON
    #[arg(short, long, global = true)]
    json: bool,
    /// Print UCL
    #[arg(short = 'U', long, global = true)]
    ucl: bool,
    /// Not in this version: MessagePack
    #[arg(short = 'M', long, global = true)]
    messagepack: bool,
    /// JSON on one line
    #[arg(short = 'C', long, global = true)]
    compact: bool,
    /// Do not name the file in front of what is in it
    #[arg(long, global = true)]
    no_file: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The texts of a message
    #[command(visible_aliases = ["ex", "e"])]
    Extract(extract::Extract),
    /// What it consists of, in figures
    #[command(visible_aliases = ["st", "s"])]
    Stat(Stat),
    /// Addresses of the web and of e-mail
    #[command(visible_aliases = ["url", "u"])]
    Urls(urls::Urls),
    /// Headers put in, taken out and rewritten
    #[command(visible_aliases = ["mod", "m"])]
    Modify(modify::Modify),
    /// Not in this version: sign a message
    Sign(Anything),
    /// The message as it is, or all that was found in it
    Dump(Dump),
}

#[derive(Args)]
struct Anything {
    #[arg(hide = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

#[derive(Args)]
struct Files {
    /// Messages; `-` is standard input
    #[arg(required = true)]
    files: Vec<String>,
}

#[derive(Args)]
struct Stat {
    /// Not in this version: figures for the neural network
    #[arg(short, long)]
    meta: bool,
    /// Not in this version: what Bayes learns
    #[arg(short, long)]
    bayes: bool,
    /// Not in this version: fuzzy hashes
    #[arg(short = 'F', long)]
    fuzzy: bool,
    /// Not in this version: shingles of fuzzy hashes
    #[arg(short, long)]
    shingles: bool,
    #[command(flatten)]
    files: Files,
}

#[derive(Args)]
struct Dump {
    /// Not in this version: parts in files of their own
    #[arg(short, long)]
    split: bool,
    /// Not in this version: where those files go
    #[arg(short, long, value_name = "FOLDER")]
    outdir: Option<String>,
    #[command(flatten)]
    files: Files,
}

/// A message as text, and as a value.
type Told = (Vec<u8>, Value);

pub(super) fn run(call: &Call) -> Result<ExitCode> {
    let line: Line = call.read()?;
    if let Some(missing) = line.missing() {
        bail!("rspamadm mime {missing}: not in this version of torwart");
    }
    match &line.command {
        Command::Extract(args) => each(&line, &args.files, |mail| extract::told(args, mail)),
        Command::Stat(args) => each(&line, &args.files, stat),
        Command::Dump(args) if line.json || line.ucl => each(&line, &args.files, |mail| (Vec::new(), dump(mail))),
        Command::Dump(args) => {
            for file in &args.files.files {
                write(&read(file)?);
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Urls(args) => each(&line, &args.files, |mail| urls::told(args, mail)),
        Command::Modify(args) => modify::run(args),
        Command::Sign(_) => Ok(ExitCode::FAILURE),
    }
}

impl Line {
    /// What is asked for and is not there yet.
    fn missing(&self) -> Option<&'static str> {
        let asked = match &self.command {
            Command::Sign(_) => vec![(true, "sign")],
            Command::Extract(args) => vec![
                (args.words, "extract --words"),
                (args.words_format.is_some(), "extract --words-format"),
                (args.structure, "extract --structure"),
            ],
            Command::Stat(args) => vec![
                (args.meta, "stat --meta"),
                (args.bayes, "stat --bayes"),
                (args.fuzzy, "stat --fuzzy"),
                (args.shingles, "stat --shingles"),
            ],
            Command::Dump(args) => vec![(args.split, "dump --split"), (args.outdir.is_some(), "dump --outdir")],
            Command::Urls(_) | Command::Modify(_) => vec![],
        };
        let asked = asked.into_iter().chain([(self.messagepack, "--messagepack")]);
        asked.filter(|(set, _)| *set).map(|(_, what)| what).next()
    }
}

/// Prints what `tell` says of each message: as text, or as a value.
fn each(line: &Line, files: &Files, tell: impl Fn(&Mail<'_>) -> Told) -> Result<ExitCode> {
    let mut all = Map::new();
    for file in &files.files {
        let raw = read(file)?;
        let (text, value) = tell(&Mail::parse(&raw, &Limits::default()));
        if line.json || line.ucl {
            all.insert(file.clone(), value);
            continue;
        }
        if !line.no_file {
            print(&format!("File: {file}\n"));
        }
        write(&text);
    }
    // One message that is dumped stands alone.
    let all = match (&line.command, files.files.as_slice()) {
        (Command::Dump(_), [only]) => all.remove(only).unwrap_or_default(),
        _ => Value::Object(all),
    };
    match (line.json, line.ucl) {
        (true, _) if line.compact => print(&all.to_string()),
        (true, _) => print(&report::pretty(&all)),
        (_, true) => print(&ucl::to_text(&all)),
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &str) -> Result<Vec<u8>> {
    let input: Box<dyn Read> = match file {
        "-" => Box::new(std::io::stdin().lock()),
        path => Box::new(std::fs::File::open(path).with_context(|| format!("cannot read message from {file}"))?),
    };
    let mut raw = Vec::new();
    input
        .take(LARGEST)
        .read_to_end(&mut raw)
        .with_context(|| format!("cannot read message from {file}"))?;
    Ok(raw)
}

fn stat(mail: &Mail<'_>) -> Told {
    let parts = mail.parts();
    let count = |is: fn(&Part<'_>) -> bool| parts.iter().filter(|part| is(part)).count();
    let figures = json!({
        "size": mail.raw().len(),
        "headers": mail.headers().len(),
        "received": mail.received().len(),
        "recipients": mail.recipients().map_or(0, <[_]>::len),
        "parts": parts.len(),
        "multiparts": count(|part| part.is_multipart()),
        "texts": count(|part| part.is_text() && part.sub_type() != "html"),
        "html": count(|part| part.is_text() && part.sub_type() == "html"),
        "attachments": count(|part| part.is_attachment()),
        "digest": mail.digest(),
    });
    let lines = figures.as_object().into_iter().flatten();
    let text = lines.map(|(name, figure)| format!("{name} = {}\n", figure.as_str().map_or_else(|| figure.to_string(), str::to_owned)));
    (text.collect::<String>().into(), figures)
}

fn dump(mail: &Mail<'_>) -> Value {
    let newlines = match mail.newline() {
        Newline::Crlf => "crlf",
        Newline::Lf => "lf",
        Newline::Cr => "cr",
    };
    json!({
        "size": mail.raw().len(),
        "digest": mail.digest(),
        "newlines": newlines,
        "headers": headers(mail.headers()),
        "parts": mail.parts().iter().map(part).collect::<Value>(),
    })
}

fn part(part: &Part<'_>) -> Value {
    let mut told = Map::from_iter([
        ("type".to_owned(), part.mime_type().into()),
        ("size".to_owned(), part.data().len().into()),
        ("headers".to_owned(), headers(&part.headers)),
    ]);
    if let Some(boundary) = part.content_type.as_ref().and_then(|t| t.params.get("boundary")) {
        told.insert("multipart_boundary".to_owned(), boundary.into());
    }
    if let Some(name) = &part.file_name {
        told.insert("filename".to_owned(), name.as_str().into());
    }
    if !part.is_multipart() {
        let content = part.text().map_or_else(|| String::from_utf8_lossy(part.data()), Into::into);
        told.insert("content".to_owned(), content.into());
    }
    told.into()
}

fn headers(all: &Headers<'_>) -> Value {
    let told = |(order, header): (usize, &Header<'_>)| {
        json!({
            "name": header.name,
            "order": order,
            "value": String::from_utf8_lossy(&header.unfolded()).trim(),
            "decoded": header.value(),
        })
    };
    all.iter().enumerate().map(told).collect()
}

//! `rspamadm mime`: messages taken apart, for people and scripts. Changes no message; addresses of the web are not looked for.

use super::super::{print, report};
use super::Call;
use crate::config::ucl;
use crate::message::{Header, Headers, Limits, Mail, Newline, Part};
use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
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
    Extract(Extract),
    /// What it consists of, in figures
    #[command(visible_aliases = ["st", "s"])]
    Stat(Files),
    /// Not in this version: addresses of the web
    #[command(visible_aliases = ["url", "u"])]
    Urls(Anything),
    /// Not in this version: change a message
    #[command(visible_aliases = ["mod", "m"])]
    Modify(Anything),
    /// Not in this version: sign a message
    Sign(Anything),
    /// The message as it is, or all that was found in it
    Dump(Files),
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
struct Extract {
    /// Plain texts only
    #[arg(short, long)]
    text: bool,
    /// HTML only
    #[arg(short = 'H', long)]
    html: bool,
    /// Say of each part what it is
    #[arg(short, long)]
    part: bool,
    /// How: HTML keeps its tags in all of them
    #[arg(short, long, value_name = "FORM", default_value = "content")]
    output: Form,
    #[command(flatten)]
    files: Files,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Form {
    /// As it was sent
    Raw,
    /// Decoded
    Content,
    /// Decoded, on one line
    Oneline,
    /// Decoded
    Decoded,
    /// Decoded
    #[value(name = "decoded_utf")]
    DecodedUtf,
}

pub(super) fn run(call: &Call) -> Result<ExitCode> {
    let line: Line = call.read()?;
    match &line.command {
        Command::Extract(args) => each(&line, &args.files, |mail| extract(args, mail)),
        Command::Stat(files) => each(&line, files, stat),
        Command::Dump(files) if line.json || line.ucl => each(&line, files, |mail| (String::new(), dump(mail))),
        Command::Dump(files) => {
            for file in &files.files {
                print(&String::from_utf8_lossy(&read(file)?));
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Urls(_) => bail!("rspamadm mime urls: not in this version of torwart"),
        Command::Modify(_) => bail!("rspamadm mime modify: not in this version of torwart"),
        Command::Sign(_) => bail!("rspamadm mime sign: not in this version of torwart"),
    }
}

/// Prints what `tell` says of each message: as text, or as a value.
fn each(line: &Line, files: &Files, tell: impl Fn(&Mail<'_>) -> (String, Value)) -> Result<ExitCode> {
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
        print(&text);
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

fn extract(args: &Extract, mail: &Mail<'_>) -> (String, Value) {
    let all = !args.text && !args.html;
    let wanted = mail.parts().iter().filter(|part| match (part.is_text(), part.sub_type()) {
        (true, "html") => all || args.html,
        (text, _) => text && (all || args.text),
    });
    let (mut out, mut texts) = (String::from("\n"), Vec::new());
    for part in wanted.filter(|part| !part.is_attachment()) {
        let text = match args.output {
            Form::Raw => String::from_utf8_lossy(part.raw).into_owned(),
            Form::Oneline => part.text().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ") + "\n",
            _ => part.text().unwrap_or_default().to_owned(),
        };
        if args.part {
            let _ = writeln!(
                out,
                "Part: {}, size: {} ({} raw)",
                part.mime_type(),
                part.data().len(),
                part.raw.len()
            );
        }
        let _ = write!(out, "\n{text}\n\n");
        texts.push(text);
    }
    (out, texts.into())
}

fn stat(mail: &Mail<'_>) -> (String, Value) {
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
    (text.collect(), figures)
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

//! `rspamadm mime urls`: the web addresses and e-mail addresses of a message; those of pictures are left out, as the peer does.

use super::{Files, Told};
use crate::message::url::Flags;
use crate::message::{Mail, Url};
use clap::Args;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

#[derive(Args)]
pub(super) struct Urls {
    /// Registrable domains only
    #[arg(short, long, group = "what")]
    tld: bool,
    /// Hosts only
    #[arg(short = 'H', long, group = "what")]
    host: bool,
    /// Each with its pieces
    #[arg(short, long, group = "what")]
    full: bool,
    /// Each only once
    #[arg(short, long)]
    unique: bool,
    /// In order of their letters; with --count, the rarest first
    #[arg(short, long)]
    sort: bool,
    /// With --unique: how often each is there
    #[arg(long)]
    count: bool,
    /// With --sort: the other way round
    #[arg(short, long)]
    reverse: bool,
    #[command(flatten)]
    pub(super) files: Files,
}

/// One line, how often it comes, and the same as a value.
struct Line {
    text: String,
    times: usize,
    value: Value,
}

pub(super) fn told(args: &Urls, mail: &Mail<'_>) -> Told {
    let mut lines: Vec<Line> = Vec::new();
    for url in mail.urls().all().iter().filter(|url| !url.flags.has(Flags::IMAGE)) {
        let line = args.line(url);
        match lines.iter_mut().find(|known| args.unique && known.text == line.text) {
            Some(known) => known.times += 1,
            None => lines.push(line),
        }
    }
    if args.sort {
        let times = |line: &Line| if args.count { line.times } else { 0 };
        lines.sort_by(|a, b| times(a).cmp(&times(b)).then_with(|| a.text.cmp(&b.text)));
        if args.reverse {
            lines.reverse();
        }
    }
    let mut out = String::new();
    for line in &lines {
        let _ = match args.count && args.unique {
            true => writeln!(out, "{} : {}", line.text, line.times),
            false => writeln!(out, "{}", line.text),
        };
    }
    (out.into(), lines.into_iter().map(|line| line.value).collect())
}

impl Urls {
    fn line(&self, url: &Url) -> Line {
        let (text, value) = if self.full {
            let pieces = pieces(url);
            let shown: Vec<String> = pieces.iter().map(|(name, piece)| format!("[{name}] = {}", bare(piece))).collect();
            (format!("{}: {{{}}}", url.text(), shown.join(", ")), pieces.into())
        } else {
            let text = match (self.tld, self.host) {
                (true, _) => url.tld(),
                (_, true) => url.host(),
                _ => url.text(),
            };
            (text.to_owned(), text.into())
        };
        Line { text, times: 1, value }
    }
}

fn pieces(url: &Url) -> Map<String, Value> {
    let texts = [
        ("url", url.text()),
        ("protocol", url.protocol.name()),
        ("user", url.user()),
        ("host", url.host()),
        ("tld", url.tld()),
        ("path", url.path()),
        ("query", url.query()),
        ("fragment", url.fragment()),
    ];
    let there = texts.into_iter().filter(|(_, text)| !text.is_empty());
    let mut all: Map<String, Value> = there.map(|(name, text)| (name.to_owned(), text.into())).collect();
    if let Some(port) = url.port {
        all.insert("port".to_owned(), json!(port));
    }
    all
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

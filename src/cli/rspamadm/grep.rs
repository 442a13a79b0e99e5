//! `rspamadm grep`: the whole story of the messages that a search finds in logs. Lines of rspamd's carry a tag `<hex>` each, and a
//! story ends with the line of its HTTP reply; a line of ours about a message is a story by itself.

use super::super::print;
use super::Call;
use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use regex::{Regex, RegexBuilder};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

/// Stories that may be open at a time; a log that opens more has no ends of stories, and the oldest are given up.
const OPEN: usize = 100_000;
/// What an ending line contains.
const END: &str = "rspamd_protocol_http_reply";
/// What our lines about a message contain.
const OURS: [&str; 2] = [" task: id: <", "\"room\":\"task\""];

/// Search logs, message by message
#[derive(Parser)]
#[command(name = "rspamadm grep")]
struct Args {
    /// A text to look for, in any case
    #[arg(short, long, value_name = "TEXT", conflicts_with = "pattern")]
    string: Option<String>,
    /// A regular expression to look for
    #[arg(short, long, value_name = "PATTERN")]
    pattern: Option<String>,
    /// Without meaning here: there is no Lua
    #[arg(short, long)]
    lua: bool,
    /// The text in this case only
    #[arg(short = 'S', long)]
    sensitive: bool,
    /// Lines without a tag as well
    #[arg(short, long)]
    orphans: bool,
    /// Stories without an end as well
    #[arg(short = 'P', long)]
    partial: bool,
    /// Logs, also compressed ones (.gz, .bz2, .xz, .zst) [default: standard input]
    inputs: Vec<PathBuf>,
}

pub(super) fn run(call: &Call) -> Result<ExitCode> {
    let args: Args = call.read()?;
    if args.lua {
        bail!("rspamadm grep --lua: there is no Lua in torwart; use --pattern");
    }
    let pattern = match (&args.string, &args.pattern) {
        (Some(text), _) => RegexBuilder::new(&regex::escape(text)).case_insensitive(!args.sensitive).build(),
        (_, Some(pattern)) => Regex::new(pattern),
        _ => bail!("string or pattern options must be specified"),
    };
    let pattern = pattern.map_err(|e| anyhow!("Couldn't compile regex: {e}"))?;
    let mut search = Search {
        pattern,
        orphans: args.orphans,
        open: HashMap::new(),
        turn: 0,
    };
    if args.inputs.is_empty() {
        search.read(io::stdin().lock(), &mut |text| print(text))?;
    }
    let mut good = true;
    for file in &args.inputs {
        if let Err(error) = search.file(file) {
            eprintln!("{error:#}");
            good = false;
        }
    }
    if args.partial {
        search.partial(&mut |text| print(text));
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lines of one message so far.
#[derive(Default)]
struct Story {
    lines: String,
    found: bool,
    /// When it began, in stories.
    turn: u64,
}

struct Search {
    pattern: Regex,
    orphans: bool,
    open: HashMap<String, Story>,
    turn: u64,
}

impl Search {
    fn file(&mut self, path: &Path) -> Result<()> {
        let helper = match path.extension().and_then(|e| e.to_str()) {
            Some("gz") => Some("gzip"),
            Some("bz2") => Some("bzip2"),
            Some("xz") => Some("xz"),
            Some("zst") => Some("zstd"),
            _ => None,
        };
        let file = File::open(path).with_context(|| format!("Couldn't open file ({})", path.display()))?;
        let Some(helper) = helper else {
            return self.read(BufReader::new(file), &mut |text| print(text));
        };
        let mut child = unpack(helper, file)?;
        let out = child.stdout.take().context("the helper has no output")?;
        self.read(BufReader::new(out), &mut |text| print(text))?;
        if !child.wait()?.success() {
            bail!("{helper} cannot unpack {}", path.display());
        }
        Ok(())
    }

    fn read(&mut self, mut input: impl BufRead, say: &mut dyn FnMut(&str)) -> Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            // A line without an end is cut, not kept in memory.
            if input.by_ref().take(1 << 20).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            self.line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']), say);
        }
    }

    fn line(&mut self, line: &str, say: &mut dyn FnMut(&str)) {
        let found = self.pattern.is_match(line);
        let Some(tag) = tag(line) else {
            if found && OURS.iter().any(|mark| line.contains(mark)) {
                say(&format!("{line}\n\n"));
            } else if found && self.orphans {
                say(&format!("*** orphaned ***\n{line}\n\n"));
            }
            return;
        };
        self.turn += 1;
        let turn = self.turn;
        let story = self
            .open
            .entry(tag.to_owned())
            .or_insert_with(|| Story { turn, ..Story::default() });
        story.lines.push_str(line);
        story.lines.push('\n');
        story.found |= found;
        if line.contains(END) {
            if let Some(story) = self.open.remove(tag).filter(|s| s.found) {
                say(&(story.lines + "\n"));
            }
        } else if self.open.len() > OPEN {
            let young = turn.saturating_sub(OPEN as u64 / 2);
            self.open.retain(|_, story| story.turn > young);
        }
    }

    /// What found something and has no end, oldest first.
    fn partial(self, say: &mut dyn FnMut(&str)) {
        let mut left: Vec<Story> = self.open.into_values().filter(|s| s.found).collect();
        left.sort_by_key(|s| s.turn);
        for story in left {
            say(&format!("*** partial ***\n{}\n", story.lines));
        }
    }
}

/// The first `<hex>` of a line: six digits.
fn tag(line: &str) -> Option<&str> {
    line.split('<').skip(1).find_map(|behind| {
        let (tag, _) = behind.split_once('>')?;
        (tag.len() == 6 && tag.bytes().all(|b| b.is_ascii_hexdigit())).then_some(tag)
    })
}

fn unpack(helper: &str, packed: File) -> Result<Child> {
    let mut command = Command::new(helper);
    command.arg("-dc").stdin(packed).stdout(Stdio::piped());
    command
        .spawn()
        .with_context(|| format!("cannot start {helper}, which unpacks this"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
        1 <aaaaaa>; task; loaded message <bbbbbb>\n\
        2 <bbbbbb>; task; loaded message\n\
        3 <aaaaaa>; lua; NEEDLE here\n\
        no tag, a needle\n\
        4 INFO task: id: <x@y>, needle of ours\n\
        5 <aaaaaa>; task; rspamd_protocol_http_reply: regexp\n\
        6 <bbbbbb>; task; rspamd_protocol_http_reply: regexp\n\
        7 <cccccc>; lua; needle unfinished\n";

    fn search(pattern: &str, orphans: bool) -> String {
        let (mut search, mut out) = (
            Search {
                pattern: Regex::new(pattern).unwrap(),
                orphans,
                open: HashMap::new(),
                turn: 0,
            },
            String::new(),
        );
        search.read(LOG.as_bytes(), &mut |text| out.push_str(text)).unwrap();
        search.partial(&mut |text| out.push_str(text));
        out
    }

    #[test]
    fn whole_stories_are_shown() {
        let numbers = |pattern: &str| -> String { search(pattern, false).lines().filter_map(|l| l.chars().next()).collect() };
        assert_eq!(numbers("NEEDLE"), "135");
        assert_eq!(numbers("(?i)needle"), "4135*7");
        assert_eq!(numbers("loaded"), "13526");
        assert!(search("a needle", true).starts_with("*** orphaned ***\nno tag, a needle\n\n"));
        assert_eq!(search("nowhere", true), "");
    }

    #[test]
    fn tags_have_six_digits() {
        assert_eq!(tag("x <a@b> <zzzzzz> <09afAF>; y"), Some("09afAF"));
        for none in ["", "<1234567>", "<12345>", "<12345", "123456>"] {
            assert_eq!(tag(none), None);
        }
    }
}

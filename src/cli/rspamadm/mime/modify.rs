//! `rspamadm mime modify`: headers put in, taken out and rewritten. All else of the message stays byte for byte; the peer's puts
//! a blank line in front of the body, and takes `from` for another name than `From`.

use super::{Files, read};
use crate::cli::write;
use crate::filter::subject::encode;
use crate::message::headers::is_field_name;
use crate::message::{Limits, Mail};
use anyhow::{Result, bail};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct Modify {
    /// Put in a header behind all others, may be repeated
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = crate::cli::variable)]
    add_header: Vec<(String, String)>,
    /// Take out all headers of this name, may be repeated
    #[arg(short, long, value_name = "NAME")]
    remove_header: Vec<String>,
    /// Rewrite all headers of this name: %s is the old value, decoded; may be repeated
    #[arg(short = 'R', long, value_name = "NAME=PATTERN", value_parser = crate::cli::variable)]
    rewrite_header: Vec<(String, String)>,
    /// Not in this version: a text behind plain texts
    #[arg(short, long, value_name = "FILE")]
    text_footer: Option<PathBuf>,
    /// Not in this version: a text behind HTML
    #[arg(short = 'H', long, value_name = "FILE")]
    html_footer: Option<PathBuf>,
    #[command(flatten)]
    files: Files,
}

pub(super) fn run(args: &Modify) -> Result<ExitCode> {
    if args.text_footer.is_some() || args.html_footer.is_some() {
        bail!("rspamadm mime modify --text-footer, --html-footer: not in this version of torwart");
    }
    for (name, value) in args.add_header.iter().chain(&args.rewrite_header) {
        if !is_field_name(name) {
            bail!("\"{name}\" is no name of a header");
        }
        if value.contains(['\r', '\n']) {
            bail!("a header {name} of several lines would be several headers");
        }
    }
    for (name, pattern) in &args.rewrite_header {
        if fill(pattern, "").is_none() {
            bail!("the pattern for {name} may hold %s and %%: \"{pattern}\"");
        }
    }
    for file in &args.files.files {
        let raw = read(file)?;
        write(&args.modified(&Mail::parse(&raw, &Limits::default())));
    }
    Ok(ExitCode::SUCCESS)
}

impl Modify {
    fn modified(&self, mail: &Mail<'_>) -> Vec<u8> {
        let newline = mail.newline().as_str();
        let (front, block) = (
            mail.raw().len() - mail.header_block().len() - mail.body().len(),
            mail.header_block(),
        );
        let front = mail.raw().get(..front).unwrap_or_default();
        let mut out = if front == newline.as_bytes() { Vec::new() } else { front.to_vec() };
        let (fields, end) = fields(block, newline.as_bytes());
        let mut headers = mail.headers().iter().peekable();
        for field in fields {
            // A line that is no header has none of its own.
            let header = headers.next_if(|header| field.starts_with(header.name_raw));
            let Some(header) = header else {
                out.extend_from_slice(field);
                continue;
            };
            let is = |name: &str| name.eq_ignore_ascii_case(header.name);
            if self.remove_header.iter().any(|name| is(name)) {
                continue;
            }
            match self.rewrite_header.iter().find(|(name, _)| is(name)) {
                Some((_, pattern)) => {
                    let value = encode(&fill(pattern, header.text()).unwrap_or_default());
                    out.extend(format!("{}: {value}{newline}", header.name).bytes());
                }
                None => out.extend_from_slice(field),
            }
        }
        if !out.is_empty() && !out.ends_with(newline.as_bytes()) {
            out.extend(newline.bytes());
        }
        for (name, value) in &self.add_header {
            out.extend(format!("{name}: {value}{newline}").bytes());
        }
        out.extend_from_slice(end);
        if end.is_empty() && !mail.body().is_empty() {
            out.extend(newline.bytes());
        }
        out.extend_from_slice(mail.body());
        out
    }
}

/// The header fields of a block, each with its further lines, and the empty line behind them.
fn fields<'b>(block: &'b [u8], newline: &[u8]) -> (Vec<&'b [u8]>, &'b [u8]) {
    let last = newline.last().copied().unwrap_or(b'\n');
    let (mut fields, mut begun, mut at) = (Vec::new(), 0, 0);
    for line in block.split_inclusive(|byte| *byte == last) {
        if line == newline || line == b"\n" {
            break;
        }
        if at > begun && !line.starts_with(b" ") && !line.starts_with(b"\t") {
            fields.push(block.get(begun..at).unwrap_or_default());
            begun = at;
        }
        at += line.len();
    }
    if at > begun {
        fields.push(block.get(begun..at).unwrap_or_default());
    }
    (fields, block.get(at..).unwrap_or_default())
}

/// The pattern with its `%s` filled in, the first one only; `None` for what else Lua may put behind a `%`.
fn fill(pattern: &str, old: &str) -> Option<String> {
    let (mut out, mut rest, mut filled) = (String::new(), pattern.chars(), false);
    while let Some(letter) = rest.next() {
        match letter {
            '%' => match rest.next()? {
                '%' => out.push('%'),
                's' if !filled => {
                    out.push_str(old);
                    filled = true;
                }
                _ => return None,
            },
            plain => out.push(plain),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::rspamadm::mime::Command;
    use clap::Parser;

    fn modified(words: &[&str], raw: &[u8]) -> String {
        let words = ["mime", "modify"].iter().chain(words).chain(&["-"]);
        let Command::Modify(args) = super::super::Line::try_parse_from(words).unwrap().command else {
            panic!("another command")
        };
        String::from_utf8(args.modified(&Mail::parse(raw, &Limits::default()))).unwrap()
    }

    #[test]
    fn only_what_is_named_changes() {
        let raw = b"From x\r\nA: 1\r\n\t2\r\nno header\r\nb:3\r\nB: =?utf-8?q?=C3=BC?=\r\n\r\n\r\nbody\n\r\n";
        assert_eq!(modified(&[], raw).as_bytes(), raw);
        let text = modified(&["-r", "a", "-R", "B=<%s>", "-a", "C=ä b"], raw);
        assert_eq!(
            text,
            "From x\r\nno header\r\nb: <3>\r\nB: =?UTF-8?Q?=3C=C3=BC=3E?=\r\nC: ä b\r\n\r\n\r\nbody\n\r\n"
        );
    }

    #[test]
    fn a_body_or_headers_alone_are_a_message() {
        assert_eq!(modified(&["-a", "A=1"], b"B: 2\n"), "B: 2\nA: 1\n");
        assert_eq!(modified(&["-a", "A=1"], b"B: 2"), "B: 2\nA: 1\n");
        assert_eq!(modified(&["-a", "A=1"], b"\nbody"), "A: 1\n\nbody");
        assert_eq!(modified(&["-a", "A=1"], b"body"), "A: 1\n\nbody");
        assert_eq!(modified(&["-a", "A=1"], b""), "A: 1\n");
    }

    #[test]
    fn patterns_hold_the_old_value_once() {
        assert_eq!(fill("100%% %s", "x").as_deref(), Some("100% x"));
        for wrong in ["%", "%d", "%s %s", "%10s"] {
            assert_eq!(fill(wrong, "x"), None, "{wrong}");
        }
    }
}

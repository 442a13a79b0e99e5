//! `rspamadm mime extract`: the texts of a message, as they were sent or as they are read.

use super::{Files, Told};
use crate::message::{Mail, Part};
use clap::{Args, ValueEnum};
use std::fmt::Write as _;

#[derive(Args)]
pub(super) struct Extract {
    /// Plain texts only
    #[arg(short, long)]
    text: bool,
    /// HTML only
    #[arg(short = 'H', long)]
    html: bool,
    /// Say of each part what it is
    #[arg(short, long)]
    part: bool,
    /// Also what HTML hides
    #[arg(short, long)]
    invisible: bool,
    /// Not in this version: words
    #[arg(short, long)]
    pub(super) words: bool,
    /// Not in this version: forms of words
    #[arg(short = 'F', long, value_name = "FORM")]
    pub(super) words_format: Option<String>,
    /// Not in this version: elements of HTML
    #[arg(short, long)]
    pub(super) structure: bool,
    /// How texts are shown
    #[arg(short, long, value_name = "FORM", default_value = "content")]
    output: Form,
    #[command(flatten)]
    pub(super) files: Files,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Form {
    /// As they were sent
    Raw,
    /// As they are read; of HTML what is seen
    Content,
    /// The same on one line
    Oneline,
    /// Decoded, in their own charset; HTML with its tags
    Decoded,
    /// Decoded, in UTF-8; HTML with its tags
    #[value(name = "decoded_utf")]
    DecodedUtf,
}

pub(super) fn told(args: &Extract, mail: &Mail<'_>) -> Told {
    let all = args.text == args.html;
    let (mut out, mut texts) = (b"\n".to_vec(), Vec::new());
    for part in mail.parts() {
        let is_text = part.is_text() || part.html().is_some();
        let wanted = is_text && (all || part.html().is_some() == args.html);
        if args.part {
            out.extend(about(part, wanted).bytes());
        }
        if wanted {
            let text = args.shown(part);
            out.extend([b"\n", text.as_slice(), b"\n"].concat());
            if let Some(html) = part.html().filter(|_| args.invisible) {
                out.extend(format!("invisible content: {}\n", html.invisible).bytes());
            }
            out.push(b'\n');
            texts.push(String::from_utf8_lossy(&text).into_owned());
        }
    }
    (out, texts.into())
}

impl Extract {
    fn shown(&self, part: &Part<'_>) -> Vec<u8> {
        let text = || part.text().unwrap_or_default();
        match self.output {
            Form::Raw => part.raw.to_vec(),
            Form::Content => part.html().map_or_else(text, |html| &html.text).into(),
            Form::Oneline => part.plain().map_or("", |plain| &plain.text).into(),
            Form::Decoded => part.data().to_vec(),
            Form::DecodedUtf => text().into(),
        }
    }
}

/// What a part is, in the peer's lines. Its digest and the language are not told.
fn about(part: &Part<'_>, text: bool) -> String {
    let mut out = String::new();
    if let Some(plain) = part.plain().filter(|_| text) {
        let kind = if part.html().is_some() { "html" } else { "plain text" };
        let _ = writeln!(
            out,
            "Part: {kind}, size: {} ({} raw), words: {}",
            part.html().map_or(part.text().map_or(0, str::len), |html| html.text.len()),
            part.raw.len(),
            crate::message::words(&plain.text).len()
        );
        let counts = &plain.counts;
        let _ = writeln!(
            out,
            "Stats: lines:{}, empty_lines:{}, spaces:{}, double_spaces:{}, non_spaces:{}, ascii_characters:{}, \
             non_ascii_characters:{}, capital_letters:{}, numeric_characters:{}",
            counts.lines,
            counts.empty_lines,
            counts.spaces,
            counts.double_spaces,
            counts.non_spaces,
            counts.ascii,
            counts.non_ascii,
            counts.capitals,
            counts.digits
        );
    }
    let _ = writeln!(
        out,
        "Mime Part: {}, filename: {}, size: {}",
        part.mime_type(),
        part.file_name.as_deref().unwrap_or("nil"),
        if part.is_multipart() { 0 } else { part.data().len() }
    );
    out
}

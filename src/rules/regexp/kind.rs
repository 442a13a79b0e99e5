//! Kinds of text that patterns search, by rspamd's letters and words for them, and what they are in a message.

use super::atom::counted;
use crate::base::patterns;
use crate::engine::Scan;
use crate::message::url::Url;
use crate::message::{self, Address, Header, Part, address};
use crate::rules::url::targets;
use std::borrow::Cow;

/// Most words of a message that are looked at, one by one.
const MOST_WORDS: usize = 50_000;

/// What a pattern searches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Decoded values of a header.
    Header(String),
    /// The same, its name spelt exactly so.
    SpeltHeader(String),
    /// Values as received but for the folding.
    RawHeader(String),
    /// Decoded values of a header of the parts.
    MimeHeader(String),
    /// The first address of a header.
    HeaderAddress(String),
    /// The name beside it.
    HeaderName(String),
    /// The sender by SMTP.
    Sender,
    /// The header block.
    AllHeader,
    /// What a reader sees of each text.
    Mime,
    /// Each text as it was sent.
    RawMime,
    /// The whole message as received.
    Body,
    /// The Subject, and each text with its lines joined.
    SaBody,
    /// Each text decoded, with its HTML.
    SaRawBody,
    /// Each URL but for those of pictures: escapes undone, scheme and host in lower case.
    Url,
    /// Each e-mail address in the texts.
    Email,
    /// Each word, in lower case.
    Words,
    /// Each word as written.
    RawWords,
}

/// Kind and manners of a pattern.
pub(super) struct Read {
    pub kind: Kind,
    pub flags: patterns::Flags,
}

/// Reads what stands behind a pattern: `iH`, `m{body}`.
pub(super) fn read(header: Option<&str>, letters: &str) -> Result<Read, String> {
    let (letters, word) = match letters.split_once('{') {
        Some((letters, word)) => (letters, Some(word.trim_end_matches('}'))),
        None => (letters, None),
    };
    let mut flags = patterns::Flags::default();
    let (mut name, mut strong) = (word, false);
    for letter in letters.chars() {
        match letter {
            'S' => strong = true,
            _ if set(&mut flags, letter) => {}
            letter => match word_of(letter) {
                Some(word) if name.is_none_or(|n| n == word) => name = Some(word),
                Some(_) => return Err("a pattern searches one kind of text, this one names two".to_owned()),
                None => return Err(format!("`{letter}` is no flag of a pattern")),
            },
        }
    }
    let name = match (name, header) {
        (Some(name), _) => name,
        (None, Some(_)) => "header",
        (None, None) => return Err("it is not said which text the pattern searches: /text/P, /text/{body}, Subject=/text/".to_owned()),
    };
    let kind = kind(name, header, strong)?;
    Ok(Read { kind, flags })
}

/// Flags of a pattern that is an argument: its text is known.
pub(super) fn plain_flags(letters: &str) -> Result<patterns::Flags, String> {
    let mut flags = patterns::Flags::default();
    match letters.chars().find(|letter| !set(&mut flags, *letter)) {
        Some(letter) => Err(format!("`{letter}` is no flag of a pattern")),
        None => Ok(flags),
    }
}

fn set(flags: &mut patterns::Flags, letter: char) -> bool {
    match letter {
        'i' => flags.caseless = true,
        'm' => flags.multiline = true,
        's' => flags.dotall = true,
        'x' => flags.extended = true,
        'u' => flags.unicode = true,
        'r' => flags.unicode = false,
        'A' => flags.most = counted(),
        // They tell the peer how to compile, or which part of the match to keep.
        'O' | 'L' | 'T' => {}
        _ => return false,
    }
    true
}

fn word_of(letter: char) -> Option<&'static str> {
    Some(match letter {
        'H' => "header",
        'X' => "raw_header",
        'B' => "mime_header",
        'R' => "all_header",
        'P' => "mime",
        'Q' => "raw_mime",
        'M' => "body",
        'C' => "sa_body",
        'D' => "sa_raw_body",
        'U' => "url",
        '$' => "selector",
        _ => return None,
    })
}

fn kind(name: &str, header: Option<&str>, strong: bool) -> Result<Kind, String> {
    let of_header = |make: fn(String) -> Kind| match header {
        Some(header) => Ok(make(header.to_owned())),
        None => Err(format!("a pattern over {{{name}}} names its header: Subject=/text/{{{name}}}")),
    };
    let kind = match name {
        "header" if strong => return of_header(Kind::SpeltHeader),
        "header" => return of_header(Kind::Header),
        "raw_header" => return of_header(Kind::RawHeader),
        "mime_header" => return of_header(Kind::MimeHeader),
        "all_header" | "all_headers" => Kind::AllHeader,
        "mime" | "part" => Kind::Mime,
        "raw_mime" | "raw_part" => Kind::RawMime,
        "body" => Kind::Body,
        "sa_body" => Kind::SaBody,
        "sa_raw_body" => Kind::SaRawBody,
        "url" => Kind::Url,
        "email" => Kind::Email,
        "words" => Kind::Words,
        "raw_words" => Kind::RawWords,
        "selector" | "stem_words" => return Err(format!("patterns over {{{name}}} are known in rspamd, but not in this version")),
        _ => return Err(format!("{{{name}}} is no kind of text")),
    };
    match header {
        Some(header) => Err(format!("a pattern over {{{name}}} takes no header, this one names {header}")),
        None => Ok(kind),
    }
}

impl Kind {
    /// Hands each text of this kind over.
    pub(in crate::rules) fn texts(&self, scan: &Scan<'_>, take: &mut dyn FnMut(&[u8])) {
        let mail = scan.mail;
        match self {
            Kind::Header(name) => mail.headers().all(name).for_each(|h| take(h.text().as_bytes())),
            Kind::SpeltHeader(name) => {
                let spelt = |h: &&Header<'_>| h.name == name;
                mail.headers().all(name).filter(spelt).for_each(|h| take(h.text().as_bytes()));
            }
            Kind::RawHeader(name) => mail.headers().all(name).for_each(|h| take(&h.unfolded())),
            Kind::MimeHeader(name) => {
                // The first part's header is that of the message.
                let headers = mail.parts().iter().skip(1).flat_map(|p| p.headers.all(name));
                headers.for_each(|h| take(h.text().as_bytes()));
            }
            Kind::HeaderAddress(name) => first_address(scan, name, &mut |a| take(a.address.as_bytes())),
            Kind::HeaderName(name) => first_address(scan, name, &mut |a| take(a.name.as_bytes())),
            Kind::Sender => scan.envelope.sender.iter().for_each(|s| take(s.address.as_bytes())),
            Kind::AllHeader => take(without_empty_line(mail.header_block())),
            Kind::Body => take(mail.raw()),
            Kind::Mime => texts(scan).for_each(|part| take(seen(part).as_bytes())),
            Kind::RawMime => texts(scan).for_each(|part| take(part.raw)),
            Kind::SaRawBody => texts(scan).for_each(|part| take(part.text().unwrap_or_default().as_bytes())),
            Kind::SaBody => {
                if let Some(subject) = mail.subject() {
                    take(subject.as_bytes());
                }
                texts(scan).for_each(|part| take(joined(seen(part)).as_bytes()));
            }
            Kind::Url => targets(scan).for_each(|url| take(url.text().as_bytes())),
            Kind::Email => mail.emails().filter_map(Url::email).for_each(|a| take(a.as_bytes())),
            Kind::Words => words(scan, &mut |word| take(word.to_lowercase().as_bytes())),
            Kind::RawWords => words(scan, &mut |word| take(word.as_bytes())),
        }
    }
}

fn first_address(scan: &Scan<'_>, name: &str, take: &mut dyn FnMut(&Address)) {
    for header in scan.mail.headers().all(name) {
        address::parse_list(header.text(), 1).iter().for_each(&mut *take);
    }
}

/// The texts of a message, attached ones too.
pub(super) fn texts<'s, 'r>(scan: &'s Scan<'r>) -> impl Iterator<Item = &'s Part<'r>> {
    scan.mail.parts().iter().filter(|p| p.is_text())
}

/// A header block without the empty line that ends it.
fn without_empty_line(block: &[u8]) -> &[u8] {
    let shorter = block.strip_suffix(b"\r\n").or(block.strip_suffix(b"\n"));
    shorter.filter(|rest| rest.ends_with(b"\n")).unwrap_or(block)
}

/// What a reader sees of a text.
fn seen<'p>(part: &'p Part<'_>) -> &'p str {
    part.html().map_or_else(|| part.text().unwrap_or_default(), |html| &html.text)
}

/// Runs of line ends become one blank.
fn joined(text: &str) -> Cow<'_, str> {
    if memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\n', b'\r', rest.as_bytes()).unwrap_or(rest.len());
        if end > 0 && !out.is_empty() {
            out.push(' ');
        }
        out.push_str(rest.get(..end).unwrap_or_default());
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    Cow::Owned(out)
}

/// Words of the Subject and of the texts.
fn words(scan: &Scan<'_>, take: &mut dyn FnMut(&str)) {
    let subject = message::words(scan.mail.subject().unwrap_or_default());
    let texts = scan.mail.parts().iter().enumerate().filter(|(_, part)| part.is_text());
    let of_texts = texts.flat_map(|(place, _)| scan.mail.words(place));
    subject.into_iter().chain(of_texts).take(MOST_WORDS).for_each(take);
}

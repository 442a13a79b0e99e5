//! Functions of expressions: the questions about a message that rspamd answers and whose facts this version has.

use super::atom::Argument;
use super::kind::texts;
use crate::base::patterns::Pattern;
use crate::base::suggest::nearest;
use crate::engine::Scan;
use crate::message::{Encoding, Part};
use crate::rules::{envelope_forms, structure};

/// A question with its arguments.
#[derive(Debug)]
pub(crate) struct Function {
    ask: Ask,
    arguments: Vec<Wanted>,
}

type Ask = fn(&Scan<'_>, &[Wanted]) -> bool;

/// A value that is looked for.
#[derive(Debug)]
enum Wanted {
    Text(String),
    Pattern(Box<Pattern>),
}

impl Wanted {
    fn is(&self, text: &str) -> bool {
        match self {
            Wanted::Text(wanted) => wanted.eq_ignore_ascii_case(text),
            Wanted::Pattern(pattern) => pattern.is_match(text.as_bytes()),
        }
    }

    fn text(&self) -> &str {
        match self {
            Wanted::Text(text) => text,
            Wanted::Pattern(_) => "",
        }
    }
}

/// Name, least and most arguments, question.
const FUNCTIONS: &[(&str, usize, usize, Ask)] = &[
    ("header_exists", 1, 1, has_header),
    ("raw_header_exists", 1, 1, has_header),
    ("content_type_is_type", 1, 1, |s, a| parts(s).any(|p| first(a, p.main_type()))),
    ("content_type_is_subtype", 1, 1, |s, a| parts(s).any(|p| first(a, p.sub_type()))),
    ("content_type_has_param", 1, 1, |s, a| parts(s).any(|p| param(p, a).is_some())),
    ("content_type_compare_param", 2, 2, |s, a| {
        let fits = |value: &str| a.get(1).is_some_and(|w| w.is(value));
        parts(s).any(|p| param(p, a).is_some_and(fits))
    }),
    ("compare_encoding", 1, 1, has_encoding),
    ("compare_transfer_encoding", 1, 1, has_encoding),
    ("has_content_part", 1, 2, |s, a| parts(s).any(|p| is_type(p, a))),
    ("has_content_part_len", 3, 4, has_part_of_length),
    ("has_only_html_part", 0, 0, |s, _| structure::html_only(s)),
    ("has_html_tag", 1, 1, has_tag),
    ("is_empty_body", 0, 0, |s, _| {
        parts(s).filter(|p| !p.is_multipart()).all(|p| p.data().is_empty())
    }),
    ("is_recipients_sorted", 0, 0, |s, _| envelope_forms::sorted(s)),
    ("check_smtp_data", 2, 2, smtp_data),
];

/// Functions that rspamd knows and this version does not.
const LATER: &[&str] = &[
    "compare_parts_distance",
    "compare_recipients_distance",
    "has_fake_html",
    "has_flag",
    "has_symbol",
    "is_html_balanced",
];

impl Function {
    /// The function of a name.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub(crate) fn new(name: &str, arguments: Vec<Argument>) -> Result<Function, String> {
        let Some((_, least, most, ask)) = FUNCTIONS.iter().find(|(n, ..)| *n == name) else {
            if LATER.contains(&name) {
                return Err(format!("the function {name} is known in rspamd, but not in this version"));
            }
            let near = nearest(name, FUNCTIONS.iter().map(|(n, ..)| *n));
            let near = near.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
            return Err(format!("there is no function {name}{near}"));
        };
        if !(*least..=*most).contains(&arguments.len()) {
            return Err(format!(
                "{name} takes {least} to {most} arguments, this one has {}",
                arguments.len()
            ));
        }
        let wanted = |argument| match argument {
            Argument::Text(text) => Ok(Wanted::Text(text)),
            Argument::Pattern(text, flags) => match Pattern::new(&text, flags) {
                Ok(pattern) => Ok(Wanted::Pattern(Box::new(pattern))),
                Err(error) => Err(format!("the pattern /{text}/ of {name}: {error}")),
            },
        };
        Ok(Function {
            ask: *ask,
            arguments: arguments.into_iter().map(wanted).collect::<Result<_, _>>()?,
        })
    }

    /// The answer.
    pub(crate) fn answer(&self, scan: &Scan<'_>) -> bool {
        (self.ask)(scan, &self.arguments)
    }
}

fn parts<'s, 'r>(scan: &'s Scan<'r>) -> impl Iterator<Item = &'s Part<'r>> {
    scan.mail.parts().iter()
}

fn first(wanted: &[Wanted], text: &str) -> bool {
    wanted.first().is_some_and(|w| w.is(text))
}

fn has_header(scan: &Scan<'_>, wanted: &[Wanted]) -> bool {
    wanted.first().is_some_and(|w| scan.mail.headers().has(w.text()))
}

/// The parameter that the first argument names.
fn param<'p>(part: &'p Part<'_>, wanted: &[Wanted]) -> Option<&'p str> {
    let name = wanted.first()?.text().to_ascii_lowercase();
    part.content_type.as_ref()?.params.get(&name)
}

fn is_type(part: &Part<'_>, wanted: &[Wanted]) -> bool {
    first(wanted, part.main_type()) && wanted.get(1).is_none_or(|w| w.is(part.sub_type()))
}

fn has_encoding(scan: &Scan<'_>, wanted: &[Wanted]) -> bool {
    let wanted = wanted.first().map(|w| Encoding::read(w.text()));
    texts(scan).any(|p| wanted == Some(p.effective_encoding))
}

/// Type, subtype, least length, most length.
fn has_part_of_length(scan: &Scan<'_>, wanted: &[Wanted]) -> bool {
    let number = |place: usize| wanted.get(place).and_then(|w| w.text().parse::<usize>().ok());
    let (least, most) = (number(2).unwrap_or(0), number(3).unwrap_or(usize::MAX));
    let kind = wanted.get(..2).unwrap_or(wanted);
    parts(scan).any(|p| is_type(p, kind) && (least..=most).contains(&p.data().len()))
}

/// An element of that name opens somewhere in HTML.
fn has_tag(scan: &Scan<'_>, wanted: &[Wanted]) -> bool {
    let name = wanted.first().map_or("", Wanted::text).as_bytes();
    let opens = |text: &[u8]| {
        memchr::memchr_iter(b'<', text).any(|at| {
            let tail = text.get(at + 1..).unwrap_or_default();
            let named = tail.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name));
            named && !tail.get(name.len()).is_some_and(u8::is_ascii_alphanumeric)
        })
    };
    let html = texts(scan).filter(|p| p.sub_type() == "html");
    html.filter_map(Part::text).any(|text| opens(text.as_bytes()))
}

fn smtp_data(scan: &Scan<'_>, wanted: &[Wanted]) -> bool {
    let envelope = scan.envelope;
    let fits = |text: &str| wanted.get(1).is_some_and(|w| w.is(text));
    match wanted.first().map_or("", Wanted::text) {
        "from" => envelope.sender.as_ref().is_some_and(|s| fits(&s.address)),
        "rcpt" => envelope.recipients.iter().any(|r| fits(&r.address)),
        "helo" => envelope.helo.as_deref().is_some_and(fits),
        "user" => envelope.user.as_deref().is_some_and(fits),
        "subject" => scan.mail.subject().is_some_and(fits),
        _ => false,
    }
}

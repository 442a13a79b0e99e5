//! The Jinja-like templates that rspamd's files pass through before they are parsed: `{% %}`, `{= =}`, `{# #}`. Only the
//! context given is seen; no file is read, and work and size are bounded. Knows where each byte came from.

use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, OutputSpanKind, UndefinedBehavior, context};

use super::text::Piece;

/// Steps one template may take; a step pays for some bytes as well, so this bounds what it becomes.
const FUEL: u64 = 3_000_000;
/// Bytes one template may become.
const LARGEST: usize = 16 << 20;
/// Larger texts are no templates.
const LARGEST_TEMPLATE: usize = 4 << 20;

/// What templates may use.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    env: BTreeMap<String, String>,
    /// What is found without `env.` before it.
    free: BTreeMap<String, String>,
}

/// Fills a text in that stands alone; its variables may have `env.` before them.
pub(super) fn fill(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let context = Context {
        env: variables.clone(),
        free: variables.clone(),
    };
    context.fill(text).map(|(filled, _)| filled).map_err(|wrong| wrong.what)
}

/// A template that is none.
#[derive(Debug)]
pub(super) struct Wrong {
    pub at: Range<usize>,
    pub what: String,
}

/// True if the text holds anything for the template engine.
pub(super) fn is_template(text: &str) -> bool {
    literal_length(text) < text.len()
}

impl Context {
    pub fn new(env: BTreeMap<String, String>) -> Context {
        let free = BTreeMap::new();
        Context { env, free }
    }

    /// Fills a template in; gives the text and where its pieces came from.
    pub fn fill(&self, text: &str) -> Result<(String, Vec<Piece>), Wrong> {
        let wrong = |what: String| Wrong { at: 0..0, what };
        if text.len() > LARGEST_TEMPLATE {
            return Err(wrong(format!("it is larger than {} MiB", LARGEST_TEMPLATE >> 20)));
        }
        let (filled, pieces) = self.render(&jinja(text)).map_err(|error| Wrong {
            at: error.range().unwrap_or(0..0),
            what: plain(&error),
        })?;
        if filled.len() > LARGEST {
            return Err(wrong(format!("it grows past {} MiB", LARGEST >> 20)));
        }
        Ok((filled, pieces))
    }

    fn render(&self, text: &str) -> Result<(String, Vec<Piece>), Error> {
        let syntax = SyntaxConfig::builder()
            .block_delimiters("{%", "%}")
            .variable_delimiters("{=", "=}")
            .comment_delimiters("{#", "#}")
            .keep_trailing_newline(true)
            .build()?;
        let mut environment = Environment::new();
        environment.set_syntax(syntax);
        environment.set_debug(true);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(50);
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.add_filter("pbkdf", |_: String| -> Result<String, Error> {
            let what = "the filter pbkdf is not supported; put the hash that `torwart password` prints into the variable";
            Err(Error::new(ErrorKind::InvalidOperation, what))
        });
        let template = environment.template_from_str(text)?;
        let (filled, spans) =
            template.render_with_spans(context! { env => self.env.clone(), ..minijinja::Value::from(self.free.clone()) })?;
        let pieces = spans.iter().map(|span| Piece {
            at: span.output_range().start,
            from: span.source_range().start,
            put_in: span.kind() == OutputSpanKind::Expression,
        });
        let pieces = pieces.collect();
        Ok((filled, pieces))
    }
}

/// What went wrong, in one line.
fn plain(error: &Error) -> String {
    if matches!(error.kind(), ErrorKind::OutOfFuel) {
        return "it takes too long, or grows too large".to_owned();
    }
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

/// How long the text in front of the next tag is.
fn literal_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'{', bytes)
        .find(|at| matches!(bytes.get(at + 1), Some(b'%' | b'=' | b'#')))
        .unwrap_or(bytes.len())
}

/// The template as Jinja spells it: rspamd's engine takes Lua's `elseif`, `~=` and `..`. Every byte keeps its place; Lua's `nil` is
/// simply a name that nothing is known of.
fn jinja(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (literal, behind) = rest.split_at(literal_length(rest));
        let (tag, behind) = behind.split_at(tag_length(behind));
        done.push_str(literal);
        if tag.starts_with("{#") {
            done.push_str(tag);
        } else {
            tag_as_jinja(tag, &mut done);
        }
        rest = behind;
    }
    done
}

fn tag_as_jinja(tag: &str, done: &mut String) {
    let begin = tag.get(2..).unwrap_or("").trim_start_matches('-').trim_start();
    let mut left = begin.starts_with("elseif");
    let mut quote = None;
    for part in tag.split_inclusive(['"', '\'']) {
        let last = part.chars().next_back().filter(|c| matches!(c, '"' | '\''));
        if quote.is_some() {
            done.push_str(part);
        } else {
            let part = part.replace("~=", "!=").replace("..", "~ ");
            done.push_str(&if left { part.replacen("elseif", "elif  ", 1) } else { part });
            left = false;
        }
        quote = match (quote, last) {
            (None, last) => last,
            (Some(open), Some(last)) if open == last && !part.ends_with(&format!("\\{last}")) => None,
            (open, _) => open,
        };
    }
}

/// How long the tag at the beginning of `text` is; quotes hide its end.
fn tag_length(text: &str) -> usize {
    let close: &[u8] = match text.as_bytes().get(1) {
        Some(b'%') => b"%}",
        Some(b'=') => b"=}",
        Some(b'#') => return text.find("#}").map_or(text.len(), |at| at + 2),
        _ => return text.len(),
    };
    let mut quote = None;
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate().skip(2) {
        match quote {
            Some(open) if byte == open && bytes.get(at - 1) != Some(&b'\\') => quote = None,
            Some(_) => (),
            None if byte == b'"' || byte == b'\'' => quote = Some(byte),
            None if bytes.get(at..).is_some_and(|rest| rest.starts_with(close)) => return at + 2,
            None => (),
        }
    }
    text.len()
}

//! Findings about a configuration, drawn with the source line; it decides nothing about what is wrong.

use std::borrow::Cow;
use std::fmt;
use std::io::IsTerminal;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::value::Place;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can, but probably does not do what was meant.
    Warning,
    /// Nothing is wrong, but somebody may want to know.
    Note,
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: one line, lower case.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// What to do about it.
    pub help: Option<String>,
    /// Words under the marked text.
    pub label: Option<String>,
    /// Other places that belong to it, each with a word on why.
    pub also: Vec<(Place, String)>,
    /// An error that rspamd stops at, too.
    pub firm: bool,
}

impl Diagnostic {
    /// An error without a place yet.
    pub fn error(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            message: message.into(),
            place: None,
            help: None,
            label: None,
            also: Vec::new(),
            firm: false,
        }
    }

    /// A warning without a place yet.
    pub fn warning(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(message)
        }
    }

    /// Something to know, without a place yet.
    pub fn note(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Note,
            ..Diagnostic::error(message)
        }
    }

    /// Says that rspamd stops at it, too: a file of its own is no excuse.
    pub fn firm(mut self) -> Diagnostic {
        self.firm = true;
        self
    }

    /// Says where.
    pub fn at(mut self, place: impl Into<Option<Place>>) -> Diagnostic {
        self.place = place.into();
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Puts words under the marked text.
    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = Some(label.into());
        self
    }

    /// Marks a further place.
    pub fn also(mut self, place: impl Into<Option<Place>>, why: impl Into<String>) -> Diagnostic {
        if let Some(place) = place.into() {
            self.also.push((place, why.into()));
        }
        self
    }

    /// True for an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Makes an error in a file of rspamd's a warning: what is wrong there is left out, as rspamd leaves it out.
    pub fn pardon(&mut self) {
        let lenient = self.place.as_ref().is_some_and(|place| place.source().lenient);
        if lenient && !self.firm && self.severity == Severity::Error {
            self.severity = Severity::Warning;
        }
    }

    /// True for something that is not as it should be.
    pub fn is_trouble(&self) -> bool {
        self.severity != Severity::Note
    }

    /// The finding in one line, for logs: `FILE:LINE:COLUMN: message (help)`.
    pub fn one_line(&self) -> String {
        let place = self.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        let help = self.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        let line = format!("{place}{}{help}", bounded(&self.message));
        line.replace(['\n', '\r'], " ")
    }

    fn draw(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let windows: Vec<Window> = self.windows();
        let message = bounded(&self.message);
        let mut group = Group::with_title(level.primary_title(message.as_ref()));
        for window in &windows {
            let mut snippet = Snippet::source(window.text.as_str())
                .path(window.file.as_str())
                .line_start(window.line)
                .fold(true);
            for (primary, span, label) in &window.marks {
                let kind = if *primary {
                    AnnotationKind::Primary
                } else {
                    AnnotationKind::Context
                };
                snippet = snippet.annotation(kind.span(span.clone()).label(label.map(str::to_owned)));
            }
            group = group.element(snippet);
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }

    /// The stretches of source to show: places of one file near each other share one, others have their own.
    fn windows(&self) -> Vec<Window<'_>> {
        let mut windows: Vec<Window> = Vec::new();
        let first = self.place.iter().map(|place| (true, place, self.label.as_deref()));
        let others = self.also.iter().map(|(place, why)| (false, place, Some(why.as_str())));
        let mut marks: Vec<_> = first.chain(others).collect();
        // The primary place decides which window comes first; inside a window the order is the text's.
        marks.truncate(8);
        for (primary, place, label) in marks {
            let joined = windows.iter_mut().any(|window| window.take(primary, place, label));
            if !joined {
                windows.push(Window::around(primary, place, label));
            }
        }
        windows
    }
}

/// Lines of one source with the marks to draw in them.
struct Window<'d> {
    place: &'d Place,
    file: String,
    line: usize,
    start: usize,
    text: String,
    marks: Vec<(bool, std::ops::Range<usize>, Option<&'d str>)>,
}

/// Two places this many bytes apart or less are drawn in one stretch.
const NEAR: usize = 2_000;
/// Bytes of a sentence that are shown.
const LONGEST_SENTENCE: usize = 2_000;
/// A marked text longer than this is marked at its beginning only.
const LONGEST_MARK: usize = 400;

impl<'d> Window<'d> {
    fn around(primary: bool, place: &'d Place, label: Option<&'d str>) -> Window<'d> {
        let mut window = Window {
            place,
            file: place.file().to_owned(),
            line: 0,
            start: 0,
            text: String::new(),
            marks: Vec::new(),
        };
        let span = short(place);
        window.show(span.clone());
        window
            .marks
            .push((primary, span.start - window.start..span.end - window.start, label));
        window
    }

    /// Adds a mark if it is of the same source and near; the window grows to hold it.
    fn take(&mut self, primary: bool, place: &'d Place, label: Option<&'d str>) -> bool {
        if !std::ptr::eq(self.place.source(), place.source()) {
            return false;
        }
        let span = short(place);
        let end = self.start + self.text.len();
        if span.start + NEAR < self.start || span.start > end + NEAR {
            return false;
        }
        let old = self.start;
        self.show(self.start.min(span.start)..end.max(span.end));
        for (_, mark, _) in &mut self.marks {
            *mark = mark.start + old - self.start..mark.end + old - self.start;
        }
        self.marks.push((primary, span.start - self.start..span.end - self.start, label));
        true
    }

    /// Shows the whole lines that `span` touches.
    fn show(&mut self, span: std::ops::Range<usize>) {
        let text = &self.place.source().text;
        let before = text.get(..span.start).unwrap_or("");
        self.start = before.rfind('\n').map_or(0, |at| at + 1);
        self.line = before.matches('\n').count() + 1;
        let end = text
            .get(span.end..)
            .and_then(|rest| rest.find('\n'))
            .map_or(text.len(), |at| span.end + at);
        self.text = masked(text.get(self.start..end).unwrap_or(""));
    }
}

/// A sentence without its middle where it is longer than anybody reads: names in it are as long as somebody wrote them.
fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_SENTENCE {
        return text.into();
    }
    let (begin, end) = (LONGEST_SENTENCE * 3 / 4, text.len() - LONGEST_SENTENCE / 4);
    let (begin, end) = (
        text.get(..text.floor_char_boundary(begin)),
        text.get(text.ceil_char_boundary(end)..),
    );
    format!("{}...{}", begin.unwrap_or_default(), end.unwrap_or_default()).into()
}

/// The span of a place, cut to its first line and to a length that can be drawn.
fn short(place: &Place) -> std::ops::Range<usize> {
    let span = place.span();
    let text = place.text();
    let line = text.find(['\n', '\r']).unwrap_or(text.len());
    let length = text.floor_char_boundary(line.min(LONGEST_MARK));
    span.start..span.start + length
}

/// Covers the values of passwords and keys, byte for byte: a report goes to terminals and logs that others read.
fn masked(text: &str) -> String {
    const SECRET: [&str; 3] = ["password", "secret", "keypair"];
    // A carriage return at the end of a line is nothing to look at; a blank keeps the offsets.
    let text = &text.replace("\r\n", " \n");
    let text = text.strip_suffix('\r').unwrap_or(text);
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let lower = line.to_ascii_lowercase();
        let secret = SECRET.iter().filter_map(|word| lower.find(word)).min();
        let value = secret.and_then(|at| value_behind(line, at));
        let Some((name, value)) = value.and_then(|at| line.split_at_checked(at)) else {
            shown.push_str(line);
            continue;
        };
        shown.push_str(name);
        let mut before = ' ';
        let mut letters = value.chars().peekable();
        while let Some(c) = letters.next() {
            let blank_behind = letters.peek().is_none_or(|next| next.is_whitespace());
            let open = match c {
                '"' | '\'' | '{' | '}' | '[' | ']' | ',' => true,
                ';' => blank_behind,
                '=' => blank_behind && before.is_whitespace(),
                _ => c.is_whitespace(),
            };
            if open {
                shown.push(c)
            } else {
                (0..c.len_utf8()).for_each(|_| shown.push('*'))
            }
            before = c;
        }
    }
    shown
}

/// Where the value of the name at `at` begins. A blank may be all that stands between them, but for comments.
fn value_behind(line: &str, at: usize) -> Option<usize> {
    let rest = line.get(at..)?;
    let sign = rest.find(['=', ':']);
    let blank = rest.find([' ', '\t']).filter(|_| !line.trim_start().starts_with('#'));
    let end = sign.into_iter().chain(blank).min()?;
    let behind = rest.get(end..)?;
    let between = behind.len() - behind.trim_start_matches([' ', '\t', '=', ':']).len();
    Some(at + end + between)
}

/// Findings about one configuration; displayed it draws all of them, errors first, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report(pub Vec<Diagnostic>);

impl Report {
    /// Draws everything; `styled` uses colours for a terminal.
    pub fn draw(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let mut findings: Vec<&Diagnostic> = self.0.iter().collect();
        findings.sort_by_cached_key(|finding| {
            let place = finding.place.as_ref().map(|place| (place.file().to_owned(), place.span().start));
            (finding.severity, place)
        });
        findings.dedup();
        findings
            .iter()
            .map(|finding| finding.draw(&renderer) + "\n")
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Draws everything for standard error: with colours if that is a terminal.
    pub fn draw_for_stderr(&self) -> String {
        self.draw(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|finding| finding.is_error()).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.draw(false))
    }
}

impl std::error::Error for Report {}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn what_stands_around_a_secret_stays() {
        let tree = "password = abc=d;e;\nkeypair { pubkey = \"x\"; }\nscore = 5;";
        let shown = "password = *******;\nkeypair { ****** = \"*\"; }\nscore = 5;";
        assert_eq!(masked(tree), shown);
    }
}

//! Lines of SpamAssassin's rule files: what each says, before anything is known of the others. Compiles no pattern.

use crate::base::patterns::Flags;

/// What a rule looks at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// `header NAME Subject =~ /../`.
    Header(Header),
    /// `mimeheader NAME Content-Type =~ /../`.
    MimeHeader(String, Pattern),
    /// `body NAME /../`.
    Body(Pattern),
    /// `rawbody NAME /../`.
    RawBody(Pattern),
    /// `full NAME /../`.
    Full(Pattern),
    /// `uri NAME /../`.
    Uri(Pattern),
    /// `meta NAME A && B`.
    Meta(String),
    /// `header NAME eval:function(arguments)`: the function, its arguments.
    Eval(String, Vec<String>),
}

/// A question about a header.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    /// Its name, `ALL` and the like included; `:addr` and the like cut off.
    pub name: String,
    /// `addr`, `name`, `raw` or nothing.
    pub part: String,
    /// What is looked for; `None`: the header itself.
    pub pattern: Option<Pattern>,
    /// `!~`.
    pub negated: bool,
    /// What stands for a header that is not there.
    pub unset: Option<String>,
}

/// A pattern and its flags.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    pub text: String,
    pub flags: Flags,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    /// A rule.
    Rule(String, Test),
    /// Its score.
    Score(String, f64),
    /// Its sentence for people.
    Describe(String, String),
    /// `replace_tag`, `replace_pre`, `replace_inter`, `replace_post`: which of them, its name, its text.
    Replace(Replace, String, String),
    /// Rules in whose patterns tags are replaced.
    ReplaceRules(Vec<String>),
    /// A block begins; true where what stands in it counts.
    If(bool),
    /// The other half of a block.
    Else,
    /// A block ends.
    EndIf,
    /// It means nothing here.
    Nothing,
}

/// Where a replacement goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Replace {
    Tag,
    Pre,
    Inter,
    Post,
}

/// Plugins whose rules are understood, as far as they are.
const PLUGINS: &[&str] = &[
    "FreeMail",
    "HeaderEval",
    "ReplaceTags",
    "RelayEval",
    "MIMEEval",
    "BodyEval",
    "MIMEHeader",
    "WLBLEval",
    "HTMLEval",
];

/// Directives about other things than which mail is what.
const SILENT: &[&str] = &[
    "add_header",
    "clear_headers",
    "clear_report_template",
    "clear_unsafe_report_template",
    "lang",
    "loadplugin",
    "priority",
    "reuse",
    "report",
    "report_contact",
    "report_safe",
    "required_score",
    "require_version",
    "rewrite_header",
    "test",
    "tflags",
    "unsafe_report",
    "version_tag",
];

/// Reads a line.
///
/// # Errors
/// What of it is not understood or not supported, for people.
pub(super) fn read(line: &str) -> Result<Line, String> {
    let line = without_comment(line).trim();
    let (word, rest) = cut(line);
    let (name, tail) = cut(rest);
    let rule = |test: Test| Ok(Line::Rule(named(name)?, test));
    match word {
        "" => Ok(Line::Nothing),
        "header" => rule(header(tail)?),
        "mimeheader" => {
            let (header, pattern) = tail.split_once("=~").ok_or("the header and =~ are missing")?;
            rule(Test::MimeHeader(header.trim().to_owned(), whole_pattern(pattern)?))
        }
        "body" => rule(or_eval(tail, Test::Body)?),
        "rawbody" => rule(or_eval(tail, Test::RawBody)?),
        "full" => rule(or_eval(tail, Test::Full)?),
        "uri" => rule(or_eval(tail, Test::Uri)?),
        "meta" => rule(Test::Meta(tail.to_owned())),
        "score" => {
            let last = tail.split_whitespace().last().unwrap_or_default();
            let number = last.parse::<f64>().ok().filter(|n| n.is_finite());
            let number = number.ok_or_else(|| format!("`{last}` is no score"))?;
            Ok(Line::Score(named(name)?, number))
        }
        "describe" => Ok(Line::Describe(named(name)?, tail.to_owned())),
        "replace_tag" => Ok(Line::Replace(Replace::Tag, name.to_owned(), tail.to_owned())),
        "replace_pre" => Ok(Line::Replace(Replace::Pre, name.to_owned(), tail.to_owned())),
        "replace_inter" => Ok(Line::Replace(Replace::Inter, name.to_owned(), tail.to_owned())),
        "replace_post" => Ok(Line::Replace(Replace::Post, name.to_owned(), tail.to_owned())),
        "replace_rules" => Ok(Line::ReplaceRules(rest.split_whitespace().map(str::to_owned).collect())),
        "ifplugin" => Ok(Line::If(PLUGINS.iter().any(|p| name.rsplit(':').next() == Some(p)))),
        // Versions and features of a program that this is not.
        "if" => Ok(Line::If(false)),
        "else" => Ok(Line::Else),
        "endif" => Ok(Line::EndIf),
        word if SILENT.contains(&word) => Ok(Line::Nothing),
        word => Err(format!("the directive `{word}` is not supported")),
    }
}

fn named(name: &str) -> Result<String, String> {
    let fits = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    fits.then(|| name.to_owned())
        .ok_or_else(|| format!("`{name}` is no name of a rule"))
}

/// A `#` begins a comment unless a backslash stands before it.
fn without_comment(line: &str) -> &str {
    let mut escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'#' if !escaped => return line.get(..at).unwrap_or_default(),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    line
}

/// The first word and what follows.
fn cut(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

fn or_eval(text: &str, make: fn(Pattern) -> Test) -> Result<Test, String> {
    match text.strip_prefix("eval:") {
        Some(call) => eval(call),
        None => Ok(make(whole_pattern(text)?)),
    }
}

fn eval(call: &str) -> Result<Test, String> {
    let (name, rest) = call.trim().split_once('(').ok_or("the brackets of the function are missing")?;
    let inside = rest
        .trim_end()
        .strip_suffix(')')
        .ok_or("the bracket of the function is never closed")?;
    let arguments = inside.split(',').map(|a| a.trim().trim_matches(['"', '\'']).to_owned());
    Ok(Test::Eval(name.trim().to_owned(), arguments.filter(|a| !a.is_empty()).collect()))
}

fn header(text: &str) -> Result<Test, String> {
    if let Some(call) = text.strip_prefix("eval:") {
        return eval(call);
    }
    if let Some(name) = text.strip_prefix("exists:") {
        return Ok(Test::Header(question(name.trim(), None, false)));
    }
    let at = text.find("=~").into_iter().chain(text.find("!~")).min();
    let Some((name, tail)) = at.and_then(|at| text.split_at_checked(at)) else {
        return Err("a test of a header is written Subject =~ /text/ or exists:Subject".to_owned());
    };
    let (pattern, rest) = pattern(tail.get(2..).unwrap_or_default().trim())?;
    let mut question = question(name.trim(), Some(pattern), tail.starts_with('!'));
    let rest = rest.trim();
    if let Some(inside) = rest.strip_prefix("[if-unset:") {
        question.unset = Some(inside.trim_end_matches(']').trim().to_owned());
    } else if !rest.is_empty() {
        return Err(format!("`{rest}` behind the pattern is not understood"));
    }
    Ok(Test::Header(question))
}

fn question(name: &str, pattern: Option<Pattern>, negated: bool) -> Header {
    let (name, part) = name.split_once(':').unwrap_or((name, ""));
    Header {
        name: name.to_owned(),
        part: part.to_owned(),
        pattern,
        negated,
        unset: None,
    }
}

fn whole_pattern(text: &str) -> Result<Pattern, String> {
    let (pattern, rest) = pattern(text.trim())?;
    match rest.trim() {
        "" => Ok(pattern),
        rest => Err(format!("`{rest}` behind the pattern is not understood")),
    }
}

/// `/text/flags`, `m{text}flags` with any sign for the brackets, and what follows.
fn pattern(text: &str) -> Result<(Pattern, &str), String> {
    let inside = text.strip_prefix('m').unwrap_or(text);
    let Some(open) = inside.chars().next().filter(|c| c.is_ascii_punctuation()) else {
        return Err(format!("`{text}` is no pattern such as /text/i"));
    };
    let close = match open {
        '{' => '}',
        '(' => ')',
        '[' => ']',
        '<' => '>',
        same => same,
    };
    let body = inside.get(1..).unwrap_or_default();
    let (mut depth, mut escaped) = (0_usize, false);
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == close && depth == 0 => {
                let tail = body.get(at + 1..).unwrap_or_default();
                let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
                let (letters, rest) = tail.split_at_checked(letters).unwrap_or((tail, ""));
                let text = body.get(..at).unwrap_or_default().to_owned();
                let flags = flags(letters)?;
                return Ok((Pattern { text, flags }, rest));
            }
            c if c == close => depth -= 1,
            c if c == open => depth += 1,
            _ => {}
        }
    }
    Err(format!("the pattern {text} is never closed"))
}

fn flags(letters: &str) -> Result<Flags, String> {
    let mut flags = Flags::default();
    for letter in letters.chars() {
        match letter {
            'i' => flags.caseless = true,
            'm' => flags.multiline = true,
            's' => flags.dotall = true,
            'x' => flags.extended = true,
            'o' | 'g' | 'a' => {}
            _ => return Err(format!("`{letter}` is no flag of a pattern")),
        }
    }
    Ok(flags)
}

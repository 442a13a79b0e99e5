//! The words of the language: strings, bare words, heredocs and comments, each found in one pass over the bytes. It builds no
//! tree and expands no variable.

use super::number::ends_value;

/// Something that is no UCL: where, what is wrong, and what to do.
#[derive(Debug, PartialEq)]
pub(super) struct Slip {
    pub from: usize,
    pub to: usize,
    pub what: String,
    pub help: Option<&'static str>,
}

impl Slip {
    pub fn new(from: usize, to: usize, what: impl Into<String>) -> Slip {
        Slip {
            from,
            to,
            what: what.into(),
            help: None,
        }
    }

    pub fn help(mut self, help: &'static str) -> Slip {
        self.help = Some(help);
        self
    }
}

/// A string found: its text still as written, and what has to be done to it.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    /// The text, without quotes.
    pub from: usize,
    pub to: usize,
    /// Where reading goes on.
    pub next: usize,
    /// It holds backslashes.
    pub escaped: bool,
    /// It holds a `$` that may begin a variable.
    pub variables: bool,
}

/// Blank or tab.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Blank, tab or the end of a line.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// True if a comment begins at `at`.
pub(super) fn is_comment(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        Some(b'#') => at + 1 < text.len(),
        Some(b'/') => text.get(at + 1) == Some(&b'*'),
        _ => false,
    }
}

/// Behind the spaces from `at` on.
pub(super) fn spaces(text: &[u8], at: usize) -> usize {
    at + text.get(at..).unwrap_or(b"").iter().take_while(|byte| is_space(**byte)).count()
}

/// Behind the comments from `at` on; what stands between two comments ends it.
pub(super) fn comments(text: &[u8], mut at: usize) -> Result<usize, Slip> {
    loop {
        match (text.get(at), text.get(at + 1)) {
            (Some(b'#'), _) => {
                let line = text.get(at..).and_then(|rest| memchr::memchr(b'\n', rest));
                match line {
                    Some(length) => at += length + 1,
                    None => return Ok(text.len()),
                }
            }
            (Some(b'/'), Some(b'*')) => at = block_comment(text, at)?,
            _ => return Ok(at),
        }
    }
}

/// Behind the block comment at `from`. Inside, quotes hide the marks, and the byte behind a star is always taken with it:
/// `**/` closes nothing. Both are the peer's.
fn block_comment(text: &[u8], from: usize) -> Result<usize, Slip> {
    let mut at = from + 2;
    let (mut depth, mut quoted) = (1_u64, false);
    while let Some(&byte) = text.get(at) {
        if byte == b'"' && text.get(at - 1) != Some(&b'\\') {
            quoted = !quoted;
        }
        let next = text.get(at + 1);
        match byte {
            b'*' if !quoted => {
                if next == Some(&b'/') {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(at + 2);
                    }
                }
                // The byte behind is not looked at again, but for the end of the loop.
                at += 3;
            }
            b'/' if !quoted && next == Some(&b'*') => {
                depth += 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    Err(Slip::new(from, from + 2, "this comment is never closed").help("write */ behind it; a \" in it hides all up to the next one"))
}

/// The string in double quotes at `from`.
pub(super) fn quoted(text: &[u8], from: usize) -> Result<Found, Slip> {
    let mut found = Found {
        from: from + 1,
        to: from + 1,
        next: from + 1,
        escaped: false,
        variables: false,
    };
    let mut at = from + 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                (found.to, found.next) = (at, at + 1);
                return Ok(found);
            }
            b'\n' => {
                let slip = Slip::new(from, at, "this string is not closed on its line");
                return Err(slip.help("write the closing \", or \\n for a line break; texts of several lines go between <<EOD and EOD"));
            }
            0..0x1f => {
                let slip = Slip::new(at, at + 1, format!("a control character (0x{byte:02x}) stands in this string"));
                return Err(slip.help("take it out, or write an escape such as \\t"));
            }
            b'\\' => {
                found.escaped = true;
                at = escape(text, at)?;
            }
            b'$' => {
                found.variables = true;
                at += 1;
            }
            _ => at += 1,
        }
    }
    Err(Slip::new(from, from + 1, "this string is never closed").help("write the closing \""))
}

/// Behind the escape at `from`; the byte behind one that means nothing is read as any other.
fn escape(text: &[u8], from: usize) -> Result<usize, Slip> {
    match text.get(from + 1) {
        None => Err(Slip::new(from, from + 1, "the file ends inside a string").help("write the closing \"")),
        Some(b'u') => {
            let digits = text.get(from + 2..).unwrap_or(b"");
            let good = digits.iter().take(4).take_while(|byte| byte.is_ascii_hexdigit()).count();
            if good < 4 {
                let slip = Slip::new(from, from + 2 + good, "\\u takes four hexadecimal digits");
                return Err(slip.help("write for example \\u00e4, or the character itself"));
            }
            Ok(from + 6)
        }
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(from + 2),
        Some(_) => Ok(from + 1),
    }
}

/// The string in single quotes at `from`.
pub(super) fn single_quoted(text: &[u8], from: usize) -> Result<Found, Slip> {
    let mut at = from + 1;
    let mut escaped = false;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\'' => {
                return Ok(Found {
                    from: from + 1,
                    to: at,
                    next: at + 1,
                    escaped,
                    variables: false,
                });
            }
            b'\\' => {
                escaped = true;
                at += 2;
            }
            _ => at += 1,
        }
    }
    Err(Slip::new(from, from + 1, "this string is never closed").help("write the closing '"))
}

/// The bare word at `from`, without the blanks at its end.
pub(super) fn word(text: &[u8], from: usize) -> Found {
    let mut found = Found {
        from,
        to: from,
        next: from,
        escaped: false,
        variables: false,
    };
    let (mut braces, mut brackets) = (0_u64, 0_u64);
    let mut at = from;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'{' => braces += 1,
            b'[' => brackets += 1,
            b'}' if braces > 0 => {
                braces -= 1;
                at += 1;
                continue;
            }
            b']' if brackets > 0 => {
                brackets -= 1;
                at += 1;
                continue;
            }
            b'$' => found.variables = true,
            b'\\' => {
                found.escaped = true;
                at = text.len().min(at + 2);
                continue;
            }
            _ => (),
        }
        if ends_value(Some(byte)) || is_comment(text, at) {
            break;
        }
        at += 1;
    }
    found.next = at;
    let all = text.get(from..at).unwrap_or(b"");
    found.to = from + all.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
    found
}

/// The heredoc at `from`; `None` if what stands there only looks like one.
pub(super) fn heredoc(text: &[u8], from: usize) -> Option<Result<Found, Slip>> {
    let rest = text.get(from..)?.strip_prefix(b"<<")?;
    if rest.len() < 2 {
        return None;
    }
    let length = rest.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let mark = rest.get(..length)?;
    let begin = from + 2 + length + 1;
    match rest.get(length) {
        Some(b'\n') => (),
        None => return Some(Err(endless(from, length))),
        Some(_) => return None,
    }
    // The first line cannot be the last: at least one line, even an empty one, stands between the marks.
    let mut line = begin;
    while let Some(length_of_line) = text.get(line..).and_then(|rest| memchr::memchr(b'\n', rest)) {
        line += length_of_line + 1;
        let behind = text.get(line..).unwrap_or(b"");
        if behind.starts_with(mark) && matches!(behind.get(mark.len()), Some(b'\n' | b',' | b';')) {
            return Some(Ok(Found {
                from: begin,
                to: line - 1,
                next: line + mark.len(),
                escaped: false,
                variables: text.get(begin..line).is_some_and(|all| memchr::memchr(b'$', all).is_some()),
            }));
        }
    }
    let last = text.get(line..).is_some_and(|rest| !mark.is_empty() && rest.trim_ascii() == mark);
    Some(Err(if last {
        Slip::new(line, text.len(), "the line that ends this text is not ended itself")
            .help("end the file with a new line behind this word")
    } else {
        endless(from, length)
    }))
}

fn endless(from: usize, length: usize) -> Slip {
    let slip = Slip::new(from, from + 2 + length, "this text has no end");
    slip.help("write the word behind << once more, alone on a line, with a line before it")
}

/// Where a section with names in front of it begins: the first `{` or `[` before the line, or the pair, ends.
pub(super) fn section_ahead(text: &[u8], from: usize) -> (usize, bool) {
    let rest = text.get(from..).unwrap_or(b"");
    let stop = rest
        .iter()
        .position(|byte| matches!(byte, b',' | b';' | b'\n' | b'\r' | b'{' | b'['));
    match stop {
        Some(length) => (from + length, matches!(rest.get(length), Some(b'{' | b'['))),
        None => (text.len(), false),
    }
}

/// Resolves the escapes of JSON; any other escaped character stands for itself.
pub(super) fn unescaped(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        done.push_str(before);
        let mut characters = behind.chars();
        match characters.next() {
            Some('n') => done.push('\n'),
            Some('r') => done.push('\r'),
            Some('t') => done.push('\t'),
            Some('b') => done.push('\u{8}'),
            Some('f') => done.push('\u{c}'),
            Some('u') => {
                let code = behind.get(1..5).and_then(|digits| u32::from_str_radix(digits, 16).ok());
                if let Some(code) = code {
                    // Half of a pair is no character of its own.
                    done.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    rest = behind.get(5..).unwrap_or("");
                    continue;
                }
                done.push('u');
            }
            Some(other) => done.push(other),
            None => done.push('\\'),
        }
        rest = characters.as_str();
    }
    done.push_str(rest);
    done
}

/// Resolves the two escapes of single quotes: the quote itself, and the end of a line, which goes away.
pub(super) fn unescaped_single(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        done.push_str(before);
        let mut characters = behind.chars();
        match characters.next() {
            Some('\'') => done.push('\''),
            Some('\n') => (),
            Some('\r') if characters.as_str().starts_with('\n') => {
                characters.next();
            }
            Some(other) => {
                done.push('\\');
                done.push(other);
            }
            None => done.push('\\'),
        }
        rest = characters.as_str();
    }
    done.push_str(rest);
    done
}

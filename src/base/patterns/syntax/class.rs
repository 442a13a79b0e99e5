//! Classes in brackets, and the escapes that stand for a character or a set of them.

use super::{Reader, Refused};

/// What an escape stands for.
pub(super) enum Escape {
    /// One character, spelt.
    Char(String),
    /// The inside of a class.
    Set { inside: &'static str, negated: bool },
    /// A property of characters, ready for use outside and inside of a class.
    Property(String),
}

/// Digits, word characters, blanks: of ASCII, as PCRE has them unless told otherwise.
const SETS: [(char, &str); 5] = [
    ('d', "0-9"),
    ('w', "0-9A-Za-z_"),
    ('s', r"\t\n\x0B\x0C\r\x20"),
    ('h', r"\t\x20"),
    ('v', r"\n\x0B\x0C\r"),
];

/// Reads what stands behind a backslash, from the letter `c` on.
pub(super) fn escape(reader: &mut Reader<'_>, c: char) -> Result<Escape, Refused> {
    if let Some((letter, inside)) = SETS.iter().find(|(letter, _)| letter.eq_ignore_ascii_case(&c)) {
        let negated = *letter != c;
        return Ok(Escape::Set { inside, negated });
    }
    let byte = match c {
        't' => '\t',
        'n' => '\n',
        'r' => '\r',
        'f' => '\u{c}',
        'a' => '\u{7}',
        'e' => '\u{1b}',
        'c' => match reader.next() {
            Some(c) if c.is_ascii() => char::from(u8::try_from(c.to_ascii_uppercase()).unwrap_or_default() ^ 64),
            _ => return Err(reader.refuse("a control character is missing behind \\c")),
        },
        'x' => return hexadecimal(reader),
        'o' if reader.skip("{") => {
            let digits = reader.until('}').unwrap_or_default();
            return number(reader, u32::from_str_radix(&digits, 8).ok());
        }
        '0'..='7' => return octal(reader, c),
        'p' | 'P' => return property(reader, c),
        'u' | 'U' | 'l' | 'L' | 'X' | 'C' => return Err(reader.refuse(format!("\\{c} is not supported"))),
        c => return Ok(Escape::Char(super::spelt(c, reader.unicode))),
    };
    number(reader, Some(byte.into()))
}

/// `\xHH` or `\x{H..}`.
fn hexadecimal(reader: &mut Reader<'_>) -> Result<Escape, Refused> {
    let digits = if reader.skip("{") {
        reader.until('}').unwrap_or_default()
    } else {
        let length = reader.rest().bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
        let digits = reader.rest().get(..length).unwrap_or_default().to_owned();
        reader.at += length;
        if digits.is_empty() { "0".to_owned() } else { digits }
    };
    number(reader, u32::from_str_radix(digits.trim(), 16).ok())
}

fn octal(reader: &mut Reader<'_>, first: char) -> Result<Escape, Refused> {
    let length = reader.rest().bytes().take(2).take_while(|b| matches!(b, b'0'..=b'7')).count();
    let digits = format!("{first}{}", reader.rest().get(..length).unwrap_or_default());
    reader.at += length;
    number(reader, u32::from_str_radix(&digits, 8).ok())
}

fn number(reader: &Reader<'_>, value: Option<u32>) -> Result<Escape, Refused> {
    let most = if reader.unicode { u32::from(char::MAX) } else { 0xFF };
    match value {
        Some(value) if value <= 0xFF && !reader.unicode => Ok(Escape::Char(format!("\\x{value:02X}"))),
        Some(value) if char::from_u32(value).is_some() && value <= most => Ok(Escape::Char(format!("\\x{{{value:X}}}"))),
        _ => Err(reader.refuse(match reader.unicode {
            true => "this number is no character",
            false => "this number is larger than a byte; the flag u reads the text as UTF-8",
        })),
    }
}

/// `\pL`, `\p{Greek}`, `\p{^L}`.
fn property(reader: &mut Reader<'_>, letter: char) -> Result<Escape, Refused> {
    let name = if reader.skip("{") {
        reader.until('}')
    } else {
        reader.next().map(String::from)
    };
    let Some(name) = name else {
        return Err(reader.refuse("a property without a name"));
    };
    let (name, turned) = name.strip_prefix('^').map_or((name.as_str(), false), |name| (name, true));
    let letter = if (letter == 'P') != turned { 'P' } else { 'p' };
    let text = format!("\\{letter}{{{name}}}");
    // Text that is read as bytes still has characters.
    Ok(Escape::Property(if reader.unicode { text } else { format!("(?u:{text})") }))
}

/// Reads a class, its first bracket passed, and spells it for the engines: everything that could mean something else is escaped.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<String, Refused> {
    let mut out = String::from(if reader.skip("^") { "[^" } else { "[" });
    let mut first = true;
    // Behind a set a hyphen is no range.
    let mut after_set = false;
    loop {
        let Some(c) = reader.next() else {
            return Err(reader.refuse("a class is never closed"));
        };
        let mut set = false;
        match c {
            ']' if !first => break,
            '[' if ["[:", "[.", "[="].iter().any(|s| s.ends_with(reader.peek().unwrap_or(' '))) && posix(reader, &mut out) => set = true,
            '\\' => set = escaped(reader, &mut out)?,
            '-' if after_set || set_follows(reader.rest()) => out.push_str("\\-"),
            '-' if first || reader.rest().starts_with(']') => out.push_str("\\-"),
            '-' => out.push('-'),
            c => member(c, reader.unicode, &mut out),
        }
        (first, after_set) = (false, set);
    }
    out.push(']');
    Ok(out)
}

/// `[:alpha:]`, its first bracket passed.
fn posix(reader: &mut Reader<'_>, out: &mut String) -> bool {
    let Some((inside, _)) = reader.rest().strip_prefix(':').and_then(|rest| rest.split_once(":]")) else {
        return false;
    };
    if !inside.trim_start_matches('^').bytes().all(|b| b.is_ascii_lowercase()) || inside.is_empty() {
        return false;
    }
    let text = format!("[:{inside}:]");
    reader.at += inside.len() + 3;
    out.push_str(&text);
    true
}

/// An escape in a class; true where it stands for a set.
fn escaped(reader: &mut Reader<'_>, out: &mut String) -> Result<bool, Refused> {
    let Some(c) = reader.next() else {
        return Err(reader.refuse("a backslash at the end"));
    };
    match c {
        'b' => out.push_str("\\x08"),
        'E' => {}
        'Q' => {
            let end = reader.rest().find("\\E").unwrap_or(reader.rest().len());
            let quoted = reader.rest().get(..end).unwrap_or_default().to_owned();
            reader.at += end;
            reader.skip("\\E");
            quoted.chars().for_each(|c| member(c, reader.unicode, out));
        }
        c => match escape(reader, c)? {
            Escape::Char(_) if !c.is_ascii_alphanumeric() => member(c, reader.unicode, out),
            Escape::Char(text) => out.push_str(&text),
            Escape::Set { inside, negated: false } => {
                out.push_str(inside);
                return Ok(true);
            }
            Escape::Set { inside, negated: true } => {
                out.push_str(&format!("[^{inside}]"));
                return Ok(true);
            }
            Escape::Property(text) if reader.unicode => {
                out.push_str(&text);
                return Ok(true);
            }
            Escape::Property(_) => return Err(reader.refuse("a property inside a class asks for the flag u")),
        },
    }
    Ok(false)
}

/// True where the hyphen just passed stands before a set, `[+-\d]`.
fn set_follows(rest: &str) -> bool {
    let letter = rest.strip_prefix('\\').and_then(|rest| rest.chars().next());
    letter.is_some_and(|c| SETS.iter().any(|(set, _)| set.eq_ignore_ascii_case(&c)) || c.eq_ignore_ascii_case(&'p'))
        || rest.starts_with("[:")
}

/// A character that stands for itself in a class.
fn member(c: char, unicode: bool, out: &mut String) {
    if c.is_ascii() {
        if !c.is_ascii_alphanumeric() {
            let byte = u8::try_from(c).unwrap_or_default();
            out.push_str(&format!("\\x{byte:02X}"));
        } else {
            out.push(c);
        }
    } else if unicode {
        out.push(c);
    } else {
        out.push_str(&super::spelt(c, false));
    }
}

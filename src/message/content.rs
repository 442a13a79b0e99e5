//! Content-Type and Content-Disposition: a word or two and parameters, RFC 2231 and RFC 2047 decoded. Lenient like the
//! peer: what cannot be read is left out and noted.

use super::{parse, words};

/// Most parameters read of one header.
const MAX_PARAMS: usize = 64;
/// Most pieces of one continued parameter.
const MAX_PIECES: usize = 100;

/// Parameters in order, names in lower case, values decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// The value of a parameter, its name in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// All in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A read Content-Type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    /// `text` of `text/plain`, lower case.
    pub main: String,
    /// `plain` of `text/plain`, lower case.
    pub sub: String,
    /// Parameters.
    pub params: Params,
    /// The second word is missing; whatever is wrong with parameters does not count, as with the peer.
    pub broken: bool,
}

/// A read Content-Disposition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// `attachment`, `inline` or any other word, lower case; may be empty.
    pub kind: String,
    /// Parameters.
    pub params: Params,
}

impl ContentType {
    /// Reads a raw value; `None` where no type can be made out. Comments may stand in front of either word.
    pub fn read(raw: &[u8]) -> Option<ContentType> {
        let flat = words::unfold(raw.trim_ascii());
        let semi = memchr::memchr(b';', &flat).unwrap_or(flat.len());
        let kind = without_comments(flat.get(..semi).unwrap_or_default());
        let ends = |b: &u8| b.is_ascii_whitespace() || *b == 0;
        let slash = kind.iter().position(|b| *b == b'/' || ends(b)).unwrap_or(kind.len());
        let (main, rest) = kind.split_at_checked(slash)?;
        let rest = without_comments(rest.strip_prefix(b"/").unwrap_or_default());
        let sub = rest.split(ends).next().unwrap_or_default();
        let lower = |word: &[u8]| String::from_utf8_lossy(word).to_ascii_lowercase();
        (!main.is_empty()).then(|| ContentType {
            main: lower(main),
            sub: lower(sub),
            params: read_params(flat.get(semi..).unwrap_or_default()),
            broken: sub.is_empty(),
        })
    }

    /// True for this type, both words in lower case.
    pub fn is(&self, main: &str, sub: &str) -> bool {
        self.main == main && self.sub == sub
    }
}

impl Disposition {
    /// Reads a raw value.
    pub fn read(raw: &[u8]) -> Disposition {
        let flat = words::unfold(raw.trim_ascii());
        let semi = memchr::memchr(b';', &flat).unwrap_or(flat.len());
        let kind = token(flat.get(..semi).unwrap_or_default());
        // Written like the token that the peer wants; else its parameters do not count.
        let whole = flat.get(..semi).unwrap_or_default().trim_ascii_start();
        let plain = !whole.is_empty() && !whole.iter().any(|b| b.is_ascii_whitespace() || matches!(b, b'(' | b','));
        let params = if plain {
            strict_params(flat.get(semi..).unwrap_or_default())
        } else {
            Params::default()
        };
        Disposition { kind, params }
    }
}

/// What follows blanks and comments.
fn without_comments(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes.trim_ascii_start();
    while rest.first() == Some(&b'(') {
        rest = rest.get(comment_end(rest, 0)..).unwrap_or_default().trim_ascii_start();
    }
    rest
}

/// The first word of some bytes, lower case.
fn token(bytes: &[u8]) -> String {
    let trimmed = bytes.trim_ascii();
    let ends = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'(' | b',');
    let word = trimmed.split(ends).next().unwrap_or_default();
    String::from_utf8_lossy(word).to_ascii_lowercase()
}

/// One raw parameter: `name`, `name*`, `name*0`, `name*0*`.
struct Piece {
    name: String,
    index: Option<usize>,
    extended: bool,
    value: Vec<u8>,
}

fn read_params(rest: &[u8]) -> Params {
    let mut pieces = Vec::new();
    let mut at = 0;
    while pieces.len() < MAX_PARAMS + MAX_PIECES {
        // Separators and blanks in any number; a comma or blank in place of `;` is common and read.
        while matches!(rest.get(at), Some(b) if b.is_ascii_whitespace() || matches!(b, b';' | b',')) {
            at += 1;
        }
        if at >= rest.len() {
            break;
        }
        if rest.get(at) == Some(&b'(') {
            at = comment_end(rest, at);
            continue;
        }
        at = read_piece(rest, at, &mut pieces);
    }
    join(pieces)
}

fn comment_end(rest: &[u8], at: usize) -> usize {
    let mut depth = 0usize;
    let mut i = at;
    while let Some(b) = rest.get(i) {
        match b {
            b'\\' => i += 1,
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return i + 1;
                }
            }
            _ => {}
        }
        i += 1;
    }
    rest.len()
}

fn read_piece(rest: &[u8], start: usize, pieces: &mut Vec<Piece>) -> usize {
    let mut at = start;
    while matches!(rest.get(at), Some(b) if !matches!(b, b'=' | b';')) {
        at += 1;
    }
    let name = rest.get(start..at).unwrap_or_default().trim_ascii();
    if rest.get(at) != Some(&b'=') {
        return at;
    }
    at += 1;
    while matches!(rest.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    let value;
    (value, at) = read_value(rest, at);
    if !name.is_empty() {
        pieces.push(piece(name, value));
    }
    at
}

/// Parameters of a disposition, as strictly as the peer reads them: from the first fault on there are none.
fn strict_params(rest: &[u8]) -> Params {
    let mut pieces = Vec::new();
    let mut rest = rest;
    while let Some(text) = rest.strip_prefix(b";").filter(|_| pieces.len() < MAX_PARAMS + MAX_PIECES) {
        let Some((piece, behind)) = strict_piece(skip_blanks(text)) else {
            break;
        };
        pieces.push(piece);
        rest = behind;
    }
    join(pieces)
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|b| **b == b' ').count();
    text.get(blanks..).unwrap_or_default()
}

/// `name=value`, a blank behind the sign only where one stands before it, and what follows up to `;`.
fn strict_piece(text: &[u8]) -> Option<(Piece, &[u8])> {
    let special = |b: &u8| b.is_ascii_control() || b" ()<>@:;\\\"/[]?=".contains(b);
    let end = text.iter().position(|b| special(b) || *b == b',')?;
    let name = text.get(..end).filter(|n| !n.is_empty())?;
    let signed = skip_blanks(text.get(end..)?);
    let value = signed.strip_prefix(b"=")?;
    let value = if signed.len() < text.len() - end {
        skip_blanks(value)
    } else {
        value
    };
    if value.first() == Some(&b'"') {
        let (content, end) = read_value(value, 0);
        let closed = end > 1 && value.get(end - 1) == Some(&b'"');
        let behind = value.get(end..).filter(|_| closed)?;
        let fits = matches!(behind.first(), None | Some(b' ' | b';'));
        return fits.then(|| (piece(name, content), skip_blanks(behind)));
    }
    let end = value.iter().position(special).unwrap_or(value.len());
    let (content, behind) = value.split_at_checked(end)?;
    let fits = !content.is_empty() && matches!(behind.first(), None | Some(b';'));
    fits.then(|| (piece(name, content.to_vec()), behind))
}

/// A quoted or bare value, and where it ends.
fn read_value(rest: &[u8], start: usize) -> (Vec<u8>, usize) {
    let mut at = start;
    if rest.get(at) != Some(&b'"') {
        while matches!(rest.get(at), Some(b) if *b != b';' && !b.is_ascii_whitespace()) {
            at += 1;
        }
        return (rest.get(start..at).unwrap_or_default().to_vec(), at);
    }
    at += 1;
    let mut out = Vec::new();
    while let Some(&b) = rest.get(at) {
        at += 1;
        match b {
            b'"' => break,
            // Only what must be escaped is: `C:\x` is a path.
            b'\\' if matches!(rest.get(at), Some(b'"' | b'\\')) => {
                out.extend(rest.get(at));
                at += 1;
            }
            _ => out.push(b),
        }
    }
    (out, at)
}

fn piece(name: &[u8], value: Vec<u8>) -> Piece {
    let mut name = String::from_utf8_lossy(name).into_owned();
    name.make_ascii_lowercase();
    let mut extended = false;
    let mut index = None;
    if let Some((base, tail)) = name.split_once('*') {
        let digits = tail.trim_end_matches('*');
        if tail.is_empty() || tail == "*" {
            extended = true;
        } else if let Ok(n) = digits.parse::<usize>() {
            extended = tail.ends_with('*');
            index = Some(n);
        }
        if extended || index.is_some() {
            name = base.to_owned();
        }
    }
    Piece {
        name,
        index,
        extended,
        value,
    }
}

/// Puts continued parameters together by index and decodes; the first of two plain ones wins.
fn join(mut pieces: Vec<Piece>) -> Params {
    pieces.sort_by_key(|p| p.index.unwrap_or(0));
    let mut names: Vec<String> = Vec::new();
    for piece in &pieces {
        if names.len() < MAX_PARAMS && !names.contains(&piece.name) {
            names.push(piece.name.clone());
        }
    }
    let value = |name: &String| {
        let mut bytes: Vec<u8> = Vec::new();
        let mut charset = String::new();
        let mut seen = false;
        for piece in pieces.iter().filter(|p| p.name == *name) {
            if seen && piece.index.is_none_or(|i| i == 0) {
                continue;
            }
            let mut text = piece.value.as_slice();
            if piece.extended && !seen {
                text = strip_charset(text, &mut charset);
            }
            if piece.extended {
                percent(text, &mut bytes);
            } else {
                bytes.extend_from_slice(text);
            }
            seen = true;
        }
        let text = parse::charset(&charset, &bytes).unwrap_or_else(|| words::value(&bytes).into_owned());
        (name.clone(), text)
    };
    Params(names.iter().map(value).collect())
}

/// `charset'language'text`.
fn strip_charset<'v>(value: &'v [u8], charset: &mut String) -> &'v [u8] {
    let mut parts = value.splitn(3, |b| *b == b'\'');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(label), Some(_), Some(text)) => {
            *charset = String::from_utf8_lossy(label).into_owned();
            text
        }
        _ => value,
    }
}

fn percent(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'%', [a, b, after @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                out.push(parse::hex(*a) << 4 | parse::hex(*b));
                rest = after;
            }
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ContentType;

    /// As a running 3.4 read them.
    #[test]
    fn words_of_a_type() {
        for (value, main, sub, broken) in [
            ("Text/Plain; charset", "text", "plain", false),
            ("text/plain x; =y", "text", "plain", false),
            ("text/plain\0", "text", "plain", false),
            ("text/plain(c)", "text", "plain(c)", false),
            ("(c) text/ (d) plain", "text", "plain", false),
            ("text/plain/x", "text", "plain/x", false),
            ("http://example.org/ x", "http:", "/example.org/", false),
            ("text/", "text", "", true),
            ("text", "text", "", true),
            ("x y/z", "x", "", true),
        ] {
            let read = ContentType::read(value.as_bytes()).expect("a type");
            assert_eq!((read.main.as_str(), read.sub.as_str(), read.broken), (main, sub, broken), "{value}");
        }
        assert_eq!(
            ["", "/", "/x", "; charset=x", "(c)"].map(|v| ContentType::read(v.as_bytes())),
            [const { None }; 5]
        );
    }
}

//! Lines of a map: `key`, `key value`, `"key with blanks" value`, each with an optional `# comment`. What a key means is not known here.

/// No line is longer; the rest of a longer one is not looked at, and the line is named.
pub const LONGEST_LINE: usize = 64 * 1024;

/// One entry as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'t> {
    /// Counted from 1.
    pub number: usize,
    /// Without quotes.
    pub key: &'t str,
    /// What follows the key, without a comment behind it; `None` where nothing does.
    pub value: Option<&'t str>,
}

/// A line that holds no entry though it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Counted from 1; 0 where no line is meant.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// The entries of a map's text in order; blank lines and comments are passed over, CRLF and a byte order mark are allowed.
pub fn lines(text: &[u8]) -> impl Iterator<Item = Result<Line<'_>, Problem>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.split(|&b| b == b'\n')
        .enumerate()
        .filter_map(|(index, bytes)| read(index + 1, bytes).transpose())
}

fn read(number: usize, bytes: &[u8]) -> Result<Option<Line<'_>>, Problem> {
    let problem = |reason: String| Problem { line: number, reason };
    if bytes.len() > LONGEST_LINE {
        return Err(problem(format!("the line is longer than {LONGEST_LINE} bytes")));
    }
    if bytes.trim_ascii().is_empty() || bytes.trim_ascii_start().starts_with(b"#") {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| problem("the line is not UTF-8 text".into()))?
        .trim();
    if text.contains('\0') {
        return Err(problem("the line holds a NUL byte".into()));
    }
    let (key, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted
            .split_once('"')
            .ok_or_else(|| problem("the quoted key is not closed".into()))?,
        None => text.split_once(char::is_whitespace).unwrap_or((text, "")),
    };
    let value = Some(without_comment(rest).trim()).filter(|v| !v.is_empty());
    Ok(Some(Line { number, key, value }))
}

/// Cuts a comment: a `#` that begins the text or follows a blank.
fn without_comment(text: &str) -> &str {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if c == '#' && before.is_whitespace() {
            return text.get(..at).unwrap_or(text);
        }
        before = c;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = Result<(usize, String, Option<String>), usize>;

    fn all(text: &[u8]) -> Vec<Read> {
        lines(text)
            .map(|l| {
                l.map(|l| (l.number, l.key.to_owned(), l.value.map(str::to_owned)))
                    .map_err(|p| p.line)
            })
            .collect()
    }

    fn entry(number: usize, key: &str, value: Option<&str>) -> Read {
        Ok((number, key.to_owned(), value.map(str::to_owned)))
    }

    #[test]
    fn comments_blanks_crlf_and_bom() {
        let text = b"\xef\xbb\xbf# head\r\n\r\n one \r\ntwo  a b # why\r\nthree#x\r\n\t# tail\r\nfour # only\r\nfive v#w";
        assert_eq!(
            all(text),
            [
                entry(3, "one", None),
                entry(4, "two", Some("a b")),
                entry(5, "three#x", None),
                entry(7, "four", None),
                entry(8, "five", Some("v#w")),
            ]
        );
    }

    #[test]
    fn quoted_keys() {
        assert_eq!(
            all(b"\"a b\" 1\n\"open 2\nlast"),
            [entry(1, "a b", Some("1")), Err(2), entry(3, "last", None)]
        );
    }

    #[test]
    fn bad_bytes_cost_their_line_only() {
        let mut text = b"a\n\xff\xfe\nb\0c\n".to_vec();
        text.extend(vec![b'x'; LONGEST_LINE + 1]);
        text.extend(b"\nz\n");
        assert_eq!(all(&text), [entry(1, "a", None), Err(2), Err(3), Err(4), entry(5, "z", None)]);
    }
}

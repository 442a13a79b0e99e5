//! The scanner of a header block: one pass over the bytes, exact about bad lines (`BROKEN_HEADERS` depends on them). It
//! finds names and values; it does not decode.

use super::headers::Headers;

/// What a header block held, and where it ended.
#[derive(Default)]
pub(super) struct Block<'r> {
    pub headers: Headers<'r>,
    /// Offset of the first byte behind the empty line; the length of the input where there is none.
    pub body: usize,
    /// An empty line ended the block.
    pub ended: bool,
    /// A line began with a letter and was no header.
    pub broken: bool,
    /// Fields were dropped for the limit.
    pub too_many: bool,
    /// A line ended in CR alone.
    pub bare_cr: bool,
}

/// Reads lines up to the first empty one; takes at most `budget` fields and lowers it. `stop` is asked of each
/// line behind `--` whether it is a boundary: no block reaches beyond its part.
pub(super) fn scan<'r>(raw: &'r [u8], budget: &mut usize, stop: impl Fn(&[u8]) -> bool) -> Block<'r> {
    let mut block = Block {
        headers: Headers::default(),
        body: raw.len(),
        ended: false,
        broken: false,
        too_many: false,
        bare_cr: false,
    };
    let mut at = 0;
    while let Some(&first) = raw.get(at) {
        let rest = raw.get(at..).unwrap_or_default();
        if let Some(length) = newline_length(rest) {
            block.body = at + length;
            block.ended = true;
            break;
        }
        if let [b'-', b'-', text @ ..] = rest
            && stop(text)
        {
            block.body = at;
            break;
        }
        let colon = if first.is_ascii_alphabetic() { name_end(rest) } else { None };
        match colon {
            Some(colon) => {
                let end = value_end(raw, at + colon + 1, &mut block.bare_cr);
                if *budget > 0 {
                    *budget -= 1;
                    let name = rest.get(..colon).unwrap_or_default();
                    block.headers.push(name, raw.get(at + colon + 1..end).unwrap_or_default());
                } else {
                    block.too_many = true;
                }
                at = skip_newline(raw, end);
            }
            None => {
                block.broken |= first.is_ascii_alphabetic();
                at = skip_newline(raw, line_end(raw, at, &mut block.bare_cr));
            }
        }
    }
    block
}

/// Offset of the colon, where nothing blank stands before it.
fn name_end(line: &[u8]) -> Option<usize> {
    let at = line
        .iter()
        .position(|b| matches!(b, b':' | b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c))?;
    (line.get(at) == Some(&b':')).then_some(at)
}

/// Length of the line end at the start of `rest`, if there is one.
fn newline_length(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'\r', b'\n', ..] => Some(2),
        [b'\r' | b'\n', ..] => Some(1),
        _ => None,
    }
}

fn skip_newline(raw: &[u8], at: usize) -> usize {
    at + newline_length(raw.get(at..).unwrap_or_default()).unwrap_or(0)
}

/// Where the line that `at` lies in ends, line end excluded.
fn line_end(raw: &[u8], at: usize, bare_cr: &mut bool) -> usize {
    let rest = raw.get(at..).unwrap_or_default();
    let Some(length) = memchr::memchr2(b'\r', b'\n', rest) else {
        return raw.len();
    };
    *bare_cr |= rest.get(length) == Some(&b'\r') && rest.get(length + 1) != Some(&b'\n');
    at + length
}

/// Where a value that begins at `at` ends, folded lines included.
fn value_end(raw: &[u8], at: usize, bare_cr: &mut bool) -> usize {
    let mut end = line_end(raw, at, bare_cr);
    loop {
        let next = skip_newline(raw, end);
        if next == end || !matches!(raw.get(next), Some(b' ' | b'\t')) {
            return end;
        }
        end = line_end(raw, next, bare_cr);
    }
}

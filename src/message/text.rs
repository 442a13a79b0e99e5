//! The text of a part in the form that rules count and search: line ends made blanks, their places kept, characters without width
//! gone, letters counted. Of HTML it is the text a reader sees.

use super::url::class;
use std::sync::LazyLock;

/// Text with its lines joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plain {
    /// The text; each line end is one blank.
    pub text: String,
    /// Places in the text where a line began.
    pub breaks: Vec<usize>,
    /// What was counted.
    pub counts: Counts,
}

/// Counts over one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Line ends.
    pub lines: usize,
    /// Lines with nothing in them.
    pub empty_lines: usize,
    /// Blanks.
    pub spaces: usize,
    /// Blanks behind a blank.
    pub double_spaces: usize,
    /// Bytes that are no blank.
    pub non_spaces: usize,
    /// Bytes of ASCII.
    pub ascii: usize,
    /// Bytes beyond ASCII.
    pub non_ascii: usize,
    /// Capital letters of ASCII.
    pub capitals: usize,
    /// Digits.
    pub digits: usize,
    /// Characters without width occur.
    pub zero_width: bool,
}

/// What stands before the present byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Text,
    Cr,
    Lf,
}

impl Plain {
    /// Joins lines. `html`: angle brackets mean nothing; in plain text a URL in them goes on over a line end.
    pub fn read(source: &str, html: bool) -> Plain {
        let mut joiner = Joiner {
            out: Plain::default(),
            before: Before::Text,
            added: false,
            bracket: false,
            html,
        };
        joiner.out.text.reserve(source.len());
        joiner.run(source);
        joiner.out
    }
}

/// One in the sixteen bits of each kind that a byte is of: blank, beyond ASCII, capital, digit.
static KINDS: LazyLock<[u64; 256]> = LazyLock::new(|| {
    let kinds = |b: u8| [b == b' ', b >= 0x80, b.is_ascii_uppercase(), b.is_ascii_digit()];
    std::array::from_fn(|at| {
        kinds(u8::try_from(at).unwrap_or_default())
            .iter()
            .rev()
            .fold(0, |sum, is| sum << 16 | u64::from(*is))
    })
});

/// How many bytes are of each kind: all four sums in one, in pieces short enough that none runs into the next.
fn kinds(text: &[u8]) -> [usize; 4] {
    let table = &*KINDS;
    let mut sums = [0; 4];
    for piece in text.chunks(usize::from(u16::MAX)) {
        let sum: u64 = piece
            .iter()
            .map(|byte| table.get(usize::from(*byte)).copied().unwrap_or_default())
            .sum();
        for (at, total) in sums.iter_mut().enumerate() {
            *total += usize::try_from(sum >> (16 * at) & 0xffff).unwrap_or_default();
        }
    }
    sums
}

struct Joiner {
    out: Plain,
    before: Before,
    /// The blank of the present line end is written.
    added: bool,
    bracket: bool,
    html: bool,
}

impl Joiner {
    fn blank(&mut self) {
        self.out.text.push(' ');
        self.out.breaks.push(self.out.text.len());
        self.added = true;
    }

    fn run(&mut self, source: &str) {
        let mut rest = source;
        while !rest.is_empty() {
            // A run of ordinary text is counted and copied at once.
            let run = memchr::memchr2(b'\r', b'\n', rest.as_bytes()).unwrap_or(rest.len());
            let line = rest.get(..run).unwrap_or_default();
            if !line.is_empty() {
                let last = run == rest.len();
                let line = self.begin_line(line, last);
                self.copy(line);
                if last {
                    self.count_again(line);
                }
            }
            rest = rest.get(run..).unwrap_or_default();
            match rest.as_bytes().first() {
                Some(b'\r') => self.cr(),
                Some(_) => self.lf(),
                None => break,
            }
            self.bracket = false;
            rest = rest.get(1..).unwrap_or_default();
        }
    }

    /// Leaves out blanks at the start of a line.
    fn begin_line<'s>(&mut self, line: &'s str, last: bool) -> &'s str {
        if self.before == Before::Text {
            return line;
        }
        self.before = Before::Text;
        let counts = &mut self.out.counts;
        counts.lines += 1;
        if !self.added {
            self.out.breaks.push(self.out.text.len());
        }
        let trimmed = line.trim_start_matches(' ');
        let blanks = line.len() - trimmed.len();
        counts.spaces += blanks;
        if blanks > 0 && !self.added {
            self.out.text.push(' ');
        }
        if trimmed.is_empty() && blanks > 0 && !last {
            counts.empty_lines += 1;
        }
        trimmed
    }

    fn copy(&mut self, line: &str) {
        if let Some(at) = memchr::memrchr2(b'<', b'>', line.as_bytes()) {
            self.bracket = line.as_bytes().get(at) == Some(&b'<');
        }
        let hidden = !line.is_ascii() && line.contains(class::zero_width);
        if !hidden {
            self.count(line);
            self.out.text.push_str(line);
            return;
        }
        self.out.counts.zero_width = true;
        // Characters without width count as blanks, and are no part of the text.
        let mut rest = line;
        while !rest.is_empty() {
            let seen = rest.find(class::zero_width).unwrap_or(rest.len());
            let (text, tail) = rest.split_at_checked(seen).unwrap_or((rest, ""));
            self.count(text);
            self.out.text.push_str(text);
            rest = tail.trim_start_matches(class::zero_width);
            let gone = tail.get(..tail.len() - rest.len()).unwrap_or_default().chars().count();
            self.out.counts.spaces += gone.min(1);
            self.out.counts.double_spaces += gone.saturating_sub(1);
        }
    }

    fn count(&mut self, text: &str) {
        let text = text.as_bytes();
        let [blanks, wide, capitals, digits] = kinds(text);
        let behind = text.get(1..).unwrap_or_default();
        let double = match blanks {
            0 | 1 => 0,
            _ => text.iter().zip(behind).filter(|(a, b)| (**a, **b) == (b' ', b' ')).count(),
        };
        let counts = &mut self.out.counts;
        counts.spaces += blanks;
        counts.double_spaces += double;
        counts.non_spaces += text.len() - blanks;
        counts.non_ascii += wide;
        counts.ascii += text.len() - blanks - wide;
        counts.capitals += capitals;
        counts.digits += digits;
    }

    /// The peer counts a last line without line end twice, but for its capitals and digits.
    fn count_again(&mut self, line: &str) {
        let Counts { capitals, digits, .. } = self.out.counts;
        self.count(line);
        let counts = &mut self.out.counts;
        (counts.capitals, counts.digits) = (capitals, digits);
    }

    fn cr(&mut self) {
        match self.before {
            Before::Text => {
                self.before = Before::Cr;
                self.added = false;
            }
            Before::Cr => {
                if !self.added {
                    self.blank();
                }
                self.out.counts.lines += 1;
                self.out.counts.empty_lines += 1;
            }
            Before::Lf => self.before = Before::Cr,
        }
    }

    fn lf(&mut self) {
        let open = !self.html && self.bracket;
        match self.before {
            Before::Text => {
                self.before = Before::Lf;
                self.added = false;
                if !open {
                    self.blank();
                }
            }
            Before::Cr => {
                if !self.added {
                    if open {
                        self.out.breaks.push(self.out.text.len());
                    } else {
                        self.blank();
                    }
                }
                self.before = Before::Lf;
            }
            Before::Lf => {
                if !self.added {
                    self.blank();
                }
                self.out.counts.lines += 1;
                self.out.counts.empty_lines += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_counted() {
        let plain = Plain::read("One two\r\n\r\n  three\r\nfour\r\n", false);
        assert_eq!(plain.text, "One two three four ");
        assert_eq!(plain.breaks, [8, 14, 19]);
        let counts = plain.counts;
        assert_eq!((counts.lines, counts.empty_lines, counts.capitals, counts.spaces), (2, 0, 1, 3));
    }

    #[test]
    fn characters_without_width_go() {
        let plain = Plain::read("a\u{200B}b\u{FEFF}\u{FEFF}c", false);
        assert_eq!(plain.text, "abc");
        assert!(plain.counts.zero_width);
        assert_eq!(Plain::read("", true), Plain::default());
    }
}

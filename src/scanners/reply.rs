//! What clamd answers, in types. Pure: bytes in, meaning out; nothing a server sends is trusted to be short, whole or text.

use std::cmp::Ordering;

/// No answer is longer.
pub(super) const LONGEST: usize = 16 * 1024;
/// No name of a find is longer.
const LONGEST_NAME: usize = 256;
/// No more finds are read of one answer.
const MOST_NAMES: usize = 32;

/// Why an answer is no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// The content is larger than the scanner takes.
    TooLarge,
    /// The scanner says that it failed.
    Said(String),
    /// The answer breaks off.
    Cut,
    /// It is none.
    Strange(String),
}

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bad::TooLarge => f.write_str("the content is over its StreamMaxLength"),
            Bad::Said(text) => write!(f, "it says: {text}"),
            Bad::Cut => f.write_str("its answer breaks off"),
            Bad::Strange(text) if text.is_empty() => f.write_str("its answer is empty"),
            Bad::Strange(text) => write!(f, "not an answer of clamd: {text}"),
        }
    }
}

/// True once at least one line has come whole.
pub(super) fn complete(answer: &[u8]) -> bool {
    memchr::memchr2(0, b'\n', answer).is_some()
}

/// Reads the answer to INSTREAM: the names of what was found, none for clean content.
pub(super) fn read(answer: &[u8]) -> Result<Vec<String>, Bad> {
    let mut names = Vec::new();
    let mut trouble = None;
    let mut clean = false;
    let mut rest = answer;
    while let Some(end) = memchr::memchr2(0, b'\n', rest) {
        let (line, behind) = rest.split_at(end);
        rest = behind.get(1..).unwrap_or_default();
        match line_of(&text(line)) {
            Line::Clean => clean = true,
            Line::Empty => {}
            Line::Found(name) if names.len() < MOST_NAMES => names.push(name),
            Line::Found(_) => {}
            Line::Bad(bad) => trouble = trouble.or(Some(bad)),
        }
    }
    // A find is a find, whatever else went wrong.
    if !names.is_empty() {
        return Ok(names);
    }
    match trouble {
        Some(bad) => Err(bad),
        None if !rest.is_empty() => Err(Bad::Cut),
        None if clean => Ok(names),
        None => Err(Bad::Strange(String::new())),
    }
}

enum Line {
    Clean,
    Empty,
    Found(String),
    Bad(Bad),
}

fn line_of(line: &str) -> Line {
    if line.is_empty() {
        return Line::Empty;
    }
    let said = line.strip_prefix("stream: ").unwrap_or(line);
    match said {
        "OK" => Line::Clean,
        _ if line.starts_with("INSTREAM size limit exceeded") => Line::Bad(Bad::TooLarge),
        _ => match (said.strip_suffix(" FOUND"), said.strip_suffix(" ERROR")) {
            (Some(name), _) if !name.trim().is_empty() => Line::Found(cut(name.trim())),
            (_, Some(why)) => Line::Bad(Bad::Said(cut(why.trim()))),
            _ if said == "UNKNOWN COMMAND" => Line::Bad(Bad::Said("UNKNOWN COMMAND; is it a clamd?".to_owned())),
            _ => Line::Bad(Bad::Strange(cut(line))),
        },
    }
}

/// Bytes as plain text: no control characters, nothing that is not UTF-8.
fn text(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.trim().chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}

/// What a scanner says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Version {
    /// The number of its signatures, where it has official ones.
    pub(super) signatures: Option<u64>,
    /// The program's own version.
    pub(super) engine: String,
    /// When its signatures were made, as it writes it.
    pub(super) date: Option<String>,
}

impl Version {
    /// Reads the answer to VERSION: `ClamAV 1.4.6/27500/Mon Nov 23 08:00:00 2026`; the latter two are missing where there are only
    /// signatures of one's own.
    pub(super) fn read(answer: &[u8]) -> Option<Version> {
        let end = memchr::memchr2(0, b'\n', answer)?;
        let line = text(answer.get(..end)?);
        let mut fields = line.strip_prefix("ClamAV ")?.splitn(3, '/').map(|f| cut(f.trim()));
        let engine = fields.next().filter(|e| !e.is_empty())?;
        Some(Version {
            engine,
            signatures: fields.next().and_then(|n| n.parse().ok()),
            date: fields.next().filter(|d| !d.is_empty()),
        })
    }

    /// A short word that changes when the signatures do.
    pub(super) fn epoch(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let engine: String = self.engine.chars().filter(|c| plain(*c)).take(32).collect();
        format!("{engine}-{}", self.signatures.unwrap_or(0))
    }
}

/// The newer one is the greater: by signatures, then by the numbers of the program.
impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        let numbers = |v: &Version| -> Vec<u64> {
            let parts = v.engine.split(|c: char| !c.is_ascii_digit());
            parts.filter_map(|p| p.parse().ok()).collect()
        };
        let newer = (self.signatures, numbers(self)).cmp(&(other.signatures, numbers(other)));
        newer.then_with(|| (&self.engine, &self.date).cmp(&(&other.engine, &other.date)))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(list: &[&str]) -> Result<Vec<String>, Bad> {
        Ok(list.iter().map(|n| (*n).to_owned()).collect())
    }

    #[test]
    fn answers_of_every_kind() {
        for (answer, meaning) in [
            (&b"stream: OK\0"[..], names(&[])),
            (b"stream: OK\n", names(&[])),
            (b"stream: Eicar.UNOFFICIAL FOUND\0", names(&["Eicar.UNOFFICIAL"])),
            (b"stream: A FOUND\nstream: B FOUND\n", names(&["A", "B"])),
            (b"stream: A FOUND\0stream: B", names(&["A"])),
            (b"stream: A FOUND\0stream: x ERROR\0", names(&["A"])),
            (b"stream: Phish, two words FOUND\0", names(&["Phish, two words"])),
            (b"stream: OK FOUND\0", names(&["OK"])),
            (b"INSTREAM size limit exceeded. ERROR\0", Err(Bad::TooLarge)),
            (
                b"stream: Can't allocate memory ERROR\0",
                Err(Bad::Said("Can't allocate memory".into())),
            ),
            (
                b"stream: OK\0INSTREAM: Can't write to temporary file. ERROR\0",
                Err(Bad::Said("INSTREAM: Can't write to temporary file.".into())),
            ),
            (b"UNKNOWN COMMAND\0", Err(Bad::Said("UNKNOWN COMMAND; is it a clamd?".into()))),
            (b"stream: OK", Err(Bad::Cut)),
            (b"stream: A FOUND", Err(Bad::Cut)),
            (b"stream: OK\0stream", Err(Bad::Cut)),
            (b"\0", Err(Bad::Strange(String::new()))),
            (b"", Err(Bad::Strange(String::new()))),
            (b"220 mail ESMTP\r\n", Err(Bad::Strange("220 mail ESMTP".into()))),
            (b"stream:  FOUND\0", Err(Bad::Strange("stream:  FOUND".into()))),
            (b"\xff\x01\0", Err(Bad::Strange("\u{fffd}?".into()))),
        ] {
            assert_eq!(read(answer), meaning, "{}", String::from_utf8_lossy(answer));
        }
    }

    #[test]
    fn versions_and_their_order() {
        let read = |t: &str| Version::read(t.as_bytes()).unwrap();
        let full = read("ClamAV 1.4.6/27500/Mon Nov 23 08:00:00 2026\0");
        assert_eq!((full.signatures, full.epoch().as_str()), (Some(27500), "1.4.6-27500"));
        assert_eq!(full.date.as_deref(), Some("Mon Nov 23 08:00:00 2026"));
        let bare = read("ClamAV 1.4.6\n");
        assert_eq!((bare.signatures, bare.epoch().as_str()), (None, "1.4.6-0"));
        assert!(bare < full);
        assert!(read("ClamAV 1.10.0/1/x\n") > read("ClamAV 1.9.9/1/x\n"));
        assert!(read("ClamAV 0.9/2/x\n") > read("ClamAV 1.9/1/x\n"));
        for bad in ["", "ClamAV 1.4.6", "ClamAV \0", "stream: OK\0", "\0"] {
            assert_eq!(Version::read(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_no_garbage_is_a_verdict(answer in proptest::collection::vec(any::<u8>(), 0..300)) {
            let said = read(&answer);
            let fine = answer.windows(2).any(|w| w == b"OK") || answer.windows(5).any(|w| w == b"FOUND");
            prop_assert!(fine || said.is_err());
            let _ = Version::read(&answer);
        }

        #[test]
        fn a_name_comes_through_and_no_cut_makes_it_clean(name in "[A-Za-z][A-Za-z0-9._-]{0,60}", end in prop::sample::select(vec!['\0', '\n'])) {
            let whole = format!("stream: {name} FOUND{end}");
            prop_assert_eq!(read(whole.as_bytes()), Ok(vec![name]));
            for cut in 0..whole.len() {
                let said = read(&whole.as_bytes()[..cut]);
                prop_assert!(said.is_err(), "{:?}", said);
            }
        }
    }
}

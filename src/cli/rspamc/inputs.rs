//! What a command is given: files, folders, standard input, nothing. Opens them; reads them when their turn comes.

use super::options::Options;
use crate::cli::folder;
use std::fs::File;
use std::io::{self, Read};

/// Largest message sent.
const LARGEST: u64 = 256 << 20;

/// One request's worth.
pub(super) struct Input {
    pub name: String,
    source: Option<File>,
    stdin: bool,
}

impl Input {
    fn named(name: &str) -> Input {
        Input {
            name: name.to_owned(),
            source: None,
            stdin: false,
        }
    }

    /// The message itself.
    pub fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        match self.source.take() {
            Some(file) => file.take(LARGEST + 1).read_to_end(&mut body)?,
            None if self.stdin => io::stdin().lock().take(LARGEST + 1).read_to_end(&mut body)?,
            None => 0,
        };
        if u64::try_from(body.len()).is_ok_and(|n| n > LARGEST) {
            return Err(io::Error::other(format!("more than {LARGEST} bytes")));
        }
        Ok(body)
    }
}

/// Calls `act` with every input that the words stand for. An error for people where a word stands for none.
pub(super) fn each(options: &Options, words: &[String], takes_input: bool, act: &mut impl FnMut(Input)) -> Result<(), String> {
    let listed = listed(options)?;
    if words.is_empty() && listed.is_empty() {
        act(Input {
            stdin: takes_input && !options.empty,
            ..Input::named(if options.empty { "empty" } else { "stdin" })
        });
        return Ok(());
    }
    for given in words.iter().chain(&listed) {
        std::fs::metadata(given).map_err(|_| format!("cannot stat file {given}"))?;
        let mut failed = None;
        let skip = |path: &str| options.exclude.iter().any(|pattern| matches(pattern, path));
        let good = folder::each(given, &skip, &mut |name| {
            match File::open(name) {
                Ok(file) => act(Input {
                    source: Some(file),
                    ..Input::named(name)
                }),
                Err(_) => failed = failed.take().or(Some(format!("cannot open file {name}"))),
            }
            failed.is_none()
        });
        match failed {
            Some(problem) => return Err(problem),
            None if !good => return Err(format!("cannot open directory {given}")),
            None => {}
        }
    }
    Ok(())
}

/// The one input of a command that takes hashes instead of messages.
pub(super) fn hashes() -> Input {
    Input::named("hashes")
}

/// The names in `--files-list`.
fn listed(options: &Options) -> Result<Vec<String>, String> {
    let Some(list) = &options.files_list else { return Ok(Vec::new()) };
    let text = std::fs::read(list).map_err(|_| format!("cannot open file {list}"))?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// GLib's patterns: `*` is any text, `?` any one letter, all else itself. Time grows with the product of the lengths.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` stands, and how much text it has swallowed up to.
    let mut star = None;
    while let Some(letter) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == letter => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, swallowed)) = star else { return false };
                star = Some((at, swallowed + 1));
                (p, t) = (at + 1, swallowed + 1);
            }
        }
    }
    pattern.get(p..).is_none_or(|rest| rest.iter().all(|c| *c == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_glibs() {
        for (pattern, text, expect) in [
            ("*.txt", "d/e/2.txt", true),
            ("d/?.eml", "d/1.eml", true),
            ("d/[1].eml", "d/1.eml", false),
            ("1*", "d/1.eml", false),
            ("*", "", true),
            ("", "a", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxbxxa", false),
            ("é?", "éü", true),
        ] {
            assert_eq!(matches(pattern, text), expect, "{pattern} {text}");
        }
        assert!(
            !matches(&"*a".repeat(200), &"a".repeat(20_000).replace("aaaa", "aaab")),
            "no exponential time"
        );
    }
}

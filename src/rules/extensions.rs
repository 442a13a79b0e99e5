//! Names of attachments: extensions that Windows would run, extensions that hide one another, extensions that do not fit the declared
//! type, and characters that make a name look like another. It reads names only; what is in the file is not looked at.

use crate::engine::Compat;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What is wrong with a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// Invisible or direction-changing characters.
    Unicode(String),
    /// A dangerous extension, with its weight.
    Bad(f64, String),
    /// A dangerous extension behind or before a second one, with the weight of the worse.
    Double(f64, String),
    /// An archive dressed as another.
    Archive(String),
    /// The extension does not fit the declared type, with its weight.
    Mismatch(f64, String),
}

/// Tables of extensions.
pub struct Extensions {
    bad: HashMap<String, f64>,
    /// Weights that go first where an archive has one member only.
    alone: HashMap<String, f64>,
    archives: HashSet<String>,
    types: HashMap<String, (f64, Vec<String>)>,
}

/// Weight of a mismatch where the extension is not among the well-known ones.
const OTHERS: f64 = 0.4;

impl Extensions {
    /// The stock tables of a generation.
    pub fn stock(compat: Compat) -> Extensions {
        let column = match compat {
            Compat::V34 => 1,
            Compat::V41 => 2,
        };
        let weights = |text| {
            let pair = |row: Vec<&str>| Some((row.first()?.to_string(), row.get(column)?.parse().ok()?));
            rows(text).filter_map(pair).collect()
        };
        let mut extensions = Extensions {
            bad: weights(include_str!("../../config/maps/bad_extensions.map")),
            alone: weights(include_str!("../../config/maps/bad_archive_extensions.map")),
            archives: rows(include_str!("../../config/maps/archive_extensions.map"))
                .flatten()
                .map(str::to_owned)
                .collect(),
            types: rows(include_str!("../../config/maps/extensions.map"))
                .filter_map(|row| row.split_first().map(|(ext, types)| (ext.to_string(), (OTHERS, owned(types)))))
                .collect(),
        };
        extensions.know("html", &["text/html"]);
        extensions.know("txt", &["message/disposition-notification", "text/plain", "text/rfc822-headers"]);
        extensions.know("pdf", &["application/octet-stream", "application/pdf", "application/x-pdf"]);
        if compat == Compat::V41 {
            for also in ["htm", "shtm", "shtml"] {
                extensions.know(also, &["text/html"]);
            }
        }
        extensions
    }

    /// Changes weights of bad extensions: 0 takes one out.
    pub fn weigh(&mut self, weights: BTreeMap<String, f64>) {
        for (extension, weight) in weights {
            let extension = extension.to_lowercase();
            if weight == 0.0 {
                self.bad.remove(&extension);
            } else {
                self.bad.insert(extension, weight);
            }
        }
    }

    /// Makes an extension a well-known one.
    pub fn know<T: AsRef<str>>(&mut self, extension: &str, types: &[T]) {
        let types = types.iter().map(|t| t.as_ref().to_lowercase()).collect();
        self.types.insert(extension.to_lowercase(), (1.0, types));
    }

    /// Judges a file name; `declared` is the type in lower case, `detected` the extension that the content itself suggests.
    pub fn judge(&self, compat: Compat, name: &str, declared: &str, detected: Option<&str>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = disguise(name).into_iter().collect();
        let Some((ext, inner)) = split(name) else { return findings };
        // 4.1 lets an inner extension be where the content proves the outer one right.
        let proven = compat == Compat::V41 && detected == Some(&ext);
        let inner_weight = inner.as_ref().filter(|_| !proven).and_then(|i| self.bad.get(i)).copied();
        findings.extend(bad(&ext, inner.as_deref(), self.bad.get(&ext).copied(), inner_weight));
        if let Some(inner) = inner.filter(|i| self.archives.contains(i))
            && !is_number(&ext)
        {
            findings.push(Finding::Archive(format!(".{inner}.{ext}")));
        }
        if let Some((weight, types)) = self.types.get(&ext)
            && declared != "application/octet-stream"
            && !types.iter().any(|t| t == declared)
        {
            findings.push(Finding::Mismatch(*weight, format!("{ext}:{declared}")));
        }
        findings
    }

    /// Judges the name of a member of an archive, which may be its only one.
    pub fn judge_member(&self, name: &str, alone: bool) -> Vec<Finding> {
        let mut findings: Vec<Finding> = disguise(name).into_iter().collect();
        let Some((ext, inner)) = split(name) else { return findings };
        let weight = |ext: &String| self.alone.get(ext).filter(|_| alone).or_else(|| self.bad.get(ext)).copied();
        findings.extend(bad(&ext, inner.as_deref(), weight(&ext), inner.as_ref().and_then(weight)));
        if self.archives.contains(&ext) {
            findings.push(Finding::Archive(ext));
        }
        findings
    }

    /// `txt!=js`: an archive called `a.txt.zip` whose only member is a dangerous `b.js`.
    pub fn pretends(&self, file: &str, member: &str) -> Option<String> {
        let (_, promised) = split(file)?;
        let (ext, _) = split(member)?;
        let promised = promised.filter(|p| !is_number(p) && *p != ext)?;
        self.bad.contains_key(&ext).then(|| format!("{promised}!={ext}"))
    }
}

type Endings = (String, Option<String>);

/// The last extension and the one before it, in lower case.
fn split(name: &str) -> Option<Endings> {
    let name = plain(name);
    let mut pieces = name.rsplit('.');
    let (ext, inner) = (pieces.next()?, pieces.next()?);
    // The first part of a name is no extension.
    let inner = pieces.next().map(|_| inner.to_ascii_lowercase());
    Some((ext.to_ascii_lowercase(), inner))
}

fn bad(ext: &str, inner: Option<&str>, outer_weight: Option<f64>, inner_weight: Option<f64>) -> Option<Finding> {
    let worst = [outer_weight, inner_weight].into_iter().flatten().reduce(f64::max)?;
    match inner.filter(|i| (1..=4).contains(&i.len()) && !is_number(i.strip_suffix([']', ')']).unwrap_or(i))) {
        Some(inner) => Some(Finding::Double(worst, format!(".{inner}.{ext}"))),
        None => outer_weight.map(|weight| Finding::Bad(weight, ext.to_owned())),
    }
}

/// What follows the last dot.
pub(super) fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, ext)| ext)
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

/// Words of each line that is not a comment.
pub(super) fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines.map(|l| l.split_ascii_whitespace().collect())
}

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The first character that is invisible or turns the direction of writing, and what stands before it.
fn disguise(name: &str) -> Option<Finding> {
    let strange = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{feff}');
    let (at, found) = name.char_indices().find(|(_, c)| strange(*c))?;
    let before = name.get(..at).unwrap_or_default();
    Some(Finding::Unicode(format!("0x{:x}d after {before}", u32::from(found))))
}

/// The name with percent escapes decoded and everything that cannot be shown replaced, byte by byte.
fn plain(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let escaped = (first == b'%').then(|| behind.get(..2)).flatten().and_then(hex);
        let byte = escaped.unwrap_or(first);
        rest = if escaped.is_some() {
            behind.get(2..).unwrap_or_default()
        } else {
            behind
        };
        out.push(if byte.is_ascii_graphic() || byte.is_ascii_whitespace() {
            char::from(byte)
        } else {
            '?'
        });
    }
    out
}

fn hex(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits)
        .ok()
        .filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judge(name: &str, declared: &str) -> Vec<Finding> {
        Extensions::stock(Compat::V34).judge(Compat::V34, name, declared, None)
    }

    fn bad(weight: f64, ext: &str) -> Finding {
        Finding::Bad(weight, ext.into())
    }

    fn double(weight: f64, ext: &str) -> Finding {
        Finding::Double(weight, ext.into())
    }

    fn mismatch(weight: f64, text: &str) -> Finding {
        Finding::Mismatch(weight, text.into())
    }

    /// Every line was asked of a running 3.4.
    #[test]
    fn names_as_3_4_judges_them() {
        let exe = mismatch(0.4, "exe:text/plain");
        for (name, declared, awaited) in [
            ("a.exe", "application/octet-stream", vec![bad(1.0, "exe")]),
            ("a.htm", "application/pdf", vec![mismatch(0.4, "htm:application/pdf")]),
            ("a.html", "application/pdf", vec![mismatch(1.0, "html:application/pdf")]),
            ("a.b.doc", "application/pdf", vec![mismatch(0.4, "doc:application/pdf")]),
            ("a.AAC", "text/plain", vec![]),
            ("a.exe.txt", "text/plain", vec![double(1.0, ".exe.txt")]),
            ("a.txt.1.exe", "text/plain", vec![bad(1.0, "exe"), exe.clone()]),
            ("a%2eexe", "text/plain", vec![bad(1.0, "exe"), exe.clone()]),
            (".exe", "text/plain", vec![bad(1.0, "exe"), exe.clone()]),
            ("exe", "text/plain", vec![]),
            ("a.", "text/plain", vec![]),
            ("a.exe ", "text/plain", vec![]),
            ("a..exe", "text/plain", vec![bad(1.0, "exe"), exe.clone()]),
            ("a.123.exe", "text/plain", vec![bad(1.0, "exe"), exe.clone()]),
            ("a.12].exe", "text/plain", vec![bad(1.0, "exe"), exe.clone()]),
            ("a.abcde.exe", "text/plain", vec![bad(1.0, "exe"), exe.clone()]),
            ("a.js.exe", "text/plain", vec![double(2.0, ".js.exe"), exe.clone()]),
            ("a.js.txt", "text/plain", vec![double(2.0, ".js.txt")]),
            (
                "a.jsss.js",
                "text/plain",
                vec![double(2.0, ".jsss.js"), mismatch(0.4, "js:text/plain")],
            ),
            (
                "a.zip.gz",
                "application/x",
                vec![Finding::Archive(".zip.gz".into()), mismatch(0.4, "gz:application/x")],
            ),
            (
                "a\u{202e}cod.exe",
                "text/plain",
                vec![Finding::Unicode("0x202ed after a".into()), bad(1.0, "exe"), exe.clone()],
            ),
        ] {
            assert_eq!(judge(name, declared), awaited, "{name}");
        }
    }

    #[test]
    fn archives_in_parts_are_not_disguised() {
        assert_eq!(judge("a.zip.001", "application/octet-stream"), []);
    }

    #[test]
    fn the_generations_weigh_differently() {
        let new = Extensions::stock(Compat::V41);
        assert_eq!(new.judge(Compat::V41, "a.html", "text/html", None), [bad(1.0, "html")]);
        assert_eq!(judge("a.html", "text/html"), []);
        assert_eq!(new.judge(Compat::V41, "a.js.txt", "text/plain", Some("txt")), []);
        assert_eq!(new.judge(Compat::V41, "a.js.txt", "text/plain", None), [double(4.0, ".js.txt")]);
    }

    #[test]
    fn an_administrator_may_change_weights_and_types() {
        let mut e = Extensions::stock(Compat::V34);
        e.weigh(BTreeMap::from([("EXE".to_owned(), 0.0), ("zip".to_owned(), 3.0)]));
        e.know("doc", &["application/x-own"]);
        assert_eq!(e.judge(Compat::V34, "a.exe", "application/octet-stream", None), []);
        assert_eq!(e.judge(Compat::V34, "a.zip", "application/zip", None), [bad(3.0, "zip")]);
        assert_eq!(e.judge(Compat::V34, "a.doc", "text/plain", None), [mismatch(1.0, "doc:text/plain")]);
    }

    proptest! {
        #[test]
        fn no_name_panics(name in "\\PC{0,40}") {
            let _ = judge(&name, "text/plain");
        }
    }
}

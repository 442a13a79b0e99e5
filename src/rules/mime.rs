//! Types of MIME parts and names of attachments: which types are usual in mail, which never come from honest software. What is inside an
//! archive is not looked at here.

use super::extensions::{Extensions, Finding, rows};
use crate::config::{Diagnostic, Section};
use crate::engine::{Check, Compat, Hits, Rule, Scan, Symbol, order};
use crate::family::{Family, Services};
use crate::message::{Part, sniff};
use regex::bytes::Regex;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

crate::symbols! {
    "mime_types" {
        MIME_GOOD = both(-0.1), "a part of a type that is usual in mail", shots 1;
        MIME_BAD = both(1.0), "a part of a type that has no business in mail", shots 1;
        MIME_UNKNOWN = both(0.1), "a part of a type that nobody knows", shots 1;
        MIME_TRACE = both(0.0), "the parts by number: + good, - bad, ~ neither";
        MIME_BAD_EXTENSION = both(2.0), "a file name has a dangerous extension", shots 1;
        MIME_DOUBLE_BAD_EXTENSION = both(3.0), "a dangerous extension hides in a doubled one", shots 1;
        MIME_BAD_ATTACHMENT = both(4.0), "a file's extension does not fit its declared type", shots 1;
        MIME_ARCHIVE_IN_ARCHIVE = both(5.0), "an archive hides in an archive", shots 1;
        MIME_BAD_UNICODE = each(8.0, 2.0), "a file name holds invisible or direction-changing characters", shots 1;
    }
    "body" {
        HAS_ATTACHMENT = both(0.0), "there is an attachment";
    }
}

/// `[modules.mime_types]`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// The module is in use.
    #[serde(rename = "enabled")]
    _enabled: bool,
    /// Weights of extensions over the stock table; 0 takes one out.
    bad_extensions: BTreeMap<String, f64>,
    /// Types that go with an extension, over the stock table.
    extension_map: BTreeMap<String, Vec<String>>,
    /// Weights of types over the stock table: negative is good, positive bad, 0 neither.
    types: BTreeMap<String, f64>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            _enabled: true,
            bad_extensions: BTreeMap::new(),
            extension_map: BTreeMap::new(),
            types: BTreeMap::new(),
        }
    }
}

/// Everything here but HAS_ATTACHMENT.
static TYPES: &[&Symbol] = &[
    &MIME_GOOD,
    &MIME_BAD,
    &MIME_UNKNOWN,
    &MIME_TRACE,
    &MIME_BAD_EXTENSION,
    &MIME_DOUBLE_BAD_EXTENSION,
    &MIME_BAD_ATTACHMENT,
    &MIME_ARCHIVE_IN_ARCHIVE,
    &MIME_BAD_UNICODE,
];

/// Types of parts and names of files.
pub const FAMILY: Family = Family {
    name: "mime_types",
    symbols: SYMBOLS,
    build,
};

fn build(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let config: Config = section.and_then(|s| s.read(findings)).unwrap_or_default();
    let mut extensions = Extensions::stock(services.compat);
    extensions.weigh(config.bad_extensions);
    for (extension, types) in &config.extension_map {
        extensions.know(extension, types);
    }
    let types = config.types.into_iter().map(|(t, w)| (t.to_lowercase(), w)).collect();
    vec![
        Rule::check("MIME_TYPES_CALLBACK", MimeTypes { extensions, types })
            .giving(TYPES)
            .at(order::STRUCTURE),
        Rule::check("HAS_ATTACHMENT", has_attachment).at(order::STRUCTURE),
    ]
}

struct MimeTypes {
    extensions: Extensions,
    /// The administrator's own weights.
    types: HashMap<String, f64>,
}

impl Check for MimeTypes {
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits) {
        if !scan.mime {
            // Not mail: one part of unknown octets.
            return trace(0, '~', hits);
        }
        for (number, part) in scan.mail.parts().iter().enumerate() {
            let declared = part.mime_type().to_ascii_lowercase();
            let detected = detected(part, &declared);
            if let Some(name) = part.file_name.as_deref() {
                let findings = self.names(scan.compat, name, &declared, detected);
                findings.into_iter().for_each(|f| report(number, f, hits));
            }
            self.weigh(number, declared, detected, hits);
        }
    }
}

/// What a content is: its usual extension and media type.
type Detected = (&'static str, &'static str);

impl MimeTypes {
    /// The name as it is, and before it the name that its content deserves.
    fn names(&self, compat: Compat, name: &str, declared: &str, detected: Option<Detected>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some((ext, mime)) = detected
            && !name.rsplit_once('.').is_some_and(|(_, own)| own.eq_ignore_ascii_case(ext))
        {
            findings = self.extensions.judge(compat, &format!("detected.{ext}"), mime, None);
        }
        findings.extend(self.extensions.judge(compat, name, declared, detected.map(|(ext, _)| ext)));
        findings
    }

    fn weight(&self, mime: &str) -> Option<f64> {
        self.types.get(mime).or_else(|| STOCK.get(mime)).copied()
    }

    fn weigh(&self, number: usize, declared: String, detected: Option<Detected>, hits: &mut Hits) {
        let other = detected.map(|(_, mime)| mime).filter(|mime| *mime != declared);
        let weight = match (self.weight(&declared), other.and_then(|mime| self.weight(mime))) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        match (weight, other) {
            (Some(w), _) if w < 0.0 => {
                trace(number, '+', hits);
                hits.weighted(&MIME_GOOD, -w, vec![declared]);
            }
            // A type that lies weighs more.
            (Some(w), Some(other)) if w > 0.0 => {
                trace(number, '-', hits);
                hits.weighted(&MIME_BAD, w * 1.5, vec![format!("{declared}:{other}")]);
            }
            (Some(w), None) if w > 0.0 => {
                trace(number, '-', hits);
                hits.weighted(&MIME_BAD, w, vec![declared]);
            }
            (Some(_), _) => trace(number, '~', hits),
            (None, _) => {
                trace(number, '~', hits);
                hits.with(&MIME_UNKNOWN, declared);
            }
        }
    }
}

/// What the content says of itself; text of any kind is HTML or plain.
fn detected(part: &Part<'_>, declared: &str) -> Option<Detected> {
    if part.is_multipart() || part.is_message() {
        return None;
    }
    let data = part.data();
    let marked = sniff::detect(data).map(|kind| (kind.ext, kind.mime));
    if !part.is_text() {
        return marked.or_else(|| looks_like_html(data).then_some(HTML));
    }
    let extension = part
        .file_name
        .as_deref()
        .and_then(|n| n.rsplit_once('.'))
        .map_or("", |(_, ext)| ext);
    if let Some(marked) = marked.filter(|found| beats_text(*found, extension)) {
        return Some(marked);
    }
    let named = ["html", "htm"].iter().any(|h| extension.eq_ignore_ascii_case(h));
    if declared == "text/html" || named || looks_like_html(data) {
        return Some(HTML);
    }
    (declared == "text/plain" || is_readable(data)).then_some(("txt", "text/plain"))
}

const HTML: Detected = ("html", "text/html");

/// Its front is UTF-8 without control characters.
fn is_readable(text: &[u8]) -> bool {
    let front = text.get(..SEARCHED).unwrap_or(text);
    let valid = match std::str::from_utf8(front) {
        Ok(_) => front.len(),
        // The cut may have gone through a character.
        Err(e) if e.error_len().is_none() => e.valid_up_to(),
        Err(_) => 0,
    };
    valid > 0 && front.iter().all(|b| !b.is_ascii_control() || b.is_ascii_whitespace())
}

/// Marks that count even where a text is declared: those of sound and film and of containers do not, weak ones only with the file name.
fn beats_text((ext, mime): Detected, extension: &str) -> bool {
    let vague = mime == "application/octet-stream" || mime.starts_with("audio/") || mime.starts_with("video/");
    let weak = matches!(ext, "gz" | "xml") && !extension.eq_ignore_ascii_case(ext);
    !vague && !weak
}

/// So much of a text is searched for tags.
const SEARCHED: usize = 4096;

/// A text that is HTML, by its type or, where it has none, by its looks.
pub(super) fn is_html(part: &Part<'_>) -> bool {
    part.mime_type() == "text/html" || (part.type_missing && part.is_text() && looks_like_html(part.data()))
}

/// Enough tags near the front, by the weights of 3.4.
fn looks_like_html(text: &[u8]) -> bool {
    static TAGS: LazyLock<Regex> = LazyLock::new(|| {
        let tags = r"(?i-u)<(?:(!doctype html|html)|(script|body|table)|(?:a|p|div|span))\b";
        Regex::new(tags).expect("the pattern is fixed")
    });
    let front = text.get(..SEARCHED).unwrap_or(text);
    let weigh = |tag: regex::bytes::Captures<'_>| match (tag.get(1), tag.get(2)) {
        (Some(_), _) => 32,
        (_, Some(_)) => 20,
        _ => 10,
    };
    TAGS.captures_iter(front).map(weigh).sum::<u32>() >= 40
}

/// Weights of types: negative is good, positive bad.
static STOCK: LazyLock<HashMap<&str, f64>> = LazyLock::new(|| {
    let table = rows(include_str!("../../config/maps/mime_types.map"));
    table.filter_map(|row| Some((*row.first()?, row.get(1)?.parse().ok()?))).collect()
});

fn trace(number: usize, sign: char, hits: &mut Hits) {
    hits.with(&MIME_TRACE, format!("{number}:{sign}"));
}

fn report(number: usize, finding: Finding, hits: &mut Hits) {
    let (symbol, weight, option) = match finding {
        Finding::Unicode(option) => return hits.with(&MIME_BAD_UNICODE, option),
        Finding::Mismatch(weight, option) => return hits.weighted(&MIME_BAD_ATTACHMENT, weight, vec![option]),
        Finding::Bad(weight, option) => (&MIME_BAD_EXTENSION, weight, option),
        Finding::Double(weight, option) => (&MIME_DOUBLE_BAD_EXTENSION, weight, option),
        Finding::Archive(option) => (&MIME_ARCHIVE_IN_ARCHIVE, 1.0, option),
    };
    hits.weighted(symbol, weight, vec![option]);
    trace(number, '-', hits);
}

fn has_attachment(scan: &Scan<'_>, hits: &mut Hits) {
    let parts = scan.mail.parts();
    let says = |value: &str| value.get(..10).is_some_and(|word| word.eq_ignore_ascii_case("attachment"));
    let attached = |p: &Part<'_>| p.headers.first("Content-Disposition").is_some_and(|h| says(h.text()));
    if parts.len() > 1 && parts.iter().any(attached) {
        hits.add(&HAS_ATTACHMENT);
    }
}

//! Types of MIME parts and names of attachments: which types are usual in mail, which never come from honest software. What is inside an
//! archive, and what a file really is by its content, is not looked at here.

use super::extensions::{Extensions, Finding, rows};
use crate::config::{Diagnostic, Section};
use crate::engine::{Check, Hits, Rule, Scan, order};
use crate::family::{Family, Services};
use crate::message::Part;
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
        Rule::check("MIME_TYPES_CALLBACK", MimeTypes { extensions, types }).at(order::STRUCTURE),
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
            if let Some(name) = part.file_name.as_deref() {
                let detected = part.is_text().then_some("txt");
                for finding in self.extensions.judge(scan.compat, name, &declared, detected) {
                    report(number, finding, hits);
                }
            }
            self.weigh(number, part, declared, hits);
        }
    }
}

impl MimeTypes {
    fn weigh(&self, number: usize, part: &Part<'_>, declared: String, hits: &mut Hits) {
        let stock = || STOCK.get(declared.as_str()).copied();
        let weight = self.types.get(&declared).copied().or_else(stock).or_else(|| textual(part));
        match weight {
            Some(w) if w < 0.0 => {
                trace(number, '+', hits);
                hits.weighted(&MIME_GOOD, -w, vec![declared]);
            }
            Some(w) if w > 0.0 => {
                trace(number, '-', hits);
                hits.weighted(&MIME_BAD, w, vec![declared]);
            }
            Some(_) => trace(number, '~', hits),
            None => {
                trace(number, '~', hits);
                hits.with(&MIME_UNKNOWN, declared);
            }
        }
    }
}

/// Weights of types: negative is good, positive bad.
static STOCK: LazyLock<HashMap<&str, f64>> = LazyLock::new(|| {
    let table = rows(include_str!("../../config/maps/mime_types.map"));
    table.filter_map(|row| Some((*row.first()?, row.get(1)?.parse().ok()?))).collect()
});

/// Text of a subtype that nobody knows counts as what it is: plain text, or HTML.
fn textual(part: &Part<'_>) -> Option<f64> {
    let is_html = || {
        let begin = part.data().trim_ascii_start();
        let begins = |mark: &[u8]| begin.get(..mark.len()).is_some_and(|b| b.eq_ignore_ascii_case(mark));
        begins(b"<html") || begins(b"<!doctype html")
    };
    part.is_text().then(|| if is_html() { 0.0 } else { -1.0 })
}

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
    let attached = |p: &Part<'_>| p.disposition.as_ref().is_some_and(|d| d.kind.eq_ignore_ascii_case("attachment"));
    if parts.len() > 1 && parts.iter().any(attached) {
        hits.add(&HAS_ATTACHMENT);
    }
}

//! Types of MIME parts and names of attachments: which types are usual in mail, which never come from honest software. `detected` tells
//! what a content really is, `extensions` judges names, `members` what is inside archives.

use super::detected::{Detected, detected};
use super::extensions::{Extensions, Finding, rows};
use crate::config::{Diagnostic, Section};
use crate::engine::{Check, Compat, Hits, Rule, Scan, Symbol, order};
use crate::family::{Family, Services, defaults};
use crate::message::{Part, archive};
use serde::{Deserialize, Serialize};
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
        MIME_ENCRYPTED_ARCHIVE = both(2.0), "an archive is encrypted, or does not show what is in it", shots 1;
        MIME_OBFUSCATED_ARCHIVE = each(8.0, 2.0), "names in an archive hold characters that cannot be seen", shots 1;
        MIME_EXE_IN_GEN_SPLIT_RAR = both(5.0), "a program in a RAR that calls itself a piece of a file", shots 1;
        MIME_BAD_UNICODE = each(8.0, 2.0), "a file name holds invisible or direction-changing characters", shots 1;
    }
    "body" {
        HAS_ATTACHMENT = both(0.0), "there is an attachment";
    }
}

/// `[modules.mime_types]`.
#[derive(Deserialize, Serialize)]
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
    /// Archives whose members are judged: `zip`, `rar`, `7z`, `gz` as rspamd does, and on wish `tar` (also in `gz`), `cab`, `iso`.
    archives: Vec<archive::Kind>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            _enabled: true,
            bad_extensions: BTreeMap::new(),
            extension_map: BTreeMap::new(),
            types: BTreeMap::new(),
            archives: vec![archive::Kind::Zip, archive::Kind::Rar, archive::Kind::SevenZip, archive::Kind::Gzip],
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
    &MIME_ENCRYPTED_ARCHIVE,
    &MIME_OBFUSCATED_ARCHIVE,
    &MIME_EXE_IN_GEN_SPLIT_RAR,
    &MIME_BAD_UNICODE,
];

/// Types of parts and names of files.
pub const FAMILY: Family = Family {
    name: "mime_types",
    defaults: Some(defaults::<Config>),
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
    let archives = config.archives;
    let check = MimeTypes {
        extensions,
        types,
        archives,
    };
    vec![
        Rule::check("MIME_TYPES_CALLBACK", check).giving(TYPES).at(order::STRUCTURE),
        Rule::check("HAS_ATTACHMENT", has_attachment).at(order::STRUCTURE),
    ]
}

pub(super) struct MimeTypes {
    pub(super) extensions: Extensions,
    /// The administrator's own weights.
    types: HashMap<String, f64>,
    pub(super) archives: Vec<archive::Kind>,
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
            if let Some(name) = part.file_name.as_deref().filter(|_| !part.is_multipart()) {
                let findings = self.names(scan.compat, name, &declared, detected);
                findings.into_iter().for_each(|f| report(number, f, hits));
            }
            self.look_inside(number, part, hits);
            self.weigh(number, declared, detected, hits);
        }
    }
}

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

/// Weights of types: negative is good, positive bad.
static STOCK: LazyLock<HashMap<&str, f64>> = LazyLock::new(|| {
    let table = rows(include_str!("../../config/maps/mime_types.map"));
    table.filter_map(|row| Some((*row.first()?, row.get(1)?.parse().ok()?))).collect()
});

pub(super) fn trace(number: usize, sign: char, hits: &mut Hits) {
    hits.with(&MIME_TRACE, format!("{number}:{sign}"));
}

pub(super) fn report(number: usize, finding: Finding, hits: &mut Hits) {
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

//! `[modules.history_redis]`: how much of the past is kept, and in which form. The name is rspamd's; the store need not be Redis.

use crate::config::{Config, Diagnostic, Section};
use crate::store::{Caps, Life};
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::time::Duration;

/// The section's name.
pub const MODULE: &str = "history_redis";

const DAY: Duration = Duration::from_secs(86_400);
/// More rows than this nobody keeps in one list.
const MOST_ROWS: usize = 100_000_000;
/// More rows than this are not shown at once.
const MOST_SHOWN: usize = 10_000;

/// What the section holds where nothing is written.
pub fn defaults() -> serde_json::Value {
    crate::family::defaults::<Table>()
}

/// How the history is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Rows kept, and for how long.
    pub caps: Caps,
    /// Newest rows that `/history` counts with `from` and `to`.
    pub window: usize,
    /// Rows are packed.
    pub compress: bool,
    /// Subjects are stored as their hash only.
    pub privacy: Option<Privacy>,
}

/// How a subject is made unreadable.
#[derive(Clone, Debug, PartialEq)]
pub struct Privacy {
    prefix: String,
    digits: usize,
}

impl Privacy {
    /// `obf:` and hexadecimal digits of its hash.
    pub fn hide(&self, subject: &str) -> String {
        let hash = Blake2b::<U32>::digest(subject.as_bytes());
        let mut out = format!("{}:", self.prefix);
        let start = out.len();
        for byte in hash {
            let _ = write!(out, "{byte:02x}");
        }
        out.truncate(start + self.digits);
        out
    }
}

#[derive(Deserialize, Serialize)]
struct Time(#[serde(with = "crate::base::quantity::duration")] Duration);

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Table {
    #[serde(rename = "enabled")]
    _enabled: Option<bool>,
    #[serde(rename = "disabled")]
    _disabled: Option<bool>,
    rows: Option<usize>,
    days: Option<u64>,
    nrows: Option<usize>,
    expire: Option<Time>,
    compress: bool,
    subject_privacy: bool,
    subject_privacy_alg: String,
    subject_privacy_prefix: String,
    subject_privacy_length: usize,
    key_prefix: Option<String>,
}

impl Default for Table {
    fn default() -> Table {
        Table {
            _enabled: None,
            _disabled: None,
            rows: None,
            days: None,
            nrows: None,
            expire: None,
            compress: true,
            subject_privacy: false,
            subject_privacy_alg: "blake2".to_owned(),
            subject_privacy_prefix: "obf".to_owned(),
            subject_privacy_length: 16,
            key_prefix: None,
        }
    }
}

impl Settings {
    /// Reads the section; `None` where history is switched off or its section is wrong.
    pub fn read(config: &Config, findings: &mut Vec<Diagnostic>) -> Option<Settings> {
        let section = config.modules.section(MODULE);
        let table = match section {
            Some(section) if !section.enabled() => return None,
            Some(section) => section.read(findings)?,
            None => Table::default(),
        };
        let privacy = privacy(&table, section, findings);
        let mut within = |key: &str, value: usize| {
            let sound = (1..=MOST_ROWS).contains(&value);
            if let (false, Some(section)) = (sound, section) {
                let text = format!("{key} = {value} is not between 1 and {MOST_ROWS}; to keep none write enabled = false");
                findings.push(section.error_at(key, text));
            }
            value.clamp(1, MOST_ROWS)
        };
        let window = within("nrows", table.nrows.unwrap_or(200));
        // Who says only nrows, as rspamd's trees do, wants no more than that to be kept.
        let rows = within("rows", table.rows.or(table.nrows).unwrap_or(100_000));
        let days = || DAY.saturating_mul(u32::try_from(table.days.unwrap_or(30)).unwrap_or(u32::MAX));
        let time = table.expire.as_ref().map_or_else(days, |time| time.0);
        let foreign = table.key_prefix.as_ref().is_some_and(|prefix| !prefix.starts_with("rs_history"));
        if let (true, Some(section)) = (foreign, section) {
            let text = "`key_prefix` has no effect: rows lie in the store's list `history`";
            findings.push(section.warning_at("key_prefix", text));
        }
        Some(Settings {
            caps: Caps {
                items: rows,
                life: if time.is_zero() { Life::Forever } else { Life::For(time) },
            },
            window: window.min(rows).min(MOST_SHOWN),
            compress: table.compress,
            privacy,
        })
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            caps: Caps {
                items: 100_000,
                life: Life::For(DAY.saturating_mul(30)),
            },
            window: 200,
            compress: true,
            privacy: None,
        }
    }
}

fn privacy(table: &Table, section: Option<&Section>, findings: &mut Vec<Diagnostic>) -> Option<Privacy> {
    if let (Some(section), false) = (section, table.subject_privacy_alg == "blake2") {
        let text = format!("`{}` is no hash of this version", table.subject_privacy_alg);
        let finding = section.error_at("subject_privacy_alg", text);
        findings.push(finding.help("write subject_privacy_alg = \"blake2\""));
    }
    table.subject_privacy.then(|| Privacy {
        prefix: table.subject_privacy_prefix.clone(),
        digits: table.subject_privacy_length.clamp(1, 64),
    })
}

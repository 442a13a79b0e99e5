//! One row of the history: JSON that holds what `/history` shows and what else a later look at the message needs. Bounded: whatever had
//! to be cut is named in the row itself, under `cut`.

use super::settings::Settings;
use crate::engine::{SymbolResult, Verdict};
use crate::message::{Envelope, SmtpPath};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Recipients kept of each kind; their number is kept in full.
const RECIPIENTS: usize = 64;
/// Symbols kept.
const SYMBOLS: usize = 500;
/// Options kept of one symbol.
const OPTIONS: usize = 32;
/// Bytes kept of one text.
const LONGEST: usize = 512;
/// Bytes of recipients and options together.
const ROOM: usize = 48 * 1024;
/// Bytes of one unpacked row at most; what claims to be longer is not read.
const LONGEST_ROW: usize = 1 << 20;
/// Packed rows begin so.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A message as the history takes it over: owned, and not yet in any form.
pub struct Past {
    /// Client and envelope.
    pub envelope: Envelope,
    /// The result.
    pub verdict: Arc<Verdict>,
    /// Bytes of the message.
    pub size: usize,
    /// Id of the scan in log lines.
    pub id: String,
    /// When it was judged.
    pub at: SystemTime,
}

#[derive(Serialize)]
struct Row<'p> {
    unix_time: u64,
    time_ms: u64,
    id: &'p str,
    #[serde(rename = "message-id")]
    message_id: Cow<'p, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_id: Option<Cow<'p, str>>,
    ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<Cow<'p, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    helo: Option<Cow<'p, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mta: Option<Cow<'p, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Cow<'p, str>>,
    user: Cow<'p, str>,
    sender_smtp: Cow<'p, str>,
    sender_mime: Cow<'p, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_name: Option<Cow<'p, str>>,
    rcpt_smtp: Vec<Cow<'p, str>>,
    rcpt_smtp_count: usize,
    rcpt_mime: Vec<Cow<'p, str>>,
    rcpt_mime_count: usize,
    subject: Cow<'p, str>,
    size: usize,
    digest: &'p str,
    action: &'static str,
    score: f64,
    required_score: f64,
    thresholds: Thresholds<'p>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passthrough: Option<Forced<'p>>,
    is_skipped: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unscanned: Option<Cow<'p, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    timed_out: bool,
    time_real: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Profile<'p>>,
    symbols: Symbols<'p>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cut: Vec<&'static str>,
}

#[derive(Serialize)]
struct Forced<'p> {
    module: &'p str,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Cow<'p, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    least: bool,
}

#[derive(Serialize)]
struct Symbol<'p> {
    name: &'p str,
    score: f64,
    metric_score: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<Cow<'p, str>>,
}

struct Symbols<'p>(Vec<Symbol<'p>>);

impl Serialize for Symbols<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|s| (s.name, s)))
    }
}

struct Thresholds<'p>(&'p Verdict);

impl Serialize for Thresholds<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = &self.0.thresholds;
        let mut map = serializer.serialize_map(Some(all.len()))?;
        for (action, limit) in all {
            map.serialize_entry(action.name(), limit)?;
        }
        map.end()
    }
}

struct Profile<'p>(&'p [(String, f64)]);

impl Serialize for Profile<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().take(SYMBOLS).map(|(rule, time)| (rule, time)))
    }
}

/// Cuts texts and lists, and remembers whose.
#[derive(Default)]
struct Cutter {
    cut: Vec<&'static str>,
    used: usize,
}

impl Cutter {
    fn mark(&mut self, field: &'static str) {
        if !self.cut.contains(&field) {
            self.cut.push(field);
        }
    }

    fn text<'p>(&mut self, field: &'static str, text: &'p str) -> Cow<'p, str> {
        let end = text.floor_char_boundary(LONGEST);
        if end < text.len() {
            self.mark(field);
        }
        Cow::Borrowed(text.get(..end).unwrap_or_default())
    }

    fn list<'p>(&mut self, field: &'static str, items: impl Iterator<Item = &'p str>, most: usize, total: usize) -> Vec<Cow<'p, str>> {
        let mut kept = Vec::with_capacity(total.min(most));
        for item in items.take(most) {
            self.used += item.len().min(LONGEST);
            if self.used > ROOM {
                break;
            }
            kept.push(self.text(field, item));
        }
        if kept.len() < total {
            self.mark(field);
        }
        kept
    }

    fn symbols<'p>(&mut self, all: &'p [SymbolResult]) -> Symbols<'p> {
        if all.len() > SYMBOLS {
            self.mark("symbols");
        }
        let mut one = |s: &'p SymbolResult| Symbol {
            name: &s.name,
            score: s.score,
            metric_score: s.metric_score,
            options: self.list("options", s.options.iter().map(String::as_str), OPTIONS, s.options.len()),
        };
        Symbols(all.iter().take(SYMBOLS).map(&mut one).collect())
    }
}

/// What rspamd writes where it does not know.
const UNKNOWN: &str = "unknown";

/// The row of a message.
pub fn write(past: &Past, settings: &Settings) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    // Nothing in a row has keys that JSON lacks, and memory takes every byte.
    let _ = serde_json::to_writer(&mut out, &row(past, settings));
    out
}

fn row<'p>(past: &'p Past, settings: &Settings) -> Row<'p> {
    let (envelope, verdict) = (&past.envelope, &*past.verdict);
    let mut cutter = Cutter::default();
    let time = past.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut maybe = |field, text: &'p Option<String>| text.as_deref().map(|text| cutter.text(field, text));
    let queue_id = maybe("queue_id", &envelope.queue_id);
    let (hostname, helo) = (maybe("hostname", &envelope.hostname), maybe("helo", &envelope.helo));
    let (mta, tls) = (maybe("mta", &envelope.mta_name), maybe("tls", &envelope.tls_version));
    let sender_name = maybe("sender_name", &verdict.headline.from_name);
    let unscanned = maybe("unscanned", &verdict.unscanned);
    let known = |text: Option<Cow<'p, str>>| text.unwrap_or(Cow::Borrowed(UNKNOWN));
    let message_id = known(maybe("message-id", &verdict.message_id).or(Some(Cow::Borrowed("undef"))));
    let (user, sender_mime) = (
        known(maybe("user", &envelope.user)),
        known(maybe("sender_mime", &verdict.headline.from)),
    );
    let subject = known(match (&verdict.headline.subject, &settings.privacy) {
        (Some(subject), Some(privacy)) => Some(Cow::Owned(privacy.hide(subject))),
        (subject, _) => maybe("subject", subject),
    });
    let sender = envelope.sender.as_ref().map(|s| s.address.as_str());
    let sender_smtp = cutter.text("sender_smtp", sender.unwrap_or(UNKNOWN));
    let (given, named) = (&envelope.recipients, &verdict.mime_recipients);
    let (rcpt_smtp_count, rcpt_mime_count) = (
        envelope.recipient_count.max(given.len()),
        verdict.mime_recipient_count.max(named.len()),
    );
    let address = |path: &'p SmtpPath| path.address.as_str();
    Row {
        unix_time: time.as_secs(),
        time_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        id: &past.id,
        message_id,
        queue_id,
        ip: envelope
            .ip
            .or(verdict.client)
            .map_or_else(|| UNKNOWN.to_owned(), |ip| ip.to_string()),
        hostname,
        helo,
        mta,
        tls,
        user,
        sender_smtp,
        sender_mime,
        sender_name,
        rcpt_smtp: cutter.list("rcpt_smtp", given.iter().map(address), RECIPIENTS, rcpt_smtp_count),
        rcpt_smtp_count,
        rcpt_mime: cutter.list("rcpt_mime", named.iter().map(String::as_str), RECIPIENTS, rcpt_mime_count),
        rcpt_mime_count,
        subject,
        size: past.size,
        digest: &verdict.digest,
        action: verdict.action.name(),
        score: verdict.score,
        required_score: verdict.required,
        thresholds: Thresholds(verdict),
        passthrough: verdict.passthrough.as_ref().map(|by| Forced {
            module: &by.module,
            action: by.action.name(),
            message: by.message.as_deref().map(|text| cutter.text("passthrough", text)),
            least: by.least,
        }),
        is_skipped: verdict.skipped,
        unscanned,
        timed_out: verdict.timed_out,
        time_real: verdict.elapsed.as_secs_f64(),
        profile: verdict.profile.as_deref().map(Profile),
        symbols: cutter.symbols(&verdict.symbols),
        cut: cutter.cut,
    }
}

/// Reads a row as it lies in the store, packed or not, and says how long it is as text; `None` for foreign bytes.
pub fn read(bytes: &[u8]) -> Option<(Value, usize)> {
    let plain = match bytes.starts_with(&ZSTD) {
        true => Cow::Owned(zstd::bulk::decompress(bytes, LONGEST_ROW).ok()?),
        false => Cow::Borrowed(bytes),
    };
    let row: Value = serde_json::from_slice(&plain).ok()?;
    row.is_object().then_some((row, plain.len()))
}

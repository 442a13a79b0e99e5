//! `Mail`: the parsed view of one message. Structure is read at once, everything else when first asked for, each once.

use super::address::{self, Address};
use super::block;
use super::date::{self, BadDate};
use super::envelope::SmtpPath;
use super::headers::Headers;
use super::ids;
use super::limits::{Anomalies, Limits, Newline};
use super::part::Part;
use super::received::{self, Received};
use super::structure::Walk;
use super::tokens;
use super::unpacked::Unpacked;
use super::url::{self, Url, Urls};
use std::sync::OnceLock;

/// A parsed message that borrows its bytes.
#[derive(Debug)]
pub struct Mail<'r> {
    raw: &'r [u8],
    header_block: &'r [u8],
    body: &'r [u8],
    headers: Headers<'r>,
    parts: Vec<Part<'r>>,
    anomalies: Anomalies,
    limits: Limits,
    from: OnceLock<Vec<Address>>,
    reply_to: OnceLock<Vec<Address>>,
    recipients: OnceLock<Option<Vec<Address>>>,
    received: OnceLock<Vec<Received>>,
    return_path: OnceLock<Option<SmtpPath>>,
    urls: OnceLock<Urls>,
    digest: OnceLock<String>,
}

impl<'r> Mail<'r> {
    /// Reads a message. Never fails: what was wrong is in `anomalies`. Packed messages in it stay closed.
    pub fn parse(raw: &'r [u8], limits: &Limits) -> Mail<'r> {
        Mail::read(raw, limits, None)
    }

    /// Reads a message and those that are packed in it.
    pub fn parse_all(raw: &'r [u8], unpacked: &'r Unpacked, limits: &Limits) -> Mail<'r> {
        Mail::read(raw, limits, Some(unpacked))
    }

    fn read(raw: &'r [u8], limits: &Limits, unpacked: Option<&'r Unpacked>) -> Mail<'r> {
        let mut anomalies = Anomalies::default();
        let start = skip_front(raw, &mut anomalies);
        let rest = raw.get(start..).unwrap_or_default();
        let mut budget = limits.max_headers;
        let mut block = block::scan(rest, &mut budget, |_| false);
        anomalies.no_headers = block.headers.is_empty();
        anomalies.too_many_headers = block.too_many;
        anomalies.bare_cr = block.bare_cr;
        if !block.ended && block.headers.is_empty() {
            // Text without any header is all body, and its lines are no broken headers.
            block.broken = false;
            block.body = 0;
        }
        anomalies.broken_headers = block.broken || (!block.ended && !block.headers.is_empty());
        let header_block = rest.get(..block.body).unwrap_or_default();
        anomalies.nul_in_headers = memchr::memchr(0, header_block).is_some();
        let body_at = start + block.body;
        if raw.is_empty() {
            return Mail::empty(raw, Vec::new(), anomalies, limits);
        }
        let mut parts = Walk::new(raw, limits, budget, &mut anomalies).run(block.headers.clone(), body_at);
        if let Some(unpacked) = unpacked {
            parts = unpacked.open(parts, limits, &mut anomalies);
        }
        anomalies.broken_headers |= anomalies.too_deep;
        Mail {
            header_block,
            body: raw.get(body_at..).unwrap_or_default(),
            headers: block.headers,
            ..Mail::empty(raw, parts, anomalies, limits)
        }
    }

    /// Takes bytes as one text without header, as `Raw: yes` asks for.
    pub fn raw_text(raw: &'r [u8]) -> Mail<'r> {
        let limits = Limits::default();
        let mut anomalies = Anomalies::default();
        let parts = Walk::new(raw, &limits, 0, &mut anomalies).run(Headers::default(), 0);
        Mail::empty(raw, parts, anomalies, &limits)
    }

    fn empty(raw: &'r [u8], parts: Vec<Part<'r>>, anomalies: Anomalies, limits: &Limits) -> Mail<'r> {
        Mail {
            raw,
            header_block: &[],
            body: raw,
            headers: Headers::default(),
            parts,
            anomalies,
            limits: *limits,
            from: OnceLock::new(),
            reply_to: OnceLock::new(),
            recipients: OnceLock::new(),
            received: OnceLock::new(),
            return_path: OnceLock::new(),
            urls: OnceLock::new(),
            digest: OnceLock::new(),
        }
    }

    /// All bytes.
    pub fn raw(&self) -> &'r [u8] {
        self.raw
    }

    /// The bytes of the header block.
    pub fn header_block(&self) -> &'r [u8] {
        self.header_block
    }

    /// The bytes behind the header block.
    pub fn body(&self) -> &'r [u8] {
        self.body
    }

    /// The message's own header fields in order.
    pub fn headers(&self) -> &Headers<'r> {
        &self.headers
    }

    /// All parts, depth first, multiparts included: the index is rspamd's part number. Empty only for an empty message.
    pub fn parts(&self) -> &[Part<'r>] {
        &self.parts
    }

    /// What was wrong with it.
    pub fn anomalies(&self) -> Anomalies {
        self.anomalies
    }

    /// Message-ID without brackets; `None` where it is absent or empty (rspamd shows `undef`).
    pub fn message_id(&self) -> Option<&str> {
        self.headers.first("Message-ID").and_then(|h| ids::message_id(h.text()))
    }

    /// Subject, decoded.
    pub fn subject(&self) -> Option<&str> {
        self.headers.first("Subject").map(|h| h.text())
    }

    /// The Date header in seconds since 1970; `None` where it is absent or empty.
    pub fn date(&self) -> Option<Result<i64, BadDate>> {
        let value = self.headers.first("Date")?.text();
        (!value.is_empty()).then(|| date::read(value))
    }

    /// Addresses of From.
    pub fn from(&self) -> &[Address] {
        self.from.get_or_init(|| self.addresses(&["From"]).unwrap_or_default())
    }

    /// The first Return-Path that can be read: the envelope sender where nobody gave one.
    pub fn return_path(&self) -> Option<&SmtpPath> {
        let read = || {
            let paths = self.headers.all("Return-Path").flat_map(|h| SmtpPath::written(h.text()));
            paths.into_iter().find(|p| p.valid && !p.raw.is_empty())
        };
        self.return_path.get_or_init(read).as_ref()
    }

    /// Addresses of the first Reply-To.
    pub fn reply_to(&self) -> &[Address] {
        self.reply_to.get_or_init(|| {
            let mut out = Vec::new();
            if let Some(header) = self.headers.first("Reply-To") {
                address::read_list(header.raw, self.limits.max_recipients, &mut out);
            }
            out
        })
    }

    /// Addresses of To, Cc and Bcc in the order of the headers; `None` where there is no such header at all.
    pub fn recipients(&self) -> Option<&[Address]> {
        self.recipients.get_or_init(|| self.addresses(&["To", "Cc", "Bcc"])).as_deref()
    }

    fn addresses(&self, names: &[&str]) -> Option<Vec<Address>> {
        let mut out = None;
        for header in self.headers.iter().filter(|h| names.iter().any(|n| h.is(n))) {
            address::read_list(header.raw, self.limits.max_recipients, out.get_or_insert_default());
        }
        out
    }

    /// The Received headers that count, newest first, without an artificial entry.
    pub fn received(&self) -> &[Received] {
        self.received.get_or_init(|| {
            self.headers
                .all("Received")
                .take(self.limits.max_received)
                .filter_map(|h| received::read(h.text()))
                .collect()
        })
    }

    /// URLs and e-mail addresses of all texts, of HTML and of the Subject, each once; found when first asked for.
    pub fn urls(&self) -> &Urls {
        self.urls.get_or_init(|| url::collect(self, &self.limits))
    }

    /// E-mail addresses among [`Mail::urls`].
    pub fn emails(&self) -> impl Iterator<Item = &Url> {
        self.urls().emails()
    }

    /// Words of a part that a reader sees, without URLs; read anew at each call.
    pub fn words(&self, part: usize) -> Vec<&str> {
        let text = self.parts.get(part).and_then(Part::plain).map_or("", |p| &p.text);
        let urls: Vec<_> = self.urls().spans(part).collect();
        tokens::outside(text, &urls)
    }

    /// 32 hexadecimal digits that name what the message says, whoever sent it to whom.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| ids::digest(self))
    }

    /// The line end that the message uses.
    pub fn newline(&self) -> Newline {
        Newline::of(self.raw)
    }
}

/// Where the first header line begins: behind blanks and one mbox line.
fn skip_front(raw: &[u8], anomalies: &mut Anomalies) -> usize {
    let blanks = raw.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let rest = raw.get(blanks..).unwrap_or_default();
    if !rest.starts_with(b"From ") {
        return blanks;
    }
    let Some(end) = memchr::memchr(b'\n', rest) else {
        return blanks;
    };
    anomalies.mbox_line = true;
    blanks + end + 1
}

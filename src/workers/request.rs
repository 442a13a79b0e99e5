//! The headers of a scan request become envelope, settings and flags. The message itself is `source`'s.

use crate::engine::Settings;
use crate::filter::{Flags, Request};
use crate::http;
use crate::message::{Envelope, SmtpPath};
use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, SocketAddr};

/// Header lines that no rule may see.
const SECRET: [&str; 1] = ["Password"];
/// Longest id taken from `Log-Tag`.
const LONGEST_ID: usize = 32;

/// Everything of a request but its message. Query arguments count as headers that follow the real ones.
pub fn read(request: &http::Request, max_recipients: usize) -> Request {
    let mut headers = Cow::Borrowed(&request.headers);
    for (name, value) in &request.query {
        headers.to_mut().push(name.as_str(), value.as_str());
    }
    let settings = settings(&headers);
    let mut flags = flags(&headers);
    // Whether settings skip a message is the filter's to say: they come too late for a test pattern.
    for name in settings.flags.iter().filter(|name| !name.starts_with("skip")) {
        flags.set(name);
    }
    Request {
        envelope: envelope(&headers, request.kind, max_recipients),
        raw: bytes::Bytes::new(),
        settings,
        flags,
        id: id(&headers),
    }
}

fn envelope(headers: &http::Headers, kind: http::Kind, max_recipients: usize) -> Envelope {
    // Of a name given twice the last value counts, so a query argument beats a header.
    let text = |name: &str| headers.last(name).map(str::to_owned);
    let filled = |name: &str| text(name).filter(|v| !v.is_empty());
    let mut envelope = Envelope {
        ip: headers.last("IP").and_then(address),
        hostname: filled("Hostname").filter(|name| !name.eq_ignore_ascii_case("unknown")),
        helo: filled("Helo"),
        user: filled("User").filter(|_| kind != http::Kind::Spamc),
        queue_id: filled("Queue-Id"),
        deliver_to: headers.last("Deliver-To").map(bare).filter(|v| !v.is_empty()).map(str::to_owned),
        mta_name: filled("MTA-Name"),
        mta_tag: filled("MTA-Tag"),
        tls_version: filled("TLS-Version"),
        tls_cipher: text("TLS-Cipher"),
        ..Envelope::default()
    };
    for sender in headers.all("From").map(mailbox).map(SmtpPath::new) {
        // One that cannot be read counts as none, and as broken headers.
        envelope.broken |= !sender.valid;
        envelope.sender = Some(sender).filter(|s| s.valid);
    }
    for line in headers.all("Rcpt") {
        let items = split_list(line);
        let last = items.len().saturating_sub(1);
        for (place, item) in items.into_iter().enumerate() {
            let recipient = mailbox(item);
            if item.is_empty() {
                envelope.broken |= place != last;
            } else if SmtpPath::new(recipient).valid {
                envelope.add_recipient(recipient, max_recipients);
            } else {
                envelope.broken = true;
            }
        }
    }
    let open = |name: &str| !SECRET.iter().any(|s| s.eq_ignore_ascii_case(name));
    let lines = headers.iter().filter(|(name, _)| open(name));
    envelope.extra = lines.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    envelope
}

/// A client address. A unix path is nobody; nonsense is too, and said in the log.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('/') || text.starts_with("unix:") {
        return None;
    }
    let plain = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let plain = plain.strip_prefix("IPv6:").unwrap_or(plain);
    let parsed = plain.parse::<IpAddr>().ok();
    let parsed = parsed
        .or_else(|| text.parse::<SocketAddr>().ok().map(|both| both.ip()))
        .map(|ip| ip.to_canonical());
    if parsed.is_none() {
        tracing::warn!("cannot read the client address {text:?} of a scan request, going on without");
    }
    parsed
}

/// Without blanks and angle brackets around it.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '<' || c == '>')
}

/// Splits at commas outside of quotation marks; inside, a backslash protects what follows.
fn split_list(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                items.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(text.get(start..).unwrap_or_default());
    items.into_iter().map(str::trim).collect()
}

/// The path in front of ESMTP parameters, without a source route (RFC 5321 4.1.2 has servers ignore it).
fn mailbox(text: &str) -> &str {
    let text = text.trim();
    let (mut quoted, mut escaped) = (false, false);
    let end = text.find(|c: char| {
        let ends = c == ' ' && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        ends
    });
    let path = text.get(..end.unwrap_or(text.len())).unwrap_or(text);
    let address = path.strip_prefix('<').and_then(|p| p.strip_suffix('>')).unwrap_or(path);
    match address.strip_prefix('@').and_then(|route| route.split_once(':')) {
        Some((_, behind)) => behind,
        None => path,
    }
}

fn settings(headers: &http::Headers) -> Settings {
    if let Some(text) = headers.get("Settings") {
        match Settings::parse(text) {
            Ok(settings) => return settings,
            Err(error) => tracing::warn!("{error}; scanning without them"),
        }
    }
    if let Some(id) = headers.get("Settings-ID") {
        tracing::warn!("no settings are called {id:?}, scanning with the usual ones");
    }
    let number = |name: &str| headers.get(name).and_then(|v| v.trim().parse::<f64>().ok());
    let (reject, soft) = (number("Maxscore"), number("Softscore"));
    if reject.is_none() && soft.is_none() {
        return Settings::default();
    }
    Settings::with_scores(reject, soft)
}

fn flags(headers: &http::Headers) -> Flags {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|v| v.trim().eq_ignore_ascii_case(value));
    let mut flags = Flags::default();
    for name in headers.all("Flags").flat_map(|line| line.split(',')).map(str::trim_start) {
        if !name.is_empty() && !flags.set(name) {
            tracing::warn!("a scan request has the unknown flag {name:?}");
        }
    }
    flags.pass_all |= is("Pass", "all");
    flags.no_log |= is("Log", "no");
    flags.raw |= is("Raw", "yes");
    flags.ext_urls |= is("URL-Format", "extended");
    flags.milter |= headers.has("Milter");
    flags.profile |= headers.has("Profile");
    // Nothing is delivered for a person at the command line. The name counts as the peer takes it, case and all.
    flags.by_hand |= matches!(headers.get("User-Agent"), Some("rspamc" | "torwart")) || headers.has("Password");
    flags
}

/// The id in the log: the client's `Log-Tag`, else a random one.
fn id(headers: &http::Headers) -> String {
    let tag = headers.get("Log-Tag").unwrap_or_default();
    let tag: String = tag.chars().filter(|c| !c.is_control()).take(LONGEST_ID).collect();
    if !tag.is_empty() {
        return tag;
    }
    let random = std::hash::RandomState::new().build_hasher().finish();
    format!("{:06x}", random & 0xff_ffff)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;

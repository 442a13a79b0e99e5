//! What the MTA knows of a message besides its bytes. No opinion, no parsing of mail.

use std::net::IpAddr;

/// An SMTP path as given, with or without brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SmtpPath {
    /// As received, brackets and all.
    pub raw: String,
    /// Without brackets; empty for the null sender.
    pub address: String,
    /// It is a valid mailbox, or the null sender.
    pub valid: bool,
}

impl SmtpPath {
    /// Reads a path: trims blanks and one pair of brackets, and judges the rest by RFC 5321 (UTF-8 allowed).
    pub fn new(raw: &str) -> SmtpPath {
        let trimmed = raw.trim();
        let address = trimmed
            .strip_prefix('<')
            .and_then(|t| t.strip_suffix('>'))
            .unwrap_or(trimmed)
            .trim();
        let valid = address.is_empty() || super::address::is_smtp_address(address);
        SmtpPath {
            raw: raw.to_owned(),
            address: address.to_owned(),
            valid,
        }
    }

    /// How a header may be meant: all of it, or its first word where others follow.
    pub(super) fn written(text: &str) -> [SmtpPath; 2] {
        let text = text.trim();
        let ends = |c: char| if text.starts_with('<') { c == '>' } else { c.is_ascii_whitespace() };
        let end = text.find(ends).map_or(text.len(), |at| at + 1);
        [text, text.get(..end).unwrap_or(text)].map(SmtpPath::new)
    }

    /// Part before the last `@`; all of it without one.
    pub fn local(&self) -> &str {
        self.address.rsplit_once('@').map_or(self.address.as_str(), |(l, _)| l)
    }

    /// Part behind the last `@`; empty without one.
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, d)| d)
    }
}

/// Client, session and envelope of one message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Envelope {
    /// Address of the SMTP client.
    pub ip: Option<IpAddr>,
    /// Its name from reverse lookup, `None` where unknown.
    pub hostname: Option<String>,
    /// HELO or EHLO argument.
    pub helo: Option<String>,
    /// MAIL FROM; `None` where the client said nothing, an empty address for the null sender.
    pub sender: Option<SmtpPath>,
    /// RCPT TO in order, at most `scan.max_recipients`.
    pub recipients: Vec<SmtpPath>,
    /// How many recipients were given in all.
    pub recipient_count: usize,
    /// Authenticated user.
    pub user: Option<String>,
    /// Queue id of the MTA.
    pub queue_id: Option<String>,
    /// Final delivery user.
    pub deliver_to: Option<String>,
    /// Name of the MTA, for Authentication-Results.
    pub mta_name: Option<String>,
    /// Its tag.
    pub mta_tag: Option<String>,
    /// TLS version of the SMTP session.
    pub tls_version: Option<String>,
    /// TLS cipher of the SMTP session; its presence means TLS.
    pub tls_cipher: Option<String>,
    /// Any other request header or macro, name and value, in order.
    pub extra: Vec<(String, String)>,
    /// An address given here could not be read: adds to BROKEN_HEADERS.
    pub broken: bool,
}

impl Envelope {
    /// Adds a recipient, keeping the first `limit` and counting all.
    pub fn add_recipient(&mut self, raw: &str, limit: usize) {
        self.recipient_count += 1;
        if self.recipients.len() < limit {
            self.recipients.push(SmtpPath::new(raw));
        }
    }

    /// First value of an extra header, its name in any case.
    pub fn extra(&self, name: &str) -> Option<&str> {
        self.extra
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }
}

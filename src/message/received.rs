//! Received headers: who handed the message to whom. Trust is not judged here.

use super::date;
use super::envelope::Envelope;
use super::mail::Mail;
use std::net::IpAddr;

/// One hop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// What the client called itself.
    pub from_host: String,
    /// Its real name, from the comment.
    pub real_host: String,
    /// Its real address, from the comment or brackets.
    pub real_ip: Option<IpAddr>,
    /// Who wrote this header.
    pub by_host: String,
    /// The word behind `with`, lower case; empty where it is no known protocol.
    pub proto: String,
    /// The protocol says TLS.
    pub tls: bool,
    /// The protocol says that the client had authenticated.
    pub authenticated: bool,
    /// The address behind `for`, without brackets; the last where there are several.
    pub for_addr: Option<String>,
    /// The date behind `;`.
    pub timestamp: Option<i64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Clause {
    None,
    From,
    By,
    With,
    For,
    Other,
    /// Something unknown came: the peer reads no further, but for the date.
    Stopped,
}

/// Words that are taken for a protocol; any other leaves it unknown.
const PROTOCOLS: [&str; 11] = [
    "smtp", "esmtp", "esmtpa", "esmtps", "esmtpsa", "lmtp", "imap", "imaps", "http", "https", "local",
];

const LONGEST_KEYWORD: usize = 4;

fn keyword(word: &str) -> Option<Clause> {
    const WORDS: [(&str, Clause); 6] = [
        ("from", Clause::From),
        ("by", Clause::By),
        ("with", Clause::With),
        ("for", Clause::For),
        ("id", Clause::Other),
        ("via", Clause::Other),
    ];
    if word.len() > LONGEST_KEYWORD {
        return None;
    }
    WORDS.iter().find(|(w, _)| word.eq_ignore_ascii_case(w)).map(|(_, c)| *c)
}

/// A piece of the header: a word, or what stands in brackets.
enum Token<'t> {
    Word(&'t str),
    Comment(&'t str),
    /// A comment without end.
    Open,
    Date(&'t str),
}

struct Tokens<'t>(&'t str);

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        let text = self.0.trim_start();
        let first = text.bytes().next()?;
        let split = |at: usize| text.split_at_checked(at).unwrap_or((text, ""));
        match first {
            b';' => {
                self.0 = "";
                Some(Token::Date(split(1).1))
            }
            b'(' => {
                let Some(end) = comment_end(text) else {
                    self.0 = "";
                    return Some(Token::Open);
                };
                self.0 = split(end).1;
                let inside = split(end).0;
                let inside = inside.strip_prefix('(').unwrap_or(inside);
                Some(Token::Comment(inside.strip_suffix(')').unwrap_or(inside).trim()))
            }
            _ => {
                let ends = |b: u8| b.is_ascii_whitespace() || matches!(b, b'(' | b';');
                let end = text.bytes().position(ends).unwrap_or(text.len());
                self.0 = split(end).1;
                Some(Token::Word(split(end).0))
            }
        }
    }
}

/// Whether the header may end here.
#[derive(Default)]
struct Ending {
    /// A keyword awaits its value.
    awaits: bool,
    /// Words in a row that nobody expects.
    strange: usize,
}

impl Ending {
    fn after(&mut self, token: &Token<'_>) {
        *self = match token {
            Token::Word(_) if self.awaits => Ending::default(),
            Token::Word(word) if keyword(word).is_some() => Ending { awaits: true, strange: 0 },
            Token::Word(_) => Ending {
                awaits: false,
                strange: self.strange + 1,
            },
            Token::Comment(_) | Token::Open => Ending { strange: 0, ..*self },
            Token::Date(_) => Ending::default(),
        };
    }
}

/// Where a comment that begins at 0 ends.
fn comment_end(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for at in memchr::memchr2_iter(b'(', b')', text.as_bytes()) {
        if text.as_bytes().get(at) == Some(&b'(') {
            depth += 1;
            continue;
        }
        depth = depth.saturating_sub(1);
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Reads a decoded value; `None` where it does not count: behind leading comments it must begin with `from` or `by`, no comment may
/// stay open, and where no date follows it may end neither in a keyword nor in a single word that nobody expects.
pub fn read(value: &str) -> Option<Received> {
    let mut out = Received::default();
    let mut clause = Clause::None;
    let mut fresh = false;
    let mut commented = false;
    let mut ending = Ending::default();
    for token in Tokens(value) {
        ending.after(&token);
        match token {
            Token::Word(word) => match keyword(word) {
                Some(next) if clause != Clause::Stopped && !(fresh && matches!(clause, Clause::From | Clause::By)) => {
                    if clause == Clause::None && !matches!(next, Clause::From | Clause::By) {
                        return None;
                    }
                    clause = next;
                    fresh = true;
                }
                _ if clause == Clause::None => return None,
                _ => {
                    if !out.word(clause, word, fresh) {
                        clause = Clause::Stopped;
                    }
                    fresh = false;
                }
            },
            Token::Comment(text) if clause == Clause::From && !commented => {
                commented = true;
                out.peer(text);
            }
            Token::Comment(_) => {}
            Token::Open => return None,
            Token::Date(text) => out.timestamp = date::read(text).ok(),
        }
    }
    if ending.awaits || ending.strange == 1 {
        return None;
    }
    if out.real_ip.is_none() {
        out.real_ip = literal(&out.from_host);
        if out.real_ip.is_none() {
            out.real_host.clone_from(&out.from_host);
        }
    }
    (clause != Clause::None).then_some(out)
}

/// A host name in lower case; nothing where it is none.
fn host(word: &str) -> String {
    let name = word
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_') || b >= 0x80);
    if name { word.to_ascii_lowercase() } else { String::new() }
}

/// An address with or without brackets.
fn literal(text: &str) -> Option<IpAddr> {
    bracketed(text).or_else(|| text.parse().ok())
}

impl Received {
    /// A word of a clause; false where it has no place there. `from name [address]` is how fetchmail writes.
    fn word(&mut self, clause: Clause, word: &str, first: bool) -> bool {
        match (clause, first) {
            (Clause::From, true) => {
                self.from_host = match bracketed(word) {
                    Some(ip) => ip.to_string(),
                    None => host(word),
                };
            }
            (Clause::From, false) => match bracketed(word) {
                Some(ip) => {
                    self.real_ip = Some(ip);
                    self.real_host.clone_from(&self.from_host);
                }
                None => return false,
            },
            (Clause::By, true) => self.by_host = host(word),
            (Clause::With, true) => self.protocol(word),
            (Clause::By | Clause::With, false) => return false,
            (Clause::For, true) => {
                let word = word.trim_matches(|c| matches!(c, '<' | '>' | ';' | ','));
                self.for_addr = (!word.is_empty()).then(|| word.to_ascii_lowercase());
            }
            _ => {}
        }
        true
    }

    fn protocol(&mut self, word: &str) {
        let word = word.to_ascii_lowercase();
        let plain = word.strip_prefix("utf8").unwrap_or(&word);
        self.tls = matches!(plain, "esmtpsa" | "esmtps" | "imaps" | "https");
        self.authenticated = matches!(plain, "esmtpsa" | "esmtpa");
        if PROTOCOLS.contains(&plain) {
            self.proto = word;
        }
    }

    /// What the first comment behind `from` says: `name [address]`, `user@name [address]`, `[address]`, `address`.
    fn peer(&mut self, text: &str) {
        let (name, ip) = match text.split_once('[') {
            Some((name, _)) => (name.trim(), text.get(name.len()..).and_then(bracketed)),
            None => ("", text.split_ascii_whitespace().next().and_then(bare)),
        };
        if ip.is_some() {
            self.real_ip = ip;
            // A name without a dot (`localhost`, `unknown`) is no real name.
            self.real_host = if name.contains('.') { host(name) } else { String::new() };
        }
    }
}

/// An address without brackets; one of version 4 may have a port.
fn bare(word: &str) -> Option<IpAddr> {
    let without_port = || word.split_once(':').and_then(|(ip, _)| ip.parse::<std::net::Ipv4Addr>().ok());
    word.parse().ok().or_else(|| without_port().map(IpAddr::V4))
}

/// `[192.0.2.1]`, `[IPv6:2001:db8::1]`, anything behind the bracket ignored.
fn bracketed(text: &str) -> Option<IpAddr> {
    let inside = text.strip_prefix('[')?;
    let inside = inside.split(']').next()?;
    inside.strip_prefix("IPv6:").unwrap_or(inside).parse().ok()
}

/// Address of the client: as the MTA gave it, else of the newest header, as the peer has it.
pub fn client(mail: &Mail<'_>, envelope: &Envelope) -> Option<IpAddr> {
    let written = || mail.received().first().and_then(|r| r.real_ip);
    envelope.ip.or_else(written).map(|ip| ip.to_canonical())
}

/// The chain as rules see it: that of the message, and where the session knows better the hop on top that no header tells of.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'m> {
    /// The headers that count, newest first.
    pub headers: &'m [Received],
    /// The session, where the newest header is of another client than the one that is connected.
    pub top: Option<&'m Envelope>,
}

/// Puts the chain together; nothing is copied. Which rules count the hop on top is theirs to decide (3.4 does, 4.1 does not).
pub fn chain<'m>(mail: &'m Mail<'_>, envelope: &'m Envelope) -> Chain<'m> {
    let headers = mail.received();
    let newest = headers.first().map(|r| r.real_ip.map(|ip| ip.to_canonical()));
    let client = envelope.ip.map(|ip| ip.to_canonical());
    let other = client.is_some() && newest.is_some_and(|known| known != client);
    Chain {
        headers,
        top: other.then_some(envelope),
    }
}

/// One hop as far as encryption goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop<'m> {
    /// Who took the message; `None` where unknown.
    pub by_host: Option<&'m str>,
    /// It came through TLS.
    pub tls: bool,
    /// The client had authenticated.
    pub authenticated: bool,
}

impl<'m> Chain<'m> {
    /// Every hop, newest first, the one on top included.
    pub fn hops(self) -> impl Iterator<Item = Hop<'m>> {
        let top = self.top.map(|envelope| Hop {
            by_host: envelope.mta_name.as_deref(),
            // A version alone does not count: the peer looks at the cipher.
            tls: envelope.tls_cipher.is_some(),
            authenticated: envelope.user.is_some(),
        });
        let written = self.headers.iter().map(|r| Hop {
            by_host: Some(r.by_host.as_str()).filter(|h| !h.is_empty()),
            tls: r.tls,
            authenticated: r.authenticated,
        });
        top.into_iter().chain(written)
    }
}

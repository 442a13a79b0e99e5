//! The machine: bytes of an MTA in, events for the caller and bytes for the MTA out. No socket, no clock, no opinion on mail.
//!
//! libmilter closes on a command that does not fit its state table; MTAs and libraries differ too much for that. Here any
//! order goes once the negotiation is done, and what is missing is taken as empty.

use std::net::IpAddr;

use bytes::{Buf, Bytes, BytesMut};

use super::codec::{Client, Command, Response};
use super::edit::{self, Answer, Reply};
use super::frame;
use super::limits::Limits;
use super::macros::Macros;
use super::negotiate::{NEWEST, OLDEST, Offer, Terms, step};
use super::transaction::{Draft, Transaction};

/// What the caller has to do.
#[derive(Debug)]
pub enum Event {
    /// Judge this message, then call `answer`.
    Scan(Box<Transaction>),
    /// The message being judged is no longer wanted: drop the scan.
    Aborted,
    /// The MTA said goodbye: write the output, close.
    Close,
    /// A health check by HTTP was answered: write the output, close.
    HttpPing,
    /// The peer does not speak our protocol, and here is why: close.
    Broken(String),
}

/// Longest HTTP request that is read before giving up on it.
const HTTP_REQUEST: usize = 8192;
/// Answer to `GET /ping`.
const PONG: &[u8] =
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nServer: torwart\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\npong\r\n";

/// Where the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Commands are taken.
    Open,
    /// A message is being judged; only the end of it or of the session is taken.
    Scanning,
    /// Over.
    Closed,
}

/// The facts of the SMTP connection; they hold for all its messages.
#[derive(Debug, Default)]
struct Connection {
    hostname: Option<String>,
    ip: Option<IpAddr>,
    helo: Option<String>,
}

/// One milter session.
#[derive(Debug)]
pub struct Session {
    limits: Limits,
    phase: Phase,
    terms: Option<Terms>,
    input: BytesMut,
    output: BytesMut,
    macros: Macros,
    connection: Connection,
    draft: Option<Draft>,
    /// Headers of the message being judged, for the edits.
    head: Bytes,
    header_count: usize,
    packets: u64,
    messages: u64,
}

impl Session {
    /// A session before its first byte.
    pub fn new(limits: Limits) -> Session {
        Session {
            limits,
            phase: Phase::Open,
            terms: None,
            input: BytesMut::new(),
            output: BytesMut::new(),
            macros: Macros::default(),
            connection: Connection::default(),
            draft: None,
            head: Bytes::new(),
            header_count: 0,
            packets: 0,
            messages: 0,
        }
    }

    /// Takes bytes of the peer. Call `next_event` until it has no more.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// The buffer that `receive` appends to, for reading into it directly.
    pub fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Bytes known to be missing of the packet in progress.
    pub fn missing(&self) -> usize {
        frame::missing(&self.input, self.limits.packet)
    }

    /// Bytes for the peer; take what was written.
    pub fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Works through what came until something is to be done.
    pub fn next_event(&mut self) -> Option<Event> {
        let mut input = std::mem::take(&mut self.input);
        let event = self.work(&mut input);
        self.input = input;
        event
    }

    /// A message is being judged.
    pub fn scanning(&self) -> bool {
        self.phase == Phase::Scanning
    }

    /// Number of the packet that has begun and is not complete; nothing while a scan runs.
    pub fn packet_begun(&self) -> Option<u64> {
        (self.phase == Phase::Open && !self.input.is_empty()).then_some(self.packets)
    }

    /// Number of the message that has begun and is not complete.
    pub fn message_begun(&self) -> Option<u64> {
        self.draft.as_ref().map(|_| self.messages)
    }

    /// Messages begun so far.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Says that the scan still runs.
    pub fn progress(&mut self) {
        if self.phase == Phase::Scanning {
            Response::Progress.encode(&mut self.output);
        }
    }

    /// Answers the message being judged; without one (it was aborted) nothing happens. Gives the edits that were left out
    /// because the MTA had not granted them.
    pub fn answer(&mut self, answer: Answer) -> Vec<&'static str> {
        let (Phase::Scanning, Some(terms)) = (self.phase, self.terms) else {
            return Vec::new();
        };
        let left_out = edit::write(answer, &terms, &self.head, self.header_count, &mut self.output);
        self.end_message();
        left_out
    }

    /// Answers whatever message there is by a temporary failure, even one that has not ended: the MTA reads it as the reply
    /// to its next command.
    pub fn give_up(&mut self) {
        if self.phase == Phase::Scanning {
            self.answer(Reply::TempFail.into());
        } else if self.draft.take().is_some() {
            Response::TempFail.encode(&mut self.output);
        }
    }

    fn work(&mut self, input: &mut BytesMut) -> Option<Event> {
        loop {
            if self.phase == Phase::Closed {
                input.clear();
                return None;
            }
            if self.terms.is_none() && input.first().is_some_and(u8::is_ascii_alphabetic) {
                // A length of a gigabyte and more: this is text, and HTTP is the text we know.
                return self.http(input);
            }
            let packet = match frame::peek(input, self.limits.packet) {
                Ok(Some(packet)) => packet,
                Ok(None) => return None,
                Err(error) => return Some(self.broken(error)),
            };
            if self.phase == Phase::Scanning && !matches!(packet.command, b'A' | b'Q' | b'K') {
                // What a pipelining MTA says already about its next message waits for the end of this one.
                return None;
            }
            let total = packet.total;
            let event = match Command::decode(packet.command, packet.payload) {
                Ok(command) => self.obey(command),
                Err(error) => Some(self.broken(error)),
            };
            input.advance(total);
            self.packets += 1;
            if event.is_some() {
                return event;
            }
        }
    }

    fn obey(&mut self, command: Command<'_>) -> Option<Event> {
        let terms = match (self.terms, command) {
            (_, Command::Negotiate(offer)) => return self.negotiate(offer),
            (_, Command::Quit) => {
                self.phase = Phase::Closed;
                return Some(Event::Close);
            }
            (Some(terms), _) => terms,
            (None, _) => return Some(self.broken("a command before the negotiation")),
        };
        let silent = match command {
            Command::Macros { stage, pairs } => {
                self.macros.take(stage, pairs, &self.limits);
                return None;
            }
            Command::Abort => return self.abort(),
            Command::QuitNewConnection => {
                let event = self.abort();
                self.macros.end_connection();
                self.connection = Connection::default();
                return event;
            }
            Command::EndOfBody(bytes) => return Some(self.complete(bytes)),
            Command::Connect { host, client } => {
                if let Err(event) = self.connect(host, client) {
                    return Some(event);
                }
                step::NO_REPLY_CONNECT
            }
            Command::Helo(name) => {
                self.connection.helo = text(name);
                step::NO_REPLY_HELO
            }
            Command::Mail { path, parameters } => {
                // Without ABORT before it too: the message before is over, whatever became of it.
                self.draft = None;
                self.with_draft(|draft, limits| draft.mail(path, parameters, limits));
                step::NO_REPLY_MAIL
            }
            Command::Rcpt { path, parameters } => {
                self.with_draft(|draft, limits| draft.rcpt(path, parameters, limits));
                step::NO_REPLY_RCPT
            }
            Command::Data => step::NO_REPLY_DATA,
            Command::Unknown(_) => step::NO_REPLY_UNKNOWN,
            Command::Header { name, value } => {
                if name.iter().any(|b| matches!(b, b'\r' | b'\n')) {
                    return Some(self.broken("a header name with a line end"));
                }
                self.with_draft(|draft, limits| draft.header(name, value, terms.leading_blank(), limits));
                step::NO_REPLY_HEADER
            }
            Command::EndOfHeaders => {
                self.with_draft(|draft, _| draft.end_of_headers());
                step::NO_REPLY_END_OF_HEADERS
            }
            Command::Body(bytes) => {
                self.with_draft(|draft, limits| draft.body(bytes, limits));
                let enough = self.draft.as_ref().is_some_and(Draft::oversize);
                if enough && terms.has(step::SKIP) && !terms.has(step::NO_REPLY_BODY) {
                    Response::Skip.encode(&mut self.output);
                    return None;
                }
                step::NO_REPLY_BODY
            }
            Command::Negotiate(_) | Command::Quit => return None,
        };
        if !terms.has(silent) {
            Response::Continue.encode(&mut self.output);
        }
        None
    }

    /// OPTNEG, the first or any later one: each is answered, the last one holds.
    fn negotiate(&mut self, offer: Offer) -> Option<Event> {
        let Some(terms) = Terms::agree(offer) else {
            let reason = format!(
                "protocol version {} offered, versions {OLDEST} to {NEWEST} are spoken here",
                offer.version
            );
            return Some(self.broken(reason));
        };
        Response::Negotiate(terms.offer()).encode(&mut self.output);
        self.terms = Some(terms);
        None
    }

    fn connect(&mut self, host: &[u8], client: Client<'_>) -> Result<(), Event> {
        let ip = match client {
            Client::Unknown | Client::Unix { .. } => None,
            Client::V4 { address, .. } | Client::V6 { address, .. } => match address_of(address) {
                Some(ip) => Some(ip),
                None => return Err(self.broken(format!("connect with the address '{}'", address.escape_ascii()))),
            },
        };
        self.connection.ip = ip;
        self.connection.hostname = hostname_of(host);
        Ok(())
    }

    /// E: the message is handed out.
    fn complete(&mut self, last: &[u8]) -> Event {
        self.with_draft(|draft, limits| draft.body(last, limits));
        let mut transaction = self.draft.take().unwrap_or_default().finish();
        self.complete_envelope(&mut transaction);
        self.head = transaction.raw.slice(..transaction.header_length.min(transaction.raw.len()));
        self.header_count = transaction.header_count;
        self.phase = Phase::Scanning;
        Event::Scan(Box::new(transaction))
    }

    /// What the connection and the macros say of the message.
    fn complete_envelope(&self, transaction: &mut Transaction) {
        let value = |name: &str| self.macros.value(name).map(str::to_owned);
        let envelope = &mut transaction.envelope;
        envelope.ip = self.connection.ip;
        envelope.helo = self.connection.helo.clone();
        let told = || self.macros.value("client_name").and_then(|name| hostname_of(name.as_bytes()));
        envelope.hostname = self.connection.hostname.clone().or_else(told);
        envelope.queue_id = value("i");
        envelope.mta_name = value("daemon_name").or_else(|| value("j"));
        envelope.tls_version = value("tls_version");
        envelope.tls_cipher = value("cipher");
        let issuer = value("cert_issuer");
        let certified = issuer.is_some() && issuer == self.limits.client_ca;
        envelope.user = value("auth_authen").or_else(|| value("cert_subject").filter(|_| certified));
        let extra = [
            ("User-Agent", value("v")),
            ("Mailer", value("rcpt_mailer")),
            ("TLS-Cert-Issuer", issuer),
        ];
        envelope
            .extra
            .extend(extra.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }

    /// A: the message is forgotten, at any stage of it; harmless without one.
    fn abort(&mut self) -> Option<Event> {
        let scanning = self.scanning();
        self.end_message();
        scanning.then_some(Event::Aborted)
    }

    fn end_message(&mut self) {
        self.phase = Phase::Open;
        self.draft = None;
        self.head = Bytes::new();
        self.header_count = 0;
        self.macros.end_message();
    }

    /// Acts on the message in the making; it begins now if nothing of it was heard before.
    fn with_draft(&mut self, act: impl FnOnce(&mut Draft, &Limits)) {
        let draft = self.draft.get_or_insert_with(|| {
            self.messages += 1;
            Draft::default()
        });
        act(draft, &self.limits);
    }

    /// Nothing more is read from this peer.
    fn broken(&mut self, reason: impl ToString) -> Event {
        self.phase = Phase::Closed;
        self.draft = None;
        Event::Broken(reason.to_string())
    }

    /// Somebody speaks text to us. `GET /ping` is answered once the request is complete; all else is not for us.
    fn http(&mut self, input: &[u8]) -> Option<Event> {
        const PING: &[u8] = b"GET /ping";
        let known = input.len().min(PING.len());
        if input.get(..known) != PING.get(..known) || !matches!(input.get(PING.len()), None | Some(b' ' | b'?' | b'\r' | b'\n')) {
            let first_line = input.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
            let shown = first_line.get(..first_line.len().min(40)).unwrap_or_default();
            return Some(self.broken(format!("not a milter client: it said '{}'", shown.escape_ascii())));
        }
        let complete = input.windows(4).any(|w| w == b"\r\n\r\n") || input.windows(2).any(|w| w == b"\n\n");
        if complete {
            self.output.extend_from_slice(PONG);
            self.phase = Phase::Closed;
            return Some(Event::HttpPing);
        }
        (input.len() > HTTP_REQUEST).then(|| self.broken("endless HTTP request"))
    }
}

/// Longest name of a host that is kept.
const NAME: usize = 4096;

/// Text of the peer, `None` where there is none. What cannot be read becomes replacement characters.
fn text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.get(..NAME).unwrap_or(bytes);
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// A host name; MTAs write `unknown`, nothing, or the address in brackets where they have none.
fn hostname_of(host: &[u8]) -> Option<String> {
    let unknown = host.eq_ignore_ascii_case(b"unknown") || host.starts_with(b"[");
    text(host).filter(|_| !unknown)
}

/// An address: with Sendmail's `IPv6:`, in brackets, or plain; IPv4 inside IPv6 is IPv4.
fn address_of(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let text = match text.split_at_checked(5) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("IPv6:") => rest,
        _ => text,
    };
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

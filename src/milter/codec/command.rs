//! What an MTA says.

use bytes::BytesMut;

use super::super::frame;
use super::super::negotiate::Offer;
use super::{leading_string, offer_bytes, read_offer, split_string};

/// Where the SMTP client is, as CONNECT tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client<'a> {
    /// The MTA does not know.
    Unknown,
    /// A unix socket.
    Unix {
        /// Always 0.
        port: u16,
        /// Its path.
        path: &'a [u8],
    },
    /// IPv4, by family `4`.
    V4 {
        /// Port, 0 where there was none.
        port: u16,
        /// Address as text.
        address: &'a [u8],
    },
    /// IPv6, by family `6`.
    V6 {
        /// Port, 0 where there was none.
        port: u16,
        /// Address as text, with Sendmail behind `IPv6:`.
        address: &'a [u8],
    },
}

/// A command of the MTA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// O: what the MTA offers.
    Negotiate(Offer),
    /// D: macros for a stage; name NUL value NUL, any number of times.
    Macros {
        /// Command that they belong to.
        stage: u8,
        /// An even number of strings.
        pairs: &'a [u8],
    },
    /// C: a client came.
    Connect {
        /// Its name.
        host: &'a [u8],
        /// Its address.
        client: Client<'a>,
    },
    /// H: its greeting.
    Helo(&'a [u8]),
    /// M: sender and parameters, the latter with their NULs.
    Mail {
        /// As typed.
        path: &'a [u8],
        /// The ESMTP parameters.
        parameters: &'a [u8],
    },
    /// R: a recipient and parameters.
    Rcpt {
        /// As typed.
        path: &'a [u8],
        /// The ESMTP parameters.
        parameters: &'a [u8],
    },
    /// T: the message comes.
    Data,
    /// U: an SMTP command that the MTA did not know.
    Unknown(&'a [u8]),
    /// L: one header.
    Header {
        /// Without colon.
        name: &'a [u8],
        /// Without final line end; folds are LF.
        value: &'a [u8],
    },
    /// N: no more headers.
    EndOfHeaders,
    /// B: a piece of the body.
    Body(&'a [u8]),
    /// E: the message is complete, perhaps with a last piece.
    EndOfBody(&'a [u8]),
    /// A: forget the message.
    Abort,
    /// Q: the end.
    Quit,
    /// K: the end of this client, another one follows.
    QuitNewConnection,
}

/// A packet that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No such command or reply.
    #[error("unknown packet type 0x{0:02x}")]
    Type(u8),
    /// The data ends too early.
    #[error("{0} packet is too short")]
    Short(&'static str),
    /// A string without its NUL.
    #[error("{0} packet lacks a NUL")]
    Unterminated(&'static str),
    /// An address family that the protocol does not have.
    #[error("unknown address family 0x{0:02x}")]
    Family(u8),
}

impl<'a> Command<'a> {
    /// Reads a packet.
    pub fn decode(command: u8, payload: &'a [u8]) -> Result<Command<'a>, Malformed> {
        Ok(match command {
            b'O' => Command::Negotiate(read_offer(payload).ok_or(Malformed::Short("negotiation"))?.0),
            b'D' => return macros(payload),
            b'C' => return connect(payload),
            b'H' => Command::Helo(leading_string(payload)),
            b'M' => {
                let (path, parameters) = split_string(payload).unwrap_or((payload, b""));
                Command::Mail { path, parameters }
            }
            b'R' => {
                let (path, parameters) = split_string(payload).unwrap_or((payload, b""));
                Command::Rcpt { path, parameters }
            }
            b'T' => Command::Data,
            b'U' => Command::Unknown(leading_string(payload)),
            b'L' => {
                let (name, rest) = split_string(payload).ok_or(Malformed::Unterminated("header"))?;
                let value = rest.strip_suffix(b"\0").ok_or(Malformed::Unterminated("header"))?;
                Command::Header { name, value }
            }
            b'N' => Command::EndOfHeaders,
            b'B' => Command::Body(payload),
            b'E' => Command::EndOfBody(payload),
            b'A' => Command::Abort,
            b'Q' => Command::Quit,
            b'K' => Command::QuitNewConnection,
            other => return Err(Malformed::Type(other)),
        })
    }

    /// Writes the packet.
    pub fn encode(&self, out: &mut BytesMut) {
        match *self {
            Command::Negotiate(offer) => {
                let [version, actions, protocol] = offer_bytes(&offer);
                frame::put(out, b'O', &[&version, &actions, &protocol]);
            }
            Command::Macros { stage, pairs } => frame::put(out, b'D', &[&[stage], pairs]),
            Command::Connect { host, client } => match client {
                Client::Unknown => frame::put(out, b'C', &[host, b"\0U"]),
                Client::Unix { port, path } => frame::put(out, b'C', &[host, b"\0L", &port.to_be_bytes(), path, b"\0"]),
                Client::V4 { port, address } => frame::put(out, b'C', &[host, b"\x004", &port.to_be_bytes(), address, b"\0"]),
                Client::V6 { port, address } => frame::put(out, b'C', &[host, b"\x006", &port.to_be_bytes(), address, b"\0"]),
            },
            Command::Helo(name) => frame::put(out, b'H', &[name, b"\0"]),
            Command::Mail { path, parameters } => frame::put(out, b'M', &[path, b"\0", parameters]),
            Command::Rcpt { path, parameters } => frame::put(out, b'R', &[path, b"\0", parameters]),
            Command::Data => frame::put(out, b'T', &[]),
            Command::Unknown(line) => frame::put(out, b'U', &[line, b"\0"]),
            Command::Header { name, value } => frame::put(out, b'L', &[name, b"\0", value, b"\0"]),
            Command::EndOfHeaders => frame::put(out, b'N', &[]),
            Command::Body(bytes) => frame::put(out, b'B', &[bytes]),
            Command::EndOfBody(bytes) => frame::put(out, b'E', &[bytes]),
            Command::Abort => frame::put(out, b'A', &[]),
            Command::Quit => frame::put(out, b'Q', &[]),
            Command::QuitNewConnection => frame::put(out, b'K', &[]),
        }
    }
}

/// Macros: a stage, then pairs. An empty name or value is fine (Postfix and Sendmail both send some), half a pair is not.
fn macros(payload: &[u8]) -> Result<Command<'_>, Malformed> {
    let (stage, pairs) = payload.split_first().ok_or(Malformed::Short("macro"))?;
    let strings = pairs.iter().filter(|b| **b == 0).count();
    if !pairs.is_empty() && (pairs.last() != Some(&0) || strings % 2 != 0) {
        return Err(Malformed::Unterminated("macro"));
    }
    Ok(Command::Macros { stage: *stage, pairs })
}

/// Host, family, and for most families port and address.
fn connect(payload: &[u8]) -> Result<Command<'_>, Malformed> {
    let (host, rest) = split_string(payload).ok_or(Malformed::Unterminated("connect"))?;
    let (family, rest) = rest.split_first().ok_or(Malformed::Short("connect"))?;
    if *family == b'U' {
        let client = Client::Unknown;
        return Ok(Command::Connect { host, client });
    }
    if !matches!(family, b'L' | b'4' | b'6') {
        return Err(Malformed::Family(*family));
    }
    let (port, rest) = rest.split_first_chunk::<2>().ok_or(Malformed::Short("connect"))?;
    let port = u16::from_be_bytes(*port);
    let (address, _) = split_string(rest).ok_or(Malformed::Unterminated("connect"))?;
    let client = match family {
        b'L' => Client::Unix { port, path: address },
        b'4' => Client::V4 { port, address },
        _ => Client::V6 { port, address },
    };
    Ok(Command::Connect { host, client })
}

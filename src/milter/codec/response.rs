//! What a filter says. Reading it serves tests that act as the MTA.

use bytes::BytesMut;

use super::super::frame;
use super::super::negotiate::Offer;
use super::command::Malformed;
use super::{leading_string, offer_bytes, read_offer, split_string};

/// A packet of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response<'a> {
    /// O: what the filter wants.
    Negotiate(Offer),
    /// c
    Continue,
    /// a
    Accept,
    /// d
    Discard,
    /// r
    Reject,
    /// t
    TempFail,
    /// y: an SMTP reply, code and text.
    Code(&'a [u8]),
    /// s: no more of these.
    Skip,
    /// p: still at work.
    Progress,
    /// h
    AddHeader {
        /// Its name.
        name: &'a [u8],
        /// Its value, folds as LF.
        value: &'a [u8],
    },
    /// i
    InsertHeader {
        /// Place from the top.
        index: u32,
        /// Its name.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// m; an empty value deletes.
    ChangeHeader {
        /// Which one of that name, from 1.
        index: u32,
        /// Its name.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// b: a piece of the new body.
    ReplaceBody(&'a [u8]),
    /// +
    AddRecipient(&'a [u8]),
    /// -
    DeleteRecipient(&'a [u8]),
    /// e
    ChangeFrom(&'a [u8]),
    /// q: hold it, for that reason.
    Quarantine(&'a [u8]),
}

impl<'a> Response<'a> {
    /// Reads a packet.
    pub fn decode(command: u8, payload: &'a [u8]) -> Result<Response<'a>, Malformed> {
        Ok(match command {
            b'O' => Response::Negotiate(read_offer(payload).ok_or(Malformed::Short("negotiation"))?.0),
            b'c' => Response::Continue,
            b'a' => Response::Accept,
            b'd' => Response::Discard,
            b'r' => Response::Reject,
            b't' => Response::TempFail,
            b'y' => Response::Code(text(payload, "reply")?),
            b's' => Response::Skip,
            b'p' => Response::Progress,
            b'h' => {
                let (name, value) = field(payload)?;
                Response::AddHeader { name, value }
            }
            b'i' => {
                let (index, name, value) = indexed(payload)?;
                Response::InsertHeader { index, name, value }
            }
            b'm' => {
                let (index, name, value) = indexed(payload)?;
                Response::ChangeHeader { index, name, value }
            }
            b'b' => Response::ReplaceBody(payload),
            b'+' => Response::AddRecipient(text(payload, "recipient")?),
            b'-' => Response::DeleteRecipient(text(payload, "recipient")?),
            b'e' => Response::ChangeFrom(leading_string(payload)),
            b'q' => Response::Quarantine(text(payload, "quarantine")?),
            other => return Err(Malformed::Type(other)),
        })
    }

    /// Writes the packet. Every string gets its NUL: Postfix reads on into stale bytes without it.
    pub fn encode(&self, out: &mut BytesMut) {
        match *self {
            Response::Negotiate(offer) => {
                let [version, actions, protocol] = offer_bytes(&offer);
                frame::put(out, b'O', &[&version, &actions, &protocol]);
            }
            Response::Continue => frame::put(out, b'c', &[]),
            Response::Accept => frame::put(out, b'a', &[]),
            Response::Discard => frame::put(out, b'd', &[]),
            Response::Reject => frame::put(out, b'r', &[]),
            Response::TempFail => frame::put(out, b't', &[]),
            Response::Code(text) => frame::put(out, b'y', &[text, b"\0"]),
            Response::Skip => frame::put(out, b's', &[]),
            Response::Progress => frame::put(out, b'p', &[]),
            Response::AddHeader { name, value } => frame::put(out, b'h', &[name, b"\0", value, b"\0"]),
            Response::InsertHeader { index, name, value } => {
                frame::put(out, b'i', &[&index.to_be_bytes(), name, b"\0", value, b"\0"]);
            }
            Response::ChangeHeader { index, name, value } => {
                frame::put(out, b'm', &[&index.to_be_bytes(), name, b"\0", value, b"\0"]);
            }
            Response::ReplaceBody(bytes) => frame::put(out, b'b', &[bytes]),
            Response::AddRecipient(address) => frame::put(out, b'+', &[address, b"\0"]),
            Response::DeleteRecipient(address) => frame::put(out, b'-', &[address, b"\0"]),
            Response::ChangeFrom(address) => frame::put(out, b'e', &[address, b"\0"]),
            Response::Quarantine(reason) => frame::put(out, b'q', &[reason, b"\0"]),
        }
    }
}

/// A string that must end in NUL.
fn text<'a>(payload: &'a [u8], what: &'static str) -> Result<&'a [u8], Malformed> {
    split_string(payload).map(|(text, _)| text).ok_or(Malformed::Unterminated(what))
}

/// Name and value.
fn field(payload: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (name, rest) = split_string(payload).ok_or(Malformed::Unterminated("header edit"))?;
    Ok((name, text(rest, "header edit")?))
}

/// Index, name and value.
fn indexed(payload: &[u8]) -> Result<(u32, &[u8], &[u8]), Malformed> {
    let (index, rest) = payload.split_first_chunk::<4>().ok_or(Malformed::Short("header edit"))?;
    let (name, value) = field(rest)?;
    Ok((u32::from_be_bytes(*index), name, value))
}

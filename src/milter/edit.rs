//! The answer to a message, as packets: edits in the protocol's order, only those granted, then the one final reply.
//!
//! Headers are counted here from those received, because MTAs count them by name and by state. Nothing here decides what to edit.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use super::codec::Response;
use super::negotiate::{Terms, action};
use super::text::{header_value, is_header_name, one_line, reply_text};
use super::transaction::HeaderNames;

/// Longest piece of a new body in one packet, whatever was agreed for the other way.
const BODY_PIECE: usize = 65535;
/// Longest SMTP reply, code and all (libmilter).
const REPLY: usize = 980;

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Changes to it; void unless it is delivered.
    pub edits: Vec<Edit>,
    /// The verdict.
    pub reply: Reply,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        let edits = Vec::new();
        Answer { edits, reply }
    }
}

/// One change to a message. They are sent by kind: removals, other header edits in the order given, sender, recipients,
/// quarantine, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Removes received headers of a name.
    RemoveHeader {
        /// In any case.
        name: String,
        /// 0 all, n the n-th, -n the n-th from the end. All edits of a name count as one, before anything is removed.
        which: i32,
    },
    /// Appends a header at the end.
    AddHeader {
        /// Its name.
        name: String,
        /// Its text; folds as LF.
        value: String,
    },
    /// Inserts a header at a place.
    InsertHeader {
        /// 0 above everything, 1 below the MTA's own Received and so on; -1 at the end, -2 before the last one and so on.
        index: i32,
        /// Its name.
        name: String,
        /// Its text.
        value: String,
    },
    /// Gives a header another value, an empty one removes it. One that is not there is appended.
    ChangeHeader {
        /// Which one of that name after the removals, from 1; 0 means 1.
        index: u32,
        /// Its name.
        name: String,
        /// Its new text.
        value: String,
    },
    /// Leaves exactly one header of a name, first of its kind: every received one is removed, then number 1 gets this value
    /// whether or not there ever was one. MTAs append what they do not find.
    SetHeader {
        /// Its name.
        name: String,
        /// Its text.
        value: String,
    },
    /// Another envelope sender.
    ChangeFrom(String),
    /// One more recipient.
    AddRcpt(String),
    /// One recipient less, spelled as received.
    DelRcpt(String),
    /// Another body, with CRLF line ends.
    ReplaceBody(Bytes),
    /// Hold the message, for this reason. Where the MTA cannot, the message is refused: neither is it delivered nor does it vanish.
    Quarantine(String),
}

/// The final reply to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Deliver.
    Accept,
    /// Deliver, as far as we are concerned.
    Continue,
    /// Take it and throw it away.
    Discard,
    /// 554 5.7.1 with this text.
    Reject {
        /// For the client.
        text: String,
    },
    /// The MTA's own words for "later".
    TempFail,
    /// Any 4xx or 5xx reply.
    Code {
        /// SMTP code.
        code: u16,
        /// Enhanced status code of the same class, `5.3.4`.
        enhanced: Cow<'static, str>,
        /// For the client.
        text: String,
    },
}

/// Writes the answer. Gives the kinds of edits that were left out, for the log.
pub fn write(answer: Answer, terms: &Terms, head: &[u8], header_count: usize, out: &mut BytesMut) -> Vec<&'static str> {
    let Answer { mut edits, reply } = answer;
    edits.sort_by_key(kind);
    let mut left_out = Vec::new();
    let delivers = matches!(reply, Reply::Accept | Reply::Continue);
    let holds = edits.iter().any(|edit| matches!(edit, Edit::Quarantine(_)));
    if delivers && holds && !terms.may(action::QUARANTINE) {
        left_out.push("quarantine");
        let text = "Message refused".to_owned();
        write_reply(&Reply::Reject { text }, out);
        return left_out;
    }
    if delivers {
        let mut writer = Writer {
            terms,
            out,
            left_out: &mut left_out,
            counts: counts(&edits, head),
            total: header_count,
        };
        writer.removals(&edits);
        for edit in &edits {
            writer.header(edit);
            writer.envelope(edit);
            writer.body(edit);
        }
    }
    write_reply(&reply, out);
    left_out
}

/// The place of an edit in the answer. The body stands last because MTAs want its pieces in one run.
fn kind(edit: &Edit) -> u8 {
    match edit {
        Edit::RemoveHeader { .. } => 0,
        Edit::AddHeader { .. } | Edit::InsertHeader { .. } | Edit::ChangeHeader { .. } | Edit::SetHeader { .. } => 1,
        Edit::ChangeFrom(_) => 2,
        Edit::AddRcpt(_) => 3,
        Edit::DelRcpt(_) => 4,
        Edit::Quarantine(_) => 5,
        Edit::ReplaceBody(_) => 6,
    }
}

/// How many headers of each name that the edits speak of.
fn counts<'e>(edits: &'e [Edit], head: &[u8]) -> Vec<(&'e str, usize)> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for edit in edits {
        if let Edit::RemoveHeader { name, .. } | Edit::ChangeHeader { name, .. } | Edit::SetHeader { name, .. } = edit
            && !counts.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            counts.push((name, 0));
        }
    }
    if !counts.is_empty() {
        for name in HeaderNames::new(head) {
            if let Some((_, count)) = counts.iter_mut().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)) {
                *count += 1;
            }
        }
    }
    counts
}

/// Writes edits and keeps the state that they leave behind.
struct Writer<'a> {
    terms: &'a Terms,
    out: &'a mut BytesMut,
    left_out: &'a mut Vec<&'static str>,
    counts: Vec<(&'a str, usize)>,
    total: usize,
}

impl Writer<'_> {
    /// The action is granted; if not, that is noted once.
    fn may(&mut self, action: u32, kind: &'static str) -> bool {
        let granted = self.terms.may(action);
        if !granted && !self.left_out.contains(&kind) {
            self.left_out.push(kind);
        }
        granted
    }

    fn removals(&mut self, edits: &[Edit]) {
        for at in 0..self.counts.len() {
            let Some((name, count)) = self.counts.get(at).copied() else {
                continue;
            };
            let mut doomed = Vec::new();
            for edit in edits {
                let (n, which) = match edit {
                    Edit::RemoveHeader { name, which } => (name, *which),
                    Edit::SetHeader { name, .. } => (name, 0),
                    _ => continue,
                };
                if n.eq_ignore_ascii_case(name) {
                    doomed.extend(instances(which, count));
                }
            }
            doomed.sort_unstable_by(|a, b| b.cmp(a));
            doomed.dedup();
            if doomed.is_empty() || !is_header_name(name) || !self.may(action::CHANGE_HEADERS, "remove header") {
                continue;
            }
            // From the last to the first: MTAs count anew after each removal.
            for index in &doomed {
                self.change(*index, name, "");
            }
            self.forget(at, doomed.len());
        }
    }

    fn header(&mut self, edit: &Edit) {
        match edit {
            Edit::AddHeader { name, value } => self.insert(None, name, value),
            Edit::InsertHeader { index, name, value } => {
                let place = match usize::try_from(*index) {
                    Ok(place) => Some(place),
                    Err(_) if *index == -1 => None,
                    // The two make up for -1 being the end and for the MTA's own Received.
                    Err(_) => Some((self.total + 2).saturating_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX))),
                };
                self.insert(place, name, value);
            }
            Edit::ChangeHeader { index, name, value } => {
                let Some(at) = self.counts.iter().position(|(known, _)| known.eq_ignore_ascii_case(name)) else {
                    return;
                };
                let count = self.counts.get(at).map_or(0, |(_, count)| *count);
                let index = usize::try_from(*index).unwrap_or(usize::MAX).max(1);
                if index <= count {
                    if is_header_name(name) && self.may(action::CHANGE_HEADERS, "change header") {
                        self.change(index, name, value);
                        self.forget(at, usize::from(value.is_empty()));
                    }
                } else if !value.is_empty() {
                    self.insert(None, name, value);
                }
            }
            Edit::SetHeader { name, value } => self.set(name, value),
            _ => {}
        }
    }

    /// By change, as the peer does it; an MTA that only lets us add gets it added.
    fn set(&mut self, name: &str, value: &str) {
        if !self.terms.may(action::CHANGE_HEADERS) {
            return self.insert(None, name, value);
        }
        if is_header_name(name) && !value.is_empty() {
            self.change(1, name, value);
            self.remember(name);
        }
    }

    /// One more of that name.
    fn remember(&mut self, name: &str) {
        self.total += 1;
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            *count += 1;
        }
    }

    /// One of that name, or several, are gone.
    fn forget(&mut self, at: usize, gone: usize) {
        if let Some((_, count)) = self.counts.get_mut(at) {
            *count = count.saturating_sub(gone);
        }
        self.total = self.total.saturating_sub(gone);
    }

    fn change(&mut self, index: usize, name: &str, value: &str) {
        // The leading blank belongs to a value; an empty one means removal and stays empty.
        let value = if value.is_empty() {
            String::new()
        } else {
            header_value(name, value, self.terms.leading_blank())
        };
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let (name, value) = (name.as_bytes(), value.as_bytes());
        Response::ChangeHeader { index, name, value }.encode(self.out);
    }

    fn insert(&mut self, place: Option<usize>, name: &str, value: &str) {
        if !is_header_name(name) || !self.may(action::ADD_HEADERS, "add header") {
            return;
        }
        let value = header_value(name, value, self.terms.leading_blank());
        let (bare, value) = (name.as_bytes(), value.as_bytes());
        match place {
            None => Response::AddHeader { name: bare, value }.encode(self.out),
            Some(place) => {
                let index = u32::try_from(place).unwrap_or(u32::MAX);
                Response::InsertHeader { index, name: bare, value }.encode(self.out);
            }
        }
        self.remember(name);
    }

    fn envelope(&mut self, edit: &Edit) {
        match edit {
            Edit::ChangeFrom(address) if self.may(action::CHANGE_FROM, "change sender") => {
                let address = one_line(address);
                Response::ChangeFrom(if address.is_empty() { b"<>" } else { address.as_bytes() }).encode(self.out);
            }
            Edit::AddRcpt(address) if !address.is_empty() && self.may(action::ADD_RECIPIENTS, "add recipient") => {
                Response::AddRecipient(one_line(address).as_bytes()).encode(self.out);
            }
            Edit::DelRcpt(address) if !address.is_empty() && self.may(action::DELETE_RECIPIENTS, "delete recipient") => {
                Response::DeleteRecipient(one_line(address).as_bytes()).encode(self.out);
            }
            Edit::Quarantine(reason) => Response::Quarantine(one_line(reason).as_bytes()).encode(self.out),
            _ => {}
        }
    }

    fn body(&mut self, edit: &Edit) {
        let Edit::ReplaceBody(body) = edit else { return };
        if !self.may(action::CHANGE_BODY, "replace body") {
            return;
        }
        if body.is_empty() {
            Response::ReplaceBody(b"").encode(self.out);
        }
        for piece in body.chunks(BODY_PIECE) {
            Response::ReplaceBody(piece).encode(self.out);
        }
    }
}

/// Which of `count` headers are meant.
fn instances(which: i32, count: usize) -> std::ops::RangeInclusive<usize> {
    let nth = usize::try_from(which.unsigned_abs()).unwrap_or(usize::MAX);
    #[allow(clippy::reversed_empty_ranges)]
    const NONE: std::ops::RangeInclusive<usize> = 1..=0;
    match which {
        0 => 1..=count,
        _ if nth > count => NONE,
        1.. => nth..=nth,
        _ => count + 1 - nth..=count + 1 - nth,
    }
}

/// The one final reply.
fn write_reply(reply: &Reply, out: &mut BytesMut) {
    match reply {
        Reply::Accept => Response::Accept.encode(out),
        Reply::Continue => Response::Continue.encode(out),
        Reply::Discard => Response::Discard.encode(out),
        Reply::TempFail => Response::TempFail.encode(out),
        Reply::Reject { text } => write_code(554, "5.7.1", text, out),
        Reply::Code { code, enhanced, text } => write_code(*code, enhanced, text, out),
    }
}

/// An SMTP reply. MTAs take one whose parts disagree for a mistake in their configuration, so they are made to agree.
fn write_code(code: u16, enhanced: &str, text: &str, out: &mut BytesMut) {
    if !(400..600).contains(&code) {
        return Response::TempFail.encode(out);
    }
    let class = if code < 500 { "4" } else { "5" };
    let fallback = if code < 500 {
        ("4.7.1", "Try again later")
    } else {
        ("5.7.1", "Message refused")
    };
    let enhanced = if is_status(enhanced, class) { enhanced } else { fallback.0 };
    let prefix = format!("{code} {enhanced} ");
    let text = reply_text(text, REPLY - prefix.len());
    let text = if text.is_empty() { fallback.1 } else { text.as_str() };
    Response::Code(format!("{prefix}{text}").as_bytes()).encode(out);
}

/// An enhanced status code of that class.
fn is_status(text: &str, class: &str) -> bool {
    let mut parts = text.split('.');
    let number = |part: Option<&str>| part.is_some_and(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()));
    parts.next() == Some(class) && number(parts.next()) && number(parts.next()) && parts.next().is_none()
}

//! Messages in a message that are packed in base64 or quoted-printable, against RFC 2046: mail programs open them all the same, so
//! spam hides there. Their bytes live here, beside the message, and their parts behind the part that holds them.

use super::encoding::Encoding;
use super::limits::{Anomalies, Limits};
use super::parse;
use super::part::Part;
use super::structure::Walk;
use std::sync::OnceLock;

/// Messages opened in one message; further ones stay closed.
const MOST: usize = 8;

/// Room for the bytes of packed messages. The message that is read borrows from it.
#[derive(Debug, Default)]
pub struct Unpacked([OnceLock<Vec<u8>>; MOST]);

impl Unpacked {
    /// Keeps bytes; nothing where there is no more room.
    fn keep(&self, bytes: Vec<u8>) -> Option<&[u8]> {
        let slot = self.0.iter().find(|slot| slot.get().is_none())?;
        Some(slot.get_or_init(|| bytes))
    }

    /// Puts the parts of packed messages behind the parts that hold them.
    pub(super) fn open<'r>(&'r self, parts: Vec<Part<'r>>, limits: &Limits, anomalies: &mut Anomalies) -> Vec<Part<'r>> {
        if !parts.iter().any(is_packed) {
            return parts;
        }
        let mut out: Vec<Part<'r>> = Vec::with_capacity(parts.len());
        let mut places = Vec::with_capacity(parts.len());
        for mut part in parts {
            let place = out.len();
            places.push(place);
            part.parent = part.parent.and_then(|p| places.get(p)).copied();
            let packed = is_packed(&part).then(|| unpack(&part));
            out.push(part);
            let Some(inside) = packed.and_then(|bytes| self.keep(bytes)) else {
                continue;
            };
            let inner = Walk::new(inside, limits, limits.max_headers, anomalies).run_inside();
            // As deep as there is room for bytes, and each message is shorter than the one around it.
            for mut part in self.open(inner, limits, anomalies) {
                part.parent = Some(part.parent.map_or(place, |p| p + place + 1));
                out.push(part);
            }
        }
        anomalies.too_many_parts |= out.len() > limits.max_parts;
        out.truncate(limits.max_parts);
        let parents: Vec<Option<usize>> = out.iter().map(|part| part.parent).collect();
        out.iter_mut().for_each(|part| part.children.clear());
        for (place, parent) in parents.into_iter().enumerate() {
            if let Some(parent) = parent.and_then(|p| out.get_mut(p)) {
                parent.children.push(place);
            }
        }
        out
    }
}

/// It holds a message that has to be unpacked first.
pub(super) fn is_packed(part: &Part<'_>) -> bool {
    part.is_message() && matches!(part.transfer_encoding, Encoding::Base64 | Encoding::QuotedPrintable)
}

fn unpack(part: &Part<'_>) -> Vec<u8> {
    match part.transfer_encoding {
        Encoding::Base64 => parse::base64(part.raw),
        _ => parse::quoted_printable(part.raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Mail;

    /// Decimal letters stand for themselves in quoted-printable: a message around a message, so often.
    fn wrapped(times: usize) -> String {
        (0..times).fold("Subject: inside\n\nhello\n".to_owned(), |inner, _| {
            format!(
                "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n{}",
                inner.replace('=', "=3D")
            )
        })
    }

    #[test]
    fn parts_stand_behind_the_one_that_holds_them() {
        let packed = "Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n\
                      Q29udGVudC1UeXBlOiBtdWx0aXBhcnQvbWl4ZWQ7IGJvdW5kYXJ5PXkKCi0teQpDb250ZW50LVR5\ncGU6IHRleHQvaHRtbAoKPHA+dHdvCi0teS0tCg==\n\
                      --x\n\nthree\n--x--\n";
        let unpacked = Unpacked::default();
        let mail = Mail::parse_all(packed.as_bytes(), &unpacked, &Limits::default());
        let shown: Vec<_> = mail.parts().iter().map(|p| (p.mime_type(), p.parent, p.children.clone())).collect();
        assert_eq!(
            shown,
            [
                ("multipart/mixed", None, vec![1, 2, 5]),
                ("text/plain", Some(0), vec![]),
                ("message/rfc822", Some(0), vec![3]),
                ("multipart/mixed", Some(2), vec![4]),
                ("text/html", Some(3), vec![]),
                ("text/plain", Some(0), vec![]),
            ]
        );
        assert_eq!(mail.parts()[4].text(), Some("<p>two\n"));
        assert_eq!(Mail::parse(packed.as_bytes(), &Limits::default()).parts().len(), 4);
    }

    #[test]
    fn as_many_as_there_is_room_for() {
        for (times, parts) in [(1, 2), (MOST, MOST + 1), (MOST + 4, MOST + 1)] {
            let (raw, unpacked) = (wrapped(times), Unpacked::default());
            assert_eq!(
                Mail::parse_all(raw.as_bytes(), &unpacked, &Limits::default()).parts().len(),
                parts,
                "{times}"
            );
        }
    }
}

//! Packets in a byte stream: four bytes of length, a command byte, data. Allocates nothing and believes no length it is told.

use bytes::{BufMut, BytesMut};

/// Bytes of the length field.
pub const LENGTH: usize = 4;

/// One whole packet at the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is.
    pub command: u8,
    /// What it carries.
    pub payload: &'a [u8],
    /// Bytes it takes in the buffer, length field included.
    pub total: usize,
}

/// A length that no packet of ours has; the stream cannot be followed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLength {
    /// Not even a command byte.
    #[error("packet of length 0")]
    Zero,
    /// Over the limit.
    #[error("packet of {0} bytes is longer than {1} bytes")]
    TooLong(u32, usize),
}

/// The packet at the front of `input`, `None` while it is incomplete.
pub fn peek(input: &[u8], limit: usize) -> Result<Option<Packet<'_>>, BadLength> {
    let Some((head, rest)) = input.split_first_chunk::<LENGTH>() else {
        return Ok(None);
    };
    let length = checked(u32::from_be_bytes(*head), limit)?;
    let packet = rest.get(..length).and_then(<[u8]>::split_first);
    Ok(packet.map(|(command, payload)| Packet {
        command: *command,
        payload,
        total: LENGTH + length,
    }))
}

/// Bytes still to come for the packet at the front of `input`, as far as its length is known.
pub fn missing(input: &[u8], limit: usize) -> usize {
    match input.first_chunk::<LENGTH>() {
        None => LENGTH - input.len().min(LENGTH),
        Some(head) => checked(u32::from_be_bytes(*head), limit).map_or(0, |length| (LENGTH + length).saturating_sub(input.len())),
    }
}

/// The length as told, if a packet may have it.
fn checked(told: u32, limit: usize) -> Result<usize, BadLength> {
    let length = usize::try_from(told).unwrap_or(usize::MAX);
    match length {
        0 => Err(BadLength::Zero),
        _ if length > limit => Err(BadLength::TooLong(told, limit)),
        _ => Ok(length),
    }
}

/// Writes a packet whose data comes in pieces.
pub fn put(out: &mut BytesMut, command: u8, pieces: &[&[u8]]) {
    let length = 1 + pieces.iter().map(|piece| piece.len()).sum::<usize>();
    out.reserve(LENGTH + length);
    out.put_u32(u32::try_from(length).expect("no packet of ours reaches 4 GiB: text is capped, bodies are split"));
    out.put_u8(command);
    for piece in pieces {
        out.put_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_seen_when_whole() {
        let mut out = BytesMut::new();
        put(&mut out, b'B', &[b"ab", b"c"]);
        assert_eq!(&out[..], b"\0\0\0\x04Babc");
        for cut in 0..out.len() {
            assert_eq!(peek(&out[..cut], 100), Ok(None), "cut at {cut}");
            assert!(missing(&out[..cut], 100) > 0);
        }
        let packet = peek(&out, 100).unwrap().unwrap();
        assert_eq!((packet.command, packet.payload, packet.total), (b'B', &b"abc"[..], 8));
        assert_eq!(missing(&out, 100), 0);
    }

    #[test]
    fn lengths_out_of_range_are_refused_on_sight() {
        assert_eq!(peek(&[0, 0, 0, 0], 10), Err(BadLength::Zero));
        assert_eq!(peek(&[0xff; 4], 10), Err(BadLength::TooLong(u32::MAX, 10)));
        assert_eq!(peek(&[0, 0, 0, 11], 10), Err(BadLength::TooLong(11, 10)));
        assert_eq!(peek(&[0, 0, 0, 10], 10), Ok(None));
    }
}

//! Tar: one block of header a member, names longer than it has room for in a block before it (GNU and POSIX).

use super::{Archive, Entry, Kind, Reader};

pub(super) const MARK_AT: usize = 257;
pub(super) const MARK: &[u8] = b"ustar";
const BLOCK: u64 = 512;

pub(super) fn list(bytes: &[u8]) -> Archive {
    Archive::new(Kind::Tar).walked(|archive| {
        let mut rest = Reader::new(bytes);
        let mut long = None;
        while !rest.is_empty() {
            let head = rest.take(BLOCK)?;
            if head.iter().all(|b| *b == 0) {
                break;
            }
            let size = size(head.get(124..136)?)?;
            let data = |rest: &mut Reader<'_>| -> Option<Vec<u8>> {
                let data = rest.take(size)?.to_vec();
                rest.skip(size.wrapping_neg() % BLOCK)?;
                Some(data)
            };
            match head.get(156)? {
                b'L' => long = Some(text(&data(&mut rest)?).to_vec()),
                b'x' => long = path(&data(&mut rest)?).or(long),
                b'g' | b'K' => rest.skip(size.checked_next_multiple_of(BLOCK)?)?,
                _ => {
                    let name = long.take().map_or_else(|| own_name(head), Some)?;
                    let entry = Entry {
                        size: Some(size),
                        packed: Some(size),
                        ..Entry::default()
                    };
                    if !archive.keep(&name, entry) {
                        break;
                    }
                    rest.skip(size.checked_next_multiple_of(BLOCK)?)?;
                }
            }
        }
        Some(())
    })
}

/// Octal digits, or with the high bit a number in bytes.
fn size(field: &[u8]) -> Option<u64> {
    if field.first()? & 0x80 != 0 {
        let (high, low) = field.split_at_checked(4)?;
        let zero = high.iter().skip(1).all(|b| *b == 0);
        return zero.then(|| low.try_into().ok().map(u64::from_be_bytes))?;
    }
    let digits = std::str::from_utf8(text(field)).ok()?.trim();
    if digits.is_empty() {
        Some(0)
    } else {
        u64::from_str_radix(digits, 8).ok()
    }
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or_default()
}

/// The prefix and the name of the header itself.
fn own_name(head: &[u8]) -> Option<Vec<u8>> {
    let name = text(head.get(..100)?);
    let posix = head.get(MARK_AT..MARK_AT + 6)? == b"ustar\0";
    let prefix = if posix { text(head.get(345..500)?) } else { b"" };
    Some(if prefix.is_empty() {
        name.to_vec()
    } else {
        [prefix, b"/", name].concat()
    })
}

/// The path of a POSIX record: lines of `length path=value`.
fn path(mut records: &[u8]) -> Option<Vec<u8>> {
    loop {
        let blank = memchr::memchr(b' ', records)?;
        let length: usize = std::str::from_utf8(records.get(..blank)?).ok()?.parse().ok()?;
        let line = records.get(blank + 1..length)?;
        if let Some(value) = line.strip_prefix(b"path=") {
            return Some(value.strip_suffix(b"\n").unwrap_or(value).to_vec());
        }
        records = records.get(length..)?;
    }
}

//! RAR: blocks one behind another, each with its size, in two forms: version 4 and older, version 5. Everything up to the last byte has
//! to be blocks. Nothing is unpacked.

use super::{Archive, Entry, Kind, Reader};

const MARK_4: u64 = 7;
const MARK_5: u64 = 8;

/// Version 4 and older.
pub(super) fn list_4(bytes: &[u8]) -> Archive {
    Archive::new(Kind::Rar).walked(|archive| {
        let mut rest = Reader::at(bytes, MARK_4)?;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            if !block_4(archive, &mut rest)? {
                break;
            }
        }
        Some(())
    })
}

/// One block; false where the walk is over.
fn block_4(archive: &mut Archive, rest: &mut Reader<'_>) -> Option<bool> {
    const MAIN: u8 = 0x73;
    const FILE: u8 = 0x74;
    const HEADERS_ENCRYPTED: u16 = 0x80;
    const HAS_DATA: u16 = 0x8000;
    rest.skip(2)?;
    let (kind, flags, size) = (rest.u8()?, rest.u16()?, rest.u16()?);
    let mut head = Reader::new(rest.take(u64::from(size).checked_sub(7)?)?);
    if kind == MAIN && flags & HEADERS_ENCRYPTED != 0 {
        archive.encrypted = true;
        return Some(false);
    }
    if kind == FILE {
        let (name, entry) = file_4(&mut head, flags)?;
        rest.skip(entry.packed?)?;
        return Some(archive.keep(name, entry));
    }
    if kind != MAIN && flags & HAS_DATA != 0 {
        rest.skip(head.u32()?.into())?;
    }
    Some(true)
}

fn file_4<'b>(head: &mut Reader<'b>, flags: u16) -> Option<(&'b [u8], Entry)> {
    const ENCRYPTED: u16 = 0x04;
    const LARGE: u16 = 0x100;
    let (packed, size) = (head.u32()?, head.u32()?);
    head.skip(11)?;
    let length = head.u16()?;
    head.skip(4)?;
    let (mut high_packed, mut high_size) = (0, 0);
    if flags & LARGE != 0 {
        (high_packed, high_size) = (head.u32()?, head.u32()?);
    }
    let name = head.take(length.into())?;
    // A second, encoded form of the name may follow.
    let name = name.split(|b| *b == 0).next()?;
    let entry = Entry {
        size: Some(u64::from(high_size) << 32 | u64::from(size)),
        packed: Some(u64::from(high_packed) << 32 | u64::from(packed)),
        encrypted: flags & ENCRYPTED != 0,
        ..Entry::default()
    };
    Some((name, entry))
}

/// Version 5. Its main block comes first, or that of encryption.
pub(super) fn list_5(bytes: &[u8]) -> Archive {
    Archive::new(Kind::Rar).walked(|archive| {
        let mut rest = Reader::at(bytes, MARK_5)?;
        let mut first = true;
        while first || !rest.is_empty() {
            if !block_5(archive, &mut rest, first)? {
                break;
            }
            first = false;
        }
        Some(())
    })
}

/// One block; false where the walk is over.
fn block_5(archive: &mut Archive, rest: &mut Reader<'_>, first: bool) -> Option<bool> {
    const MAIN: u64 = 1;
    const FILE: u64 = 2;
    const ENCRYPTION: u64 = 4;
    rest.skip(4)?;
    let size = number(rest)?;
    let mut head = Reader::new(rest.take(size)?);
    let (kind, flags) = (number(&mut head)?, number(&mut head)?);
    let extra = if flags & 1 != 0 { number(&mut head)? } else { 0 };
    let data = if flags & 2 != 0 { number(&mut head)? } else { 0 };
    if kind == ENCRYPTION {
        archive.encrypted = true;
        return Some(false);
    }
    if first && kind != MAIN {
        return None;
    }
    rest.skip(data)?;
    if kind != FILE {
        return Some(true);
    }
    let Some((name, mut entry)) = file_5(&mut head)? else {
        return Some(true);
    };
    entry.packed = Some(data);
    entry.encrypted = is_encrypted(Reader::new(head.take(extra)?));
    archive.encrypted |= entry.encrypted;
    Some(archive.keep(name, entry))
}

/// A member; folders are left out.
fn file_5<'b>(head: &mut Reader<'b>) -> Option<Option<(&'b [u8], Entry)>> {
    const FOLDER: u64 = 1;
    const HAS_TIME: u64 = 2;
    const HAS_SUM: u64 = 4;
    const UNKNOWN_SIZE: u64 = 8;
    let (flags, size) = (number(head)?, number(head)?);
    number(head)?;
    let fixed = if flags & HAS_TIME != 0 { 4 } else { 0 } + if flags & HAS_SUM != 0 { 4 } else { 0 };
    head.skip(fixed)?;
    number(head)?;
    number(head)?;
    let length = number(head)?;
    let name = head.take(length)?;
    let entry = Entry {
        size: (flags & UNKNOWN_SIZE == 0).then_some(size),
        ..Entry::default()
    };
    Some((flags & FOLDER == 0).then_some((name, entry)))
}

/// One of the extra records is that of encryption.
fn is_encrypted(mut extra: Reader<'_>) -> bool {
    const ENCRYPTION: u64 = 1;
    let mut next = || {
        let size = number(&mut extra)?;
        number(&mut Reader::new(extra.take(size)?))
    };
    std::iter::from_fn(&mut next).any(|kind| kind == ENCRYPTION)
}

/// Seven bits a byte, the low ones first; the high bit says that there are more.
fn number(from: &mut Reader<'_>) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let byte = from.u8()?;
        value |= u64::from(byte & 0x7f).checked_shl(7 * place)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

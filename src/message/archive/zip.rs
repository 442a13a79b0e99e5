//! Zip: the central directory, once from its beginning to its end. Local headers, which may contradict it, are not looked at: what
//! unpacks a zip does not believe them either.

use super::{Archive, Entry, Kind, Reader};

/// A comment behind the last record can be so long.
const COMMENT: usize = 0xffff;
const LAST: usize = 22;
const FOLDER_MARK: u32 = 0x0201_4b50;
/// Bits of the flags that mean encryption, weak or strong.
const ENCRYPTED: u16 = 0x41;

pub(super) fn list(bytes: &[u8]) -> Archive {
    Archive::new(Kind::Zip).walked(|archive| {
        let (mut folder, behind) = folder(bytes)?;
        while folder.left() > behind {
            let fields = Fields::read(&mut folder)?;
            if !archive.keep(fields.name, fields.entry) {
                break;
            }
        }
        Some(())
    })
}

/// The directory and how many bytes stand behind it: the last record at the end tells. Counts of members are not believed. A member
/// that begins in the directory may end behind it.
fn folder(bytes: &[u8]) -> Option<(Reader<'_>, usize)> {
    let tail_at = bytes.len().saturating_sub(COMMENT + LAST);
    let end = tail_at + memchr::memmem::rfind(bytes.get(tail_at..)?, b"PK\x05\x06")?;
    let mut last = Reader::new(bytes.get(end..)?);
    last.skip(12)?;
    let size = usize::try_from(last.u32()?).ok()?;
    let at = usize::try_from(last.u32()?).ok()?;
    let stop = at.checked_add(size).filter(|stop| *stop <= end)?;
    Some((Reader::new(bytes.get(at..end)?), end - stop))
}

struct Fields<'b> {
    name: &'b [u8],
    entry: Entry,
}

impl<'b> Fields<'b> {
    fn read(folder: &mut Reader<'b>) -> Option<Fields<'b>> {
        if folder.u32()? != FOLDER_MARK {
            return None;
        }
        folder.skip(4)?;
        let flags = folder.u16()?;
        folder.skip(10)?;
        let (packed, size) = (folder.u32()?, folder.u32()?);
        let (name, extra, comment) = (folder.u16()?, folder.u16()?, folder.u16()?);
        folder.skip(12)?;
        let name = folder.take(name.into())?;
        folder.skip(u64::from(extra) + u64::from(comment))?;
        let entry = Entry {
            size: Some(size.into()),
            packed: Some(packed.into()),
            encrypted: flags & ENCRYPTED != 0,
            ..Entry::default()
        };
        Some(Fields { name, entry })
    }
}

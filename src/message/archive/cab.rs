//! Microsoft's cabinets: the list of files, which is never compressed.

use super::{Archive, Entry, Kind, Reader};

pub(super) fn list(bytes: &[u8]) -> Archive {
    Archive::new(Kind::Cab).walked(|archive| {
        let mut head = Reader::at(bytes, 16)?;
        let files_at = head.u32()?;
        head.skip(8)?;
        let count = head.u16()?;
        let mut files = Reader::at(bytes, files_at.into())?;
        for _ in 0..count {
            let size = files.u32()?;
            files.skip(12)?;
            let name = files.line()?;
            let entry = Entry {
                size: Some(size.into()),
                ..Entry::default()
            };
            if !archive.keep(name, entry) {
                break;
            }
        }
        Some(())
    })
}

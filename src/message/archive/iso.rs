//! Images of optical discs (ISO 9660): folders from the root on, with the long names of Joliet where they are. Each byte of the image is
//! read at most once as a folder, so folders that contain one another end.

use super::{Archive, Entry, Kind, Reader};
use std::collections::VecDeque;

pub(super) const MARK_AT: usize = 16 * 2048 + 1;
pub(super) const MARK: &[u8] = b"CD001";
const SECTOR: u64 = 2048;
/// Descriptors of volumes that are looked at.
const DESCRIPTORS: u64 = 16;
/// Paths grow no longer than this many folders.
const DEEPEST: usize = 16;

pub(super) fn list(bytes: &[u8]) -> Archive {
    Archive::new(Kind::Iso).walked(|archive| {
        let (root, wide) = volume(bytes)?;
        let mut budget = u64::try_from(bytes.len()).ok()?;
        let mut open = VecDeque::from([root]);
        while let Some(folder) = open.pop_front() {
            budget = budget.checked_sub(u64::from(folder.size).max(1))?;
            let mut records = Reader::at(bytes, u64::from(folder.sector) * SECTOR)?.first(folder.size.into())?;
            while let Some(record) = record(&mut records)? {
                if !enter(archive, &folder, record, wide, &mut open)? {
                    return Some(());
                }
            }
        }
        Some(())
    })
}

struct Folder {
    path: String,
    depth: usize,
    sector: u32,
    size: u32,
}

/// The root of the volume with long names, else of the first; and whether its names are UTF-16.
fn volume(bytes: &[u8]) -> Option<(Folder, bool)> {
    let mut best = None;
    for number in 16..16 + DESCRIPTORS {
        let Some(sector) = Reader::at(bytes, number * SECTOR).and_then(|mut r| r.take(SECTOR)) else {
            break;
        };
        let kind = *sector.first()?;
        if sector.get(1..6)? != MARK || !matches!(kind, 0..=3) {
            break;
        }
        let joliet = kind == 2 && matches!(sector.get(88..91)?, b"%/@" | b"%/C" | b"%/E");
        if joliet || (kind == 1 && best.is_none()) {
            let (_, sector, size) = place(sector.get(156..190)?)?;
            let path = String::new();
            let root = Folder {
                path,
                depth: 0,
                sector,
                size,
            };
            best = Some((root, joliet));
        }
    }
    best
}

/// The flags of a record, the sector and the size of what it stands for.
fn place(record: &[u8]) -> Option<(u8, u32, u32)> {
    let mut fields = Reader::new(record);
    fields.skip(2)?;
    let sector = fields.u32()?;
    fields.skip(4)?;
    let size = fields.u32()?;
    fields.skip(11)?;
    Some((fields.u8()?, sector, size))
}

/// The next record of a folder; records do not cross sectors, zeros fill those up.
fn record<'b>(records: &mut Reader<'b>) -> Option<Option<&'b [u8]>> {
    while !records.is_empty() {
        let length = records.peek()?;
        if length > 0 {
            return records.take(length.into()).map(Some);
        }
        records.skip(1)?;
    }
    Some(None)
}

/// Keeps what a record names; false once there is no more room.
fn enter(archive: &mut Archive, folder: &Folder, record: &[u8], is_wide: bool, open: &mut VecDeque<Folder>) -> Option<bool> {
    const IS_FOLDER: u8 = 2;
    let (flags, sector, size) = place(record)?;
    let length = usize::from(*record.get(32)?);
    let raw = record.get(33..33 + length)?;
    if matches!(raw, [0] | [1]) {
        // The folder itself and the one above.
        return Some(true);
    }
    let name = if is_wide {
        wide(raw)
    } else {
        String::from_utf8_lossy(raw).into_owned()
    };
    let name = name.strip_suffix(";1").unwrap_or(&name).trim_end_matches('.');
    let path = format!("{}{name}", folder.path);
    if flags & IS_FOLDER == 0 {
        let entry = Entry {
            size: Some(size.into()),
            packed: Some(size.into()),
            ..Entry::default()
        };
        return Some(archive.keep(path.as_bytes(), entry));
    }
    if folder.depth < DEEPEST {
        open.push_back(Folder {
            path: format!("{path}/"),
            depth: folder.depth + 1,
            sector,
            size,
        });
    }
    Some(true)
}

fn wide(raw: &[u8]) -> String {
    let units = raw.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(u16::from_be_bytes);
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

//! Gzip: one compressed file, whose name stands in the header or is that of the archive without its ending. What is unpacked is unpacked
//! only to see whether it is a tar, and only so far.

use super::{Archive, Entry, Kind, Reader, UNPACKED, tar};
use flate2::read::MultiGzDecoder;
use std::io::Read as _;

/// The smallest gzip there is.
const LEAST: usize = 11;

pub(super) fn list(bytes: &[u8], file: Option<&str>) -> Option<Archive> {
    const EXTRA: u8 = 4;
    const SUM: u8 = 2;
    const NAMED: u8 = 8;
    const ENCRYPTED: u8 = 32;
    if bytes.len() < LEAST {
        return None;
    }
    let mut head = Reader::new(bytes);
    head.skip(3)?;
    let flags = head.u8()?;
    head.skip(6)?;
    if flags & SUM != 0 {
        head.skip(2)?;
    }
    if flags & EXTRA != 0 {
        let length = head.u16()?;
        head.skip(length.into())?;
    }
    let name = if flags & NAMED != 0 {
        head.line()?
    } else {
        inner_name(file?)?.as_bytes()
    };
    let mut archive = Archive::new(Kind::Gzip);
    archive.encrypted = flags & ENCRYPTED != 0;
    archive.keep(name, Entry::default());
    // A name that is there and empty hides the true one.
    archive.obfuscated |= name.is_empty();
    Some(archive)
}

/// `a.js` of `a.js.gz`; a name with just one ending stays as it is, one without is none.
fn inner_name(file: &str) -> Option<&str> {
    let (front, _) = file.rsplit_once('.')?;
    Some(if front.contains('.') { front } else { file })
}

/// The tar inside a gzip, as far as it shows itself in the first [`UNPACKED`] bytes.
pub fn unpacked(bytes: &[u8]) -> Option<Archive> {
    let limit = u64::try_from(UNPACKED).ok()?;
    let mut content = Vec::new();
    // A stream that breaks off has still shown what came before.
    let read = MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut content);
    let is_tar = content.get(tar::MARK_AT..).is_some_and(|b| b.starts_with(tar::MARK));
    let cut = read.is_err() || content.len() >= UNPACKED;
    is_tar.then(|| {
        let mut archive = tar::list(&content);
        archive.more |= archive.broken && cut;
        archive
    })
}

//! What a PDF leads to and what it does: links, scripts, encryption. Bytes in, facts out; start at [`Pdf::read`].
//!
//! Objects are found by their marks, not by the tables that say where they are: those of hostile files lie, and rspamd does not look at
//! them either. Streams are opened only where they hold objects; text on pages is not read. Time and memory follow the size of the file.

mod objects;
#[cfg(test)]
mod tests;
mod value;

use memchr::memmem;
use objects::Walk;

/// Bytes of a file that are looked at.
pub const LOOKED_AT: usize = 64 * 1024 * 1024;
/// Objects that are read; more are counted.
pub const OBJECTS: usize = 10_000;
/// Bytes of an object without its stream; a longer one is left out.
pub const OBJECT: usize = 32 * 1024;
/// Dictionaries and arrays in one another.
pub const DEPTH: usize = 11;
/// Links that are kept.
pub const LINKS: usize = 10_000;
/// Streams with objects that are opened.
pub const STREAMS: usize = 1_000;
/// Bytes unpacked of all streams together...
pub const UNPACKED: usize = 8 * 1024 * 1024;
/// ...and never more than so many times the file.
pub const GROWTH: usize = 32;
/// Behind so many bytes a trailer is long, as rspamd calls it.
pub const TRAILER_WITHIN: usize = 10 * 1024 * 1024;

/// What was found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pdf {
    /// Where actions lead, as bytes with the escapes undone; no duplicates removed.
    pub links: Vec<Vec<u8>>,
    /// It is encrypted. Then streams stay shut.
    pub encrypted: bool,
    /// Something happens when it is opened.
    pub opens: bool,
    /// It holds JavaScript.
    pub scripts: bool,
    /// Objects, read or not, but for those in streams.
    pub objects: usize,
    /// Bytes of the trailer where it is a long one.
    pub long_trailer: Option<usize>,
    /// Bytes that were read when there were too many: objects in objects, read again and again.
    pub gave_up: Option<usize>,
}

impl Pdf {
    /// Reads a file.
    pub fn read(bytes: &[u8]) -> Pdf {
        let bytes = bytes.get(..LOOKED_AT).unwrap_or(bytes);
        let mut walk = Walk::new(bytes);
        walk.objects();
        if let Some(at) = trailer(bytes) {
            let rest = bytes.get(at..).unwrap_or_default();
            walk.pdf.encrypted |= walk.pdf.objects > 0 && names_encryption(rest);
            walk.pdf.long_trailer = (at > TRAILER_WITHIN).then_some(rest.len());
        }
        walk.finish()
    }

    /// More objects than are read.
    pub fn many_objects(&self) -> bool {
        self.objects > OBJECTS
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\0' | b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

/// Behind the last word `trailer` at the beginning of a line.
fn trailer(bytes: &[u8]) -> Option<usize> {
    let starts_line = |at: &usize| {
        at.checked_sub(1)
            .and_then(|b| bytes.get(b))
            .is_none_or(|b| matches!(b, b'\r' | b'\n'))
    };
    let at = memmem::rfind_iter(bytes, b"trailer").find(starts_line)? + b"trailer".len();
    let rest = bytes.get(at..)?;
    // The end of the line is no part of it.
    let line_end = [&b"\r\n"[..], b"\n", b"\r"].into_iter().find(|end| rest.starts_with(end));
    Some(at + line_end.map_or(0, <[u8]>::len))
}

fn names_encryption(trailer: &[u8]) -> bool {
    let word = b"/Encrypt";
    let ends = |at: usize| trailer.get(at + word.len()).is_some_and(|b| is_blank(*b) || *b == b'<');
    memmem::find_iter(trailer, word).any(ends)
}

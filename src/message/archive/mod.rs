//! What is inside an archive: the names of its members, never their content. Bytes in, listing out; start at [`list`].
//!
//! Every walk goes forward through bytes that are there, so time and memory follow the size of the part, whatever sizes and counts the
//! headers claim. Only a gzip is ever unpacked, to see a tar in it, and never further than [`UNPACKED`]. Archives in archives stay shut.

mod cab;
mod gzip;
mod iso;
mod name;
mod rar;
mod reader;
mod seven;
mod tar;
#[cfg(test)]
mod tests;
mod zip;

pub use gzip::unpacked;
use reader::Reader;

/// Members kept of one archive.
pub const ENTRIES: usize = 1_000;
/// Bytes kept of a name: of a longer one the end, where the extension is.
pub const NAME: usize = 4_096;
/// Bytes that are unpacked of a gzip.
pub const UNPACKED: usize = 4 * 1024 * 1024;

/// The family of formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Zip and what is built on it: jar, docx, apk.
    Zip,
    /// RAR 1.5 to 4, and 5.
    Rar,
    /// 7-Zip.
    #[serde(rename = "7z")]
    SevenZip,
    /// One compressed file.
    #[serde(rename = "gz")]
    Gzip,
    /// Tar.
    Tar,
    /// Microsoft's cabinets.
    Cab,
    /// Images of optical discs.
    Iso,
}

/// A listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// The format.
    pub kind: Kind,
    /// The first members in order, folders included where the format lists them.
    pub entries: Vec<Entry>,
    /// The archive as a whole is encrypted: its list, or members that the format does not tell apart.
    pub encrypted: bool,
    /// The list is compressed or encrypted, so that it cannot be read without unpacking.
    pub hidden: bool,
    /// Names hold characters that cannot be seen.
    pub obfuscated: bool,
    /// There are more members than were kept.
    pub more: bool,
    /// The structure ends early or contradicts itself; the members before that place are kept.
    pub broken: bool,
}

/// A member.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Its name with path, as UTF-8.
    pub name: String,
    /// Its size as claimed, unpacked.
    pub size: Option<u64>,
    /// Its size in the archive as claimed.
    pub packed: Option<u64>,
    /// It is encrypted.
    pub encrypted: bool,
}

/// Lists an archive; `None` for anything else. A gzip without a name in it is named after its file.
pub fn list(bytes: &[u8], file: Option<&str>) -> Option<Archive> {
    let format = FORMATS
        .iter()
        .find(|(at, magic, _)| bytes.get(*at..).is_some_and(|b| b.starts_with(magic)));
    let (_, _, read) = format?;
    read(bytes, file)
}

type Read = fn(&[u8], Option<&str>) -> Option<Archive>;

/// Where a format's mark stands, the mark, and who reads it.
const FORMATS: &[(usize, &[u8], Read)] = &[
    (0, b"PK\x03\x04", |bytes, _| Some(zip::list(bytes))),
    (0, b"Rar!\x1a\x07\0", |bytes, _| Some(rar::list_4(bytes))),
    (0, b"Rar!\x1a\x07\x01\0", |bytes, _| Some(rar::list_5(bytes))),
    (0, b"7z\xbc\xaf\x27\x1c", |bytes, _| Some(seven::list(bytes))),
    (0, b"\x1f\x8b\x08", gzip::list),
    (0, b"MSCF\0\0\0\0", |bytes, _| Some(cab::list(bytes))),
    (tar::MARK_AT, tar::MARK, |bytes, _| Some(tar::list(bytes))),
    (iso::MARK_AT, iso::MARK, |bytes, _| Some(iso::list(bytes))),
];

impl Archive {
    /// The listing holds together, as far as rspamd wants it to: a 7z whose header is cut counts with what is left of it.
    pub fn makes_sense(&self) -> bool {
        !self.broken || (self.kind == Kind::SevenZip && (self.hidden || self.encrypted || !self.entries.is_empty()))
    }

    fn new(kind: Kind) -> Archive {
        Archive {
            kind,
            entries: Vec::new(),
            encrypted: false,
            hidden: false,
            obfuscated: false,
            more: false,
            broken: false,
        }
    }

    /// Keeps a member; false once there is no more room.
    fn keep(&mut self, raw: &[u8], entry: Entry) -> bool {
        if self.entries.len() >= ENTRIES {
            self.more = true;
            return false;
        }
        let (name, strange) = name::read(raw);
        self.obfuscated |= strange;
        self.entries.push(Entry { name, ..entry });
        true
    }

    /// The outcome of a walk that gives up with `None` where bytes are missing or make no sense.
    fn walked(mut self, walk: impl FnOnce(&mut Archive) -> Option<()>) -> Archive {
        self.broken = walk(&mut self).is_none();
        self
    }
}

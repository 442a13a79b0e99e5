//! What leaves a store and comes back: JSON Lines with a header, an entry a line, and a last line that holds count and checksum.
//!
//! Expiry is written as a moment, so that life goes on meanwhile. A file that is cut anywhere, or changed, is noticed; the reader
//! takes lines of bounded length only. Neither side opens a file or a store.

mod read;
mod row;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Fault, Reader};
pub use row::{Pail, Row};
pub use write::Writer;

use serde::{Deserialize, Serialize};

/// The newest version of the format, which is written.
pub const VERSION: u32 = 1;
/// Bytes of one line at most.
pub const LONGEST_LINE: usize = 32 << 20;
/// The format's name.
const FORMAT: &str = "store";

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    torwart: String,
    version: u32,
    /// When it was written, in milliseconds since 1970.
    pub time: u64,
    /// The engines it came from.
    pub kind: String,
}

impl Header {
    /// The header of an export that begins now.
    pub fn new(kind: impl Into<String>) -> Header {
        Header {
            torwart: FORMAT.to_owned(),
            version: VERSION,
            time: now(),
            kind: kind.into(),
        }
    }
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    end: u64,
    sha256: String,
}

/// How the last line begins, and no entry.
const END: &[u8] = b"{\"end\":";

/// Milliseconds since 1970 by the system's clock, by which expiry is written and read.
pub fn now() -> u64 {
    super::clock()
}

//! Writes an export. What is behind it, a file or a pipe, is the caller's.

use super::{End, Header, LONGEST_LINE, Row};
use crate::base::hex;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// An export under way. Without [`Writer::finish`] what it wrote is no whole export.
pub struct Writer<W> {
    out: W,
    hash: Sha256,
    rows: u64,
}

impl<W: Write> Writer<W> {
    /// Begins with the header.
    pub fn begin(out: W, header: &Header) -> io::Result<Writer<W>> {
        let mut writer = Writer {
            out,
            hash: Sha256::new(),
            rows: 0,
        };
        let line = serde_json::to_vec(header)?;
        writer.line(line)?;
        Ok(writer)
    }

    /// Writes one entry.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        let line = serde_json::to_vec(row)?;
        if line.len() >= LONGEST_LINE {
            let problem = format!("an entry of {} is too large for an export: {} bytes", row.space(), line.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        self.line(line)?;
        self.rows += 1;
        Ok(())
    }

    /// Entries written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes the last line and gives back what is behind.
    pub fn finish(mut self) -> io::Result<W> {
        let end = End {
            end: self.rows,
            sha256: hex::encode(&self.hash.finalize_reset()),
        };
        let line = serde_json::to_vec(&end)?;
        self.line(line)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn line(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        self.hash.update(&line);
        self.out.write_all(&line)
    }
}

//! Reads an export line by line, and knows at the end that it was whole.

use super::{END, End, FORMAT, Header, LONGEST_LINE, Row, VERSION};
use crate::base::hex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::{BufRead, Read};

/// What is wrong with an export, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct Fault {
    /// From 1.
    pub line: u64,
    /// A sentence.
    pub problem: String,
}

/// An export that is read. Only when [`Reader::next_row`] has said that there are no more is it known to be whole.
pub struct Reader<R> {
    input: R,
    pub(super) line: Vec<u8>,
    number: u64,
    rows: u64,
    hash: Sha256,
    header: Header,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    pub fn open(input: R) -> Result<Reader<R>, Fault> {
        let mut reader = Reader {
            input,
            line: Vec::new(),
            number: 0,
            rows: 0,
            hash: Sha256::new(),
            header: Header::new(""),
            ended: false,
        };
        if !reader.advance()? {
            return Err(reader.fault("it is empty"));
        }
        reader.hash.update(&reader.line);
        reader.header = reader.first()?;
        Ok(reader)
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The line read last, from 1.
    pub fn line(&self) -> u64 {
        self.number
    }

    /// Its length in bytes.
    pub fn length(&self) -> usize {
        self.line.len()
    }

    /// The next entry; none: the export was whole.
    pub fn next_row(&mut self) -> Result<Option<Row>, Fault> {
        if self.ended {
            return Ok(None);
        }
        if !self.advance()? {
            return Err(self.fault("the file ends without its last line, so some of it is missing; export it again"));
        }
        if self.line.starts_with(END) {
            return self.end().map(|()| None);
        }
        self.hash.update(&self.line);
        self.rows += 1;
        let row: Row = self.parse("it is no entry")?;
        Ok(Some(row))
    }

    fn first(&self) -> Result<Header, Fault> {
        let foreign = || self.fault("it is no export of a torwart store");
        let value: Value = serde_json::from_slice(&self.line).map_err(|_| foreign())?;
        if value.get("torwart").and_then(Value::as_str) != Some(FORMAT) {
            return Err(foreign());
        }
        match value.get("version").and_then(Value::as_u64) {
            Some(version) if version > u64::from(VERSION) => Err(self.fault(format!(
                "a newer torwart wrote it (version {version} of the format, this one reads up to {VERSION}); import it with that one"
            ))),
            Some(1..) => self.parse("it is no header"),
            _ => Err(foreign()),
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        let end: End = self.parse("it is no last line")?;
        if end.end != self.rows {
            return Err(self.fault(format!(
                "{} entries are there, {} were written; export it again",
                self.rows, end.end
            )));
        }
        if end.sha256 != hex::encode(&self.hash.finalize_reset()) {
            return Err(self.fault("the checksum is another: the file was changed or damaged since it was written"));
        }
        self.ended = true;
        if self.advance()? {
            return Err(self.fault("something follows the last line; import one export at a time"));
        }
        Ok(())
    }

    /// Reads a line into `line`; false at the end of the input.
    fn advance(&mut self) -> Result<bool, Fault> {
        self.line.clear();
        // What a huge line has taken is not kept for all the small ones behind it.
        self.line.shrink_to(1 << 20);
        let mut bounded = (&mut self.input).take(LONGEST_LINE as u64);
        let read = bounded.read_until(b'\n', &mut self.line);
        self.number += 1;
        match read {
            Ok(0) => Ok(false),
            Ok(_) if self.line.ends_with(b"\n") => Ok(true),
            Ok(n) if n >= LONGEST_LINE => Err(self.fault(format!("it is longer than {} MiB", LONGEST_LINE >> 20))),
            Ok(_) => Err(self.fault("the file ends within this line; export it again")),
            Err(error) => {
                let problem = error.to_string().to_lowercase();
                Err(self.fault(format!("it cannot be read: {problem}")))
            }
        }
    }

    fn parse<T: DeserializeOwned>(&self, what: &str) -> Result<T, Fault> {
        // Lists would do for serde, in the order of the fields.
        if !self.line.starts_with(b"{") {
            return Err(self.fault(format!("{what}: it does not begin with {{")));
        }
        serde_json::from_slice(&self.line).map_err(|error| {
            // The place inside the line is of no use: what was written is one line.
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or(&text);
            self.fault(format!("{what}: {text}"))
        })
    }

    /// Something is wrong with the line read last.
    pub fn fault(&self, problem: impl Into<String>) -> Fault {
        Fault {
            line: self.number,
            problem: problem.into(),
        }
    }
}

//! Where a map's text comes from. A file is looked at again and again: this is the machine that decides when a changed file may be
//! read, so that one caught while somebody writes it, or gone for a moment, never empties a list. It knows nothing of the content.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// No map file is larger.
pub const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// Where a map's text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, read again when it changes. It need not exist yet.
    File(PathBuf),
    /// Lines of the configuration itself.
    Inline(Vec<String>),
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(meta: &Metadata) -> Stamp {
        Stamp {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// What a look at the file brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing new, or nothing that may be used yet.
    Same,
    /// New content, complete.
    New(Vec<u8>),
    /// It cannot be read; said once until the reason changes.
    Trouble(String),
}

/// A file under watch.
#[derive(Debug)]
pub(super) struct Watched {
    path: PathBuf,
    /// State of the content in use.
    taken: Option<Stamp>,
    /// A state that looks unfinished, and since when it has not moved.
    unfinished: Option<(Stamp, Instant)>,
    /// The reason last given.
    trouble: Option<String>,
    /// Somebody looked before.
    looked: bool,
}

impl Watched {
    pub(super) fn new(path: &Path) -> Watched {
        Watched {
            path: path.to_owned(),
            taken: None,
            unfinished: None,
            trouble: None,
            looked: false,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at the file. One that does not end in a line end (or is empty) is taken only after it stood still for `settle`, by the
    /// monotonic clock; the very first look takes it as it is, there being nothing to keep.
    pub(super) fn look(&mut self, settle: Duration, now: Instant) -> Look {
        let first = !std::mem::replace(&mut self.looked, true);
        match self.read(settle, now, first) {
            Ok(Some(bytes)) => {
                self.trouble = None;
                Look::New(bytes)
            }
            Ok(None) => Look::Same,
            Err(reason) if self.trouble.as_ref() == Some(&reason) => Look::Same,
            Err(reason) => {
                self.trouble = Some(reason.clone());
                Look::Trouble(reason)
            }
        }
    }

    fn read(&mut self, settle: Duration, now: Instant, first: bool) -> Result<Option<Vec<u8>>, String> {
        let meta = std::fs::metadata(&self.path).map_err(|e| why(&e))?;
        if !meta.is_file() {
            return Err("it is not a regular file".into());
        }
        let stamp = Stamp::of(&meta);
        if self.taken == Some(stamp) {
            // It was gone or unreadable for a while and is what we have.
            self.trouble = None;
            return Ok(None);
        }
        if let Some((seen, since)) = self.unfinished
            && seen == stamp
            && now.duration_since(since) < settle
        {
            return Ok(None);
        }
        if stamp.size > LARGEST_FILE {
            return Err(format!("it is larger than {} MiB", LARGEST_FILE >> 20));
        }
        let (bytes, after) = self.bytes().map_err(|e| why(&e))?;
        if after != stamp {
            // It moved under our eyes: the next look decides.
            self.unfinished = None;
            return if first { Ok(Some(bytes)) } else { Ok(None) };
        }
        let settled = self.unfinished.is_some_and(|(seen, _)| seen == stamp);
        if !first && !settled && bytes.last() != Some(&b'\n') {
            self.unfinished = Some((stamp, now));
            return Ok(None);
        }
        self.taken = Some(stamp);
        self.unfinished = None;
        Ok(Some(bytes))
    }

    /// The content and the state of the file after it was read.
    fn bytes(&self) -> std::io::Result<(Vec<u8>, Stamp)> {
        // A pipe put in the file's place must not hold us: hence no blocking open.
        let file: File = OpenOptions::new()
            .read(true)
            .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
            .open(&self.path)?;
        let mut bytes = Vec::new();
        (&file).take(LARGEST_FILE).read_to_end(&mut bytes)?;
        Ok((bytes, Stamp::of(&file.metadata()?)))
    }
}

fn why(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "it does not exist".into(),
        ErrorKind::PermissionDenied => "reading it is not permitted".into(),
        _ => error.to_string(),
    }
}

//! Where the message of a scan request is: its body, or, where that is allowed, a file or shared memory of this machine.

use super::scan::Policy;
use crate::http::{self, Undecodable, decompress, percent_decode};
use bytes::Bytes;
use nix::fcntl::OFlag;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why there is no message to scan.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The HTTP status.
    pub status: u16,
    /// What is wrong: reason phrase and body carry it.
    pub text: String,
    /// rspamd's word for the kind of error.
    pub domain: &'static str,
}

impl Fault {
    fn task(status: u16, text: impl Into<String>) -> Fault {
        Fault {
            status,
            text: text.into(),
            domain: "task-error",
        }
    }
}

/// A message and the name it has on this machine, if it has one.
#[derive(Debug)]
pub struct Message {
    pub raw: Bytes,
    pub file: Option<String>,
    /// It came as zstd.
    pub compressed: bool,
}

/// One piece of a local file.
#[derive(Debug)]
struct Piece {
    path: PathBuf,
    offset: u64,
    length: Option<u64>,
}

/// Finds the message: `Shm` before `File` before `Path` before the body; then undoes its compression.
pub async fn load(request: &http::Request, policy: &Policy) -> Result<Message, Fault> {
    let header = |name: &str| request.headers.get(name).or_else(|| request.argument(name));
    let local = header("Shm").or(header("File")).or(header("Path"));
    if local.is_some() && !policy.allow_local_files {
        return Err(Fault::task(400, "file and shm message sources are not allowed on this connection"));
    }
    let (raw, file) = match (header("Shm"), header("File").or(header("Path"))) {
        (Some(name), _) => (shared(name, &header, policy.max_message).await?, None),
        (None, Some(path)) => {
            let (raw, path) = from_file(path, policy.max_message).await?;
            (raw, Some(path))
        }
        (None, None) => (request.body.clone(), None),
    };
    let zstd = |name: &str| header(name).is_some_and(|v| v.trim().eq_ignore_ascii_case("zstd"));
    if header("Compression").is_some() && !zstd("Compression") {
        return Err(Fault::task(503, "Invalid compression method"));
    }
    let compressed = zstd("Compression") || zstd("Content-Encoding");
    let raw = match compressed {
        true => inflate(raw, header("Dictionary"), policy.max_message).await?,
        false => raw,
    };
    Ok(Message { raw, file, compressed })
}

async fn inflate(packed: Bytes, dictionary: Option<&str>, limit: u64) -> Result<Bytes, Fault> {
    match dictionary.map(|id| id.trim().parse::<u32>()) {
        Some(Err(_)) => return Err(Fault::task(503, "Non numeric dictionary")),
        Some(Ok(_)) => return Err(Fault::task(503, "Unknown dictionary, undefined locally")),
        None => {}
    }
    decompress(packed, limit).await.map_err(|error| match error {
        Undecodable::TooLarge { .. } => Fault::task(413, error.to_string()),
        Undecodable::Broken(_) => Fault::task(503, format!("Decompression error: {error}")),
    })
}

async fn from_file(given: &str, limit: u64) -> Result<(Bytes, String), Fault> {
    let decoded = percent_decode(given);
    let path = decoded.strip_prefix('"').unwrap_or(&decoded);
    let path = path.strip_suffix('"').unwrap_or(path).to_owned();
    let piece = Piece {
        path: PathBuf::from(&path),
        offset: 0,
        length: None,
    };
    match read(piece, limit).await {
        Ok(raw) => Ok((raw, path)),
        Err(ReadError::TooLarge(size)) => Err(Fault::task(503, format!("Too large file ({path}): {size}, maximum is {limit}"))),
        Err(ReadError::Io(error)) => Err(Fault::task(503, format!("Invalid file ({path}): {}", plain(&error)))),
    }
}

/// POSIX shared memory: on Linux, a file of that name below `/dev/shm`.
async fn shared<'h>(name: &str, header: &impl Fn(&str) -> Option<&'h str>, limit: u64) -> Result<Bytes, Fault> {
    let refuse = |why: &str| Fault::task(503, format!("Cannot open shm segment ({name}): {why}"));
    let file = name.trim_start_matches('/');
    if file.is_empty() || file.len() > 255 || file.contains('/') || file.contains('\0') || matches!(file, "." | "..") {
        return Err(refuse("Invalid argument"));
    }
    let number = |key: &str, what: &str| match header(key).map(|v| v.trim().parse::<u64>()) {
        None => Ok(None),
        Some(Ok(n)) => Ok(Some(n)),
        Some(Err(_)) => Err(Fault::task(503, format!("invalid shm segment {what}: not a number"))),
    };
    let piece = Piece {
        path: Path::new("/dev/shm").join(file),
        offset: number("Shm-Offset", "offset")?.unwrap_or(0),
        length: number("Shm-Length", "length")?,
    };
    match read(piece, limit).await {
        Ok(raw) => Ok(raw),
        Err(ReadError::TooLarge(size)) => Err(refuse(&format!("{size} bytes, maximum is {limit}"))),
        Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::InvalidInput => {
            Err(Fault::task(503, "invalid shm segment offset: beyond its end"))
        }
        Err(ReadError::Io(error)) => Err(refuse(&plain(&error))),
    }
}

enum ReadError {
    TooLarge(u64),
    Io(io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        ReadError::Io(error)
    }
}

async fn read(piece: Piece, limit: u64) -> Result<Bytes, ReadError> {
    tokio::task::spawn_blocking(move || read_now(&piece, limit))
        .await
        .unwrap_or_else(|_| Err(io::Error::other("reading failed").into()))
}

fn read_now(piece: &Piece, limit: u64) -> Result<Bytes, ReadError> {
    // Opening a FIFO would wait for its writer, and a terminal would become ours.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let mut file = File::options().read(true).custom_flags(flags.bits()).open(&piece.path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("Not a regular file").into());
    }
    let behind = about
        .len()
        .checked_sub(piece.offset)
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let length = piece.length.unwrap_or(behind);
    if length > behind {
        return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
    }
    if length > limit {
        return Err(ReadError::TooLarge(length));
    }
    file.seek(SeekFrom::Start(piece.offset))?;
    let mut raw = Vec::new();
    file.take(length).read_to_end(&mut raw)?;
    Ok(raw.into())
}

/// The system's words without the number that Rust puts behind them.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

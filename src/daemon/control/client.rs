//! The command line's end of the control socket. Blocks.

use super::NAME;
use crate::daemon::unix;
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes of one answer that a client takes.
const LONGEST_ANSWER: u64 = 64 << 20;
/// A client waits this long for an answer.
pub const WAIT: Duration = Duration::from_secs(60);

/// Why a question to a daemon brought no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No daemon listens there.
    #[error("no daemon answers at {}: {problem}", path.display())]
    Absent {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// The daemon said no.
    #[error("{0}")]
    Refused(String),
}

/// Asks a running daemon (for the command line; blocks).
pub fn ask(folder: &Path, request: &Value) -> Result<Value, Failure> {
    ask_within(folder, request, WAIT)
}

/// The same for what may take its time.
pub fn ask_within(folder: &Path, request: &Value, wait: Duration) -> Result<Value, Failure> {
    let path = folder.join(NAME);
    let absent = |error: io::Error| Failure::Absent {
        path: path.clone(),
        problem: unix::plain(&error),
    };
    let mut stream = UnixStream::connect(&path).map_err(absent)?;
    stream.set_read_timeout(Some(wait)).map_err(absent)?;
    stream.write_all(format!("{request}\n").as_bytes()).map_err(absent)?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST_ANSWER)).read_line(&mut line).map_err(absent)?;
    let answer: Value =
        serde_json::from_str(&line).map_err(|_| Failure::Refused("the daemon closed the connection without an answer".to_owned()))?;
    match answer.get("ok").and_then(Value::as_bool) {
        Some(true) => Ok(answer.get("result").cloned().unwrap_or(Value::Null)),
        _ => {
            let text = answer.get("error").and_then(Value::as_str);
            Err(Failure::Refused(text.unwrap_or("the daemon refused").to_owned()))
        }
    }
}

//! The control socket: one JSON object a line in, one out. It carries what `torwart stat`, `history` and `reload` ask.
//!
//! Only the daemon's own user can open it (0600). Requests are bounded in size and time; what is larger goes in several, each
//! complete in itself. Later verbs are later arms in the [`Verbs`] that the daemon hands in.

use super::accept::{self, Incoming};
use super::listen::Listener;
use super::unix::{self, Rights};
use serde_json::{Value, json};
use std::future::Future;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The socket's name in the run folder.
pub const NAME: &str = "control.sock";
/// Bytes of one request, as a rule.
const LONG: u64 = 64 * 1024;
/// Bytes of one request at most: an entry of a store with what goes with it. There is one such at a time.
const LONGEST: u64 = 40 << 20;
/// Bytes of one answer that a client takes.
const LONGEST_ANSWER: u64 = 64 << 20;
/// Connections at a time.
const CLIENTS: usize = 16;
/// A request must be complete after this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// A client waits this long for an answer.
pub const WAIT: Duration = Duration::from_secs(60);

/// What the daemon does for a verb: an object, or a sentence on why not.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Value, String>> + Send + 'a>>;

/// The daemon's side of the verbs.
pub trait Verbs: Send + Sync {
    /// Carries out one verb; `request` is the whole object that asked for it.
    fn carry_out<'a>(&'a self, verb: &'a str, request: &'a Value) -> Answer<'a>;
}

/// Binds the socket in the run folder, making the folder (0700) where it is missing.
pub fn bind(folder: &Path) -> Result<Listener, String> {
    use std::os::unix::fs::DirBuilderExt;
    let path = folder.join(NAME);
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o755).create(folder);
    made.map_err(|e| {
        let problem = unix::plain(&e);
        format!(
            "cannot create the run folder {}: {problem}; set paths.run to a folder of this user",
            folder.display()
        )
    })?;
    let rights = Rights {
        mode: Some(0o600),
        ..Rights::default()
    };
    let bound = unix::bind(&path, &rights);
    let (listener, leftover) = bound.map_err(|e| format!("cannot open the control socket {}: {e}", path.display()))?;
    Ok(Listener::Unix(listener, Some(leftover)))
}

/// Serves the socket until told to stop.
pub async fn serve(listener: &Listener, verbs: Arc<dyn Verbs>, stop: CancellationToken) {
    let room = Arc::new(Semaphore::new(CLIENTS));
    let large = Arc::new(Semaphore::new(1));
    let take = |incoming| {
        let Incoming::Unix(stream) = incoming else { return };
        let (verbs, room, large, stop) = (verbs.clone(), room.clone(), large.clone(), stop.clone());
        tokio::spawn(async move {
            // Too many at a time: the connection closes, the client says so.
            let Ok(_place) = room.try_acquire() else { return };
            tokio::select! {
                () = stop.cancelled() => {}
                _ = converse(stream, &*verbs, &large) => {}
            }
        });
    };
    if let Err(error) = accept::run(listener, stop.clone(), || {}, take).await {
        tracing::error!("the control socket does not accept: {error}");
    }
}

async fn converse(stream: tokio::net::UnixStream, verbs: &dyn Verbs, large: &Semaphore) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = tokio::io::BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        if !read_line(&mut reader, &mut line, LONG).await {
            return Ok(());
        }
        // Held until the answer is out.
        let mut _place = None;
        if !line.ends_with(b"\n") && line.len() as u64 == LONG {
            let Ok(Ok(place)) = tokio::time::timeout(WAIT, large.acquire()).await else {
                return Ok(());
            };
            _place = Some(place);
            if !read_line(&mut reader, &mut line, LONGEST - LONG).await {
                return Ok(());
            }
        }
        let complete = line.ends_with(b"\n");
        let answer = if complete {
            answer(&line, verbs).await
        } else {
            refuse("the request is no complete line")
        };
        let mut text = answer.to_string();
        text.push('\n');
        tokio::time::timeout(PATIENCE, writer.write_all(text.as_bytes())).await??;
        if !complete {
            return Ok(());
        }
    }
}

/// Reads on to the end of a line, so many bytes at most; false where nothing comes, or not in time.
async fn read_line(reader: &mut (impl tokio::io::AsyncBufRead + Unpin), line: &mut Vec<u8>, most: u64) -> bool {
    let mut bounded = reader.take(most);
    let read = tokio::time::timeout(PATIENCE, bounded.read_until(b'\n', line)).await;
    matches!(read, Ok(Ok(n)) if n > 0)
}

async fn answer(line: &[u8], verbs: &dyn Verbs) -> Value {
    let Ok(request) = serde_json::from_slice::<Value>(line) else {
        return refuse("the request is no JSON object");
    };
    let Some(verb) = request.get("verb").and_then(Value::as_str) else {
        return refuse("the request names no verb");
    };
    match verbs.carry_out(verb, &request).await {
        Ok(result) => json!({ "ok": true, "result": result }),
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &str) -> Value {
    json!({ "ok": false, "error": error })
}

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

/// The run folder: `paths.run`, else `$RUNTIME_DIRECTORY`, else `/run/torwart` as root, else `$XDG_RUNTIME_DIR/torwart`,
/// else the state folder.
pub fn run_folder(configured: &Path, environment: &dyn Fn(&str) -> Option<String>, root: bool, state: &Path) -> PathBuf {
    let variable = |name: &str| environment(name).filter(|v| !v.is_empty());
    if !configured.as_os_str().is_empty() {
        return configured.to_owned();
    }
    if let Some(list) = variable("RUNTIME_DIRECTORY") {
        return PathBuf::from(list.split(':').next().unwrap_or_default());
    }
    if root {
        return PathBuf::from("/run/torwart");
    }
    match variable("XDG_RUNTIME_DIR").filter(|v| v.starts_with('/')) {
        Some(base) => Path::new(&base).join("torwart"),
        None => state.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Echo;
    impl Verbs for Echo {
        fn carry_out<'a>(&'a self, verb: &'a str, request: &'a Value) -> Answer<'a> {
            Box::pin(async move {
                match verb {
                    "echo" => Ok(request.get("text").cloned().unwrap_or(Value::Null)),
                    other => Err(format!("unknown verb {other}")),
                }
            })
        }
    }

    #[test]
    fn verbs_come_and_go_and_nonsense_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = bind(folder.path()).unwrap();
        let mode = std::fs::metadata(folder.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let stop = CancellationToken::new();
        let (copy, verbs) = (stop.clone(), Arc::new(Echo));
        let served = runtime.spawn(async move { serve(&listener, verbs, copy).await });
        let ask = |request: Value| ask(folder.path(), &request);
        assert_eq!(ask(json!({"verb": "echo", "text": "a\nb"})).unwrap(), "a\nb");
        assert_eq!(ask(json!({"verb": "dance"})).unwrap_err().to_string(), "unknown verb dance");
        assert_eq!(ask(json!([])).unwrap_err().to_string(), "the request names no verb");
        let long = "x".repeat(3 << 20);
        assert_eq!(ask(json!({"verb": "echo", "text": long})).unwrap(), long);
        let mut raw = UnixStream::connect(folder.path().join(NAME)).unwrap();
        raw.write_all(&vec![b'x'; 200_000]).ok();
        raw.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        BufReader::new(raw).read_line(&mut answer).ok();
        assert!(answer.is_empty() || answer.contains("no complete line"), "{answer}");
        stop.cancel();
        runtime.block_on(served).unwrap();
        assert!(matches!(ask(json!({"verb": "echo"})).unwrap_err(), Failure::Absent { .. }));
    }
}

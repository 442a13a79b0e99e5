//! The control socket: what `torwart stat`, `history`, `store` and `reload` ask, and what `rspamadm control` asks.
//!
//! | file | speaks |
//! |---|---|
//! | `lines` | our own language: one JSON object a line in, one out |
//! | `web` | HTTP, as rspamd's control socket does |
//! | `client` | the other end of the first, for the command line |
//!
//! The first byte tells which. Only the daemon's own user can open our own socket (0600). Requests are bounded in size and time.
//! Later verbs are later arms in the [`Verbs`] that the daemon hands in.

mod client;
mod lines;
mod web;

pub use client::{Failure, WAIT, ask, ask_within};

use super::accept::{self, Incoming};
use super::listen::Listener;
use super::unix::{self, Rights};
use serde_json::Value;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The socket's name in the run folder.
pub const NAME: &str = "control.sock";
/// Connections at a time.
const CLIENTS: usize = 16;
/// A request must be complete after this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the daemon does for a verb: an object, or a sentence on why not.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Value, String>> + Send + 'a>>;

/// The daemon's side of the verbs.
pub trait Verbs: Send + Sync {
    /// Carries out one verb; `request` is the whole object that asked for it.
    fn carry_out<'a>(&'a self, verb: &'a str, request: &'a Value) -> Answer<'a>;
}

/// Whoever comes in through a control socket, and what they may ask.
pub struct Reception {
    verbs: Arc<dyn Verbs>,
    places: Semaphore,
    /// There is one large request at a time.
    large: Semaphore,
}

impl Reception {
    /// A reception that carries out these verbs.
    pub fn new(verbs: Arc<dyn Verbs>) -> Reception {
        Reception {
            verbs,
            places: Semaphore::new(CLIENTS),
            large: Semaphore::new(1),
        }
    }

    /// Serves one connection to its end, in the language it begins with.
    pub async fn welcome(&self, stream: UnixStream, stop: CancellationToken) {
        // Too many at a time: the connection closes, the client says so.
        let Ok(_place) = self.places.try_acquire() else { return };
        let mut stream = BufReader::new(stream);
        let first = tokio::select! {
            first = tokio::time::timeout(PATIENCE, stream.fill_buf()) => first,
            () = stop.cancelled() => return,
        };
        match first {
            Ok(Ok([first, ..])) if first.is_ascii_uppercase() => web::serve(stream, self.verbs.clone(), stop).await,
            Ok(Ok([_, ..])) => tokio::select! {
                () = stop.cancelled() => {}
                _ = lines::converse(stream, &*self.verbs, &self.large) => {}
            },
            _ => {}
        }
    }
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
pub async fn serve(listener: &Listener, reception: Arc<Reception>, stop: CancellationToken) {
    let take = |incoming| {
        let Incoming::Unix(stream) = incoming else { return };
        let (reception, stop) = (reception.clone(), stop.clone());
        tokio::spawn(async move { reception.welcome(stream, stop).await });
    };
    if let Err(error) = accept::run(listener, stop.clone(), || {}, take).await {
        tracing::error!("the control socket does not accept: {error}");
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
mod tests;

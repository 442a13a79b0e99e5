//! The accept loop: hands out connections, and waits politely when the process has no descriptor left.

use super::listen::Listener;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;

/// Pause after running out of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection that came in.
pub enum Incoming {
    /// From the net.
    Tcp(TcpStream, SocketAddr),
    /// From this machine.
    Unix(UnixStream),
}

enum Gate {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Gate {
    fn open(listener: &Listener) -> io::Result<Gate> {
        match listener {
            Listener::Tcp(l) => {
                let copy = l.try_clone()?;
                copy.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(copy).map(Gate::Tcp)
            }
            Listener::Unix(l, _) => {
                let copy = l.try_clone()?;
                copy.set_nonblocking(true)?;
                tokio::net::UnixListener::from_std(copy).map(Gate::Unix)
            }
        }
    }

    async fn accept(&self) -> io::Result<Incoming> {
        match self {
            Gate::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Answers are small and whole: waiting for more to send only delays them.
                let _ = stream.set_nodelay(true);
                Ok(Incoming::Tcp(stream, peer))
            }
            Gate::Unix(listener) => Ok(Incoming::Unix(listener.accept().await?.0)),
        }
    }
}

/// Accepts until told to stop. `paused` is called once for each pause for want of descriptors.
pub async fn run(listener: &Listener, stop: CancellationToken, paused: impl Fn(), take: impl Fn(Incoming)) -> io::Result<()> {
    let gate = Gate::open(listener)?;
    let mut said = false;
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            next = gate.accept() => next,
        };
        match next {
            Ok(incoming) => {
                if std::mem::take(&mut said) {
                    tracing::info!("accepting again on {}", listener.address());
                }
                take(incoming);
            }
            Err(error) if is_exhausted(&error) => {
                paused();
                if !said {
                    said = true;
                    tracing::error!(
                        "out of file descriptors or memory, accepting on {} pauses: {error}; raise LimitNOFILE or ulimit -n",
                        listener.address()
                    );
                }
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
            // The client went away before it was accepted, or the like: nothing to do but go on.
            Err(error) => {
                tracing::debug!("accepting on {} failed: {error}", listener.address());
                tokio::task::yield_now().await;
            }
        }
    }
}

fn is_exhausted(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let Some(number) = error.raw_os_error() else { return false };
    matches!(
        Errno::from_raw(number),
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM
    )
}

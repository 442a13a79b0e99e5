//! One question to a daemon over HTTP/1.0, as rspamc asks it. Blocking, bounded, nothing kept alive.

mod reply;

pub(super) use reply::{Reply, parse};

use anyhow::{Result, anyhow};
use std::fmt::{self, Write as _};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Largest answer taken.
const LARGEST: usize = 256 << 20;
/// Shortest wait that a socket takes.
const INSTANT: Duration = Duration::from_millis(1);

/// Where a daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(String),
    Unix(String),
}

impl Place {
    /// `HOST:PORT`, `HOST` (then the port is `usual`) or `unix:PATH`.
    pub fn parse(text: &str, usual: u16) -> Place {
        if let Some(path) = text.strip_prefix("unix:") {
            return Place::Unix(path.to_owned());
        }
        let has_port = match text.rsplit_once(':') {
            Some((host, port)) => port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']')),
            None => false,
        };
        match (has_port, text.contains(':') && !text.starts_with('[')) {
            (true, _) => Place::Tcp(text.to_owned()),
            (false, true) => Place::Tcp(format!("[{text}]:{usual}")),
            (false, false) => Place::Tcp(format!("{text}:{usual}")),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failed {
    /// The name stands for no address.
    Unknown(io::Error),
    /// Nobody listens there.
    Unreachable(io::Error),
    /// The time is over.
    TimedOut,
    /// The connection broke.
    Broken(io::Error),
    /// The connection ended before the answer did.
    Cut,
    /// More than [`LARGEST`] bytes.
    TooLarge,
    /// It is no HTTP.
    NotHttp(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::Unknown(error) => write!(f, "the name stands for no address: {error}"),
            Failed::Unreachable(error) => write!(f, "nobody answers: {error}"),
            Failed::TimedOut => f.write_str("no answer in time"),
            Failed::Broken(error) => write!(f, "no answer: {error}"),
            Failed::Cut => f.write_str("the daemon closed the connection without a whole answer"),
            Failed::TooLarge => write!(f, "the answer is larger than {LARGEST} bytes"),
            Failed::NotHttp(what) => write!(f, "the answer is no HTTP: {what}"),
        }
    }
}

impl Failed {
    fn of(error: io::Error) -> Failed {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Failed::TimedOut,
            _ => Failed::Broken(error),
        }
    }
}

/// Sends one request and reads the whole answer.
pub(super) fn ask(place: &Place, path: &str, headers: &[(String, String)], body: &[u8], wait: Duration) -> Result<Reply> {
    let mut request = format!(
        "POST {path} HTTP/1.0\r\nContent-Length: {}\r\nConnection: close\r\nContent-Type: text/plain\r\n",
        body.len()
    );
    write_headers(&mut request, headers);
    let mut request = request.into_bytes();
    request.extend_from_slice(body);
    let answered = exchange(place, &request, wait).and_then(|raw| parse(&raw));
    answered.map_err(|failed| match (failed, place) {
        (Failed::Unknown(error), Place::Tcp(name) | Place::Unix(name)) => anyhow!("cannot find {name}: {error}"),
        (Failed::Unreachable(error), Place::Tcp(name) | Place::Unix(name)) => {
            anyhow!("no daemon answers at {name}: {error}; start one with `torwart serve`, name another with --connect, or use --local")
        }
        (failed, _) => anyhow!("{failed}"),
    })
}

/// Adds header lines and the empty one behind them; a value cannot begin a line of its own.
pub(super) fn write_headers(head: &mut String, headers: &[(String, String)]) {
    let clean = |t: &str| t.replace(['\r', '\n', '\0'], " ");
    for (name, value) in headers {
        let _ = write!(head, "{}: {}\r\n", clean(name), clean(value));
    }
    head.push_str("\r\n");
}

/// Sends bytes and reads what comes until the answer is whole, the other side closes, or the time is over.
pub(super) fn exchange(place: &Place, request: &[u8], wait: Duration) -> Result<Vec<u8>, Failed> {
    let end = Instant::now() + wait;
    match place {
        Place::Tcp(address) => talk(&mut connect(address, end)?, request, end),
        Place::Unix(path) => talk(&mut UnixStream::connect(path).map_err(Failed::Unreachable)?, request, end),
    }
}

fn left(end: Instant) -> Result<Duration, Failed> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(Failed::TimedOut)
    } else {
        Ok(left.max(INSTANT))
    }
}

fn connect(address: &str, end: Instant) -> Result<TcpStream, Failed> {
    let mut last = Failed::Unknown(ErrorKind::NotFound.into());
    for one in address.to_socket_addrs().map_err(Failed::Unknown)? {
        match TcpStream::connect_timeout(&one, left(end)?) {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == ErrorKind::TimedOut => last = Failed::TimedOut,
            Err(error) => last = Failed::Unreachable(error),
        }
    }
    Err(last)
}

/// A socket whose calls can be told when to give up.
trait Patient: Read + Write {
    fn patience(&self, left: Duration) -> io::Result<()>;
}

impl Patient for TcpStream {
    fn patience(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left)).and_then(|()| self.set_write_timeout(Some(left)))
    }
}

impl Patient for UnixStream {
    fn patience(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left)).and_then(|()| self.set_write_timeout(Some(left)))
    }
}

fn talk(stream: &mut impl Patient, request: &[u8], end: Instant) -> Result<Vec<u8>, Failed> {
    // A server that refuses a large body answers before it has read all: look for the answer whatever writing says.
    let sent = send(stream, request, end);
    let mut raw = Vec::new();
    let mut piece = vec![0; 1 << 16];
    let mut whole = None;
    while whole.is_none_or(|n| raw.len() < n) {
        stream.patience(left(end)?).map_err(Failed::of)?;
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => raw.extend_from_slice(piece.get(..n).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // What came before a reset is looked at as if the connection had ended.
            Err(error) if error.kind() == ErrorKind::ConnectionReset && !raw.is_empty() => break,
            Err(error) => return Err(sent.err().unwrap_or(Failed::of(error))),
        }
        if raw.len() > LARGEST {
            return Err(Failed::TooLarge);
        }
        whole = whole.or_else(|| reply::length(&raw));
    }
    if raw.is_empty() {
        sent?;
        return Err(Failed::Cut);
    }
    Ok(raw)
}

fn send(stream: &mut impl Patient, mut rest: &[u8], end: Instant) -> Result<(), Failed> {
    while !rest.is_empty() {
        stream.patience(left(end)?).map_err(Failed::of)?;
        match stream.write(rest) {
            Ok(n) => rest = rest.get(n..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Failed::of(error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_rspamc_reads_them() {
        for (text, read) in [
            ("mail", "mail:11333"),
            ("mail:1", "mail:1"),
            ("::1", "[::1]:11333"),
            ("[::1]:5", "[::1]:5"),
        ] {
            assert_eq!(Place::parse(text, 11333), Place::Tcp(read.to_owned()));
        }
        assert_eq!(Place::parse("unix:/x", 1), Place::Unix("/x".to_owned()));
    }

    #[test]
    fn a_value_begins_no_line_of_its_own() {
        let mut head = String::new();
        write_headers(&mut head, &[("A".to_owned(), "b\r\nC: d".to_owned())]);
        assert_eq!(head, "A: b  C: d\r\n\r\n");
    }
}

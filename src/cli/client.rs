//! One question to a daemon over HTTP/1.0, as rspamc asks it. Blocking, bounded, nothing kept alive.

use anyhow::{Context, Result, anyhow, bail};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Largest answer taken.
const LARGEST: u64 = 256 << 20;

/// Where a daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(String),
    Unix(String),
}

impl Place {
    /// `HOST:PORT`, `HOST` (then 11333) or `unix:PATH`.
    pub fn parse(text: &str) -> Place {
        if let Some(path) = text.strip_prefix("unix:") {
            return Place::Unix(path.to_owned());
        }
        let has_port = match text.rsplit_once(':') {
            Some((host, port)) => port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']')),
            None => false,
        };
        match (has_port, text.contains(':') && !text.starts_with('[')) {
            (true, _) => Place::Tcp(text.to_owned()),
            (false, true) => Place::Tcp(format!("[{text}]:11333")),
            (false, false) => Place::Tcp(format!("{text}:11333")),
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub reason: String,
    pub body: Vec<u8>,
}

/// Sends one request and reads the whole answer.
pub(super) fn ask(place: &Place, path: &str, headers: &[(String, String)], body: &[u8], wait: Duration) -> Result<Reply> {
    let mut head = format!(
        "POST {path} HTTP/1.0\r\nContent-Length: {}\r\nConnection: close\r\nContent-Type: text/plain\r\n",
        body.len()
    );
    for (name, value) in headers {
        let clean = |t: &str| t.replace(['\r', '\n'], " ");
        let _ = write!(head, "{}: {}\r\n", clean(name), clean(value));
    }
    head.push_str("\r\n");
    let raw = match place {
        Place::Tcp(address) => {
            let stream = connect(address, wait)?;
            stream.set_read_timeout(Some(wait))?;
            stream.set_write_timeout(Some(wait))?;
            exchange(stream, head.as_bytes(), body)
        }
        Place::Unix(path) => {
            let stream = UnixStream::connect(path).map_err(|error| absent(path, &error))?;
            stream.set_read_timeout(Some(wait))?;
            stream.set_write_timeout(Some(wait))?;
            exchange(stream, head.as_bytes(), body)
        }
    }?;
    parse(&raw)
}

fn connect(address: &str, wait: Duration) -> Result<TcpStream> {
    let found = address.to_socket_addrs().with_context(|| format!("cannot find {address}"))?;
    let mut last = None;
    for one in found {
        match TcpStream::connect_timeout(&one, wait) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(absent(address, &error)),
        None => bail!("{address} has no address"),
    }
}

fn absent(place: &str, error: &std::io::Error) -> anyhow::Error {
    anyhow!("no daemon answers at {place}: {error}; start one with `torwart serve`, name another with --connect, or use --local")
}

/// Sends a head and a body, and reads all that comes.
pub(super) fn exchange(mut stream: impl Read + Write, head: &[u8], body: &[u8]) -> Result<Vec<u8>> {
    // A server that refuses a large body answers before it has read all: look for the answer whatever writing says.
    let written = stream.write_all(head).and_then(|()| stream.write_all(body));
    let mut raw = Vec::new();
    let read = stream.take(LARGEST).read_to_end(&mut raw);
    if raw.is_empty() {
        written.context("cannot send the message")?;
        read.context("no answer")?;
        bail!("the daemon closed the connection without an answer");
    }
    Ok(raw)
}

/// Takes an answer apart.
pub(super) fn parse(raw: &[u8]) -> Result<Reply> {
    let end = raw.windows(4).position(|w| w == b"\r\n\r\n").context("the answer is no HTTP")?;
    let (head, body) = raw.split_at(end);
    let first = String::from_utf8_lossy(head.split(|b| *b == b'\r').next().unwrap_or_default()).into_owned();
    let mut words = first.splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().and_then(|s| s.parse().ok());
    let (true, Some(status)) = (version.starts_with("HTTP/"), status) else {
        bail!("the answer is no HTTP: {first}")
    };
    Ok(Reply {
        status,
        reason: words.next().unwrap_or_default().to_owned(),
        body: body.get(4..).unwrap_or_default().to_vec(),
    })
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
            assert_eq!(Place::parse(text), Place::Tcp(read.to_owned()));
        }
        assert_eq!(Place::parse("unix:/x"), Place::Unix("/x".to_owned()));
    }

    #[test]
    fn answers_are_taken_apart() {
        let reply = parse(b"HTTP/1.1 413 Too large: 9\r\nA: b\r\n\r\n{}").unwrap();
        assert_eq!(
            (reply.status, reply.reason.as_str(), reply.body.as_slice()),
            (413, "Too large: 9", &b"{}"[..])
        );
        assert!(parse(b"nonsense").is_err());
        assert!(parse(b"SMTP/1 200\r\n\r\n").is_err());
    }
}

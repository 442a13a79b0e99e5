//! One connection to one server, one request, one answer; connecting and exchanging have deadlines of their own. Reads and writes at
//! the same time: a server that refuses a request half-way is heard out, whatever becomes of the rest of the request.

use super::address::Address;
use std::fmt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

/// Once an answer is complete the server has this long to add to it or to close.
const MORE: Duration = Duration::from_millis(100);
/// Bytes read at once.
const STEP: usize = 4096;

/// What callers can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No connection came about.
    Unreachable,
    /// The connection ended before an answer.
    Cut,
    /// The time is over.
    Late,
    /// The answer is longer than any answer may be.
    Overlong,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Of which kind.
    pub problem: Problem,
    /// In words.
    pub text: String,
}

impl Failure {
    fn new(problem: Problem, text: impl Into<String>) -> Failure {
        Failure {
            problem,
            text: text.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open connection.
pub struct Connection(Box<dyn Stream>);

/// Connects to a server; of several addresses behind a name each is tried.
pub async fn connect(address: &Address, limit: Duration) -> Result<Connection, Failure> {
    match timeout(limit, open(address)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(Failure::new(Problem::Unreachable, format!("cannot connect: {}", plain(&error)))),
        Err(_) => Err(Failure::new(Problem::Unreachable, format!("no connection in {limit:?}"))),
    }
}

async fn open(address: &Address) -> io::Result<Connection> {
    let (host, port) = match address {
        Address::Unix(path) => return Ok(Connection(Box::new(UnixStream::connect(path).await?))),
        Address::Tcp { host, port } => (host.as_str(), *port),
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host((host, port)).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A request is written in few pieces; none of them waits for another.
                let _ = stream.set_nodelay(true);
                return Ok(Connection(Box::new(stream)));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Sends a request, piece by piece, and reads the answer: until the server closes, or shortly after `complete` holds for what came.
/// An answer that ends without being complete is given back as it is.
pub async fn exchange(
    connection: Connection,
    request: impl Iterator<Item = Vec<u8>>,
    complete: impl Fn(&[u8]) -> bool,
    most: usize,
    until: Instant,
) -> Result<Vec<u8>, Failure> {
    let (mut from, mut to) = tokio::io::split(connection.0);
    let writing = async {
        for piece in request {
            to.write_all(&piece).await?;
        }
        to.flush().await
    };
    let reading = read(&mut from, complete, most);
    tokio::pin!(writing, reading);
    let mut written = None;
    let both = async {
        loop {
            tokio::select! {
                biased;
                answer = &mut reading => return (answer, written),
                done = &mut writing, if written.is_none() => written = Some(done),
            }
        }
    };
    match timeout_at(until, both).await {
        Err(_) => Err(Failure::new(Problem::Late, "no answer in time")),
        Ok((Ok(answer), written)) if answer.is_empty() => Err(cut(written.and_then(Result::err))),
        Ok((answer, _)) => answer,
    }
}

async fn read(from: &mut (impl AsyncRead + Unpin), complete: impl Fn(&[u8]) -> bool, most: usize) -> Result<Vec<u8>, Failure> {
    let mut answer = Vec::new();
    let mut step = [0; STEP];
    loop {
        let more = from.read(&mut step);
        let count = if complete(&answer) {
            timeout(MORE, more).await.unwrap_or(Ok(0))
        } else {
            more.await
        };
        match count {
            Ok(0) => return Ok(answer),
            Ok(count) => answer.extend_from_slice(step.get(..count).unwrap_or_default()),
            Err(_) if !answer.is_empty() => return Ok(answer),
            Err(error) => return Err(cut(Some(error))),
        }
        if answer.len() > most {
            return Err(Failure::new(Problem::Overlong, format!("an answer of more than {most} bytes")));
        }
    }
}

fn cut(error: Option<io::Error>) -> Failure {
    match error {
        Some(error) => Failure::new(Problem::Cut, format!("connection lost before an answer: {}", plain(&error))),
        None => Failure::new(Problem::Cut, "connection closed without an answer"),
    }
}

/// The words of an error without the number behind them.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_ascii_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    fn ends(answer: &[u8]) -> bool {
        answer.ends_with(b"\n")
    }

    async fn ask(server: impl AsyncFnOnce(tokio::io::DuplexStream), request: Vec<Vec<u8>>) -> Result<Vec<u8>, Failure> {
        let (here, there) = duplex(64);
        let until = Instant::now() + Duration::from_secs(5);
        let asked = exchange(Connection(Box::new(here)), request.into_iter(), ends, 100, until);
        tokio::join!(asked, server(there)).0
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_in_the_middle_of_the_request_is_heard() {
        let long = vec![vec![b'x'; 1000]; 50];
        let answer = ask(
            async |mut s| {
                s.write_all(b"too much\n").await.unwrap();
            },
            long,
        );
        assert_eq!(answer.await.unwrap(), b"too much\n");
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_only_briefly_behind_a_complete_answer() {
        let begun = Instant::now();
        let answer = ask(
            async |mut s| {
                s.write_all(b"one\n").await.unwrap();
                s.write_all(b"two\n").await.unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
            },
            Vec::new(),
        );
        assert_eq!(answer.await.unwrap(), b"one\ntwo\n");
        assert_eq!(begun.elapsed(), Duration::from_secs(1), "the server's own sleep and no more");
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_go_wrong_is_told_apart() {
        let hang = ask(async |s| std::mem::forget(s), Vec::new()).await;
        assert_eq!(hang.unwrap_err().problem, Problem::Late);
        let closed = ask(async |s| drop(s), Vec::new()).await;
        assert_eq!(closed.unwrap_err().problem, Problem::Cut);
        let flood = ask(
            async |mut s| {
                let _ = s.write_all(&[b'x'; 200]).await;
            },
            Vec::new(),
        );
        assert_eq!(flood.await.unwrap_err().problem, Problem::Overlong);
        let half = ask(async |mut s| s.write_all(b"hal").await.unwrap(), Vec::new()).await;
        assert_eq!(half.unwrap(), b"hal");
        let nobody = connect(&Address::Unix("/nonexistent/socket".into()), Duration::from_secs(1)).await;
        let nobody = nobody.map(drop).unwrap_err();
        assert_eq!(nobody.problem, Problem::Unreachable);
        assert!(nobody.text.contains("no such file"), "{nobody}");
    }
}

//! One connection from its first byte to its last: sniffing, limits, deadlines, keep-alive, drain. Knows no routes.

use super::exchange::{Closing, Exchange};
use super::gate::{Gate, Wire};
use super::request::{Kind, Peer, Request};
use super::response::Response;
use super::sniff::{Sniff, sniff};
use super::{BoxFuture, body, exchange, legacy};
use bytes::BytesMut;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// What a connection may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request head.
    pub max_head: usize,
    /// Header lines of a request.
    pub max_headers: usize,
    /// Bytes of a body, as sent.
    pub max_body: u64,
    /// A head must be complete in this time, counted from the connection's or the last answer's.
    pub head: Duration,
    /// Longest silence inside a body, and longest wait for a client to take bytes.
    pub idle: Duration,
    /// A body must be complete in this time.
    pub body_total: Duration,
    /// `RSPAMC` and `SPAMC` first lines are answered.
    pub legacy: bool,
}

impl Limits {
    /// The usual limits for a message size and an I/O time-out.
    pub fn new(max_body: u64, io_timeout: Duration) -> Limits {
        Limits {
            max_head: 80 * 1024,
            // A thousand recipients, each a line of its own, and what else there is.
            max_headers: 1200,
            max_body,
            head: io_timeout,
            idle: io_timeout,
            body_total: body::total(io_timeout),
            legacy: false,
        }
    }

    /// The same, and the old first lines are answered.
    pub fn with_legacy(self) -> Limits {
        Limits { legacy: true, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits::new(50 << 20, Duration::from_secs(60))
    }
}

/// Why a request never reached the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The body is over the limit.
    TooLarge {
        /// Its announced length, where one was.
        announced: Option<u64>,
    },
    /// The head is over the limit.
    HeadTooLarge,
    /// It is not HTTP, or broken HTTP: what is wrong.
    Malformed(&'static str),
    /// It did not arrive in time.
    TimedOut,
    /// The handler broke down over it.
    Failed,
    /// The service ends and has no time left for it.
    Stopping,
}

/// Tells connections to end.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Connections without a request close at once, others after their answer.
    pub soon: CancellationToken,
    /// A request that is still being read is refused.
    pub now: CancellationToken,
}

impl From<CancellationToken> for Stop {
    fn from(soon: CancellationToken) -> Stop {
        let now = CancellationToken::new();
        Stop { soon, now }
    }
}

/// Who answers.
pub trait Handler: Send + Sync {
    /// Answers a request. For [`Kind::Rspamc`] and [`Kind::Spamc`] only the body goes out.
    fn handle(&self, request: Request) -> BoxFuture<'_, Response>;

    /// Answers a request that could not be read.
    fn refuse(&self, refusal: Refusal, kind: Kind) -> Response {
        refusal.response(kind)
    }
}

impl Refusal {
    /// The plain answer.
    pub fn response(self, kind: Kind) -> Response {
        let (status, text) = match self {
            Refusal::TooLarge { announced: Some(n) } => (413, format!("Request entity too large: {n}")),
            Refusal::TooLarge { announced: None } => (413, "Request entity too large".to_owned()),
            Refusal::HeadTooLarge => (431, "HTTP parser error: request head too large".to_owned()),
            Refusal::Malformed(what) => (400, format!("HTTP parser error: {what}")),
            Refusal::TimedOut => (408, "IO timeout".to_owned()),
            Refusal::Failed => (500, "internal error".to_owned()),
            Refusal::Stopping => (503, "the daemon stops, try again later".to_owned()),
        };
        // The old protocols know sysexits: bad data, an I/O failure, a defect.
        let code = match status {
            408 => 74,
            500 => 70,
            503 => 75,
            _ => 65,
        };
        match kind {
            Kind::Http => Response::text(status, text),
            Kind::Rspamc => Response::text(status, format!("RSPAMD/1.3 {code} {text}\r\n")),
            Kind::Spamc => Response::text(status, format!("SPAMD/1.1 {code} {text}\r\n")),
        }
    }
}

/// Serves one connection until it closes or is told to stop.
pub async fn serve<S>(mut stream: S, peer: Peer, limits: Limits, handler: Arc<dyn Handler>, stop: impl Into<Stop>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let stop: Stop = stop.into();
    let deadline = Instant::now() + limits.head;
    let mut sniffed = BytesMut::new();
    let kind = tokio::select! {
        kind = first_line(&mut stream, &mut sniffed, limits.legacy) => kind,
        () = tokio::time::sleep_until(deadline) => None,
        () = stop.soon.cancelled() => return,
    };
    let wire = Arc::new(Wire::default());
    let mut gate = Gate::new(stream, sniffed.freeze(), Arc::clone(&wire), limits.idle);
    match kind {
        None => {}
        Some(Kind::Http) => http(gate, wire, peer, limits, handler, stop).await,
        Some(kind) => {
            wire.speak();
            let read = tokio::select! {
                read = legacy::read(&mut gate, kind, peer, &limits) => read,
                () = stop.now.cancelled() => Err(Refusal::Stopping),
            };
            let (response, unread) = match read {
                Ok(request) => (exchange::answer(&*handler, request).await, false),
                Err(refusal) => (handler.refuse(refusal, kind), true),
            };
            let _ = send(&mut gate, &[&response.body]).await;
            finish(gate, unread, &limits).await;
        }
    }
}

/// Reads until the first line tells its protocol; `None` where the client left before.
async fn first_line<S: AsyncRead + Unpin>(stream: &mut S, sniffed: &mut BytesMut, legacy: bool) -> Option<Kind> {
    loop {
        match read_some(stream, sniffed).await {
            // A client that says half a word and closes gets the parser's answer.
            Ok(0) => return (!sniffed.is_empty()).then_some(Kind::Http),
            Err(_) => return None,
            Ok(_) if !legacy => return Some(Kind::Http),
            Ok(_) => {}
        }
        if let Sniff::Is(kind) = sniff(sniffed) {
            return Some(kind);
        }
    }
}

/// Reads what is there, by way of the stack: a client that says nothing costs no buffer, a small request one read.
async fn read_some<S: AsyncRead + Unpin>(stream: &mut S, sniffed: &mut BytesMut) -> io::Result<usize> {
    poll_fn(|cx| {
        let mut room = [MaybeUninit::uninit(); 8 * 1024];
        let mut read = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
        sniffed.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    })
    .await
}

async fn http<S>(gate: Gate<S>, wire: Arc<Wire>, peer: Peer, limits: Limits, handler: Arc<dyn Handler>, stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (sender, mut closing) = mpsc::channel(1);
    let exchange = Exchange::new(Arc::clone(&handler), peer, limits.clone(), Arc::clone(&wire), (sender, stop.now));
    let mut conn = http1::Builder::new()
        .half_close(true)
        .title_case_headers(true)
        .auto_date_header(false)
        .max_buf_size(limits.max_head)
        .max_headers(limits.max_headers)
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .writev(false)
        .serve_connection(TokioIo::new(gate), exchange);
    let mut stopping = false;
    let (answer, error) = loop {
        tokio::select! {
            biased;
            answer = closing.recv() => break (answer, None),
            done = &mut conn => break (closing.try_recv().ok(), done.err()),
            () = stop.soon.cancelled(), if !stopping => {
                if !wire.started.load(Ordering::Acquire) {
                    return;
                }
                stopping = true;
                Pin::new(&mut conn).graceful_shutdown();
            }
        }
    };
    let parts = conn.into_parts();
    let gate = parts.io.into_inner();
    let answer = answer.or_else(|| {
        let response = handler.refuse(judge(&error?)?, Kind::Http);
        Some(Closing { response, unread: true })
    });
    // A connection that hyper served and closed by itself has had its answers.
    if let Some(Closing { response, unread }) = answer {
        close(gate, &response, unread || !parts.read_buf.is_empty(), &wire, &limits).await;
    }
}

/// What hyper could not read; `None` where there is nobody left to tell.
fn judge(error: &hyper::Error) -> Option<Refusal> {
    if error.is_parse_too_large() {
        return Some(Refusal::HeadTooLarge);
    }
    if error.is_timeout() {
        return Some(Refusal::TimedOut);
    }
    if error.is_incomplete_message() {
        return Some(Refusal::Malformed("request head ends too early"));
    }
    if !error.is_parse() {
        return None;
    }
    let text = error.to_string();
    let what = [
        ("method", "invalid HTTP method"),
        ("URI", "invalid URL"),
        ("version", "invalid HTTP version"),
        ("content-length", "invalid content length"),
        ("header", "invalid character in header"),
    ];
    let known = what.into_iter().find(|(word, _)| text.contains(word));
    Some(Refusal::Malformed(known.map_or("malformed request", |(_, what)| what)))
}

/// Writes an answer in rspamd's shape and ends the connection.
async fn close<S>(mut gate: Gate<S>, response: &Response, unread: bool, wire: &Wire, limits: &Limits)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.speak();
    let mut head = response.head();
    let sent = if response.body.len() <= 16 * 1024 {
        head.extend_from_slice(&response.body);
        send(&mut gate, &[&head]).await
    } else {
        send(&mut gate, &[&head, &response.body]).await
    };
    if sent.is_ok() {
        finish(gate, unread, limits).await;
    }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut Gate<S>, pieces: &[&[u8]]) -> io::Result<()> {
    for piece in pieces {
        stream.write_all(piece).await?;
    }
    stream.flush().await
}

/// Ends our side: by dropping the stream, which closes it. Closing a socket that still holds unread bytes resets it, and the
/// reset may overtake the answer; so what the client goes on sending is read and dropped for a while.
async fn finish<S>(mut gate: Gate<S>, unread: bool, limits: &Limits)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if !unread || !matches!(timeout(limits.idle, gate.shutdown()).await, Ok(Ok(()))) {
        return;
    }
    let end = Instant::now() + limits.idle;
    let mut waste = vec![0; 64 * 1024];
    let mut left = limits.max_body.saturating_mul(2).max(64 << 20);
    while left > 0 {
        let read = timeout(Duration::from_secs(2), timeout_at(end, gate.read(&mut waste))).await;
        match read {
            Ok(Ok(Ok(n))) if n > 0 => left = left.saturating_sub(n as u64),
            _ => return,
        }
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;

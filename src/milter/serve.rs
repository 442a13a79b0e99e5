//! The socket loop around the machine: reads, writes, deadlines, the running scan. What bytes mean is the session's business.
//!
//! It listens nowhere and keeps no count of connections; whoever accepts a stream hands it over with a `Service`.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::edit::{Answer, Reply};
use super::limits::{Limits, Timeouts};
use super::session::{Event, Session};
use super::transaction::Transaction;

#[cfg(test)]
mod tests;

/// Bytes asked for at least in a read; what an idle session holds.
const READ: usize = 4096;
/// The same while a message comes in.
const READ_MESSAGE: usize = 16 * 1024;
/// Bytes asked for at most in a read.
const READ_LARGE: usize = 64 * 1024;
/// Bytes taken from a peer that goes on while its message is judged.
const AHEAD: usize = 64 * 1024;

/// What all sessions of a listener share.
#[derive(Clone, Debug)]
pub struct Service {
    /// How much a peer may send.
    pub limits: Limits,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// Cancelled when the service stops: idle sessions end at once, begun messages get `Timeouts::drain`.
    pub stop: CancellationToken,
}

/// Why a message has no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Its scan panicked.
    Panicked,
    /// Its scan did not end in `Timeouts::scan`.
    Endless,
}

/// Who judges messages.
pub struct Judge<F, G> {
    /// Judges one message. The future is dropped when the MTA takes the message back or goes away.
    pub scan: F,
    /// The reply to a message that could not be judged, by its queue id.
    pub failed: G,
}

/// Why a session ended.
#[derive(Debug)]
pub enum Ended {
    /// The MTA said goodbye.
    Quit,
    /// The peer closed without a word, as health probes do.
    Closed,
    /// A health check by HTTP was answered.
    Ping,
    /// The peer does not speak the protocol.
    Broken(String),
    /// A deadline passed; its name.
    TimedOut(&'static str),
    /// The service stops.
    Stopped,
    /// The connection failed.
    Failed(std::io::Error),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Quit => f.write_str("the MTA said goodbye"),
            Ended::Closed => f.write_str("the peer closed the connection"),
            Ended::Ping => f.write_str("a health check was answered"),
            Ended::Broken(reason) => write!(f, "protocol error: {reason}"),
            Ended::TimedOut("write") => f.write_str("the peer stopped reading"),
            Ended::TimedOut("idle") => f.write_str("nothing was said for too long"),
            Ended::TimedOut(what) => write!(f, "a {what} was not complete in time"),
            Ended::Stopped => f.write_str("the service stops"),
            Ended::Failed(error) => write!(f, "the connection failed: {error}"),
        }
    }
}

/// What a session was, for the log.
#[derive(Debug)]
pub struct Summary {
    /// Why it ended.
    pub ended: Ended,
    /// Messages begun.
    pub messages: u64,
}

/// A scan under way.
type Running<'f> = Pin<Box<dyn Future<Output = Option<Answer>> + Send + 'f>>;

/// Speaks with one MTA to the end. Its messages are judged one at a time. The stream closes when it is dropped at the end.
pub async fn serve<S, F, R, G>(stream: S, service: &Service, judge: Judge<F, G>) -> Summary
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Transaction) -> R + Sync,
    R: Future<Output = Answer> + Send,
    G: Fn(Option<&str>, Failure) -> Reply,
{
    let now = Instant::now();
    let mut talk = Talk {
        stream,
        service,
        session: Session::new(service.limits.clone()),
        clocks: Clocks::new(now),
        queue_id: None,
    };
    let ended = match talk.run(&judge).await {
        Ok(ended) => ended,
        Err(error) => Ended::Failed(error),
    };
    let messages = talk.session.messages();
    Summary { ended, messages }
}

/// When what began.
struct Clocks {
    packet: Option<(u64, Instant)>,
    message: Option<(u64, Instant)>,
    scan: Option<Instant>,
    progress: Instant,
    quiet: Instant,
    stop: Option<Instant>,
}

/// What a deadline does when it passes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    Progress,
    Scan,
    Drain,
    End(&'static str),
}

impl Clocks {
    fn new(now: Instant) -> Clocks {
        Clocks {
            packet: None,
            message: None,
            scan: None,
            progress: now,
            quiet: now,
            stop: None,
        }
    }

    /// Takes note of where the session is.
    fn note(&mut self, session: &Session) {
        let now = Instant::now();
        since(&mut self.packet, session.packet_begun(), now);
        since(&mut self.message, session.message_begun(), now);
        match (session.scanning(), self.scan) {
            (true, None) => (self.scan, self.progress) = (Some(now), now),
            (false, Some(_)) => self.scan = None,
            _ => {}
        }
    }

    /// The next deadline and what it means.
    fn next(&self, times: &Timeouts) -> (Instant, Due) {
        let drain = self.stop.map(|at| (at + times.drain, Due::Drain));
        let packet = self.packet.map(|(_, at)| (at + times.packet, Due::End("packet")));
        let message = self.message.map(|(_, at)| (at + times.message, Due::End("message")));
        let usual = match self.scan {
            Some(at) => earlier((self.progress + times.progress, Due::Progress), Some((at + times.scan, Due::Scan))),
            None if message.is_some() => earlier(message.unwrap_or((self.quiet, Due::End("message"))), packet),
            None => earlier((self.quiet + times.idle, Due::End("idle")), packet),
        };
        earlier(usual, drain)
    }
}

/// Starts a clock anew when its subject changes.
fn since(clock: &mut Option<(u64, Instant)>, subject: Option<u64>, now: Instant) {
    if clock.map(|(number, _)| number) != subject {
        *clock = subject.map(|number| (number, now));
    }
}

fn earlier(one: (Instant, Due), other: Option<(Instant, Due)>) -> (Instant, Due) {
    match other {
        Some(other) if other.0 < one.0 => other,
        _ => one,
    }
}

/// What ended a wait.
enum Woken {
    Read(std::io::Result<usize>),
    Judged(Option<Answer>),
    Due(Due),
    Stop,
}

/// One conversation.
struct Talk<'s, S> {
    stream: S,
    service: &'s Service,
    session: Session,
    clocks: Clocks,
    /// Of the message being judged.
    queue_id: Option<String>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<'_, S> {
    async fn run<F, R, G>(&mut self, judge: &Judge<F, G>) -> std::io::Result<Ended>
    where
        F: Fn(Transaction) -> R + Sync,
        R: Future<Output = Answer> + Send,
        G: Fn(Option<&str>, Failure) -> Reply,
    {
        let mut running: Option<Running<'_>> = None;
        loop {
            let over = self.events(&judge.scan, &mut running);
            if !self.flush().await? {
                return Ok(Ended::TimedOut("write"));
            }
            if let Some(ended) = over {
                return Ok(ended);
            }
            self.clocks.note(&self.session);
            if self.clocks.stop.is_some() && !self.session.scanning() && self.session.message_begun().is_none() {
                return Ok(Ended::Stopped);
            }
            match self.wait(&mut running).await {
                Woken::Read(Ok(0)) => return Ok(Ended::Closed),
                Woken::Read(Ok(_)) => self.clocks.quiet = Instant::now(),
                Woken::Read(Err(error)) => return Err(error),
                Woken::Stop => self.clocks.stop = Some(Instant::now()),
                Woken::Judged(answer) => {
                    running = None;
                    self.clocks.quiet = Instant::now();
                    let answer = answer.unwrap_or_else(|| (judge.failed)(self.queue_id.as_deref(), Failure::Panicked).into());
                    self.answer(answer);
                }
                Woken::Due(Due::Progress) => {
                    self.clocks.progress = Instant::now();
                    self.session.progress();
                }
                Woken::Due(Due::Scan) => {
                    running = None;
                    let reply = (judge.failed)(self.queue_id.as_deref(), Failure::Endless);
                    self.answer(reply.into());
                }
                Woken::Due(Due::Drain) => {
                    drop(running);
                    self.session.give_up();
                    self.flush().await?;
                    return Ok(Ended::Stopped);
                }
                Woken::Due(Due::End(what)) => return Ok(Ended::TimedOut(what)),
            }
        }
    }

    /// Lets the session work through what it has.
    fn events<'f, F, R>(&mut self, scan: &'f F, running: &mut Option<Running<'f>>) -> Option<Ended>
    where
        F: Fn(Transaction) -> R + Sync,
        R: Future<Output = Answer> + Send + 'f,
    {
        while let Some(event) = self.session.next_event() {
            match event {
                Event::Scan(transaction) => {
                    self.queue_id.clone_from(&transaction.envelope.queue_id);
                    *running = Some(Box::pin(guarded(async move { scan(*transaction).await })));
                }
                Event::Aborted => *running = None,
                Event::Close => return Some(Ended::Quit),
                Event::HttpPing => return Some(Ended::Ping),
                Event::Broken(reason) => return Some(Ended::Broken(reason)),
            }
        }
        None
    }

    fn answer(&mut self, answer: Answer) {
        for kind in self.session.answer(answer) {
            tracing::debug!("the MTA did not grant us to {kind}, so that was left out");
        }
    }

    /// Waits for the peer, the scan, a deadline or the end of the service, whichever comes first.
    async fn wait(&mut self, running: &mut Option<Running<'_>>) -> Woken {
        let (deadline, due) = self.clocks.next(&self.service.timeouts);
        if Instant::now() >= deadline {
            return Woken::Due(due); // a peer that never pauses would keep the timer below from being asked
        }
        let stopping = self.clocks.stop.is_some();
        let missing = self.session.missing();
        let scanning = self.session.scanning();
        let least = if self.session.message_begun().is_some() {
            READ_MESSAGE
        } else {
            READ
        };
        let input = self.session.input();
        let reads = !scanning || input.len() < AHEAD;
        if input.is_empty() && input.capacity() > READ_LARGE {
            *input = bytes::BytesMut::new(); // an idle session does not keep what a large packet needed
        }
        input.reserve(missing.clamp(least, READ_LARGE));
        tokio::select! {
            biased;
            () = self.service.stop.cancelled(), if !stopping => Woken::Stop,
            answer = poll_running(running) => Woken::Judged(answer),
            read = self.stream.read_buf(input), if reads => Woken::Read(read),
            () = sleep_until(deadline) => Woken::Due(due),
        }
    }

    /// Writes what there is to write; false when the peer took nothing for too long.
    async fn flush(&mut self) -> std::io::Result<bool> {
        let limit = self.service.timeouts.write;
        let output = self.session.output();
        while !output.is_empty() {
            match timeout(limit, self.stream.write_buf(output)).await {
                Err(_) => return Ok(false),
                Ok(Ok(0)) => return Err(std::io::ErrorKind::WriteZero.into()),
                Ok(written) => written?,
            };
        }
        match timeout(limit, self.stream.flush()).await {
            Err(_) => Ok(false),
            Ok(flushed) => flushed.map(|()| true),
        }
    }
}

/// The answer of the running scan; without one, never.
async fn poll_running(running: &mut Option<Running<'_>>) -> Option<Answer> {
    match running {
        Some(scan) => scan.await,
        None => std::future::pending().await,
    }
}

/// A scan that may panic: then there is no answer, and the session lives on.
async fn guarded(scan: impl Future<Output = Answer>) -> Option<Answer> {
    let mut scan = pin!(scan);
    poll_fn(
        move |context| match catch_unwind(AssertUnwindSafe(|| scan.as_mut().poll(context))) {
            Ok(Poll::Ready(answer)) => Poll::Ready(Some(answer)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}

//! The stream between the socket and hyper: gives back the bytes that were sniffed, keeps hyper's own error answers from going
//! out (we write ours), and cuts off a client that takes no bytes.

use bytes::{Buf, Bytes};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

/// What the connection's task and the request's future tell each other.
#[derive(Debug, Default)]
pub struct Wire {
    /// A request head has arrived.
    pub started: AtomicBool,
    /// hyper was given an answer to write, so what it writes is ours.
    pub speaking: AtomicBool,
    /// Bytes were written and not yet flushed.
    unflushed: AtomicBool,
    flushed: Notify,
}

impl Wire {
    /// Says that hyper was handed an answer.
    pub fn speak(&self) {
        self.speaking.store(true, Ordering::Release);
        self.unflushed.store(true, Ordering::Release);
    }

    /// Waits until every answer that hyper was given is on the wire.
    pub async fn drained(&self) {
        while self.unflushed.load(Ordering::Acquire) {
            let flushed = self.flushed.notified();
            if !self.unflushed.load(Ordering::Acquire) {
                return;
            }
            flushed.await;
        }
    }
}

/// The stream that hyper sees.
pub struct Gate<S> {
    inner: S,
    sniffed: Bytes,
    wire: Arc<Wire>,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Gate<S> {
    /// Puts `sniffed` back in front of the stream; a write that makes no progress for `patience` fails.
    pub fn new(inner: S, sniffed: Bytes, wire: Arc<Wire>, patience: Duration) -> Self {
        Gate {
            inner,
            sniffed,
            wire,
            patience,
            stalled: None,
        }
    }

    /// Keeps watch over a write: any progress resets it, none for too long is an error.
    fn watch<T>(&mut self, poll: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
            return poll;
        }
        let until = Instant::now() + self.patience;
        let sleep = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        match sleep.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no bytes"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.sniffed.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let take = self.sniffed.len().min(buf.remaining());
        buf.put_slice(self.sniffed.get(..take).unwrap_or_default());
        self.sniffed.advance(take);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Before it has an answer of ours, hyper may only say `100 Continue`; its own 400 and 431 are swallowed.
        if !self.wire.speaking.load(Ordering::Acquire) && !bytes.starts_with(b"HTTP/1.1 100") {
            return Poll::Ready(Ok(bytes.len()));
        }
        let poll = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.watch(poll, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.inner).poll_flush(cx);
        let poll = self.watch(poll, cx);
        if poll.is_ready() && self.wire.unflushed.swap(false, Ordering::AcqRel) {
            self.wire.flushed.notify_waiters();
        }
        poll
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.wire.speaking.load(Ordering::Acquire) {
            // hyper ends a connection that it could not parse; our answer is still to be written.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

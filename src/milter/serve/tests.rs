//! The loop with a peer in memory and a clock that jumps.

use std::time::Duration;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::super::codec::{Client, Command};
use super::super::edit::Edit;
use super::super::frame;
use super::super::negotiate::Offer;
use super::*;

/// An MTA with a session on the other side.
struct Mta {
    stream: DuplexStream,
    session: JoinHandle<Summary>,
    input: BytesMut,
}

fn service() -> Service {
    Service {
        limits: Limits::default(),
        timeouts: Timeouts::default(),
        stop: CancellationToken::new(),
    }
}

impl Mta {
    fn start<F, R>(service: Service, scan: F) -> Mta
    where
        F: Fn(Transaction) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        Mta::judged(service, scan, |_, _| Reply::TempFail)
    }

    fn judged<F, R, G>(service: Service, scan: F, failed: G) -> Mta
    where
        F: Fn(Transaction) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
        G: Fn(Option<&str>, Failure) -> Reply + Send + Sync + 'static,
    {
        let (stream, other) = duplex(1024);
        let session = tokio::spawn(async move { serve(other, &service, Judge { scan, failed }).await });
        let input = BytesMut::new();
        Mta { stream, session, input }
    }

    async fn say(&mut self, commands: &[Command<'_>]) {
        let mut out = BytesMut::new();
        commands.iter().for_each(|command| command.encode(&mut out));
        self.stream.write_all(&out).await.unwrap();
    }

    async fn negotiate(&mut self, protocol: u32) {
        let (version, actions) = (6, 0x1ff);
        self.say(&[Command::Negotiate(Offer {
            version,
            actions,
            protocol,
        })])
        .await;
        assert_eq!(self.heard().await.unwrap()[0], b'O');
    }

    async fn message(&mut self) {
        let client = Client::V4 {
            port: 1,
            address: b"192.0.2.1",
        };
        let (path, parameters): (&[u8], &[u8]) = (b"<s@a.test>", b"");
        self.say(&[
            Command::Connect { host: b"h", client },
            Command::Mail { path, parameters },
            Command::Rcpt { path, parameters },
            Command::Header {
                name: b"X-Spam",
                value: b" 1",
            },
            Command::EndOfHeaders,
            Command::Body(b"text\r\n"),
            Command::EndOfBody(b""),
        ])
        .await;
    }

    /// The next packet without its length, `None` at the end.
    async fn heard(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(packet) = frame::peek(&self.input, usize::MAX).unwrap() {
                let total = packet.total;
                return Some(self.input.split_to(total)[4..].to_vec());
            }
            if self.stream.read_buf(&mut self.input).await.unwrap_or(0) == 0 {
                assert!(self.input.is_empty(), "half a packet");
                return None;
            }
        }
    }

    async fn ended(self) -> Ended {
        drop(self.stream);
        self.session.await.unwrap().ended
    }
}

/// A scan that takes so long.
fn slow(seconds: u64) -> impl Fn(Transaction) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync + 'static {
    move |_| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Reply::Accept.into()
        })
    }
}

const ALL: u32 = 0x1f_ffff;

#[tokio::test(start_paused = true)]
async fn case_35_progress_while_a_scan_is_slow() {
    let mut mta = Mta::start(service(), slow(50));
    mta.negotiate(ALL).await;
    mta.message().await;
    let mut heard = Vec::new();
    while heard.last() != Some(&b"a".to_vec()) {
        heard.push(mta.heard().await.unwrap());
    }
    assert_eq!(heard, [b"p", b"p", b"a"]);
    mta.say(&[Command::Quit]).await;
    assert!(matches!(mta.ended().await, Ended::Quit));
}

#[tokio::test(start_paused = true)]
async fn case_36_a_failed_scan_is_a_temporary_failure_and_the_session_goes_on() {
    let calls = AtomicUsize::new(0);
    let mut mta = Mta::start(service(), move |_| {
        let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            assert!(!first, "broken on purpose");
            Reply::Accept.into()
        }
    });
    mta.negotiate(ALL).await;
    mta.message().await;
    assert_eq!(mta.heard().await.unwrap(), b"t");
    mta.message().await;
    assert_eq!(mta.heard().await.unwrap(), b"a");
}

#[tokio::test(start_paused = true)]
async fn case_37_an_endless_scan_is_given_up() {
    let mut service = service();
    service.timeouts.scan = Duration::from_secs(30);
    let mut mta = Mta::judged(service, slow(1_000_000), |_, failure| {
        assert_eq!(failure, Failure::Endless);
        Reply::Accept
    });
    mta.negotiate(ALL).await;
    mta.message().await;
    assert_eq!(mta.heard().await.unwrap(), b"p");
    assert_eq!(mta.heard().await.unwrap(), b"a");
    mta.say(&[Command::Quit]).await;
    assert_eq!(mta.heard().await, None);
}

#[tokio::test(start_paused = true)]
async fn case_43_a_packet_must_be_complete_in_time() {
    let mut mta = Mta::start(service(), slow(0));
    mta.negotiate(ALL).await;
    let before = Instant::now();
    mta.stream.write_all(b"\0\x01\0\0B12345").await.unwrap();
    assert_eq!(mta.heard().await, None);
    assert_eq!(before.elapsed().as_secs(), 60);
    assert!(matches!(mta.ended().await, Ended::TimedOut("packet")));
}

#[tokio::test(start_paused = true)]
async fn one_byte_a_second_does_not_help() {
    let mut mta = Mta::start(service(), slow(0));
    mta.negotiate(ALL).await;
    let mut written = 0;
    while mta.stream.write_all(if written == 0 { b"\0" } else { b"\x01" }).await.is_ok() {
        written += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if written == 4 {
            mta.stream.write_all(b"B").await.unwrap();
        }
        assert!(written < 100);
    }
    assert!((55..=65).contains(&written), "{written}");
    assert!(matches!(mta.ended().await, Ended::TimedOut("packet")));
}

#[tokio::test(start_paused = true)]
async fn a_message_and_silence_have_their_limits() {
    let mut mta = Mta::start(service(), slow(0));
    mta.negotiate(ALL).await;
    let before = Instant::now();
    for _ in 0..100 {
        let mail = Command::Rcpt {
            path: b"<r@x.test>",
            parameters: b"",
        };
        let mut out = BytesMut::new();
        mail.encode(&mut out);
        if mta.stream.write_all(&out).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    assert!((900..=960).contains(&before.elapsed().as_secs()), "{:?}", before.elapsed());
    assert!(matches!(mta.ended().await, Ended::TimedOut("message")));

    let mut mta = Mta::start(service(), slow(0));
    mta.negotiate(ALL).await;
    let before = Instant::now();
    assert_eq!(mta.heard().await, None);
    assert_eq!(before.elapsed().as_secs(), 7200);
    assert!(matches!(mta.ended().await, Ended::TimedOut("idle")));
}

/// Counts how many scans were dropped before their end.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn case_63_abort_drops_the_scan_and_its_answer() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let (count, calls) = (dropped.clone(), AtomicUsize::new(0));
    let mut mta = Mta::start(service(), move |_| {
        let guard = Dropped(count.clone());
        let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            let _guard = guard;
            tokio::time::sleep(Duration::from_secs(5)).await;
            if first { Reply::Discard.into() } else { Reply::Accept.into() }
        }
    });
    mta.negotiate(ALL).await;
    mta.message().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    mta.say(&[Command::Abort]).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    mta.message().await;
    assert_eq!(mta.heard().await.unwrap(), b"a");
}

#[tokio::test(start_paused = true)]
async fn case_59_a_vanished_peer_drops_the_scan() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = dropped.clone();
    let mut mta = Mta::start(service(), move |_| {
        let guard = Dropped(count.clone());
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    });
    mta.negotiate(ALL).await;
    mta.message().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(matches!(mta.ended().await, Ended::Closed));
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn case_60_a_peer_that_stops_reading_is_left() {
    let mut mta = Mta::start(service(), |_| async {
        let edits = vec![Edit::ReplaceBody(Bytes::from(vec![b'x'; 1_000_000]))];
        Answer {
            edits,
            reply: Reply::Accept,
        }
    });
    mta.negotiate(ALL).await;
    mta.message().await;
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(mta.session.is_finished());
    assert!(matches!(mta.ended().await, Ended::TimedOut("write")));
}

#[tokio::test(start_paused = true)]
async fn a_flood_during_a_scan_is_held_back() {
    let mut mta = Mta::start(service(), slow(10));
    mta.negotiate(ALL).await;
    mta.message().await;
    let mut out = BytesMut::new();
    Command::Body(&[b'x'; 60_000]).encode(&mut out);
    let before = Instant::now();
    for _ in 0..4 {
        mta.stream.write_all(&out).await.unwrap();
    }
    assert!(before.elapsed().as_secs() >= 10, "{:?}", before.elapsed());
    assert_eq!(mta.heard().await.unwrap(), b"a");
}

#[tokio::test(start_paused = true)]
async fn stopping_ends_idle_sessions_and_drains_the_others() {
    let idle = service();
    let stop = idle.stop.clone();
    let mut mta = Mta::start(idle, slow(0));
    mta.negotiate(ALL).await;
    stop.cancel();
    assert_eq!(mta.heard().await, None);
    assert!(matches!(mta.ended().await, Ended::Stopped));

    for (seconds, answer) in [(10, b"a"), (10_000, b"t")] {
        let busy = service();
        let stop = busy.stop.clone();
        let mut mta = Mta::start(busy, slow(seconds));
        mta.negotiate(ALL).await;
        mta.message().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.cancel();
        let before = Instant::now();
        let mut last = mta.heard().await.unwrap();
        while last == b"p" {
            last = mta.heard().await.unwrap();
        }
        assert_eq!(last, answer);
        assert!(before.elapsed().as_secs() <= 25);
        assert_eq!(mta.heard().await, None);
        assert!(matches!(mta.ended().await, Ended::Stopped));
    }
}

#[tokio::test(start_paused = true)]
async fn case_40_health_checks() {
    let mut mta = Mta::start(service(), slow(0));
    mta.stream.write_all(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    mta.stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\npong\r\n"),
        "{answer}"
    );
    assert!(matches!(mta.ended().await, Ended::Ping));
    let mta = Mta::start(service(), slow(0));
    assert!(matches!(mta.ended().await, Ended::Closed));
}

#[tokio::test(start_paused = true)]
async fn case_48_every_step_answered_where_nothing_may_be_silent() {
    let mut mta = Mta::start(service(), slow(0));
    mta.negotiate(0x42).await;
    mta.message().await;
    let mut heard = Vec::new();
    for _ in 0..7 {
        heard.extend(mta.heard().await.unwrap());
    }
    assert_eq!(heard, b"cccccca");
}

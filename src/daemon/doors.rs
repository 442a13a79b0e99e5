//! One door for each protocol: a connection that came in is handed to the server that speaks it, under its limits.

use super::accept::Incoming;
use super::build;
use super::control::Reception;
use super::house::House;
use super::listen::Role;
use crate::config::Config;
use crate::http::auth::Password;
use crate::http::seal::Pair;
use crate::http::{self, Handler, Limits, Peer};
use crate::milter::{self, Answer, Ended, Transaction};
use crate::workers::controller::{Access, Controller, Credentials};
use crate::workers::scan::{Policy, ScanWorker};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// How long after the grace is over messages that never ended are given up.
const LAST_WORD: Duration = Duration::from_millis(200);

/// The doors of one configuration.
pub struct Doors {
    house: Arc<House>,
    scan: Arc<dyn Handler>,
    controller: Arc<dyn Handler>,
    control: Arc<Reception>,
    limits: Limits,
    milter: milter::Service,
    milters: Arc<AtomicUsize>,
    most_milters: usize,
}

impl Doors {
    /// Doors as configured.
    pub fn new(house: Arc<House>, control: Arc<Reception>, config: &Config) -> Doors {
        let policy = Policy {
            max_message: config.scan.max_message.0,
            max_recipients: usize::try_from(config.scan.max_recipients).unwrap_or(usize::MAX),
            allow_local_files: config.listen.http.allow_local_files,
            compat: build::compat(config),
            by_hand: false,
        };
        let access = access(config);
        Doors {
            scan: sealable(Arc::new(ScanWorker::new(house.clone(), policy.clone())), config),
            controller: Arc::new(Controller::new(house.clone(), house.clone(), access, policy)),
            control,
            limits: Limits::new(config.scan.max_message.0, config.listen.http.io_timeout),
            milter: service(config),
            milters: Arc::default(),
            most_milters: match config.listen.milter.max_connections {
                0 => usize::MAX,
                most => usize::try_from(most).unwrap_or(usize::MAX),
            },
            house,
        }
    }

    /// Accepting pauses for want of descriptors.
    pub fn paused(&self) {
        self.house.record.metrics.accept_paused();
    }

    /// Serves one connection to its end.
    pub async fn welcome(&self, role: Role, incoming: Incoming, stop: CancellationToken) {
        match incoming {
            Incoming::Unix(stream) if role == Role::Control => self.control.welcome(stream, stop).await,
            // Whoever reaches it gives orders: the configuration takes nothing but paths, and a socket of systemd's may be anything.
            Incoming::Tcp(..) if role == Role::Control => tracing::warn!("orders are taken from unix sockets only, a connection is closed"),
            Incoming::Tcp(stream, peer) => self.speak(role, stream, Peer::Ip(peer.ip().to_canonical()), stop).await,
            Incoming::Unix(stream) => self.speak(role, stream, Peer::Unix, stop).await,
        }
    }

    async fn speak<S>(&self, role: Role, stream: S, peer: Peer, stop: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if role != Role::Controller {
            self.house.record.stats.connection();
        }
        match role {
            Role::Http => {
                http::serve(
                    stream,
                    peer,
                    self.limits.clone().with_legacy(),
                    self.scan.clone(),
                    self.ending(stop),
                )
                .await
            }
            Role::Controller => http::serve(stream, peer, self.limits.clone(), self.controller.clone(), self.ending(stop)).await,
            // Never gets here: see `welcome`.
            Role::Control => {}
            Role::Milter => {
                let _place = Place(self.milters.clone());
                if self.milters.fetch_add(1, Ordering::Relaxed) >= self.most_milters {
                    tracing::warn!("listen.milter.max_connections reached, a connection is closed at once");
                    return;
                }
                let scan = |transaction| self.house.deliver(transaction);
                self.milter(stream, peer, stop, scan).await;
            }
        }
    }

    fn ending(&self, soon: CancellationToken) -> http::Stop {
        let now = self.house.last_call().clone();
        http::Stop { soon, now }
    }

    /// The MTA's side: every message of the session is judged by the filter then in force.
    async fn milter<S, F, R>(&self, stream: S, peer: Peer, stop: CancellationToken, scan: F)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
        F: Fn(Transaction) -> R + Sync,
        R: Future<Output = Answer> + Send,
    {
        let service = milter::Service {
            stop,
            ..self.milter.clone()
        };
        let failed = |queue_id: Option<&str>, failure| self.house.failed(queue_id, failure);
        let summary = milter::serve(stream, &service, milter::Judge { scan, failed }).await;
        let messages = summary.messages;
        match summary.ended {
            Ended::Broken(_) | Ended::TimedOut(_) | Ended::Failed(_) => {
                tracing::info!(target: "torwart::milter", messages, "abnormally closing milter connection from: {peer}, error: {}", summary.ended);
            }
            ended => tracing::debug!(target: "torwart::milter", messages, "finished milter connection from: {peer}: {ended}"),
        }
    }
}

/// Bounds and deadlines of milter sessions, as configured.
fn service(config: &Config) -> milter::Service {
    let listener = &config.listen.milter;
    milter::Service {
        limits: milter::Limits {
            message: config.scan.max_message.0,
            recipients: usize::try_from(config.scan.max_recipients).unwrap_or(usize::MAX),
            client_ca: Some(listener.client_ca.clone()).filter(|ca| !ca.is_empty()),
            ..milter::Limits::default()
        },
        timeouts: milter::Timeouts {
            packet: listener.packet_timeout,
            message: listener.message_timeout,
            idle: listener.idle_timeout,
            // Scans under way are answered first, by the last call that comes with the end of the grace.
            drain: config.listen.shutdown_grace + LAST_WORD,
            ..milter::Timeouts::default()
        },
        stop: CancellationToken::new(),
    }
}

/// Counts a milter connection for as long as it lives.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The scan port, which opens sealed requests where it has a key.
fn sealable(scan: Arc<dyn Handler>, config: &Config) -> Arc<dyn Handler> {
    let http = &config.listen.http;
    match Pair::parse(http.keypair.expose()) {
        Some(pair) => {
            let limits = Limits::new(config.scan.max_message.0, http.io_timeout).with_legacy();
            Arc::new(http::Sealed::new(scan, limits, pair, http.encrypted_only))
        }
        None => scan,
    }
}

/// Who may ask the controller, as configured.
fn access(config: &Config) -> Access {
    let controller = &config.listen.controller;
    let password = |text: &str| (!text.is_empty()).then(|| Password::parse(text));
    Access::new(Credentials {
        trusted: controller.trusted.iter().map(|n| n.0).collect(),
        proxies: controller.proxies.iter().map(|n| n.0).collect(),
        password: password(controller.password.expose()),
        write_password: password(controller.write_password.expose()),
        max_failures: (controller.max_auth_failures.count, controller.max_auth_failures.per),
    })
}

#[cfg(test)]
mod tests {
    use super::super::house::State;
    use super::*;
    use crate::record::Record;
    use crate::store::Memory;
    use std::io::Write;
    use std::sync::Mutex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    async fn doors() -> Doors {
        let config = Config::default();
        let built = build::filter(&config, None).unwrap();
        let record = Arc::new(Record::load(Arc::new(Memory::new())).await);
        let state = State::begin(config.clone(), built);
        let house = Arc::new(House::new(state, record, CancellationToken::new()));
        let (ask, _) = tokio::sync::mpsc::channel(1);
        let reception = Reception::new(Arc::new(super::super::desktop::Desktop::new(house.clone(), ask)));
        Doors::new(house, Arc::new(reception), &config)
    }

    /// Negotiation and one message of queue id 4BX7.
    fn message() -> Vec<u8> {
        let packets: [&[u8]; 4] = [
            b"O\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff",
            b"DMi\x004BX7\0",
            b"M<anna@example.org>\0",
            b"E",
        ];
        let mut bytes = Vec::new();
        for packet in packets {
            bytes.extend(u32::try_from(packet.len()).unwrap().to_be_bytes());
            bytes.extend(packet);
        }
        bytes
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    async fn last_packet(doors: &Doors, scan: fn(Transaction) -> std::future::Pending<Answer>) -> u8 {
        let (mut mta, session) = duplex(4096);
        mta.write_all(&message()).await.unwrap();
        let talk = async {
            let (mut heard, mut packet) = (Vec::new(), [0; 64]);
            while heard.last().is_none_or(|last| !b"at".contains(last)) {
                let length = mta.read(&mut packet).await.unwrap();
                heard.extend_from_slice(&packet[..length]);
            }
            drop(mta);
            *heard.last().unwrap()
        };
        let served = doors.milter(session, Peer::Unix, CancellationToken::new(), scan);
        tokio::join!(talk, served).0
    }

    #[tokio::test(start_paused = true)]
    async fn a_scan_that_panics_or_hangs_is_answered_counted_and_logged() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let doors = doors().await;
        assert_eq!(last_packet(&doors, |_| panic!("on purpose")).await, b't');
        assert_eq!(last_packet(&doors, |_| std::future::pending()).await, b't');
        let metrics = doors.house.record.metrics.text();
        assert!(metrics.contains("torwart_scan_failures_total 2\n"), "{metrics}");
        let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = said.lines().filter(|l| l.contains("4BX7")).collect();
        assert_eq!(lines.len(), 2, "{said}");
        assert!(lines.iter().all(|l| l.contains("on_failure answers tempfail")), "{said}");
    }
}

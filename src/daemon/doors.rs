//! One door for each protocol: a connection that came in is handed to the server that speaks it, under its limits.

use super::accept::Incoming;
use super::build;
use super::house::House;
use super::listen::Role;
use crate::config::Config;
use crate::http::auth::Password;
use crate::http::{self, Handler, Limits, Peer};
use crate::milter::{self, Ended};
use crate::workers::controller::{Access, Controller, Credentials};
use crate::workers::proxy;
use crate::workers::scan::{Policy, ScanWorker};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// The doors of one configuration.
pub struct Doors {
    house: Arc<House>,
    scan: Arc<dyn Handler>,
    controller: Arc<dyn Handler>,
    limits: Limits,
    milter: milter::Service,
    milters: Arc<AtomicUsize>,
    most_milters: usize,
}

impl Doors {
    /// Doors as configured.
    pub fn new(house: Arc<House>, config: &Config) -> Doors {
        let policy = Policy {
            max_message: config.scan.max_message.0,
            max_recipients: usize::try_from(config.scan.max_recipients).unwrap_or(usize::MAX),
            allow_local_files: config.listen.http.allow_local_files,
            compat: build::compat(config),
        };
        let access = access(config);
        Doors {
            scan: Arc::new(ScanWorker::new(house.clone(), policy.clone())),
            controller: Arc::new(Controller::new(house.clone(), house.clone(), access, policy)),
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
            Role::Http => http::serve(stream, peer, self.limits.clone().with_legacy(), self.scan.clone(), stop).await,
            Role::Controller => http::serve(stream, peer, self.limits.clone(), self.controller.clone(), stop).await,
            Role::Milter => {
                let _place = Place(self.milters.clone());
                if self.milters.fetch_add(1, Ordering::Relaxed) >= self.most_milters {
                    tracing::warn!("listen.milter.max_connections reached, a connection is closed at once");
                    return;
                }
                self.milter(stream, peer, stop).await;
            }
        }
    }

    /// The MTA's side: every message of the session is judged by the filter then in force.
    async fn milter<S>(&self, stream: S, peer: Peer, stop: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let service = milter::Service {
            stop,
            ..self.milter.clone()
        };
        let summary = milter::serve(stream, &service, |transaction| self.house.deliver(transaction)).await;
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
            drain: config.listen.shutdown_grace,
            ..milter::Timeouts::default()
        },
        failure: proxy::failure(listener),
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

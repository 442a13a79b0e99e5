//! The daemon while it runs: signals, reload, the service manager, and the way out.

use super::build;
use super::control::{self, Reception};
use super::desktop::Reload;
use super::doors::Doors;
use super::house::{House, State};
use super::listen::{Listener, Role};
use super::lobby::Lobby;
use super::logging::Logging;
use super::start::Options;
use super::{background, notify, settings};
use crate::config;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How often the status line for the service manager is renewed.
const STATUS_EVERY: Duration = Duration::from_secs(10);
/// Time for the store to take the last counters.
const LAST_SAVE: Duration = Duration::from_secs(5);

/// Where orders come in: the socket of our own, who receives what comes in there, and reloads asked for.
pub struct Control {
    /// The socket in the run folder.
    pub listener: Arc<Listener>,
    /// Who answers there.
    pub reception: Arc<Reception>,
    /// Reloads that were asked for.
    pub asked: mpsc::Receiver<Reload>,
}

/// A daemon that serves.
pub struct Running {
    options: Options,
    house: Arc<House>,
    lobby: Option<Lobby>,
    control: Control,
    logging: Logging,
    stop: CancellationToken,
    last_call: CancellationToken,
    /// Watching of map files for the configuration in force.
    watching: CancellationToken,
}

/// The signals that mean something, waited for from now on.
pub struct Signals {
    hangup: Signal,
    reopen: Signal,
    term: Signal,
    int: Signal,
}

impl Signals {
    /// Takes them over from the system.
    pub fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            reopen: signal(SignalKind::user_defined1())?,
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.term.recv() => Told::End,
            _ = self.int.recv() => Told::End,
            _ = self.hangup.recv() => Told::Reload,
            _ = self.reopen.recv() => Told::Reopen,
        }
    }

    async fn end(&mut self) {
        while !matches!(self.next().await, Told::End) {}
    }
}

/// What a signal says.
enum Told {
    End,
    Reload,
    Reopen,
}

impl Running {
    /// A daemon whose listeners are open.
    pub fn new(
        options: Options,
        house: Arc<House>,
        lobby: Lobby,
        control: Control,
        logging: Logging,
        stop: CancellationToken,
        last_call: CancellationToken,
    ) -> Running {
        Running {
            options,
            house,
            lobby: Some(lobby),
            control,
            logging,
            stop,
            last_call,
            watching: CancellationToken::new(),
        }
    }

    /// Serves until told to end.
    pub async fn until_the_end(&mut self, mut signals: Signals) -> ExitCode {
        let controlling = self.serve_control();
        let saving = tokio::spawn({
            let record = self.house.record.clone();
            async move { record.keep_saving().await }
        });
        let writing = tokio::spawn({
            let history = self.house.record.history.clone();
            async move { history.keep().await }
        });
        let heart = tokio::spawn(heartbeat());
        self.watch_maps();
        notify::ready(&self.status());
        tracing::info!("ready");
        if self.options.background
            && let Err(error) = background::arrived()
        {
            tracing::warn!("cannot let go of the terminal: {error}");
        }
        let mut status = tokio::time::interval(STATUS_EVERY);
        status.tick().await;
        loop {
            tokio::select! {
                told = signals.next() => match told {
                    Told::End => break,
                    Told::Reload => {
                        let _ = self.reload().await;
                    }
                    Told::Reopen => match self.logging.reopen() {
                        Ok(()) => tracing::info!("log opened anew"),
                        Err(problem) => tracing::error!("{problem}"),
                    },
                },
                Some(answer) = self.control.asked.recv() => { let _ = answer.send(self.reload().await); }
                _ = status.tick() => notify::status(&self.status()),
            }
        }
        notify::stopping();
        tracing::info!("stopping: no new connections, running messages are finished");
        let code = tokio::select! {
            code = self.leave() => code,
            () = signals.end() => {
                tracing::warn!("told again, ending at once");
                ExitCode::FAILURE
            }
        };
        saving.abort();
        heart.abort();
        controlling.abort();
        let last = async {
            self.house.record.save().await;
            self.house.record.history.settle().await;
            let _ = self.house.record.store().settle().await;
        };
        let _ = tokio::time::timeout(LAST_SAVE, last).await;
        writing.abort();
        tracing::info!("ended");
        code
    }

    async fn leave(&mut self) -> ExitCode {
        self.watching.cancel();
        let grace = self.house.state().config.listen.shutdown_grace;
        if let Some(lobby) = self.lobby.take()
            && !lobby.drain(grace, &self.last_call).await
        {
            tracing::warn!("some connections had to be cut");
        }
        ExitCode::SUCCESS
    }

    fn serve_control(&self) -> tokio::task::JoinHandle<()> {
        let (listener, reception) = (self.control.listener.clone(), self.control.reception.clone());
        let stop = self.stop.clone();
        tokio::spawn(async move { control::serve(&listener, reception, stop).await })
    }

    fn watch_maps(&mut self) {
        self.watching.cancel();
        self.watching = CancellationToken::new();
        let state = self.house.state();
        tokio::spawn(state.maps.clone().watch(self.watching.clone()));
    }

    /// Reloads as a whole or not at all.
    async fn reload(&mut self) -> Result<Value, String> {
        notify::reloading();
        let outcome = self.try_reload().await;
        match &outcome {
            Ok(_) => tracing::info!("reloaded"),
            Err(problem) => {
                for line in problem.lines() {
                    tracing::error!("{line}");
                }
                tracing::error!("not reloaded, the old configuration stays in force");
            }
        }
        notify::ready(&self.status());
        outcome
    }

    async fn try_reload(&mut self) -> Result<Value, String> {
        let options = self.options.load();
        let (old, own) = (self.house.state().stores.clone(), self.house.record.store().clone());
        let loaded = tokio::task::spawn_blocking(move || {
            let examined = config::examine(&options);
            let stores = build::stores(&examined, own, old.as_deref());
            build::complete(examined, Some(stores))
        });
        let loaded = loaded.await.map_err(|e| format!("reading the configuration failed: {e}"))?;
        let (loaded, built) = loaded.map_err(|report| report.draw(false))?;
        let config = loaded.config;
        let log = self.options.logging(&config);
        let log = self.logging.prepare(&log)?;
        let lobby = self.lobby.as_mut().ok_or("the daemon stops")?;
        let listeners = lobby.prepare(settings::spots(&config)).map_err(|problems| problems.join("\n"))?;
        settings::guarded(&config, lobby.reached(&listeners, Role::Controller))?;
        // From here on nothing can fail.
        let old = self.house.state();
        let fixed = [
            ("paths.state", old.config.paths.state != config.paths.state),
            ("paths.run", old.config.paths.run != config.paths.run),
            ("store.path", old.config.store.path != config.store.path),
            ("store.max_size", old.config.store.max_size != config.store.max_size),
        ];
        self.logging.apply(log);
        for warning in loaded.warnings.iter().chain(&built.warnings) {
            tracing::warn!("{}", warning.one_line());
        }
        for (name, _) in fixed.iter().filter(|(_, changed)| *changed) {
            tracing::warn!("{name} has changed: that takes effect at the next start only");
        }
        self.house.record.stats.set_config_id(settings::id(&config));
        self.house.record.metrics.watch(built.stores.clone());
        let doors = Doors::new(self.house.clone(), self.control.reception.clone(), &config);
        self.house.renew(State::begin(config, built));
        lobby.apply(listeners, Some(doors));
        self.watch_maps();
        Ok(json!({ "reloaded": true, "configuration": loaded.origin.to_string() }))
    }

    fn status(&self) -> String {
        let totals = self.house.record.stats.totals();
        let visitors = self.lobby.as_ref().map_or(0, Lobby::visitors);
        format!(
            "{} messages scanned, {} spam; {visitors} connections",
            totals.scanned,
            totals.spam()
        )
    }
}

/// Tells the service manager that the runtime still runs tasks.
async fn heartbeat() {
    let Some(every) = notify::watchdog() else { return };
    loop {
        notify::alive();
        tokio::time::sleep(every).await;
    }
}

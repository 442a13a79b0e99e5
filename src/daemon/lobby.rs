//! The listeners that are open and the connections behind them: opening, closing, changing them on reload, drain.

use super::accept::{self, Incoming};
use super::doors::Doors;
use super::listen::{self, Bound, Listener, Passed, Role, Spot};
use super::unix::Changed;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Time for the last answers to be written once everything was told to end.
const FAREWELL: Duration = Duration::from_secs(3);

/// One open place.
struct Open {
    role: Role,
    spot: Spot,
    listeners: Vec<Arc<Listener>>,
    stop: CancellationToken,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// All open places and the connections that came in through them.
pub struct Lobby {
    open: Vec<Open>,
    doors: Arc<ArcSwap<Doors>>,
    passed: Passed,
    accepting: TaskTracker,
    connections: TaskTracker,
    /// Tells connections to end after the message at hand.
    stop: CancellationToken,
}

/// Places bound for a configuration that is not in force yet.
pub struct Prepared {
    wanted: Vec<(Role, Spot)>,
    fresh: Vec<Bound>,
    rights: Vec<Changed>,
}

impl Lobby {
    /// A lobby without open places.
    pub fn new(doors: Doors, passed: Passed, stop: CancellationToken) -> Lobby {
        Lobby {
            open: Vec::new(),
            doors: Arc::new(ArcSwap::from_pointee(doors)),
            passed,
            accepting: TaskTracker::new(),
            connections: TaskTracker::new(),
            stop,
        }
    }

    /// Binds what is wanted and not open yet; nothing changes until [`Lobby::apply`].
    pub fn prepare(&self, wanted: Vec<(Role, Spot)>) -> Result<Prepared, Vec<String>> {
        let fresh: Vec<(Role, Spot)> = wanted.iter().filter(|w| !self.open.iter().any(|o| o.serves(w))).cloned().collect();
        let fresh = listen::bind_all(&fresh, &self.passed)?;
        let (mut rights, mut problems) = (Vec::new(), Vec::new());
        for (role, spot) in &wanted {
            // The same path with other rights: nobody who is connected notices.
            if let Spot::Unix(path, new) = spot
                && self
                    .open
                    .iter()
                    .any(|o| o.role == *role && o.spot != *spot && o.serves(&(*role, spot.clone())))
            {
                match Changed::apply(path, new) {
                    Ok(changed) => rights.push(changed),
                    Err(problem) => problems.push(format!("cannot change the rights of {spot} (listen.{role}): {problem}")),
                }
            }
        }
        if problems.is_empty() {
            Ok(Prepared { wanted, fresh, rights })
        } else {
            Err(problems)
        }
    }

    /// The addresses at which a role would be reached, were this applied.
    pub fn reached<'a>(&'a self, prepared: &'a Prepared, role: Role) -> impl Iterator<Item = (&'a Spot, &'a Listener)> {
        let stay = self.open.iter().filter(move |o| prepared.wanted.iter().any(|w| o.serves(w)));
        let stay = stay
            .filter(move |o| o.role == role)
            .flat_map(|o| o.listeners.iter().map(|l| (&o.spot, &**l)));
        let come = prepared.fresh.iter().filter(move |b| b.role == role);
        stay.chain(come.flat_map(|b| b.sockets.iter().map(|l| (&b.spot, l))))
    }

    /// Opens what was prepared, closes what is no longer wanted, and lets newcomers in by new doors.
    pub fn apply(&mut self, prepared: Prepared, doors: Option<Doors>) {
        if let Some(doors) = doors {
            self.doors.store(Arc::new(doors));
        }
        let wanted = &prepared.wanted;
        self.open.retain(|open| {
            let stays = wanted.iter().any(|w| open.serves(w));
            if !stays {
                tracing::info!(role = %open.role, address = %open.spot, "no longer listening");
            }
            stays
        });
        for open in &mut self.open {
            if let Some((_, spot)) = wanted.iter().find(|w| open.serves(w)) {
                open.spot = spot.clone();
            }
        }
        prepared.rights.into_iter().for_each(Changed::keep);
        for bound in prepared.fresh {
            self.enter(bound);
        }
    }

    fn enter(&mut self, bound: Bound) {
        let stop = self.stop.child_token();
        let listeners: Vec<Arc<Listener>> = bound.sockets.into_iter().map(Arc::new).collect();
        for listener in &listeners {
            tracing::info!(role = %bound.role, address = %listener.address(), "listening");
            self.accept(bound.role, listener.clone(), stop.clone());
        }
        self.open.push(Open {
            role: bound.role,
            spot: bound.spot,
            listeners,
            stop,
        });
    }

    fn accept(&self, role: Role, listener: Arc<Listener>, stop: CancellationToken) {
        let (doors, connections, leave) = (self.doors.clone(), self.connections.clone(), self.stop.clone());
        self.accepting.spawn(async move {
            let pause = || doors.load().paused();
            let take = |incoming: Incoming| {
                let doors = doors.load_full();
                let stop = leave.clone();
                connections.spawn(async move { doors.welcome(role, incoming, stop).await });
            };
            if let Err(error) = accept::run(&listener, stop, pause, take).await {
                tracing::error!("cannot accept on {}: {error}", listener.address());
            }
        });
    }

    /// Open connections.
    pub fn visitors(&self) -> usize {
        self.connections.len()
    }

    /// Closes the listeners, sends idle connections away, and waits for running messages. When their time is over
    /// `last_call` fires: they are answered by a temporary failure. False where connections had to be cut.
    pub async fn drain(mut self, grace: Duration, last_call: &CancellationToken) -> bool {
        self.stop.cancel();
        self.open.clear();
        self.accepting.close();
        self.connections.close();
        self.accepting.wait().await;
        if tokio::time::timeout(grace, self.connections.wait()).await.is_ok() {
            return true;
        }
        let left = self.connections.len();
        tracing::warn!(
            "{left} connections are still busy after {} s, ending them by a temporary failure",
            grace.as_secs()
        );
        last_call.cancel();
        tokio::time::timeout(FAREWELL, self.connections.wait()).await.is_ok()
    }

    /// Every address in the form that clients use.
    pub fn addresses(&self, role: Role) -> Vec<String> {
        let own = self.open.iter().filter(|o| o.role == role);
        own.flat_map(|o| o.listeners.iter().map(|l| l.address())).collect()
    }
}

impl Open {
    fn serves(&self, wanted: &(Role, Spot)) -> bool {
        let place = match (&self.spot, &wanted.1) {
            (Spot::Unix(here, _), Spot::Unix(there, _)) => here == there,
            (here, there) => here == there,
        };
        self.role == wanted.0 && place
    }
}

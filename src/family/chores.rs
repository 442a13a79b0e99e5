//! Work of families beside the scans (asking a scanner's version each minute, say): collected while a filter is built, run for as
//! long as that filter is in force.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use tokio::task::JoinSet;

type Chore = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Chores that wait to be started.
#[derive(Default)]
pub struct Chores(Mutex<Vec<Chore>>);

impl Chores {
    /// Adds one; it loops with its own pauses and is dropped at any await when its filter goes.
    pub fn add(&self, chore: impl Future<Output = ()> + Send + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(chore));
    }

    /// Starts them all on the runtime that this is called on.
    pub fn start(&self) -> Started {
        let chores = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut running = JoinSet::new();
        for chore in chores {
            running.spawn(chore);
        }
        Started(running)
    }
}

/// Running chores; dropping this ends them.
#[derive(Default)]
pub struct Started(#[allow(dead_code, reason = "held for its Drop")] JoinSet<()>);

//! One scan at a time for the same content: whoever comes first scans, the others wait for what he finds. If he is cut off, one of
//! those who wait takes over. Nothing is kept here once a scan is over.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// Scans under way, by what they are about. Beyond `most` everybody scans for himself.
#[derive(Debug)]
pub(super) struct Flights<K, V> {
    under_way: Mutex<HashMap<K, watch::Receiver<Option<V>>>>,
    most: usize,
}

/// What somebody has to do.
#[derive(Debug)]
pub(super) enum Seat<K: Eq + Hash, V> {
    /// Find out, and tell.
    First(First<K, V>),
    /// Wait.
    Later(Later<V>),
    /// Find out for himself: there are too many scans under way.
    Alone,
}

impl<K: Clone + Eq + Hash, V: Clone> Flights<K, V> {
    pub(super) fn new(most: usize) -> Arc<Flights<K, V>> {
        Arc::new(Flights {
            under_way: Mutex::default(),
            most,
        })
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<K, watch::Receiver<Option<V>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a seat.
    pub(super) fn board(self: &Arc<Self>, key: &K) -> Seat<K, V> {
        let mut under_way = self.under_way();
        if let Some(told) = under_way.get(key) {
            return Seat::Later(Later(told.clone()));
        }
        if under_way.len() >= self.most {
            return Seat::Alone;
        }
        let (tell, told) = watch::channel(None);
        under_way.insert(key.clone(), told);
        Seat::First(First {
            flights: self.clone(),
            key: key.clone(),
            tell,
        })
    }
}

/// Whoever finds out. Until this is dropped newcomers wait for, or get, what it tells.
#[derive(Debug)]
pub(super) struct First<K: Eq + Hash, V> {
    flights: Arc<Flights<K, V>>,
    key: K,
    tell: watch::Sender<Option<V>>,
}

impl<K: Eq + Hash, V> First<K, V> {
    /// Tells those who wait.
    pub(super) fn tell(&self, found: V) {
        self.tell.send_replace(Some(found));
    }
}

impl<K: Eq + Hash, V> Drop for First<K, V> {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.remove(&self.key);
    }
}

/// Somebody who waits.
#[derive(Debug)]
pub(super) struct Later<V>(watch::Receiver<Option<V>>);

/// What became of the wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited<V> {
    /// It was told.
    Told(V),
    /// Whoever was to find out is gone: board again.
    Left,
    /// The time is over.
    Late,
}

impl<V: Clone> Later<V> {
    /// Waits until the time is over.
    pub(super) async fn wait(mut self, until: Instant) -> Waited<V> {
        match timeout_at(until, self.0.wait_for(Option::is_some)).await {
            Ok(Ok(told)) => told.clone().map_or(Waited::Left, Waited::Told),
            Ok(Err(_)) => Waited::Left,
            Err(_) => Waited::Late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    fn first(flights: &Arc<Flights<u8, u8>>, key: u8) -> First<u8, u8> {
        match flights.board(&key) {
            Seat::First(first) => first,
            other => panic!("{other:?}"),
        }
    }

    fn later(flights: &Arc<Flights<u8, u8>>, key: u8) -> Later<u8> {
        match flights.board(&key) {
            Seat::Later(later) => later,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_are_told() {
        let flights = Flights::new(10);
        let leader = first(&flights, 1);
        let waiting = (later(&flights, 1), later(&flights, 1));
        leader.tell(7);
        let newcomer = later(&flights, 1);
        drop(leader);
        for later in [waiting.0, waiting.1, newcomer] {
            assert_eq!(later.wait(soon()).await, Waited::Told(7));
        }
        drop(first(&flights, 1));
        assert!(flights.under_way().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_those_who_wait_takes_over() {
        let flights = Flights::new(10);
        let leader = first(&flights, 1);
        let (a, b) = (later(&flights, 1), later(&flights, 1));
        drop(leader);
        assert_eq!(a.wait(soon()).await, Waited::Left);
        let leader = first(&flights, 1);
        assert_eq!(b.wait(soon()).await, Waited::Left);
        let b = later(&flights, 1);
        leader.tell(3);
        assert_eq!(b.wait(soon()).await, Waited::Told(3));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_and_the_map_has_its_bound() {
        let flights = Flights::new(1);
        let leader = first(&flights, 1);
        assert_eq!(later(&flights, 1).wait(soon()).await, Waited::Late);
        assert!(matches!(flights.board(&2), Seat::Alone));
        drop(leader);
        drop(first(&flights, 2));
    }
}

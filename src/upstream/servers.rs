//! A list of servers: taken in turn, the dead ones left out. Does not connect.

use super::address::Address;
use super::health::{Health, State};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Servers that are worth the same.
#[derive(Debug)]
pub struct Servers {
    all: Vec<Server>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Server {
    address: Address,
    health: Mutex<Health>,
}

impl Server {
    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the report of a call changed in how a server is seen: the moments to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing new.
    None,
    /// It fails, and did not before.
    Fails,
    /// It answers again.
    Answers,
}

impl Servers {
    /// Servers in the order in which they are first asked.
    pub fn new(addresses: Vec<Address>) -> Servers {
        let server = |address| Server {
            address,
            health: Mutex::default(),
        };
        Servers {
            all: addresses.into_iter().map(server).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Their addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.all.iter().map(|s| &s.address)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those that are not left alone.
    pub fn alive(&self) -> usize {
        let now = Instant::now();
        self.all.iter().filter(|s| s.health().state(now) == State::Alive).count()
    }

    /// Begins one call: the servers are offered from the next in turn on.
    pub fn turn(&self) -> Turn<'_> {
        let begin = self.next.fetch_add(1, Ordering::Relaxed);
        Turn {
            servers: self,
            begin: begin.checked_rem(self.all.len()).unwrap_or(0),
            offered: 0,
        }
    }

    /// A server was seen to answer outside of any call.
    pub fn seen(&self, address: &Address) {
        for server in self.all.iter().filter(|s| s.address == *address) {
            server.health().seen(Instant::now());
        }
    }
}

/// The servers of one call, in its order.
#[derive(Debug)]
pub struct Turn<'s> {
    servers: &'s Servers,
    begin: usize,
    offered: usize,
}

impl<'s> Turn<'s> {
    /// The next server that is worth asking; each is offered once.
    pub fn offer(&mut self) -> Option<Lease<'s>> {
        let all = &self.servers.all;
        while self.offered < all.len() {
            let place = (self.begin + self.offered) % all.len();
            self.offered += 1;
            let server = all.get(place).filter(|s| s.health().enter(Instant::now()));
            if let Some(server) = server {
                return Some(Lease { server, told: false });
            }
        }
        None
    }
}

/// Leave to ask one server, once.
#[derive(Debug)]
pub struct Lease<'s> {
    server: &'s Server,
    told: bool,
}

impl<'s> Lease<'s> {
    /// Where it is.
    pub fn address(&self) -> &'s Address {
        &self.server.address
    }

    /// It answered.
    pub fn answered(mut self) -> Change {
        self.told = true;
        match self.server.health().answered() {
            true => Change::Answers,
            false => Change::None,
        }
    }

    /// It failed, or did not answer in time.
    pub fn failed(mut self) -> Change {
        self.told = true;
        let now = Instant::now();
        match self.server.health().failed(now, jitter()) {
            true => Change::Fails,
            false => Change::None,
        }
    }

    /// The same server once more for the same call; `None` where it has died meanwhile.
    pub fn again(&self) -> Option<Lease<'s>> {
        let server = self.server;
        server.health().enter(Instant::now()).then_some(Lease { server, told: false })
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.server.health().forgotten();
        }
    }
}

/// A number between 0 and 1 that differs from one daemon and call to the next.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(0_u8) >> 40;
    f64::from(u32::try_from(random).unwrap_or(0)) / f64::from(1_u32 << 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(count: u16) -> Servers {
        Servers::new((1..=count).map(|n| Address::parse("a", n).unwrap()).collect())
    }

    fn offered(servers: &Servers) -> Vec<String> {
        let mut turn = servers.turn();
        std::iter::from_fn(|| turn.offer()).map(|l| l.address().to_string()).collect()
    }

    #[test]
    fn they_take_turns_and_each_is_offered_once() {
        let servers = servers(3);
        assert_eq!(offered(&servers), ["a:1", "a:2", "a:3"]);
        assert_eq!(offered(&servers), ["a:2", "a:3", "a:1"]);
        assert_eq!(offered(&servers), ["a:3", "a:1", "a:2"]);
        assert_eq!(offered(&servers), ["a:1", "a:2", "a:3"]);
        assert!(Servers::new(Vec::new()).turn().offer().is_none());
    }

    #[test]
    fn a_dead_one_is_left_out_and_said_once() {
        let servers = servers(2);
        let fail = || {
            let mut turn = servers.turn();
            let bad = std::iter::from_fn(|| turn.offer()).find(|l| l.address().to_string() == "a:1");
            bad.map(Lease::failed)
        };
        assert_eq!(fail(), Some(Change::Fails));
        for _ in 0..3 {
            assert_eq!(fail(), Some(Change::None));
        }
        assert_eq!(fail(), None);
        assert_eq!((offered(&servers).as_slice(), servers.alive()), (&["a:2".to_owned()][..], 1));
        // A sign of life lets one caller try; another comes away empty meanwhile.
        servers.seen(&Address::parse("a", 1).unwrap());
        let mut turn = servers.turn();
        let held: Vec<_> = std::iter::from_fn(|| turn.offer()).collect();
        assert_eq!(held.len(), 2);
        assert_eq!(offered(&servers), ["a:2"]);
        drop(held);
        let mut turn = servers.turn();
        let changes: Vec<_> = std::iter::from_fn(|| turn.offer()).map(Lease::answered).collect();
        assert!(changes.contains(&Change::Answers), "{changes:?}");
        assert_eq!(offered(&servers).len(), 2);
    }

    #[test]
    fn jitter_stays_in_its_bounds() {
        assert!((0..1000).all(|_| (0.0..1.0).contains(&jitter())));
    }
}

//! Who may ask the controller: trusted addresses, forwarding headers of trusted senders, two passwords, a limit on guessing.

use super::throttle::Throttle;
use crate::http::auth::Password;
use crate::http::{Peer, Request};
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Slow hashes that run at a time; a guesser cannot take the machine.
const HASHES: usize = 2;
/// Longest wait for one's turn.
const TURN: Duration = Duration::from_secs(10);
/// Passwords of old examples: never good from elsewhere, even when configured.
const EXAMPLES: [&str; 2] = ["q1", "q2"];

/// What the configuration says about access.
#[derive(Debug)]
pub struct Credentials {
    /// Who needs no password; their forwarding headers are believed, too.
    pub trusted: Vec<IpNet>,
    /// Proxies: whom they forward counts, not they.
    pub proxies: Vec<IpNet>,
    /// Lets look.
    pub password: Option<Password>,
    /// Lets change.
    pub write_password: Option<Password>,
    /// Failures allowed (0: any number) in a time.
    pub max_failures: (u32, Duration),
}

/// Decides on each request.
pub struct Access {
    trusted: Vec<IpNet>,
    proxies: Vec<IpNet>,
    password: Option<Arc<Password>>,
    write_password: Option<Arc<Password>>,
    throttle: Throttle,
    hashes: Semaphore,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No password, or a wrong one.
    Unauthorized,
    /// Too many wrong ones.
    TooMany,
}

/// Where a request really comes from.
enum Origin {
    /// A trusted place: no password needed.
    Trusted,
    /// Somewhere else.
    Foreign {
        /// Whose failures are counted.
        address: Option<IpAddr>,
        /// It is not this machine.
        remote: bool,
    },
}

impl Access {
    /// Access under these credentials.
    pub fn new(credentials: Credentials) -> Access {
        let (most, window) = credentials.max_failures;
        Access {
            trusted: credentials.trusted,
            proxies: credentials.proxies,
            password: credentials.password.map(Arc::new),
            write_password: credentials.write_password.map(Arc::new),
            throttle: Throttle::new(most, window),
            hashes: Semaphore::new(HASHES),
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        among(&self.trusted, address)
    }

    /// Lets a request in (true: to look only) or says why not.
    pub async fn check(&self, request: &Request, privileged: bool) -> Result<bool, Denial> {
        let (address, remote) = match self.origin(request) {
            Origin::Trusted => return Ok(false),
            Origin::Foreign { address, remote } => (address, remote),
        };
        if address.is_some_and(|a| self.throttle.is_full(a, Instant::now())) {
            return Err(Denial::TooMany);
        }
        let given = request.headers.get("Password").or_else(|| request.argument("password"));
        let Some(given) = given else {
            return self.without_password(privileged);
        };
        let refused = remote && EXAMPLES.contains(&given);
        let granted = if refused {
            None
        } else {
            self.with_password(given, privileged).await?
        };
        if let Some(address) = address {
            match granted {
                Some(_) => self.throttle.passed(address),
                None => self.throttle.failed(address, Instant::now()),
            }
        }
        if granted.is_none() {
            tracing::warn!(from = %request.peer, "the controller refused a password");
        }
        granted.ok_or(Denial::Unauthorized)
    }

    /// A forwarding header counts only from a proxy or a trusted sender, and of it only what that sender itself wrote: the last
    /// entry, or, behind a chain of proxies, the last that is none of them.
    fn origin(&self, request: &Request) -> Origin {
        let peer = match request.peer {
            Peer::Ip(address) => Some(address),
            Peer::Unix => None,
        };
        let foreign = |address: Option<IpAddr>, remote| Origin::Foreign { address, remote };
        let proxy = peer.is_some_and(|a| among(&self.proxies, a));
        let trusted = peer.is_none_or(|a| self.trusts(a));
        if !proxy && !trusted {
            return foreign(peer, !request.peer.is_local());
        }
        let Some(forwarded) = self.forwarded(request, proxy) else {
            return match trusted {
                true => Origin::Trusted,
                false => foreign(peer, !request.peer.is_local()),
            };
        };
        match forwarded.parse::<IpAddr>() {
            Ok(address) if self.trusts(address) => Origin::Trusted,
            Ok(address) => foreign(Some(address.to_canonical()), true),
            // Nobody knows who that is: the sender answers for his guesses.
            Err(_) => foreign(peer, true),
        }
    }

    /// Whom the sender says it speaks for.
    fn forwarded<'r>(&self, request: &'r Request, proxy: bool) -> Option<&'r str> {
        let Some(chain) = request.headers.last("X-Forwarded-For") else {
            return request.headers.get("X-Real-IP").map(str::trim);
        };
        let is_proxy = |entry: &&str| entry.parse().is_ok_and(|a| among(&self.proxies, a));
        let mut entries = chain.rsplit(',').map(str::trim);
        match proxy {
            true => entries
                .find(|entry| !is_proxy(entry))
                .or_else(|| chain.split(',').next().map(str::trim)),
            false => entries.next(),
        }
    }

    fn without_password(&self, privileged: bool) -> Result<bool, Denial> {
        let free = self.password.is_none() && (!privileged || self.write_password.is_none());
        match self.trusted.is_empty() && free {
            true => Ok(!privileged),
            false => Err(Denial::Unauthorized),
        }
    }

    /// `Some(read only)` for a right password.
    async fn with_password(&self, given: &str, privileged: bool) -> Result<Option<bool>, Denial> {
        let (look, write) = (self.password.as_ref(), self.write_password.as_ref());
        if privileged {
            let right = self.verify(write.or(look), given).await?;
            return Ok(right.then_some(false));
        }
        if self.verify(look, given).await? {
            let writes = write.is_none() || self.verify(write, given).await?;
            return Ok(Some(!writes));
        }
        Ok(self.verify(write, given).await?.then_some(false))
    }

    async fn verify(&self, password: Option<&Arc<Password>>, given: &str) -> Result<bool, Denial> {
        let Some(password) = password else { return Ok(false) };
        if !password.is_slow() {
            return Ok(password.verify(given));
        }
        let turn = tokio::time::timeout(TURN, self.hashes.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Err(Denial::TooMany) };
        let (password, given) = (Arc::clone(password), given.to_owned());
        let done = tokio::task::spawn_blocking(move || password.verify(&given)).await;
        Ok(done.unwrap_or(false))
    }
}

fn among(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|net| net.contains(&address))
}

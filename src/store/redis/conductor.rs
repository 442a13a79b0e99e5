//! The one task of a store that finds out where its servers are, and tells people: an outage once, its end once. Verbs only read
//! what it knows.

use super::cast::{Cast, NOBODY, Order, SLOTS};
use super::door::{Door, Kind, send, text};
use super::fault::Fault;
use super::link::Link;
use crate::config::schema::{Redis as Settings, RedisAddress};
use arc_swap::ArcSwap;
use redis::{Pipeline, Value};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// How often it looks around when all is well, and when it is not.
const LOOKS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(200));
/// How often the places of a cluster are asked for when all is well.
const SLOTS_EVERY: Duration = Duration::from_secs(10);
/// A server that has been well for so long is said to be back.
const PROVEN: Duration = Duration::from_secs(1);
/// A complaint about rights is forgotten when nothing renews it for so long.
const DENIAL: Duration = Duration::from_secs(60);

/// What the verbs, the conductor and the links of one store share.
pub(super) struct Shared {
    /// What it is called in the log: `redis` or `redis.MODULE`.
    pub label: String,
    pub cast: ArcSwap<Cast>,
    /// Grows with every change of a link or of the cast.
    pub changes: watch::Sender<u64>,
    /// Look around at once.
    pub nudge: Notify,
    /// Round trips made.
    pub trips: AtomicU64,
    /// Verbs that got no answer.
    pub unanswered: AtomicU64,
    /// Whose turn it is to be read from.
    pub turn: AtomicUsize,
    complaint: Mutex<Option<Complaint>>,
}

/// A server that answers, but refuses something.
#[derive(Clone)]
struct Complaint {
    server: RedisAddress,
    fault: Fault,
    at: Instant,
}

impl Shared {
    pub fn new(label: &str) -> Shared {
        Shared {
            label: label.to_owned(),
            cast: ArcSwap::from_pointee(Cast::Unknown(None)),
            changes: watch::Sender::new(0),
            nudge: Notify::new(),
            trips: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            turn: AtomicUsize::new(0),
            complaint: Mutex::new(None),
        }
    }

    fn complaint(&self) -> MutexGuard<'_, Option<Complaint>> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server refuses something.
    pub fn complain(&self, server: &RedisAddress, fault: &Fault) {
        *self.complaint() = Some(Complaint {
            server: server.clone(),
            fault: fault.clone(),
            at: Instant::now(),
        });
        self.nudge.notify_one();
    }

    /// What is wrong at this moment; `Err(())`: it is not known yet.
    pub fn ailment(&self) -> Result<Option<String>, ()> {
        match self.cast.load().well() {
            Err(why) => Ok(Some(why)),
            Ok(false) => Err(()),
            Ok(true) => Ok(self.complaint().as_ref().map(|c| format!("{}: {}", c.server, c.fault.text()))),
        }
    }
}

/// The task's own knowledge.
pub(super) struct Conductor {
    shared: Arc<Shared>,
    settings: Arc<Settings>,
    /// Every server ever named that is still of use.
    links: HashMap<RedisAddress, Arc<Link>>,
    sentinels: Vec<Arc<Link>>,
    /// The places of a cluster were learned then.
    placed: Option<Instant>,
    outage: Option<Outage>,
}

struct Outage {
    since: Instant,
    unanswered: u64,
    well_since: Option<Instant>,
}

impl Conductor {
    pub fn new(shared: Arc<Shared>, settings: Arc<Settings>) -> Conductor {
        Conductor {
            shared,
            settings,
            links: HashMap::new(),
            sentinels: Vec::new(),
            placed: None,
            outage: None,
        }
    }

    /// Runs for as long as the store is held by somebody.
    pub async fn run(mut self) {
        self.begin();
        let mut changes = self.shared.changes.subscribe();
        loop {
            let nudged = self.look().await;
            self.mind_complaint().await;
            self.tell();
            let pause = if self.outage.is_some() { LOOKS.1 } else { LOOKS.0 };
            tokio::select! {
                _ = changes.changed() => {}
                () = self.shared.nudge.notified() => self.placed = None,
                () = tokio::time::sleep(pause) => {}
            }
            if !nudged {
                // Many changes at once are one look.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    fn door(&self, address: &RedisAddress, kind: Kind) -> Door {
        Door {
            address: address.clone(),
            kind,
            settings: self.settings.clone(),
        }
    }

    fn link(&mut self, address: &RedisAddress) -> Arc<Link> {
        if let Some(link) = self.links.get(address) {
            return link.clone();
        }
        let link = Arc::new(Link::open(self.door(address, Kind::Server), self.shared.changes.clone()));
        self.links.insert(address.clone(), link.clone());
        link
    }

    /// Opens what the settings name.
    fn begin(&mut self) {
        let settings = self.settings.clone();
        if !settings.sentinels.is_empty() {
            let named = addresses(&settings.sentinels, 26_379);
            let open = |address| Arc::new(Link::open(self.door(address, Kind::Sentinel), self.shared.changes.clone()));
            self.sentinels = named.iter().map(open).collect();
            return;
        }
        let read: Vec<_> = addresses(&settings.servers, 6379).iter().map(|a| self.link(a)).collect();
        let write: Vec<_> = addresses(&settings.write_servers, 6379).iter().map(|a| self.link(a)).collect();
        self.cast(Cast::Servers {
            write: if write.is_empty() { read.clone() } else { write },
            read,
            order: Order::Rotate,
        });
    }

    fn cast(&self, cast: Cast) {
        self.shared.cast.store(Arc::new(cast));
        self.shared.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Finds out where the servers are. True if somebody had to be asked.
    async fn look(&mut self) -> bool {
        if !self.sentinels.is_empty() {
            self.ask_sentinels().await;
            return true;
        }
        let clustered = |link: &Arc<Link>| link.live().is_some_and(|live| live.facts.cluster);
        if !self.links.values().any(clustered) {
            return false;
        }
        let fresh = self.placed.is_some_and(|at| at.elapsed() < SLOTS_EVERY) && matches!(self.shared.ailment(), Ok(None));
        if !fresh {
            self.ask_places().await;
        }
        !fresh
    }

    /// Asks every sentinel for the master and its replicas; the answer most of them give comes first.
    async fn ask_sentinels(&mut self) {
        let mut masters: Vec<(RedisAddress, usize)> = Vec::new();
        let mut replicas: Vec<RedisAddress> = Vec::new();
        let mut answered = false;
        for sentinel in self.sentinels.clone() {
            let Some(replies) = self.ask_sentinel(&sentinel).await else {
                continue;
            };
            answered = true;
            let Some(master) = replies.0 else { continue };
            match masters.iter_mut().find(|(known, _)| *known == master) {
                Some((_, votes)) => *votes += 1,
                None => masters.push((master, 1)),
            }
            replicas.extend(replies.1);
        }
        masters.sort_by_key(|(_, votes)| std::cmp::Reverse(*votes));
        let masters: Vec<RedisAddress> = masters.into_iter().map(|(address, _)| address).collect();
        if masters.is_empty() {
            let known = matches!(&**self.shared.cast.load(), Cast::Servers { .. });
            let why = match (answered, self.sentinels.iter().find_map(|s| Some((s.address(), s.why()?)))) {
                (true, _) => Some(format!("the sentinels know no master `{}`", self.settings.sentinel_master)),
                (false, Some((address, fault))) => Some(format!("no sentinel answers; {address}: {}", fault.text())),
                (false, None) => None,
            };
            // Sentinels that are gone do not take away the servers they named.
            if !known && why.is_some() {
                self.cast(Cast::Unknown(why));
            }
            return;
        }
        replicas.retain(|replica| !masters.contains(replica));
        replicas.sort();
        replicas.dedup();
        let write: Vec<_> = masters.iter().map(|a| self.link(a)).collect();
        let read: Vec<_> = write
            .iter()
            .cloned()
            .chain(replicas.iter().map(|a| self.link(a)).collect::<Vec<_>>())
            .collect();
        self.links
            .retain(|address, _| masters.contains(address) || replicas.contains(address));
        if let Cast::Servers { write: w, read: r, .. } = &**self.shared.cast.load()
            && same(w, &write)
            && same(r, &read)
        {
            return;
        }
        self.cast(Cast::Servers {
            write,
            read,
            order: Order::MasterFirst,
        });
    }

    async fn ask_sentinel(&self, sentinel: &Link) -> Option<(Option<RedisAddress>, Vec<RedisAddress>)> {
        let mut live = sentinel.live()?;
        let mut words = Pipeline::new();
        let name = &self.settings.sentinel_master;
        words.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        words.cmd("SENTINEL").arg("REPLICAS").arg(name);
        let asked = timeout(self.settings.timeout, send(&mut live.wire, &words)).await;
        let replies = match asked {
            Ok(Ok(replies)) => replies,
            Ok(Err(fault)) => {
                sentinel.failed(live.turn, fault);
                return None;
            }
            Err(_) => {
                sentinel.failed(live.turn, super::link::silent(self.settings.timeout));
                return None;
            }
        };
        let address = |host: String, port: String| Some(RedisAddress::Tcp(host, port.parse().ok()?));
        let master = match replies.first() {
            Some(Value::Array(pair)) => pair.first().zip(pair.get(1)).and_then(|(h, p)| address(text(h), text(p))),
            _ => None,
        };
        let Some(Value::Array(rows)) = replies.get(1) else {
            return Some((master, Vec::new()));
        };
        let replicas = rows.iter().filter_map(|row| {
            let field = |name: &str| field(row, name);
            let flags = field("flags")?;
            let healthy = !["s_down", "o_down", "disconnected"].iter().any(|bad| flags.contains(bad));
            healthy.then(|| address(field("ip")?, field("port")?)).flatten()
        });
        Some((master, replicas.collect()))
    }

    /// Asks a node of a cluster who serves which slots.
    async fn ask_places(&mut self) {
        let up: Vec<_> = self.links.values().filter_map(|l| Some((l.clone(), l.live()?))).collect();
        for (link, mut live) in up {
            let mut words = Pipeline::new();
            words.cmd("CLUSTER").arg("SLOTS");
            let asked = timeout(self.settings.timeout, send(&mut live.wire, &words)).await;
            let Ok(Ok(replies)) = asked else { continue };
            let Some(Value::Array(ranges)) = replies.first() else { continue };
            let (places, others) = read_places(ranges, link.address());
            if places.is_empty() {
                continue;
            }
            self.place(&places, &others);
            return;
        }
    }

    fn place(&mut self, places: &[(usize, usize, RedisAddress)], others: &[RedisAddress]) {
        let mut names: Vec<RedisAddress> = places.iter().map(|(_, _, a)| a.clone()).chain(others.iter().cloned()).collect();
        names.sort();
        names.dedup();
        let mut slots = vec![NOBODY; SLOTS];
        for (from, to, address) in places {
            let number = names
                .binary_search(address)
                .ok()
                .and_then(|n| u16::try_from(n).ok())
                .unwrap_or(NOBODY);
            slots.get_mut(*from..=(*to).min(SLOTS - 1)).unwrap_or_default().fill(number);
        }
        self.placed = Some(Instant::now());
        let nodes: Vec<_> = names.iter().map(|a| self.link(a)).collect();
        let seeds: HashSet<RedisAddress> = addresses(&self.settings.servers, 6379).into_iter().collect();
        self.links.retain(|address, _| names.contains(address) || seeds.contains(address));
        if let Cast::Cluster { nodes: n, slots: s } = &**self.shared.cast.load()
            && same(n, &nodes)
            && **s == *slots
        {
            return;
        }
        self.cast(Cast::Cluster {
            nodes,
            slots: slots.into(),
        });
    }

    /// Tries whether a server still refuses what it refused.
    async fn mind_complaint(&mut self) {
        let Some(complaint) = self.shared.complaint().clone() else { return };
        let over = match &complaint.fault {
            Fault::Full(_) => complaint.at.elapsed() > Duration::from_millis(100) && self.takes_writes(&complaint.server).await,
            _ => complaint.at.elapsed() > DENIAL,
        };
        let mut standing = self.shared.complaint();
        if over && standing.as_ref().is_some_and(|c| c.at == complaint.at) {
            *standing = None;
        }
    }

    async fn takes_writes(&self, server: &RedisAddress) -> bool {
        let Some(mut live) = self.links.get(server).and_then(|l| l.live()) else {
            // Gone altogether: that is told as such.
            return true;
        };
        let mut words = Pipeline::new();
        let key = format!("{}tw:probe", self.settings.prefix);
        words.cmd("SET").arg(key).arg("1").arg("PX").arg(1_000);
        match timeout(self.settings.timeout, send(&mut live.wire, &words)).await {
            // A node of a cluster that does not hold this key has checked its memory before it says so.
            Ok(Ok(replies)) => !matches!(replies.first(), Some(Value::ServerError(e)) if matches!(Fault::of_server(e), Fault::Full(_))),
            _ => false,
        }
    }

    /// Says what has changed, once.
    fn tell(&mut self) {
        let Shared { label, unanswered, .. } = &*self.shared;
        match (self.shared.ailment(), &mut self.outage) {
            (Err(()), _) => {}
            (Ok(Some(why)), None) => {
                match self.shared.cast.load().well() {
                    Ok(_) => tracing::error!("{label}: {why}; mail goes on, what that concerns is not remembered"),
                    Err(_) => tracing::error!("{label}: {why}; mail goes on without what is remembered there"),
                }
                self.outage = Some(Outage {
                    since: Instant::now(),
                    unanswered: unanswered.load(Ordering::Relaxed),
                    well_since: None,
                });
            }
            (Ok(Some(why)), Some(outage)) => {
                if outage.well_since.take().is_some() {
                    tracing::debug!("{label}: again {why}");
                }
            }
            (Ok(None), None) => {}
            (Ok(None), Some(outage)) => {
                let well = outage.well_since.get_or_insert_with(Instant::now);
                if well.elapsed() >= PROVEN {
                    let missed = unanswered.load(Ordering::Relaxed).saturating_sub(outage.unanswered);
                    let lasted = well.duration_since(outage.since);
                    tracing::info!("{label}: answers again after {lasted:.1?}, {missed} questions went unanswered");
                    self.outage = None;
                }
            }
        }
    }
}

fn same(a: &[Arc<Link>], b: &[Arc<Link>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}

/// Addresses that the settings name; wrong ones were refused when they were read.
fn addresses(list: &[String], port: u16) -> Vec<RedisAddress> {
    let mut all: Vec<RedisAddress> = Vec::new();
    for address in list.iter().filter_map(|text| RedisAddress::parse(text, port).ok()) {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    all
}

/// The value behind a name in a flat list of names and values.
fn field(row: &Value, name: &str) -> Option<String> {
    let Value::Array(fields) = row else { return None };
    let at = fields.iter().step_by(2).position(|key| text(key) == name)?;
    fields.get(at * 2 + 1).map(text)
}

/// From, to, master of each range, and the replicas.
type Places = (Vec<(usize, usize, RedisAddress)>, Vec<RedisAddress>);

fn read_places(ranges: &[Value], asked: &RedisAddress) -> Places {
    let node = |value: &Value| -> Option<RedisAddress> {
        let Value::Array(node) = value else { return None };
        let port = text(node.get(1)?).parse().ok()?;
        // A node that does not know its own name is the one that was asked.
        match (text(node.first()?), asked) {
            (host, RedisAddress::Tcp(own, _)) if host.is_empty() || host == "?" => Some(RedisAddress::Tcp(own.clone(), port)),
            (host, _) => Some(RedisAddress::Tcp(host, port)),
        }
    };
    let mut places: Places = Default::default();
    for range in ranges {
        let Value::Array(range) = range else { continue };
        let bound = |n: usize| range.get(n).and_then(|v| text(v).parse().ok());
        let (Some(from), Some(to), Some(master)) = (bound(0), bound(1), range.get(2).and_then(node)) else {
            continue;
        };
        places.0.push((from, to, master));
        places.1.extend(range.iter().skip(3).filter_map(node));
    }
    places
}

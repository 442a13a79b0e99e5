//! Where contents are judged: what is remembered is not asked again, what is being asked is asked once, the rest goes to the scanner.
//! A message costs one question to the store for all its contents and one to put down what is new.

use super::cache::{self, Digest, Remembered};
use super::clamav::{Clamd, Failed};
use super::counts::COUNTS;
use super::flight::{First, Flights, Seat, Waited};
use crate::store::{Life, Store};
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, timeout_at};

/// Contents of one message that are with the scanner at once.
const ABREAST: usize = 4;
/// Contents under scan at once that others can wait for.
const MOST_FLIGHTS: usize = 10_000;
/// A question to the store may take this share of the time left.
const STORE_SHARE: u32 = 4;

/// What came of one content: the names found in it, or why nobody knows.
pub(super) type Outcome = Result<Arc<[String]>, Failed>;

/// Which state of the signatures a verdict belongs to, and the content's digest.
type Flown = (Arc<str>, Digest);
type Leader = First<Flown, Outcome>;

/// What is remembered, and how.
pub(super) struct Memory {
    pub(super) store: Arc<dyn Store>,
    pub(super) prefix: String,
    pub(super) life: Duration,
}

/// A scanner with its memory.
pub(super) struct Desk {
    pub(super) clamd: Arc<Clamd>,
    kind: &'static str,
    epoch: Arc<ArcSwap<String>>,
    flights: Arc<Flights<Flown, Outcome>>,
    memory: Option<Memory>,
}

/// A content to judge.
#[derive(Clone, Copy)]
pub(super) struct Content<'c> {
    pub(super) digest: Digest,
    pub(super) bytes: &'c [u8],
}

impl Desk {
    pub(super) fn new(clamd: Arc<Clamd>, kind: &'static str, epoch: Arc<ArcSwap<String>>, memory: Option<Memory>) -> Desk {
        Desk {
            clamd,
            kind,
            epoch,
            flights: Flights::new(MOST_FLIGHTS),
            memory,
        }
    }

    /// Judges contents, each once.
    pub(super) async fn judge(&self, contents: &[Content<'_>], until: Instant) -> HashMap<Digest, Outcome> {
        let epoch: Arc<str> = Arc::from(self.epoch.load().as_str());
        let mut judged = HashMap::with_capacity(contents.len());
        while judged.len() < contents.len() {
            let (mut own, mut others) = (Vec::new(), Vec::new());
            for content in contents.iter().filter(|c| !judged.contains_key(&c.digest)) {
                match self.flights.board(&(epoch.clone(), content.digest)) {
                    Seat::First(first) => own.push((*content, Some(first))),
                    Seat::Alone => own.push((*content, None)),
                    Seat::Later(later) => others.push((content.digest, later)),
                }
            }
            // Its own first: whoever waits while others wait for him would wait in a ring.
            judged.extend(self.lead(own, &epoch, until).await);
            for (digest, later) in others {
                match later.wait(until).await {
                    Waited::Told(outcome) => {
                        COUNTS.shared.add();
                        judged.insert(digest, outcome);
                    }
                    Waited::Left => {}
                    Waited::Late => drop(judged.insert(digest, Err(self.clamd.all("no answer in time")))),
                }
            }
        }
        judged
    }

    /// Judges what nobody else is at: remembered, or scanned.
    async fn lead(&self, own: Vec<(Content<'_>, Option<Leader>)>, epoch: &str, until: Instant) -> Vec<(Digest, Outcome)> {
        if own.is_empty() {
            return Vec::new();
        }
        let mut judged = Vec::with_capacity(own.len());
        let remembered = self.remembered(&own, epoch, until).await;
        let mut rest = Vec::new();
        for ((content, leader), known) in own.into_iter().zip(remembered) {
            match known {
                Some(found) => {
                    COUNTS.remembered.add();
                    tracing::debug!(
                        target: "torwart::antivirus", scanner = self.clamd.name(),
                        "answered from the cache: said at {} of {} bytes", found.time, content.bytes.len()
                    );
                    judged.push(land(content.digest, leader.as_ref(), Ok(Arc::from(found.found))));
                }
                None => rest.push((content, leader)),
            }
        }
        let outcomes = self.scan(&rest, until).await;
        let mut kept = Vec::new();
        for ((content, leader), outcome) in rest.into_iter().zip(outcomes) {
            if let (Ok(found), Some(memory)) = (&outcome, &self.memory) {
                let key = cache::key(&memory.prefix, self.kind, epoch, &content.digest);
                let verdict = Remembered::new(found.to_vec(), SystemTime::now());
                kept.push(((key, Bytes::from(verdict.write())), leader));
            }
            judged.push((content.digest, outcome));
        }
        self.keep(kept);
        judged
    }

    /// Puts new verdicts down, beside the answer. Until then those who come for the same content are told by the leaders.
    fn keep(&self, kept: Vec<((crate::store::Key, Bytes), Option<Leader>)>) {
        let Some(memory) = self.memory.as_ref().filter(|_| !kept.is_empty()) else {
            return;
        };
        let (store, life) = (memory.store.clone(), Life::For(memory.life));
        let (entries, leaders): (Vec<_>, Vec<_>) = kept.into_iter().unzip();
        tokio::spawn(async move {
            if let Err(error) = store.put_many(&entries, life).await {
                tracing::debug!(target: "torwart::antivirus", "verdicts not kept: {error}");
            }
            drop(leaders);
        });
    }

    /// What the store knows, in the order asked.
    async fn remembered(&self, own: &[(Content<'_>, Option<Leader>)], epoch: &str, until: Instant) -> Vec<Option<Remembered>> {
        let nothing = || (0..own.len()).map(|_| None).collect();
        let Some(memory) = &self.memory else { return nothing() };
        let named = |content: &Content<'_>| cache::key(&memory.prefix, self.kind, epoch, &content.digest);
        let keys: Vec<_> = own.iter().map(|(content, _)| named(content)).collect();
        let now = Instant::now();
        let asked = timeout_at(
            now + until.saturating_duration_since(now) / STORE_SHARE,
            memory.store.get_many(&keys),
        );
        match asked.await {
            Ok(Ok(values)) => {
                let read = |v: Option<Bytes>| v.and_then(|v| Remembered::read(&v));
                values
                    .into_iter()
                    .map(read)
                    .chain(std::iter::repeat_with(|| None))
                    .take(own.len())
                    .collect()
            }
            Ok(Err(error)) => {
                tracing::debug!(target: "torwart::antivirus", "the cache is not asked: {error}");
                nothing()
            }
            Err(_) => nothing(),
        }
    }

    /// Has contents scanned, a few abreast; the outcomes in their order. Those who wait for one are told at once.
    async fn scan(&self, contents: &[(Content<'_>, Option<Leader>)], until: Instant) -> Vec<Outcome> {
        let next = AtomicUsize::new(0);
        let lane = async || {
            let mut done = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some((content, leader)) = contents.get(place) else {
                    return done;
                };
                let outcome: Outcome = self.clamd.scan(content.bytes, until).await.map(Arc::from);
                match &outcome {
                    Ok(found) if found.is_empty() => COUNTS.scanned.add(),
                    Ok(_) => {
                        COUNTS.scanned.add();
                        COUNTS.found.add();
                    }
                    Err(_) => COUNTS.failed.add(),
                }
                let (_, outcome) = land(content.digest, leader.as_ref(), outcome);
                done.push((place, outcome));
            }
        };
        let lanes = (0..ABREAST.min(contents.len())).map(|_| Box::pin(lane()) as Lane<'_>);
        let mut done = together(lanes.collect()).await;
        done.sort_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

/// Tells those who wait.
fn land(digest: Digest, leader: Option<&Leader>, outcome: Outcome) -> (Digest, Outcome) {
    if let Some(leader) = leader {
        leader.tell(outcome.clone());
    }
    (digest, outcome)
}

type Lane<'l> = Pin<Box<dyn Future<Output = Vec<(usize, Outcome)>> + Send + 'l>>;

/// Waits for all of some futures in this task.
async fn together(mut lanes: Vec<Lane<'_>>) -> Vec<(usize, Outcome)> {
    let mut all = Vec::new();
    poll_fn(|context| {
        lanes.retain_mut(|lane| match lane.as_mut().poll(context) {
            Poll::Ready(done) => {
                all.extend(done);
                false
            }
            Poll::Pending => true,
        });
        if lanes.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    all
}

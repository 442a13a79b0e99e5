//! The two halves of greylisting: the look-up before the rules, which sends early retries away at once and spares their work, and the
//! decision behind them, which knows the score. They meet in the facts of the message.

use super::record::{KNOWN, Record, key};
use super::{Greylist, MODULE};
use crate::engine::{Action, Ask, Asked, Hits, PreResult, Scan, SoFar};
use crate::limits::key::{address, digest, network};
use crate::store::{Key, Life};
use bytes::Bytes;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Characters of a key's digest.
const LENGTH: usize = 20;

/// The look-up.
pub(super) struct Before(pub(super) Arc<Greylist>);

/// The decision.
pub(super) struct After(pub(super) Arc<Greylist>);

/// What the look-up left for the decision.
#[derive(Debug)]
struct Seen {
    names: Names,
    standing: Standing,
    /// The records found, to be kept alive when the message passes.
    found: Vec<(Key, Record)>,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    New,
    /// Until then, in milliseconds since 1970; which record says so.
    Early(u64, &'static str),
    /// Which record says so.
    Mature(&'static str),
}

/// What a message is called in the store.
#[derive(Debug)]
struct Names {
    meta: String,
    body: String,
    /// Domain and network; none for the null sender or an unknown client.
    known: Option<String>,
}

impl Greylist {
    /// Nobody asks this client to come again.
    fn spares(&self, scan: &Scan<'_>) -> bool {
        let local = scan.local_client && !self.config.check_local;
        let user = scan.envelope.user.is_some() && !self.config.check_authed;
        local || user || scan.client.is_some_and(|ip| self.addresses.holds(ip))
    }

    /// The client's own name, or a domain above it, is listed. A last label alone never counts.
    fn trusts_host(&self, scan: &Scan<'_>) -> bool {
        let Some(host) = &scan.envelope.hostname else { return false };
        let mut rest = host.trim_end_matches('.');
        loop {
            if self.hosts.has(rest) {
                return true;
            }
            match rest.split_once('.') {
                Some((_, parent)) if parent.contains('.') => rest = parent,
                _ => return false,
            }
        }
    }

    fn names(&self, scan: &Scan<'_>) -> Names {
        let sender = sender(scan);
        let mut recipients: Vec<String> = scan.envelope.recipients.iter().map(|r| address(&r.address)).collect();
        recipients.sort_unstable();
        let net = scan.client.and_then(|ip| network(ip, self.config.ipv4_mask, self.config.ipv6_mask));
        let net = net.map(|n| n.to_string()).unwrap_or_default();
        let all = || recipients.iter().map(String::as_bytes);
        let meta = digest([sender.as_bytes()].into_iter().chain(all()).chain([net.as_bytes()]), LENGTH);
        let text = scan.mail.body();
        let text = text.get(..self.config.max_data_len.as_usize()).unwrap_or(text);
        let subject = scan.mail.subject().unwrap_or_default();
        let from = scan.mail.from().first().map_or("<>".to_owned(), |f| address(&f.address));
        let body = [text, subject.as_bytes()].into_iter().chain(all()).chain([from.as_bytes()]);
        let body = digest(body, LENGTH);
        let domain = sender
            .rsplit_once('@')
            .map(|(_, d)| d)
            .filter(|_| !net.is_empty() && self.config.known_senders);
        Names {
            meta: format!("m{meta}"),
            body: format!("b{body}"),
            known: domain.map(|d| format!("k{}", digest([d.as_bytes(), net.as_bytes()], LENGTH))),
        }
    }

    /// Asks for everything in one go. `None`: the store is out of order, and the message goes on without.
    async fn look(&self, scan: &Scan<'_>) -> Option<Seen> {
        let names = self.names(scan);
        let keys: Vec<Key> = [Some(&names.body), Some(&names.meta), names.known.as_ref()]
            .into_iter()
            .flatten()
            .map(|name| key(name))
            .collect();
        let values = self.store.get_many(&keys).await.ok()?;
        let value = |place: usize| values.get(place).and_then(Option::as_ref);
        let now = milliseconds(scan.now);
        let wait = u64::try_from(self.config.timeout.as_millis()).unwrap_or(u64::MAX);
        let (mut standing, mut found) = (Standing::New, Vec::new());
        for (place, kind) in [(0, "body"), (1, "meta")] {
            let Some(record) = value(place).and_then(|v| Record::read(v)) else {
                continue;
            };
            let until = record.since.saturating_add(wait);
            standing = match standing {
                Standing::Mature(kind) => Standing::Mature(kind),
                _ if now >= until => Standing::Mature(kind),
                Standing::Early(earlier, kind) => Standing::Early(until.max(earlier), kind),
                Standing::New => Standing::Early(until, kind),
            };
            found.extend(keys.get(place).cloned().map(|key| (key, record)));
        }
        if standing == Standing::New && value(2).is_some() {
            standing = Standing::Mature("known");
        }
        Some(Seen { names, standing, found })
    }

    /// The pre-result that sends a message away for now.
    fn later(&self, until: &str) -> PreResult {
        let mut result = PreResult::new(self.action, MODULE);
        result.message = Some(match self.config.report_time {
            true => format!("{}: {until}", self.config.message),
            false => self.config.message.clone(),
        });
        result
    }

    fn say(&self, hits: &mut Hits, options: &[&str]) {
        let options = options.iter().map(|o| (*o).to_owned()).collect();
        hits.named(&self.config.symbol, 1.0, options);
    }

    /// Writes down a message that has to come again; false where it could not be: then it is not sent away, or it would never pass.
    async fn note(&self, scan: &Scan<'_>, names: &Names) -> bool {
        let since = milliseconds(scan.now);
        let wait = u64::try_from(self.config.timeout.as_millis()).unwrap_or(u64::MAX);
        let net = scan.client.and_then(|ip| network(ip, self.config.ipv4_mask, self.config.ipv6_mask));
        let record = Record {
            since,
            until: since.saturating_add(wait),
            passed: false,
            sender: sender(scan),
            recipients: scan.envelope.recipients.iter().map(|r| r.address.clone()).collect(),
            count: 0,
            network: net.map(|n| n.to_string()).unwrap_or_default(),
            body: names.body.clone(),
        };
        let value = record.bounded().bytes();
        let entries = [(key(&names.meta), value.clone()), (key(&names.body), value)];
        self.store.put_many(&entries, Life::For(self.config.expire)).await.is_ok()
    }

    /// A message passes: what let it pass lives on, and its sender is known from now on.
    async fn renew(&self, seen: &Seen) {
        let passed = |(key, record): &(Key, Record)| {
            let record = Record {
                passed: true,
                ..record.clone()
            };
            (key.clone(), record.bytes())
        };
        let mut entries: Vec<(Key, Bytes)> = seen.found.iter().map(passed).collect();
        let known = seen.names.known.as_ref().map(|name| (key(name), Bytes::from_static(KNOWN)));
        entries.extend(known);
        // Not kept: then it waits once more some day.
        let _ = self.store.put_many(&entries, Life::For(self.config.expire)).await;
    }
}

fn sender(scan: &Scan<'_>) -> String {
    scan.envelope.sender.as_ref().map_or("<>".to_owned(), |s| address(&s.address))
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A moment as the symbol shows it: `Mon, 23 Nov 2026 02:43:31 GMT`.
fn shown(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.unwrap_or_default().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

impl Ask for Before {
    fn ask<'a>(&'a self, scan: &'a Scan<'_>, _: &'a SoFar<'_>) -> Asked<'a> {
        Box::pin(async move {
            let mut hits = Hits::default();
            if self.0.spares(scan) {
                return hits;
            }
            let Some(seen) = self.0.look(scan).await else { return hits };
            if let Standing::Early(until, _) = seen.standing {
                let until = shown(until);
                self.0.say(&mut hits, &["greylisted", &until, "too early"]);
                if !scan.by_hand {
                    hits.pre_result(self.0.later(&until));
                }
            }
            scan.facts.leave(seen);
            hits
        })
    }
}

impl Ask for After {
    fn ask<'a>(&'a self, scan: &'a Scan<'_>, so_far: &'a SoFar<'_>) -> Asked<'a> {
        Box::pin(async move {
            let (grey, mut hits) = (&*self.0, Hits::default());
            if so_far.decided() {
                return hits;
            }
            let decision = so_far.decision();
            let least = grey.config.greylist_min_score.or_else(|| so_far.threshold(Action::Greylist));
            let below = least.is_none_or(|least| decision.score < least);
            let excused = grey.config.whitelist_symbols.iter().any(|symbol| so_far.has(symbol));
            if below || excused || grey.spares(scan) {
                hits.disabled.push(Action::Greylist);
                return hits;
            }
            let doubtful = matches!(
                decision.action,
                Action::Greylist | Action::AddHeader | Action::RewriteSubject | Action::Quarantine
            );
            let seen = scan.facts.find::<Seen>().filter(|_| doubtful);
            if let Some(seen) = seen {
                grey.decide(scan, &seen, &mut hits).await;
            }
            hits
        })
    }
}

impl Greylist {
    /// A message of doubtful score: it passes, or it comes again.
    async fn decide(&self, scan: &Scan<'_>, seen: &Seen, hits: &mut Hits) {
        let standing = match seen.standing {
            Standing::New if self.trusts_host(scan) => Standing::Mature("host"),
            standing => standing,
        };
        match standing {
            Standing::Mature(why) => {
                hits.disabled.push(Action::Greylist);
                self.say(hits, &["pass", why]);
                if !scan.by_hand {
                    self.renew(seen).await;
                }
            }
            // Only a person gets here with it: the symbol says which record it is.
            Standing::Early(_, why) => self.say(hits, &[why]),
            Standing::New if scan.by_hand => {}
            Standing::New => {
                if self.note(scan, &seen.names).await {
                    let wait = u64::try_from(self.config.timeout.as_millis()).unwrap_or(u64::MAX);
                    let until = shown(milliseconds(scan.now).saturating_add(wait));
                    self.say(hits, &["greylisted", &until, "new record"]);
                    hits.pre_result(self.later(&until));
                }
            }
        }
    }
}

//! Pours a message into its buckets ahead of all rules, and changes the buckets once it is known what the message was.

use super::MODULE;
use super::config::{Bucket, Module, Overrides, Own};
use super::limit::{Counted, Limit, Subject, key};
use crate::engine::{self, Action, Ask, Asked, Hits, PreResult, Scan, SoFar, Verdict};
use crate::family::Lists;
use crate::limits::key::address;
use crate::maps::{Entries, Networks};
use crate::store::{self, Key, Level, Life, Scale, Store};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Buckets of one message at most.
const MOST: usize = 4_096;

/// All limits of a configuration.
pub(super) struct RateLimit {
    pub(super) module: Module,
    pub(super) limits: Vec<Limit>,
    pub(super) overrides: Overrides,
    pub(super) recipients: Lists<Entries>,
    pub(super) clients: Lists<Networks>,
    pub(super) users: Lists<Entries>,
    pub(super) store: Arc<dyn Store>,
}

/// One bucket that a message is poured into.
struct Pour<'l> {
    limit: &'l Limit,
    bucket: &'l Bucket,
    name: String,
    take: store::Bucket,
}

/// Whom a bucket belongs to decides how large it is.
enum Size {
    Bounded(f64, f64),
    Free,
}

impl RateLimit {
    /// What of the message counts; nothing where its client or user is spared, or nobody is left to count.
    fn subject<'s, 'm>(&self, scan: &'s Scan<'m>) -> Option<Subject<'s, 'm>> {
        let user = scan.envelope.user.as_deref();
        if scan.client.is_some_and(|ip| self.clients.holds(ip)) || user.is_some_and(|u| self.users.has(u)) {
            return None;
        }
        let envelope = scan.envelope.recipients.iter().map(|r| r.address.as_str());
        let mut named: Vec<String> = envelope.map(address).collect();
        if named.is_empty() {
            let headers = scan.mail.recipients().unwrap_or_default().iter();
            named = headers.map(|r| address(&r.address)).collect();
        }
        let any = !named.is_empty();
        named.retain(|r| !self.recipients.has(r) && !self.recipients.has(r.rsplit_once('@').map_or(r.as_str(), |(local, _)| local)));
        if any && named.is_empty() {
            return None;
        }
        let mut seen = std::collections::HashSet::new();
        named.retain(|r| seen.insert(r.clone()));
        let local = scan.envelope.sender.as_ref().map(|s| s.local().to_lowercase());
        let bounce = local.is_some_and(|l| self.module.bounce_senders.iter().any(|b| b.eq_ignore_ascii_case(&l)));
        Some(Subject {
            scan,
            recipients: named,
            bounce,
        })
    }

    fn size(&self, limit: &Limit, bucket: &Bucket, counted: &Counted) -> Size {
        let own = counted.owners.iter().find_map(|owner| self.overrides.get(owner)?.get(&limit.name));
        match own {
            Some(Own(None)) => Size::Free,
            Some(Own(Some((burst, rate)))) => Size::Bounded(*burst, *rate),
            None => Size::Bounded(bucket.burst.0, bucket.rate.0),
        }
    }

    /// Every bucket of the message, each once.
    #[allow(clippy::cast_precision_loss, reason = "a message has few recipients")]
    fn pours(&self, subject: &Subject<'_, '_>) -> Vec<Pour<'_>> {
        let many = subject.recipients.len().max(1) as f64;
        let mut all = Vec::new();
        for limit in &self.limits {
            for counted in limit.counted(subject) {
                for (place, bucket) in limit.buckets.iter().enumerate() {
                    let Size::Bounded(capacity, rate) = self.size(limit, bucket, &counted) else {
                        continue;
                    };
                    let name = limit.bucket_name(place, &counted.text);
                    let single = counted.single || bucket.skip_recipients;
                    all.push(Pour {
                        limit,
                        bucket,
                        take: store::Bucket {
                            key: key(&name),
                            amount: if single { 1.0 } else { many },
                            capacity,
                            rate,
                        },
                        name,
                    });
                }
            }
        }
        all.truncate(MOST);
        all
    }

    /// What is said of a bucket that overflowed; true where the message is sent away.
    fn overflown(&self, pour: &Pour<'_>, hits: &mut Hits) -> bool {
        let option = format!("{}({})", pour.limit.name, pour.name);
        let instead = self.module.symbol.as_deref().filter(|_| pour.bucket.symbol.is_none());
        let shown = pour.bucket.symbol.as_deref().or(instead).or(self.module.info_symbol.as_deref());
        if let Some(symbol) = shown {
            hits.named(symbol, 1.0, vec![option]);
        }
        if instead.is_some() || pour.bucket.skip_soft_reject {
            return false;
        }
        let mut result = PreResult::new(Action::SoftReject, MODULE);
        let message = pour.bucket.message.clone();
        result.message = Some(message.unwrap_or_else(|| format!("Ratelimit \"{}\" exceeded", pour.limit.name)));
        hits.pre_result(result);
        true
    }

    async fn pour(&self, scan: &Scan<'_>) -> Hits {
        let mut hits = Hits::default();
        let Some(subject) = self.subject(scan) else { return hits };
        let pours = self.pours(&subject);
        if pours.is_empty() {
            return hits;
        }
        let life = Life::For(self.module.expire);
        let buckets: Vec<store::Bucket> = pours.iter().map(|p| p.take.clone()).collect();
        let Ok(levels) = self.store.take(&buckets, life).await else {
            return hits;
        };
        let away = self.tell(&pours, &levels, &mut hits);
        let taken = pours.iter().zip(&levels).filter(|(_, level)| level.passed).map(|(pour, _)| pour);
        if away {
            let back = |pour: &Pour<'_>| store::Bucket {
                amount: -pour.take.amount,
                ..pour.take.clone()
            };
            let back: Vec<store::Bucket> = taken.map(back).collect();
            if !back.is_empty() {
                // Lost: then those buckets leak it in their own time.
                let _ = self.store.take(&back, life).await;
            }
        } else if self.module.dynamic_rate_limit {
            let buckets = taken.map(|pour| self.factors(pour)).collect();
            hits.after.push(Box::new(Adjust {
                store: self.store.clone(),
                buckets,
                life,
            }));
        }
        hits
    }

    /// The first bucket that overflowed sends the message away, and only it is spoken of; those that merely give a symbol all do.
    fn tell(&self, pours: &[Pour<'_>], levels: &[Level], hits: &mut Hits) -> bool {
        let over = pours.iter().zip(levels).filter(|(_, level)| !level.passed);
        for (pour, _) in over {
            tracing::info!(limit = pour.limit.name, bucket = pour.name, "rate limit exceeded");
            if self.overflown(pour, hits) {
                return true;
            }
        }
        false
    }

    fn factors(&self, pour: &Pour<'_>) -> Factors {
        let (own, module) = (pour.bucket, &self.module);
        Factors {
            key: pour.take.key.clone(),
            ham: (
                own.ham_factor_rate.unwrap_or(module.ham_factor_rate),
                own.ham_factor_burst.unwrap_or(module.ham_factor_burst),
            ),
            spam: (
                own.spam_factor_rate.unwrap_or(module.spam_factor_rate),
                own.spam_factor_burst.unwrap_or(module.spam_factor_burst),
            ),
            most: (
                own.max_rate_mult.unwrap_or(module.max_rate_mult),
                own.max_bucket_mult.unwrap_or(module.max_bucket_mult),
            ),
        }
    }
}

impl Ask for Arc<RateLimit> {
    fn ask<'a>(&'a self, scan: &'a Scan<'_>, _: &'a SoFar<'_>) -> Asked<'a> {
        Box::pin(async move {
            // Nothing is sent when a person asks.
            if scan.by_hand { Hits::default() } else { self.pour(scan).await }
        })
    }
}

/// How one bucket changes with a verdict: factors of rate and capacity.
struct Factors {
    key: Key,
    ham: (f64, f64),
    spam: (f64, f64),
    most: (f64, f64),
}

/// Makes buckets of good senders larger and those of spammers smaller.
struct Adjust {
    store: Arc<dyn Store>,
    buckets: Vec<Factors>,
    life: Life,
}

impl engine::After for Adjust {
    fn after(self: Box<Self>, verdict: Arc<Verdict>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let spam = match verdict.action {
                Action::NoAction => false,
                Action::AddHeader | Action::RewriteSubject | Action::Quarantine | Action::Discard | Action::Reject => true,
                // What is in between, or comes again, says nothing.
                Action::Greylist | Action::SoftReject => return,
            };
            let scale = |factors: &Factors| {
                let (rate, burst) = if spam { factors.spam } else { factors.ham };
                Scale {
                    key: factors.key.clone(),
                    rate,
                    burst,
                    max_rate: factors.most.0,
                    max_burst: factors.most.1,
                }
            };
            let scales: Vec<Scale> = self.buckets.iter().map(scale).collect();
            // Not kept: the next verdict changes them again.
            let _ = self.store.scale(&scales, self.life).await;
        })
    }
}

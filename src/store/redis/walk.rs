//! Walks through everything: pages, putting back, counting, sweeping. In slices, so that a server shared with others is never held
//! up; the time of a walk is bounded by its slices, each with the deadline of a verb.

use super::Redis;
use super::cast::Access;
use super::door::{send, text};
use super::fault::Fault;
use super::link::silent;
use super::names::{Walk, life};
use super::scripts::Script;
use super::trip::Question;
use super::verbs::{items, strange};
use crate::config::schema::RedisAddress;
use crate::store::Error;
use crate::store::entry::{Content, Cursor, Entry, Key, Life, Page, Position, Space};
use redis::{Pipeline, Value};
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::timeout;

/// Keys that a server looks at in one step of its walk.
const STEP: usize = 1_000;
/// Steps of one page that find nothing (of ours); then the caller comes again.
const MOST_STEPS: usize = 50;
/// Questions of one slice.
const SLICE: usize = 500;
/// Items that one script puts back.
const FILL: usize = 250;
/// Names remembered so that none is counted twice.
const REMEMBERED: usize = 4_000_000;

impl Redis {
    /// One step of a server's own walk: names of ours, and where it goes on.
    async fn step(&self, server: &RedisAddress, scan: u64, pattern: &[u8]) -> Result<(Option<u64>, Vec<Vec<u8>>), Error> {
        let lost = |text: String| Error::Temporary(format!("{server}: {text}"));
        let link = self
            .shared
            .cast
            .load()
            .at(server)
            .ok_or_else(|| lost("it is no server of this store any more".to_owned()))?;
        let mut live = link
            .live()
            .ok_or_else(|| lost(link.why().map_or_else(|| "it has not answered yet".to_owned(), |f| f.text())))?;
        let mut words = Pipeline::new();
        words.cmd("SCAN").arg(scan).arg("MATCH").arg(pattern).arg("COUNT").arg(STEP);
        self.shared.trips.fetch_add(1, Ordering::Relaxed);
        let sent = timeout(self.settings.timeout, send(&mut live.wire, &words)).await;
        let landed = sent.unwrap_or_else(|_| Err(silent(self.settings.timeout)));
        let replies = landed
            .inspect_err(|fault| link.failed(live.turn, fault.clone()))
            .map_err(|f| lost(f.text()))?;
        match replies.first() {
            Some(Value::ServerError(error)) => {
                let fault = Fault::of_server(error);
                if matches!(fault, Fault::Denied(_)) {
                    self.shared.complain(server, &fault);
                }
                Err(lost(fault.text()))
            }
            Some(Value::Array(parts)) => {
                let next: u64 = parts.first().and_then(|n| text(n).parse().ok()).unwrap_or(0);
                let names = match parts.get(1) {
                    Some(Value::Array(names)) => names.iter().filter_map(|n| match n {
                        Value::BulkString(name) => Some(name.clone()),
                        _ => None,
                    }),
                    _ => return Err(strange("a walk")),
                };
                Ok(((next != 0).then_some(next), names.filter(|n| self.names.key(n).is_some()).collect()))
            }
            _ => Err(strange("a walk")),
        }
    }

    /// The servers to walk through; waits for the first to be known.
    async fn masters(&self) -> Result<Vec<RedisAddress>, Error> {
        // A question finds out who is there, or says why nobody is.
        crate::store::Store::settle(self).await?;
        Ok(self.shared.cast.load().masters())
    }

    /// Goes on until names are found, or it is over, or that took long enough.
    async fn find(&self, walk: &mut Walk, pattern: &[u8]) -> Result<(), Error> {
        let mut servers = None;
        for _ in 0..MOST_STEPS {
            if walk.scan.is_none() {
                if servers.is_none() {
                    servers = Some(self.masters().await?);
                }
                let mut all = servers.clone().unwrap_or_default();
                all.sort();
                let next = all
                    .into_iter()
                    .find(|address| walk.server.as_ref().is_none_or(|done| address > done));
                let Some(next) = next else {
                    *walk = Walk::default();
                    return Ok(());
                };
                walk.server = Some(next);
                walk.scan = Some(0);
            }
            let (Some(server), Some(scan)) = (walk.server.clone(), walk.scan) else {
                return Ok(());
            };
            let (next, names) = self.step(&server, scan, pattern).await?;
            walk.scan = next;
            walk.left = names.into_iter().map(|name| (name, "-".to_owned())).collect();
            if !walk.left.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    pub(super) async fn walk_on(&self, space: Option<&str>, after: Option<&Cursor>, count: usize) -> Result<Page, Error> {
        let mut walk = after.and_then(Walk::read).unwrap_or_default();
        if walk.left.is_empty() {
            self.find(&mut walk, &self.names.pattern(space)).await?;
        }
        let now: Vec<_> = walk.left.drain(..walk.left.len().min(count.clamp(1, STEP))).collect();
        let each = (count / now.len().max(1)).max(16);
        let look = |(name, from): &(Vec<u8>, String)| {
            let question = Question::script(Script::Look, name.clone());
            question.with(from.as_bytes()).with(each.to_string())
        };
        let questions: Vec<_> = now.iter().map(look).collect();
        let replies = self.trip(Access::Write, &questions).await?;
        let mut entries = Vec::with_capacity(now.len());
        for ((name, _), reply) in now.into_iter().zip(&replies) {
            let Some(key) = self.names.key(&name) else { continue };
            let found = read(&key, reply);
            if found.seen >= each
                && let Some(from) = found.last.and_then(following)
            {
                walk.left.push((name, from.to_string()));
            }
            entries.extend(found.entries);
        }
        let over = walk.server.is_none() && walk.left.is_empty();
        Ok(Page {
            entries,
            next: (!over).then(|| walk.write()),
        })
    }

    pub(super) async fn one(&self, key: &Key) -> Result<Option<Entry>, Error> {
        let question = Question::script(Script::Look, self.names.of(key)).with("-").with("1");
        let replies = self.trip(Access::Write, &[question]).await?;
        let found = replies.first().map(|reply| read(key, reply)).unwrap_or_default();
        let mut whole = found.entries.into_iter().filter(|e| !matches!(e.content, Content::Item(..)));
        Ok(whole.next())
    }

    pub(super) async fn put_back(&self, entries: &[Entry]) -> Result<(), Error> {
        let mut questions = Vec::with_capacity(entries.len());
        let mut lists: BTreeMap<&Key, Vec<(Position, &Entry)>> = BTreeMap::new();
        for entry in entries {
            match &entry.content {
                Content::Value(value) => questions.push(self.set(&entry.key, value, entry.life)),
                Content::Item(position, _) => lists.entry(&entry.key).or_default().push((*position, entry)),
                Content::Bucket { level, rate, burst } => {
                    let question = Question::script(Script::Pail, self.names.of(&entry.key)).with(level.to_string());
                    questions.push(question.with(rate.to_string()).with(burst.to_string()).with(life(entry.life)));
                }
            }
        }
        for (key, mut list) in lists {
            // A stream grows at its end: in order it costs least.
            list.sort_by_key(|(position, _)| *position);
            for some in list.chunks(FILL) {
                let mut question = Question::script(Script::Fill, self.names.of(key));
                for (position, entry) in some {
                    let Content::Item(_, item) = &entry.content else { continue };
                    question = question.with(position.ms.to_string()).with(position.seq.to_string());
                    question = question.with(life(entry.life)).with(&**item);
                }
                questions.push(question);
            }
        }
        for slice in questions.chunks(SLICE) {
            self.trip(Access::Write, slice).await?;
        }
        Ok(())
    }

    /// Carries out a script on every key, once each, and gives the replies to `note`.
    async fn on_all(&self, script: Script, space: Option<&str>, mut note: impl FnMut(&Key, &Value)) -> Result<(), Error> {
        let (pattern, mut walk) = (self.names.pattern(space), Walk::default());
        let (hasher, mut met) = (RandomState::new(), HashSet::new());
        loop {
            self.find(&mut walk, &pattern).await?;
            let mut names: Vec<Vec<u8>> = std::mem::take(&mut walk.left).into_iter().map(|(name, _)| name).collect();
            if met.len() < REMEMBERED {
                names.retain(|name| met.insert(hasher.hash_one(name)));
            }
            for some in names.chunks(SLICE) {
                let questions: Vec<_> = some.iter().map(|name| Question::script(script, name.clone())).collect();
                let replies = self.trip(Access::Write, &questions).await?;
                let keys = some.iter().map(|name| self.names.key(name));
                keys.zip(&replies)
                    .for_each(|(key, reply)| key.iter().for_each(|key| note(key, reply)));
            }
            if walk.server.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn weigh(&self) -> Result<Vec<Space>, Error> {
        let mut spaces: BTreeMap<String, Space> = BTreeMap::new();
        let note = |key: &Key, reply: &Value| {
            let Value::Array(fields) = reply else { return };
            let number = |n: usize| fields.get(n).and_then(|v| text(v).parse::<u64>().ok()).unwrap_or(0);
            let entries = number(0);
            if entries > 0 {
                let space = spaces.entry(key.space().to_owned()).or_default();
                space.entries += entries;
                space.bytes += number(1) + key.name().len() as u64;
            }
        };
        self.on_all(Script::Weigh, None, note).await?;
        let named = spaces.into_iter().map(|(name, space)| Space { name, ..space });
        Ok(named.collect())
    }

    pub(super) async fn sweep(&self, space: Option<&str>) -> Result<u64, Error> {
        let mut gone = 0_u64;
        let note = |_: &Key, reply: &Value| gone += text(reply).parse::<u64>().unwrap_or(0);
        self.on_all(Script::Drop, space, note).await?;
        Ok(gone)
    }
}

/// What a look at one key found.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    /// Items looked at, the expired included, and the last of them.
    seen: usize,
    last: Option<Position>,
}

fn read(key: &Key, reply: &Value) -> Found {
    let Value::Array(parts) = reply else { return Found::default() };
    let (kind, number) = (
        parts.first().map(text).unwrap_or_default(),
        parts.get(1).map(text).unwrap_or_default(),
    );
    let content = parts.get(2);
    let entry = |life: Life, content: Content| Entry {
        key: key.clone(),
        life,
        content,
    };
    let whole = |content: Content| {
        let life = match number.parse::<i64>() {
            Ok(-1) => Life::Forever,
            Ok(left) => Life::For(Duration::from_millis(u64::try_from(left).unwrap_or(0))),
            Err(_) => Life::For(Duration::ZERO),
        };
        Found {
            entries: vec![entry(life, content)],
            ..Found::default()
        }
    };
    match (kind.as_str(), content) {
        ("string", Some(Value::BulkString(value))) => whole(Content::Value(value.clone().into())),
        ("hash", Some(Value::Array(fields))) => {
            let field = |n: usize, none: f64| fields.get(n).and_then(|v| text(v).parse().ok()).unwrap_or(none);
            whole(Content::Bucket {
                level: field(0, 0.0),
                rate: field(1, 1.0),
                burst: field(2, 1.0),
            })
        }
        ("stream", Some(rows)) => {
            let now: u64 = number.parse().unwrap_or(0);
            let all = items(rows, 0);
            let (seen, last) = (all.len(), all.last().map(|i| i.0));
            let living = all.into_iter().filter(|(_, _, until)| until.is_none_or(|u| u > now));
            let entries = living.map(|(position, item, until)| {
                let life = until.map_or(Life::Forever, |u| Life::For(Duration::from_millis(u - now)));
                entry(life, Content::Item(position, item))
            });
            Found {
                entries: entries.collect(),
                seen,
                last,
            }
        }
        _ => Found::default(),
    }
}

/// The first position behind this one.
fn following(position: Position) -> Option<Position> {
    match position.seq.checked_add(1) {
        Some(seq) => Some(Position { seq, ..position }),
        None => Some(Position {
            ms: position.ms.checked_add(1)?,
            seq: 0,
        }),
    }
}

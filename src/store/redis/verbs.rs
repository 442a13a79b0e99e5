//! The store's verbs in a server's words.

use super::Redis;
use super::cast::Access;
use super::door::text;
use super::names::life;
use super::scripts::Script;
use super::trip::{Question, Words};
use crate::store::entry::{Bucket, Caps, Cursor, Entry, Key, Level, Life, Page, Position, Scale, Space};
use crate::store::{Error, Health, Reply, Store};
use bytes::Bytes;
use redis::Value;

impl Redis {
    fn key(&self, word: &'static str, key: &Key) -> Question {
        Question::new(Words::Key(word), self.names.of(key))
    }

    fn script(&self, script: Script, key: &Key) -> Question {
        Question::script(script, self.names.of(key))
    }

    /// Puts one value in place of what was there.
    pub(super) fn set(&self, key: &Key, value: &Bytes, how_long: Life) -> Question {
        let question = self.key("SET", key).with(&**value);
        match how_long {
            Life::Forever => question,
            how_long => question.with("PX").with(life(how_long)),
        }
    }
}

impl Store for Redis {
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, Vec<Option<Bytes>>> {
        Box::pin(async move {
            let questions: Vec<_> = keys.iter().map(|k| self.key("GET", k)).collect();
            let replies = self.trip(Access::Read, &questions).await?;
            Ok(replies.into_iter().map(bytes).collect())
        })
    }

    fn put_many<'a>(&'a self, entries: &'a [(Key, Bytes)], how_long: Life) -> Reply<'a, ()> {
        Box::pin(async move {
            let questions: Vec<_> = entries.iter().map(|(key, value)| self.set(key, value, how_long)).collect();
            self.trip(Access::Write, &questions).await.map(drop)
        })
    }

    fn claim<'a>(&'a self, key: &'a Key, value: Bytes, how_long: Life) -> Reply<'a, Option<Bytes>> {
        Box::pin(async move {
            let question = self.script(Script::Claim, key).with(&*value).with(life(how_long));
            let replies = self.trip(Access::Write, &[question]).await?;
            Ok(replies.into_iter().next().and_then(bytes))
        })
    }

    fn remove_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, ()> {
        Box::pin(async move {
            let questions: Vec<_> = keys.iter().map(|k| self.key("UNLINK", k)).collect();
            self.trip(Access::Write, &questions).await.map(drop)
        })
    }

    fn add_many<'a>(&'a self, amounts: &'a [(Key, i64)], how_long: Life) -> Reply<'a, Vec<i64>> {
        Box::pin(async move {
            let add = |(key, amount): &(Key, i64)| self.script(Script::Add, key).with(amount.to_string()).with(life(how_long));
            let questions: Vec<_> = amounts.iter().map(add).collect();
            let replies = self.trip(Access::Write, &questions).await?;
            replies.iter().map(|r| text(r).parse().map_err(|_| strange("a counter"))).collect()
        })
    }

    fn take<'a>(&'a self, buckets: &'a [Bucket], how_long: Life) -> Reply<'a, Vec<Level>> {
        Box::pin(async move {
            let take = |b: &Bucket| {
                let question = self.script(Script::Take, &b.key).with(number(b.amount)).with(number(b.capacity));
                question.with(number(b.rate)).with(life(how_long))
            };
            let questions: Vec<_> = buckets.iter().map(take).collect();
            let replies = self.trip(Access::Write, &questions).await?;
            replies.iter().map(|r| level(r).ok_or_else(|| strange("a bucket"))).collect()
        })
    }

    fn scale<'a>(&'a self, scales: &'a [Scale], how_long: Life) -> Reply<'a, ()> {
        Box::pin(async move {
            let scale = |s: &Scale| {
                let question = self.script(Script::Scale, &s.key).with(number(s.rate)).with(number(s.burst));
                question.with(number(s.max_rate)).with(number(s.max_burst)).with(life(how_long))
            };
            let questions: Vec<_> = scales.iter().map(scale).collect();
            self.trip(Access::Write, &questions).await.map(drop)
        })
    }

    fn push_capped<'a>(&'a self, list: &'a Key, item: Bytes, caps: Caps) -> Reply<'a, Position> {
        Box::pin(async move {
            let question = self.script(Script::Push, list).with(&*item);
            let question = question.with(caps.items.to_string()).with(life(caps.life));
            let replies = self.trip(Access::Write, &[question]).await?;
            replies.first().and_then(position).ok_or_else(|| strange("a list"))
        })
    }

    fn newest<'a>(&'a self, list: &'a Key, before: Option<Position>, count: usize) -> Reply<'a, Vec<(Position, Bytes)>> {
        Box::pin(async move {
            let end = match before.map(previous) {
                None => "+".to_owned(),
                Some(Some(end)) => end.to_string(),
                Some(None) => return Ok(Vec::new()),
            };
            if count == 0 {
                return Ok(Vec::new());
            }
            // What lives is a question of the server's clock.
            let clock = Question::new(Words::Bare("TIME"), self.names.of(list));
            let rows = self
                .key("XREVRANGE", list)
                .with(end)
                .with("-")
                .with("COUNT")
                .with(count.to_string());
            let replies = self.trip(Access::Read, &[clock, rows]).await?;
            let now = match replies.first() {
                Some(Value::Array(time)) => {
                    let part = |n: usize| time.get(n).and_then(|t| text(t).parse::<u64>().ok()).unwrap_or(0);
                    part(0) * 1_000 + part(1) / 1_000
                }
                _ => 0,
            };
            Ok(replies
                .get(1)
                .map(|rows| items(rows, now))
                .unwrap_or_default()
                .into_iter()
                .map(|i| (i.0, i.1))
                .collect())
        })
    }

    fn page<'a>(&'a self, space: Option<&'a str>, after: Option<&'a Cursor>, count: usize) -> Reply<'a, Page> {
        Box::pin(self.walk_on(space, after, count))
    }

    fn look<'a>(&'a self, key: &'a Key) -> Reply<'a, Option<Entry>> {
        Box::pin(self.one(key))
    }

    fn restore<'a>(&'a self, entries: &'a [Entry]) -> Reply<'a, ()> {
        Box::pin(self.put_back(entries))
    }

    fn census(&self) -> Reply<'_, Vec<Space>> {
        Box::pin(self.weigh())
    }

    fn flush<'a>(&'a self, space: Option<&'a str>) -> Reply<'a, u64> {
        Box::pin(self.sweep(space))
    }

    /// Nothing waits here: what a verb has answered the server has taken. It is asked whether it is still there.
    fn settle(&self) -> Reply<'_, ()> {
        Box::pin(async move {
            let ping = Question::new(Words::Bare("PING"), self.names.of(&Key::new("settle", "")));
            self.trip(Access::Write, &[ping]).await.map(drop)
        })
    }

    fn health(&self) -> Health {
        self.feeling()
    }
}

/// Shortest text that gives the same number again; what is no number counts as nothing.
fn number(value: f64) -> String {
    match value.is_finite() {
        true => value.to_string(),
        false if value > 0.0 => f64::MAX.to_string(),
        false => "0".to_owned(),
    }
}

pub(super) fn strange(what: &str) -> Error {
    Error::Temporary(format!("the server answers something that is not {what}"))
}

fn bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::BulkString(bytes) => Some(bytes.into()),
        Value::Int(number) => Some(number.to_string().into()),
        _ => None,
    }
}

fn level(reply: &Value) -> Option<Level> {
    let Value::Array(fields) = reply else { return None };
    let number = |n: usize| fields.get(n).and_then(|v| text(v).parse::<f64>().ok());
    Some(Level {
        passed: number(0)? > 0.0,
        level: number(1)?,
        rate: number(2)?,
        burst: number(3)?,
    })
}

fn position(value: &Value) -> Option<Position> {
    let text = text(value);
    let (ms, seq) = text.split_once('-')?;
    Some(Position {
        ms: ms.parse().ok()?,
        seq: seq.parse().ok()?,
    })
}

/// The last position before this one.
fn previous(position: Position) -> Option<Position> {
    match (position.ms, position.seq) {
        (0, 0) => None,
        (ms, 0) => Some(Position { ms: ms - 1, seq: u64::MAX }),
        (ms, seq) => Some(Position { ms, seq: seq - 1 }),
    }
}

/// Items that live, each with the moment of its end.
pub(super) fn items(rows: &Value, now: u64) -> Vec<(Position, Bytes, Option<u64>)> {
    let Value::Array(rows) = rows else { return Vec::new() };
    let item = |row: &Value| {
        let Value::Array(row) = row else { return None };
        let place = row.first().and_then(position)?;
        let Some(Value::Array(fields)) = row.get(1) else { return None };
        let content = fields.get(1).cloned().and_then(bytes)?;
        let until = fields.get(3).and_then(|u| text(u).parse::<u64>().ok());
        Some((place, content, until))
    };
    rows.iter()
        .filter_map(item)
        .filter(|(_, _, until)| until.is_none_or(|u| u > now))
        .collect()
}

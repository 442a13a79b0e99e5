//! Looking through the history: what is wanted, and the walk back through the list in slices, within bounds.

use super::row;
use crate::base::quantity::parse_duration;
use crate::base::suggest::nearest;
use crate::engine::Action;
use crate::store::{Error, Key, Position, Store};
use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Rows fetched at a time.
const SLICE: usize = 256;
/// Rows looked at for one question; the answer then says where to go on.
const MOST_LOOKED: usize = 20_000;
/// Time for one question.
const TIME: Duration = Duration::from_secs(2);
/// Rows of one answer.
pub const MOST_ROWS: usize = 1_000;
/// Rows of an answer where nobody says.
pub const USUAL_ROWS: usize = 100;
/// Bytes of rows in one answer, about.
const MOST_BYTES: usize = 24 << 20;
/// Bytes of a text that is looked for.
const LONGEST_TEXT: usize = 1_000;

/// Names of the arguments that make a question of their own, in the order of the manual.
pub const ARGUMENTS: [&str; 9] = [
    "sender",
    "recipient",
    "action",
    "symbol",
    "text",
    "since",
    "until",
    "limit",
    "before",
];

/// Which rows are wanted. Texts are compared without case and match anywhere in what they are compared with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// In the sender of envelope or header.
    pub sender: Option<String>,
    /// In a recipient of envelope or header.
    pub recipient: Option<String>,
    /// One of these.
    pub actions: Vec<Action>,
    /// All of these.
    pub symbols: Vec<String>,
    /// In addresses, Subject, ids, client, user or options.
    pub text: Option<String>,
    /// Judged at or after this moment, in milliseconds since 1970.
    pub since: Option<u64>,
    /// Judged before this moment.
    pub until: Option<u64>,
    /// Rows of the answer at most.
    pub limit: usize,
    /// Older than this row.
    pub before: Option<Position>,
}

/// What was found, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The rows with their places.
    pub rows: Vec<(Position, Value)>,
    /// Where to go on, if there may be more.
    pub next: Option<Position>,
}

impl Found {
    /// As one object: the rows, each with its `cursor`, and `next`.
    pub fn to_json(self) -> Value {
        let with_place = |(place, mut row): (Position, Value)| {
            if let Some(row) = row.as_object_mut() {
                row.insert("cursor".to_owned(), Value::String(place.to_string()));
            }
            row
        };
        let rows: Vec<Value> = self.rows.into_iter().map(with_place).collect();
        let mut all = serde_json::json!({ "rows": rows });
        if let (Some(all), Some(next)) = (all.as_object_mut(), self.next) {
            all.insert("next".to_owned(), Value::String(next.to_string()));
        }
        all
    }
}

impl Wanted {
    /// Reads arguments by name; those of other names are not for us. Of a name given twice both symbols and actions count, else the
    /// last.
    ///
    /// # Errors
    /// A sentence on the first value that cannot be read.
    pub fn read<'a>(arguments: impl Iterator<Item = (&'a str, &'a str)>, now: SystemTime) -> Result<Wanted, String> {
        let mut wanted = Wanted {
            limit: USUAL_ROWS,
            ..Wanted::default()
        };
        for (name, value) in arguments.filter(|(_, value)| !value.trim().is_empty()) {
            let value = value.trim();
            if value.len() > LONGEST_TEXT {
                return Err(format!("{name} is longer than {LONGEST_TEXT} bytes"));
            }
            let text = || Some(value.to_lowercase());
            match name {
                "sender" => wanted.sender = text(),
                "recipient" => wanted.recipient = text(),
                "text" => wanted.text = text(),
                "action" => wanted.actions.append(&mut actions(value)?),
                "symbol" => wanted.symbols.extend(words(value).map(str::to_owned)),
                "since" => wanted.since = Some(moment(name, value, now)?),
                "until" => wanted.until = Some(moment(name, value, now)?),
                "limit" => {
                    let count = value.parse().ok().filter(|n| (1..=MOST_ROWS).contains(n));
                    wanted.limit = count.ok_or_else(|| format!("limit {value:?} is not between 1 and {MOST_ROWS}"))?;
                }
                "before" => {
                    let place = position(value).ok_or_else(|| format!("before {value:?} is no cursor of an earlier answer"))?;
                    wanted.before = Some(place);
                }
                _ => {}
            }
        }
        Ok(wanted)
    }

    fn filters(&self) -> bool {
        let texts = self.sender.is_some() || self.recipient.is_some() || self.text.is_some();
        texts || !self.actions.is_empty() || !self.symbols.is_empty()
    }

    fn takes(&self, row: &Value) -> bool {
        let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
        let list = |key: &str| {
            row.get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
        };
        let holds = |text: &str, part: &str| text.to_lowercase().contains(part);
        let any = |keys: &[&str], part: &str| keys.iter().any(|key| holds(text(key), part));
        let symbols = row.get("symbols").and_then(Value::as_object);
        let sender = |part: &String| any(&["sender_smtp", "sender_mime", "sender_name"], part);
        let recipient = |part: &String| list("rcpt_smtp").chain(list("rcpt_mime")).any(|r| holds(r, part));
        let option = |part: &String| {
            let options = symbols.into_iter().flatten().filter_map(|(_, s)| s.get("options")?.as_array());
            options.flatten().filter_map(Value::as_str).any(|o| holds(o, part))
        };
        let other = [
            "subject",
            "message-id",
            "id",
            "queue_id",
            "ip",
            "hostname",
            "helo",
            "user",
            "digest",
        ];
        let has = |name: &String| symbols.is_some_and(|all| all.keys().any(|s| s.eq_ignore_ascii_case(name)));
        let action = text("action");
        (self.actions.is_empty() || self.actions.iter().any(|a| a.name() == action))
            && self.symbols.iter().all(has)
            && self.sender.as_ref().is_none_or(sender)
            && self.recipient.as_ref().is_none_or(recipient)
            && self
                .text
                .as_ref()
                .is_none_or(|part| sender(part) || recipient(part) || any(&other, part) || option(part))
    }
}

/// Walks back through a list until there are enough rows, or enough were looked at.
pub async fn search(store: &dyn Store, list: &Key, wanted: &Wanted) -> Result<Found, Error> {
    let end = Instant::now() + TIME;
    let shared = Arc::new(wanted.clone());
    let until = wanted.until.map(|ms| Position { ms, seq: 0 });
    let mut before = [wanted.before, until].into_iter().flatten().min();
    let (mut found, mut looked, mut bytes) = (Found::default(), 0, 0);
    let most = if wanted.filters() { SLICE } else { wanted.limit.clamp(1, SLICE) };
    loop {
        let mut slice = store.newest(list, before, most).await?;
        let whole = slice.len() == most;
        looked += slice.len();
        before = slice.last().map(|(place, _)| *place);
        let old = |(place, _): &(Position, Bytes)| wanted.since.is_some_and(|since| place.ms < since);
        let reached = slice.iter().any(old);
        slice.retain(|item| !old(item));
        for (place, row, size) in pick(slice, shared.clone()).await {
            found.rows.push((place, row));
            bytes += size;
            if found.rows.len() >= wanted.limit || bytes >= MOST_BYTES {
                found.next = Some(place);
                return Ok(found);
            }
        }
        if reached || !whole {
            return Ok(found);
        }
        if looked >= MOST_LOOKED || Instant::now() >= end {
            found.next = before;
            return Ok(found);
        }
    }
}

/// Reads a slice of rows and keeps what is wanted, with its size, where it holds up nobody.
async fn pick(slice: Vec<(Position, Bytes)>, wanted: Arc<Wanted>) -> Vec<(Position, Value, usize)> {
    let work = move || {
        let read = |(place, bytes): (Position, Bytes)| {
            let (row, size) = row::read(&bytes)?;
            wanted.takes(&row).then_some((place, row, size))
        };
        let mut room = MOST_BYTES;
        let enough = |(_, _, size): &(Position, Value, usize)| {
            let fits = room > 0;
            room = room.saturating_sub(*size);
            fits
        };
        slice.into_iter().filter_map(read).take_while(enough).collect()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
}

/// Rows of a list by their numbers as Redis counts them: from 0 for the newest, from -1 for the oldest, both ends included. Only the
/// newest `window` rows count.
pub async fn range(store: &dyn Store, list: &Key, window: usize, from: i64, to: i64) -> Result<Vec<Value>, Error> {
    let enough = match (usize::try_from(from), usize::try_from(to)) {
        (Ok(_), Ok(to)) => window.min(to.saturating_add(1)),
        _ => window,
    };
    let mut slice = store.newest(list, None, enough).await?;
    let count = |n: i64| match usize::try_from(n) {
        Ok(n) => Some(n),
        Err(_) => slice.len().checked_sub(usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    let (first, last) = (count(from).unwrap_or(0), count(to));
    let end = last.map_or(0, |last| last.saturating_add(1)).min(slice.len());
    let chosen = slice.drain(first.min(end)..end).collect();
    let rows = pick(chosen, Arc::default()).await;
    Ok(rows.into_iter().map(|(_, row, _)| row).collect())
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn actions(value: &str) -> Result<Vec<Action>, String> {
    let one = |word: &str| {
        Action::parse(word).ok_or_else(|| {
            let near = nearest(word, Action::ALL.iter().map(|a| a.name()));
            let hint = near.map_or(String::new(), |n| format!("; did you mean {n:?}?"));
            format!("{word:?} is no action{hint}")
        })
    };
    words(value).map(one).collect()
}

/// The text of a [`Position`] back into one.
pub fn position(text: &str) -> Option<Position> {
    let (ms, seq) = text.split_once('-')?;
    Some(Position {
        ms: ms.parse().ok()?,
        seq: seq.parse().ok()?,
    })
}

/// A moment: seconds since 1970, a date with or without time (this machine's zone unless it names one), or a time ago such as `2h`.
fn moment(name: &str, value: &str, now: SystemTime) -> Result<u64, String> {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if let Ok(seconds) = value.parse::<u64>() {
        return Ok(seconds.saturating_mul(1_000));
    }
    if let Ok(ago) = parse_duration(value) {
        return Ok(ms(now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(ago)));
    }
    let stamp = value.parse::<Timestamp>().ok().or_else(|| {
        let local = value.parse::<DateTime>().ok()?;
        Some(local.to_zoned(TimeZone::system()).ok()?.timestamp())
    });
    let stamp = stamp
        .ok_or_else(|| format!("{name} {value:?} is no moment; write 2026-11-23, \"2026-11-23 14:30\", 2h (ago), or seconds since 1970"))?;
    Ok(u64::try_from(stamp.as_millisecond()).unwrap_or(0))
}

//! The verbs of `torwart store`, `greylist` and `history`, carried out on the stores of one configuration: by the daemon for its control socket, and by
//! the command line itself while no daemon runs. Nothing here reads files or talks to people.

mod carry;
#[cfg(test)]
mod tests;
mod which;

use crate::base::{hex, suggest};
use crate::limits::greylist::waiting::{self, Which};
use crate::record::history;
use crate::store::export::{self, Row};
use crate::store::{Content, Entry, Error, Key, Life, Space, Stores};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::SystemTime;

/// The verbs.
pub const VERBS: [&str; 9] = [
    "greylist.list",
    "greylist.release",
    "history",
    "store.stat",
    "store.health",
    "store.get",
    "store.flush",
    "store.export",
    "store.import",
];

/// Items of a list in one answer: unless told, and at most.
const ITEMS: (usize, usize) = (20, 1_000);
/// Bytes of them in one answer, about.
const ITEM_BYTES: usize = 8 << 20;

/// Carries out one verb; `request` is the whole object that asked for it.
pub async fn carry_out(stores: &Stores, verb: &str, request: &Value) -> Result<Value, String> {
    match verb {
        "greylist.list" => {
            let all = waiting::list(&*stores.of("greylist")).await.map_err(|e| e.to_string())?;
            serde_json::to_value(all).map_err(|e| e.to_string())
        }
        "greylist.release" => {
            let Release { which } = read(request)?;
            let count = waiting::release(&*stores.of("greylist"), &which).await.map_err(|e| e.to_string())?;
            Ok(json!({ "released": count }))
        }
        "history" => {
            let wanted = wanted(request)?;
            let found = history::search(&*stores.of("history"), &history::list(), &wanted).await;
            found.map(|f| f.to_json()).map_err(|e| e.to_string())
        }
        "store.stat" => stat(stores, read(request)?, true).await,
        "store.health" => stat(stores, read(request)?, false).await,
        "store.get" => get(stores, read(request)?).await,
        "store.flush" => flush(stores, read(request)?).await,
        "store.export" => carry::export(stores, read(request)?).await,
        "store.import" => carry::import(stores, read(request)?).await,
        other => Err(format!("the store knows no verb \"{other}\"; it knows {}", VERBS.join(", "))),
    }
}

#[derive(Deserialize)]
struct Release {
    which: Which,
}

/// Which rows of the history a request asks for.
pub fn wanted(request: &Value) -> Result<history::Wanted, String> {
    let arguments = request.as_object().into_iter().flatten();
    let arguments = arguments.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    history::Wanted::read(arguments, SystemTime::now())
}

fn read<T: DeserializeOwned>(request: &Value) -> Result<T, String> {
    T::deserialize(request).map_err(|error| format!("the request is not understood: {error}"))
}

/// An engine's error as a sentence about one of the stores.
fn trouble(name: &str, error: &Error) -> String {
    format!("{name}: {error}")
}

#[derive(Deserialize)]
struct Stat {
    store: Option<String>,
}

/// Every store or one of them, and what lies in it unless that takes too long to count.
async fn stat(stores: &Stores, asked: Stat, census: bool) -> Result<Value, String> {
    let shown = match &asked.store {
        Some(name) => vec![which::named(stores, name)?],
        None => which::all(stores),
    };
    let mut all = Vec::new();
    for kept in shown {
        let counted = if census { Some(kept.store.census().await) } else { None };
        let (spaces, problem) = match counted {
            None => (None, None),
            Some(Ok(spaces)) => (Some(spaces), None),
            // The others are still worth seeing.
            Some(Err(error)) => (None, Some(error.to_string())),
        };
        let is_home = |space: &str| which::homes(stores, space).iter().any(|h| h.is(&kept));
        let space = |s: &Space| json!({ "name": s.name, "entries": s.entries, "bytes": s.bytes, "home": is_home(&s.name) });
        let spaces: Option<Vec<Value>> = spaces.map(|all| all.iter().map(space).collect());
        let health = kept.store.health();
        all.push(json!({
            "name": kept.name,
            "modules": kept.modules,
            "kind": health.kind,
            "degraded": health.degraded,
            "reason": health.reason,
            "waiting": health.waiting,
            "problem": problem,
            "spaces": spaces,
        }));
    }
    Ok(json!({ "stores": all }))
}

#[derive(Deserialize)]
struct Get {
    space: String,
    name: Option<String>,
    name_hex: Option<String>,
    store: Option<String>,
    limit: Option<usize>,
}

async fn get(stores: &Stores, asked: Get) -> Result<Value, String> {
    let digits = asked
        .name_hex
        .as_deref()
        .map(|d| hex::decode(d).ok_or("the name is no hexadecimal text"));
    let name = match (asked.name, digits.transpose()?) {
        (Some(name), None) => name.into_bytes(),
        (None, Some(name)) => name,
        _ => return Err("the request has no name".to_owned()),
    };
    let key = Key::new(&asked.space, &name);
    let limit = asked.limit.unwrap_or(ITEMS.0).min(ITEMS.1);
    for kept in which::of(stores, asked.store.as_deref(), &asked.space)? {
        let say = |error| trouble(&kept.name, &error);
        // Lists first: looking for a value may mean a walk.
        let items = kept.store.newest(&key, None, limit).await.map_err(say)?;
        if !items.is_empty() {
            let mut bytes = 0_usize;
            let bounded = items.into_iter().take_while(|(_, item)| {
                let before = bytes;
                bytes = bytes.saturating_add(item.len());
                before < ITEM_BYTES
            });
            let rows: Vec<Row> = bounded
                .map(|(position, item)| Entry {
                    key: key.clone(),
                    life: Life::Forever,
                    content: Content::Item(position, item),
                })
                .map(|entry| Row::of(&entry, export::now()))
                .collect();
            return Ok(json!({ "store": kept.name, "items": rows }));
        }
        if let Some(entry) = kept.store.look(&key).await.map_err(say)? {
            return Ok(json!({ "store": kept.name, "entry": Row::of(&entry, export::now()) }));
        }
    }
    Ok(Value::Null)
}

#[derive(Deserialize)]
struct Flush {
    #[serde(default)]
    spaces: Vec<String>,
    #[serde(default)]
    all: bool,
    store: Option<String>,
}

async fn flush(stores: &Stores, asked: Flush) -> Result<Value, String> {
    if asked.all != asked.spaces.is_empty() {
        return Err("name the spaces to flush, or all of them".to_owned());
    }
    let mut plan = Vec::new();
    if asked.all {
        let all = match &asked.store {
            Some(name) => vec![which::named(stores, name)?],
            None => which::all(stores),
        };
        plan.extend(all.into_iter().map(|kept| (kept, None)));
    }
    for space in &asked.spaces {
        known(stores, space).await?;
        let homes = which::of(stores, asked.store.as_deref(), space)?;
        plan.extend(homes.into_iter().map(|kept| (kept, Some(space.as_str()))));
    }
    let mut flushed = Vec::new();
    for (kept, space) in plan {
        let say = |error| trouble(&kept.name, &error);
        let entries = kept.store.flush(space).await.map_err(say)?;
        kept.store.settle().await.map_err(say)?;
        flushed.push(json!({ "store": kept.name, "space": space, "entries": entries }));
    }
    Ok(json!({ "flushed": flushed }))
}

/// A space that nobody ever wrote to is more likely a slip of the finger than an empty one.
async fn known(stores: &Stores, space: &str) -> Result<(), String> {
    if which::SPACES.iter().any(|(known, _)| *known == space) {
        return Ok(());
    }
    let mut there: Vec<String> = which::SPACES.iter().map(|(known, _)| (*known).to_owned()).collect();
    for kept in which::all(stores) {
        let spaces = kept.store.census().await.map_err(|e| trouble(&kept.name, &e))?;
        there.extend(spaces.into_iter().map(|s| s.name));
    }
    if there.iter().any(|known| known == space) {
        return Ok(());
    }
    there.sort();
    there.dedup();
    let near = suggest::nearest(space, there.iter().map(String::as_str));
    let near = near.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
    Err(format!(
        "nothing is remembered under \"{space}\"{near} (there are {})",
        there.join(", ")
    ))
}

//! Entries on their way out and in: pages of bounded size, so that nobody else waits for long; the caller asks again with what it
//! was given.

use super::{trouble, which};
use crate::store::export::{self, LONGEST_LINE, Row};
use crate::store::{Content, Cursor, Entry, Key, Page, Store, Stores};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Entries of a page: unless told, and at most.
const ENTRIES: (usize, usize) = (500, 2_000);
/// Bytes of a page, unless one entry alone has more.
const BYTES: usize = 512 << 10;
/// Bytes of an entry that still makes a line of an export, whatever is in it.
const LARGEST: usize = LONGEST_LINE / 2 - (1 << 20);

#[derive(Deserialize)]
pub(super) struct Export {
    #[serde(default)]
    spaces: Vec<String>,
    store: Option<String>,
    after: Option<After>,
    count: Option<usize>,
}

/// Where an export stands: on which leg of its way through the stores, and where there.
#[derive(Serialize, Deserialize)]
struct After {
    leg: usize,
    at: Option<String>,
}

/// A stretch of the way: a store, and one space of it or all.
struct Leg {
    kept: which::Kept,
    space: Option<String>,
}

fn way(stores: &Stores, asked: &Export) -> Result<Vec<Leg>, String> {
    if asked.spaces.is_empty() {
        let all = match &asked.store {
            Some(name) => vec![which::named(stores, name)?],
            None => which::all(stores),
        };
        return Ok(all.into_iter().map(|kept| Leg { kept, space: None }).collect());
    }
    let mut legs = Vec::new();
    for space in &asked.spaces {
        let homes = which::of(stores, asked.store.as_deref(), space)?;
        legs.extend(homes.into_iter().map(|kept| Leg {
            kept,
            space: Some(space.clone()),
        }));
    }
    Ok(legs)
}

/// One page, and where to go on.
pub(super) async fn export(stores: &Stores, asked: Export) -> Result<Value, String> {
    let legs = way(stores, &asked)?;
    let after = asked.after.as_ref();
    let at = after.map_or(0, |a| a.leg);
    let Some(leg) = legs.get(at) else {
        return Ok(json!({ "rows": [], "next": null }));
    };
    let cursor: Option<Cursor> = match after.and_then(|a| a.at.as_deref()) {
        Some(text) => Some(text.parse().map_err(|e| format!("cannot go on with the export: {e}"))?),
        None => None,
    };
    let count = asked.count.unwrap_or(ENTRIES.0).clamp(1, ENTRIES.1);
    let page = page(leg, cursor.as_ref(), count).await?;
    let now = export::now();
    // What lies in a store that the configuration no longer uses for it is not what the daemon remembers.
    let mine = |entry: &&Entry| asked.store.is_some() || which::homes(stores, entry.key.space()).iter().any(|h| h.is(&leg.kept));
    let rows: Vec<Row> = page.entries.iter().filter(mine).map(|entry| Row::of(entry, now)).collect();
    let next = match page.next {
        Some(cursor) => Some(After {
            leg: at,
            at: Some(cursor.to_string()),
        }),
        None if at + 1 < legs.len() => Some(After { leg: at + 1, at: None }),
        None => None,
    };
    Ok(json!({ "rows": rows, "next": next }))
}

/// A page that is small enough: asked for again with fewer entries where it is not.
async fn page(leg: &Leg, after: Option<&Cursor>, mut count: usize) -> Result<Page, String> {
    loop {
        let page = leg.kept.store.page(leg.space.as_deref(), after, count).await;
        let page = page.map_err(|e| trouble(&leg.kept.name, &e))?;
        let large = page.entries.iter().find(|e| size(e) > LARGEST);
        let bytes: usize = page.entries.iter().map(size).sum();
        match large {
            _ if bytes > BYTES && count > 1 => count = (count / 4).max(1),
            Some(entry) => {
                let (space, bytes) = (entry.key.space(), size(entry));
                return Err(format!("an entry of {space} is too large for an export: {bytes} bytes"));
            }
            None => return Ok(page),
        }
    }
}

fn size(entry: &Entry) -> usize {
    let content = match &entry.content {
        Content::Value(bytes) | Content::Item(_, bytes) => bytes.len(),
        Content::Bucket { .. } => 0,
    };
    entry.key.name().len() + content
}

#[derive(Deserialize)]
pub(super) struct Import {
    rows: Vec<Row>,
    store: Option<String>,
    /// What stands already stays.
    #[serde(default)]
    keep: bool,
}

/// Puts one slice back; answered once it is safe.
pub(super) async fn import(stores: &Stores, asked: Import) -> Result<Value, String> {
    let named = asked.store.as_deref().map(|name| which::named(stores, name)).transpose()?;
    let now = export::now();
    let mut groups: Vec<(Arc<dyn Store>, String, Vec<Entry>)> = Vec::new();
    let mut over = 0_u64;
    for row in &asked.rows {
        let entry = row.entry(now)?;
        if row.is_over(now) {
            over += 1;
            continue;
        }
        let (store, name) = match &named {
            Some(kept) => (kept.store.clone(), kept.name.clone()),
            None => match which::homes(stores, row.space()).into_iter().next() {
                Some(kept) => (kept.store, kept.name),
                None => (stores.own().clone(), "own".to_owned()),
            },
        };
        match groups.iter_mut().find(|(known, _, _)| Arc::ptr_eq(known, &store)) {
            Some((_, _, entries)) => entries.push(entry),
            None => groups.push((store, name, vec![entry])),
        }
    }
    let (mut restored, mut kept) = (0, 0);
    for (store, name, mut entries) in groups {
        let say = |error| trouble(&name, &error);
        if asked.keep {
            let before = entries.len();
            entries = absent(&*store, entries).await.map_err(say)?;
            kept += before - entries.len();
        }
        store.restore(&entries).await.map_err(say)?;
        store.settle().await.map_err(say)?;
        restored += entries.len();
    }
    Ok(json!({ "restored": restored, "kept": kept, "over": over }))
}

/// Those entries for which nothing stands. Items of lists have places of their own and take nobody's.
async fn absent(store: &dyn Store, entries: Vec<Entry>) -> Result<Vec<Entry>, crate::store::Error> {
    let is_value = |entry: &Entry| matches!(entry.content, Content::Value(_));
    let keys: Vec<Key> = entries.iter().filter(|e| is_value(e)).map(|e| e.key.clone()).collect();
    let mut stand = store.get_many(&keys).await?.into_iter();
    let mut absent = Vec::with_capacity(entries.len());
    for entry in entries {
        let stands = match entry.content {
            Content::Value(_) => stand.next().flatten().is_some(),
            Content::Bucket { .. } => store.look(&entry.key).await?.is_some(),
            Content::Item(..) => false,
        };
        if !stands {
            absent.push(entry);
        }
    }
    Ok(absent)
}

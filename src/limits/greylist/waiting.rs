//! Who waits on the grey list, for people who want to see or end it. Walks the store; never on the way of a message.

use super::record::{KNOWN, Record, SPACE, key};
use crate::store::{Content, Cursor, Entry, Error, Key, Life, Store};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Entries asked for at a time.
const STEP: usize = 1_000;
/// Rows listed at most.
pub const MOST_ROWS: usize = 10_000;

/// One message that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What it is called, for `release`.
    pub key: String,
    /// Its sender, `<>` for none.
    pub sender: String,
    /// Its first recipients.
    pub recipients: Vec<String>,
    /// How many recipients it has.
    pub recipient_count: usize,
    /// The network that its client belongs to; empty where unknown.
    pub network: String,
    /// Seconds since 1970 when it was first seen.
    pub since: u64,
    /// Seconds since 1970 from which on it may pass.
    pub until: u64,
}

/// Which messages are meant; every condition given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Which {
    /// By name.
    pub key: Option<String>,
    /// By sender: an address, or a domain.
    pub sender: Option<String>,
    /// By an address of the client's network.
    pub ip: Option<IpAddr>,
}

impl Which {
    fn fits(&self, name: &str, record: &Record) -> bool {
        let sender = |wanted: &String| {
            let wanted = wanted.to_lowercase();
            let domain = record.sender.rsplit_once('@').map(|(_, d)| d);
            record.sender == wanted || domain == Some(wanted.trim_start_matches('@'))
        };
        let network = |ip: &IpAddr| {
            let network = record.network.parse::<ipnet::IpNet>();
            network.is_ok_and(|n| n.contains(&ip.to_canonical()))
        };
        self.key.as_deref().is_none_or(|k| k == name) && self.sender.as_ref().is_none_or(sender) && self.ip.as_ref().is_none_or(network)
    }
}

/// The messages that wait, longest first.
pub async fn list(store: &dyn Store) -> Result<Vec<Waiting>, Error> {
    let mut all = Vec::new();
    walk(store, |name, record, _| {
        if all.len() < MOST_ROWS {
            all.push(Waiting {
                key: name.to_owned(),
                sender: record.sender.clone(),
                recipients: record.recipients.clone(),
                recipient_count: record.count,
                network: record.network.clone(),
                since: record.since / 1000,
                until: record.until / 1000,
            });
        }
    })
    .await?;
    all.sort_by(|a, b| (a.since, &a.key).cmp(&(b.since, &b.key)));
    Ok(all)
}

/// Lets messages pass when they come again, and says how many.
pub async fn release(store: &dyn Store, which: &Which) -> Result<usize, Error> {
    let mut chosen: Vec<(String, Record, Life)> = Vec::new();
    walk(store, |name, record, life| {
        if which.fits(name, record) {
            chosen.push((name.to_owned(), record.clone(), life));
        }
    })
    .await?;
    for (name, record, life) in &chosen {
        let free = Record {
            since: 0,
            until: 0,
            ..record.clone()
        };
        let entries = [(key(name), free.bytes()), (key(&record.body), free.bytes())];
        store.put_many(&entries, *life).await?;
    }
    store.settle().await?;
    Ok(chosen.len())
}

/// Shows every message that waits: not those that were let in, nor the second entry of each.
async fn walk(store: &dyn Store, mut see: impl FnMut(&str, &Record, Life)) -> Result<(), Error> {
    let mut seen = std::collections::HashSet::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = store.page(Some(SPACE), after.as_ref(), STEP).await?;
        for Entry { key, life, content } in &page.entries {
            let Content::Value(value) = content else { continue };
            let Some((name, record)) = record(key, value) else { continue };
            // An engine may show an entry twice.
            if record.since > 0 && !record.passed && seen.insert(name.to_owned()) {
                see(name, &record, *life);
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

fn record<'k>(key: &'k Key, value: &[u8]) -> Option<(&'k str, Record)> {
    let name = std::str::from_utf8(key.name()).ok()?;
    (name.starts_with('m') && value != KNOWN).then_some(())?;
    Some((name, Record::read(value)?))
}

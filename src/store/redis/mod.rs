//! Redis and Valkey as the store that several machines share: one server, several, behind Sentinels or as a cluster.
//!
//! A verb is one round trip with a deadline; it never connects. Links keep the connections, the conductor knows where the servers are
//! and tells people. Nothing is kept in this process: what others change over there holds at once.

mod cast;
mod conductor;
mod door;
mod fault;
mod link;
mod names;
mod scripts;
mod trip;
mod verbs;
mod walk;
mod wiring;

use super::Health;
use crate::config::schema::{Redis as Settings, RedisAddress};
use conductor::{Conductor, Shared};
use names::Names;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::task::JoinHandle;

/// The store in a Redis or Valkey server, or several.
pub struct Redis {
    settings: Arc<Settings>,
    shared: Arc<Shared>,
    names: Names,
    conductor: JoinHandle<()>,
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.conductor.abort();
    }
}

impl Redis {
    /// A store that begins to connect at once, in the background of the runtime that this is called on. `label` is what the log calls it.
    pub fn open(label: &str, settings: Settings) -> Redis {
        let settings = Arc::new(settings);
        let shared = Arc::new(Shared::new(label));
        let conductor = Conductor::new(shared.clone(), settings.clone());
        Redis {
            names: Names::new(&settings.prefix),
            conductor: tokio::spawn(conductor.run()),
            settings,
            shared,
        }
    }

    /// Round trips made so far.
    pub fn trips(&self) -> u64 {
        self.shared.trips.load(Ordering::Relaxed)
    }

    /// Which servers these are and how they feel, in a line for people.
    pub(super) fn told(&self) -> String {
        let label = &self.shared.label;
        let settings = &self.settings;
        let whole = |text: &String, port| RedisAddress::parse(text, port).map_or_else(|_| text.clone(), |a| a.to_string());
        let all = |list: &[String], port| list.iter().map(|text| whole(text, port)).collect::<Vec<_>>().join(", ");
        let servers = match settings.servers.is_empty() {
            true => format!("{} of {}", settings.sentinel_master, all(&settings.sentinels, 26379)),
            false => all(&settings.servers, 6379),
        };
        let state = match (self.shared.ailment(), self.shared.cast.load().well()) {
            (Err(()), _) => "connecting".to_owned(),
            (Ok(None), _) => "online".to_owned(),
            (Ok(Some(why)), Ok(_)) => format!("online, but refuses: {why}"),
            (Ok(Some(why)), Err(_)) => format!("offline: {}", why.strip_prefix(&format!("{servers}: ")).unwrap_or(&why)),
        };
        format!("{label} {servers}: {state}")
    }

    pub(super) fn feeling(&self) -> Health {
        let ailment = self.shared.ailment().unwrap_or(None);
        Health {
            kind: "redis",
            degraded: ailment.is_some(),
            reason: ailment,
            trips: self.trips(),
            ..Health::default()
        }
    }
}

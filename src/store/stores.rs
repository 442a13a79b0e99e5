//! Which module keeps its memory where. Opens nothing.

use super::{Redis, Store};
use crate::config::schema;
use std::collections::HashMap;
use std::sync::Arc;

/// The stores of one configuration.
pub struct Stores {
    pub(super) own: Arc<dyn Store>,
    pub(super) shared: Option<Arc<dyn Store>>,
    pub(super) modules: HashMap<String, Arc<dyn Store>>,
    /// The Redis stores among them, each with the settings that it was opened with.
    pub(super) servers: Vec<(schema::Redis, Arc<Redis>)>,
}

impl Stores {
    /// Everything in one store of this machine.
    pub fn alone(own: Arc<dyn Store>) -> Stores {
        Stores {
            own,
            shared: None,
            modules: HashMap::new(),
            servers: Vec::new(),
        }
    }

    /// What several machines share lies elsewhere; some modules have a store of their own.
    pub fn new(own: Arc<dyn Store>, shared: Option<Arc<dyn Store>>, modules: HashMap<String, Arc<dyn Store>>) -> Stores {
        Stores {
            own,
            shared,
            modules,
            servers: Vec::new(),
        }
    }

    /// The store of a module.
    pub fn of(&self, module: &str) -> Arc<dyn Store> {
        let shared = self.modules.get(module).or(self.shared.as_ref());
        shared.unwrap_or(&self.own).clone()
    }

    /// What belongs to this machine alone.
    pub fn own(&self) -> &Arc<dyn Store> {
        &self.own
    }

    /// What several machines share, where there is such a store.
    pub fn shared(&self) -> Option<&Arc<dyn Store>> {
        self.shared.as_ref()
    }

    /// How each server and the store of this machine feel, a line each, for people.
    pub fn told(&self) -> Vec<String> {
        let health = self.own.health();
        let own = match (&health.reason, health.degraded) {
            (_, false) => "ok".to_owned(),
            (None, true) => "out of order".to_owned(),
            (Some(why), true) => format!("out of order: {why}"),
        };
        let servers = self.servers.iter().map(|(_, redis)| redis.told());
        servers.chain([format!("store: {}, {own}", health.kind)]).collect()
    }

    /// Every store once, with the modules that are named for it (none: all others).
    pub fn all(&self) -> Vec<(Vec<&str>, &Arc<dyn Store>)> {
        let mut all: Vec<(Vec<&str>, &Arc<dyn Store>)> = vec![(Vec::new(), &self.own)];
        all.extend(self.shared.iter().map(|s| (Vec::new(), s)));
        let mut named: Vec<_> = self.modules.iter().collect();
        named.sort_by_key(|(name, _)| *name);
        for (name, store) in named {
            match all.iter_mut().find(|(_, known)| Arc::ptr_eq(known, store)) {
                Some((names, _)) => names.push(name),
                None => all.push((vec![name], store)),
            }
        }
        all
    }
}

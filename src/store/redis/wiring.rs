//! Which module's memory lies where, out of a configuration; a reload keeps the connections whose settings stayed the same.

use super::Redis;
use crate::config::Config;
use crate::config::schema::{KEEPING, Redis as Settings};
use crate::store::{Store, Stores};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

impl Stores {
    /// The stores that a configuration asks for beside the machine's own. Connects in the background of the runtime that this is
    /// called on; `old` are the stores in force.
    pub fn configured(own: Arc<dyn Store>, config: &Config, old: Option<&Stores>) -> Stores {
        let redis = &config.redis;
        let mut opened: Vec<(Settings, Arc<Redis>)> = Vec::new();
        let mut open = |label: &str, settings: &Settings| -> Arc<dyn Store> {
            let settings = Settings {
                not_for: Vec::new(),
                modules: BTreeMap::new(),
                ..settings.clone()
            };
            let same = |(known, _): &&(Settings, Arc<Redis>)| *known == settings;
            if let Some((_, store)) = opened.iter().find(same) {
                return store.clone();
            }
            let kept = old.and_then(|old| old.servers.iter().find(same)).map(|(_, store)| store.clone());
            let store = kept.unwrap_or_else(|| Arc::new(Redis::open(label, settings.clone())));
            opened.push((settings, store.clone()));
            store
        };
        let shared = redis.is_set().then(|| open("redis", redis));
        let mut modules: HashMap<String, Arc<dyn Store>> = HashMap::new();
        for module in KEEPING {
            match redis.modules.get(*module) {
                Some(settings) if settings.is_set() => {
                    let label = format!("redis.{module}");
                    modules.insert((*module).to_owned(), open(&label, settings));
                }
                _ if redis.not_for.iter().any(|name| name == module) => {
                    modules.insert((*module).to_owned(), own.clone());
                }
                _ => {}
            }
        }
        Stores {
            own,
            shared,
            modules,
            servers: opened,
        }
    }
}

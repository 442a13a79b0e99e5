//! Which store is meant: by its name, or by whose memory a space is.

use crate::store::{Store, Stores};
use std::sync::Arc;

/// Every space with the module whose memory it is; no module: it belongs to this machine alone.
pub const SPACES: [(&str, Option<&str>); 7] = [
    ("greylist", Some("greylist")),
    ("history", Some("history")),
    ("ratelimit", Some("ratelimit")),
    ("replies", Some("replies")),
    ("senders", Some("known_senders")),
    ("stats", None),
    ("verdicts", Some("antivirus")),
];

/// One of the stores with its name for people.
pub struct Kept {
    /// `own`, `shared`, or the first module that has it for itself.
    pub name: String,
    /// Modules that are named for it.
    pub modules: Vec<String>,
    /// The store.
    pub store: Arc<dyn Store>,
}

impl Kept {
    /// The same store, whatever it is called.
    pub fn is(&self, other: &Kept) -> bool {
        Arc::ptr_eq(&self.store, &other.store)
    }
}

/// Every store once.
pub fn all(stores: &Stores) -> Vec<Kept> {
    let all = stores.all().into_iter();
    all.map(|(modules, store)| {
        let name = match modules.first() {
            _ if Arc::ptr_eq(store, stores.own()) => "own",
            _ if stores.shared().is_some_and(|s| Arc::ptr_eq(store, s)) => "shared",
            Some(module) => module,
            None => "unnamed",
        };
        Kept {
            name: name.to_owned(),
            modules: modules.iter().map(|m| (*m).to_owned()).collect(),
            store: store.clone(),
        }
    })
    .collect()
}

/// The store of a name: `own`, `shared`, a module, or a kind that only one of them is.
pub fn named(stores: &Stores, name: &str) -> Result<Kept, String> {
    let mut all = all(stores);
    if let Some(place) = all.iter().position(|k| k.name == name) {
        return Ok(all.swap_remove(place));
    }
    let is_module = SPACES.iter().any(|(_, module)| *module == Some(name)) || all.iter().any(|k| k.modules.iter().any(|m| m == name));
    if is_module {
        let store = stores.of(name);
        if let Some(place) = all.iter().position(|k| Arc::ptr_eq(&k.store, &store)) {
            return Ok(all.swap_remove(place));
        }
    }
    let of_kind: Vec<usize> = (0..)
        .zip(&all)
        .filter(|(_, k)| k.store.health().kind == name)
        .map(|(n, _)| n)
        .collect();
    match of_kind.as_slice() {
        [place] => Ok(all.swap_remove(*place)),
        _ => {
            let known: Vec<String> = all.iter().map(|k| format!("{} ({})", k.name, k.store.health().kind)).collect();
            Err(format!("the configuration has no store \"{name}\"; it has {}", known.join(", ")))
        }
    }
}

/// Where a space lies by the configuration; a space that no module is known for may lie in any store.
pub fn homes(stores: &Stores, space: &str) -> Vec<Kept> {
    let mut all = all(stores);
    let home = match SPACES.iter().find(|(known, _)| *known == space) {
        Some((_, Some(module))) => stores.of(module),
        Some((_, None)) => stores.own().clone(),
        None => return all,
    };
    all.retain(|k| Arc::ptr_eq(&k.store, &home));
    all
}

/// The store that is named, else those where the space lies.
pub fn of(stores: &Stores, name: Option<&str>, space: &str) -> Result<Vec<Kept>, String> {
    match name {
        Some(name) => named(stores, name).map(|kept| vec![kept]),
        None => Ok(homes(stores, space)),
    }
}

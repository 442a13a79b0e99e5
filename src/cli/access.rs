//! The way to what is remembered: through the daemon where one runs, else the stores of its configuration are opened here. The verbs
//! are the same ones.

use super::control::{Folders, folders};
use super::{ConfigArgs, load, runtime};
use crate::daemon::control::{self, Failure};
use crate::daemon::{keeper, start};
use crate::store::Stores;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The daemon may take this long for one request: forgetting millions of entries takes its time.
const WAIT: Duration = Duration::from_secs(600);
/// Servers must be reached within this time.
const REACH: Duration = Duration::from_secs(5);

/// The way.
pub(super) enum Access {
    /// A daemon, by its run folder.
    Daemon(PathBuf),
    /// This process itself.
    Here(tokio::runtime::Runtime, Arc<Stores>),
}

impl Access {
    /// Finds the way, without making a store where there is none.
    pub fn open(which: &ConfigArgs) -> Result<Access> {
        Access::find(which, false)
    }

    /// The same; a store that is not there yet is made.
    pub fn open_or_make(which: &ConfigArgs) -> Result<Access> {
        Access::find(which, true)
    }

    fn find(which: &ConfigArgs, make: bool) -> Result<Access> {
        let loaded = load(which)?;
        let Folders { store: folder, run, .. } = folders(which, &loaded.config)?;
        let absent = match control::ask(&run, &json!({ "verb": "stat" })) {
            Ok(_) => return Ok(Access::Daemon(run)),
            Err(absent @ Failure::Absent { .. }) => absent,
            Err(refused) => return Err(refused.into()),
        };
        if !make && !folder.join("store.redb").exists() {
            bail!("no daemon runs, and there is no store in {}", folder.display());
        }
        let runtime = runtime()?;
        let root = nix::unistd::Uid::effective().is_root();
        let stores = runtime.block_on(async {
            let (own, _) = start::open_store(&which.options(), &loaded.config, root)?;
            let stores = Arc::new(Stores::configured(own, &loaded.config, None));
            reach(&stores).await;
            Ok::<_, anyhow::Error>(stores)
        });
        let stores = stores.with_context(|| format!("{absent}, and the store does not open here"))?;
        eprintln!("no daemon runs; this is the store in {}", folder.display());
        Ok(Access::Here(runtime, stores))
    }

    /// Asks for one verb.
    pub fn ask(&self, request: &Value) -> Result<Value> {
        match self {
            Access::Daemon(run) => Ok(control::ask_within(run, request, WAIT)?),
            Access::Here(runtime, stores) => {
                let verb = request.get("verb").and_then(Value::as_str).unwrap_or_default();
                runtime.block_on(keeper::carry_out(stores, verb, request)).map_err(|e| anyhow!(e))
            }
        }
    }
}

/// Servers are connected to in the background: a short wait for those that can be reached. The others say so themselves.
async fn reach(stores: &Stores) {
    let begun = Instant::now();
    for (_, store) in stores.all() {
        while store.settle().await.is_err() && begun.elapsed() < REACH {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

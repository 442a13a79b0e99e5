//! What the control sockets offer: figures, history, reload, the stores. It answers; how it is asked is `control`'s.

use super::control::{Answer, Verbs};
use super::house::House;
use super::keeper;
use crate::store::Stores;
use crate::workers::controller::Desk;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// Where the outcome of a reload goes.
pub type Reload = oneshot::Sender<Result<Value, String>>;

/// The daemon's side of the verbs.
pub struct Desktop {
    house: Arc<House>,
    ask: mpsc::Sender<Reload>,
}

impl Desktop {
    /// Verbs over this house; reloads are asked for through `ask`.
    pub fn new(house: Arc<House>, ask: mpsc::Sender<Reload>) -> Desktop {
        Desktop { house, ask }
    }

    /// What this process has used, in rspamd's words, and how the stores feel.
    fn workers(&self) -> Result<Value, String> {
        let used = getrusage(UsageWho::RUSAGE_SELF).map_err(|e| format!("cannot read what this process has used: {e}"))?;
        let stats = &self.house.record.stats;
        let stores = self.house.state().stores.as_deref().map(Stores::told);
        Ok(json!({
            "conns": stats.totals().connections,
            "utime": spent(used.user_time()),
            "systime": spent(used.system_time()),
            "uptime": seconds(SystemTime::now().duration_since(stats.started()).unwrap_or_default()),
            "maxrss": used.max_rss(),
            "stores": stores,
        }))
    }

    async fn reload(&self) -> Result<Value, String> {
        let (sender, outcome) = oneshot::channel();
        let gone = || "the daemon stops".to_owned();
        self.ask.send(sender).await.map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }

    async fn keep(&self, verb: &str, request: &Value) -> Result<Value, String> {
        let state = self.house.state();
        let stores = state.stores.clone().ok_or("this daemon remembers nothing")?;
        // Counters of the last seconds belong to what is read; those that fail to get there are told in the log.
        self.house.record.save().await;
        // These look at much: on a thread that no mail waits for.
        let (verb, request, here) = (verb.to_owned(), request.clone(), Handle::current());
        let work = move || here.block_on(keeper::carry_out(&stores, &verb, &request));
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| format!("the verb failed: {e}"))?
    }
}

fn spent(time: TimeVal) -> f64 {
    seconds(Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or_default()))
}

/// Seconds to the millionth.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

/// Rows of the history that answer to a request.
async fn history(house: &House, request: &Value) -> Result<Value, String> {
    let wanted = keeper::wanted(request)?;
    match house.record.history.search(&wanted).await {
        Some(Ok(found)) => Ok(found.to_json()),
        Some(Err(problem)) => Err(problem.to_string()),
        None => Err("history is switched off: [modules.history_redis] says enabled = false".to_owned()),
    }
}

impl Verbs for Desktop {
    fn carry_out<'a>(&'a self, verb: &'a str, request: &'a Value) -> Answer<'a> {
        Box::pin(async move {
            match verb {
                "stat" => Ok(self.house.stat()),
                "history" => history(&self.house, request).await,
                "workers" => self.workers(),
                "reload" => self.reload().await,
                "reresolve" => Ok("names are looked up at each connection to a server, none is kept".into()),
                "recompile" => Ok("patterns are compiled when the configuration is read, none waits".into()),
                verb if keeper::VERBS.contains(&verb) => self.keep(verb, request).await,
                other => Err(format!(
                    "this daemon knows no verb \"{other}\"; it knows stat, workers, history, reload, reresolve, recompile, {}",
                    keeper::VERBS.join(", ")
                )),
            }
        })
    }
}

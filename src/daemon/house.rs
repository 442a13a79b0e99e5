//! What all listeners share: the filter in force, the record, and the views of them that the workers ask for.

use super::build::Built;
use crate::config::Config;
use crate::engine::{Action, After, Verdict};
use crate::family::Started;
use crate::filter::{self, Filter, Flags, GroupListing};
use crate::http::BoxFuture;
use crate::maps::Maps;
use crate::milter::{Answer, Failure, Reply, Transaction};
use crate::record::history::{self, Past, Setup};
use crate::record::{History, Record, Scanned};
use crate::store::Stores;
use crate::workers::controller::Desk;
use crate::workers::proxy;
use crate::workers::scan::Scanner;
use arc_swap::ArcSwap;
use serde_json::Value;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Verdicts whose afterwork may run at once.
const MOST_FOLLOWING: usize = 1_024;

/// The history among the modules that have a store.
const HISTORY: &str = "history";

/// One configuration and the filter made of it.
pub struct State {
    /// The settings.
    pub config: Config,
    /// The rules.
    pub filter: Filter,
    /// The files behind them.
    pub maps: Arc<Maps>,
    /// Where its modules remember.
    pub stores: Option<Arc<Stores>>,
    /// How its history is kept.
    history: Option<history::Settings>,
    /// Work beside the scans; ends with this state.
    _chores: Started,
}

impl State {
    /// Puts what was built to work, on the runtime that this is called on.
    pub fn begin(config: Config, built: Built) -> State {
        State {
            config,
            filter: built.filter,
            maps: built.maps,
            stores: built.stores,
            history: built.history,
            _chores: built.chores.start(),
        }
    }

    /// How and where its history is kept.
    fn history(&self) -> Option<Setup> {
        let store = self.stores.as_ref()?.of(HISTORY);
        self.history.clone().map(|settings| Setup { settings, store })
    }
}

/// The filter in force and what is kept of its verdicts.
pub struct House {
    state: ArcSwap<State>,
    /// Counters, log line, metrics.
    pub record: Arc<Record>,
    /// Fires when the time for running messages is over.
    last_call: CancellationToken,
    /// Places for work that follows verdicts.
    following: Arc<Semaphore>,
}

impl House {
    /// A house with its first state.
    pub fn new(state: State, record: Arc<Record>, last_call: CancellationToken) -> House {
        record.history.arrange(state.history());
        House {
            state: ArcSwap::from_pointee(state),
            record,
            last_call,
            following: Arc::new(Semaphore::new(MOST_FOLLOWING)),
        }
    }

    /// The state in force.
    pub fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// Fires when the time for running messages is over.
    pub fn last_call(&self) -> &CancellationToken {
        &self.last_call
    }

    /// Puts a new state in force; messages under way keep theirs.
    pub fn renew(&self, state: State) {
        self.record.history.arrange(state.history());
        self.state.store(Arc::new(state));
    }

    /// Judges a message and records the verdict. When the daemon's time is over the answer is a temporary failure.
    pub async fn judge(&self, request: filter::Request) -> Arc<Verdict> {
        let state = self.state();
        let begun = std::time::Instant::now();
        let (mut verdict, after) = tokio::select! {
            decided = state.filter.decide(&request) => decided,
            () = self.last_call.cancelled() => (leaving(), Vec::new()),
        };
        if verdict.elapsed.is_zero() {
            verdict.elapsed = begun.elapsed();
        }
        self.record.message(&Scanned {
            file: request.envelope.extra("Filename"),
            log: !request.flags.no_log,
            count: !request.flags.no_stat,
            ..Scanned::new(&request.envelope, &verdict, request.raw.len())
        });
        let verdict = Arc::new(verdict);
        self.afterwards(&verdict, after);
        self.remember(request, &verdict);
        verdict
    }
}

impl House {
    /// Does what rules left for when the verdict is known, beside the answer. Too much of it at once is given up, and counted.
    fn afterwards(&self, verdict: &Arc<Verdict>, after: Vec<Box<dyn After>>) {
        if after.is_empty() {
            return;
        }
        let Ok(place) = self.following.clone().try_acquire_owned() else {
            self.record.metrics.given_up();
            return;
        };
        let verdict = verdict.clone();
        tokio::spawn(async move {
            for work in after {
                work.after(verdict.clone()).await;
            }
            drop(place);
        });
    }

    /// Hands a judged message to the history. What nobody looked at, or was not to be logged, is none.
    fn remember(&self, request: filter::Request, verdict: &Arc<Verdict>) {
        let flags = &request.flags;
        if flags.no_log || flags.skip || flags.skip_process || !self.record.history.is_on() {
            return;
        }
        self.record.history.note(Past {
            size: request.raw.len(),
            envelope: request.envelope,
            verdict: verdict.clone(),
            id: request.id,
            at: SystemTime::now(),
        });
    }

    /// Judges a message of the MTA's and says what becomes of it.
    pub async fn deliver(&self, mut transaction: Transaction) -> Answer {
        let state = self.state();
        let policy = &state.config.listen.milter;
        let trusted = state.filter.trusts(&transaction.envelope);
        if transaction.oversize {
            let verdict = Arc::new(Verdict {
                unscanned: Some(format!("{} bytes are over scan.max_message", transaction.size)),
                ..Verdict::default()
            });
            let size = usize::try_from(transaction.size).unwrap_or(usize::MAX);
            self.record.message(&Scanned::new(&transaction.envelope, &verdict, size));
            if self.record.history.is_on() {
                self.record.history.note(Past {
                    envelope: transaction.envelope.clone(),
                    verdict,
                    size,
                    id: String::new(),
                    at: SystemTime::now(),
                });
            }
            return proxy::oversize(policy, &transaction, trusted);
        }
        let flags = Flags {
            milter: true,
            body_block: true,
            ..Flags::default()
        };
        let request = filter::Request {
            // Nothing behind the verdict asks the transaction for it.
            envelope: std::mem::take(&mut transaction.envelope),
            raw: transaction.raw.clone(),
            flags,
            ..filter::Request::default()
        };
        let verdict = self.judge(request).await;
        proxy::answer(policy, &transaction, &verdict, trusted)
    }
}

impl House {
    /// A message of the MTA's has no verdict: says so, counts it, and gives the reply that `on_failure` asks for.
    pub fn failed(&self, queue_id: Option<&str>, failure: Failure) -> Reply {
        let reply = proxy::failure(&self.state().config.listen.milter);
        let why = match failure {
            Failure::Panicked => "its scan panicked, a defect of this program: please report the panic above",
            Failure::Endless => "its scan did not end",
        };
        let answer = if reply == Reply::Accept { "accept" } else { "tempfail" };
        tracing::error!(
            "qid: <{}>, no verdict, on_failure answers {answer}: {why}",
            queue_id.unwrap_or("undef")
        );
        self.record.metrics.failed();
        reply
    }
}

/// The verdict on a message that the daemon had no time for.
fn leaving() -> Verdict {
    Verdict {
        action: Action::SoftReject,
        messages: vec![("smtp_message".to_owned(), "Try again later".to_owned())],
        unscanned: Some("the daemon stops".to_owned()),
        ..Verdict::default()
    }
}

impl Scanner for House {
    fn scan(&self, request: filter::Request) -> BoxFuture<'_, Arc<Verdict>> {
        Box::pin(self.judge(request))
    }
}

impl Desk for House {
    fn stat(&self) -> Value {
        self.record.stats.to_json()
    }

    fn reset(&self) -> Value {
        self.record.stats.reset()
    }

    fn metrics(&self) -> String {
        self.record.metrics.text()
    }

    fn groups(&self) -> Vec<GroupListing> {
        self.state().filter.groups()
    }

    fn actions(&self) -> Vec<(Action, Option<f64>)> {
        self.state().filter.actions()
    }

    fn ready(&self) -> Result<(), String> {
        match self.last_call.is_cancelled() {
            true => Err("the daemon stops".to_owned()),
            false => Ok(()),
        }
    }

    fn history(&self) -> Arc<History> {
        self.record.history.clone()
    }

    fn asked(&self) {
        self.record.stats.control_connection();
    }
}

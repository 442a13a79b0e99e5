//! HTTP on the control socket, so that rspamd's own `rspamadm control` finds what it looks for: the paths, and its table of
//! workers. There is one process here, so there is one worker. What it cannot do it says.

use super::{PATIENCE, Verbs};
use crate::http::{self, BoxFuture, Handler, Limits, Peer, Request, Response};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// What rspamd calls a kind of worker.
const TYPE: &str = "torwart";
/// The number by which a refusal shows where rspamd has an errno (`EINVAL`).
const REFUSED: i32 = 22;

/// Serves one connection to its end.
pub(super) async fn serve<S>(stream: S, verbs: Arc<dyn Verbs>, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    // No request has a body.
    let limits = Limits::new(0, PATIENCE);
    http::serve(stream, Peer::Unix, limits, Arc::new(Desk(verbs)), stop).await;
}

struct Desk(Arc<dyn Verbs>);

impl Handler for Desk {
    fn handle(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            match request.path.as_str() {
                "/stat" => match self.0.carry_out("workers", &Value::Null).await {
                    Ok(figures) => Response::json(200, stat(figures).to_string()),
                    Err(error) => Response::json(500, json!({ "error": error }).to_string()),
                },
                "/reload" => self.order("reload").await,
                "/reresolve" => self.order("reresolve").await,
                "/recompile" => self.order("recompile").await,
                "/fuzzystat" | "/fuzzysync" => unknown("no fuzzy storage in this version"),
                _ => unknown("Command not defined"),
            }
        })
    }
}

impl Desk {
    /// Something to do, and how it went.
    async fn order(&self, verb: &str) -> Response {
        let told = match self.0.carry_out(verb, &Value::Null).await {
            Ok(done) => json!({ "type": TYPE, "status": 0, "done": done }),
            Err(problem) => json!({ "type": TYPE, "status": REFUSED, "error": problem }),
        };
        Response::json(200, json!({ "workers": me(told) }).to_string())
    }
}

/// The figures under our process's number, the sums beside them.
fn stat(mut figures: Value) -> Value {
    let stores = figures.as_object_mut().and_then(|f| f.remove("stores"));
    let figure = |name: &str| figures.get(name).cloned().unwrap_or(Value::Null);
    let total = json!({ "conns": figure("conns"), "utime": figure("utime"), "systime": figure("systime") });
    let mut worker = Map::from_iter([("type".to_owned(), TYPE.into())]);
    worker.extend(figures.as_object().cloned().unwrap_or_default());
    json!({ "workers": me(worker.into()), "total": total, "stores": stores })
}

fn me(told: Value) -> Value {
    Value::Object(Map::from_iter([(std::process::id().to_string(), told)]))
}

fn unknown(why: &str) -> Response {
    Response::json(404, json!({ "error": why }).to_string()).because(why)
}

//! The controller port (11334): routes, and what each answers. Who may ask is `access`'s.

mod access;
mod history;
mod listing;
mod throttle;

pub use access::{Access, Credentials};

use super::json::Json;
use super::reply::Shape;
use super::scan::{self, Policy, Scanner};
use crate::engine::Action;
use crate::filter::GroupListing;
use crate::http::{BoxFuture, Handler, Kind, Refusal, Request, Response, gzip, takes_gzip};
use crate::record::History;
use access::Denial;
use serde_json::Value;
use std::sync::Arc;

/// What the controller shows of the house: the daemon joins counters, filter and health behind it.
pub trait Desk: Send + Sync {
    /// The body of `/stat`.
    fn stat(&self) -> Value;
    /// Sets the counters back; gives `/stat` as it was before.
    fn reset(&self) -> Value;
    /// OpenMetrics text.
    fn metrics(&self) -> String;
    /// Groups with their symbols.
    fn groups(&self) -> Vec<GroupListing>;
    /// Actions with their thresholds.
    fn actions(&self) -> Vec<(Action, Option<f64>)>;
    /// Why messages cannot be scanned, where that is so.
    fn ready(&self) -> Result<(), String>;
    /// The history of messages.
    fn history(&self) -> Arc<History>;
    /// A request has come in.
    fn asked(&self);
}

/// The handler of the controller port.
pub struct Controller {
    scanner: Arc<dyn Scanner>,
    desk: Arc<dyn Desk>,
    access: Access,
    policy: Policy,
}

/// Every endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Ping,
    Auth,
    Stat,
    StatReset,
    Symbols,
    Actions,
    History,
    HistoryReset,
    Healthy,
    Ready,
    Metrics,
    Scan(Shape),
    /// rspamd has it, we have not.
    Absent,
}

/// Endpoints that rspamd has and this version lacks: its clients are told so, instead of wondering about a wrong path.
const ABSENT: &[&str] = &[
    "/bayes/classifiers",
    "/checkv3",
    "/counters",
    "/errors",
    "/fuzzyadd",
    "/fuzzydel",
    "/fuzzydelhash",
    "/getmap",
    "/graph",
    "/learnclass",
    "/learnham",
    "/learnspam",
    "/maps",
    "/neighbours",
    "/pie",
    "/plugins",
    "/saveactions",
    "/savemap",
    "/savesymbols",
];

impl Endpoint {
    fn find(path: &str) -> Option<Endpoint> {
        Some(match normal(path).as_str() {
            "/ping" => Endpoint::Ping,
            "/auth" => Endpoint::Auth,
            "/stat" => Endpoint::Stat,
            "/statreset" => Endpoint::StatReset,
            "/symbols" => Endpoint::Symbols,
            "/actions" => Endpoint::Actions,
            "/history" => Endpoint::History,
            "/historyreset" => Endpoint::HistoryReset,
            "/healthy" => Endpoint::Healthy,
            "/ready" => Endpoint::Ready,
            "/metrics" => Endpoint::Metrics,
            "/checkv2" => Endpoint::Scan(Shape::Flat),
            "/check" | "/scan" => Endpoint::Scan(Shape::Nested),
            path if ABSENT.contains(&path) => Endpoint::Absent,
            _ => return None,
        })
    }

    /// It changes something: the second password is asked for.
    fn privileged(self) -> bool {
        matches!(self, Endpoint::StatReset | Endpoint::HistoryReset)
    }
}

/// A path in lower case without `//`, `/./` and `/../`. A slash at the end stays: it names something else.
fn normal(path: &str) -> String {
    let path = path.to_ascii_lowercase();
    let ends = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    let mut steps: Vec<&str> = Vec::new();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    let mut out: String = steps.iter().flat_map(|step| ["/", step]).collect();
    if ends || out.is_empty() {
        out.push('/');
    }
    out
}

impl Handler for Controller {
    fn handle(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            self.desk.asked();
            let mut response = self.answer(&request).await;
            // Scans and plain texts go out as they are.
            let scan = matches!(Endpoint::find(&request.path), Some(Endpoint::Scan(_)));
            let packed = request.headers.get("Accept-Encoding").is_some_and(takes_gzip) && !scan && response.content_type != "text/plain";
            if packed && let Ok(body) = gzip(&response.body) {
                response.body = body;
                response = response.header("Content-Encoding", "gzip");
            }
            // A preflight answer has it before its last line, every other one behind the type.
            let place = usize::from(response.headers.len() > 1);
            response.headers.insert(place, ("Cache-Control".to_owned(), "no-store".to_owned()));
            response
        })
    }

    fn refuse(&self, refusal: Refusal, kind: Kind) -> Response {
        scan::refuse(refusal, kind)
    }
}

impl Controller {
    /// A controller that scans with `scanner`, shows what `desk` knows, and lets in whom `access` knows.
    pub fn new(scanner: Arc<dyn Scanner>, desk: Arc<dyn Desk>, access: Access, policy: Policy) -> Controller {
        Controller {
            scanner,
            desk,
            access,
            policy: Policy { by_hand: true, ..policy },
        }
    }

    async fn answer(&self, request: &Request) -> Response {
        match request.method.as_str() {
            "GET" | "POST" => {}
            "OPTIONS" => {
                return Response::text(200, "")
                    .header("Access-Control-Allow-Methods", "POST, GET, OPTIONS")
                    .header("Access-Control-Allow-Headers", "Content-Type,Password,Map,Weight,Flag");
            }
            _ => return Response::text(500, "").because("Invalid method"),
        }
        let Some(endpoint) = Endpoint::find(&request.path) else {
            return Response::text(404, "Not found").because("Not found");
        };
        if endpoint == Endpoint::Ping {
            return Response::text(200, "pong\r\n");
        }
        match self.access.check(request, endpoint.privileged()).await {
            Ok(read_only) => self.serve(endpoint, request, read_only).await,
            Err(Denial::Unauthorized) => error(401, "Unauthorized"),
            Err(Denial::TooMany) => error(429, "Too many authentication failures"),
        }
    }

    async fn serve(&self, endpoint: Endpoint, request: &Request, read_only: bool) -> Response {
        match endpoint {
            Endpoint::Ping => Response::text(200, "pong\r\n"),
            Endpoint::Auth => Response::json(200, listing::auth(&self.desk.stat(), read_only)),
            Endpoint::Stat => Response::json(200, listing::stat(self.desk.stat(), read_only)),
            Endpoint::StatReset => Response::json(200, listing::stat(self.desk.reset(), read_only)),
            Endpoint::Symbols => Response::json(200, listing::symbols(&self.desk.groups())),
            Endpoint::Actions => Response::json(200, listing::actions(&self.desk.actions())),
            Endpoint::History => history::rows(&*self.desk, request, self.policy.compat).await,
            Endpoint::HistoryReset => history::reset(&*self.desk).await,
            Endpoint::Healthy => success(),
            Endpoint::Ready => self.desk.ready().map_or_else(|why| error(500, &why), |()| success()),
            Endpoint::Metrics => {
                let accept = request.headers.get("Accept");
                Response::new(200, listing::metrics_type(accept), self.desk.metrics())
            }
            Endpoint::Scan(shape) => match scan::scan(&*self.scanner, &self.policy, request, shape).await {
                Ok(response) => response,
                Err(fault) => error(fault.status, &fault.text),
            },
            Endpoint::Absent => {
                let path = normal(&request.path);
                error(501, &format!("torwart {} does not have {path}", env!("CARGO_PKG_VERSION")))
            }
        }
    }
}

fn success() -> Response {
    Response::json(200, r#"{"success":true}"#)
}

fn error(status: u16, text: &str) -> Response {
    let mut json = Json::new();
    json.open().key("error").text(text).close();
    Response::json(status, json.finish()).because(text)
}

#[cfg(test)]
mod tests;

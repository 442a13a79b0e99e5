//! The scan port (11333): commands, replies and errors of rspamd's normal worker. Judges nothing itself.

use super::reply::{self, Shape};
use super::source::{self, Fault};
use super::{json::Json, request};
use crate::engine::{Compat, Verdict};
use crate::filter;
use crate::http::{BoxFuture, Handler, Kind, Refusal, Request, Response, compress};
use std::sync::Arc;

/// Who judges a message. The daemon's scans with the filter in force and records the verdict.
pub trait Scanner: Send + Sync {
    /// Judges one message.
    fn scan(&self, request: filter::Request) -> BoxFuture<'_, Arc<Verdict>>;
}

/// What the configuration says about scan requests.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Bytes of a message, decompressed.
    pub max_message: u64,
    /// Recipients kept.
    pub max_recipients: usize,
    /// `File`, `Path` and `Shm` may name messages on this machine.
    pub allow_local_files: bool,
    /// Which generation's replies are given.
    pub compat: Compat,
    /// Whoever asks here is a person (the controller's visitors), not a mail server.
    pub by_hand: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            max_message: 50 << 20,
            max_recipients: 1024,
            allow_local_files: false,
            compat: Compat::default(),
            by_hand: false,
        }
    }
}

/// The handler of the scan port.
pub struct ScanWorker {
    scanner: Arc<dyn Scanner>,
    policy: Policy,
}

impl ScanWorker {
    /// A worker that asks `scanner`.
    pub fn new(scanner: Arc<dyn Scanner>, policy: Policy) -> ScanWorker {
        ScanWorker { scanner, policy }
    }
}

/// The command in a path: one slash in front, case does not matter, nothing behind.
fn command(path: &str) -> Option<Shape> {
    let name = path.strip_prefix('/').unwrap_or(path).to_ascii_lowercase();
    match name.as_str() {
        "checkv2" => Some(Shape::Flat),
        "skip" => Some(Shape::Skip),
        "check" | "scan" | "symbols" | "report" | "report_ifspam" | "process" => Some(Shape::Nested),
        _ => None,
    }
}

impl Handler for ScanWorker {
    fn handle(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            match request.kind {
                Kind::Http => self.http(&request).await,
                kind => Response::text(200, self.legacy(&request, kind).await),
            }
        })
    }

    fn refuse(&self, refusal: Refusal, kind: Kind) -> Response {
        refuse(refusal, kind)
    }
}

/// A body over the limit and the daemon's end are told in JSON, everything else as usual.
pub(super) fn refuse(refusal: Refusal, kind: Kind) -> Response {
    let plain = refusal.response(kind);
    match (refusal, kind) {
        (Refusal::TooLarge { .. } | Refusal::Stopping, Kind::Http) => {
            let text = String::from_utf8_lossy(&plain.body).into_owned();
            error(&Fault {
                status: plain.status,
                text,
                domain: "protocol-error",
            })
        }
        _ => plain,
    }
}

impl ScanWorker {
    async fn http(&self, request: &Request) -> Response {
        if request.path.eq_ignore_ascii_case("/ping") {
            return Response::text(200, "pong\r\n");
        }
        let Some(shape) = command(&request.path) else {
            return error(&Fault {
                status: 500,
                text: "invalid command".to_owned(),
                domain: "protocol-error",
            });
        };
        match scan(&*self.scanner, &self.policy, request, shape).await {
            Ok(response) => response,
            Err(fault) => error(&fault),
        }
    }

    /// The old protocols: only the text goes out.
    async fn legacy(&self, request: &Request, kind: Kind) -> String {
        let name = if kind == Kind::Spamc { "SPAMD/1.1" } else { "RSPAMD/1.3" };
        match request.method.to_ascii_uppercase().as_str() {
            "SYMBOLS" | "CHECK" => {}
            "PING" => return format!("{name} 0 PONG\r\n"),
            // EX_PROTOCOL
            _ => return format!("{name} 76 invalid command\r\n"),
        }
        match judge(&*self.scanner, &self.policy, request).await {
            Ok((verdict, _)) if kind == Kind::Spamc => reply::spamc(&verdict),
            Ok((verdict, _)) => reply::rspamc(&verdict, self.policy.compat),
            // EX_DATAERR
            Err(fault) => format!("{name} 65 {}\r\n", fault.text),
        }
    }
}

/// An error in the worker's shape.
fn error(fault: &Fault) -> Response {
    let mut json = Json::new();
    json.open();
    json.key("error").text(&fault.text).key("error_domain").text(fault.domain);
    json.close();
    Response::json(fault.status, json.finish()).because(fault.text.as_str())
}

/// How the answer to a judged request is to be made.
struct Wish {
    flags: filter::Flags,
    compressed: bool,
}

async fn judge(scanner: &dyn Scanner, policy: &Policy, http: &Request) -> Result<(Arc<Verdict>, Wish), Fault> {
    let message = source::load(http, policy).await?;
    let mut asked = request::read(http, policy.max_recipients);
    if let Some(file) = message.file {
        asked.envelope.extra.insert(0, ("Filename".to_owned(), file));
    }
    asked.raw = message.raw;
    asked.flags.by_hand |= policy.by_hand;
    let accepts = || http.headers.get("Accept-Encoding").is_some_and(|v| v.contains("zstd"));
    let wish = Wish {
        flags: asked.flags,
        compressed: message.compressed || asked.flags.zstd || (policy.compat == Compat::V41 && accepts()),
    };
    Ok((scanner.scan(asked).await, wish))
}

/// Scans what a request carries and answers in JSON; also the controller's way.
pub(super) async fn scan(scanner: &dyn Scanner, policy: &Policy, http: &Request, shape: Shape) -> Result<Response, Fault> {
    let (verdict, wish) = judge(scanner, policy, http).await?;
    let text = reply::json(&verdict, shape, &wish.flags, policy.compat);
    if wish.compressed
        && let Ok(packed) = compress(text.as_bytes())
    {
        let response = Response::json(200, packed).header("Compression", "zstd");
        // 3.4's client does not know the second name, others know only that.
        let by_standard_name = policy.compat == Compat::V41 || !http.headers.has("Compression");
        return Ok(match by_standard_name {
            true => response.header("Content-Encoding", "zstd"),
            false => response,
        });
    }
    Ok(Response::json(200, text))
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;

//! Recorded requests of rspamd's clients against our HTTP workers, and our answers against what rspamd answered.
//!
//! A fake scanner gives the verdict that the recording shows, so that every difference is one of protocol.

mod controller;
mod scan;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use torwart::engine::{Action, Edits, GroupResult, SymbolResult, Verdict};
use torwart::filter;
use torwart::http::{BoxFuture, Handler, Limits, Peer, serve};
use torwart::workers::scan::{Policy, ScanWorker, Scanner};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/http")
}

/// A recorded exchange.
struct Record {
    request: Vec<u8>,
    head: Vec<String>,
    body: Vec<u8>,
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

fn record(name: &str) -> Record {
    let bytes = std::fs::read(folder().join(name)).unwrap();
    let (request, response) = (b"# ---- request ----\n", b"\n# ---- response ----\n");
    let begin = find(&bytes, request).unwrap() + request.len();
    let end = find(&bytes, response).unwrap();
    let answer = &bytes[end + response.len()..bytes.len() - 1];
    let split = find(answer, b"\r\n\r\n").unwrap_or(answer.len());
    let head = String::from_utf8_lossy(&answer[..split]).into_owned();
    Record {
        request: bytes[begin..end].to_vec(),
        head: head.lines().map(str::to_owned).collect(),
        body: answer.get(split + 4..).unwrap_or_default().to_vec(),
    }
}

/// Says what it was told to say, and keeps what it was asked.
#[derive(Default)]
struct Fake {
    verdict: Verdict,
    asked: Mutex<Vec<filter::Request>>,
}

impl Scanner for Fake {
    fn scan(&self, request: filter::Request) -> BoxFuture<'_, Arc<Verdict>> {
        self.asked.lock().unwrap().push(request);
        let verdict = self.verdict.clone();
        Box::pin(async move { Arc::new(verdict) })
    }
}

/// The whole answer of a handler to raw bytes.
async fn ask(handler: Arc<dyn Handler>, peer: Peer, limits: Limits, request: &[u8]) -> Vec<u8> {
    let (mut client, server) = tokio::io::duplex(1 << 20);
    let task = tokio::spawn(serve(server, peer, limits, handler, torwart::http::Stop::default()));
    client.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let read = client.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), read)
        .await
        .expect("no end of the answer")
        .unwrap();
    drop(client);
    task.await.unwrap();
    answer
}

fn limits() -> Limits {
    Limits::new(900_000, Duration::from_secs(2)).with_legacy()
}

fn policy() -> Policy {
    Policy {
        allow_local_files: true,
        ..Policy::default()
    }
}

const LOCAL: &str = "127.0.0.1";

async fn ask_scan(scanner: Arc<Fake>, request: &[u8]) -> Vec<u8> {
    let worker = Arc::new(ScanWorker::new(scanner, policy()));
    ask(worker, Peer::ip(LOCAL.parse().unwrap()), limits(), request).await
}

/// The verdict that a recorded reply shows.
fn verdict(reply: &Value) -> Verdict {
    let object = reply.as_object().unwrap();
    let scalars = reply.get("default").unwrap_or(reply);
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let texts = |v: Option<&Value>| v.and_then(Value::as_array).into_iter().flatten().map(text).collect();
    let symbols = match reply.get("default") {
        Some(nested) => nested.as_object().unwrap(),
        None => object["symbols"].as_object().unwrap(),
    };
    let symbols = symbols.values().filter(|v| v.is_object()).map(|s| SymbolResult {
        name: text(&s["name"]),
        score: s["score"].as_f64().unwrap(),
        metric_score: s.get("metric_score").and_then(Value::as_f64).unwrap_or(0.0),
        description: s.get("description").map(text),
        options: texts(s.get("options")),
    });
    let groups = reply.get("groups").and_then(Value::as_object).into_iter().flatten();
    let milter = reply.get("milter").or_else(|| reply.get("rmilter"));
    Verdict {
        action: Action::parse(scalars["action"].as_str().unwrap()).unwrap(),
        score: scalars["score"].as_f64().unwrap(),
        required: scalars["required_score"].as_f64().unwrap(),
        skipped: scalars["is_skipped"].as_bool().unwrap(),
        symbols: symbols.collect(),
        groups: groups
            .map(|(name, g)| GroupResult {
                name: name.clone(),
                score: g["score"].as_f64().unwrap(),
                description: g.get("description").map(text),
            })
            .collect(),
        messages: object["messages"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(k, v)| (k.clone(), text(v)))
            .collect(),
        subject: scalars.get("subject").map(text),
        milter: milter.map(edits).unwrap_or_default(),
        message_id: reply.get("message-id").map(text),
        urls: texts(reply.get("urls")),
        emails: texts(reply.get("emails")),
        elapsed: Duration::from_secs_f64(reply["time_real"].as_f64().unwrap()),
        ..Verdict::default()
    }
}

fn edits(block: &Value) -> Edits {
    let map = |key: &str| block.get(key).and_then(Value::as_object).into_iter().flatten();
    let small = |v: &Value| i32::try_from(v.as_i64().unwrap()).unwrap();
    Edits {
        add_headers: map("add_headers")
            .map(|(n, v)| (n.clone(), v["value"].as_str().unwrap().to_owned(), small(&v["order"])))
            .collect(),
        remove_headers: map("remove_headers").map(|(n, v)| (n.clone(), small(v))).collect(),
        ..Edits::default()
    }
}

fn split(answer: &[u8]) -> (Vec<String>, Vec<u8>) {
    let at = find(answer, b"\r\n\r\n").expect("the answer has no head");
    let head = String::from_utf8(answer[..at].to_vec()).unwrap();
    (head.lines().map(str::to_owned).collect(), answer[at + 4..].to_vec())
}

/// The head must be the recorded one, but for who and when we are.
fn assert_head(name: &str, expect: &[String], answer: &[u8]) -> Vec<u8> {
    let (head, body) = split(answer);
    let ours = |line: &String| match line.split_once(": ") {
        Some(("Server", value)) => format!("Server: {}", value.split('/').count()),
        Some(("Date", value)) => format!("Date: {}", value.len()),
        Some(("Content-Length", value)) => {
            assert_eq!(value.parse(), Ok(body.len()), "{name}");
            "Content-Length: n".to_owned()
        }
        _ => line.clone(),
    };
    let theirs = |line: &String| match line.split_once(": ") {
        Some(("Server", value)) => format!("Server: {}", value.split('/').count()),
        Some(("Date", value)) => format!("Date: {}", value.len()),
        Some(("Content-Length", _)) => "Content-Length: n".to_owned(),
        _ => line.clone(),
    };
    // Neighbours were configured on the recorded server.
    let expect = expect.iter().filter(|l| !l.starts_with("Access-Control-Allow-Origin"));
    assert_eq!(
        head.iter().map(ours).collect::<Vec<_>>(),
        expect.map(theirs).collect::<Vec<_>>(),
        "{name}"
    );
    body
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

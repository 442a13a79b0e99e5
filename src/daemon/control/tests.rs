//! The socket as its clients see it.

use super::*;
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

struct Echo;
impl Verbs for Echo {
    fn carry_out<'a>(&'a self, verb: &'a str, request: &'a Value) -> Answer<'a> {
        Box::pin(async move {
            match verb {
                "echo" => Ok(request.get("text").cloned().unwrap_or(Value::Null)),
                other => Err(format!("unknown verb {other}")),
            }
        })
    }
}

#[test]
fn verbs_come_and_go_and_nonsense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = bind(folder.path()).unwrap();
    let mode = std::fs::metadata(folder.path().join(NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let stop = CancellationToken::new();
    let (copy, reception) = (stop.clone(), Arc::new(Reception::new(Arc::new(Echo))));
    let served = runtime.spawn(async move { serve(&listener, reception, copy).await });
    let ask = |request: Value| ask(folder.path(), &request);
    assert_eq!(ask(json!({"verb": "echo", "text": "a\nb"})).unwrap(), "a\nb");
    assert_eq!(ask(json!({"verb": "dance"})).unwrap_err().to_string(), "unknown verb dance");
    assert_eq!(ask(json!([])).unwrap_err().to_string(), "the request names no verb");
    let long = "x".repeat(3 << 20);
    assert_eq!(ask(json!({"verb": "echo", "text": long})).unwrap(), long);
    let mut raw = UnixStream::connect(folder.path().join(NAME)).unwrap();
    raw.write_all(&vec![b'x'; 200_000]).ok();
    raw.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    BufReader::new(raw).read_line(&mut answer).ok();
    assert!(answer.is_empty() || answer.contains("no complete line"), "{answer}");
    stop.cancel();
    runtime.block_on(served).unwrap();
    assert!(matches!(ask(json!({"verb": "echo"})).unwrap_err(), Failure::Absent { .. }));
}

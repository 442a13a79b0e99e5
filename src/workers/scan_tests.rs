//! Commands of the scan port and the shape of their replies.

use super::*;
use crate::http::{Headers, Peer};
use bytes::Bytes;

struct Fixed;

impl Scanner for Fixed {
    fn scan(&self, _: filter::Request) -> BoxFuture<'_, Arc<Verdict>> {
        Box::pin(async { Arc::default() })
    }
}

fn request(method: &str, path: &str, kind: Kind) -> Request {
    Request {
        peer: Peer::Unix,
        method: method.into(),
        path: path.into(),
        query: Vec::new(),
        headers: Headers::default(),
        body: Bytes::from_static(b"Subject: x\n\nhello"),
        kind,
        http_10: false,
    }
}

async fn ask(compat: Compat, request: Request) -> Response {
    let policy = Policy {
        compat,
        ..Policy::default()
    };
    ScanWorker::new(Arc::new(Fixed), policy).handle(request).await
}

#[tokio::test]
async fn paths_are_exact_but_for_case() {
    for (path, status) in [
        ("/checkv2", 200),
        ("/CheckV2", 200),
        ("/symbols", 200),
        ("/report_ifspam", 200),
        ("/PING", 200),
        ("/", 500),
        ("//checkv2", 500),
        ("/checkv2/", 500),
        ("/./checkv2", 500),
        ("/checkv3", 500),
        ("/metrics", 500),
    ] {
        for method in ["GET", "POST", "PUT", "OPTIONS"] {
            let response = ask(Compat::V34, request(method, path, Kind::Http)).await;
            assert_eq!(response.status, status, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn who_gets_a_compressed_reply() {
    let names = |response: &Response| response.headers.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
    let mut accepting = request("POST", "/checkv2", Kind::Http);
    accepting.headers.push("accept-encoding", "gzip, zstd");
    assert!(names(&ask(Compat::V34, accepting.clone()).await).is_empty());
    assert_eq!(names(&ask(Compat::V41, accepting).await), ["Compression", "Content-Encoding"]);
    let mut flagged = request("POST", "/checkv2", Kind::Http);
    flagged.headers.push("flags", "zstd");
    assert!(names(&ask(Compat::V34, flagged).await).contains(&"Compression".to_owned()));
    let mut packed = request("POST", "/checkv2", Kind::Http);
    packed.body = compress(&packed.body).unwrap();
    packed.headers.push("content-encoding", "zstd");
    let response = ask(Compat::V34, packed).await;
    assert_eq!(names(&response), ["Compression", "Content-Encoding"]);
    assert!(zstd::decode_all(&response.body[..]).unwrap().starts_with(b"{\"is_skipped\""));
}

#[tokio::test]
async fn dictionaries_are_unknown() {
    for (id, text) in [("5", "Unknown dictionary, undefined locally"), ("x", "Non numeric dictionary")] {
        let mut packed = request("POST", "/checkv2", Kind::Http);
        packed.headers.push("compression", "zstd");
        packed.headers.push("dictionary", id);
        let response = ask(Compat::V34, packed).await;
        assert_eq!((response.status, response.reason.as_deref()), (503, Some(text)));
    }
}

#[tokio::test]
async fn old_commands() {
    for (method, kind, begins) in [
        ("PING", Kind::Spamc, "SPAMD/1.1 0 PONG\r\n"),
        (
            "check",
            Kind::Rspamc,
            "RSPAMD/1.3 0 EX_OK\r\nMetric: default; False; 0.00 / 15.00 / 0.0\r\n",
        ),
        ("PROCESS", Kind::Spamc, "SPAMD/1.1 76 invalid command\r\n"),
        ("SYMBOLS", Kind::Spamc, "SPAMD/1.1 0 EX_OK\r\nContent-length: 2\r\n"),
    ] {
        let response = ask(Compat::V34, request(method, "", kind)).await;
        assert!(
            String::from_utf8_lossy(&response.body).starts_with(begins),
            "{method}: {response:?}"
        );
    }
    let mut file = request("CHECK", "", Kind::Rspamc);
    file.headers.push("File", "/etc/passwd");
    let refused = ask(Compat::V34, file).await;
    assert_eq!(
        refused.body,
        "RSPAMD/1.3 65 file and shm message sources are not allowed on this connection\r\n"
    );
}

//! Who is let in, and what the controller answers.

use super::*;
use crate::engine::Verdict;
use crate::filter;
use crate::http::auth::{HashKind, Password, hash_new};
use crate::http::{Headers, Peer};
use serde_json::json;
use std::time::Duration;

struct Quiet;

impl Scanner for Quiet {
    fn scan(&self, _: filter::Request) -> BoxFuture<'_, Arc<Verdict>> {
        Box::pin(async { Arc::default() })
    }
}

impl Desk for Quiet {
    fn stat(&self) -> Value {
        json!({"version": "1", "read_only": false, "scanned": 3, "actions": {"add header": 1, "rewrite subject": 1}})
    }
    fn reset(&self) -> Value {
        self.stat()
    }
    fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }
    fn groups(&self) -> Vec<GroupListing> {
        Vec::new()
    }
    fn actions(&self) -> Vec<(Action, Option<f64>)> {
        vec![
            (Action::Reject, Some(15.0)),
            (Action::RewriteSubject, Some(8.0)),
            (Action::Discard, None),
        ]
    }
    fn ready(&self) -> Result<(), String> {
        Err("no \"scanner\" runs".to_owned())
    }
    fn history(&self) -> Arc<History> {
        Arc::new(History::new(Default::default()))
    }
    fn asked(&self) {}
}

/// (trusted networks, password, write password)
type Setup<'a> = (&'a [&'a str], Option<&'a str>, Option<&'a str>);

fn controller(setup: Setup<'_>) -> Controller {
    behind(setup, &[])
}

fn behind(setup: Setup<'_>, proxies: &[&str]) -> Controller {
    let access = Access::new(Credentials {
        trusted: setup.0.iter().map(|n| n.parse().unwrap()).collect(),
        proxies: proxies.iter().map(|n| n.parse().unwrap()).collect(),
        password: setup.1.map(Password::parse),
        write_password: setup.2.map(Password::parse),
        max_failures: (10, Duration::from_secs(60)),
    });
    Controller::new(Arc::new(Quiet), Arc::new(Quiet), access, Policy::default())
}

fn request(peer: &str, path: &str, headers: &[(&str, &str)]) -> Request {
    let mut lines = Headers::default();
    headers.iter().for_each(|(n, v)| lines.push(*n, *v));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    Request {
        peer: peer.parse().map_or(Peer::Unix, Peer::ip),
        method: "GET".into(),
        path: path.into(),
        query: crate::http::parse_query(query),
        headers: lines,
        body: bytes::Bytes::new(),
        kind: Kind::Http,
        http_10: false,
    }
}

/// `401`, `429`, `look` or `write`.
async fn outcome(controller: &Controller, request: Request) -> String {
    let response = controller.handle(request).await;
    match response.status {
        200 if response.body.windows(16).any(|w| w == b"\"read_only\":true") => "look".to_owned(),
        200 => "write".to_owned(),
        other => other.to_string(),
    }
}

const LOOPBACK: &[&str] = &["127.0.0.1/32", "::1/128"];

#[tokio::test]
async fn trusted_senders_and_forwarding_headers() {
    let controller = controller((LOOPBACK, Some("look"), Some("write")));
    for (peer, headers, expect) in [
        ("127.0.0.1", &[][..], "write"),
        ("::ffff:127.0.0.1", &[], "write"),
        ("::1", &[], "write"),
        ("unix", &[], "write"),
        ("192.0.2.1", &[], "401"),
        // Forged by who is not trusted.
        ("192.0.2.1", &[("X-Forwarded-For", "127.0.0.1")], "401"),
        ("192.0.2.1", &[("X-Real-IP", "127.0.0.1")], "401"),
        // Told by who is.
        ("127.0.0.1", &[("X-Forwarded-For", "192.0.2.1")], "401"),
        ("unix", &[("X-Forwarded-For", "192.0.2.1")], "401"),
        ("127.0.0.1", &[("X-Forwarded-For", "127.0.0.1, 192.0.2.1")], "401"),
        ("127.0.0.1", &[("X-Forwarded-For", "192.0.2.1 ,  ::1 ")], "write"),
        (
            "127.0.0.1",
            &[("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "192.0.2.1")],
            "401",
        ),
        ("127.0.0.1", &[("X-Real-IP", "192.0.2.1")], "401"),
        ("127.0.0.1", &[("X-Real-IP", "127.0.0.1")], "write"),
        ("127.0.0.1", &[("X-Forwarded-For", "nonsense")], "401"),
        ("127.0.0.1", &[("X-Forwarded-For", "")], "401"),
        ("127.0.0.1", &[("X-Forwarded-For", "192.0.2.1"), ("Password", "look")], "look"),
    ] {
        assert_eq!(
            outcome(&controller, request(peer, "/auth", headers)).await,
            expect,
            "{peer} {headers:?}"
        );
    }
}

#[tokio::test]
async fn proxies_speak_for_their_clients() {
    let proxies = ["198.51.100.0/24", "127.0.0.1/32"];
    let forwarded = |by: &'static str, whom: &'static str| (by, vec![("X-Forwarded-For", whom)]);
    let cases = [
        // A proxy itself is nobody special.
        (("198.51.100.1", vec![]), "401"),
        (("127.0.0.1", vec![]), "write"),
        (forwarded("198.51.100.1", "192.0.2.1"), "401"),
        (forwarded("198.51.100.1", "127.0.0.1"), "write"),
        (forwarded("198.51.100.1", "::1"), "write"),
        (forwarded("127.0.0.1", "192.0.2.1"), "401"),
        // What the client wrote in front does not count, further proxies behind it do not matter.
        (forwarded("198.51.100.1", "::1, 192.0.2.1"), "401"),
        (forwarded("198.51.100.1", "::1, 192.0.2.1, 198.51.100.2"), "401"),
        (forwarded("198.51.100.1", "192.0.2.1, ::1, 198.51.100.2"), "write"),
        (forwarded("198.51.100.1", "198.51.100.2"), "401"),
        (forwarded("198.51.100.1", "nonsense"), "401"),
        (("198.51.100.1", vec![("X-Real-IP", "::1")]), "write"),
        (("198.51.100.1", vec![("X-Real-IP", "192.0.2.1"), ("Password", "l")]), "write"),
        // Forged by somebody else.
        (forwarded("192.0.2.1", "::1"), "401"),
        (("192.0.2.1", vec![("X-Real-IP", "::1")]), "401"),
    ];
    let controller = behind((LOOPBACK, Some("l"), None), &proxies);
    for ((by, headers), expect) in cases {
        assert_eq!(
            outcome(&controller, request(by, "/auth", &headers)).await,
            expect,
            "{by} {headers:?}"
        );
    }
}

#[tokio::test]
async fn behind_a_proxy_each_client_guesses_for_himself() {
    let controller = behind((LOOPBACK, Some("right"), None), &["198.51.100.1/32"]);
    let from = |client: &'static str, password: &'static str| {
        request("198.51.100.1", "/auth", &[("Password", password), ("X-Forwarded-For", client)])
    };
    for _ in 0..10 {
        assert_eq!(outcome(&controller, from("192.0.2.1", "wrong")).await, "401");
    }
    assert_eq!(outcome(&controller, from("192.0.2.1", "right")).await, "429");
    assert_eq!(outcome(&controller, from("192.0.2.2", "right")).await, "write");
    assert_eq!(
        outcome(&controller, request("198.51.100.1", "/auth", &[("Password", "right")])).await,
        "write"
    );
}

#[tokio::test]
async fn both_passwords_by_rspamds_rules() {
    let far = "192.0.2.1";
    let none: Setup<'_> = (&[], None, None);
    let (look, both, write): (Setup<'_>, Setup<'_>, Setup<'_>) = (
        (LOOPBACK, Some("l"), None),
        (LOOPBACK, Some("l"), Some("w")),
        (LOOPBACK, None, Some("w")),
    );
    for (setup, given, path, expect) in [
        (none, "", "/auth", "look"),
        (none, "", "/statreset", "write"),
        ((&[][..], Some("l"), None), "", "/auth", "401"),
        ((&[][..], None, Some("w")), "", "/auth", "look"),
        ((&[][..], None, Some("w")), "", "/statreset", "401"),
        ((LOOPBACK, None, None), "", "/auth", "401"),
        ((LOOPBACK, None, None), "x", "/auth", "401"),
        (look, "l", "/auth", "write"),
        (look, "l", "/statreset", "write"),
        (look, "x", "/auth", "401"),
        (both, "l", "/auth", "look"),
        (both, "l", "/statreset", "401"),
        (both, "w", "/auth", "write"),
        (both, "w", "/statreset", "write"),
        (write, "w", "/auth", "write"),
        (write, "x", "/auth", "401"),
        ((LOOPBACK, Some("q1"), Some("q2")), "q1", "/auth", "401"),
        ((LOOPBACK, Some("$1$broken"), None), "$1$broken", "/auth", "401"),
    ] {
        let controller = controller(setup);
        let headers: &[(&str, &str)] = if given.is_empty() { &[] } else { &[("Password", given)] };
        assert_eq!(
            outcome(&controller, request(far, path, headers)).await,
            expect,
            "{setup:?} {given} {path}"
        );
        if !given.is_empty() {
            let query = format!("{path}?password={given}");
            assert_eq!(outcome(&controller, request(far, &query, &[])).await, expect, "{query}");
        }
    }
}

#[tokio::test]
async fn example_passwords_work_at_home() {
    let controller = controller((&["192.0.2.0/24"], Some("q1"), None));
    assert_eq!(outcome(&controller, request("127.0.0.1", "/auth?password=q1", &[])).await, "write");
    let forwarded = request("192.0.2.1", "/auth?password=q1", &[("X-Forwarded-For", "127.0.0.1")]);
    assert_eq!(outcome(&controller, forwarded).await, "401");
}

#[tokio::test(flavor = "multi_thread")]
async fn hashed_passwords_let_in() {
    let hash = hash_new(HashKind::Pbkdf2, "geheim").unwrap();
    let controller = controller((LOOPBACK, Some(&hash), None));
    for (given, expect) in [
        ("falsch", "401"),
        ("geheim", "write"),
        ("falsch", "401"),
        ("geheim", "write"),
        (&hash, "401"),
    ] {
        assert_eq!(
            outcome(&controller, request("192.0.2.1", "/auth", &[("Password", given)])).await,
            expect
        );
    }
}

#[tokio::test]
async fn guessing_is_slowed() {
    let controller = controller((LOOPBACK, Some("right"), None));
    let guess = |password: &'static str, from: &str| request(from, "/auth", &[("Password", password)]);
    for _ in 0..10 {
        assert_eq!(outcome(&controller, guess("wrong", "192.0.2.1")).await, "401");
    }
    assert_eq!(outcome(&controller, guess("right", "192.0.2.1")).await, "429");
    assert_eq!(outcome(&controller, guess("right", "192.0.2.2")).await, "write");
    assert_eq!(
        outcome(&controller, request("192.0.2.1", "/ping", &[])).await,
        "write",
        "/ping asks nobody"
    );
    // Behind a trusted proxy each client has a bucket of his own.
    for _ in 0..11 {
        let forwarded = request("127.0.0.1", "/auth", &[("Password", "x"), ("X-Forwarded-For", "198.51.100.1")]);
        controller.handle(forwarded).await;
    }
    let other = request("127.0.0.1", "/auth", &[("Password", "right"), ("X-Forwarded-For", "198.51.100.2")]);
    assert_eq!(outcome(&controller, other).await, "write");
}

#[tokio::test]
async fn routes() {
    let controller = controller((LOOPBACK, None, None));
    for (path, status) in [
        ("/auth", 200),
        ("//auth", 200),
        ("/AUTH", 200),
        ("/./x/../auth", 200),
        ("/../auth", 200),
        ("/auth/", 404),
        ("/auth/.", 404),
        ("/", 404),
        ("/x", 404),
        ("/checkv2", 200),
        ("/scan", 200),
        ("/skip", 404),
        ("/healthy", 200),
        ("/ready", 500),
        ("/counters", 501),
        ("/Graph", 501),
        ("/metrics", 200),
        ("/symbols", 200),
    ] {
        assert_eq!(controller.handle(request("::1", path, &[])).await.status, status, "{path}");
    }
    let ready = controller.handle(request("::1", "/ready", &[])).await;
    assert_eq!(ready.body, r#"{"error":"no \"scanner\" runs"}"#);
    assert_eq!(ready.headers, [("Cache-Control".to_owned(), "no-store".to_owned())]);
    let file = controller.handle(request("::1", "/checkv2", &[("File", "/etc/passwd")])).await;
    assert_eq!(file.status, 400);
    assert!(!String::from_utf8_lossy(&file.body).contains("error_domain"));
}

#[tokio::test]
async fn browsers_get_gzip() {
    let controller = controller((LOOPBACK, Some("l"), None));
    for (peer, path, packed) in [
        ("::1", "/stat", true),
        ("::1", "/metrics", true),
        ("::1", "/ready", true),
        ("192.0.2.1", "/stat", true),
        ("::1", "/ping", false),
        ("::1", "/nope", false),
        ("::1", "/checkv2", false),
    ] {
        let response = controller.handle(request(peer, path, &[("Accept-Encoding", "gzip")])).await;
        let names: Vec<&str> = response.headers.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(
            names.starts_with(&["Cache-Control"]) && names.contains(&"Content-Encoding"),
            packed,
            "{path}"
        );
        assert_eq!(response.body.starts_with(&[0x1f, 0x8b]), packed, "{path}");
    }
    let refused = controller.handle(request("::1", "/stat", &[("Accept-Encoding", "gzip;q=0")])).await;
    assert!(refused.body.starts_with(b"{"));
    assert_eq!(controller.handle(request("192.0.2.1", "/counters", &[])).await.status, 401);
}

#[test]
fn listings() {
    let auth = listing::auth(&Quiet.stat(), true);
    assert!(auth.contains(r#""clean":0,"probable":2,"greylist":0,"#), "{auth}");
    assert!(listing::stat(Quiet.stat(), true).contains(r#""read_only":true"#));
    let actions = listing::actions(&Quiet.actions());
    let begins = r#"[{"action":"rewrite subject","value":8.0},{"action":"reject","value":15.0},{"action":"greylist","value":null}"#;
    assert!(actions.starts_with(begins), "{actions}");
    assert!(!actions.contains("discard"));
    for (accept, begins) in [
        (None, "application/openmetrics-text"),
        (
            Some("application/openmetrics-text;version=1.0.0,text/plain"),
            "application/openmetrics-text",
        ),
        (Some("text/plain"), "text/plain; version=0.0.4"),
    ] {
        assert!(listing::metrics_type(accept).starts_with(begins));
    }
}

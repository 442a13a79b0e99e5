//! Whole connections in memory: bytes in, the answer's bytes out.

use super::*;
use tokio::io::{DuplexStream, duplex};

/// Answers every request with what it asks for.
struct Echo;

impl Handler for Echo {
    fn handle(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            match request.path.as_str() {
                "/slow" => {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    Response::text(200, "slow")
                }
                "/panic" => panic!("on purpose"),
                "/odd" => Response::text(204, "odd body").because("nothing to learn"),
                "/huge" => Response::text(200, vec![b'x'; 4 << 20]),
                "" => Response::text(200, format!("{} {:?} {}", request.method, request.kind, request.body.len())),
                path => Response::text(200, format!("{} {path} {}", request.method, request.body.len())),
            }
        })
    }
}

fn limits() -> Limits {
    let mut limits = Limits::new(1000, Duration::from_millis(200)).with_legacy();
    limits.max_head = 8192;
    limits
}

fn start(limits: Limits) -> (DuplexStream, CancellationToken, tokio::task::JoinHandle<()>) {
    let (client, server) = duplex(64 * 1024);
    let stop = CancellationToken::new();
    let peer = Peer::ip("127.0.0.1".parse().unwrap());
    let task = tokio::spawn(serve(server, peer, limits, Arc::new(Echo), stop.clone()));
    (client, stop, task)
}

/// Sends all, closes if told, and returns everything that comes back until the server closes.
async fn talk(request: &[u8], half_close: bool) -> String {
    let (mut client, _stop, task) = start(limits());
    let (mut reader, mut writer) = tokio::io::split(&mut client);
    let mut answer = Vec::new();
    let send = async {
        let _ = writer.write_all(request).await;
        if half_close {
            let _ = writer.shutdown().await;
        }
    };
    let receive = reader.read_to_end(&mut answer);
    let (_, received) = timeout(Duration::from_secs(5), async { tokio::join!(send, receive) })
        .await
        .expect("the server hangs");
    received.unwrap();
    drop(client);
    timeout(Duration::from_secs(5), task).await.expect("the task hangs").unwrap();
    String::from_utf8(answer).unwrap()
}

/// Status line and body.
fn split(answer: &str) -> (&str, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    (head.lines().next().unwrap_or_default(), body)
}

#[tokio::test]
async fn answers_have_our_shape_whatever_the_version() {
    for request in [
        "GET /a HTTP/1.0\r\n\r\n",
        "GET /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET /a HTTP/1.1\r\nConnection: close, keep-alive\r\n\r\n",
        "GET http://host/a HTTP/1.1\r\n\r\n",
        "\r\nGET /a HTTP/1.1\r\n\r\n",
    ] {
        let answer = talk(request.as_bytes(), false).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\nConnection: close\r\nServer: torwart/"),
            "{request}: {answer}"
        );
        assert!(answer.ends_with("\r\n\r\nGET /a 0"), "{request}: {answer}");
    }
}

#[tokio::test]
async fn answers_no_library_writes() {
    let answer = talk(
        b"POST /odd HTTP/1.1\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab",
        false,
    )
    .await;
    assert_eq!(split(&answer), ("HTTP/1.1 204 nothing to learn", "odd body"));
    assert!(answer.contains("Content-Length: 8\r\n"));
    let answer = talk(b"HEAD /a HTTP/1.1\r\n\r\n", false).await;
    assert_eq!(split(&answer).1, "HEAD /a 0");
}

#[tokio::test]
async fn bodies_of_every_framing() {
    let chunked = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: x\r\n\r\n";
    assert_eq!(split(&talk(chunked.as_bytes(), false).await).1, "POST /a 7");
    assert_eq!(split(&talk(b"POST /a HTTP/1.1\r\n\r\n", true).await).1, "POST /a 0");
    let expect = talk(b"POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", false).await;
    assert!(expect.ends_with("POST /a 3"), "{expect}");
}

#[tokio::test]
async fn keep_alive_only_when_asked_for() {
    let (mut client, _stop, _task) = start(limits());
    for _ in 0..3 {
        client
            .write_all(b"GET /a HTTP/1.1\r\nConnection: Keep-Alive\r\n\r\n")
            .await
            .unwrap();
        let answer = read_answer(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n"), "{answer}");
        assert!(answer.ends_with("GET /a 0"));
    }
    // Without the header it is answered and closed.
    client.write_all(b"GET /b HTTP/1.1\r\n\r\n").await.unwrap();
    let mut last = String::new();
    timeout(Duration::from_secs(2), client.read_to_string(&mut last))
        .await
        .unwrap()
        .unwrap();
    assert!(last.contains("Connection: close") && last.ends_with("GET /b 0"));
}

async fn read_answer(client: &mut DuplexStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|l| l.strip_prefix("Content-Length: ")).unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                return text;
            }
        }
        let n = timeout(Duration::from_secs(2), client.read_buf(&mut bytes))
            .await
            .expect("no answer")
            .unwrap();
        assert!(n > 0, "closed after {text:?}");
    }
}

#[tokio::test]
async fn pipelined_requests() {
    // rspamd drops the second one, and so do we where the first closes.
    let answer = talk(b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n", false).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1);
    // With keep-alive each is answered, in order, the closing one too.
    let keep = "GET /a HTTP/1.1\r\nConnection: keep-alive\r\n\r\n";
    let answer = talk(format!("{keep}{keep}GET /odd HTTP/1.1\r\n\r\n{keep}").as_bytes(), false).await;
    assert_eq!(answer.matches("GET /a 0").count(), 2, "{answer}");
    assert!(answer.ends_with("odd body"), "{answer}");
}

#[tokio::test]
async fn bytes_that_are_not_http_get_400() {
    for (request, what) in [
        ("garbage\r\n\r\n", "invalid HTTP method"),
        ("GET /ping HTTP/1.1\r\nBad Header\r\n\r\n", "invalid character in header"),
        ("POST checkv2 HTTP/1.1\r\n\r\n", "invalid URL"),
        ("SYMBOLS / HTTP/1.1\r\n\r\n", "invalid HTTP method"),
        ("GET / HTTP/9.1\r\n\r\n", "invalid HTTP version"),
        ("\0\0\0\rO\0\0\0\u{6}", "invalid HTTP method"),
        ("POST /a HTTP/1.1\r\nContent-Length: x\r\n\r\n", "invalid content length"),
        (
            "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "invalid message body",
        ),
        ("POST /a HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", ""),
    ] {
        let answer = talk(request.as_bytes(), false).await;
        let (status, body) = split(&answer);
        assert_eq!(status, "HTTP/1.1 400 Undefined Error", "{request:?}");
        assert!(
            body.starts_with("HTTP parser error: ") && body.contains(what),
            "{request:?}: {body}"
        );
    }
}

#[tokio::test]
async fn what_ends_too_early_is_told() {
    let answer = talk(b"POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", true).await;
    assert_eq!(
        split(&answer),
        ("HTTP/1.1 400 Undefined Error", "HTTP parser error: message body ends too early")
    );
    let answer = talk(b"GET /a HTT", true).await;
    assert_eq!(split(&answer).1, "HTTP parser error: request head ends too early");
    assert_eq!(talk(b"", true).await, "");
}

#[tokio::test]
async fn a_client_that_has_said_all_still_gets_its_answer() {
    for connection in ["close", "keep-alive"] {
        let request = format!("POST /slow HTTP/1.1\r\nConnection: {connection}\r\nContent-Length: 2\r\n\r\nab");
        assert_eq!(split(&talk(request.as_bytes(), true).await).1, "slow", "{connection}");
    }
}

#[tokio::test]
async fn too_much_is_refused() {
    let answer = talk(b"POST /a HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", false).await;
    assert_eq!(split(&answer), ("HTTP/1.1 413 Undefined Error", "Request entity too large: 1001"));
    // A client that sends on regardless still reads its answer.
    let mut request = b"POST /a HTTP/1.1\r\nContent-Length: 900000\r\n\r\n".to_vec();
    request.extend(vec![b'x'; 900_000]);
    assert!(talk(&request, false).await.contains("too large: 900000"));
    let chunk = |n: usize| format!("{n:x}\r\n{}\r\n", "y".repeat(n));
    let flood = format!("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{}{}", chunk(100), chunk(901));
    assert_eq!(split(&talk(flood.as_bytes(), false).await).0, "HTTP/1.1 413 Undefined Error");
}

#[tokio::test]
async fn header_floods_are_cut() {
    let big = format!("GET /a HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(100_000));
    let many = format!("GET /a HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1201));
    for request in [big, many, "A".repeat(100_000)] {
        let answer = talk(request.as_bytes(), false).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{} bytes: {answer}", request.len());
    }
}

#[tokio::test]
async fn slow_clients_are_cut_off() {
    for start_with in [
        "",
        "GET /a HT",
        "POST /a HTTP/1.1\r\nContent-Length: 900\r\n\r\nab",
        "CHECK RSP",
        "CHECK RSPAMC/1.3\r\nA: b\r\n",
    ] {
        let begun = Instant::now();
        let answer = talk(start_with.as_bytes(), false).await;
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "{start_with:?} took {:?}",
            begun.elapsed()
        );
        if start_with.contains("900") || start_with.starts_with("GET") {
            assert_eq!(split(&answer).0, "HTTP/1.1 408 Undefined Error", "{start_with:?}");
        }
    }
}

#[tokio::test]
async fn a_body_byte_by_byte_has_an_end() {
    let (mut client, _stop, task) = start(Limits {
        body_total: Duration::from_millis(400),
        ..limits()
    });
    client.write_all(b"POST /a HTTP/1.1\r\nContent-Length: 900\r\n\r\n").await.unwrap();
    let begun = Instant::now();
    while client.write_all(b"x").await.is_ok() && begun.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if task.is_finished() {
            break;
        }
        // The server has answered and waits for us to see it.
        if begun.elapsed() > Duration::from_secs(1) {
            break;
        }
    }
    let mut answer = String::new();
    let _ = timeout(Duration::from_secs(2), client.read_to_string(&mut answer)).await;
    assert_eq!(split(&answer).0, "HTTP/1.1 408 Undefined Error");
}

#[tokio::test]
async fn a_client_that_takes_no_bytes_is_dropped() {
    for connection in ["close", "keep-alive"] {
        let (mut client, _stop, task) = start(limits());
        let request = format!("GET /huge HTTP/1.1\r\nConnection: {connection}\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        timeout(Duration::from_secs(3), task).await.expect("it waits for ever").unwrap();
    }
}

#[tokio::test]
async fn idle_keep_alive_connections_end() {
    let (mut client, _stop, task) = start(limits());
    client
        .write_all(b"GET /a HTTP/1.1\r\nConnection: keep-alive\r\n\r\n")
        .await
        .unwrap();
    read_answer(&mut client).await;
    timeout(Duration::from_secs(3), task).await.expect("it stays for ever").unwrap();
}

#[tokio::test]
async fn stopping_ends_idle_ones_and_answers_running_ones() {
    let patient = || Limits {
        head: Duration::from_secs(60),
        ..limits()
    };
    let (_client, stop, task) = start(patient());
    stop.cancel();
    timeout(Duration::from_secs(1), task).await.expect("a silent one stays").unwrap();

    let (mut client, stop, task) = start(patient());
    client
        .write_all(b"GET /a HTTP/1.1\r\nConnection: keep-alive\r\n\r\n")
        .await
        .unwrap();
    read_answer(&mut client).await;
    stop.cancel();
    timeout(Duration::from_secs(1), task).await.expect("an idle one stays").unwrap();

    let (mut client, stop, task) = start(patient());
    client
        .write_all(b"GET /slow HTTP/1.1\r\nConnection: keep-alive\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.cancel();
    assert!(read_answer(&mut client).await.ends_with("slow"));
    timeout(Duration::from_secs(1), task).await.expect("it does not close").unwrap();
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_for() {
    let answer = talk(b"POST /panic HTTP/1.1\r\nContent-Length: 2\r\n\r\nab", false).await;
    assert_eq!(split(&answer), ("HTTP/1.1 500 Internal Server Error", "internal error"));
}

#[tokio::test]
async fn old_first_lines_are_answered() {
    let request = b"CHECK RSPAMC/1.3\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(talk(request, false).await, "CHECK Rspamc 3");
    assert_eq!(talk(b"SYMBOLS SPAMC/1.2\r\n\r\nabcd", true).await, "SYMBOLS Spamc 4");
    assert_eq!(
        talk(b"CHECK SPAMC/1.2\r\nContent-Length: 2000\r\n\r\nab", false).await,
        "SPAMD/1.1 65 Request entity too large: 2000\r\n"
    );
    let endless = [&b"CHECK RSPAMC/1.2\r\n\r\n"[..], &[b'x'; 3000]].concat();
    assert_eq!(talk(&endless, false).await, "RSPAMD/1.3 65 Request entity too large\r\n");
    assert_eq!(
        talk(b"CHECK RSPAMC/1.2\r\nContent-Length: 9\r\n\r\nabc", true).await,
        "RSPAMD/1.3 65 HTTP parser error: message body ends too early\r\n"
    );
    assert_eq!(
        talk(b"CHECK RSPAMC/1.2\r\nContent-Length: 9\r\n\r\nabc", false).await,
        "RSPAMD/1.3 74 IO timeout\r\n"
    );
}

/// Only a real socket resets a connection that is closed over unread bytes.
#[tokio::test]
async fn an_early_answer_survives_a_large_upload() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, peer) = listener.accept().await.unwrap();
        serve(stream, Peer::ip(peer.ip()), limits(), Arc::new(Echo), CancellationToken::new()).await;
    });
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let length = 20 << 20;
    client
        .write_all(format!("POST /a HTTP/1.0\r\nContent-Length: {length}\r\n\r\n").as_bytes())
        .await
        .unwrap();
    client.write_all(&vec![b'x'; length]).await.expect("the upload is reset");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("the answer is lost");
    assert_eq!(split(&answer).0, "HTTP/1.1 413 Undefined Error");
    drop(client);
    timeout(Duration::from_secs(5), server).await.expect("it lingers for ever").unwrap();
}

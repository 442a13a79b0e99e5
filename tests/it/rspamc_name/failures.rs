//! Whatever goes wrong: rspamc's words and exit codes, and never a crash, however hostile the server.

use super::{Bench, REPLY, Server};
use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

#[test]
fn errors_are_said_alike() {
    let (bench, server) = (Bench::new(), Server::saying(REPLY));
    for line in [
        "--nosuch",
        "-jx",
        "-n 5x",
        "-n 99999999999",
        "-t 1e400",
        "--sort",
        "-jnt 2 a",
        "msgs/tiny.eml msgs/none.eml msgs/gtube.eml",
        "stat foo",
        "-h nonexistent.invalid msgs/tiny.eml",
        "-h [::1 stat",
        "-P -j msgs/tiny.eml",
        "-t 0 msgs/tiny.eml",
        "-n -1 msgs/tiny.eml",
    ] {
        bench.both(&server, line, b"");
    }
}

#[test]
fn bad_answers_are_said_alike() {
    let bench = Bench::new();
    for answer in [
        "HTTP/1.1 404 Nix da\r\nContent-Length: 15\r\n\r\n{\"error\":\"abc\"}",
        "HTTP/1.1 204 less tokens\r\nContent-Length: 15\r\n\r\n{\"error\":\"abc\"}",
        "HTTP/1.1 500 Err\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Moved\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":1}",
        "HTTP/1.1 200 OK\r\n\r\n{\"score\":7}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n",
    ] {
        let server = Server::raw(answer);
        for line in [
            "msgs/tiny.eml",
            "-j msgs/tiny.eml",
            "--compact msgs/tiny.eml",
            "--ucl stat",
            "-m msgs/gtube.eml",
        ] {
            bench.both(&server, line, b"");
        }
    }
}

#[test]
fn hostile_answers_crash_nothing() {
    let bench = Bench::new();
    let nested = format!("HTTP/1.1 200 OK\r\n\r\n{}", "[".repeat(1_000_000));
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(1_000_000));
    let bomb = zstd::bulk::compress(&vec![b' '; 300 << 20], 1).unwrap();
    let bomb = [
        format!("HTTP/1.1 200 OK\r\nCompression: zstd\r\nContent-Length: {}\r\n\r\n", bomb.len()).into_bytes(),
        bomb,
    ]
    .concat();
    for (answer, code) in [
        (b"".to_vec(), 1),
        (b"nonsense".to_vec(), 1),
        (b"HTTP".to_vec(), 1),
        (b"HTTP/1.1 99999 x\r\n\r\n{}".to_vec(), 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{}".to_vec(), 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n{}".to_vec(), 1),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}".to_vec(), 1),
        (b"HTTP/1.1 200 OK\r\nMessage-Offset: 18446744073709551615\r\n\r\n{}".to_vec(), 0),
        (b"HTTP/1.1 200 OK\r\nMessage-Offset: 0\r\n\r\n{}".to_vec(), 1),
        (b"HTTP/1.1 200 OK\r\nCompression: zstd\r\n\r\n{}".to_vec(), 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(), 1),
        (b"HTTP/1.1 200 OK\r\n\r\n{\"score\":1e999}".to_vec(), 1),
        (b"HTTP/1.1 200 OK\r\n\r\n\"x\"".to_vec(), 1),
        (b"HTTP/1.1 200 OK\r\n\r\n{\"a\":".to_vec(), 1),
        (b"HTTP/1.1 200 OK\r\n\r\n{\"symbols\":{\"\xff\xfe\":{\"score\":-1e308,\"options\":[[],{},null,1e300]}},\"score\":1e308,\"required_score\":{}}".to_vec(), 0),
        (b"HTTP/1.1 200 OK\r\n\r\n{\"action\":5,\"symbols\":[1],\"messages\":[],\"urls\":\"a\",\"scan_times\":5,\"actions\":[],\"uptime\":1e300}".to_vec(), 0),
        (nested.into_bytes(), 1),
        (endless.into_bytes(), 1),
        (bomb, 1),
    ] {
        let server = Server::raw(answer.clone());
        let address = server.address.to_string();
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned();
        let lines = ["msgs/gtube.eml", "-m --ucl msgs/gtube.eml", "-j stat", "stat", "counters", "uptime", "--human -E"];
        // One look at a large answer is enough.
        let lines = if answer.len() > 10_000 { &lines[..1] } else { &lines };
        for line in lines {
            let words: Vec<&str> = ["-h", &address, "-t", "20"].into_iter().chain(line.split(' ')).collect();
            let ran = bench.ours(&words, b"");
            assert_eq!(ran.code, code, "{line} on {shown}: {ran:?}");
            assert!(!ran.stderr.contains("panicked"), "{line} on {shown}: {ran:?}");
        }
    }
}

#[test]
fn a_server_that_drips_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(b"H").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let bench = Bench::new();
    let begun = Instant::now();
    let ran = bench.ours(&["-h", &address, "-t", "0.5", "stat"], b"");
    assert!(ran.code == 1 && ran.stdout.ends_with("seconds)\nIO timeout\n\n"), "{ran:?}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

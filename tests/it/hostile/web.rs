//! Broken HTTP on the scan and controller ports.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::{CUT, impatient, survives};
use crate::support::filter::{Settings, Torwart};
use crate::support::milter::Wire;
use crate::support::tools::{program, run};
use crate::support::web::{exchange, request};
use base64ct::{Base64, Encoding};

#[test]
fn nonsense_gets_an_error_or_a_close() {
    let mut torwart = impatient(); // some of it reads like the beginning of something
    let long = "a".repeat(300_000);
    let flood: String = (0..50_000).map(|n| format!("X-{n}: y\r\n")).collect();
    let requests: Vec<Vec<u8>> = vec![
        b"\r\n\r\n\r\n\r\n".to_vec(),
        b"\0\0\0\0\0\0\0\0\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"POST /checkv2 HTTP/9.9\r\n\r\n".to_vec(),
        format!("GET /{long} HTTP/1.1\r\n\r\n").into_bytes(),
        format!("POST /checkv2 HTTP/1.1\r\n{flood}\r\n").into_bytes(),
        format!("POST /checkv2 HTTP/1.1\r\nX: {long}{long}{long}{long}\r\n\r\n").into_bytes(),
        b"POST /checkv2 HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST /checkv2 HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n".to_vec(),
        b"POST /checkv2 HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello".to_vec(),
        b"POST /checkv2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n".to_vec(),
        b"POST /checkv2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx".to_vec(),
        b"CHECK RSPAMC/1.3\r\nContent-Length: x\r\n\r\n".to_vec(),
        b"SYMBOLS SPAMC/1.2\r\n\r\n".to_vec(),
    ];
    survives(&mut torwart, 1_500_000, |t| {
        for bytes in &requests {
            for port in [t.http, t.controller] {
                let mut stream = TcpStream::connect(port).expect("a connection");
                let _ = stream.write_all(bytes);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                drop(stream);
                if let Some(answer) = exchange(port, &[bytes, &b"\r\n"[..]].concat()) {
                    assert!(answer.status >= 400 || answer.status == 200, "{answer:?}");
                }
            }
        }
    });
}

#[test]
fn a_message_over_the_limit_gets_413_with_a_json_error() {
    let mut torwart = Torwart::with(Settings {
        tables: "[scan]\nmax_message = \"64KiB\"\n".into(),
        ..Settings::default()
    });
    survives(&mut torwart, 1 << 20, |t| {
        let answer = request(t.http, "POST", "/checkv2", &[], &vec![b'x'; 1 << 20]);
        assert_eq!(answer.status, 413, "{answer:?}");
        assert!(answer.json()["error"].is_string(), "{answer:?}");
        // announced but never sent: refused on the announcement
        let answer = exchange(
            t.http,
            b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1099511627776\r\n\r\n",
        );
        assert_eq!(answer.expect("an answer").status, 413);
    });
}

#[test]
fn a_compressed_bomb_is_refused_at_the_limit() {
    let mut torwart = Torwart::with(Settings {
        tables: "[scan]\nmax_message = \"1MiB\"\n".into(),
        ..Settings::default()
    });
    let mut zstd = std::process::Command::new(program("sh"));
    zstd.args(["-c", "head -c 1000000000 /dev/zero | zstd -1 -c | base64 -w0"]);
    let bomb = Base64::decode_vec(run(&mut zstd, b"").stdout.trim()).expect("base64");
    assert!(bomb.len() < 1 << 20, "the bomb is small itself: {}", bomb.len());
    survives(&mut torwart, 1 << 20, |t| {
        for name in ["Compression", "Content-Encoding"] {
            let answer = request(t.http, "POST", "/checkv2", &[(name, "zstd")], &bomb);
            assert!((400..600).contains(&answer.status), "{answer:?}");
            assert!(answer.json()["error"].is_string(), "{answer:?}");
            let answer = request(t.http, "POST", "/checkv2", &[(name, "zstd")], b"this is not zstd");
            assert!((400..600).contains(&answer.status), "{answer:?}");
        }
    });
}

#[test]
fn slow_and_silent_clients_are_cut() {
    let mut torwart = impatient();
    survives(&mut torwart, 0, |t| {
        for start in ["", "POST /chec", "POST /checkv2 HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf"] {
            let begun = Instant::now();
            let answer = exchange(t.http, start.as_bytes());
            assert!(begun.elapsed() < CUT, "{start:?} was held for {:?}", begun.elapsed());
            if let Some(answer) = answer {
                assert!(answer.status >= 400, "{answer:?}");
            }
        }
        let mut stream = TcpStream::connect(t.http).expect("a connection");
        let begun = Instant::now();
        while begun.elapsed() < CUT && stream.write_all(b"G").is_ok() {
            thread::sleep(Duration::from_millis(500));
        }
        assert!(begun.elapsed() < CUT, "one byte at a time was served for ever");
    });
}

#[test]
fn a_body_that_ends_early_harms_nobody_else() {
    let mut torwart = Torwart::start();
    survives(&mut torwart, 0, |t| {
        for _ in 0..100 {
            let mut stream = TcpStream::connect(t.http).expect("a connection");
            stream
                .write_all(b"POST /checkv2 HTTP/1.1\r\nContent-Length: 100000\r\n\r\nhalf a mail")
                .expect("half a mail");
        }
    });
}

#[test]
fn the_milter_port_answers_a_ping_and_nothing_else() {
    let mut torwart = Torwart::start();
    survives(&mut torwart, 0, |t| {
        let answer = exchange(t.milter, b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").expect("an answer");
        assert_eq!(answer.status, 200);
        assert!(answer.body.starts_with(b"pong"), "{answer:?}");
        if let Some(answer) = exchange(t.milter, b"POST /checkv2 HTTP/1.1\r\nContent-Length: 0\r\n\r\n") {
            assert!(answer.status >= 400, "{answer:?}");
        }
        assert!(Wire::open(t.milter).message(b"Subject: s\r\n\r\nhello\r\n").is_ok());
    });
}

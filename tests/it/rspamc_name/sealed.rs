//! `--key`: both programs against a server that opens and seals with the same library.

use super::{Bench, REPLY, Server, even_request};
use torwart::http::seal::{Pair, Public};

const SECRET: &str = "aeadbmk4mac1z891mbkshbaitth3rkei6g59wq193pq338tfsgty";
const PUBLIC: &str = "a9pdcyyirq1y7sd4ff33zbuywa17mhu3uzyb8btn4j8ef14sszzy";

/// Answers what it can open, sealed; what it was asked comes back within the reply.
fn server() -> Server {
    Server::with(|request| {
        let end = request.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&request[..end]).into_owned();
        let key = head.lines().find_map(|l| l.strip_prefix("Key: ojwp1ksu=")).unwrap();
        let shared = Pair::parse(SECRET).unwrap().shared(&Public::parse(key).unwrap()).unwrap();
        let mut asked = even_request(&shared.open(&request[end + 4..]).unwrap());
        asked.sort();
        let mut reply: serde_json::Value = serde_json::from_str(REPLY).unwrap();
        reply["subject"] = serde_json::json!(asked.join("|"));
        let inner = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{reply}", reply.to_string().len());
        let sealed = shared.seal(inner.as_bytes()).unwrap();
        let outer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
            sealed.len()
        );
        [outer.into_bytes(), sealed].concat()
    })
}

#[test]
fn debians_rspamc_and_ours_understand_the_same_seal() {
    let (bench, server) = (Bench::new(), server());
    let address = server.address.to_string();
    for line in ["-i 1.2.3.4 msgs/tiny.eml", "-E -r a@b"] {
        let words: Vec<&str> = ["-h", &address, "--key", PUBLIC].into_iter().chain(line.split(' ')).collect();
        let real = bench.run(crate::support::tools::program("rspamc"), &words, b"");
        let ours = bench.ours(&words, b"");
        assert_eq!(super::even(&ours.stdout), super::even(&real.stdout));
        assert!(
            ours.code == 0 && ours.stdout.contains("Subject: ") && ours.stdout.contains("Filename: "),
            "{ours:?}"
        );
        let heads: Vec<String> = server.take().iter().map(|r| String::from_utf8_lossy(r).into_owned()).collect();
        let names = |head: &str| -> Vec<String> {
            head.split("\r\n")
                .take(5)
                .map(|l| l.split('=').next().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names(&heads[0]), names(&heads[1]));
    }
}

#[test]
fn a_seal_that_does_not_fit_is_an_error() {
    let (bench, plain) = (Bench::new(), Server::saying(REPLY));
    let address = plain.address.to_string();
    let ran = bench.ours(&["-h", &address, "--key", PUBLIC, "stat"], b"");
    assert!(ran.code == 1 && ran.stdout.contains("\nHTTP parser error: "), "{ran:?}");
    let ran = bench.ours(&["-h", &address, "--key", "abc", "stat"], b"");
    assert!(
        ran.code == 1 && ran.stderr.starts_with(&format!("cannot connect to {address}: ")),
        "{ran:?}"
    );
}

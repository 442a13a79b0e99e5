//! Rate limits: exact under a crowd, spoken as the peer speaks, through Postfix as a temporary failure.

use crate::support::filter::{Settings, Torwart};
use crate::support::mail;
use crate::support::postfix::Postfix;
use crate::support::smtp::Reply;
use crate::support::web;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

fn torwart(rates: &str) -> Torwart {
    Torwart::with(Settings {
        tables: format!("[modules.greylist]\nenabled = false\n[modules.ratelimit.rates]\n{rates}"),
        ..Settings::default()
    })
}

/// Scans again and again, on one connection as long as the daemon keeps it; gives the actions.
fn keep_asking(to: SocketAddr, times: usize) -> Vec<String> {
    let message = mail::clean("crowd");
    let head = "POST /checkv2 HTTP/1.1\r\nHost: x\r\nIP: 203.0.113.5\r\nFrom: anna@example.org\r\nRcpt: martha@example.com\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{message}", message.len());
    let connect = || BufReader::new(TcpStream::connect(to).expect("a connection"));
    let mut stream = connect();
    let mut actions = Vec::new();
    for _ in 0..times {
        stream.get_mut().write_all(request.as_bytes()).expect("a request");
        let (mut length, mut close) = (0, false);
        loop {
            let mut line = String::new();
            assert!(stream.read_line(&mut line).expect("a line") > 0, "the answer ends in its head");
            let line = line.trim_end().to_ascii_lowercase();
            close |= line == "connection: close";
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).expect("the whole answer");
        let answer: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        actions.push(answer["action"].as_str().expect("an action").to_owned());
        if close {
            stream = connect();
        }
    }
    actions
}

#[test]
fn a_thousand_at_once_against_a_bucket_of_a_hundred_pass_a_hundred() {
    let torwart = torwart("to = { bucket = { burst = 100, rate = \"1 / 1d\" } }\nfrom = { bucket = { burst = 100000, rate = 1 } }");
    let crowd: Vec<_> = (0..20)
        .map(|_| {
            let to = torwart.http;
            thread::spawn(move || keep_asking(to, 50))
        })
        .collect();
    let actions: Vec<String> = crowd.into_iter().flat_map(|one| one.join().expect("a client")).collect();
    let count = |action: &str| actions.iter().filter(|a| *a == action).count();
    assert_eq!((count("no action"), count("soft reject")), (100, 900));
}

#[test]
fn spoken_as_the_peer_speaks() {
    let torwart = torwart("to = { bucket = { burst = 1, rate = \"1 / 1h\", symbol = \"RL\" } }");
    let scan = |more: &[(&str, &str)]| {
        let headers = [("IP", "203.0.113.5"), ("From", "anna@example.org"), ("Rcpt", "martha@example.com")];
        web::scan(torwart.http, mail::clean("rl").as_bytes(), &[&headers[..], more].concat())
    };
    assert_eq!(scan(&[("User-Agent", "rspamc")])["action"], "no action");
    assert_eq!(scan(&[])["action"], "no action");
    let answer = scan(&[]);
    assert_eq!(answer["action"], "soft reject");
    assert_eq!(answer["messages"]["smtp_message"], "Ratelimit \"to\" exceeded");
    let option = answer["symbols"]["RL"]["options"][0].as_str().expect("an option");
    assert!(option.starts_with("to(RL") && option.ends_with(')'), "{option}");
    assert_eq!(scan(&[("User-Agent", "rspamc")])["action"], "no action");
}

#[test]
fn postfix_defers() {
    let torwart = torwart("from = { bucket = { burst = 1, rate = \"1 / 1h\" } }");
    let postfix = Postfix::start(torwart.milter, "");
    let send = |id: &str| {
        postfix
            .remote_session()
            .mail("anna@example.org", "martha@example.com", mail::clean(id).as_bytes())
    };
    assert_eq!(send("q1").code, 250);
    let later = Reply {
        code: 451,
        text: "4.7.1 Ratelimit \"from\" exceeded".into(),
    };
    assert_eq!(send("q2"), later);
    postfix.sink.wait("q1");
}

//! A raw HTTP/1 client: says exactly what it is told, reads one answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::tools::PATIENCE;

/// One answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("JSON expected ({e}) in {self:?}"))
    }
}

/// Sends the bytes and reads until the server closes; `None` when it closed without an answer.
pub fn exchange(to: SocketAddr, bytes: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(to).unwrap_or_else(|e| panic!("connect to {to}: {e}"));
    stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
    let _ = stream.write_all(bytes); // the server may refuse in the middle
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all); // a reset after the answer is no fault of the answer
    parse(&all)
}

/// One request with `Connection: close`.
pub fn request(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    exchange(to, &[head.as_bytes(), body].concat()).unwrap_or_else(|| panic!("no answer to {method} {path}"))
}

/// Scans a message and returns the JSON reply.
pub fn scan(to: SocketAddr, message: &[u8], headers: &[(&str, &str)]) -> serde_json::Value {
    let answer = request(to, "POST", "/checkv2", headers, message);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn parse(all: &[u8]) -> Option<Answer> {
    let end = all.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let (first, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
    let mut words = first.splitn(3, ' ').skip(1);
    let status = words.next()?.parse().ok()?;
    let reason = words.next().unwrap_or_default().to_string();
    let headers = rest
        .lines()
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.to_string(), v.trim().to_string()))
        .collect();
    Some(Answer {
        status,
        reason,
        headers,
        body: all[end + 4..].to_vec(),
    })
}

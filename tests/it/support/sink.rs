//! Where the tests' mail ends up: an LMTP server that keeps every message byte for byte.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::tools::wait_for;

/// One delivered message.
#[derive(Debug, Clone)]
pub struct Delivered {
    pub from: String,
    pub to: Vec<String>,
    pub raw: Vec<u8>,
}

impl Delivered {
    /// The message as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// The message without the `Received` header that the MTA put on top.
    pub fn without_received(&self) -> Vec<u8> {
        let mut rest: &[u8] = &self.raw;
        if !rest.starts_with(b"Received: ") {
            return rest.to_vec();
        }
        while let Some(end) = rest.iter().position(|&b| b == b'\n') {
            rest = &rest[end + 1..];
            if !matches!(rest.first(), Some(b' ' | b'\t')) {
                break;
            }
        }
        rest.to_vec()
    }

    /// The values of a header, unfolded as they stand, in order.
    pub fn header(&self, name: &str) -> Vec<String> {
        let text = self.text();
        let head = text
            .split("\r\n\r\n")
            .next()
            .unwrap_or_default()
            .replace("\r\n\t", " ")
            .replace("\r\n ", " ");
        head.lines()
            .filter_map(|l| l.split_once(':'))
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.trim().to_string())
            .collect()
    }
}

/// The server. Its thread ends with the test's process.
pub struct Sink {
    pub address: SocketAddr,
    mail: Arc<Mutex<Vec<Delivered>>>,
}

impl Sink {
    pub fn start() -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the sink");
        let address = listener.local_addr().expect("the sink's address");
        let mail = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&mail);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || serve(&stream, &kept));
            }
        });
        Sink { address, mail }
    }

    /// Everything delivered so far.
    pub fn all(&self) -> Vec<Delivered> {
        self.mail.lock().expect("the sink's list").clone()
    }

    /// Waits for a message that holds `mark`.
    pub fn wait(&self, mark: &str) -> Delivered {
        wait_for(&format!("a delivered mail with {mark:?}"), || {
            self.all()
                .into_iter()
                .find(|d| d.raw.windows(mark.len()).any(|w| w == mark.as_bytes()))
        })
    }

    /// Waits until `count` messages are there.
    pub fn wait_count(&self, count: usize) -> Vec<Delivered> {
        wait_for(&format!("{count} delivered mails"), || {
            Some(self.all()).filter(|all| all.len() >= count)
        })
    }
}

fn serve(stream: &TcpStream, kept: &Mutex<Vec<Delivered>>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?);
    let mut out = stream.try_clone().ok()?;
    out.write_all(b"220 sink.example.com LMTP\r\n").ok()?;
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let upper = line.trim_end().to_ascii_uppercase();
        let path = || line.split(['<', '>']).nth(1).unwrap_or_default().to_string();
        let answer = match upper.as_bytes() {
            [b'L', b'H', b'L', b'O', ..] => {
                "250-sink.example.com\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n".to_string()
            }
            [b'M', b'A', b'I', b'L', ..] => {
                (from, to) = (path(), Vec::new());
                "250 2.1.0 ok\r\n".into()
            }
            [b'R', b'C', b'P', b'T', ..] => {
                to.push(path());
                "250 2.1.5 ok\r\n".into()
            }
            b"DATA" => {
                out.write_all(b"354 go\r\n").ok()?;
                let raw = body(&mut lines)?;
                kept.lock().expect("the sink's list").push(Delivered {
                    from: from.clone(),
                    to: to.clone(),
                    raw,
                });
                "250 2.0.0 kept\r\n".repeat(to.len())
            }
            b"QUIT" => {
                out.write_all(b"221 2.0.0 bye\r\n").ok()?;
                return None;
            }
            _ => "250 2.0.0 ok\r\n".into(),
        };
        out.write_all(answer.as_bytes()).ok()?;
    }
}

fn body(lines: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut raw = Vec::new();
    loop {
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line).ok().filter(|&n| n > 0)?;
        if line == b".\r\n" {
            return Some(raw);
        }
        raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

//! A plain SMTP client: one command, one reply, nothing clever.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use super::tools::PATIENCE;

/// A reply: its code and its text, lines joined by LF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    pub text: String,
}

/// One SMTP session.
pub struct Smtp(BufReader<TcpStream>);

impl Smtp {
    /// Connects, reads the greeting and says EHLO.
    pub fn connect(to: SocketAddr) -> Smtp {
        let stream = TcpStream::connect(to).unwrap_or_else(|e| panic!("connect to {to}: {e}"));
        stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        stream.set_nodelay(true).expect("no delay");
        let mut smtp = Smtp(BufReader::new(stream));
        assert_eq!(smtp.reply().code, 220);
        smtp.ok("EHLO mail.example.org");
        smtp
    }

    /// Tells Postfix to treat this session as one from elsewhere, and greets again.
    pub fn pretend(mut self, attributes: &str) -> Smtp {
        assert_eq!(self.say(&format!("XCLIENT {attributes}")).code, 220);
        self.ok("EHLO mail.example.org");
        self
    }

    /// Sends one line and reads the reply.
    pub fn say(&mut self, line: &str) -> Reply {
        self.0
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())
            .expect("send a command");
        self.reply()
    }

    fn ok(&mut self, line: &str) {
        let reply = self.say(line);
        assert_eq!(reply.code / 100, 2, "{line}: {reply:?}");
    }

    /// Sends a whole message; the first refusal, or the answer to its end, is returned.
    pub fn mail(&mut self, from: &str, to: &str, message: &[u8]) -> Reply {
        for (line, wanted) in [
            (format!("MAIL FROM:<{from}>"), 2),
            (format!("RCPT TO:<{to}>"), 2),
            ("DATA".into(), 3),
        ] {
            let reply = self.say(&line);
            if reply.code / 100 != wanted {
                let _ = self.say("RSET");
                return reply;
            }
        }
        self.0.get_mut().write_all(&stuffed(message)).expect("send a message");
        self.reply()
    }

    fn reply(&mut self) -> Reply {
        let (mut code, mut lines) = (0, Vec::new());
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("read a reply");
            let line = line.trim_end();
            assert!(line.len() >= 3, "a reply line {line:?}");
            code = line[..3].parse().unwrap_or(code);
            lines.push(line.get(4..).unwrap_or_default().to_string());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Reply {
                    code,
                    text: lines.join("\n"),
                };
            }
        }
    }
}

/// Dots at line starts doubled, and the end mark added.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 8);
    for line in message.split_inclusive(|&b| b == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.is_empty() && !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

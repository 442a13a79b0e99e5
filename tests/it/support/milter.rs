//! The MTA's side of the milter protocol, written plainly enough to break every rule of it.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::tools::PATIENCE;

pub const LEADING_SPACE: u32 = 0x10_0000;

/// A packet: command byte and payload.
pub type Packet = (u8, Vec<u8>);

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Edits, quarantine and the like before the final reply; progress left out.
    pub edits: Vec<Packet>,
    /// The one final reply.
    pub last: Packet,
}

impl Outcome {
    /// The final reply's byte, followed by its text for `y`.
    pub fn verdict(&self) -> String {
        let text = String::from_utf8_lossy(&self.last.1).trim_end_matches('\0').to_string();
        if self.last.0 == b'y' {
            text
        } else {
            char::from(self.last.0).to_string()
        }
    }
}

/// One connection to the filter.
pub struct Wire {
    stream: BufReader<TcpStream>,
    /// Protocol bits agreed on.
    agreed: u32,
}

impl Wire {
    /// Connects without saying anything.
    pub fn connect(to: SocketAddr) -> Wire {
        let stream = TcpStream::connect(to).unwrap_or_else(|e| panic!("connect to {to}: {e}"));
        stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a write timeout");
        stream.set_nodelay(true).expect("no delay");
        Wire {
            stream: BufReader::new(stream),
            agreed: 0,
        }
    }

    /// Connects and negotiates as Postfix does.
    pub fn open(to: SocketAddr) -> Wire {
        let mut wire = Wire::connect(to);
        wire.negotiate(6, 0x1ff, 0x1f_ffff).expect("negotiation");
        wire
    }

    /// Connects, negotiates and introduces a client.
    pub fn client(to: SocketAddr, address: &str) -> Wire {
        let mut wire = Wire::open(to);
        wire.introduce(address);
        wire
    }

    /// Sends CONNECT and HELO for a client of this IPv4 address.
    pub fn introduce(&mut self, address: &str) {
        let mut connect = b"mail.example.org\x004\x30\x39".to_vec();
        connect.extend_from_slice(address.as_bytes());
        connect.push(0);
        self.event(b'C', &connect).expect("CONNECT");
        self.event(b'H', b"mail.example.org\0").expect("HELO");
    }

    /// Offers version, actions and protocol bits; returns the filter's three numbers.
    pub fn negotiate(&mut self, version: u32, actions: u32, protocol: u32) -> io::Result<[u32; 3]> {
        let offer: Vec<u8> = [version, actions, protocol].iter().flat_map(|v| v.to_be_bytes()).collect();
        self.send(b'O', &offer)?;
        let (code, data) = self.receive()?;
        if code != b'O' || data.len() < 12 {
            return Err(io::Error::other(format!("negotiation answered by {code:?} {data:?}")));
        }
        let number = |i: usize| u32::from_be_bytes([data[i], data[i + 1], data[i + 2], data[i + 3]]);
        let answer = [number(0), number(4), number(8)];
        self.agreed = answer[2];
        Ok(answer)
    }

    /// Sends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Sends one packet.
    pub fn send(&mut self, command: u8, payload: &[u8]) -> io::Result<()> {
        self.raw(&packet(command, payload))
    }

    /// Sends one event and reads its answer where one is due.
    pub fn event(&mut self, command: u8, payload: &[u8]) -> io::Result<Option<Packet>> {
        self.send(command, payload)?;
        if self.is_silent(command) {
            Ok(None)
        } else {
            self.receive().map(Some)
        }
    }

    fn is_silent(&self, command: u8) -> bool {
        let bits = [
            (b'C', 0x1000),
            (b'H', 0x2000),
            (b'M', 0x4000),
            (b'R', 0x8000),
            (b'T', 0x1_0000),
            (b'U', 0x2_0000),
            (b'L', 0x80),
            (b'N', 0x4_0000),
            (b'B', 0x8_0000),
        ];
        command == b'D' || bits.iter().any(|&(c, bit)| c == command && self.agreed & bit != 0)
    }

    /// Reads one packet; progress is passed over.
    pub fn receive(&mut self) -> io::Result<Packet> {
        loop {
            let mut length = [0; 4];
            self.stream.read_exact(&mut length)?;
            let mut packet = vec![0; u32::from_be_bytes(length) as usize];
            self.stream.read_exact(&mut packet)?;
            let code = *packet.first().ok_or_else(|| io::Error::other("an empty packet"))?;
            if code != b'p' {
                return Ok((code, packet[1..].to_vec()));
            }
        }
    }

    /// Sends MAIL, RCPT and DATA.
    pub fn envelope(&mut self, from: &str, to: &[&str]) -> io::Result<()> {
        self.event(b'M', format!("{from}\0").as_bytes())?;
        for to in to {
            self.event(b'R', format!("{to}\0").as_bytes())?;
        }
        self.event(b'T', b"")?;
        Ok(())
    }

    /// Sends one header; `value` has its leading blank as in the message.
    pub fn header(&mut self, name: &str, value: &str) -> io::Result<()> {
        let value = if self.agreed & LEADING_SPACE != 0 {
            value
        } else {
            value.strip_prefix(' ').unwrap_or(value)
        };
        self.event(b'L', format!("{name}\0{value}\0").as_bytes()).map(drop)
    }

    /// Sends headers, end of headers and body of a message with CRLF line ends.
    pub fn content(&mut self, message: &[u8]) -> io::Result<()> {
        let end = message.windows(4).position(|w| w == b"\r\n\r\n");
        let (head, body) = match (message.strip_prefix(b"\r\n"), end) {
            (Some(body), _) => (&b""[..], body),
            (None, Some(end)) => (&message[..end], &message[end + 4..]),
            (None, None) => (message, &b""[..]),
        };
        let head = String::from_utf8_lossy(head).replace("\r\n\t", "\n\t").replace("\r\n ", "\n ");
        for (name, value) in head.split("\r\n").filter_map(|l| l.split_once(':')) {
            self.header(name, value)?;
        }
        self.event(b'N', b"")?;
        for chunk in body.chunks(65_535) {
            self.event(b'B', chunk)?;
        }
        Ok(())
    }

    /// Sends end of message and reads up to the final reply.
    pub fn finish(&mut self) -> io::Result<Outcome> {
        self.send(b'E', b"")?;
        let mut edits = Vec::new();
        loop {
            let packet = self.receive()?;
            if b"acdrty".contains(&packet.0) {
                return Ok(Outcome { edits, last: packet });
            }
            edits.push(packet);
        }
    }

    /// A whole message of the usual envelope.
    pub fn message(&mut self, message: &[u8]) -> io::Result<Outcome> {
        self.envelope("<anna@example.org>", &["<martha@example.com>"])?;
        self.content(message)?;
        self.finish()
    }

    /// True when the filter closes within `limit` without another byte.
    pub fn is_closed_within(&mut self, limit: Duration) -> bool {
        self.stream.get_ref().set_read_timeout(Some(limit)).expect("a read timeout");
        match self.stream.read(&mut [0; 1]) {
            Ok(0) => true,
            Ok(_) => false,
            Err(e) => e.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Goes away without a word.
    pub fn vanish(self) {
        let _ = self.stream.get_ref().shutdown(Shutdown::Both);
    }
}

/// The bytes of one packet.
pub fn packet(command: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 1).expect("a payload under 4 GiB");
    [&length.to_be_bytes()[..], &[command], payload].concat()
}

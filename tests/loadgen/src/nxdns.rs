//! A DNS server that knows no name: every question is answered NXDOMAIN at once, so that no daemon waits for the network.

use std::io;
use std::net::UdpSocket;

/// Answers on `address` until the process ends.
pub fn serve(address: &str) -> io::Result<()> {
    let socket = UdpSocket::bind(address)?;
    let mut packet = [0; 1500];
    loop {
        let (length, client) = socket.recv_from(&mut packet)?;
        if let Some(answer) = answer(&packet[..length]) {
            let _ = socket.send_to(&answer, client); // a client that is gone asks no more
        }
    }
}

/// Header and question of the query, marked as an answer without records and with the error "no such name".
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let header = query.get(..12)?;
    let mut at = 12;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1 + length;
        if length == 0 {
            break;
        }
    }
    let question = query.get(12..at + 4)?;
    let recursion = header[2] & 0x01;
    let mut out = vec![header[0], header[1], 0x84 | recursion, 0x83, 0, 1, 0, 0, 0, 0, 0, 0];
    out.extend_from_slice(question);
    Some(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn says_that_there_is_no_such_name() {
        let query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07example\x03org\x00\x00\x01\x00\x01rest";
        let answer = super::answer(query).expect("an answer");
        assert_eq!(
            answer,
            b"\x12\x34\x85\x83\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\x01\x00\x01"
        );
        assert_eq!(super::answer(b"short"), None);
        assert_eq!(super::answer(&[0xff; 40]), None);
    }
}

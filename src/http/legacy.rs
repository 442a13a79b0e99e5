//! The first lines from before HTTP: `SYMBOLS RSPAMC/1.3` and `CHECK SPAMC/1.2`, which Exim and old clients still send.
//!
//! Only the request is read here; what the answer says is the handler's.

use super::gate::Gate;
use super::request::{Headers, Kind, Peer, Request};
use super::server::{Limits, Refusal};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout, timeout_at};

/// A parsed request head.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    method: String,
    headers: Headers,
    /// Announced bytes of the body; without it, the body ends with the stream.
    length: Option<u64>,
}

/// Reads one request: head, blank line, body.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut Gate<S>, kind: Kind, peer: Peer, limits: &Limits) -> Result<Request, Refusal> {
    let mut buffer = BytesMut::new();
    let head_end = Instant::now() + limits.head;
    let body_start = loop {
        if let Some(end) = head_length(&buffer) {
            break end;
        }
        if buffer.len() > limits.max_head {
            return Err(Refusal::HeadTooLarge);
        }
        match timeout_at(head_end, stream.read_buf(&mut buffer)).await {
            Err(_) => return Err(Refusal::TimedOut),
            Ok(Ok(0) | Err(_)) => return Err(Refusal::Malformed("request head ends too early")),
            Ok(Ok(_)) => {}
        }
    };
    let head = parse(&buffer.split_to(body_start), limits)?;
    let body = body(stream, buffer, head.length, limits).await?;
    Ok(Request {
        peer,
        method: head.method,
        path: String::new(),
        query: Vec::new(),
        headers: head.headers,
        body,
        kind,
        http_10: true,
    })
}

async fn body<S: AsyncRead + Unpin>(
    stream: &mut Gate<S>,
    mut body: BytesMut,
    announced: Option<u64>,
    limits: &Limits,
) -> Result<Bytes, Refusal> {
    let too_large = Refusal::TooLarge { announced };
    let want = announced.unwrap_or(limits.max_body);
    if want > limits.max_body {
        return Err(too_large);
    }
    let end = Instant::now() + limits.body_total;
    while (body.len() as u64) < want || (announced.is_none() && body.len() as u64 <= want) {
        match timeout(limits.idle, timeout_at(end, stream.read_buf(&mut body))).await {
            Err(_) | Ok(Err(_)) => return Err(Refusal::TimedOut),
            Ok(Ok(Ok(0))) if announced.is_none() => return Ok(body.freeze()),
            Ok(Ok(Ok(0) | Err(_))) => return Err(Refusal::Malformed("message body ends too early")),
            Ok(Ok(Ok(_))) => {}
        }
    }
    if announced.is_none() {
        return Err(too_large);
    }
    body.truncate(usize::try_from(want).unwrap_or(usize::MAX));
    Ok(body.freeze())
}

/// Bytes up to and with the first empty line behind the first line that is not empty.
fn head_length(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    let mut begun = false;
    while let Some(length) = bytes.get(start..)?.iter().position(|b| *b == b'\n') {
        let line = bytes.get(start..start + length)?;
        start += length + 1;
        if !matches!(line, b"" | b"\r") {
            begun = true;
        } else if begun {
            return Some(start);
        }
    }
    None
}

fn parse(head: &[u8], limits: &Limits) -> Result<Head, Refusal> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines().filter(|l| !l.is_empty());
    let method = lines.next().and_then(|l| l.split(' ').next()).unwrap_or_default().to_owned();
    let mut headers = Headers::default();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Refusal::Malformed("invalid character in header"))?;
        if headers.len() >= limits.max_headers {
            return Err(Refusal::HeadTooLarge);
        }
        headers.push(name.trim(), value.trim());
    }
    let length = match headers.get("Content-Length") {
        None => None,
        Some(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => Some(text.parse().unwrap_or(u64::MAX)),
        Some(_) => return Err(Refusal::Malformed("invalid content length")),
    };
    Ok(Head { method, headers, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_split() {
        let bytes = b"\r\nCHECK RSPAMC/1.3\r\nContent-length: 5\r\nRcpt: <a@b>\r\nRcpt:c@d\r\n\r\nhello";
        let end = head_length(bytes).unwrap();
        assert_eq!(&bytes[end..], b"hello");
        let head = parse(&bytes[..end], &Limits::default()).unwrap();
        assert_eq!(head.method, "CHECK");
        assert_eq!(head.length, Some(5));
        assert_eq!(head.headers.all("rcpt").collect::<Vec<_>>(), ["<a@b>", "c@d"]);
        assert_eq!(head_length(b"CHECK RSPAMC/1.3\nA: b\n\nx"), Some(23));
        assert_eq!(head_length(b"\n\n\nCHECK"), None);
    }

    #[test]
    fn broken_heads_are_refused() {
        let limits = Limits::default();
        let parse = |text: &str| parse(text.as_bytes(), &limits);
        assert!(matches!(parse("CHECK RSPAMC\r\nno colon\r\n\r\n"), Err(Refusal::Malformed(_))));
        assert!(matches!(
            parse("CHECK RSPAMC\r\nContent-Length: -1\r\n\r\n"),
            Err(Refusal::Malformed(_))
        ));
        assert_eq!(
            parse("CHECK RSPAMC\r\nContent-Length: 99999999999999999999999\r\n\r\n")
                .unwrap()
                .length,
            Some(u64::MAX)
        );
        assert!(matches!(
            parse(&format!("CHECK RSPAMC\r\n{}\r\n", "A: b\r\n".repeat(1201))),
            Err(Refusal::HeadTooLarge)
        ));
    }
}

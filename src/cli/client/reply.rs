//! An answer taken apart: status, headers, body. What a server may say is not trusted: every length is checked.

use super::Failed;

/// Longest head looked at.
const HEAD: usize = 256 << 10;

/// What came back.
#[derive(Debug)]
pub(in crate::cli) struct Reply {
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

fn find<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// Where the head ends, without and with its empty line.
fn head(raw: &[u8]) -> Option<(usize, usize)> {
    let raw = raw.get(..raw.len().min(HEAD))?;
    raw.windows(4).position(|w| w == b"\r\n\r\n").map(|at| (at, at + 4))
}

fn lines(raw: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(raw);
    let lines = text.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

/// The length of the whole answer, as soon as its head is there and says it.
pub(super) fn length(raw: &[u8]) -> Option<usize> {
    let (end, body) = head(raw)?;
    let headers = lines(raw.get(..end)?);
    let announced: usize = find(&headers, "Content-Length")?.parse().ok()?;
    body.checked_add(announced)
}

/// Takes an answer apart.
pub(in crate::cli) fn parse(raw: &[u8]) -> Result<Reply, Failed> {
    let first = raw.split(|b| *b == b'\r' || *b == b'\n').next().unwrap_or_default();
    let first: String = String::from_utf8_lossy(first).chars().take(80).collect();
    let mut words = first.splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().and_then(|s| s.parse().ok());
    let (true, Some(status)) = (version.starts_with("HTTP/"), status) else {
        return Err(Failed::NotHttp(first));
    };
    let (end, behind) = head(raw).ok_or(Failed::Cut)?;
    let (top, body) = (raw.get(..end).unwrap_or_default(), raw.get(behind..).unwrap_or_default());
    let reason = String::from_utf8_lossy(top.split(|b| *b == b'\r').next().unwrap_or_default()).into_owned();
    let headers = lines(top);
    let chunked = find(&headers, "Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let body = match find(&headers, "Content-Length").map(str::parse::<usize>) {
        _ if chunked => joined(body).ok_or(Failed::Cut)?,
        Some(Ok(announced)) => body.get(..announced).ok_or(Failed::Cut)?.to_vec(),
        Some(Err(_)) => return Err(Failed::NotHttp("Content-Length is no number".to_owned())),
        None => body.to_vec(),
    };
    Ok(Reply {
        status,
        reason: reason.splitn(3, ' ').nth(2).unwrap_or_default().to_owned(),
        headers,
        body,
    })
}

/// Chunks put together; none where one is missing.
fn joined(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|w| w == b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..line)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        let from = line + 2;
        let to = from.checked_add(size)?;
        whole.extend_from_slice(rest.get(from..to)?);
        rest = rest.get(to..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_are_taken_apart() {
        let reply = parse(b"HTTP/1.1 413 Too large: 9\r\nA: b\r\n\r\n{}").unwrap();
        assert_eq!(
            (reply.status, reply.reason.as_str(), reply.body.as_slice()),
            (413, "Too large: 9", &b"{}"[..])
        );
        assert_eq!(reply.header("a"), Some("b"));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n";
        assert_eq!(parse(chunked).unwrap().body, b"{\"a\":1}");
    }

    #[test]
    fn broken_ones_are_refused() {
        assert!(matches!(parse(b"nonsense"), Err(Failed::NotHttp(_))));
        assert!(matches!(parse(b"SMTP/1 200\r\n\r\n"), Err(Failed::NotHttp(_))));
        assert!(matches!(parse(b"HTTP/1.1 200 OK\r\nA: b"), Err(Failed::Cut)));
        assert!(matches!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"), Err(Failed::Cut)));
        assert!(matches!(
            parse(b"HTTP/1.1 200 OK\r\nContent-Length: -9\r\n\r\n{}"),
            Err(Failed::NotHttp(_))
        ));
        let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}";
        assert!(matches!(parse(endless), Err(Failed::Cut)));
        assert_eq!(length(b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"), None);
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let raw = [b"HTTP/1.1 200 ", tail.as_slice()].concat();
            let _ = (length(&raw), parse(&raw));
        }
    }
}

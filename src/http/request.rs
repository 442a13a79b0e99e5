//! A request as handlers see it. No sockets; the query string is split here.

use bytes::Bytes;
use std::fmt;
use std::net::IpAddr;

/// Who is asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Over TCP, from this address (never IPv4 dressed as IPv6).
    Ip(IpAddr),
    /// Over a unix socket.
    Unix,
}

impl Peer {
    /// A TCP peer; an IPv4 address mapped into IPv6 becomes plain.
    pub fn ip(address: IpAddr) -> Peer {
        Peer::Ip(address.to_canonical())
    }

    /// True for this machine: loopback or a unix socket.
    pub fn is_local(self) -> bool {
        match self {
            Peer::Ip(address) => address.is_loopback(),
            Peer::Unix => true,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Ip(address) => address.fmt(f),
            Peer::Unix => f.write_str("unix"),
        }
    }
}

/// What the first line was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP.
    Http,
    /// `SYMBOLS RSPAMC/1.3`: the answer is bare text.
    Rspamc,
    /// `SYMBOLS SPAMC/1.2`: the answer is in SpamAssassin's shape.
    Spamc,
}

/// Header lines, looked up in any case. Lines of one name keep their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    /// The last value of a name.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).last().map(|(_, v)| v)
    }

    /// Every value of a name, in order.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        self.0
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// True where the name is there, whatever its value.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Adds a line at the end.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// Every line.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any line.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One request, its body complete.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who is asking.
    pub peer: Peer,
    /// The method, as sent.
    pub method: String,
    /// The path, as sent, without the query.
    pub path: String,
    /// Query arguments, decoded; each name once.
    pub query: Vec<(String, String)>,
    /// Header lines.
    pub headers: Headers,
    /// The body, chunks joined, still compressed if it was.
    pub body: Bytes,
    /// What the first line was.
    pub kind: Kind,
    /// The client speaks HTTP/1.0.
    pub http_10: bool,
}

impl Request {
    /// A query argument, its name in any case.
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }
}

/// Splits a query string as rspamd does: of a name given twice the last value counts, one quotation mark at either end goes.
pub fn parse_query(query: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    // Bounded: a request head has at most 80 KiB; a thousand names are plenty, and keep the search below short.
    for pair in query.split('&').filter(|p| !p.is_empty()).take(1000) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (percent_decode(name), percent_decode(value));
        let value = unquote(&value).to_owned();
        match found.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(&name)) {
            Some(old) => old.1 = value,
            None => found.push((name, value)),
        }
    }
    found
}

/// Without one leading and one trailing quotation mark.
fn unquote(text: &str) -> &str {
    let text = text.strip_prefix('"').unwrap_or(text);
    text.strip_suffix('"').unwrap_or(text)
}

/// Replaces `%41` by `A`; a percent sign without two digits stays. Bytes that are not UTF-8 become U+FFFD.
pub fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, behind @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = behind;
                }
                _ => bytes.push(b'%'),
            },
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_split_like_rspamd() {
        let query = parse_query("ip=192.0.2.7&flags=%22groups%22&empty&&a=1&A=2&q=%zz%4&eq=a=b&plus=a+b");
        let expect = [
            ("ip", "192.0.2.7"),
            ("flags", "groups"),
            ("empty", ""),
            ("a", "2"),
            ("q", "%zz%4"),
            ("eq", "a=b"),
            ("plus", "a+b"),
        ];
        let expect: Vec<_> = expect.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        assert_eq!(query, expect);
        assert!(parse_query("").is_empty());
        assert_eq!(parse_query(&"a&".repeat(100_000)).len(), 1);
    }

    #[test]
    fn percent_signs_decode() {
        assert_eq!(percent_decode("%e4%C3%A4%"), "\u{fffd}ä%");
        assert_eq!(percent_decode("/srv/a%20b"), "/srv/a b");
    }

    #[test]
    fn headers_ignore_case_and_keep_order() {
        let mut headers = Headers::default();
        headers.push("rcpt", "a");
        headers.push("Ip", "1");
        headers.push("RCPT", "b");
        assert_eq!(headers.all("Rcpt").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(headers.get("IP"), Some("1"));
        assert!(!headers.has("helo"));
    }

    #[test]
    fn mapped_addresses_are_plain() {
        assert_eq!(
            Peer::ip("::ffff:127.0.0.1".parse().unwrap()),
            Peer::Ip("127.0.0.1".parse().unwrap())
        );
        assert!(Peer::ip("::ffff:127.0.0.1".parse().unwrap()).is_local());
        assert!(!Peer::ip("192.0.2.1".parse().unwrap()).is_local());
    }
}

//! An answer and its head, in rspamd's shape: fixed header order, a reason phrase that carries the error's text.

use bytes::{BufMut, Bytes, BytesMut};

/// What the `Server` header says.
const SERVER: &str = concat!("torwart/", env!("CARGO_PKG_VERSION"));
/// A reason phrase stays on one line that any client reads.
const LONGEST_REASON: usize = 512;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The reason phrase; without one, rspamd's for the status.
    pub reason: Option<String>,
    /// The content type.
    pub content_type: &'static str,
    /// Further header lines, written last.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// An answer of any kind.
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response {
        Response {
            status,
            reason: None,
            content_type,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// JSON.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Response {
        Response::new(status, "application/json", body)
    }

    /// Plain text.
    pub fn text(status: u16, body: impl Into<Bytes>) -> Response {
        Response::new(status, "text/plain", body)
    }

    /// The same with a reason phrase.
    pub fn because(mut self, reason: impl Into<String>) -> Response {
        self.reason = Some(reason.into());
        self
    }

    /// The same with one more header line.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The reason phrase as it goes out: one line, no control characters, bounded.
    pub(super) fn phrase(&self) -> String {
        let text = match (&self.reason, self.status) {
            (Some(reason), _) => reason.as_str(),
            (None, 200) => "OK",
            (None, 403) => "Forbidden",
            (None, 404) => "Not Found",
            (None, 500..=599) => "Internal Server Error",
            (None, _) => "Undefined Error",
        };
        let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut end = line.len().min(LONGEST_REASON);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.truncate(end);
        line
    }

    /// Header lines in rspamd's order, without `Connection`.
    pub(super) fn lines(&self) -> Vec<(&str, String)> {
        let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
        let mut lines = vec![
            ("Server", SERVER.to_owned()),
            ("Date", date.to_string()),
            ("Content-Length", self.body.len().to_string()),
            ("Content-Type", self.content_type.to_owned()),
        ];
        lines.extend(self.headers.iter().map(|(n, v)| (n.as_str(), one_line(v))));
        lines
    }

    /// The whole head of an answer that closes the connection.
    pub(super) fn head(&self) -> BytesMut {
        let mut head = BytesMut::with_capacity(256);
        head.put_slice(format!("HTTP/1.1 {} {}\r\nConnection: close\r\n", self.status, self.phrase()).as_bytes());
        for (name, value) in self.lines() {
            head.put_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        head.put_slice(b"\r\n");
        head
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(response: &Response) -> String {
        String::from_utf8(response.head().to_vec()).unwrap()
    }

    #[test]
    fn heads_have_rspamds_order() {
        let response = Response::json(200, "{}").header("Cache-Control", "no-store");
        let text = head(&response);
        let names: Vec<_> = text.lines().filter_map(|l| l.split_once(": ")).map(|(n, _)| n).collect();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\nConnection: close\r\nServer: torwart/"));
        assert_eq!(
            names,
            ["Connection", "Server", "Date", "Content-Length", "Content-Type", "Cache-Control"]
        );
        assert!(text.ends_with("no-store\r\n\r\n"));
    }

    #[test]
    fn dates_are_rfc_1123() {
        let text = head(&Response::text(200, ""));
        let date = text.lines().find_map(|l| l.strip_prefix("Date: ")).unwrap();
        assert_eq!(date.len(), "Sun, 22 Nov 2026 20:42:33 GMT".len());
        assert!(date.ends_with(" GMT") && date.as_bytes()[3] == b',');
    }

    #[test]
    fn reasons_cannot_smuggle_lines() {
        let evil = Response::json(503, "").because("Invalid file (/a\r\nSet-Cookie: x\0): no");
        assert_eq!(evil.phrase(), "Invalid file (/a  Set-Cookie: x ): no");
        assert_eq!(Response::text(500, "").because("ä".repeat(1000)).phrase().len(), LONGEST_REASON);
        assert_eq!(head(&Response::text(200, "").header("X", "a\r\nY: b")).lines().count(), 8);
    }

    #[test]
    fn statuses_without_a_reason_get_rspamds() {
        for (status, reason) in [
            (200, "OK"),
            (400, "Undefined Error"),
            (404, "Not Found"),
            (403, "Forbidden"),
            (503, "Internal Server Error"),
            (204, "Undefined Error"),
        ] {
            assert_eq!(Response::text(status, "").phrase(), reason);
        }
    }
}

//! The messages that most tests send, with line ends of CRLF as on the wire.

use std::process::Command;
use std::sync::OnceLock;

/// The X pattern of GTUBE.
pub const GTUBE: &str = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

/// A complete, unsuspicious message, marked by `id` in its Message-ID and body.
pub fn clean(id: &str) -> String {
    format!(
        "Date: {date}\r\nFrom: Anna Beispiel <anna@example.org>\r\nTo: Martha <martha@example.com>\r\nSubject: Lunch on Friday\r\n\
         Message-ID: <{id}@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 7bit\r\n\r\nHello Martha,\r\n\r\nshall we have lunch on Friday at noon? I would come by at your\r\n\
         office, as we did last time.\r\n\r\nKind regards\r\nAnna ({id})\r\n",
        date = now()
    )
}

/// A message that lacks every header a decent one has: 7.90 points as in the guide, above `add header`, below `reject`.
/// The `X-Id` header marks it, so that the body stays the guide's.
pub fn spammy(id: &str) -> String {
    format!("X-Id: {id}\r\n\r\nhallo welt\r\n")
}

/// A message with GTUBE in its body.
pub fn gtube(id: &str) -> String {
    format!(
        "Date: {}\r\nFrom: Anna Beispiel <anna@example.org>\r\nTo: Martha <martha@example.com>\r\nSubject: Boese Mail\r\n\
         Message-ID: <{id}@example.org>\r\n\r\n{GTUBE}\r\n",
        now()
    )
}

/// The time as a Date header has it; rules may look at its age. One value a process, so that a message can be made twice.
pub fn now() -> &'static str {
    static NOW: OnceLock<String> = OnceLock::new();
    NOW.get_or_init(|| {
        let out = Command::new("date").arg("-R").env("LC_ALL", "C").output().expect("date");
        String::from_utf8_lossy(&out.stdout).trim().to_string()
    })
}

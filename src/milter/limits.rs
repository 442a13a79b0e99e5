//! How much a peer may send and how long it may take. Plain data; the defaults are those of the product.

use std::time::Duration;

/// Bounds of one session. What lies beyond one is refused, dropped or only counted, as the field says.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest packet: command byte and data. A longer one ends the session before it is read.
    pub packet: usize,
    /// Largest message. Of a longer one the headers are kept and the rest is counted.
    pub message: u64,
    /// Recipients kept; later ones are counted.
    pub recipients: usize,
    /// Longest sender or recipient kept; a longer one is left out.
    pub path: usize,
    /// Bytes of ESMTP parameters kept for one message.
    pub parameters: usize,
    /// Longest macro value kept; a longer one is ignored.
    pub macro_value: usize,
    /// Macros kept for the connection, and as many for a message.
    pub macros: usize,
    /// Bytes of macro names and values kept in all.
    pub macro_bytes: usize,
    /// Issuer of client certificates whose subject counts as the authenticated user.
    pub client_ca: Option<String>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            packet: 1024 * 1024 + 1,
            message: 50 * 1024 * 1024,
            recipients: 1024,
            path: 4096,
            parameters: 64 * 1024,
            macro_value: 64 * 1024,
            macros: 128,
            macro_bytes: 256 * 1024,
            client_ca: None,
        }
    }
}

/// How long `serve` waits for what.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// From the first byte of a packet to its last.
    pub packet: Duration,
    /// From MAIL to the end of the message.
    pub message: Duration,
    /// Between messages.
    pub idle: Duration,
    /// For the peer to take some of what is written to it.
    pub write: Duration,
    /// For the scan, the last resort behind the scanner's own deadline.
    pub scan: Duration,
    /// Between two signs of life to the peer while a scan runs.
    pub progress: Duration,
    /// For a message already begun when the service stops.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            packet: Duration::from_secs(60),
            message: Duration::from_secs(15 * 60),
            idle: Duration::from_secs(2 * 60 * 60),
            write: Duration::from_secs(60),
            scan: Duration::from_secs(5 * 60),
            progress: Duration::from_secs(20),
            drain: Duration::from_secs(25),
        }
    }
}

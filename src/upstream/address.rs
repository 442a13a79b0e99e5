//! Where a server is: `host:port`, `host`, `[::1]:port`, `/path` or `unix:/path`. Pure; resolves nothing.

use std::fmt;
use std::path::{Path, PathBuf};

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A name or address of a host, and a port.
    Tcp {
        /// The host, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Nothing is written.
    #[error("the address is empty")]
    Empty,
    /// A path that begins somewhere unknown.
    #[error("`{0}` is no absolute path")]
    Relative(String),
    /// Behind the colon stands no port.
    #[error("`{0}` is no port")]
    Port(String),
    /// No host by its letters.
    #[error("`{0}` is no host")]
    Host(String),
}

impl Address {
    /// Reads an address; where it names no port, `port` is meant.
    pub fn parse(text: &str, port: u16) -> Result<Address, BadAddress> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadAddress::Empty);
        }
        let path = text.strip_prefix("unix:").or_else(|| text.starts_with('/').then_some(text));
        if let Some(path) = path {
            return match Path::new(path).is_absolute() {
                true => Ok(Address::Unix(PathBuf::from(path))),
                false => Err(BadAddress::Relative(path.to_owned())),
            };
        }
        let (host, given) = split(text)?;
        let port = match given {
            Some(digits) => digits.parse().ok().filter(|p| *p > 0),
            None => Some(port),
        };
        let port = port.ok_or_else(|| BadAddress::Port(given.unwrap_or_default().to_owned()))?;
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        if host.is_empty() || !host.chars().all(letters) {
            return Err(BadAddress::Host(host.to_owned()));
        }
        let host = host.to_owned();
        Ok(Address::Tcp { host, port })
    }
}

/// Host and port; an IPv6 address without brackets has no port.
fn split(text: &str) -> Result<(&str, Option<&str>), BadAddress> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, behind) = rest.split_once(']').ok_or_else(|| BadAddress::Host(text.to_owned()))?;
        return match behind.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if behind.is_empty() => Ok((host, None)),
            None => Err(BadAddress::Port(behind.to_owned())),
        };
    }
    Ok(match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => (text, None),
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_they_are_written() {
        for (text, shown) in [
            ("127.0.0.1", "127.0.0.1:3310"),
            (" 127.0.0.1:9 ", "127.0.0.1:9"),
            ("av.example.org", "av.example.org:3310"),
            ("av:65535", "av:65535"),
            ("[::1]:9", "[::1]:9"),
            ("[::1]", "[::1]:3310"),
            ("::1", "[::1]:3310"),
            ("/run/clamav/clamd.ctl", "/run/clamav/clamd.ctl"),
            ("unix:/run/x", "/run/x"),
        ] {
            assert_eq!(Address::parse(text, 3310).map(|a| a.to_string()), Ok(shown.to_owned()), "{text}");
        }
        for bad in [
            "",
            " ",
            "host:",
            "host:0",
            "host:65536",
            "host:x",
            "unix:run/x",
            "[::1",
            "[::1]9",
            ":9",
            "a b",
            "a/b",
        ] {
            assert!(Address::parse(bad, 3310).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for text in ["a:1", "[fe80::1%eth0]:7", "/a/b"] {
            let address = Address::parse(text, 9).unwrap();
            assert_eq!(Address::parse(&address.to_string(), 1).unwrap(), address);
        }
    }
}

//! Addresses to listen on, and networks, as they are written in settings. Binding and matching in bulk are others' work.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// `127.0.0.1:11332`, `[::1]:11332`, `localhost:11332`: every address the host stands for. Port 0: any free one.
    Tcp {
        /// An address without brackets, or a name.
        host: String,
        /// The port.
        port: u16,
    },
    /// `*:11332`: all addresses, of IPv6 and IPv4.
    AnyTcp {
        /// The port.
        port: u16,
    },
    /// `unix:/path?mode=0660&owner=x&group=y`.
    Unix {
        /// The path of the socket.
        path: PathBuf,
        /// Its mode; 0600 to 0777.
        mode: Option<u32>,
        /// The user who owns it.
        owner: Option<String>,
        /// The group it belongs to.
        group: Option<String>,
    },
    /// `systemd:NAME`: a socket passed by systemd, by its `FileDescriptorName`.
    Systemd {
        /// The name.
        name: String,
    },
}

impl Address {
    /// True if only this machine can reach it. A name other than `localhost` may be anything.
    pub fn is_local(&self) -> bool {
        match self {
            Address::Tcp { host, .. } => {
                let loopback = |address: IpAddr| address.to_canonical().is_loopback();
                host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(loopback)
            }
            Address::AnyTcp { .. } => false,
            Address::Unix { .. } => true,
            // Whoever wrote the socket unit decided; the daemon sees the address only when it starts.
            Address::Systemd { .. } => true,
        }
    }
}

/// Longest path of a unix socket that every system binds.
const LONGEST_PATH: usize = 107;
const FORMS: &str = "write \"127.0.0.1:11332\", \"[::1]:11332\", \"*:11332\", \"localhost:11332\", \
                     \"unix:/path?mode=0660&owner=user&group=group\" or \"systemd:NAME\"";

fn wrong(what: impl fmt::Display) -> String {
    format!("{what}\n{FORMS}")
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let quoted = text.escape_debug();
        if let Some(rest) = text.strip_prefix("unix:") {
            return unix(rest);
        }
        if text.starts_with('/') {
            return Err(format!("the address `{quoted}` does not say what it is\nwrite \"unix:{quoted}\""));
        }
        if let Some(name) = text.strip_prefix("systemd:") {
            let fine = !name.is_empty() && name.len() <= 255 && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
            return if fine {
                Ok(Address::Systemd { name: name.to_owned() })
            } else {
                Err(wrong("the name of the systemd socket is missing or odd"))
            };
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest
                .split_once("]:")
                .ok_or_else(|| wrong(format_args!("the address `{quoted}` has no port")))?,
            None => text
                .rsplit_once(':')
                .ok_or_else(|| wrong(format_args!("the address `{quoted}` has no port")))?,
        };
        let port = port_number(port)?;
        if text.starts_with('[') {
            let fine = host.parse::<Ipv6Addr>().is_ok();
            return if fine {
                Ok(Address::Tcp {
                    host: host.to_owned(),
                    port,
                })
            } else {
                Err(wrong(format_args!("`{}` is no IPv6 address", host.escape_debug())))
            };
        }
        if host == "*" {
            return Ok(Address::AnyTcp { port });
        }
        if host.contains(':') {
            return Err(wrong(format_args!("the IPv6 address in `{quoted}` needs brackets")));
        }
        let numeric = !host.is_empty() && host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let fine = if numeric {
            host.parse::<Ipv4Addr>().is_ok()
        } else {
            is_host_name(host)
        };
        if !fine {
            return Err(wrong(format_args!(
                "`{}` is neither an address nor a host name",
                host.escape_debug()
            )));
        }
        Ok(Address::Tcp {
            host: host.to_owned(),
            port,
        })
    }
}

fn port_number(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits => Ok(port),
        _ if digits => Err(format!("the port {text} is out of range\nports go from 0 (any free one) to 65535")),
        _ => Err(wrong(format_args!("`{}` is no port", text.escape_debug()))),
    }
}

fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(inside) && !label.starts_with('-')
    };
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
}

fn unix(rest: &str) -> Result<Address, String> {
    let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
    if !path.starts_with('/') {
        return Err(wrong("the path of a unix socket must begin with `/`"));
    }
    if path.len() > LONGEST_PATH || path.contains('\0') {
        return Err(format!(
            "the path of a unix socket has {} bytes, the system takes {LONGEST_PATH}\nchoose a shorter folder",
            path.len()
        ));
    }
    let (mut mode, mut owner, mut group) = (None, None, None);
    for option in options.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("mode", digits)) => match u32::from_str_radix(digits, 8) {
                Ok(bits) if bits <= 0o777 && !digits.starts_with('+') => mode = Some(bits),
                _ => {
                    return Err(format!(
                        "`{}` is no mode of a file\nwrite it as chmod takes it: mode=0660",
                        digits.escape_debug()
                    ));
                }
            },
            Some(("owner", name)) if !name.is_empty() => owner = Some(name.to_owned()),
            Some(("group", name)) if !name.is_empty() => group = Some(name.to_owned()),
            _ => return Err(wrong(format_args!("`{}` is no option of a unix socket", option.escape_debug()))),
        }
    }
    Ok(Address::Unix {
        path: PathBuf::from(path),
        mode,
        owner,
        group,
    })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::AnyTcp { port } => write!(f, "*:{port}"),
            Address::Systemd { name } => write!(f, "systemd:{name}"),
            Address::Unix { path, mode, owner, group } => {
                write!(f, "unix:{}", path.display())?;
                let mode = mode.map(|mode| format!("mode={mode:04o}"));
                let named = |what: &str, name: &Option<String>| name.as_ref().map(|name| format!("{what}={name}"));
                let options: Vec<String> = [mode, named("owner", owner), named("group", group)].into_iter().flatten().collect();
                if options.is_empty() {
                    Ok(())
                } else {
                    write!(f, "?{}", options.join("&"))
                }
            }
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A network of addresses; a single address is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(pub IpNet);

impl Network {
    /// True if the address is in it; an IPv4 address in IPv6 clothing counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// True if every address of its kind is in it.
    pub fn is_everything(&self) -> bool {
        self.0.prefix_len() == 0
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let single = || text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
        let network = text.parse::<IpNet>().ok().or_else(single);
        let wrong = || {
            format!(
                "`{}` is no address or network\nwrite \"192.0.2.1\", \"192.0.2.0/24\" or \"2001:db8::/32\"",
                text.escape_debug()
            )
        };
        network.map(|network| Network(network.trunc())).ok_or_else(wrong)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            self.0.addr().fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Network, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in [
            "127.0.0.1:11332",
            "[::1]:11332",
            "*:11334",
            "localhost:0",
            "mail.example.org:1",
            "unix:/run/torwart/milter.sock",
            "unix:/run/a?mode=0660&owner=x&group=y",
            "systemd:milter",
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        for text in [
            "",
            ":1",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:70000",
            "127.0.0.1:+1",
            "300.0.0.1:1",
            "::1:1",
            "[::1]",
            "[127.0.0.1]:1",
            "[::1]:x",
            "a b:1",
            "/run/x",
            "unix:x",
            "unix:",
            "unix:/a?mode=888",
            "unix:/a?mode=4777",
            "unix:/a?colour=red",
            "systemd:",
            "*",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn who_can_reach_it() {
        for (text, local) in [
            ("127.8.8.8:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("localhost:1", true),
            ("unix:/a", true),
            ("*:1", false),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("192.0.2.1:1", false),
            ("mail.example.org:1", false),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().is_local(), local, "{text}");
        }
    }

    #[test]
    fn networks() {
        for (text, printed) in [
            ("127.0.0.1", "127.0.0.1"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("::1", "::1"),
            ("fd00::/8", "fd00::/8"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), printed);
        }
        for text in ["", "10.0.0.0/33", "x", "10.0.0/8", "10.0.0.0/", "::/129"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        let local: Network = "127.0.0.1".parse().unwrap();
        assert!(local.contains("::ffff:127.0.0.1".parse().unwrap()) && !local.contains("127.0.0.2".parse().unwrap()));
    }
}

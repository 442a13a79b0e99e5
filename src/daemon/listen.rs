//! Listening: every address is bound before anything is accepted, and each failure is one clear sentence.
//!
//! TCP on both families, `*` and `localhost` without IPv6 where a machine has none, unix sockets, sockets passed by systemd.
//! Knows nothing of what is spoken on a connection.

use super::unix::{Leftover, Rights, bind as bind_unix, plain};
use socket2::{Domain, Socket, Type};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// Attempts to find one free port that is free on both families.
const PORT_ATTEMPTS: usize = 16;

/// What is spoken on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The MTA's filter protocol.
    Milter,
    /// Scans over HTTP.
    Http,
    /// Administration over HTTP.
    Controller,
    /// Orders from this machine.
    Control,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Milter => "milter",
            Role::Http => "http",
            Role::Controller => "controller",
            Role::Control => "control",
        })
    }
}

/// Where to listen, as the configuration says it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Spot {
    /// A host name or address with a port.
    Tcp(String, u16),
    /// Every address of the machine.
    Any(u16),
    /// A path.
    Unix(PathBuf, Rights),
    /// A socket passed by systemd under this name.
    Systemd(String),
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spot::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Spot::Tcp(host, port) => write!(f, "{host}:{port}"),
            Spot::Any(port) => write!(f, "*:{port}"),
            Spot::Unix(path, _) => write!(f, "unix:{}", path.display()),
            Spot::Systemd(name) => write!(f, "systemd:{name}"),
        }
    }
}

/// A bound socket.
#[derive(Debug)]
pub enum Listener {
    /// TCP, either family.
    Tcp(TcpListener),
    /// A path, removed with the value.
    Unix(UnixListener, Option<Leftover>),
}

/// All sockets of one configured place.
#[derive(Debug)]
pub struct Bound {
    /// What is spoken there.
    pub role: Role,
    /// The place as configured.
    pub spot: Spot,
    /// One socket, or two where both families are served.
    pub sockets: Vec<Listener>,
}

impl Bound {
    /// The addresses in the form that clients use, with the ports really chosen.
    pub fn addresses(&self) -> Vec<String> {
        self.sockets.iter().map(Listener::address).collect()
    }
}

impl Listener {
    /// Other machines can reach it.
    pub fn is_exposed(&self) -> bool {
        match self {
            // An address that cannot be read might be any.
            Listener::Tcp(listener) => !listener.local_addr().is_ok_and(|a| a.ip().to_canonical().is_loopback()),
            Listener::Unix(..) => false,
        }
    }

    /// The address in the form that clients use.
    pub fn address(&self) -> String {
        match self {
            Listener::Tcp(listener) => listener.local_addr().map_or_else(|_| "?".to_owned(), |a| a.to_string()),
            Listener::Unix(listener, _) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|a| a.as_pathname());
                path.map_or_else(|| "unix:?".to_owned(), |p| format!("unix:{}", p.display()))
            }
        }
    }
}

/// Sockets that systemd passed, by name. They stay open for later reloads.
#[derive(Debug, Default)]
pub struct Passed {
    sockets: Vec<(String, Listener)>,
}

impl Passed {
    /// Takes the sockets of the environment. To be called before any thread starts: it clears the variables.
    pub fn take() -> Passed {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':').map(str::to_owned);
        let mut found = listenfd::ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..found.len() {
            let name = names.next().unwrap_or_default();
            let socket = match found.take_unix_listener(index) {
                Ok(Some(unix)) => Some(Listener::Unix(unix, None)),
                _ => found.take_tcp_listener(index).ok().flatten().map(Listener::Tcp),
            };
            match socket {
                Some(socket) => sockets.push((name, socket)),
                None => eprintln!(
                    "torwart: descriptor {} ({name}) passed by systemd is no listening stream socket",
                    index + 3
                ),
            }
        }
        Passed { sockets }
    }

    fn find(&self, name: &str) -> Result<Vec<Listener>, String> {
        let own = self.sockets.iter().filter(|(n, _)| n == name);
        let copies: io::Result<Vec<Listener>> = own
            .map(|(_, socket)| match socket {
                Listener::Tcp(listener) => Ok(Listener::Tcp(listener.try_clone()?)),
                Listener::Unix(listener, _) => Ok(Listener::Unix(listener.try_clone()?, None)),
            })
            .collect();
        let copies = copies.map_err(|e| plain(&e))?;
        if copies.is_empty() {
            let all: Vec<&str> = self.sockets.iter().map(|(n, _)| n.as_str()).collect();
            let had = if all.is_empty() { "none at all".to_owned() } else { all.join(", ") };
            return Err(format!(
                "systemd passed no socket of that name (it passed {had}); set FileDescriptorName={name} in the socket unit and start that unit"
            ));
        }
        Ok(copies)
    }
}

/// Binds one place.
pub fn bind(role: Role, spot: &Spot, passed: &Passed) -> Result<Bound, String> {
    let sockets = match spot {
        Spot::Tcp(host, port) => bind_host(host, *port),
        Spot::Any(port) => bind_both(IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED), *port),
        Spot::Unix(path, rights) => bind_unix(path, rights).map(|(l, left)| vec![Listener::Unix(l, Some(left))]),
        Spot::Systemd(name) => passed.find(name),
    };
    let sockets = sockets.map_err(|problem| format!("cannot listen on {spot} (listen.{role}): {problem}"))?;
    Ok(Bound {
        role,
        spot: spot.clone(),
        sockets,
    })
}

/// Binds every place or none: on failure what was bound is closed again and every problem is told.
pub fn bind_all(wanted: &[(Role, Spot)], passed: &Passed) -> Result<Vec<Bound>, Vec<String>> {
    let (mut bound, mut problems) = (Vec::new(), Vec::new());
    for (role, spot) in wanted {
        match bind(*role, spot, passed) {
            Ok(one) => bound.push(one),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(bound) } else { Err(problems) }
}

fn bind_host(host: &str, port: u16) -> Result<Vec<Listener>, String> {
    if host.eq_ignore_ascii_case("localhost") {
        return bind_both(IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST), port);
    }
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![tcp(SocketAddr::new(ip, port)).map_err(|e| explain(&e, port))?]);
    }
    let found = (host, port)
        .to_socket_addrs()
        .map_err(|e| format!("the name {host} has no address: {}", plain(&e)))?;
    let mut addresses: Vec<SocketAddr> = found.collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.into_iter().map(|a| tcp(a).map_err(|e| explain(&e, port))).collect()
}

/// Binds the same port on both families; a machine without IPv6 (or without IPv4) is served on the other.
fn bind_both(v4: IpAddr, v6: IpAddr, port: u16) -> Result<Vec<Listener>, String> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..PORT_ATTEMPTS {
        let first = match tcp(SocketAddr::new(v4, port)) {
            Ok(socket) => socket,
            Err(error) if no_such_family(&error) => {
                return Ok(vec![tcp(SocketAddr::new(v6, port)).map_err(|e| explain(&e, port))?]);
            }
            Err(error) => return Err(explain(&error, port)),
        };
        let chosen = match &first {
            Listener::Tcp(listener) => listener.local_addr().map_or(port, |a| a.port()),
            Listener::Unix(..) => port,
        };
        match tcp(SocketAddr::new(v6, chosen)) {
            Ok(second) => return Ok(vec![first, second]),
            Err(error) if no_such_family(&error) => return Ok(vec![first]),
            Err(error) if port == 0 && error.kind() == io::ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(explain(&error, port)),
        }
    }
    Err(explain(&last, port))
}

fn no_such_family(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = nix::errno::Errno::EAFNOSUPPORT as i32;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn tcp(address: SocketAddr) -> io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        // Otherwise `[::]` would take the IPv4 port as well, and the pair could not be bound.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(Listener::Tcp(TcpListener::from(std::os::fd::OwnedFd::from(socket))))
}

fn explain(error: &io::Error, port: u16) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("the port is in use by another process; `ss -ltnp sport = :{port}` shows it; stop it or change `sockets`")
        }
        io::ErrorKind::PermissionDenied if port < 1024 => {
            "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; choose a higher port".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address; `ip address` shows those it has".to_owned(),
        _ => plain(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(socket: &Listener) -> u16 {
        socket.address().rsplit(':').next().unwrap().parse().unwrap()
    }

    #[test]
    fn any_and_localhost_share_one_port_over_both_families() {
        for spot in [Spot::Any(0), Spot::Tcp("localhost".to_owned(), 0)] {
            let bound = bind(Role::Http, &spot, &Passed::default()).unwrap();
            let ports: Vec<u16> = bound.sockets.iter().map(port).collect();
            assert!(ports.iter().all(|p| *p == ports[0] && *p != 0), "{ports:?}");
            let v6 = std::net::TcpListener::bind("[::1]:0").is_ok();
            assert_eq!(ports.len(), if v6 { 2 } else { 1 });
        }
    }

    #[test]
    fn all_or_nothing_and_every_problem_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = taken.local_addr().map(|a| (a, taken)).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let tcp = |host: &str, port| Spot::Tcp(host.to_owned(), port);
        let wanted = [
            (Role::Milter, tcp("127.0.0.1", free)),
            (Role::Http, tcp("127.0.0.1", taken.0.port())),
            (Role::Controller, tcp("192.0.2.77", 1)),
            (Role::Controller, Spot::Systemd("web".to_owned())),
        ];
        let problems = bind_all(&wanted, &Passed::default()).unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(
            problems[0].contains("listen.http") && problems[0].contains("in use"),
            "{problems:?}"
        );
        assert!(problems[1].contains("no such address"), "{problems:?}");
        assert!(problems[2].contains("FileDescriptorName=web"), "{problems:?}");
        TcpListener::bind(("127.0.0.1", free)).expect("what was bound is closed again");
    }
}

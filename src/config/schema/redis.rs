//! `[redis]` and `[redis.MODULE]`: servers, what is said to them, and which module inherits what. Connects to nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use crate::base::quantity;
use crate::config::value::Value;

/// Modules that keep something in a store.
pub const KEEPING: &[&str] = &["antivirus", "greylist", "history", "known_senders", "ratelimit", "replies"];

/// `[redis]`, and `[redis.MODULE]` for one module alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// Servers; empty: no Redis.
    pub servers: Vec<String>,
    /// Servers for writing, if they are others.
    pub write_servers: Vec<String>,
    /// Sentinels to ask for the servers.
    pub sentinels: Vec<String>,
    /// What the sentinels call the master.
    pub sentinel_master: String,
    /// The user to log in as at the sentinels.
    pub sentinel_user: String,
    /// The password to log in with at the sentinels.
    pub sentinel_password: Secret,
    /// The number of the database.
    pub db: u32,
    /// The user to log in as.
    pub user: String,
    /// The password to log in with.
    pub password: Secret,
    /// Put before every key.
    pub prefix: String,
    /// Wait for an answer.
    #[serde(with = "quantity::duration")]
    pub timeout: Duration,
    /// Use TLS.
    pub tls: bool,
    /// Certificates of who may sign for the servers; empty: those of the system.
    pub tls_ca: PathBuf,
    /// Our certificate; empty: none.
    pub tls_cert: PathBuf,
    /// Its key.
    pub tls_key: PathBuf,
    /// Take any certificate.
    pub tls_insecure: bool,
    /// Modules that keep their state elsewhere.
    pub not_for: Vec<String>,
    /// `[redis.MODULE]`: the settings of one module.
    #[serde(skip_deserializing)]
    pub modules: BTreeMap<String, Redis>,
}

impl Default for Redis {
    fn default() -> Redis {
        Redis {
            servers: Vec::new(),
            write_servers: Vec::new(),
            sentinels: Vec::new(),
            sentinel_master: "mymaster".to_owned(),
            sentinel_user: String::new(),
            sentinel_password: Secret::default(),
            db: 0,
            user: String::new(),
            password: Secret::default(),
            prefix: String::new(),
            timeout: Duration::from_secs(1),
            tls: false,
            tls_ca: PathBuf::new(),
            tls_cert: PathBuf::new(),
            tls_key: PathBuf::new(),
            tls_insecure: false,
            not_for: Vec::new(),
            modules: BTreeMap::new(),
        }
    }
}

impl Redis {
    /// There is a server to ask.
    pub fn is_set(&self) -> bool {
        !self.servers.is_empty() || !self.sentinels.is_empty()
    }

    /// Every address named, with the setting and the place in it.
    pub fn addresses(&self) -> impl Iterator<Item = (&'static str, usize, &str)> {
        let lists = [
            ("servers", &self.servers),
            ("write_servers", &self.write_servers),
            ("sentinels", &self.sentinels),
        ];
        lists
            .into_iter()
            .flat_map(|(key, list)| list.iter().enumerate().map(move |(at, text)| (key, at, text.as_str())))
    }

    /// Fills the tables of modules with what they do not say themselves. A module that names servers of any kind names all of them.
    pub(in crate::config) fn inherit(&mut self, tree: &Value) {
        let common = Redis {
            modules: BTreeMap::new(),
            not_for: Vec::new(),
            ..self.clone()
        };
        for (name, own) in &mut self.modules {
            let said = |key: &str| tree.at(["redis", name.as_str(), key]).is_some();
            let servers = ["servers", "write_servers", "sentinels"].into_iter().any(said);
            macro_rules! fill {
                ($($key:ident),*) => { $( if !said(stringify!($key)) { own.$key = common.$key.clone(); } )* };
            }
            if !servers {
                fill!(servers, write_servers, sentinels);
            }
            fill!(
                sentinel_master,
                sentinel_user,
                sentinel_password,
                db,
                user,
                password,
                prefix,
                timeout
            );
            fill!(tls, tls_ca, tls_cert, tls_key, tls_insecure);
        }
    }
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RedisAddress {
    /// Over the net.
    Tcp(String, u16),
    /// A socket of this machine.
    Unix(PathBuf),
}

impl RedisAddress {
    /// Reads `host`, `host:port`, `[v6]:port`, `/path` or `unix:/path`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, port: u16) -> Result<RedisAddress, String> {
        let text = text.trim();
        let path = text.strip_prefix("unix:").unwrap_or(text);
        if path.starts_with('/') && !path.starts_with("//") {
            return Ok(RedisAddress::Unix(PathBuf::from(path)));
        }
        if text.is_empty() || text.contains("://") || text.contains(char::is_whitespace) || text.starts_with("unix:") {
            return Err(format!("`{}` is no address of a server", text.escape_debug()));
        }
        if text.parse::<std::net::Ipv6Addr>().is_ok() {
            return Ok(RedisAddress::Tcp(text.to_owned(), port));
        }
        let (host, named) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, rest.strip_prefix(':').or(Some(""))),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = match named {
            None => port,
            Some(named) => named
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| format!("`{}` has no port between 1 and 65535 behind its colon", text.escape_debug()))?,
        };
        if host.is_empty() || host.contains(['[', ']', ',', ';', '/']) {
            return Err(format!("`{}` is no address of a server", text.escape_debug()));
        }
        Ok(RedisAddress::Tcp(host.to_owned(), port))
    }
}

impl std::fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RedisAddress::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            RedisAddress::Tcp(host, port) => write!(f, "{host}:{port}"),
            RedisAddress::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, shown) in [
            ("127.0.0.1", "127.0.0.1:6379"),
            ("redis.example.org:7000", "redis.example.org:7000"),
            ("[::1]:7000", "[::1]:7000"),
            ("[::1]", "[::1]:6379"),
            ("::1", "[::1]:6379"),
            ("/run/redis.sock", "/run/redis.sock"),
            ("unix:/run/redis.sock", "/run/redis.sock"),
        ] {
            assert_eq!(RedisAddress::parse(text, 6379).map(|a| a.to_string()), Ok(shown.to_owned()));
        }
        for wrong in ["", "a:b", "a:0", "a:70000", "redis://a:1", "unix:x", "[::1]x", "a b", "a,b", ":1"] {
            assert!(RedisAddress::parse(wrong, 6379).is_err(), "{wrong}");
        }
    }
}

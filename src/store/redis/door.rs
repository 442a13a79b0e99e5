//! How one server is reached, and what is said when the connection stands: password, database, scripts. One attempt, no retry.

use super::fault::{Fault, LOST};
use super::scripts::Script;
use crate::config::schema::{Redis as Settings, RedisAddress};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, Pipeline, RedisConnectionInfo, TlsCertificates,
    Value,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Requests that may wait for their turn on one connection.
const WAITING: usize = 4_096;

/// Which kind of server is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One that keeps data.
    Server,
    /// One that knows where the master is.
    Sentinel,
}

/// One server, and how to get in.
pub(super) struct Door {
    pub address: RedisAddress,
    pub kind: Kind,
    pub settings: Arc<Settings>,
}

/// A connection that stands.
#[derive(Clone)]
pub(super) struct Live {
    pub wire: MultiplexedConnection,
    /// Which connection to this server it is, counted.
    pub turn: u64,
    pub facts: Facts,
    /// The digests of the scripts, by their numbers.
    pub scripts: Arc<[Vec<u8>]>,
}

/// What a server says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub master: bool,
    pub cluster: bool,
}

impl Door {
    /// The longest that one exchange may take.
    pub fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// Connects, logs in and learns who is there.
    pub async fn open(&self, turn: u64) -> Result<Live, Fault> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WAITING);
        let client = self.client()?;
        let mut wire = client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|e| speech(Fault::of_wire(&e)))?;
        self.log_in(&mut wire).await.map_err(speech)?;
        let facts = ask_facts(&mut wire, self.kind).await.map_err(speech)?;
        let scripts = match self.kind {
            Kind::Server => teach(&mut wire).await?,
            Kind::Sentinel => Arc::from([]),
        };
        Ok(Live {
            wire,
            turn,
            facts,
            scripts,
        })
    }

    fn client(&self) -> Result<Client, Fault> {
        let wrong = |e: redis::RedisError| Fault::Refused(e.to_string());
        let settings = &self.settings;
        let info = |address: ConnectionAddr| {
            let manners = RedisConnectionInfo::default().set_skip_set_lib_name();
            address.into_connection_info().map(|info| info.set_redis_settings(manners))
        };
        match &self.address {
            RedisAddress::Unix(path) => Client::open(info(ConnectionAddr::Unix(path.clone())).map_err(wrong)?).map_err(wrong),
            RedisAddress::Tcp(host, port) if !settings.tls => {
                Client::open(info(ConnectionAddr::Tcp(host.clone(), *port)).map_err(wrong)?).map_err(wrong)
            }
            RedisAddress::Tcp(host, port) => {
                // One provider for the whole process; whoever comes second finds it there.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let address = ConnectionAddr::TcpTls {
                    host: host.clone(),
                    port: *port,
                    insecure: settings.tls_insecure,
                    tls_params: None,
                };
                Client::build_with_tls(info(address).map_err(wrong)?, certificates(settings)?).map_err(wrong)
            }
        }
    }

    async fn log_in(&self, wire: &mut MultiplexedConnection) -> Result<(), Fault> {
        let settings = &self.settings;
        let (user, password) = match self.kind {
            Kind::Server => (&settings.user, &settings.password),
            Kind::Sentinel => (&settings.sentinel_user, &settings.sentinel_password),
        };
        let mut words = Pipeline::new();
        if !password.is_empty() || !user.is_empty() {
            let auth = words.cmd("AUTH");
            if !user.is_empty() {
                auth.arg(user);
            }
            auth.arg(password.expose());
        }
        if settings.db != 0 && self.kind == Kind::Server {
            words.cmd("SELECT").arg(settings.db);
        }
        if words.is_empty() {
            return Ok(());
        }
        for reply in send(wire, &words).await? {
            if let Value::ServerError(error) = reply {
                return Err(Fault::of_server(&error));
            }
        }
        Ok(())
    }
}

/// Somebody who hangs up on the first word mostly expects another tongue.
fn speech(fault: Fault) -> Fault {
    match fault {
        Fault::Lost(said) if said == LOST => Fault::Lost(
            "it hung up before it said anything: does it want TLS (`tls`), or a certificate of ours (`tls_cert`, `tls_key`)?".to_owned(),
        ),
        Fault::Lost(said) if said.contains("corrupt message") => {
            Fault::Lost("it does not speak TLS there: take `tls` out of [redis]".to_owned())
        }
        other => other,
    }
}

/// One pipeline, each command with its own reply.
pub(super) async fn send(wire: &mut MultiplexedConnection, words: &Pipeline) -> Result<Vec<Value>, Fault> {
    let count = words.len();
    let replies = wire.send_packed_commands(words, 0, count).await.map_err(|e| Fault::of_wire(&e))?;
    match replies.len() == count {
        true => Ok(replies),
        false => Err(Fault::Lost("it answers something else than it was asked".to_owned())),
    }
}

/// Is it well, and who is it?
pub(super) async fn ask_facts(wire: &mut MultiplexedConnection, kind: Kind) -> Result<Facts, Fault> {
    let mut words = Pipeline::new();
    words.cmd("PING");
    if kind == Kind::Server {
        words.cmd("HELLO");
    }
    let mut replies = send(wire, &words).await?.into_iter();
    if let Some(Value::ServerError(error)) = replies.next() {
        return Err(Fault::of_server(&error));
    }
    // Servers before 6.0, and users without the right, do not say: then the first write shows it.
    let said = |name: &str, hello: &Value| -> Option<String> {
        let Value::Array(pairs) = hello else { return None };
        let at = pairs.iter().step_by(2).position(|key| text(key) == name)?;
        pairs.get(at * 2 + 1).map(text)
    };
    let hello = replies.next().unwrap_or_default();
    let facts = Facts {
        master: said("role", &hello).is_none_or(|role| role != "replica" && role != "slave"),
        cluster: said("mode", &hello).is_some_and(|mode| mode == "cluster"),
    };
    if facts.cluster {
        let mut words = Pipeline::new();
        words.cmd("CLUSTER").arg("INFO");
        let state = send(wire, &words).await?;
        if state.iter().any(|info| text(info).contains("cluster_state:fail")) {
            return Err(Fault::cluster_down());
        }
    }
    Ok(facts)
}

/// Makes the server know the scripts; gives their digests.
pub(super) async fn teach(wire: &mut MultiplexedConnection) -> Result<Arc<[Vec<u8>]>, Fault> {
    let mut words = Pipeline::new();
    for script in Script::ALL {
        words.cmd("SCRIPT").arg("LOAD").arg(script.text());
    }
    let digests = send(wire, &words).await?.into_iter().map(|reply| match reply {
        Value::ServerError(error) => Err(Fault::of_server(&error)),
        digest => Ok(text(&digest).into_bytes()),
    });
    digests.collect()
}

fn certificates(settings: &Settings) -> Result<TlsCertificates, Fault> {
    let none = |path: &Path| path.as_os_str().is_empty();
    let read = |path: &Path| std::fs::read(path).map_err(|e| Fault::Refused(format!("cannot read {}: {e}", path.display())));
    let client_tls = match none(&settings.tls_cert) {
        true => None,
        false => Some(ClientTlsConfig {
            client_cert: read(&settings.tls_cert)?,
            client_key: read(&settings.tls_key)?,
        }),
    };
    let root_cert = match none(&settings.tls_ca) {
        true => None,
        false => Some(read(&settings.tls_ca)?),
    };
    Ok(TlsCertificates { client_tls, root_cert })
}

/// A reply as text; empty for what is none.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Okay => "OK".to_owned(),
        _ => String::new(),
    }
}

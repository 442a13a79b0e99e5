//! What a server's error means for us, and how it is said to people. Pure.

use crate::store::Error;
use redis::{RedisError, ServerError};

/// A wire that has ended.
pub(super) const LOST: &str = "the connection was lost";

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is gone, or nothing comes over it: nobody is asked there until it is up again.
    Lost(String),
    /// The server does not take it from us; only an administrator can change that.
    Refused(String),
    /// It refuses writing, but answers.
    Full(String),
    /// It refuses this one thing: rights, or a disk it cannot write to.
    Denied(String),
    /// It is a replica.
    ReadOnly,
    /// It does not know the script.
    NoScript,
    /// The key lies at another node of the cluster now.
    Moved,
    /// The key is on its way to the node at this address.
    Ask(String),
    /// Some of a cluster's keys are on their way: try again.
    Again(String),
    /// The key holds something of another kind.
    Kind,
    /// Anything else.
    Other(String),
}

impl Fault {
    /// The error of a connection.
    pub fn of_wire(error: &RedisError) -> Fault {
        if error.kind() == redis::ErrorKind::Io || error.is_unrecoverable_error() || error.is_timeout() {
            let text = match error.is_connection_dropped() && !error.is_connection_refusal() {
                true => LOST.to_owned(),
                false => plain(&error.to_string()),
            };
            return Fault::Lost(text);
        }
        match error.code() {
            Some(code) => Fault::of_words(code, error.detail().unwrap_or_default()),
            None => Fault::Lost(plain(&error.to_string())),
        }
    }

    /// The error that a server answered with.
    pub fn of_server(error: &ServerError) -> Fault {
        Fault::of_words(error.code(), error.details().unwrap_or_default())
    }

    fn of_words(code: &str, detail: &str) -> Fault {
        let said = || plain(&format!("{code} {detail}"));
        // Older servers wrap what a script met into a text of their own.
        if code == "OOM" || detail.contains("-OOM ") {
            return Fault::Full("it has used all the memory it may (maxmemory)".to_owned());
        }
        if code == "READONLY" || detail.contains("-READONLY ") {
            return Fault::ReadOnly;
        }
        match code {
            "LOADING" => Fault::Lost("it is still loading its data".to_owned()),
            "BUSY" => Fault::Lost("it is busy with a script of somebody else".to_owned()),
            "MASTERDOWN" => Fault::Lost("it is a replica without its master".to_owned()),
            "NOAUTH" => Fault::Refused("it wants a password: set `password` (and `user`) in [redis]".to_owned()),
            "WRONGPASS" => Fault::Refused("it does not take the password: check `user` and `password` in [redis]".to_owned()),
            "ERR" if detail.contains("AUTH") && detail.contains("without any password") => {
                Fault::Refused("it knows no password, but one is set: take `password` out of [redis]".to_owned())
            }
            "ERR" if detail.contains("invalid password") => {
                Fault::Refused("it does not take the password: check `user` and `password` in [redis]".to_owned())
            }
            "ERR" if detail.contains("DB index") => Fault::Refused("it has no such database: check `db` in [redis]".to_owned()),
            "ERR" if detail.contains("SELECT is not allowed in cluster") => {
                Fault::Refused("a cluster has no numbered databases: take `db` out of [redis]".to_owned())
            }
            "DENIED" => Fault::Refused("it is in protected mode: give it a password, or an address of its own".to_owned()),
            "NOPERM" => Fault::Denied(format!("it does not give the user the right: {}", said())),
            "MISCONF" => Fault::Full("it cannot save to its disk and takes no writes (MISCONF)".to_owned()),
            "NOREPLICAS" => Fault::Full("it has too few replicas and takes no writes (NOREPLICAS)".to_owned()),
            "NOSCRIPT" => Fault::NoScript,
            "MOVED" => Fault::Moved,
            "ASK" => Fault::Ask(detail.split_whitespace().nth(1).unwrap_or_default().to_owned()),
            "TRYAGAIN" => Fault::Again(said()),
            "CLUSTERDOWN" => Fault::cluster_down(),
            "WRONGTYPE" => Fault::Kind,
            _ => Fault::Other(said()),
        }
    }

    /// A node that does not serve, because too many others are missing.
    pub fn cluster_down() -> Fault {
        Fault::Lost("its cluster is down (cluster_state:fail)".to_owned())
    }

    /// For people.
    pub fn text(&self) -> String {
        match self {
            Fault::Lost(text)
            | Fault::Refused(text)
            | Fault::Full(text)
            | Fault::Denied(text)
            | Fault::Again(text)
            | Fault::Other(text) => text.clone(),
            Fault::ReadOnly => "it is a replica and takes no writes".to_owned(),
            Fault::NoScript => "it forgets its scripts".to_owned(),
            Fault::Moved | Fault::Ask(_) => "the cluster moves its keys".to_owned(),
            Fault::Kind => "the key holds something of another kind".to_owned(),
        }
    }

    /// For the caller.
    pub fn into_error(self) -> Error {
        match self {
            Fault::Full(text) => Error::Full(text),
            other => Error::Temporary(other.text()),
        }
    }
}

/// One line of a length that a log can bear.
fn plain(text: &str) -> String {
    let line: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect();
    // The operating system's errors carry their number, which says nothing to people.
    match line.split_once(" (os error") {
        Some((said, _)) => said.to_lowercase(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let script = "command not allowed when used memory > 'maxmemory'. script: 1, on @user_script:9.";
        assert!(matches!(Fault::of_words("OOM", script), Fault::Full(_)));
        let old = "Error running script: @user_script: 9: -OOM command not allowed";
        assert!(matches!(Fault::of_words("ERR", old), Fault::Full(_)));
        assert_eq!(Fault::of_words("READONLY", "You can't write"), Fault::ReadOnly);
        assert!(matches!(Fault::of_words("LOADING", ""), Fault::Lost(_)));
        assert!(matches!(Fault::of_words("NOAUTH", "Authentication required."), Fault::Refused(t) if t.contains("password")));
        assert!(matches!(Fault::of_words("ERR", "DB index is out of range"), Fault::Refused(t) if t.contains("`db`")));
        assert_eq!(
            Fault::of_words("ASK", "3999 127.0.0.1:6381"),
            Fault::Ask("127.0.0.1:6381".to_owned())
        );
        assert_eq!(plain("Connection refused (os error 111)"), "connection refused");
        assert_eq!(plain("a\r\nb"), "a  b");
    }
}

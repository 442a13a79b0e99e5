//! From the configuration's words to what this room works with: listeners, logging, limits. Pure but for the process limits.

use super::listen::{Listener, Role, Spot};
use super::logging::{self, Target};
use super::unix::Rights;
use crate::config::schema::{Facility, LogTarget};
use crate::config::{Address, Config};
use sha2::{Digest, Sha256};
use tracing_subscriber::filter::LevelFilter;

/// Every place to listen on, in the order of the configuration, each once.
pub fn spots(config: &Config) -> Vec<(Role, Spot)> {
    let listen = &config.listen;
    let of = |role: Role, addresses: &[Address]| addresses.iter().map(|a| (role, spot(a))).collect::<Vec<_>>();
    let mut all = of(Role::Milter, &listen.milter.sockets);
    all.extend(of(Role::Http, &listen.http.sockets));
    all.extend(of(Role::Controller, &listen.controller.sockets));
    all.extend(of(Role::Control, &listen.control.sockets).into_iter().map(private));
    let mut seen = Vec::new();
    all.retain(|one| {
        // Port 0 may stand there twice: it means another port each time.
        let again = seen.contains(one) && !matches!(one.1, Spot::Tcp(_, 0) | Spot::Any(0));
        seen.push(one.clone());
        !again
    });
    all
}

/// Orders come from the daemon's own user, unless the configuration says otherwise.
fn private((role, mut spot): (Role, Spot)) -> (Role, Spot) {
    if let Spot::Unix(_, rights) = &mut spot {
        rights.mode.get_or_insert(0o600);
    }
    (role, spot)
}

fn spot(address: &Address) -> Spot {
    match address {
        Address::Tcp { host, port } => Spot::Tcp(host.clone(), *port),
        Address::AnyTcp { port } => Spot::Any(*port),
        Address::Systemd { name } => Spot::Systemd(name.clone()),
        Address::Unix { path, mode, owner, group } => Spot::Unix(
            path.clone(),
            Rights {
                mode: *mode,
                owner: owner.clone(),
                group: group.clone(),
            },
        ),
    }
}

/// A controller that other machines reach needs a password. The configuration is checked for this when it is read; what a
/// socket of systemd listens on shows only here.
pub fn guarded<'a>(config: &Config, mut reached: impl Iterator<Item = (&'a Spot, &'a Listener)>) -> Result<(), String> {
    if config.listen.controller.is_guarded() {
        return Ok(());
    }
    match reached.find(|(_, listener)| listener.is_exposed()) {
        None => Ok(()),
        Some((spot, listener)) => Err(format!(
            "cannot listen on {spot} (listen.controller): it is {}, beyond this machine, without a usable password; make a hash \
             with `torwart password` and set it as `password` in [listen.controller]",
            listener.address()
        )),
    }
}

/// Logging as configured; `json` of the command line wins.
pub fn logging(config: &Config, json: Option<bool>) -> logging::Settings {
    let log = &config.log;
    logging::Settings {
        target: match log.target {
            LogTarget::Stderr => Target::Stderr,
            LogTarget::File => Target::File(log.file.clone()),
            LogTarget::Syslog => Target::Syslog(facility(log.facility)),
            LogTarget::Journal => Target::Journal,
        },
        level: log.level.filter().parse().unwrap_or(LevelFilter::INFO),
        json: json.unwrap_or(log.json),
        debug: log.debug.clone(),
    }
}

/// The number of a facility (RFC 5424, section 6.2.1).
fn facility(facility: Facility) -> u8 {
    match facility {
        Facility::User => 1,
        Facility::Mail => 2,
        Facility::Daemon => 3,
        Facility::Auth => 4,
        Facility::Cron => 9,
        Facility::Local0 => 16,
        Facility::Local1 => 17,
        Facility::Local2 => 18,
        Facility::Local3 => 19,
        Facility::Local4 => 20,
        Facility::Local5 => 21,
        Facility::Local6 => 22,
        Facility::Local7 => 23,
    }
}

/// A digest that changes with the settings: `/stat` and metrics show it.
pub fn id(config: &Config) -> String {
    // The typed model without the places it was read from; its debug form leaves passwords out.
    let mut plain = config.clone();
    plain.tree = Default::default();
    let digest = Sha256::digest(format!("{plain:?}").as_bytes());
    digest.iter().take(16).map(|b| format!("{b:02x}")).collect()
}

/// Raises the soft limit of open files to the hard one; gives what holds then.
pub fn raise_file_limit() -> Result<u64, String> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let limit = Resource::RLIMIT_NOFILE;
    let (soft, hard) = getrlimit(limit).map_err(|e| format!("cannot read the limit of open files: {e}"))?;
    if soft < hard {
        setrlimit(limit, hard, hard).map_err(|e| format!("cannot raise the limit of open files from {soft} to {hard}: {e}"))?;
    }
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_in_order_and_once() {
        let mut config = Config::default();
        let any = Address::Tcp {
            host: "127.0.0.1".to_owned(),
            port: 0,
        };
        config.listen.http.sockets = vec![any.clone(), any];
        let twice = config.listen.milter.sockets.clone();
        config.listen.milter.sockets.extend(twice);
        let all: Vec<String> = spots(&config).iter().map(|(role, spot)| format!("{role} {spot}")).collect();
        assert_eq!(
            all,
            [
                "milter 127.0.0.1:11332",
                "http 127.0.0.1:0",
                "http 127.0.0.1:0",
                "controller 127.0.0.1:11334"
            ]
        );
    }

    #[test]
    fn the_id_follows_the_settings() {
        let mut config = Config::default();
        let before = id(&config);
        assert_eq!(before, id(&Config::default()));
        config.actions.reject = Default::default();
        config.scan.max_recipients += 1;
        assert_ne!(before, id(&config));
    }
}

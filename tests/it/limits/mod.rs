//! Greylisting and rate limits in the real daemon: through a real Postfix, over HTTP, with rspamc, and from the command line.

mod greylist;
mod ratelimit;

use crate::support::filter::Torwart;
use crate::support::tools::{Ran, run};
use std::process::Command;

/// `torwart greylist ...` with the configuration and state of a daemon.
fn greylist(torwart: &Torwart, words: &[&str]) -> Ran {
    let mut command = Command::new(Torwart::binary());
    command
        .arg("greylist")
        .args(words)
        .arg("--config")
        .arg(torwart.folder().join("torwart.toml"));
    command.arg("--state").arg(torwart.folder().join("state"));
    for name in ["TORWART_CONFIG", "STATE_DIRECTORY", "RUNTIME_DIRECTORY"] {
        command.env_remove(name);
    }
    run(&mut command, b"")
}

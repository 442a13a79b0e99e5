//! Words to the service manager: ready, reloading, stopping, status, watchdog. Silent where nobody listens.

use sd_notify::NotifyState;
use std::time::Duration;

fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("cannot tell the service manager: {error}");
    }
}

/// The daemon serves.
pub fn ready(status: &str) {
    say(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload begins; [`ready`] ends it.
pub fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    // systemd orders reloads by this clock (Type=notify-reload).
    states.extend(NotifyState::monotonic_usec_now().ok());
    say(&states);
}

/// The daemon ends.
pub fn stopping() {
    say(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// One line for `systemctl status`.
pub fn status(text: &str) {
    say(&[NotifyState::Status(text)]);
}

/// The daemon lives.
pub fn alive() {
    say(&[NotifyState::Watchdog]);
}

/// How often [`alive`] must be said: half of what the service manager waits.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|d| d / 2).filter(|d| !d.is_zero())
}

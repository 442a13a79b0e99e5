//! Hostile input through the daemon's real ports: a defined answer, bounded memory, and the next mail is scanned.
//!
//! The bound: one message costs at most [`BOUND_FIXED`] plus [`BOUND_TIMES`] its size, however it is built.

mod content;
mod endurance;
mod protocol;
mod rules;
mod surroundings;
mod web;

use std::time::Duration;

use crate::support::filter::{Settings, Torwart};
use crate::support::mail;
use crate::support::milter::Wire;
use crate::support::web as http;

/// Resident memory in KiB that any one message may cost.
const BOUND_FIXED: u64 = 48 * 1024;
/// And how many times its own size: the copy received, the copy on the wire to be, decoded parts and text.
const BOUND_TIMES: u64 = 8;

/// The daemon with deadlines short enough to be waited for.
fn impatient() -> Torwart {
    Torwart::with(Settings {
        milter: "packet_timeout = \"2s\"\nmessage_timeout = \"2s\"\nidle_timeout = \"1h\"".into(),
        http: "io_timeout = \"2s\"".into(),
        controller: String::new(),
        ..Settings::default()
    })
}

/// How long a cut after 2 s may take on a busy machine.
const CUT: Duration = Duration::from_secs(20);

/// The next mail is scanned, on every port, as if nothing had been.
fn is_well(torwart: &mut Torwart) {
    let outcome = Wire::client(torwart.milter, "203.0.113.5")
        .message(mail::gtube("well").as_bytes())
        .expect("a verdict");
    assert_eq!(outcome.verdict(), "554 5.7.1 Gtube pattern");
    for port in [torwart.http, torwart.controller] {
        assert_eq!(http::scan(port, b"hallo welt\n", &[("IP", "10.88.113.22")])["action"], "add header");
    }
    assert!(torwart.server().is_running());
    assert!(!torwart.log().contains("panicked"), "{}", torwart.log());
}

/// Runs `attack`, which moves `bytes` of a message, and holds the daemon to its memory and to the next mail.
fn survives<T>(torwart: &mut Torwart, bytes: usize, attack: impl FnOnce(&Torwart) -> T) -> T {
    is_well(torwart);
    let before = torwart.server().memory("VmRSS");
    let result = attack(torwart);
    let peak = torwart.server().memory("VmHWM");
    let bound = before + BOUND_FIXED + BOUND_TIMES * (bytes as u64).div_ceil(1024);
    assert!(
        peak <= bound,
        "{before} KiB before, {peak} KiB at worst, {bound} KiB allowed for a message of {bytes} bytes"
    );
    is_well(torwart);
    result
}

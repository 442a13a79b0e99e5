//! Many connections at once, few descriptors, and a service that stays quick meanwhile.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::is_well;
use crate::support::filter::{Settings, Torwart};
use crate::support::mail;
use crate::support::milter::Wire;
use crate::support::tools::wait_for;

/// Resident KiB that one idle connection may cost.
const PER_IDLE: u64 = 32;

#[test]
fn two_thousand_idle_connections_are_held_and_mail_goes_on() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit of descriptors");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("as many descriptors as allowed");
    let mut torwart = Torwart::start();
    is_well(&mut torwart);
    let before = torwart.server().memory("VmRSS");
    let mut idle: Vec<Wire> = (0..1_000).map(|_| Wire::client(torwart.milter, "203.0.113.5")).collect();
    let silent: Vec<TcpStream> = (0..1_000)
        .map(|_| TcpStream::connect(torwart.http).expect("a connection"))
        .collect();
    wait_for("all connections to be accepted", || {
        (torwart.server().descriptors() > 2_000).then_some(())
    });
    let start = Instant::now();
    is_well(&mut torwart);
    assert!(start.elapsed() < Duration::from_secs(10), "three mails took {:?}", start.elapsed());
    let after = torwart.server().memory("VmRSS");
    assert!(
        after < before + 2_000 * PER_IDLE,
        "{before} KiB before, {after} KiB with 2,000 idle connections"
    );
    // the idle ones are alive still
    let outcome = idle
        .pop()
        .expect("a connection")
        .message(mail::gtube("idle").as_bytes())
        .expect("a verdict");
    assert_eq!(outcome.verdict(), "554 5.7.1 Gtube pattern");
    drop((idle, silent));
    wait_for("all connections to be forgotten", || {
        (torwart.server().descriptors() < 200).then_some(())
    });
}

#[test]
fn ten_thousand_connections_come_and_go_without_a_leak() {
    let mut torwart = Torwart::start();
    is_well(&mut torwart);
    let before = torwart.server().descriptors();
    for turn in 0..10_000 {
        let port = if turn % 2 == 0 { torwart.milter } else { torwart.http };
        drop(TcpStream::connect(port).expect("a connection"));
    }
    is_well(&mut torwart);
    wait_for("the descriptors to be given back", || {
        (torwart.server().descriptors() <= before + 3).then_some(())
    });
}

#[test]
fn under_256_descriptors_it_pauses_and_recovers() {
    let wrapper = ["prlimit", "--nofile=256:256", "--"].map(str::to_string).to_vec();
    let mut torwart = Torwart::with(Settings {
        wrapper,
        ..Settings::default()
    });
    is_well(&mut torwart);
    let crowd: Vec<TcpStream> = (0..400)
        .map(|_| TcpStream::connect(torwart.milter).expect("a connection, if only in the backlog"))
        .collect();
    wait_for("its log to say that descriptors ran out", || {
        torwart.log().contains("descriptor").then_some(())
    });
    drop(crowd);
    is_well(&mut torwart);
    let said = torwart
        .log()
        .lines()
        .filter(|l| l.contains("descriptor") && !l.contains("raised"))
        .count();
    assert!(said <= 5, "said once, not for every connection: {said} lines");
}

#[test]
fn sessions_beside_each_other_never_mix() {
    let torwart = Torwart::start();
    std::thread::scope(|scope| {
        for worker in 0..16 {
            let port = torwart.milter;
            scope.spawn(move || {
                let mut wire = Wire::client(port, "203.0.113.5");
                for turn in 0..25 {
                    let id = format!("mix-{worker}-{turn}");
                    let bad = (worker + turn) % 3 == 0;
                    let message = if bad { mail::gtube(&id) } else { mail::clean(&id) };
                    let outcome = wire.message(message.as_bytes()).expect("a verdict");
                    assert_eq!(outcome.verdict(), if bad { "554 5.7.1 Gtube pattern" } else { "a" }, "{id}");
                }
            });
        }
    });
}

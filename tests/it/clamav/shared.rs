//! The guide's two servers together: verdicts of clamd remembered in Redis, and what one mail costs there.

use super::*;
use crate::redis::server::Peer;
use crate::support::milter::Wire;
use crate::support::tools::wait_for;
use crate::support::web;

const TRIPS: &str = "torwart_shared_store_round_trips_total{modules=\"shared\"} ";

fn with_redis(redis: &Peer, mut settings: Settings, more: &str) -> Torwart {
    settings
        .tables
        .push_str(&format!("{more}\n[redis]\nservers = [\"{}\"]\n", redis.address()));
    let torwart = Torwart::with(settings);
    wait_for("redis is well", || {
        (metric(&torwart, "torwart_shared_store_degraded{modules=\"shared\"} ") == 0.0).then_some(())
    });
    torwart
}

fn metric(torwart: &Torwart, name: &str) -> f64 {
    let answer = web::request(torwart.controller, "GET", "/metrics", &[], b"");
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let value = text.lines().find_map(|l| l.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or(f64::NAN)
}

#[test]
fn the_guides_flushall_makes_it_scan_again() {
    let (clamd, redis) = (Clamd::start(), Peer::start(&[]));
    let proxy = Scripted::before(clamd.tcp);
    let torwart = with_redis(&redis, guide(&listed(&[&proxy]), ""), "");
    let mail = guide_mail();
    let first = scan(&torwart, mail.as_bytes());
    has(&first, "Symbol: CLAM_VIRUS (20.00)[Eicar-Test-Signature.UNOFFICIAL]");
    has(&first, "Action: reject");
    assert_eq!(proxy.streams(), 2, "text and attachment");
    // A second machine with the same Redis need not ask clamd either.
    let other = with_redis(&redis, guide(&listed(&[&proxy]), ""), "");
    wait_for("both know the state of the signatures", || {
        (scan(&torwart, mail.as_bytes()) == first && scan(&other, mail.as_bytes()) == first).then_some(())
    });
    assert_eq!(proxy.streams(), 2, "answered from Redis");
    assert_eq!(redis.say(&["FLUSHALL"]).trim(), "OK");
    assert_eq!(scan(&torwart, mail.as_bytes()), first);
    assert_eq!(proxy.streams(), 4, "nothing is kept beside Redis");
}

#[test]
fn one_mail_costs_a_small_fixed_number_of_round_trips() {
    let redis = Peer::start(&[]);
    let scanner = Scripted::start(Does::Says(b"stream: OK\0".to_vec()));
    let tables = "[modules.greylist]\ntimeout = \"1h\"\n[modules.ratelimit.rates]\nto = { bucket = { burst = 1000, rate = \"1000 / 1min\" } }\n\
                  ip = { bucket = { burst = 1000, rate = \"1000 / 1min\" } }\n";
    let torwart = with_redis(&redis, plain(&listed(&[&scanner]), ""), tables);
    let before = |mail: usize, parts: usize| -> Vec<u8> {
        let contents: Vec<(String, String)> = (0..parts).map(|p| (format!("{p}.bin"), format!("content {mail} {p}"))).collect();
        let list: Vec<(&str, &[u8])> = contents.iter().map(|(n, c)| (n.as_str(), c.as_bytes())).collect();
        let text = String::from_utf8(mail_with(&list)).unwrap();
        text.replace(
            "<files@example.org>",
            &format!("<{mail}@example.org>\r\nIn-Reply-To: <{mail}@example.com>"),
        )
        .into_bytes()
    };
    let mut wire = Wire::client(torwart.milter, "192.0.2.9");
    let mut cost = |from: usize, parts: usize| {
        let start = metric(&torwart, TRIPS);
        for mail in from..from + 20 {
            wire.message(&before(mail, parts)).unwrap();
        }
        // What follows a verdict comes a moment later.
        std::thread::sleep(std::time::Duration::from_millis(500));
        (metric(&torwart, TRIPS) - start) / 20.0
    };
    let (small, large) = (cost(0, 1), cost(100, 30));
    println!("round trips a mail: {small} with one attachment, {large} with thirty");
    assert!(small >= 3.0, "all modules asked: {small}");
    assert!(small <= 8.0 && large <= 8.0, "{small} and {large}");
    assert!((large - small).abs() < 1.0, "however many attachments: {small}, {large}");
}

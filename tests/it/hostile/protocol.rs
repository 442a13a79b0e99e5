//! Broken milter packets and sessions.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::{CUT, impatient, is_well, survives};
use crate::support::filter::Torwart;
use crate::support::mail;
use crate::support::milter::{Outcome, Wire, packet};

/// After these bytes on a fresh connection the daemon closes it, at once and without a word.
fn closed_by(bytes: &[u8]) {
    let mut torwart = Torwart::start();
    survives(&mut torwart, bytes.len(), |t| {
        let mut wire = Wire::open(t.milter);
        let _ = wire.raw(bytes);
        assert!(wire.is_closed_within(CUT), "still open after {:?}", &bytes[..bytes.len().min(32)]);
    });
}

#[test]
fn a_packet_of_length_zero_closes_the_session() {
    closed_by(&[0, 0, 0, 0]);
}

#[test]
fn a_packet_of_two_gibibytes_closes_the_session_before_its_payload() {
    closed_by(&[0x80, 0, 0, 0, b'B']);
    closed_by(&[0xff, 0xff, 0xff, 0xff, b'L']);
}

#[test]
fn an_unknown_command_closes_the_session() {
    closed_by(&packet(b'Z', b"what"));
    closed_by(&packet(0, b""));
}

#[test]
fn a_header_over_a_mebibyte_closes_the_session() {
    let header = [b"X-Long\0 ".to_vec(), vec![b'x'; 10 << 20], vec![0]].concat();
    closed_by(&packet(b'L', &header));
}

#[test]
fn the_first_packet_must_be_a_negotiation() {
    let mut torwart = Torwart::start();
    survives(&mut torwart, 0, |t| {
        for (command, payload) in [(b'C', &b"mail.example.org\0U"[..]), (b'M', b"<a@example.org>\0"), (b'E', b"")] {
            let mut wire = Wire::connect(t.milter);
            let _ = wire.send(command, payload);
            assert!(wire.is_closed_within(CUT), "{} before negotiation", char::from(command));
        }
    });
}

#[test]
fn a_truncated_packet_is_cut_after_its_time() {
    let mut torwart = impatient();
    survives(&mut torwart, 0, |t| {
        for bytes in [&[0u8, 0][..], &[0, 0, 0, 9, b'L'], &[0, 0, 0, 9, b'L', b'S', b'u']] {
            let mut wire = Wire::open(t.milter);
            wire.raw(bytes).expect("the session is open");
            assert!(wire.is_closed_within(CUT), "a packet that never ends: {bytes:?}");
        }
    });
}

#[test]
fn a_client_of_one_byte_a_second_is_cut() {
    let mut torwart = impatient();
    survives(&mut torwart, 0, |t| {
        let mut wire = Wire::client(t.milter, "203.0.113.5");
        wire.envelope("<anna@example.org>", &["<martha@example.com>"]).expect("an envelope");
        let start = Instant::now();
        let sent: io::Result<()> = packet(b'L', b"Subject\0 a subject that takes its time\0")
            .chunks(1)
            .try_for_each(|byte| {
                thread::sleep(Duration::from_millis(500));
                wire.raw(byte)
            });
        assert!(sent.is_err() || wire.is_closed_within(CUT), "served to the end");
        assert!(start.elapsed() < CUT, "cut only after {:?}", start.elapsed());
    });
}

#[test]
fn a_message_that_goes_on_for_ever_is_cut() {
    let mut torwart = impatient();
    survives(&mut torwart, 0, |t| {
        let mut wire = Wire::client(t.milter, "203.0.113.5");
        wire.envelope("<anna@example.org>", &["<martha@example.com>"]).expect("an envelope");
        // whole packets, each in time: only the message as a whole takes too long
        let start = Instant::now();
        while start.elapsed() < CUT && wire.header("X-More", " and more").is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
        assert!(start.elapsed() < CUT, "the message was never cut");
    });
}

#[test]
fn commands_out_of_order_end_in_a_verdict_or_a_close() {
    let mut torwart = Torwart::start();
    let orders = [
        "RE",
        "LE",
        "BE",
        "NE",
        "E",
        "EE",
        "MNNE",
        "MRTTE",
        "TE",
        "MLNLE",
        "HHE",
        "MME",
        "MRMRE",
        "BNLTRMHCE",
        "AE",
        "UUE",
        "KE",
        "MKE",
    ];
    survives(&mut torwart, 0, |t| {
        for order in orders {
            let mut wire = Wire::client(t.milter, "203.0.113.5");
            // every E is answered once, or the session is closed; nothing hangs
            let answers: io::Result<Vec<Outcome>> = order.bytes().filter_map(|command| step(&mut wire, command).transpose()).collect();
            let ends = order.bytes().filter(|&c| c == b'E').count();
            if let Ok(answers) = answers {
                assert_eq!(answers.len(), ends, "{order}");
            }
        }
    });
}

fn step(wire: &mut Wire, command: u8) -> io::Result<Option<Outcome>> {
    let payload: &[u8] = match command {
        b'C' => b"mail.example.org\x004\x30\x39203.0.113.5\0",
        b'H' => b"mail.example.org\0",
        b'M' => b"<anna@example.org>\0",
        b'R' => b"<martha@example.com>\0",
        b'L' => b"Subject\0 out of order\0",
        b'B' => b"hallo welt\r\n",
        b'U' => b"XYZZY\0",
        b'E' => return wire.finish().map(Some),
        b'A' | b'K' => return wire.send(command, b"").map(|()| None),
        _ => b"",
    };
    wire.event(command, payload).map(|_| None)
}

#[test]
fn malformed_payloads_end_in_a_verdict_or_a_close() {
    let mut torwart = Torwart::start();
    let long = vec![b'a'; 60_000];
    let payloads: Vec<(u8, Vec<u8>)> = vec![
        (b'C', vec![]),
        (b'C', b"no nul".to_vec()),
        (b'C', b"host\0".to_vec()),
        (b'C', b"host\x00X\x00\x19203.0.113.5\0".to_vec()),
        (b'C', b"host\x004\x00".to_vec()),
        (b'C', b"host\x004\x00\x19999.1.1.1\0".to_vec()),
        (b'C', b"host\x006\x00\x19not an address\0".to_vec()),
        (b'C', b"ho\x01\x02\nst\x00U".to_vec()),
        (b'D', vec![]),
        (b'D', b"Mi\0".to_vec()),
        (b'D', b"Mi".to_vec()),
        (b'H', vec![]),
        (b'H', b"\xff\xfe\0\0\0".to_vec()),
        (b'M', vec![]),
        (b'M', b"\0".to_vec()),
        (b'M', b"<a@b".to_vec()),
        (b'M', [&b"<"[..], &long, b"@example.org>\0"].concat()),
        (b'M', b"<\xff\xfe@example.org>\0SIZE\0=\0==\0".to_vec()),
        (b'R', vec![]),
        (b'R', b"\0\0\0".to_vec()),
        (b'L', b"Subject".to_vec()),
        (b'L', b"Subject\0".to_vec()),
        (b'L', b"Subject\0a\0b\0".to_vec()),
        (b'L', b"\0 empty name\0".to_vec()),
        (b'L', b"A:b\0 colon\0".to_vec()),
        (b'L', b"X\0 bare\rCR and\r\nCRLF\0".to_vec()),
        (b'B', vec![]),
        (b'B', vec![0; 65_535]),
        (b'O', b"short".to_vec()),
    ];
    survives(&mut torwart, 70_000, |t| {
        for (command, payload) in payloads {
            let mut wire = Wire::client(t.milter, "203.0.113.5");
            let mut whole = || -> io::Result<Outcome> {
                wire.event(command, &payload)?;
                wire.message(mail::clean("odd").as_bytes())
            };
            if let Ok(outcome) = whole() {
                assert!(
                    ["a", "c"].contains(&outcome.verdict().as_str()),
                    "{} {payload:?}: {outcome:?}",
                    char::from(command)
                );
            }
        }
    });
}

#[test]
fn nul_bytes_in_a_body_hide_nothing() {
    let mut torwart = Torwart::start();
    survives(&mut torwart, 0, |t| {
        let message = mail::gtube("nul").replace("\r\n\r\n", "\r\n\r\n\0\0binary\0\r\n");
        let outcome = Wire::client(t.milter, "203.0.113.5")
            .message(message.as_bytes())
            .expect("a verdict");
        assert_eq!(outcome.verdict(), "554 5.7.1 Gtube pattern");
    });
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let mut torwart = Torwart::start();
    is_well(&mut torwart);
    let before = torwart.server().descriptors();
    survives(&mut torwart, 0, |t| {
        for turn in 0..200 {
            let mut wire = Wire::client(t.milter, "203.0.113.5");
            let _ = wire.envelope("<anna@example.org>", &["<martha@example.com>"]);
            if turn % 2 == 0 {
                let _ = wire.content(mail::clean("gone").as_bytes());
            }
            if turn % 4 == 0 {
                let _ = wire.send(b'E', b"");
            }
            wire.vanish();
        }
    });
    let end = Instant::now() + CUT;
    while torwart.server().descriptors() > before + 3 {
        assert!(
            Instant::now() < end,
            "{} descriptors, {before} before",
            torwart.server().descriptors()
        );
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn random_bytes_never_get_a_verdict() {
    let mut torwart = Torwart::start();
    survives(&mut torwart, 0, |t| {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..200 {
            let noise: Vec<u8> = (0..64)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (seed >> 33) as u8
                })
                .collect();
            let mut wire = Wire::open(t.milter);
            let _ = wire.raw(&noise);
            wire.vanish();
        }
    });
}

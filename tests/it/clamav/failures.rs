//! Scanners that fail, in every way: the mail goes on as `on_failure` says, the symbol tells why, and a dead scanner costs nobody time.

use super::*;
use crate::support::milter::Wire;
use crate::support::tools::{free_port, wait_for};
use std::time::{Duration, Instant};

/// The option of the failure's symbol, behind the server's name.
fn reason(report: &[String], server: &Scripted) -> String {
    let mark = format!("Symbol: CLAM_VIRUS_FAIL (0.00)[{}: ", server.address);
    let line = report.iter().find_map(|l| l.strip_prefix(&mark));
    line.unwrap_or_else(|| panic!("{mark} in {report:#?}"))
        .trim_end_matches(']')
        .to_owned()
}

/// Mails that nobody remembers.
fn fresh(number: usize) -> Vec<u8> {
    mail_with(&[("a.bin", format!("content {number}").as_bytes())])
}

#[test]
fn every_kind_of_failure_is_told() {
    for (does, told) in [
        (
            Does::Says(b"INSTREAM size limit exceeded. ERROR\0".to_vec()),
            "the content is over its StreamMaxLength",
        ),
        (
            Does::Interrupts(b"INSTREAM size limit exceeded. ERROR\0".to_vec()),
            "the content is over its StreamMaxLength",
        ),
        (
            Does::Says(b"stream: Can't allocate memory ERROR\0".to_vec()),
            "it says: Can't allocate memory",
        ),
        (
            Does::Says(b"UNKNOWN COMMAND\0".to_vec()),
            "it says: UNKNOWN COMMAND; is it a clamd?",
        ),
        (
            Does::Says(b"220 mail.example.org ESMTP\r\n".to_vec()),
            "not an answer of clamd: 220 mail.example.org ESMTP",
        ),
        (Does::Says(vec![b'x'; 100_000]), "an answer of more than 16384 bytes"),
        (Does::Says(Vec::new()), "connection closed without an answer"),
        (Does::Says(b"\0\0\0".to_vec()), "its answer is empty"),
        (Does::Hangs, "no answer in time"),
        (
            Does::Says(b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0".to_vec()),
            "Limits Exceeded: Heuristics.Limits.Exceeded.MaxFileSize",
        ),
    ] {
        let shown = format!("{does:?}");
        let server = Scripted::start(does);
        let torwart = Torwart::with(plain(&listed(&[&server]), "timeout = \"500ms\""));
        let large = vec![b'x'; 3_000_000];
        let lines = scan(&torwart, &mail_with(&[("a.bin", &large)]));
        assert_eq!(reason(&lines, &server), told, "{shown:.200}");
        has(&lines, "Action: no action");
    }
}

#[test]
fn an_answer_cut_at_any_byte_is_no_verdict() {
    let answer = b"stream: Eicar-Test FOUND\0";
    let server = Scripted::start(Does::Says(Vec::new()));
    // A second server, which always works, would hide it; the breaker must not: a reload gives it a new life.
    let torwart = Torwart::with(plain(&listed(&[&server]), "retransmits = 0"));
    for cut in 0..answer.len() {
        server.now(Does::Says(answer[..cut].to_vec()));
        let lines = scan(&torwart, &fresh(cut));
        let why = reason(&lines, &server);
        assert!(why.contains("breaks off") || why.contains("closed without"), "{cut}: {why}");
        // A good answer in between keeps the breaker closed.
        server.now(Does::Says(b"stream: OK\0".to_vec()));
        assert_eq!(of_scanner(&scan(&torwart, &fresh(1000 + cut))), Vec::<&str>::new());
    }
    server.now(Does::Says(answer.to_vec()));
    has(&scan(&torwart, &fresh(2000)), "Symbol: CLAM_VIRUS (20.00)[Eicar-Test]");
}

#[test]
fn the_stream_limit_of_the_real_one() {
    let clamd = Clamd::with("StreamMaxLength 100K");
    let proxy = format!("\"{}\"", clamd.tcp);
    let torwart = Torwart::with(plain(&proxy, ""));
    for size in [102_401, 5_000_000, 30_000_000] {
        let lines = scan(&torwart, &mail_with(&[("big.bin", &vec![b'y'; size])]));
        has(
            &lines,
            &format!(
                "Symbol: CLAM_VIRUS_FAIL (0.00)[{}: the content is over its StreamMaxLength]",
                clamd.tcp
            ),
        );
    }
    let virus = eicar();
    let lines = scan(
        &torwart,
        &mail_with(&[("big.bin", &vec![b'y'; 200_000]), ("e.com", virus.as_bytes())]),
    );
    has(&lines, "Symbol: CLAM_VIRUS (20.00)[Eicar-Test-Signature.UNOFFICIAL]");
    has(&lines, "Action: reject");
}

#[test]
fn a_dead_one_is_told_once_costs_no_time_and_comes_back() {
    let mut clamd = Clamd::start();
    let servers = format!("\"{}\"", clamd.tcp);
    let more = "timeout = \"1s\"\nretransmits = 0\nno_cache = true";
    let torwart = Torwart::with(plain(&servers, more));
    assert_eq!(of_scanner(&scan(&torwart, &fresh(0))), Vec::<&str>::new());
    // It hangs: the first four mails wait for it, the others do not.
    clamd.server().signal("STOP");
    for number in 1..=4 {
        let lines = scan(&torwart, &fresh(number));
        has(&lines, &format!("Symbol: CLAM_VIRUS_FAIL (0.00)[{}: no answer in time]", clamd.tcp));
    }
    let begun = Instant::now();
    for number in 5..25 {
        let lines = scan(&torwart, &fresh(number));
        let told = "left alone for a while after repeated errors";
        has(&lines, &format!("Symbol: CLAM_VIRUS_FAIL (0.00)[{}: {told}]", clamd.tcp));
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "20 mails in {:?}", begun.elapsed());
    assert_eq!(torwart.log().matches("the scanner fails").count(), 1, "{}", torwart.log());
    clamd.server().signal("CONT");
    let lines = wait_for("its return", || {
        let lines = scan(&torwart, guide_mail().as_bytes());
        lines.iter().any(|l| l.contains("CLAM_VIRUS (20.00)")).then_some(lines)
    });
    has(&lines, "Action: reject");
    assert_eq!(torwart.log().matches("the scanner answers again").count(), 1, "{}", torwart.log());
}

#[test]
fn one_that_is_killed_or_reloads_under_mail() {
    let mut clamd = Clamd::start();
    let servers = format!("[\"{}\"]", clamd.tcp);
    let torwart = Torwart::with(plain(&servers, "no_cache = true"));
    for number in 0..20 {
        if number % 5 == 0 {
            clamd.server().signal("USR2");
        }
        let lines = scan(&torwart, &mail_with(&[("e.com", format!("{}{number}", eicar()).as_bytes())]));
        has(&lines, "Symbol: CLAM_VIRUS (20.00)[Eicar-Test-Signature.UNOFFICIAL]");
    }
    clamd.server().kill();
    let lines = scan(&torwart, &fresh(0));
    has(
        &lines,
        &format!("Symbol: CLAM_VIRUS_FAIL (0.00)[{}: cannot connect: connection refused]", clamd.tcp),
    );
}

#[test]
fn what_a_failure_does_to_the_mail() {
    let nobody = free_port();
    let policy = |name: &str| plain(&format!("\"127.0.0.1:{nobody}\""), &format!("on_failure = \"{name}\""));
    let failed = format!("CLAM_VIRUS_FAIL (0.00)[127.0.0.1:{nobody}: cannot connect: connection refused]");
    let gtube = crate::support::mail::gtube("g");
    for (name, action, symbols, reply) in [
        ("tag", "Action: no action", vec![failed.as_str()], "a"),
        (
            "tempfail",
            "Action: soft reject",
            vec![failed.as_str()],
            "451 4.7.1 Virus scanner not available, try again later",
        ),
        ("accept", "Action: no action", vec![], "a"),
    ] {
        let torwart = Torwart::with(policy(name));
        let lines = scan(&torwart, &fresh(0));
        has(&lines, action);
        assert_eq!(of_scanner(&lines), symbols, "{name}");
        let outcome = Wire::open(torwart.milter).message(&fresh(1)).unwrap();
        assert_eq!(outcome.verdict(), reply, "{name}");
        let metrics = crate::support::web::request(torwart.controller, "GET", "/metrics", &[], b"");
        let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
        assert!(metrics.contains("\ntorwart_scanner_failed_total 2\n"), "{name}: {metrics}");
        // Another rule's refusal stands.
        let outcome = Wire::open(torwart.milter).message(gtube.as_bytes()).unwrap();
        assert!(outcome.verdict().starts_with("554"), "{name}: {}", outcome.verdict());
    }
    // So does what the score says; the failure does not turn it into a later.
    let mut settings = policy("tempfail");
    settings
        .tables
        .push_str("[actions]\ngreylist = 0.1\nadd_header = 0.2\nreject = 0.5\n");
    let torwart = Torwart::with(settings);
    let bad = b"X-Nothing: here\r\nContent-Type: application/octet-stream; name=x\r\n\r\ncontent\r\n";
    has(&scan(&torwart, bad), "Action: reject");
}

#[test]
fn another_server_is_asked_when_one_fails() {
    let good = Scripted::start(Does::Says(b"stream: Seen FOUND\0".to_vec()));
    for does in [
        Does::Says(Vec::new()),
        Does::Hangs,
        Does::Says(b"stream: oops ERROR\0".to_vec()),
        Does::Says(b"stream: Se".to_vec()),
    ] {
        let shown = format!("{does:?}");
        let bad = Scripted::start(does);
        let torwart = Torwart::with(plain(&listed(&[&bad, &good]), "timeout = \"700ms\"\nno_cache = true"));
        for number in 0..4 {
            has(&scan(&torwart, &fresh(number)), "Symbol: CLAM_VIRUS (20.00)[Seen]");
        }
        assert_eq!(bad.streams(), 2, "every other mail begins with the bad one: {shown}");
    }
    let both = good.streams();
    assert_eq!(both, 16);
    // Who was cut off is asked once more where there is nobody else.
    let alone = Scripted::start(Does::Says(Vec::new()));
    let torwart = Torwart::with(plain(&listed(&[&alone]), ""));
    scan(&torwart, &fresh(0));
    assert_eq!(alone.streams(), 3);
}

#[test]
fn slow_content_does_not_switch_a_working_scanner_off() {
    let server = Scripted::start(Does::Hangs);
    let torwart = Torwart::with(plain(&listed(&[&server]), "timeout = \"300ms\"\nretransmits = 0"));
    for number in 0..6 {
        scan(&torwart, &fresh(number));
    }
    assert!(server.streams() < 6, "it was given up meanwhile");
    server.now(Does::Says(b"stream: Seen FOUND\0".to_vec()));
    let begun = Instant::now();
    wait_for("its return", || {
        let lines = scan(&torwart, &fresh(100));
        lines.iter().any(|l| l.contains("CLAM_VIRUS (20.00)[Seen]")).then_some(())
    });
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

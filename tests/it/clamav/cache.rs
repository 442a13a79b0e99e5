//! What is remembered, for how long, and that the same content is scanned once, however many copies come.

use super::*;
use crate::support::tools::wait_for;
use crate::support::web;
use std::thread;
use std::time::Duration;

const CLEAN: &[u8] = b"stream: OK\0";

fn judged(torwart: &Torwart, mail: &[u8]) -> serde_json::Value {
    web::scan(torwart.http, mail, &[])
}

#[test]
fn clean_content_is_remembered_as_well_and_across_mails() {
    let clamd = Clamd::start();
    let proxy = Scripted::before(clamd.tcp);
    let torwart = Torwart::with(plain(&listed(&[&proxy]), "log_clean = true"));
    judged(&torwart, &mail_with(&[("a.bin", b"the same")]));
    judged(&torwart, &mail_with(&[("other-name.bin", b"the same")]));
    assert_eq!(proxy.streams(), 1, "the content counts, not its name");
    judged(&torwart, &mail_with(&[("a.bin", b"something else")]));
    assert_eq!(proxy.streams(), 2);
    // Two copies in one mail are one content.
    judged(&torwart, &mail_with(&[("a.bin", b"twice"), ("b.bin", b"twice")]));
    assert_eq!(proxy.streams(), 3);
    assert!(torwart.log().contains("found nothing in id: <files@example.org>"));
}

#[test]
fn without_a_cache_each_mail_is_scanned() {
    let server = Scripted::start(Does::Says(CLEAN.to_vec()));
    for more in ["no_cache = true", "cache_expire = \"0s\""] {
        let before = server.streams();
        let torwart = Torwart::with(plain(&listed(&[&server]), more));
        for _ in 0..3 {
            judged(&torwart, &mail_with(&[("a.bin", b"the same")]));
        }
        assert_eq!(server.streams() - before, 3, "{more}");
    }
}

#[test]
fn what_is_remembered_expires() {
    let server = Scripted::start(Does::Says(CLEAN.to_vec()));
    let torwart = Torwart::with(plain(&listed(&[&server]), "cache_expire = \"1s\""));
    let mail = mail_with(&[("a.bin", b"the same")]);
    judged(&torwart, &mail);
    wait_for("the second scan", || {
        judged(&torwart, &mail);
        (server.streams() == 2).then_some(())
    });
}

#[test]
fn a_thousand_copies_at_once_are_one_scan() {
    for more in ["", "no_cache = true"] {
        let server = Scripted::start(Does::SaysLate(Duration::from_secs(3), b"stream: Many FOUND\0".to_vec()));
        let mut settings = plain(&listed(&[&server]), more);
        settings.tables.push_str("[scan]\ntimeout = \"60s\"\n");
        settings.tables = settings.tables.replace("score = 20.0", "score = 20.0\ntimeout = \"30s\"");
        let torwart = Torwart::with(settings);
        // Verdicts belong to a state of the signatures: it must be known before the copies come.
        wait_for("the version is asked for", || (server.versions() > 0).then_some(()));
        thread::sleep(Duration::from_millis(300));
        let mail = mail_with(&[("a.bin", b"the same for all")]);
        let (http, mail) = (torwart.http, &mail);
        thread::scope(|scope| {
            let copies: Vec<_> = (0..1000).map(|_| scope.spawn(move || web::scan(http, mail, &[]))).collect();
            for copy in copies {
                let answer = copy.join().unwrap();
                assert_eq!(answer["symbols"]["CLAM_VIRUS"]["options"][0], "Many", "{answer}");
            }
        });
        // Without a cache only those count as copies that come while the scan is under way.
        let most = if more.is_empty() { 1 } else { 5 };
        assert!(server.streams() <= most, "{} scans, {more}", server.streams());
    }
}

#[test]
fn when_the_one_who_scans_is_cut_off_another_takes_over() {
    let server = Scripted::start(Does::Hangs);
    let torwart = Torwart::with(plain(&listed(&[&server]), "timeout = \"4s\""));
    let mail = mail_with(&[("a.bin", b"the same for all")]);
    let mut wire = crate::support::milter::Wire::open(torwart.milter);
    wire.envelope("<a@example.org>", &["<b@example.com>"]).unwrap();
    wire.content(&mail).unwrap();
    wire.send(b'E', b"").unwrap();
    wait_for("the first scan", || (server.streams() == 1).then_some(()));
    let (http, waiting) = (torwart.http, mail.clone());
    let waiting = thread::spawn(move || web::scan(http, &waiting, &[]));
    thread::sleep(Duration::from_millis(300));
    server.now(Does::Says(b"stream: Late FOUND\0".to_vec()));
    wire.vanish();
    let answer = waiting.join().unwrap();
    assert_eq!(answer["symbols"]["CLAM_VIRUS"]["options"][0], "Late", "{answer}\n{}", torwart.log());
    assert_eq!(server.streams(), 2);
}

#[test]
fn new_signatures_scan_anew_and_the_newest_server_counts() {
    let old = Scripted::start(Does::Says(CLEAN.to_vec()));
    let new = Scripted::start(Does::Says(CLEAN.to_vec()));
    let torwart = Torwart::with(plain(&listed(&[&old, &new]), "version_interval = \"100ms\""));
    let says = |text: &str| wait_for(text, || torwart.log().contains(text).then_some(()));
    let scans = || old.streams() + new.streams();
    says("signatures are now 1.4.6-100");
    let mail = mail_with(&[("a.bin", b"the same")]);
    for _ in 0..3 {
        judged(&torwart, &mail);
    }
    assert_eq!(scans(), 1);
    new.version("ClamAV 1.4.6/101/Tue Nov 24 08:00:00 2026");
    says("signatures are now 1.4.6-101");
    for _ in 0..3 {
        judged(&torwart, &mail);
    }
    assert_eq!(scans(), 2);
    // The older server's number does not matter; that of the program does where the signatures are the same.
    old.version("ClamAV 1.4.6/99/Sun Nov 22 08:00:00 2026");
    let seen = old.versions();
    wait_for("another look", || (old.versions() > seen + 1).then_some(()));
    judged(&torwart, &mail);
    assert_eq!(scans(), 2);
}

#[test]
fn the_cache_outlives_the_daemon() {
    let server = Scripted::start(Does::Says(b"stream: Kept FOUND\0".to_vec()));
    let mut torwart = Torwart::with(plain(&listed(&[&server]), ""));
    let mail = mail_with(&[("a.bin", b"the same")]);
    let says = |torwart: &Torwart, times: usize| {
        wait_for("the version", || {
            (torwart.log().matches("signatures are now").count() == times).then_some(())
        });
    };
    says(&torwart, 1);
    let first = judged(&torwart, &mail);
    assert_eq!(first["symbols"]["CLAM_VIRUS"]["options"][0], "Kept");
    torwart.server().signal("TERM");
    torwart.server().wait();
    torwart.restart();
    says(&torwart, 2);
    assert_eq!(judged(&torwart, &mail)["symbols"]["CLAM_VIRUS"]["options"][0], "Kept");
    assert_eq!(server.streams(), 1);
}

//! Cases of milter conformance that need the whole daemon: crowds (35), unix sockets (38), the same verdict as over HTTP (39).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;

use crate::support::filter::{Settings, Torwart};
use crate::support::mail;
use crate::support::milter::{Wire, packet};
use crate::support::tools::Folder;
use crate::support::web;

#[test]
fn case_35_a_thousand_sessions_at_once_each_get_their_verdict() {
    let torwart = Torwart::start();
    let mut sessions: Vec<Wire> = (0..1000).map(|_| Wire::client(torwart.milter, "203.0.113.5")).collect();
    // All messages are begun before the first is ended.
    for (number, wire) in sessions.iter_mut().enumerate() {
        let id = format!("crowd{number}");
        let text = if number % 2 == 0 { mail::gtube(&id) } else { mail::clean(&id) };
        wire.envelope("<anna@example.org>", &["<martha@example.com>"]).unwrap();
        wire.content(text.as_bytes()).unwrap();
    }
    for (number, wire) in sessions.iter_mut().enumerate() {
        let wanted = if number % 2 == 0 { "554 5.7.1 Gtube pattern" } else { "a" };
        assert_eq!(wire.finish().unwrap().verdict(), wanted, "session {number}");
    }
}

#[test]
fn case_38_a_unix_socket_with_mode_and_group() {
    let folder = Folder::new("daemon");
    let path = folder.join("milter.sock");
    let group = some_group();
    let milter_sockets = vec![format!("unix:{}?mode=0660&group={group}", path.display())];
    let _torwart = Torwart::within(
        folder,
        Settings {
            milter_sockets,
            ..Settings::default()
        },
    );
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.permissions().mode() & 0o777, found.gid()), (0o660, group));
    let mut stream = UnixStream::connect(&path).unwrap();
    let offer: Vec<u8> = [6_u32, 0x1ff, 0x1f_ffff].iter().flat_map(|n| n.to_be_bytes()).collect();
    stream.write_all(&packet(b'O', &offer)).unwrap();
    let mut answer = [0; 17];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0, 0, 0, 13, b'O', 0, 0, 0, 6, 0, 0, 0, 0x7f, 0, 0x1f, 0xf0, 0x80]);
}

/// A group that the tests may give a file: another than their own for root.
fn some_group() -> u32 {
    let me = fs::metadata("/proc/self").unwrap();
    if me.uid() == 0 { 8 } else { me.gid() }
}

#[test]
fn case_39_milter_and_http_judge_alike() {
    let torwart = Torwart::start();
    for text in [mail::clean("alike1"), mail::spammy("alike2"), mail::gtube("alike3")] {
        Wire::client(torwart.milter, "203.0.113.5").message(text.as_bytes()).unwrap();
        let client = [
            ("IP", "203.0.113.5"),
            ("Helo", "mail.example.org"),
            ("Hostname", "mail.example.org"),
            ("From", "<anna@example.org>"),
            ("Rcpt", "<martha@example.com>"),
        ];
        web::scan(torwart.http, text.as_bytes(), &client);
    }
    let log = torwart.log();
    let verdicts: Vec<&str> = log
        .lines()
        .filter_map(|l| Some(l.split_once("(default: ")?.1.split_once("]),")?.0))
        .collect();
    assert_eq!(verdicts.len(), 6, "{log}");
    for pair in verdicts.chunks(2) {
        assert_eq!(pair[0], pair[1]);
    }
    assert!(
        verdicts[0] != verdicts[2] && verdicts[2] != verdicts[4],
        "three different ones: {verdicts:?}"
    );
}

//! Debian's `miltertest` with the scripts of `tests/miltertest`: a second opinion on the protocol that is not our own client.
//!
//! What miltertest cannot send (broken packets, odd offers) is in `hostile.rs` and the transcripts of `tests/milter`.

use std::path::Path;
use std::process::Command;

use crate::support::filter::{Settings, Torwart};
use crate::support::tools::{Folder, program, run};

/// Runs one script against a fresh daemon; the script finds the port in `port`.
fn script(name: &str) {
    let folder = Folder::new("daemon");
    let map = folder.write("maps/blocked.txt", "198.51.100.7\n2001:db8:bad::/48\n");
    let tables = format!(
        "[modules.multimap.blocked]\ntype = \"ip\"\nmap = \"{}\"\nsymbol = \"BLOCKED_CLIENT\"\naction = \"reject\"\n",
        map.display()
    );
    let torwart = Torwart::within(
        folder,
        Settings {
            tables,
            ..Settings::default()
        },
    );
    play(name, torwart.milter.port());
    assert!(!torwart.log().contains("panicked"), "{}", torwart.log());
}

/// Plays a script against the filter on this port.
pub fn play(name: &str, port: u16) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/miltertest").join(name);
    let mut command = Command::new(program("miltertest"));
    command.arg("-s").arg(&path).arg("-D").arg(format!("port={port}"));
    command.current_dir(path.parent().expect("the scripts' folder"));
    let ran = run(&mut command, b"");
    assert_eq!(ran.code, 0, "{name}: {}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("done"), "{name} did not reach its end: {ran:?}");
}

#[test]
fn clean_mail_is_accepted_without_an_edit() {
    script("clean.lua");
}

#[test]
fn gtube_is_refused_with_code_and_text() {
    script("gtube.lua");
}

#[test]
fn spam_gets_its_header_and_forged_ones_go() {
    script("headers.lua");
}

#[test]
fn one_connection_carries_several_messages() {
    script("several.lua");
}

#[test]
fn abort_forgets_the_message_and_keeps_the_client() {
    script("abort.lua");
}

#[test]
fn clients_of_every_family_are_understood() {
    script("families.lua");
}

#[test]
fn macros_may_be_late_repeated_or_absent() {
    script("macros.lua");
}

#[test]
fn an_older_mta_gets_an_older_protocol() {
    script("versions.lua");
}

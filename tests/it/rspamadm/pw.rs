//! Hashes of passwords: each side's are taken by the other.

use super::{Links, typed};
use crate::support::tools::{program, run};
use std::process::Command;

const ASKED: (&str, &str) = ("Enter passphrase: ", "Gänse füttern");

#[test]
fn each_takes_the_others_hashes() {
    let links = Links::new();
    for kind in ["catena", "pbkdf2"] {
        let make = ["pw", "-t", kind, "-p", ASKED.1];
        let (ours, theirs) = (links.ours(&make), links.theirs(&make));
        assert_eq!(
            (ours.code, ours.stdout.len()),
            (theirs.code, theirs.stdout.len()),
            "{ours:?} {theirs:?}"
        );
        let mut check = Command::new(program("rspamadm"));
        check.args(["pw", "-c", "-p", ours.stdout.trim_end()]);
        assert_eq!(typed(&check, &[ASKED]), ("Enter passphrase: \npassword correct\n".to_owned(), 0));
        let check = links.command("rspamadm", &["pw", "-c", "-p", theirs.stdout.trim_end()]);
        assert_eq!(typed(&check, &[ASKED]), ("Enter passphrase: \npassword correct\n".to_owned(), 0));
        assert_eq!(
            typed(&check, &[(ASKED.0, "Gänse")]),
            ("Enter passphrase: \npassword incorrect\n".to_owned(), 1)
        );
    }
}

#[test]
fn questions_go_to_the_terminal_only() {
    let links = Links::new();
    let hash = links.ours(&["pw", "-p", "x"]).stdout;
    let hash = hash.trim_end();
    let made = typed(&links.command("rspamadm", &["pw"]), &[("Enter passphrase: ", "x")]);
    assert!(made.0.starts_with("Enter passphrase: \n$2$") && made.1 == 0, "{made:?}");
    let both = [("Enter encrypted password: ", hash), ("Enter passphrase: ", "x")];
    let checked = typed(&links.command("rspamadm", &["pw", "--check"]), &both);
    assert_eq!(
        checked,
        (
            format!("Enter encrypted password: {hash}\nEnter passphrase: \npassword correct\n"),
            0
        )
    );
    let quiet = typed(&links.command("rspamadm", &["pw", "-c", "-q", "-p", hash]), &both[1..]);
    assert_eq!(quiet, ("Enter passphrase: \n".to_owned(), 0));
    // Without a terminal nobody is asked, and standard input is not read.
    let mut alone = Command::new(program("setsid"));
    alone.arg("--wait").arg(links.join("rspamadm")).arg("pw");
    let ran = run(&mut alone, b"x\n");
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (1, "", "Invalid password\n"));
    let told = run(
        links.command("rspamadm", &["pw", "-c", "-p", hash]).env("RSPAMADM_PASSWORD", "x"),
        b"",
    );
    assert_eq!((told.code, told.stdout.as_str()), (0, "password correct\n"));
}

#[test]
fn malformed_hashes_are_refused() {
    let links = Links::new();
    for hash in ["abc", "$1$abc", "$9$abc$def", "$1$bh9rga3n9ia55mt7885a8juwipcip8km$wmg9", "$2$$"] {
        let words = ["pw", "-c", "-p", hash];
        let (ours, theirs) = (links.ours(&words), links.theirs(&words));
        assert_eq!((ours.code, theirs.code), (1, 1), "{hash}");
        assert!(ours.stderr.starts_with("Invalid password format: "), "{ours:?}");
    }
    for words in [&["pw", "-p", ""][..], &["pw", "-t", "foo", "-p", "x"]] {
        let (ours, theirs) = (links.ours(words), links.theirs(words));
        assert_eq!((ours.code, ours.stderr), (theirs.code, theirs.stderr), "{words:?}");
    }
}

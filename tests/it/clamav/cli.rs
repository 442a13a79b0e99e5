//! `torwart scanners test`, and what the log says to an administrator who looks for the scanner.

use super::*;
use crate::support::tools::{Folder, Ran, free_port, run};
use std::process::Command;

fn test(tables: &str) -> Ran {
    let folder = Folder::new("scanners");
    let file = folder.write("torwart.toml", tables);
    let mut command = Command::new(Torwart::binary());
    command
        .args(["scanners", "test", "--config"])
        .arg(file)
        .env_remove("TORWART_CONFIG");
    run(&mut command, b"")
}

#[test]
fn each_server_is_tested() {
    let clamd = Clamd::start();
    let official = Scripted::start(Does::Says(b"stream: Win.Test.EICAR_HDB-1 FOUND\0".to_vec()));
    let servers = format!("[\"{}\", \"{}\", \"{}\"]", clamd.tcp, clamd.socket.display(), official.address);
    let ran = test(&plain(&servers, "").tables);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{ran:?}");
    let begin = format!("clamav {}: ok, found Eicar-Test-Signature.UNOFFICIAL in ", clamd.tcp);
    assert!(lines[0].starts_with(&begin), "{ran:?}");
    assert!(
        lines[0].contains(" ms; version 1.") && lines[0].ends_with("signatures without a number (none official)"),
        "{ran:?}"
    );
    assert!(lines[1].starts_with(&format!("clamav {}: ok, ", clamd.socket.display())), "{ran:?}");
    assert!(
        lines[2].ends_with("version 1.4.6, signatures 100 of Mon Nov 23 08:00:00 2026"),
        "{ran:?}"
    );
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let blind = Scripted::start(Does::Says(b"stream: OK\0".to_vec()));
    let hangs = Scripted::start(Does::Hangs);
    let nobody = free_port();
    let servers = format!(
        "[\"127.0.0.1:{nobody}\", \"/nonexistent/clamd.ctl\", \"{}\", \"{}\"]",
        blind.address, hangs.address
    );
    let ran = test(&plain(&servers, "timeout = \"500ms\"").tables);
    assert_eq!(ran.code, 1, "{ran:?}");
    for told in [
        format!("clamav 127.0.0.1:{nobody}: FAILED, cannot connect: connection refused\n  is clamd running"),
        "clamav /nonexistent/clamd.ctl: FAILED, cannot connect: no such file or directory\n  is clamd running".to_owned(),
        format!(
            "clamav {}: FAILED, it answers, but does not find the test virus\n  it has no signatures",
            blind.address
        ),
        format!("clamav {}: FAILED, no answer in time\n  it hangs", hangs.address),
    ] {
        assert!(ran.stdout.contains(&told), "{told} in\n{}", ran.stdout);
    }
    let ran = test("");
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("no scanner is configured"), "{ran:?}");
    let ran = test("[modules.antivirus.clamav]\nserver = \"x\"\n");
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("servers"), "{ran:?}");
}

#[test]
fn the_log_at_debug_shows_the_talk() {
    let clamd = Clamd::start();
    let mut settings = guide(&format!("\"{}\"", clamd.tcp), "");
    settings.tables.push_str("[log]\ndebug = [\"antivirus\"]\n");
    let torwart = Torwart::with(settings);
    for _ in 0..2 {
        scan(&torwart, guide_mail().as_bytes());
    }
    let log = torwart.log();
    for told in [
        "INSTREAM answered: stream: OK",
        "INSTREAM answered: stream: Eicar-Test-Signature.UNOFFICIAL FOUND",
        "answered from the cache: said at ",
    ] {
        assert!(
            log.lines().any(|l| l.contains(" debug antivirus: ") && l.contains(told)),
            "{told} in\n{log}"
        );
    }
}

#[test]
fn the_test_virus_stands_nowhere() {
    let virus = eicar();
    for file in [Torwart::binary().to_path_buf(), std::env::current_exe().expect("this test")] {
        let bytes = std::fs::read(&file).expect("a program");
        let found = memchr::memmem::find(&bytes, virus.as_bytes());
        assert!(found.is_none(), "the test virus in {}", file.display());
    }
}

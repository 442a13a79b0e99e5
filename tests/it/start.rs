//! What the daemon starts with: which configuration, which state, which limits, as whom; and what its own client says of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::support::daemon::{Daemon, Home};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

fn root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The program without anything this test's surroundings might tell it.
fn bare(wrapper: &[&str], home: &Home) -> Command {
    let mut words = wrapper.iter().copied().chain([env!("CARGO_BIN_EXE_torwart")]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).env_clear().env("PATH", std::env::var("PATH").unwrap());
    command.env("HOME", home.path());
    command
}

#[test]
fn without_any_configuration_it_serves_the_three_ports_on_loopback() {
    if !root() {
        return; // `tests/run` runs as root, who may make a network in which the usual ports are free
    }
    let home = Home::new();
    let script = "ip link set lo up; exec \"$@\"";
    let mut command = bare(&["unshare", "--net", "sh", "-c", script, "sh"], &home);
    let state = home.join("state");
    command
        .env("RUNTIME_DIRECTORY", home.join("run"))
        .env("STATE_DIRECTORY", &state)
        .arg("serve");
    let mut daemon = Daemon::spawn(command);
    daemon.wait_log("daemon: ready");
    let log = daemon.log();
    if !fs::exists("/etc/torwart/torwart.toml").unwrap() {
        let first = log.lines().next().unwrap_or_default();
        assert!(first.contains("starts with") && first.contains("defaults"), "{first}");
        for (role, port) in [("milter", 11332), ("http", 11333), ("controller", 11334)] {
            assert_eq!(daemon.addresses(role), [format!("127.0.0.1:{port}")]);
        }
        assert!(log.contains("echo hallo welt | rspamc"), "what to try next: {log}");
    }
    assert!(
        log.contains(&format!("state in {}, named by $STATE_DIRECTORY", state.display())),
        "{log}"
    );
    assert!(state.join("store.redb").is_file());
    assert_eq!(log.matches("running as root").count(), 1, "{log}");
    daemon.signal("INT");
    assert_eq!(daemon.wait_end().code(), Some(0));
}

#[test]
fn the_configuration_is_chosen_by_rank() {
    let home = Home::new();
    let other = home.join("other.toml");
    let text = fs::read_to_string(home.join("torwart.toml")).unwrap();
    fs::write(&other, text).unwrap();
    let start = |argument: bool| {
        let mut command = bare(&[], &home);
        command
            .env("TORWART_CONFIG", &other)
            .arg("serve")
            .arg("--state")
            .arg(home.join("state"));
        if argument {
            command.arg("--config").arg(home.join("torwart.toml"));
        }
        let daemon = Daemon::spawn(command);
        daemon.wait_log("daemon: ready");
        daemon.log().lines().next().unwrap_or_default().to_owned()
    };
    let first = start(false);
    assert!(
        first.contains(&format!("file {}, named by TORWART_CONFIG", other.display())),
        "{first}"
    );
    assert!(start(true).contains("torwart.toml, named by --config"));
    let mut command = bare(&[], &home);
    command.env("TORWART_CONFIG", home.join("missing.toml")).arg("serve");
    let mut daemon = Daemon::spawn(command);
    assert_eq!(daemon.wait_end().code(), Some(1));
    assert!(daemon.log().contains("missing.toml"), "{}", daemon.log());
}

#[test]
fn a_state_folder_on_a_read_only_disk_is_refused_with_a_remedy() {
    if !root() {
        return; // `tests/run` runs as root, who may mount
    }
    let home = Home::new();
    let state = home.join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    let script = format!("mount -t tmpfs -o ro,mode=0700 none {} && exec \"$@\"", state.display());
    let mut daemon = Daemon::spawn(home.wrapped(&["unshare", "--mount", "sh", "-c", &script, "sh"], "serve"));
    assert_eq!(daemon.wait_end().code(), Some(1));
    let log = daemon.log();
    let named = log.contains(&state.display().to_string()) && log.contains("owner root");
    assert!(named && log.contains("read-only") && log.contains("mount it writable"), "{log}");
    assert!(!home.join("run/control.sock").exists());
}

#[test]
fn the_limit_of_open_files_is_raised() {
    let home = Home::new();
    let daemon = Daemon::spawn(home.wrapped(&["prlimit", "--nofile=128:777"], "serve"));
    daemon.wait_log("daemon: ready");
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    let files = limits.lines().find(|l| l.starts_with("Max open files")).unwrap();
    assert_eq!(files.split_whitespace().nth(3), Some("777"), "{files}");
}

#[test]
fn a_locked_store_is_told_with_its_process() {
    let home = Home::new();
    let daemon = home.start();
    // Another run folder: there the daemon's control socket is not.
    let elsewhere = home.join("elsewhere.toml");
    fs::write(&elsewhere, format!("[paths]\nrun = \"{}\"\n", home.join("nowhere").display())).unwrap();
    let mut command = bare(&[], &home);
    command
        .arg("stat")
        .arg("--config")
        .arg(&elsewhere)
        .arg("--state")
        .arg(home.join("state"));
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("in use by process {}", daemon.pid())), "{said}");
}

#[test]
fn debug_speaks_for_the_rooms_that_are_named() {
    let home = Home::new();
    let talk = |tables: &str| {
        home.configure("127.0.0.1:0", tables);
        let daemon = home.start();
        let mut stream = TcpStream::connect(daemon.address("milter")).unwrap();
        stream.write_all(b"GET /ping HTTP/1.0\r\n\r\n").unwrap();
        let _ = stream.read_to_string(&mut String::new());
        daemon
    };
    let daemon = talk("[log]\ndebug = [\"milter\"]\n");
    daemon.wait_log("finished milter connection");
    drop(daemon);
    let daemon = talk("[log]\ndebug = [\"store\"]\n");
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(!daemon.log().contains("finished milter connection"), "{}", daemon.log());
}

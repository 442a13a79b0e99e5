//! Where the daemon listens: sockets of systemd, rights changed while it runs, and every start that must fail as a whole.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::support::daemon::{Daemon, Home, wait};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Starts the daemon with a socket under this name, as systemd passes one: descriptor 3.
fn activated(home: &Home, name: &str, socket: TcpListener) -> Daemon {
    let script = format!("LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES={name} exec \"$@\" 3<&0 </dev/null");
    let command = home.wrapped(&["sh", "-c", &script, "sh"], "serve");
    Daemon::spawn_with(command, Stdio::from(OwnedFd::from(socket)))
}

#[test]
fn sockets_of_systemd_are_found_by_name_and_stay_through_a_reload() {
    let home = Home::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    home.configure("systemd:web", "");
    let daemon = activated(&home, "web", socket);
    daemon.wait_log("daemon: ready");
    let ping = || {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.write_all(b"GET /ping HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.contains("pong").then_some(())
    };
    assert!(ping().is_some(), "{}", daemon.log());
    home.configure("systemd:web\", \"127.0.0.1:0", "");
    daemon.signal("HUP");
    daemon.wait_log("daemon: reloaded");
    assert!(ping().is_some());
    drop(daemon);

    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut daemon = activated(&home, "other", socket);
    assert_eq!(daemon.wait_end().code(), Some(1));
    let log = daemon.log();
    assert!(log.contains("it passed other") && log.contains("FileDescriptorName=web"), "{log}");
}

#[test]
fn a_controller_on_an_open_socket_of_systemd_needs_a_password() {
    let home = Home::new();
    let configure = |more: &str| {
        let text = format!(
            "[paths]\nrun = \"{}\"\n[listen.milter]\nsockets = [\"127.0.0.1:0\"]\n[listen.http]\nsockets = []\n\
             [listen.controller]\nsockets = [\"systemd:web\"]\n{more}",
            home.join("run").display()
        );
        fs::write(home.join("torwart.toml"), text).unwrap();
    };
    configure("");
    let mut daemon = activated(&home, "web", TcpListener::bind("0.0.0.0:0").unwrap());
    assert_eq!(daemon.wait_end().code(), Some(1));
    let log = daemon.log();
    assert!(
        log.contains("systemd:web (listen.controller)") && log.contains("torwart password"),
        "{log}"
    );
    let daemon = activated(&home, "web", TcpListener::bind("127.0.0.1:0").unwrap());
    daemon.wait_log("daemon: ready");
    drop(daemon);
    configure("password = \"a good one\"\n");
    let daemon = activated(&home, "web", TcpListener::bind("0.0.0.0:0").unwrap());
    daemon.wait_log("daemon: ready");
    configure("");
    daemon.signal("HUP");
    daemon.wait_log("not reloaded");
    assert!(daemon.log().contains("beyond this machine"), "{}", daemon.log());
}

#[test]
fn a_socket_takes_new_rights_while_it_is_open() {
    let home = Home::new();
    let path = home.join("http.sock");
    home.configure(&format!("unix:{}?mode=0600", path.display()), "");
    let daemon = home.start();
    let (inode, mut held) = (fs::metadata(&path).unwrap().ino(), UnixStream::connect(&path).unwrap());
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let group = if root { "&group=mail" } else { "" };
    home.configure(&format!("unix:{}?mode=0660{group}", path.display()), "");
    daemon.signal("HUP");
    daemon.wait_log("daemon: reloaded");
    assert_eq!((mode(&path), fs::metadata(&path).unwrap().ino()), (0o660, inode));
    assert!(!root || fs::metadata(&path).unwrap().gid() != 0);
    held.write_all(b"GET /ping HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    held.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("pong"), "who was connected stays so: {answer}");

    home.configure(&format!("unix:{}?mode=0666&owner=no-such-user-here", path.display()), "");
    daemon.signal("HUP");
    daemon.wait_log("not reloaded");
    assert!(daemon.log().contains("no user no-such-user-here"), "{}", daemon.log());
    assert_eq!(mode(&path), 0o660);
    // With another listener that cannot be had, the rights stay as well.
    home.configure(&format!("unix:{}?mode=0666\", \"192.0.2.77:1", path.display()), "");
    daemon.signal("HUP");
    daemon.wait_log_times("not reloaded", 2);
    assert_eq!(mode(&path), 0o660);
}

#[test]
fn a_start_that_fails_says_why_once_and_leaves_nothing() {
    let home = Home::new();
    let socket = home.join("first.sock");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let long = home.join(&"x".repeat(60)).join("y".repeat(40)).join("s");
    let cases = [
        (taken.local_addr().unwrap().to_string(), "in use"),
        ("192.0.2.77:0".to_owned(), "no such address"),
        ("no-such-host.invalid:1".to_owned(), "has no address"),
        ("systemd:web".to_owned(), "it passed none at all"),
        (format!("unix:{}", home.join("no/such/s").display()), "create it first"),
        (format!("unix:{}", home.join("torwart.toml/s").display()), "is not a folder"),
        (format!("unix:{}", home.join("torwart.toml").display()), "no socket"),
        (format!("unix:{}?owner=no-such-user-here", home.join("o.sock").display()), "no user"),
        (
            format!("unix:{}?group=no-such-group-here", home.join("g.sock").display()),
            "no group",
        ),
    ];
    for (address, why) in cases {
        home.configure(&format!("unix:{}\", \"{address}", socket.display()), "");
        let (code, log) = home.fail();
        assert_eq!(code, Some(1), "{address}: {log}");
        let said: Vec<&str> = log.lines().filter(|l| l.contains(" error ")).collect();
        assert_eq!(said.len(), 2, "one error and the end: {log}");
        assert!(said[0].contains(why) && said[0].contains("listen.http"), "{why}: {log}");
        for left in ["first.sock", "o.sock", "g.sock", "run/control.sock"] {
            assert!(!home.join(left).exists(), "{left} is left behind by {address}");
        }
    }
    // This one does not get past the reading of the configuration.
    home.configure(&format!("unix:{}", long.display()), "");
    let (code, log) = home.fail();
    assert!(code == Some(1) && log.contains("107") && log.contains("shorter"), "{log}");
    home.configure(&format!("unix:{}", socket.display()), "");
    let daemon = home.start();
    wait("the state is free again and the socket there", || socket.exists());
    drop(daemon);
}

#[test]
fn missing_rights_are_told_with_what_to_do() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return; // `tests/run` runs as root, who can become somebody without rights
    }
    let home = Home::new();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for folder in ["state", "run"] {
        fs::create_dir(home.join(folder)).unwrap();
        chown(home.join(folder), Some(65534), Some(65534)).unwrap();
    }
    // Programs of a build may stand where only their owner gets to.
    let program = home.join("torwart");
    fs::copy(env!("CARGO_BIN_EXE_torwart"), &program).unwrap();
    let fail = |address: &str| {
        home.configure(address, "");
        let wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];
        let mut command = std::process::Command::new(wrapper[0]);
        command
            .args(&wrapper[1..])
            .arg(&program)
            .args(["serve", "--config"])
            .arg(home.join("torwart.toml"));
        let mut daemon = Daemon::spawn({
            command.arg("--state").arg(home.join("state"));
            command
        });
        (daemon.wait_end().code(), daemon.log())
    };
    let (code, log) = fail(&format!("unix:{}", home.join("s.sock").display()));
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("user nobody may not write to the folder"), "{log}");
    let (code, log) = fail(&format!("unix:{}?owner=root", home.join("run/s.sock").display()));
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("cannot give it to user root"), "{log}");
    assert!(!home.join("run/s.sock").exists() && !home.join("run/control.sock").exists());
}

//! The real program from start to end: what it needs, what it refuses, how it changes and how it leaves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::support::daemon::{Daemon, Home, wait};
use super::support::milter::Wire;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::Command;
use std::time::{Duration, Instant};

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

fn root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn it_starts_says_with_what_and_ends_clean() {
    let home = Home::new();
    let mut daemon = home.start();
    let first = daemon.log().lines().next().unwrap_or_default().to_owned();
    assert!(first.contains("starts with file") && first.contains("named by --config"), "{first}");
    assert!(get(daemon.address("http"), "/ping").contains("pong"));
    assert!(get(daemon.address("controller"), "/stat").contains("\"scanned\""));
    assert_eq!(std::fs::metadata(home.join("state")).unwrap().mode() & 0o777, 0o700);
    assert_eq!(std::fs::metadata(home.join("run/control.sock")).unwrap().mode() & 0o777, 0o600);
    daemon.signal("TERM");
    assert_eq!(daemon.wait_end().code(), Some(0), "{}", daemon.log());
    assert!(!home.join("run/control.sock").exists());
}

#[test]
fn a_taken_port_is_one_clear_error_and_nothing_is_left_behind() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let socket = home.join("http.sock");
    home.configure(&format!("127.0.0.1:{port}\", \"unix:{}", socket.display()), "");
    let (code, log) = home.fail();
    assert_eq!(code, Some(1), "{log}");
    let said: Vec<&str> = log.lines().filter(|l| l.contains(" error ")).collect();
    assert_eq!(said.len(), 2, "{log}");
    assert!(
        said[0].contains(&format!("127.0.0.1:{port} (listen.http)")) && said[0].contains("in use"),
        "{log}"
    );
    assert!(said[1].ends_with("not started"), "{log}");
    assert!(!socket.exists() && !home.join("run/control.sock").exists());
}

#[test]
fn bad_paths_and_files_are_refused_and_kept() {
    let home = Home::new();
    let letters = home.join("letters");
    std::fs::write(&letters, "precious").unwrap();
    home.configure(&format!("unix:{}", letters.display()), "");
    let (code, log) = home.fail();
    assert_eq!(code, Some(1));
    assert!(log.contains("no socket") && log.contains("letters"), "{log}");
    assert_eq!(std::fs::read(&letters).unwrap(), b"precious");
    home.configure(&format!("unix:{}", home.join("no/such/folder/s").display()), "");
    assert!(home.fail().1.contains("does not exist"));
    home.configure("unix:/tmp/x.sock?owner=no-such-user-here", "");
    assert!(home.fail().1.contains("no user"));
}

#[test]
fn a_stale_socket_is_replaced_a_live_one_is_not() {
    let home = Home::new();
    let path = home.join("http.sock");
    home.configure(&format!("unix:{}?mode=0640", path.display()), "");
    let mut first = home.start();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    first.signal("KILL");
    first.wait_end();
    assert!(path.exists(), "a killed process leaves its socket");
    let mut second = home.start();
    UnixStream::connect(&path).expect("the new one listens");
    second.signal("TERM");
    second.wait_end();
    assert!(!path.exists(), "it takes its socket along");
    let other = UnixListener::bind(&path).unwrap();
    let (code, log) = home.fail();
    assert_eq!(code, Some(1));
    assert!(log.contains("another process listens on it"), "{log}");
    drop(other);
}

#[test]
fn state_that_cannot_be_used_is_named_with_owner_and_remedy() {
    let home = Home::new();
    let daemon = home.start();
    let (code, log) = home.fail();
    assert_eq!(code, Some(1));
    assert!(
        log.contains(&format!("in use by process {}", daemon.pid())) && log.contains("--state"),
        "{log}"
    );
    drop(daemon);
    let state = home.join("state");
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::write(&state, "a file").unwrap();
    assert!(home.fail().1.contains("a file, not a folder"));
    std::fs::remove_file(&state).unwrap();
    if root() {
        std::fs::create_dir(&state).unwrap();
        std::os::unix::fs::chown(&state, Some(65534), None).unwrap();
        let log = home.fail().1;
        assert!(log.contains("belongs to user nobody") && log.contains("chown"), "{log}");
    }
}

#[test]
fn a_reload_is_whole_or_not_at_all() {
    let home = Home::new();
    let daemon = home.start();
    let before = daemon.address("http");
    let config = home.join("torwart.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{good}\n[scna]\nx = 1\n")).unwrap();
    daemon.signal("HUP");
    daemon.wait_log("not reloaded, the old configuration stays in force");
    assert!(daemon.log().contains("scna"), "{}", daemon.log());
    assert!(get(before, "/ping").contains("pong"));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let extra = home.join("extra.sock");
    home.configure(&format!("unix:{}\", \"{}", extra.display(), taken.local_addr().unwrap()), "");
    daemon.signal("HUP");
    daemon.wait_log_times("not reloaded", 2);
    assert!(get(before, "/ping").contains("pong"), "the old listener stays");
    assert!(!extra.exists(), "the new one went with the failure");

    home.configure(&format!("unix:{}", extra.display()), "");
    daemon.signal("HUP");
    daemon.wait_log("daemon: reloaded");
    UnixStream::connect(&extra).expect("the new listener");
    wait("the old listener is closed", || TcpStream::connect(before).is_err());
}

#[test]
fn told_to_end_it_sends_the_idle_away_at_once() {
    let home = Home::new();
    let mut daemon = home.start();
    let mut idle: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(daemon.address("http")).unwrap()).collect();
    assert!(get(daemon.address("http"), "/ping").contains("pong"));
    let begun = Instant::now();
    daemon.signal("TERM");
    assert_eq!(daemon.wait_end().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let mut rest = String::new();
    assert_eq!(idle[0].read_to_string(&mut rest).unwrap_or(0), 0);
}

#[test]
fn a_second_signal_ends_what_a_slow_client_holds_up() {
    let home = Home::new();
    let mut daemon = home.start();
    let mut slow = TcpStream::connect(daemon.address("http")).unwrap();
    slow.write_all(b"POST /checkv2 HTTP/1.1\r\nContent-Length: 1000\r\n\r\nSubject: half")
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    daemon.signal("TERM");
    daemon.wait_log("stopping");
    std::thread::sleep(Duration::from_millis(300));
    assert!(!daemon.log().contains("daemon: ended"), "a request under way is waited for");
    daemon.signal("TERM");
    assert_eq!(daemon.wait_end().code(), Some(1));
    assert!(daemon.log().contains("ending at once"));
}

#[test]
fn when_the_grace_is_over_what_still_runs_gets_a_temporary_failure() {
    let home = Home::new();
    home.configure("127.0.0.1:0", "[listen]\nshutdown_grace = \"1s\"\n");
    let mut daemon = home.start();
    let mut web = TcpStream::connect(daemon.address("http")).unwrap();
    web.write_all(b"POST /checkv2 HTTP/1.1\r\nContent-Length: 1000\r\n\r\nSubject: half")
        .unwrap();
    let mut old = TcpStream::connect(daemon.address("http")).unwrap();
    old.write_all(b"SYMBOLS RSPAMC/1.2\r\nContent-Length: 1000\r\n\r\nSubject: half")
        .unwrap();
    let mut mta = Wire::client(daemon.address("milter"), "192.0.2.1");
    mta.event(b'M', b"<anna@example.org>\0").unwrap();
    mta.event(b'R', b"<martha@example.com>\0").unwrap();
    mta.event(b'L', b"Subject\0 half\0").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    daemon.signal("TERM");
    assert_eq!(mta.receive().unwrap().0, b't');
    assert!(begun.elapsed() >= Duration::from_secs(1), "not before the grace is over");
    assert!(mta.receive().is_err(), "one answer, then the end");
    let mut answer = String::new();
    web.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"error\":\"the daemon stops, try again later\""),
        "{answer}"
    );
    answer.clear();
    old.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "RSPAMD/1.3 75 the daemon stops, try again later\r\n");
    assert_eq!(daemon.wait_end().code(), Some(0), "{}", daemon.log());
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[test]
fn the_service_manager_is_told() {
    let home = Home::new();
    let socket = home.join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let hear = |word: &str| {
        let mut all = String::new();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            let mut packet = [0; 4096];
            let length = manager.recv(&mut packet).unwrap_or_else(|e| panic!("no {word} after {all}: {e}"));
            let text = String::from_utf8_lossy(&packet[..length]).into_owned();
            all.push_str(&text);
            if text.contains(word) {
                return text;
            }
        }
        panic!("no {word} in {all}")
    };
    let mut command = home.command("serve");
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "400000");
    let mut daemon = Daemon::spawn(command);
    assert!(hear("READY=1").contains("STATUS=0 messages scanned"));
    hear("WATCHDOG=1");
    hear("WATCHDOG=1");
    daemon.signal("HUP");
    assert!(hear("RELOADING=1").contains("MONOTONIC_USEC="));
    hear("READY=1");
    daemon.signal("TERM");
    hear("STOPPING=1");
    daemon.wait_end();
}

#[test]
fn the_units_say_what_the_daemon_does() {
    let unit = |name: &str| std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)).unwrap();
    let service = unit("torwart.service");
    for line in [
        "Type=notify",
        "ExecStart=/usr/bin/torwart serve",
        "ExecReload=/usr/bin/torwart reload",
        "WatchdogSec=30s",
        "User=torwart",
        "StateDirectory=torwart",
        "RuntimeDirectory=torwart",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "MemoryDenyWriteExecute=yes",
    ] {
        assert!(service.lines().any(|l| l == line), "{line}");
    }
    assert!(unit("torwart.sysusers.conf").starts_with("u torwart "));
    for (name, port) in [("milter", 11332), ("http", 11333), ("controller", 11334)] {
        let socket = unit(&format!("torwart-{name}.socket"));
        assert!(socket.contains(&format!("ListenStream=127.0.0.1:{port}\n")), "{socket}");
        assert!(socket.contains(&format!("FileDescriptorName={name}\n")), "{socket}");
    }
}

#[test]
fn out_of_descriptors_it_pauses_says_so_once_and_goes_on() {
    let home = Home::new();
    let daemon = Daemon::spawn(home.wrapped(&["prlimit", "--nofile=256:256"], "serve"));
    daemon.wait_log("daemon: ready");
    let address = daemon.address("http");
    let many: Vec<TcpStream> = (0..400).map(|_| TcpStream::connect(address).unwrap()).collect();
    daemon.wait_log("out of file descriptors");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(daemon.log().matches("out of file descriptors").count(), 1, "{}", daemon.log());
    drop(many);
    wait("it answers again", || get(address, "/ping").contains("pong"));
    let metrics = get(daemon.address("controller"), "/metrics");
    let pauses = metrics
        .lines()
        .find_map(|l| l.strip_prefix("torwart_accept_pauses_total "))
        .unwrap_or("0")
        .to_owned();
    assert!(pauses.parse::<u64>().unwrap() > 0, "{metrics}");
}

#[test]
fn a_full_disk_is_lived_through_in_memory() {
    if !root() {
        return; // `tests/run` runs as root, who may mount
    }
    let home = Home::new();
    let state = home.join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();
    let script = format!("mount -t tmpfs -o size=8m,mode=0700 none {} && exec \"$@\"", state.display());
    let mut daemon = Daemon::spawn(home.wrapped(&["unshare", "--mount", "sh", "-c", &script, "sh"], "serve"));
    daemon.wait_log("daemon: ready");
    // The daemon alone sees that disk; its process leads to it.
    let fill = std::path::PathBuf::from(format!("/proc/{}/root{}/fill", daemon.pid(), state.display()));
    let metric = |name: &str| {
        let text = get(daemon.address("controller"), "/metrics");
        let value = text.lines().find_map(|l| l.strip_prefix(name)?.trim().parse::<f64>().ok());
        value.unwrap_or_else(|| panic!("{name} in {text}"))
    };
    let scan = || {
        let mut stream = TcpStream::connect(daemon.address("http")).unwrap();
        stream
            .write_all(b"POST /checkv2 HTTP/1.0\r\nContent-Length: 14\r\n\r\nSubject: x\n\ny\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("\"action\""), "{answer}");
    };
    scan();
    let mut file = std::fs::File::create(&fill).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    wait("the disk is noticed to be full", || {
        scan();
        metric("torwart_store_degraded ") > 0.5
    });
    for _ in 0..5 {
        scan();
        std::thread::sleep(Duration::from_millis(400));
    }
    assert!(metric("torwart_store_waiting ") > 0.5);
    assert_eq!(daemon.log().matches("the store goes on in memory").count(), 1, "{}", daemon.log());
    drop(file);
    std::fs::remove_file(&fill).unwrap();
    wait("the store recovers", || metric("torwart_store_degraded ") < 0.5);
    let scanned = metric("rspamd_scanned_total ");
    assert_eq!(daemon.log().matches("the store takes writes again").count(), 1, "{}", daemon.log());
    daemon.signal("TERM");
    assert_eq!(daemon.wait_end().code(), Some(0));
    assert!(scanned >= 7.0);
}

#[test]
fn the_control_socket_carries_stat_and_reload() {
    let home = Home::new();
    let daemon = home.start();
    let run = |verb: &str| {
        let done = home.command(verb).output().unwrap();
        let both = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        (done.status.code(), both)
    };
    let (code, text) = run("stat");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("Messages scanned: 0\n"), "{text}");
    assert_eq!(run("reload").0, Some(0));
    home.configure("127.0.0.1:0", "[nonsense]\n");
    let (code, text) = run("reload");
    assert_eq!(code, Some(1));
    assert!(
        text.contains("nonsense") && text.contains("the old configuration stays in force"),
        "{text}"
    );
    home.configure("127.0.0.1:0", "");
    drop(daemon);
    let (code, text) = run("stat");
    assert_eq!(code, Some(0), "without a daemon the store is read: {text}");
    assert!(text.contains("no daemon runs") && text.contains("Messages scanned: 0"), "{text}");
}

#[test]
fn check_tells_by_its_exit_code() {
    let home = Home::new();
    let check = |tables: &str| {
        home.configure("127.0.0.1:0", tables);
        let mut command = Command::new(env!("CARGO_BIN_EXE_torwart"));
        let done = command.arg("check").arg(home.join("torwart.toml")).output().unwrap();
        (
            done.status.code(),
            String::from_utf8_lossy(&done.stdout).into_owned(),
            String::from_utf8_lossy(&done.stderr).into_owned(),
        )
    };
    let (code, stdout, stderr) = check("");
    assert_eq!((code, stdout.as_str()), (Some(0), "syntax OK\n"), "{stderr}");
    let (code, stdout, stderr) = check("[scan]\ntimeuot = \"8s\"\nmax_message = 7\n");
    assert_eq!((code, stdout.as_str()), (Some(1), "syntax BAD\n"));
    assert!(
        stderr.contains("timeuot") && stderr.contains("`timeout`") && stderr.contains("max_message"),
        "all at once: {stderr}"
    );
    let missing = Command::new(env!("CARGO_BIN_EXE_torwart"))
        .args(["check", "/no/such/file.toml"])
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn logs_go_to_a_file_that_is_reopened_and_speak_json() {
    let home = Home::new();
    let log = home.join("log");
    home.configure("127.0.0.1:0", &format!("[log]\ntarget = \"file\"\nfile = \"{}\"\n", log.display()));
    let mut command = home.command("serve");
    command.args(["--log-format", "json"]);
    let daemon = Daemon::spawn(command);
    let text = || std::fs::read_to_string(&log).unwrap_or_default();
    wait("it is ready", || text().contains("\"message\":\"ready\""));
    for line in text().lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("one JSON object a line");
        assert!(line["time"].is_string() && line["level"].is_string() && line["room"].is_string());
    }
    std::fs::rename(&log, home.join("log.1")).unwrap();
    daemon.signal("USR1");
    wait("the new file is there", || text().contains("log opened anew"));
}

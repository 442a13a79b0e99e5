//! The daemon started as `rspamd`: background, process number, another user, debug output.

use super::Links;
use crate::support::daemon::{Daemon, wait};
use crate::support::tools::{Ran, free_ports, program, run};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;

/// A folder with a configuration, and links beside it.
struct Place(Links);

impl Place {
    fn new(target: &str) -> Place {
        let links = Links::new();
        let root = links.0.path().display().to_string();
        // Whoever is another user must get in.
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        let listen: String = ["milter", "http", "controller"]
            .map(|l| format!("[listen.{l}]\nsockets = [\"127.0.0.1:0\"]\n"))
            .concat();
        let text = format!(
            "[paths]\nrun = \"{root}/run\"\nstate = \"{root}/state\"\n[log]\ntarget = \"{target}\"\nfile = \"{root}/log/torwart.log\"\n{listen}"
        );
        links.0.write("t.toml", text);
        Place(links)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.0.command("rspamd", words);
        command.env_remove("STATE_DIRECTORY").env_remove("RUNTIME_DIRECTORY");
        command
    }

    fn rspamd(&self, words: &[&str]) -> Ran {
        run(&mut self.command(words), b"")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.0.join("log/torwart.log")).unwrap_or_default()
    }
}

/// A daemon in the background, known by its file; ended with the test.
struct Background(PathBuf);

impl Background {
    fn pid(&self) -> Option<u32> {
        fs::read_to_string(&self.0).ok()?.trim().parse().ok()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = Command::new(program("kill")).arg(pid.to_string()).status();
        }
    }
}

#[test]
fn it_goes_into_the_background_as_another_user() {
    let place = Place::new("file");
    let background = Background(place.0.join("pid"));
    let ran = place.rspamd(&["-c", "t.toml", "-u", "nobody", "-g", "nogroup", "-p", "pid", "-d"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    wait(&format!("the log says ready: {}", place.log()), || {
        place.log().contains("daemon: ready")
    });
    let pid = background.pid().expect("a process number");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let nobody = fs::metadata(place.0.join("run")).unwrap().uid();
    assert_ne!(nobody, 0);
    assert!(
        status.contains(&format!("Uid:\t{nobody}\t{nobody}\t{nobody}\t{nobody}\n")),
        "{status}"
    );
    for name in ["state", "log/torwart.log", "run/control.sock", "state/store.redb"] {
        assert_eq!(fs::metadata(place.0.join(name)).unwrap().uid(), nobody, "{name}");
    }
    assert!(place.log().contains(" debug "), "{}", place.log());
    let again = place.rspamd(&["-c", "t.toml", "-u", "nobody", "-p", "pid"]);
    assert!(again.code == 1 && again.stderr.contains("it runs already"), "{again:?}");
    let mut stat = place.0.command("rspamadm", &["control", "stat"]);
    let told = run(stat.env("TORWART_CONFIG", place.0.join("t.toml")), b"");
    assert!(told.stdout.contains(&format!("    {pid} {{")), "{told:?}");
    let ended = Command::new(program("kill")).arg(pid.to_string()).status().unwrap();
    assert!(ended.success());
    wait("the daemon ends", || place.log().contains("daemon: ended"));
    // It may not remove the file from root's folder, but it is no longer named there.
    wait("the number is gone", || background.pid().is_none());
}

#[test]
fn in_the_foreground_it_is_the_daemon() {
    let place = Place::new("stderr");
    let mut daemon = Daemon::spawn(place.command(&["-f", "-i", "-c", "t.toml", "-p", "pid", "--var=A=B"]));
    daemon.wait_log("daemon: ready");
    assert_eq!(fs::read_to_string(place.0.join("pid")).unwrap(), format!("{}\n", daemon.pid()));
    daemon.signal("TERM");
    assert_eq!(daemon.wait_end().code(), Some(0));
    assert!(!place.0.join("pid").exists());
}

#[test]
fn mistakes_are_told_on_the_terminal() {
    let place = Place::new("file");
    place.0.0.write("bad.toml", "x y");
    for (words, said) in [
        (&["-c", "t.toml"][..], "this would run as root"),
        (
            &["-c", "t.toml", "-u", "nobody-of-that-name"],
            "there is no user nobody-of-that-name",
        ),
        (
            &["-c", "t.toml", "-u", "nobody", "-g", "no-such-group"],
            "there is no group no-such-group",
        ),
        (&["-i", "-c", "bad.toml"], "the configuration has errors"),
        (&["-i", "-c", "nowhere.toml"], "nowhere.toml"),
        (
            &["-i", "-c", "t.toml", "-p", "/nonexistent/pid"],
            "cannot write the process number to /nonexistent/pid",
        ),
        (&["-x"], "-x"),
    ] {
        let ran = place.rspamd(words);
        assert!(
            ran.code == 1 && ran.stderr.contains(said) && ran.stdout.is_empty(),
            "{words:?}: {ran:?}"
        );
    }
    let ran = place.rspamd(&["-v"]);
    assert!(ran.code == 0 && ran.stdout.contains(env!("CARGO_PKG_VERSION")), "{ran:?}");
}

#[test]
fn a_start_that_fails_in_the_background_is_told() {
    let place = Place::new("file");
    // Nobody makes the folder of the log for root.
    fs::create_dir(place.0.join("log")).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let text = fs::read_to_string(place.0.join("t.toml")).unwrap();
    place.0.0.write("taken.toml", text.replacen("127.0.0.1:0", &port, 1));
    place.0.0.write("etc/rspamd.conf", "options { max_message = \"abc\"; }\n");
    for (words, said) in [
        (&["-i", "-c", "taken.toml", "-p", "pid"][..], "the port is in use"),
        (&["-i", "-f", "-c", "taken.toml", "-p", "pid"], "the port is in use"),
        (&["-i", "-c", "etc/rspamd.conf", "-p", "pid"], "max_message"),
    ] {
        let ran = place.rspamd(words);
        assert!(ran.code == 1 && ran.stderr.contains(said), "{words:?}: {ran:?}");
        assert!(ran.stdout.is_empty() && !place.0.join("pid").exists(), "{words:?}: {ran:?}");
    }
    assert!(place.log().contains("not started"), "{}", place.log());
}

#[test]
fn words_are_taken_as_the_peer_takes_them() {
    let links = Links::new();
    for line in [
        "-v",
        "-vf",
        "--var A=B -v",
        "--var=A=B -v",
        "--var=AB -v",
        "more words -v",
        "-f -f -v -v",
        "--lua-env=/nonexistent -v",
        "-h",
        "-x",
        "-u",
        "--no-for -v",
        "-f -c /nonexistent",
        "-i -f -c /nonexistent",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let ours = run(&mut links.command("rspamd", &words), b"");
        let theirs = run(Command::new(program("rspamd")).args(&words).current_dir(links.0.path()), b"");
        assert_eq!(ours.code, theirs.code, "rspamd {line}\n{ours:?}\n{theirs:?}");
        assert_eq!(
            (ours.stdout.is_empty(), ours.stderr.is_empty()),
            (theirs.stdout.is_empty(), theirs.stderr.is_empty()),
            "rspamd {line}\n{ours:?}\n{theirs:?}"
        );
    }
}

#[test]
fn a_tree_is_served_and_its_control_socket_answers() {
    let place = Place::new("stderr");
    let root = place.0.0.path().display().to_string();
    let first = free_ports(3);
    let workers = ["rspamd_proxy", "normal", "controller"].into_iter().zip(first..);
    let workers: String = workers
        .map(|(kind, port)| format!("worker \"{kind}\" {{ bind_socket = \"127.0.0.1:{port}\"; }}\n"))
        .collect();
    let text = format!(
        "options {{ control_socket = \"$RUNDIR/orders.sock mode=0600\"; }}\n\
         logging {{ type = \"file\"; filename = \"$LOGDIR/rspamd.log\"; }}\n{workers}"
    );
    place.0.0.write("etc/rspamd.conf", text);
    let background = Background(place.0.join("pid"));
    let (run_folder, logs) = (format!("--var=RUNDIR={root}/sockets"), format!("--var=LOGDIR={root}/log"));
    let mut command = place.command(&["-c", "etc/rspamd.conf", "-u", "nobody", "-p", "pid", &run_folder, &logs]);
    // Root's own folders stay as they are.
    command
        .env("STATE_DIRECTORY", place.0.join("state"))
        .env("RUNTIME_DIRECTORY", place.0.join("run"));
    let ran = run(&mut command, b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    let log = || fs::read_to_string(place.0.join("log/rspamd.log")).unwrap_or_default();
    wait(&format!("the log says ready: {}", log()), || log().contains("daemon: ready"));
    let pid = background.pid().expect("a process number");
    let told = place.0.theirs(&["control", "-s", &format!("{root}/sockets/orders.sock"), "stat"]);
    assert!(told.stdout.contains(&format!("    {pid} {{")), "{told:?}");
    let mut stat = place.0.command("rspamadm", &["stat"]);
    stat.env("STATE_DIRECTORY", place.0.join("state"))
        .env("RUNTIME_DIRECTORY", place.0.join("run"));
    let told = run(&mut stat, b"");
    assert!(told.stdout.contains(&format!("    {pid} {{")), "{told:?}");
}

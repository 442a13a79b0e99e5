//! The daemon's process itself, with nothing assumed about how its start ends: port 0, a folder of its own, its log on stderr.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The longest a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A private folder with a configuration of listeners on free ports.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Home {
        let home = Home {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        home.configure("127.0.0.1:0", "");
        home
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the configuration: this address for the scan port, free ports for the others, and more tables.
    pub fn configure(&self, http: &str, tables: &str) {
        let run = self.join("run");
        let text = format!(
            "[paths]\nrun = \"{}\"\n[listen.milter]\nsockets = [\"127.0.0.1:0\"]\n[listen.http]\nsockets = [\"{http}\"]\n\
             [listen.controller]\nsockets = [\"127.0.0.1:0\"]\n{tables}\n",
            run.display()
        );
        std::fs::write(self.join("torwart.toml"), text).expect("the configuration");
    }

    /// `torwart VERB` (or `VERB VERB`) with this home's configuration and state.
    pub fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_torwart"));
        self.clothe(&mut command, verb);
        command
    }

    /// The same behind a wrapper such as `prlimit --nofile=256`.
    pub fn wrapped(&self, wrapper: &[&str], verb: &str) -> Command {
        let mut command = Command::new(wrapper.first().expect("a wrapper"));
        command.args(wrapper.iter().skip(1)).arg(env!("CARGO_BIN_EXE_torwart"));
        self.clothe(&mut command, verb);
        command
    }

    fn clothe(&self, command: &mut Command, verb: &str) {
        command
            .args(verb.split(' '))
            .arg("--config")
            .arg(self.join("torwart.toml"))
            .arg("--state")
            .arg(self.join("state"));
        for name in [
            "TORWART_CONFIG",
            "STATE_DIRECTORY",
            "RUNTIME_DIRECTORY",
            "NOTIFY_SOCKET",
            "LISTEN_FDS",
            "LISTEN_PID",
        ] {
            command.env_remove(name);
        }
    }

    /// Starts the daemon and waits until it serves.
    pub fn start(&self) -> Daemon {
        let daemon = Daemon::spawn(self.command("serve"));
        daemon.wait_log("daemon: ready");
        daemon
    }

    /// Starts a daemon that is expected not to come up: its exit code and what it said.
    pub fn fail(&self) -> (Option<i32>, String) {
        let mut daemon = Daemon::spawn(self.command("serve"));
        let status = daemon.wait_end();
        (status.code(), daemon.log())
    }
}

/// A started process whose stderr is read all the time.
pub struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Daemon {
    pub fn spawn(command: Command) -> Daemon {
        Daemon::spawn_with(command, Stdio::null())
    }

    /// Starts it with something else than nothing as its standard input.
    pub fn spawn_with(mut command: Command, stdin: Stdio) -> Daemon {
        command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("torwart starts");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("piped");
        let lines = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = lines.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Daemon { child, log }
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the log says this.
    pub fn wait_log(&self, text: &str) {
        self.wait_log_times(text, 1);
    }

    /// Waits until the log says this so many times.
    pub fn wait_log_times(&self, text: &str, times: usize) {
        wait(&format!("the log says {times} times {text:?}; it says:\n{}", self.log()), || {
            self.log().matches(text).count() >= times
        });
    }

    /// The first address that the log names for a role.
    pub fn address(&self, role: &str) -> SocketAddr {
        let all = self.addresses(role);
        let first = all.first().unwrap_or_else(|| panic!("no listener for {role} in\n{}", self.log()));
        first.parse().expect("an address")
    }

    /// Every address that the log names for a role.
    pub fn addresses(&self, role: &str) -> Vec<String> {
        let mark = format!("daemon: listening role={role} address=");
        self.log()
            .lines()
            .filter_map(|l| l.split_once(&mark).map(|(_, a)| a.to_owned()))
            .collect()
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status()
            .expect("kill");
        assert!(done.success());
    }

    pub fn wait_end(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                // The reader of stderr may still be at the last lines.
                std::thread::sleep(Duration::from_millis(50));
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds, or fails saying what did not.
pub fn wait(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it never came that {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

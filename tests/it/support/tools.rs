//! Folders, ports, programs and waiting. Every wait has a deadline and every program ends with its test.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes on two busy cores; reached only when something hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A private folder that other users may enter, as Postfix's daemons must; gone with the value.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let dir = tempfile::Builder::new()
            .prefix(&format!("torwart-{name}-"))
            .tempdir()
            .expect("a temporary folder");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("rights of the temporary folder");
        Folder(dir)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("create the file's folder");
        fs::write(&path, content).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
        path
    }
}

/// A free port of 127.0.0.1 below the ephemeral range, so that no outgoing connection takes it meanwhile.
pub fn free_port() -> u16 {
    free_ports(1)
}

/// The first of `count` free ports in a row; no other caller of this process gets one of them.
pub fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..2_000 {
        let turn = NEXT.fetch_add(u32::from(count), Ordering::Relaxed);
        let first = 14_000 + (std::process::id().wrapping_mul(37).wrapping_add(turn) % 18_000) as u16;
        if (first..first + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return first;
        }
    }
    panic!("no {count} free ports between 14000 and 32000");
}

/// Asks until there is an answer; panics with `what` when there is none in time.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Where a program of the distribution lies; a missing one fails the test and says what brings it.
pub fn program(name: &str) -> PathBuf {
    let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    folders
        .iter()
        .map(|f| Path::new(f).join(name))
        .find(|p| p.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed; tests/run installs what the tests need"))
}

/// What a finished program said.
#[derive(Debug)]
pub struct Ran {
    pub stdout: String,
    pub stderr: String,
    pub code: i32,
}

/// Runs a program to its end with `stdin` as its input.
pub fn run(command: &mut Command, stdin: &[u8]) -> Ran {
    let shown = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("start {shown}: {e}"));
    let mut pipe = child.stdin.take().expect("stdin was piped");
    let input = stdin.to_vec();
    let feeding = thread::spawn(move || {
        let _ = pipe.write_all(&input); // a program may end without reading all of it
    });
    let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let end = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("wait for the program") {
            break status;
        }
        if Instant::now() > end {
            let _ = child.kill();
            panic!("{shown} did not end in {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(5));
    };
    feeding.join().expect("the feeding thread");
    let text = |t: thread::JoinHandle<Vec<u8>>| String::from_utf8_lossy(&t.join().expect("the reading thread")).into_owned();
    Ran {
        stdout: text(out),
        stderr: text(err),
        code: status.code().unwrap_or(-1),
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("the pipe was asked for");
    thread::spawn(move || {
        let mut all = Vec::new();
        let _ = pipe.read_to_end(&mut all);
        all
    })
}

/// A server of a test. It leads a process group of its own and ends with this value, or with the test's thread, however
/// that ends (`setpriv --pdeathsig`; Postfix changes users, which undoes that: `tests/run` ends what a killed test leaves).
pub struct Server {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Server {
    /// Starts `command` with both its outputs going to the file `log`.
    pub fn start(name: &str, command: &Command, log: PathBuf) -> Server {
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .expect("open the server's log");
        let mut guarded = Command::new(program("setpriv"));
        guarded
            .args(["--pdeathsig", "KILL", "--"])
            .arg(command.get_program())
            .args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(key, value),
                None => guarded.env_remove(key),
            };
        }
        let child = guarded
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle of the log"))
            .stderr(file)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|e| panic!("start {name}: {e}"));
        Server {
            child,
            name: name.into(),
            log,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has printed so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until `ready` holds, and fails at once when the server has ended before.
    pub fn wait_until(&mut self, what: &str, mut ready: impl FnMut(&Server) -> bool) {
        let name = self.name.clone();
        wait_for(&format!("{name}: {what}"), || {
            assert!(self.is_running(), "{name} ended before {what}:\n{}", self.log());
            ready(self).then_some(())
        });
    }

    /// Sends a signal by name, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let done = run(
            Command::new(program("kill")).args(["-s", name, "--"]).arg(self.pid().to_string()),
            b"",
        );
        assert_eq!(done.code, 0, "send {name} to {}: {}", self.name, done.stderr);
    }

    /// Waits for its end and returns the exit code; -1 after a signal.
    pub fn wait(&mut self) -> i32 {
        let name = self.name.clone();
        wait_for(&format!("the end of {name}"), || self.child.try_wait().ok().flatten())
            .code()
            .unwrap_or(-1)
    }

    /// Kills it without a chance to tidy up.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// A figure of /proc/PID/status in KiB, such as `VmRSS` or `VmHWM`.
    pub fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the server runs");
        let line = status
            .lines()
            .find(|l| l.starts_with(field))
            .unwrap_or_else(|| panic!("{field} in {status}"));
        line.split_whitespace()
            .nth(1)
            .and_then(|n| n.parse().ok())
            .expect("a number of KiB")
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("the server runs").count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_running() {
            self.signal("TERM");
            let end = Instant::now() + Duration::from_secs(5);
            while self.is_running() && Instant::now() < end {
                thread::sleep(Duration::from_millis(20));
            }
            self.kill();
        }
        if thread::panicking() {
            let log = self.log();
            let tail = log.len().saturating_sub(8_000);
            let tail = (tail..log.len()).find(|&i| log.is_char_boundary(i)).unwrap_or(log.len());
            eprintln!("---- {} said last ----\n{}", self.name, &log[tail..]);
        }
    }
}

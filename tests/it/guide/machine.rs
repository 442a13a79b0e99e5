//! A machine of its own for a test: its own `/etc/rspamd`, `/var/log`, `/var/lib` and `/run`, its own network with nothing but loopback,
//! its own processes. So every file and port has the guide's own name, and this machine's are neither seen nor written.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::tools::{program, run};

/// Tells a test that it runs inside.
const INSIDE: &str = "TORWART_TEST_MACHINE";
/// Folders that are empty at first.
const EMPTY: [&str; 4] = ["/etc/rspamd", "/var/log", "/var/lib", "/run"];
/// Where the files of Debian's package of rspamd are to be found there.
pub const PACKAGE: &str = "/srv";
/// The address of that machine that is not loopback.
pub const ADDRESS: &str = "10.88.113.1";

/// Runs the body of a test in such a machine: the test of that name is started again there. Whatever it starts ends with it.
pub fn alone(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        set_up();
        return body();
    }
    let mut command = Command::new(program("setpriv"));
    command.args(["--pdeathsig", "KILL", "--"]).arg(program("unshare"));
    command.args(["--mount", "--net", "--pid", "--mount-proc", "--fork", "--kill-child", "--"]);
    command.arg(std::env::current_exe().expect("this program"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(INSIDE, "1");
    let done = command.output().expect("setpriv runs");
    let (said, warned) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(
        done.status.success() && said.contains("1 passed"),
        "in a machine of its own ({}; it needs root and the right to unshare and mount):\n{said}\n{warned}",
        done.status
    );
    print!("{said}");
}

fn set_up() {
    must("mount", &["--bind", "/etc/rspamd", PACKAGE]);
    for folder in EMPTY {
        must("mount", &["-t", "tmpfs", "-o", "mode=755", "tmpfs", folder]);
    }
    must("ip", &["link", "set", "lo", "up"]);
    must("ip", &["address", "add", &format!("{ADDRESS}/32"), "dev", "lo"]);
    // As Debian's package of rspamd makes it.
    fs::create_dir("/var/log/rspamd").expect("the log folder");
}

fn must(name: &str, arguments: &[&str]) {
    let done = run(Command::new(program(name)).args(arguments), b"");
    assert_eq!(done.code, 0, "{name} {arguments:?}: {}", done.stderr);
}

/// Lays the files of a folder over those of another.
pub fn lay(from: &Path, over: &Path) {
    must("cp", &["-r", &format!("{}/.", from.display()), &over.display().to_string()]);
}

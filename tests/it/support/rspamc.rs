//! Debian's unmodified `rspamc`, and its reports without the one figure that no two runs share.

use std::net::SocketAddr;
use std::process::Command;

use super::tools::{Ran, program, run};

/// Runs `rspamc -h SERVER ARGUMENTS` with `stdin`.
pub fn rspamc(server: SocketAddr, arguments: &[&str], stdin: &[u8]) -> Ran {
    let mut command = Command::new(program("rspamc"));
    command.arg("-h").arg(server.to_string()).args(arguments).env("LC_ALL", "C.UTF-8");
    run(&mut command, stdin)
}

/// A report's lines; the seconds in its first line become `N`, and the blank line at the end goes.
pub fn report(ran: &Ran) -> Vec<String> {
    assert_eq!(ran.code, 0, "rspamc failed: {ran:?}");
    let mut lines: Vec<String> = ran.stdout.trim_end_matches('\n').lines().map(str::to_string).collect();
    for line in lines.iter_mut().filter(|l| l.starts_with("Results for ")) {
        if let Some((name, seconds)) = line.rsplit_once(" (") {
            let figure = seconds.trim_end_matches(" seconds)");
            assert!(figure.parse::<f64>().is_ok(), "a time in {line:?}");
            *line = format!("{name} (N seconds)");
        }
    }
    lines
}

//! Starting in the background so that whoever starts it learns how that went: the program is started anew as a session of its
//! own, keeps the terminal until it serves, and says so on its standard output. Nothing is forked, which Rust calls unsafe.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Command, ExitCode, Stdio};

/// What one that serves says.
const SERVES: &[u8] = b"serves\n";

/// Starts the command and waits until it serves or has ended.
pub fn start(command: &mut Command) -> io::Result<ExitCode> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut said = Vec::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_end(&mut said)?;
    }
    if said == SERVES {
        return Ok(ExitCode::SUCCESS);
    }
    let status = child.wait()?;
    if status.code().is_none() {
        eprintln!("rspamd: not started: {status}");
    }
    Ok(ExitCode::FAILURE)
}

/// Leaves the session of whoever started this process, so that the end of theirs is not ours.
pub fn leave() -> nix::Result<()> {
    nix::unistd::setsid().map(drop)
}

/// Tells whoever waits in [`start`], and lets go of their terminal and folder.
pub fn arrived() -> io::Result<()> {
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stderr(&nothing)?;
    std::env::set_current_dir("/")?;
    // The starter may have gone.
    let _ = io::stdout().write_all(SERVES).and_then(|()| io::stdout().flush());
    nix::unistd::dup2_stdout(&nothing)?;
    Ok(())
}

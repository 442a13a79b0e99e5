//! `torwart password`: makes the hashes that the controller's `password` takes, and checks one. The hashing is `http::auth`'s.

use super::print;
use crate::http::auth::{HashKind, Password, hash_new};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::ExitCode;

/// Longest password taken.
const LONGEST: u64 = 4096;

#[derive(Args)]
pub(super) struct PasswordArgs {
    /// Check a password against this hash instead of making one
    #[arg(short, long, value_name = "HASH")]
    check: Option<String>,
    /// The password itself; others on this machine can see it in the list of processes
    #[arg(short, long, value_name = "PASSWORD", conflicts_with = "stdin")]
    password: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    stdin: bool,
    /// How to hash
    #[arg(short = 't', long = "type", value_name = "KIND", default_value = "catena")]
    kind: Kind,
    /// Say nothing with --check, the exit code tells
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// `$2$`, hard on memory and CPU
    Catena,
    /// `$1$`, hard on CPU
    Pbkdf2,
}

pub(super) fn run(args: &PasswordArgs) -> Result<ExitCode> {
    if let Some(hash) = &args.check {
        let stored = Password::parse(hash);
        if !hash.starts_with('$') || !stored.usable() {
            bail!("this is no hash of a password; one begins with $1$ or $2$ (quote it: the shell eats $)");
        }
        let right = stored.verify(&obtain(args)?);
        if !args.quiet {
            print(if right { "password correct\n" } else { "password incorrect\n" });
        }
        return Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let password = obtain(args)?;
    if password.is_empty() {
        bail!("an empty password lets nobody in");
    }
    let kind = match args.kind {
        Kind::Catena => HashKind::Catena,
        Kind::Pbkdf2 => HashKind::Pbkdf2,
    };
    let hash = hash_new(kind, &password).context("cannot hash the password")?;
    print(&format!("{hash}\n"));
    Ok(ExitCode::SUCCESS)
}

fn obtain(args: &PasswordArgs) -> Result<String> {
    if let Some(password) = &args.password {
        return Ok(password.clone());
    }
    if args.stdin {
        return first_line(std::io::stdin().lock());
    }
    ask("Enter passphrase: ", false)?.context("there is no terminal to ask for the password; use --stdin")
}

fn first_line(reader: impl Read) -> Result<String> {
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LONGEST));
    reader.read_line(&mut line).context("cannot read the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Puts the terminal back however the prompt ends.
struct Silence {
    terminal: File,
    before: Termios,
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before);
    }
}

/// Asks on the terminal, whatever standard input is; what is typed is shown or not. `None` without a terminal.
pub(super) fn ask(question: &str, shown: bool) -> Result<Option<String>> {
    let terminal = File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .ok()
        .filter(File::is_terminal);
    let Some(mut terminal) = terminal else { return Ok(None) };
    let before = tcgetattr(&terminal).context("cannot read the state of the terminal")?;
    let mut silent = before.clone();
    if !shown {
        silent.local_flags.remove(LocalFlags::ECHO);
    }
    tcsetattr(&terminal, SetArg::TCSAFLUSH, &silent).context("cannot silence the terminal")?;
    let silence = Silence {
        terminal: terminal.try_clone()?,
        before,
    };
    terminal.write_all(question.as_bytes())?;
    let line = first_line(&terminal);
    drop(silence);
    if !shown {
        terminal.write_all(b"\n")?;
    }
    line.map(Some)
}

//! `rspamadm pw`: hashes of passwords for the controller. Asks on the terminal only; the hashing is `http::auth`'s.

use super::super::{password, print};
use super::Call;
use crate::http::auth::{HashKind, Password, hash_new};
use anyhow::{Context, Result, bail};
use clap::Parser;
use std::process::ExitCode;

/// Hash a password for the controller, or check one
#[derive(Parser)]
#[command(name = "rspamadm pw")]
struct Args {
    /// Hash a password; also without any option
    #[arg(short, long)]
    encrypt: bool,
    /// Check a password against a hash
    #[arg(short, long)]
    check: bool,
    /// Say nothing with --check, the exit code tells
    #[arg(short, long)]
    quiet: bool,
    /// The password; with --check the hash
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    password: Option<String>,
    /// How to hash: catena or pbkdf2
    #[arg(short = 't', long = "type", value_name = "KIND", default_value = "catena")]
    kind: String,
    /// List the ways to hash
    #[arg(short, long)]
    list: bool,
    /// encrypt, check or list: the same as the options of these names
    command: Vec<String>,
}

/// The ways to hash, as `-t` names them and as `-l` explains them.
const KINDS: [(&str, HashKind, &str); 2] = [
    (
        "pbkdf2",
        HashKind::Pbkdf2,
        "PBKDF2-blake2b - many rounds of keyed BLAKE2b, hard on the processor",
    ),
    ("catena", HashKind::Catena, "Catena-Butterfly - hard on processor and memory"),
];

pub(super) fn run(call: &Call) -> Result<ExitCode> {
    let args: Args = call.read()?;
    let wanted = |option: bool, word: &str| option || args.command.first().is_some_and(|first| first == word);
    if wanted(args.list, "list") {
        for (name, _, line) in KINDS {
            print(&format!("{name}: {line}\n"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if wanted(args.check, "check") && !wanted(args.encrypt, "encrypt") {
        return check(&args);
    }
    let Some((_, kind, _)) = KINDS.into_iter().find(|(name, ..)| *name == args.kind) else {
        bail!("Unknown PKDF type: {}", args.kind);
    };
    let password = match args.password {
        Some(password) => password,
        None => password::ask("Enter passphrase: ", false)?.unwrap_or_default(),
    };
    if password.is_empty() {
        bail!("Invalid password");
    }
    print(&(hash_new(kind, &password).context("cannot hash the password")? + "\n"));
    Ok(ExitCode::SUCCESS)
}

fn check(args: &Args) -> Result<ExitCode> {
    let hash = match &args.password {
        Some(hash) => hash.clone(),
        None => password::ask("Enter encrypted password: ", true)?.unwrap_or_default(),
    };
    let stored = Password::parse(&hash);
    if !["$1$", "$2$"].iter().any(|id| hash.starts_with(id)) {
        bail!("Invalid password format: a hash begins with $1$ or $2$ (quote it: the shell eats $)");
    }
    if !stored.usable() {
        bail!(
            "Invalid password format: the salt or the key of this hash ({} characters) is damaged",
            hash.len()
        );
    }
    let password = match std::env::var("RSPAMADM_PASSWORD") {
        Ok(password) => password,
        Err(_) => password::ask("Enter passphrase: ", false)?.unwrap_or_default(),
    };
    if password.is_empty() {
        bail!("Invalid password");
    }
    let right = stored.verify(&password);
    if !args.quiet {
        print(if right { "password correct\n" } else { "password incorrect\n" });
    }
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! `torwart store`: what the daemon remembers, seen, taken away, carried out and back in.

mod carry;
mod copy;
mod show;
#[cfg(test)]
mod tests;

use super::access::Access;
use super::{ConfigArgs, print, report};
use crate::base::hex;
use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use serde_json::json;
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Show every store: its engine, how it feels, and what lies in it by space
    Stat(StatArgs),
    /// Show one entry: a value with what remains of its life, or the newest items of a list
    Get(GetArgs),
    /// Forget everything of some spaces; answered once that is on disk
    ///
    /// The spaces are greylist, history, ratelimit, replies, senders, stats and verdicts. Counters (stats) that a running daemon has
    /// in memory go on until it is started again.
    Flush(FlushArgs),
    /// Write what is remembered to a file, or to standard output
    ///
    /// JSON Lines: a header, one entry a line, and a last line with count and checksum. Expiry is a moment in it, so that life goes
    /// on meanwhile. A daemon that runs goes on with its work; what it changes meanwhile may or may not be in the file.
    Export(ExportArgs),
    /// Put back what an export holds
    ///
    /// The file is read to its end and checked before anything is changed. Entries in it take the place of entries of the same name,
    /// others stay; importing twice changes nothing. Answered once everything is on disk.
    Import(ImportArgs),
    /// Copy what is remembered from one store of the configuration to another, and see that everything arrived
    ///
    /// To move to Redis: stop the daemon, set [redis], `torwart store copy --from own --to redis`, start the daemon. With a daemon
    /// that already works on the new store use --keep, so that nothing new is overwritten by something old. Counters (stats) belong
    /// to this machine and stay where they are unless --space names them.
    Copy(CopyArgs),
}

#[derive(Args)]
struct StatArgs {
    #[command(flatten)]
    which: ConfigArgs,
    /// Only this store: own, shared, or a module with a store of its own [default: all]
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// JSON
    #[arg(short, long)]
    json: bool,
}

#[derive(Args)]
struct GetArgs {
    #[command(flatten)]
    which: ConfigArgs,
    /// Whose entry it is, such as verdicts
    space: String,
    /// Its name, as text or as hex:00ff
    name: String,
    /// Items of a list at most
    #[arg(short, long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// The store to look in: own, shared or a module [default: where the space lies]
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// JSON
    #[arg(short, long)]
    json: bool,
}

#[derive(Args)]
struct FlushArgs {
    #[command(flatten)]
    which: ConfigArgs,
    /// What to forget, such as verdicts
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    space: Vec<String>,
    /// Forget everything
    #[arg(long)]
    all: bool,
    /// The store to forget it in: own, shared or a module [default: where the space lies]
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// Do not ask back on a terminal
    #[arg(short, long)]
    yes: bool,
}

#[derive(Args)]
struct ExportArgs {
    #[command(flatten)]
    which: ConfigArgs,
    /// The file to write, compressed if its name ends in .zst; - is standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Only this space; may be given several times [default: everything]
    #[arg(long, value_name = "SPACE")]
    space: Vec<String>,
    /// Out of this store: own, shared or a module [default: each space out of the store where it lies]
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
}

#[derive(Args)]
struct ImportArgs {
    #[command(flatten)]
    which: ConfigArgs,
    /// The file to read, compressed or not; - is standard input
    file: PathBuf,
    /// Into this store: own, shared or a module [default: each space into the store where it lies]
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// Leave entries alone that are already there
    #[arg(long)]
    keep: bool,
}

#[derive(Args)]
struct CopyArgs {
    #[command(flatten)]
    which: ConfigArgs,
    /// The store to read: own, shared, a module, or a kind (embedded, redis) that only one store is
    #[arg(long, value_name = "STORE")]
    from: String,
    /// The store to write to
    #[arg(long, value_name = "STORE")]
    to: String,
    /// Only this space; may be given several times [default: everything but stats]
    #[arg(long, value_name = "SPACE")]
    space: Vec<String>,
    /// Leave entries alone that are already there
    #[arg(long)]
    keep: bool,
    /// When everything has arrived, forget it in the store it came from
    #[arg(long)]
    remove: bool,
}

pub(super) fn run(args: &StoreArgs) -> Result<ExitCode> {
    match &args.verb {
        Verb::Stat(args) => stat(args),
        Verb::Get(args) => get(args),
        Verb::Flush(args) => flush(args),
        Verb::Export(args) => carry::export(args),
        Verb::Import(args) => carry::import(args),
        Verb::Copy(args) => copy::copy(args),
    }
}

fn stat(args: &StatArgs) -> Result<ExitCode> {
    let stat = Access::open(&args.which)?.ask(&json!({ "verb": "store.stat", "store": args.store }))?;
    print(&if args.json {
        report::pretty(&stat) + "\n"
    } else {
        show::stat(&stat)
    });
    Ok(ExitCode::SUCCESS)
}

fn get(args: &GetArgs) -> Result<ExitCode> {
    let (name, digits) = match args.name.strip_prefix("hex:") {
        Some(digits) => {
            hex::decode(digits).ok_or_else(|| anyhow!("\"{digits}\" behind hex: is no hexadecimal text"))?;
            (None, Some(digits))
        }
        None => (Some(&args.name), None),
    };
    let request = json!({
        "verb": "store.get",
        "space": args.space,
        "name": name,
        "name_hex": digits,
        "limit": args.limit,
        "store": args.store,
    });
    let found = Access::open(&args.which)?.ask(&request)?;
    if args.json {
        print(&(report::pretty(&found) + "\n"));
    } else if !found.is_null() {
        print(&show::found(&found));
    }
    if found.is_null() {
        eprintln!("torwart: nothing is remembered in {} under \"{}\"", args.space, args.name);
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn flush(args: &FlushArgs) -> Result<ExitCode> {
    let access = Access::open(&args.which)?;
    let what = if args.all { "everything".to_owned() } else { args.space.join(", ") };
    if !args.yes && std::io::stdin().is_terminal() && !agreed(&format!("Forget {what}? [y/N] "))? {
        eprintln!("torwart: nothing was forgotten");
        return Ok(ExitCode::FAILURE);
    }
    let request = json!({ "verb": "store.flush", "spaces": args.space, "all": args.all, "store": args.store });
    print(&show::flushed(&access.ask(&request)?));
    Ok(ExitCode::SUCCESS)
}

/// Asks a person.
fn agreed(question: &str) -> Result<bool> {
    eprint!("{question}");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

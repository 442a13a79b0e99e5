//! `rspamadm control`: orders over the control socket, by HTTP, to our daemon or to a real rspamd.

use super::super::client::{self, Failed, Place};
use super::super::{ConfigArgs, control, print, report};
use super::Call;
use crate::config::{Address, ucl};
use crate::daemon::control::{NAME, WAIT};
use anyhow::{Context, Result, bail};
use clap::Parser;
use nix::errno::Errno;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Give orders to the running daemon
#[derive(Parser)]
#[command(name = "rspamadm control")]
struct Args {
    /// Print JSON
    #[arg(short, long)]
    json: bool,
    /// Print JSON on one line
    #[arg(short, long)]
    compact: bool,
    /// Print UCL; also without any option
    #[arg(short, long)]
    ucl: bool,
    /// The socket [default: that of the configuration's daemon]
    #[arg(short, long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Wait so many seconds for an answer [default: 1; 60 for reload]
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// stat, reload, reresolve, recompile, fuzzystat or fuzzysync
    command: Option<String>,
    #[arg(hide = true)]
    rest: Vec<String>,
}

/// Commands, with other names, and what they ask for.
const ORDERS: &[(&[&str], &str)] = &[
    (&["stat"], "/stat"),
    (&["reload"], "/reload"),
    (&["reresolve"], "/reresolve"),
    (&["recompile"], "/recompile"),
    (&["fuzzystat", "fuzzy_stat"], "/fuzzystat"),
    (&["fuzzysync", "fuzzy_sync"], "/fuzzysync"),
];

/// `rspamadm stat`, which is ours alone.
pub(super) fn stat(call: &Call) -> Result<ExitCode> {
    let mut args: Args = call.read()?;
    args.command = Some("stat".to_owned());
    carry_out(call, &args)
}

pub(super) fn run(call: &Call) -> Result<ExitCode> {
    carry_out(call, &call.read()?)
}

fn carry_out(call: &Call, args: &Args) -> Result<ExitCode> {
    let Some(command) = args.command.as_deref() else {
        bail!("command required")
    };
    let Some((_, path)) = ORDERS.iter().find(|(names, _)| names.contains(&command)) else {
        bail!("unknown command: {command}");
    };
    let wait = match args.timeout {
        Some(seconds) => Duration::try_from_secs_f64(seconds.clamp(0.001, 86_400.0)).context("--timeout is no number of seconds")?,
        None if command == "reload" => WAIT,
        None => Duration::from_secs(1),
    };
    let socket = args.socket.clone().map_or_else(|| socket(&call.which()), Ok)?;
    let request = format!("GET {path} HTTP/1.0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let place = Place::Unix(socket.display().to_string());
    let reply = match client::exchange(&place, request.as_bytes(), wait).and_then(|raw| client::parse(&raw)) {
        Ok(reply) => reply,
        Err(Failed::Unreachable(error)) => {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or_default());
            eprintln!("cannot open connection to {}: {}", socket.display(), errno.desc());
            // The negated number, as far as it fits.
            return Ok(ExitCode::from(u8::try_from(errno as i32).map_or(1, u8::wrapping_neg)));
        }
        Err(failed) => bail!("no answer from {}: {failed}", socket.display()),
    };
    let told: Value = serde_json::from_slice(&reply.body).context("the answer is no JSON")?;
    print(&match (args.json, args.compact) {
        _ if args.ucl => ucl::to_text(&told),
        (true, _) => report::pretty(&told),
        (_, true) => told.to_string(),
        _ => ucl::to_text(&told),
    });
    let done = reply.status == 200 && succeeded(&told);
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// No worker says that it could not.
fn succeeded(told: &Value) -> bool {
    let workers = told.get("workers").and_then(Value::as_object);
    workers
        .into_iter()
        .flat_map(|w| w.values())
        .all(|worker| worker.get("status").is_none_or(|s| *s == 0))
}

/// The socket of the daemon that the configuration is for: its own, else one that `listen.control` names.
fn socket(which: &ConfigArgs) -> Result<PathBuf> {
    let config = control::readable(which);
    let own = control::folders(which, &config)?.run.join(NAME);
    let further = config.listen.control.sockets.iter().filter_map(|address| match address {
        Address::Unix { path, .. } => Some(path.as_path()),
        _ => None,
    });
    let there = [own.as_path()].into_iter().chain(further).find(|path| path.exists());
    Ok(there.map(Path::to_owned).unwrap_or(own))
}

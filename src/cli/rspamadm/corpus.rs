//! `rspamadm corpus_test`: folders of ham and spam shown to the daemon by rspamc, a line of results a message.

use super::super::print;
use super::Call;
use anyhow::{Context, Result, bail};
use clap::Parser;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Scan folders of ham and spam
#[derive(Parser)]
#[command(name = "rspamadm corpus_test")]
struct Args {
    /// The folder of ham
    #[arg(short = 'H', long, value_name = "FOLDER")]
    ham: Option<PathBuf>,
    /// The folder of spam
    #[arg(short = 'S', long, value_name = "FOLDER")]
    spam: Option<PathBuf>,
    /// Messages at a time
    #[arg(short = 'n', long, default_value_t = 10)]
    conns: u32,
    /// Where the results go
    #[arg(short, long, value_name = "FILE", default_value = "results.log")]
    output: PathBuf,
    /// Seconds for one message
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60.0)]
    timeout: f64,
    /// The daemon
    #[arg(short, long, value_name = "HOST:PORT", default_value = "localhost:11334")]
    connect: String,
    /// The rspamc to use
    #[arg(short, long, value_name = "PATH", default_value = "rspamc")]
    rspamc: PathBuf,
}

pub(super) fn run(call: &Call) -> Result<ExitCode> {
    let args: Args = call.read()?;
    let (begun, mut results, mut counts) = (Instant::now(), String::new(), Vec::new());
    let folders = [("ham", &args.ham), ("spam", &args.spam)];
    if folders.iter().all(|(_, folder)| folder.is_none()) {
        bail!("there is nothing to scan; name folders with --ham and --spam");
    }
    for (kind, folder) in folders {
        let mut count = 0u32;
        if let Some(folder) = folder {
            print(&format!("Scanning {kind} corpus...\n"));
            for reply in scan(&args, folder)? {
                results += &line(&kind.to_uppercase(), &reply);
                count += 1;
            }
        }
        counts.push(count);
    }
    print(&format!("Writing results to {}\n", args.output.display()));
    std::fs::write(&args.output, results).with_context(|| format!("cannot write {}", args.output.display()))?;
    let seconds = begun.elapsed().as_secs_f64();
    let all: u32 = counts.iter().sum();
    let mut out = format!("Stats: \nElapsed time: {seconds:.2}s\n");
    for ((kind, _), count) in folders.iter().zip(&counts) {
        let _ = writeln!(out, "No of {kind}: {count}");
    }
    let _ = writeln!(out, "Messages/sec: {:.2}", f64::from(all) / seconds.max(0.001));
    print(&out);
    Ok(if all > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What rspamc says of each message in a folder.
fn scan(args: &Args, folder: &Path) -> Result<Vec<Value>> {
    let mut command = Command::new(&args.rspamc);
    command
        .args(["--connect", &args.connect, "-j", "--compact", "-n", &args.conns.to_string()])
        .args(["-t", &format!("{:.3}", args.timeout)])
        .arg(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let done = command
        .output()
        .with_context(|| format!("cannot start {}", args.rspamc.display()))?;
    let replies = String::from_utf8_lossy(&done.stdout);
    Ok(replies.lines().filter_map(|reply| serde_json::from_str(reply).ok()).collect())
}

/// Kind, score, action, symbols, time and file, with blanks between them.
fn line(kind: &str, reply: &Value) -> String {
    let number = |key: &str| reply.get(key).and_then(Value::as_f64).unwrap_or(0.0);
    let text = |key: &str| reply.get(key).and_then(Value::as_str).unwrap_or("unknown");
    let mut out = format!("{kind} {:.2} {}", number("score"), text("action").replace(' ', "_"));
    for name in reply.get("symbols").and_then(Value::as_object).into_iter().flat_map(|s| s.keys()) {
        out.push(' ');
        out.push_str(name);
    }
    let _ = writeln!(out, " {:.2} {}", number("scan_time"), text("filename"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_a_message() {
        let reply = json!({"score": 1.5, "action": "no action", "symbols": {"B": {}, "A": {}}, "scan_time": 0.25, "filename": "a/1.eml"});
        assert_eq!(line("HAM", &reply), "HAM 1.50 no_action B A 0.25 a/1.eml\n");
    }
}

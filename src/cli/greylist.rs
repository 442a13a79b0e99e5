//! `torwart greylist`: who waits, and letting them in. Shows and asks, no more.

use super::access::Access;
use super::{ConfigArgs, print, report};
use crate::limits::greylist::waiting::{Waiting, Which};
use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fmt::Write;
use std::net::IpAddr;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct GreylistArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Who waits, longest first
    List {
        #[command(flatten)]
        which: ConfigArgs,
        /// JSON
        #[arg(short, long)]
        json: bool,
    },
    /// Let messages pass when they come again
    Release {
        #[command(flatten)]
        which: ConfigArgs,
        #[command(flatten)]
        who: Who,
    },
}

/// Conditions; every one given must hold.
#[derive(Args)]
#[group(required = true, multiple = true)]
struct Who {
    /// The key of a message, as the list shows it
    #[arg(conflicts_with = "all")]
    key: Option<String>,
    /// Everything from this address or domain
    #[arg(long, value_name = "ADDRESS", conflicts_with = "all")]
    sender: Option<String>,
    /// Everything from the network of this address
    #[arg(long, value_name = "ADDRESS", conflicts_with = "all")]
    ip: Option<IpAddr>,
    /// Everything
    #[arg(long)]
    all: bool,
}

pub(super) fn run(args: &GreylistArgs) -> Result<ExitCode> {
    match &args.what {
        What::List { which, json } => {
            let all = Access::open(which)?.ask(&json!({ "verb": "greylist.list" }))?;
            print(&if *json { report::pretty(&all) + "\n" } else { table(&all)? });
        }
        What::Release { which, who } => {
            let wanted = Which {
                key: who.key.clone(),
                sender: who.sender.clone(),
                ip: who.ip,
            };
            let request = json!({ "verb": "greylist.release", "which": wanted });
            let done = Access::open(which)?.ask(&request)?;
            let count = done.get("released").and_then(Value::as_u64).unwrap_or_default();
            print(&format!("released: {count}\n"));
            if count == 0 {
                return Err(anyhow!("nothing of that kind waits; `torwart greylist list` shows what does"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Rows for people; senders and recipients are what strangers chose, so nothing of them reaches the terminal raw.
fn table(all: &Value) -> Result<String> {
    let all: Vec<Waiting> = serde_json::from_value(all.clone())?;
    if all.is_empty() {
        return Ok("nobody waits\n".to_owned());
    }
    let clean = |text: &str| text.chars().map(|c| if c.is_control() { '?' } else { c }).collect::<String>();
    let time = |seconds: u64| {
        let time = i64::try_from(seconds).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
        time.unwrap_or_default().strftime("%Y-%m-%d %H:%M:%SZ").to_string()
    };
    let mut out = String::new();
    for one in all {
        let more = one.recipient_count.saturating_sub(one.recipients.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(
            out,
            "{}  since {}  may pass {}  {}  {} -> {}{more}",
            one.key,
            time(one.since),
            time(one.until),
            if one.network.is_empty() { "?" } else { one.network.as_str() },
            clean(&one.sender),
            clean(&one.recipients.join(", ")),
        );
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_for_people() {
        let one = Waiting {
            key: "mabc".to_owned(),
            sender: "a\u{1b}[2J@x".to_owned(),
            recipients: vec!["b@x".to_owned(), "c@x".to_owned()],
            recipient_count: 7,
            network: String::new(),
            since: 1_800_000_000,
            until: 1_800_000_300,
        };
        let text = table(&json!([one])).unwrap();
        assert_eq!(
            text,
            "mabc  since 2027-01-15 08:00:00Z  may pass 2027-01-15 08:05:00Z  ?  a?[2J@x -> b@x, c@x and 5 more\n"
        );
        assert_eq!(table(&json!([])).unwrap(), "nobody waits\n");
    }
}

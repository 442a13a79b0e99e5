//! `torwart scan`: asks the daemon about messages, or judges them in this process; prints rspamc's report or JSON.

use super::client::{self, Place};
use super::folder;
use super::report::Look;
use super::{ConfigArgs, load, print, report};
use crate::config::{Address, Config};
use crate::daemon::build;
use crate::engine::Verdict;
use crate::filter::{self, Filter};
use crate::http::{self, BoxFuture, Handler};
use crate::workers::scan::{Policy, ScanWorker, Scanner};
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Args)]
pub(super) struct ScanArgs {
    /// Messages, or folders of messages; none or `-`: standard input
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    #[command(flatten)]
    which: ConfigArgs,
    /// Judge in this process, with the same configuration, without a daemon and without the store
    #[arg(long)]
    local: bool,
    /// The reply as JSON
    #[arg(short, long)]
    json: bool,
    /// The daemon: HOST:PORT or unix:PATH [default: the first of listen.http]
    #[arg(long, value_name = "PLACE")]
    connect: Option<String>,
    /// Address of the client that sent the message
    #[arg(short, long)]
    ip: Option<IpAddr>,
    /// Envelope sender
    #[arg(short = 'F', long)]
    from: Option<String>,
    /// Envelope recipient, may be repeated
    #[arg(short, long)]
    rcpt: Vec<String>,
    /// Authenticated user
    #[arg(short, long)]
    user: Option<String>,
    /// Final recipient
    #[arg(short, long)]
    deliver: Option<String>,
    /// HELO of the client
    #[arg(long)]
    helo: Option<String>,
    /// Name of the client
    #[arg(long)]
    hostname: Option<String>,
    /// Queue id of the mail server
    #[arg(long)]
    queue_id: Option<String>,
    /// Further request header, NAME=VALUE, may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    header: Vec<String>,
    /// Run every rule, even above the reject score
    #[arg(short, long)]
    pass_all: bool,
    /// The message is plain text, no mail
    #[arg(long)]
    raw: bool,
    /// Show URLs with all that is known of them
    #[arg(long)]
    extended_urls: bool,
    /// Show the time that each rule took
    #[arg(long)]
    profile: bool,
    /// Seconds to wait for an answer
    #[arg(short, long, default_value_t = 10.0)]
    timeout: f64,
}

/// Where the answers come from.
enum Oracle {
    Daemon(Place, Duration),
    Here(Box<Local>),
}

struct Local {
    worker: ScanWorker,
    runtime: tokio::runtime::Runtime,
}

pub(super) fn run(args: &ScanArgs) -> Result<ExitCode> {
    let loaded = load(&args.which)?;
    let oracle = if args.local {
        local(&loaded.config)?
    } else {
        daemon(args, &loaded.config)?
    };
    let stdin = ["-".to_owned()];
    let files = if args.files.is_empty() { &stdin[..] } else { &args.files[..] };
    let largest = loaded.config.scan.max_message.0;
    let mut good = true;
    for given in files {
        good &= folder::each(given, &|_| false, &mut |file| one(args, &oracle, file, largest));
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn one(args: &ScanArgs, oracle: &Oracle, file: &str, largest: u64) -> bool {
    let name = if file == "-" { "stdin" } else { file };
    let body = match read(file, largest) {
        Ok(body) => body,
        Err(error) => {
            eprintln!("{}", said(&error));
            return false;
        }
    };
    let begun = Instant::now();
    let reply = ask(args, oracle, name, body);
    let time = report::seconds(begun.elapsed().as_secs_f64());
    let look = Look {
        extended_urls: args.extended_urls,
        ..Look::default()
    };
    let text = match &reply {
        Ok(reply) if args.json => {
            let mut reply = reply.clone();
            if let Some(object) = reply.as_object_mut() {
                object.insert("filename".to_owned(), json!(name));
                object.insert("scan_time".to_owned(), json!(begun.elapsed().as_secs_f64()));
            }
            report::pretty(&reply) + "\n"
        }
        Ok(reply) => format!("Results for file: {name} ({time} seconds)\n{}\n", report::scan(reply, &look)),
        Err(error) if args.json => format!("{}\n", json!({ "error": said(error), "filename": name })),
        Err(error) => format!("Results for file: {name} ({time} seconds)\n{}\n\n", said(error)),
    };
    print(&text);
    reply.is_ok()
}

/// An error without the numbers that only programmers know.
fn said(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    match text.split_once(" (os error ") {
        Some((before, behind)) => format!("{before}{}", behind.split_once(')').map_or("", |(_, rest)| rest)),
        None => text,
    }
}

fn read(file: &str, largest: u64) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    let bound = largest.saturating_add(1);
    match file {
        "-" => std::io::stdin()
            .lock()
            .take(bound)
            .read_to_end(&mut body)
            .context("cannot read standard input")?,
        path => {
            let opened = File::open(path).with_context(|| format!("cannot open file {path}"))?;
            opened
                .take(bound)
                .read_to_end(&mut body)
                .with_context(|| format!("cannot read file {path}"))?
        }
    };
    if u64::try_from(body.len()).is_ok_and(|n| n > largest) {
        bail!("{file} is larger than scan.max_message ({largest} bytes)");
    }
    Ok(body)
}

fn headers(args: &ScanArgs, name: &str) -> Result<Vec<(String, String)>> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| all.push((name.to_owned(), value));
    add("User-Agent", "torwart".to_owned());
    add("Filename", name.to_owned());
    let ip = args.ip.map(|ip| ip.to_string());
    let single = [
        ("Ip", &ip),
        ("From", &args.from),
        ("User", &args.user),
        ("Deliver-To", &args.deliver),
        ("Helo", &args.helo),
        ("Hostname", &args.hostname),
        ("Queue-Id", &args.queue_id),
    ];
    for (name, value) in single {
        if let Some(value) = value {
            add(name, value.clone());
        }
    }
    for rcpt in &args.rcpt {
        add("Rcpt", rcpt.clone());
    }
    for header in &args.header {
        let (name, value) = header.split_once(['=', ':']).unwrap_or((header, ""));
        if name.trim().is_empty() {
            return Err(anyhow!("--header {header}: there is no name"));
        }
        add(name.trim(), value.to_owned());
    }
    let flags = [
        (args.pass_all, "pass_all"),
        (args.profile, "profile"),
        (args.extended_urls, "ext_urls"),
    ];
    let flags: Vec<&str> = flags.iter().filter(|(on, _)| *on).map(|(_, n)| *n).collect();
    if !flags.is_empty() {
        add("Flags", flags.join(","));
    }
    if args.extended_urls {
        add("URL-Format", "extended".to_owned());
    }
    if args.raw {
        add("Raw", "yes".to_owned());
    }
    Ok(all)
}

fn ask(args: &ScanArgs, oracle: &Oracle, name: &str, body: Vec<u8>) -> Result<Value> {
    let headers = headers(args, name)?;
    let (status, reason, body) = match oracle {
        Oracle::Daemon(place, wait) => {
            let reply = client::ask(place, "/checkv2", &headers, &body, *wait)?;
            (reply.status, reply.reason, reply.body)
        }
        Oracle::Here(local) => {
            let reply = local.runtime.block_on(local.worker.handle(request(headers, body)));
            (reply.status, reply.reason.unwrap_or_default(), reply.body.to_vec())
        }
    };
    if status / 100 != 2 || body.is_empty() {
        bail!("HTTP error: {status}, {reason}");
    }
    serde_json::from_slice(&body).context("the answer is no JSON")
}

fn daemon(args: &ScanArgs, config: &Config) -> Result<Oracle> {
    let place = match &args.connect {
        Some(text) => Place::parse(text, 11333),
        None => config
            .listen
            .http
            .sockets
            .iter()
            .find_map(reachable)
            .context("listen.http names no address to ask; use --connect or --local")?,
    };
    let wait = Duration::try_from_secs_f64(args.timeout.clamp(0.001, 86_400.0)).context("--timeout is no number of seconds")?;
    Ok(Oracle::Daemon(place, wait))
}

fn reachable(address: &Address) -> Option<Place> {
    match address {
        Address::Tcp { port: 0, .. } | Address::AnyTcp { port: 0 } | Address::Systemd { .. } => None,
        Address::Tcp { host, port } if host.contains(':') => Some(Place::Tcp(format!("[{host}]:{port}"))),
        Address::Tcp { host, port } => Some(Place::Tcp(format!("{host}:{port}"))),
        Address::AnyTcp { port } => Some(Place::Tcp(format!("127.0.0.1:{port}"))),
        Address::Unix { path, .. } => Some(Place::Unix(path.display().to_string())),
    }
}

fn local(config: &Config) -> Result<Oracle> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let built = build::filter(config, None).map_err(|report| {
        eprintln!("{}", report.draw_for_stderr());
        anyhow!("the configuration has errors")
    })?;
    let away = &built.away;
    if away.is_empty() {
        eprintln!("scanning in this process, without the store; no symbol of this configuration needs it");
    } else {
        eprintln!(
            "scanning in this process, without the store; these symbols stay away: {}",
            away.join(", ")
        );
    }
    let policy = Policy {
        by_hand: true,
        max_message: config.scan.max_message.0,
        max_recipients: usize::try_from(config.scan.max_recipients).unwrap_or(usize::MAX),
        allow_local_files: false,
        compat: build::compat(config),
    };
    let worker = ScanWorker::new(Arc::new(Alone(built.filter)), policy);
    Ok(Oracle::Here(Box::new(Local { worker, runtime })))
}

/// A filter without a house around it.
struct Alone(Filter);

impl Scanner for Alone {
    fn scan(&self, request: filter::Request) -> BoxFuture<'_, Arc<Verdict>> {
        Box::pin(async move { Arc::new(self.0.scan(&request).await) })
    }
}

fn request(headers: Vec<(String, String)>, body: Vec<u8>) -> http::Request {
    let mut lines = http::Headers::default();
    for (name, value) in headers {
        lines.push(name, value);
    }
    http::Request {
        peer: http::Peer::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        method: "POST".to_owned(),
        path: "/checkv2".to_owned(),
        query: Vec::new(),
        headers: lines,
        body: body.into(),
        kind: http::Kind::Http,
        http_10: true,
    }
}

//! Drives an rspamd-compatible daemon with stored messages and reports what it cost.
//!
//!     loadgen http   127.0.0.1:11333 --messages DIR [--connections 8] [--seconds 10 | --count N] [--fresh] [--pid PID]...
//!     loadgen milter 127.0.0.1:11332 --messages DIR …
//!     loadgen nxdns  127.0.0.1:5353                     a DNS server that answers NXDOMAIN to everything
//!
//! `--count N` ends after N messages instead of after a time: compare two daemons with the same N, at most the number of
//! messages, so that both do the same work once and no verdict cache answers for one of them. Each connection is a thread that sends message after message (kept alive unless `--fresh` opens a new connection
//! for each). `--pid` (repeatable; children included) adds the daemon's own CPU seconds and proportional memory, so
//! two daemons can be compared by messages per CPU second, which a noisy machine disturbs far less than wall time.
//! One line of JSON at the end; exit status 1 when any exchange failed.

mod nxdns;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

struct Options {
    milter: bool,
    target: String,
    messages: PathBuf,
    connections: usize,
    seconds: u64,
    count: u64,
    fresh: bool,
    pids: Vec<u32>,
}

struct Message {
    raw: Vec<u8>,
    from: String,
    ip: String,
}

fn main() {
    let mut words = std::env::args().skip(1);
    if let (Some("nxdns"), Some(address)) = (words.next().as_deref(), words.next()) {
        let Err(e) = nxdns::serve(&address) else { return };
        eprintln!("loadgen: nxdns on {address}: {e}");
        std::process::exit(1);
    }
    let options = match parse() {
        Ok(o) => o,
        Err(e) => {
            eprintln!("loadgen: {e}");
            std::process::exit(64);
        }
    };
    let messages = load(&options.messages);
    if messages.is_empty() {
        eprintln!("loadgen: no messages under {}", options.messages.display());
        std::process::exit(66);
    }
    let next = AtomicU64::new(0);
    let bytes = AtomicU64::new(0);
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let before = cpu(&options.pids);
    let start = Instant::now();
    let outcomes: Vec<(Vec<u32>, u64, BTreeMap<String, u64>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.connections)
            .map(|_| scope.spawn(|| drive(&options, &messages, &next, &bytes, end)))
            .collect();
        threads.into_iter().map(|t| t.join().expect("a driving thread panicked")).collect()
    });
    let wall = start.elapsed().as_secs_f64();
    let burnt = cpu(&options.pids) - before;
    let mut latency: Vec<u32> = Vec::new();
    let (mut failed, mut verdicts) = (0, BTreeMap::<String, u64>::new());
    for (l, f, v) in outcomes {
        latency.extend(l);
        failed += f;
        v.into_iter().for_each(|(k, n)| *verdicts.entry(k).or_default() += n);
    }
    latency.sort_unstable();
    let at = |q: f64| {
        latency
            .get(((latency.len() as f64 * q) as usize).min(latency.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0) as f64
            / 1000.0
    };
    let n = latency.len() as f64;
    let verdicts: Vec<String> = verdicts.iter().map(|(k, n)| format!("\"{k}\":{n}")).collect();
    println!(
        "{{\"messages\":{n},\"failed\":{failed},\"seconds\":{wall:.2},\"per_second\":{:.1},\"mb_per_second\":{:.2},\"ms_p50\":{:.3},\"ms_p90\":{:.3},\"ms_p99\":{:.3},\"ms_max\":{:.3},\"cpu_seconds\":{burnt:.2},\"per_cpu_second\":{:.1},\"pss_mb\":{:.1},\"verdicts\":{{{}}}}}",
        n / wall,
        bytes.load(Ordering::Relaxed) as f64 / wall / 1e6,
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0),
        if burnt > 0.0 { n / burnt } else { 0.0 },
        pss(&options.pids),
        verdicts.join(",")
    );
    std::process::exit(if failed > 0 || n == 0.0 { 1 } else { 0 });
}

fn parse() -> Result<Options, String> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: loadgen http|milter HOST:PORT --messages DIR [--connections N] [--seconds N | --count N] [--fresh] [--pid PID]...";
    let milter = match args.next().as_deref() {
        Some("http") => false,
        Some("milter") => true,
        _ => return Err(usage.into()),
    };
    let target = args.next().ok_or(usage)?;
    let mut o = Options {
        milter,
        target,
        messages: PathBuf::new(),
        connections: 8,
        seconds: 10,
        count: u64::MAX,
        fresh: false,
        pids: vec![],
    };
    while let Some(flag) = args.next() {
        let mut value = || args.next().ok_or(format!("{flag} wants a value"));
        let number = |v: String| v.parse::<u64>().map_err(|_| format!("not a number: {v}"));
        match flag.as_str() {
            "--messages" => o.messages = value()?.into(),
            "--connections" => o.connections = number(value()?)?.max(1) as usize,
            "--seconds" => o.seconds = number(value()?)?.max(1),
            "--count" => (o.count, o.seconds) = (number(value()?)?.max(1), 24 * 3600),
            "--pid" => o.pids.push(number(value()?)? as u32),
            "--fresh" => o.fresh = true,
            _ => return Err(usage.into()),
        }
    }
    Ok(o)
}

fn load(folder: &Path) -> Vec<Message> {
    let (mut out, mut todo) = (vec![], vec![folder.to_path_buf()]);
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e != "eml") {
                continue; // a manifest or a note beside the messages
            } else if let Ok(raw) = fs::read(&path) {
                out.push(Message {
                    from: format!("sender{}@example.org", out.len() % 97),
                    ip: format!("192.0.2.{}", out.len() % 250 + 1),
                    raw,
                });
            }
        }
    }
    // one fixed, well-mixed order, so that a short run and a long one see the same kinds of mail
    out.sort_by_cached_key(|m| {
        m.raw
            .iter()
            .fold(0xcbf2_9ce4_8422_2325u64, |h, &b| (h ^ b as u64).wrapping_mul(0x100_0000_01b3))
    });
    out
}

fn drive(o: &Options, messages: &[Message], next: &AtomicU64, bytes: &AtomicU64, end: Instant) -> (Vec<u32>, u64, BTreeMap<String, u64>) {
    let (mut latency, mut failed, mut verdicts) = (vec![], 0, BTreeMap::new());
    let mut connection: Option<BufReader<TcpStream>> = None;
    while Instant::now() < end {
        let turn = next.fetch_add(1, Ordering::Relaxed);
        if turn >= o.count {
            break;
        }
        let m = &messages[turn as usize % messages.len()];
        let start = Instant::now();
        let mut attempt = || -> io::Result<String> {
            let mut c = match connection.take() {
                Some(c) => c,
                None => {
                    let s = TcpStream::connect(&o.target)?;
                    s.set_nodelay(true)?;
                    s.set_read_timeout(Some(Duration::from_secs(60)))?;
                    let mut c = BufReader::new(s);
                    if o.milter {
                        negotiate(&mut c)?;
                    }
                    c
                }
            };
            let (verdict, keep) = if o.milter { milter(&mut c, m)? } else { http(&mut c, m, o.fresh)? };
            if keep && !o.fresh {
                connection = Some(c);
            } else if o.milter {
                send(&mut c, b'Q', &[])?;
            }
            Ok(verdict)
        };
        match attempt() {
            Ok(verdict) => {
                latency.push(start.elapsed().as_micros() as u32);
                bytes.fetch_add(m.raw.len() as u64, Ordering::Relaxed);
                *verdicts.entry(verdict).or_default() += 1;
            }
            Err(e) => {
                failed += 1;
                if failed < 3 {
                    eprintln!("loadgen: {e}");
                }
            }
        }
    }
    (latency, failed, verdicts)
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn http(c: &mut BufReader<TcpStream>, m: &Message, fresh: bool) -> io::Result<(String, bool)> {
    let mut request = format!(
        "POST /checkv2 HTTP/1.1\r\nHost: localhost\r\nConnection: {}\r\nContent-Length: {}\r\nIP: {}\r\nHelo: mail.example.org\r\nHostname: mail.example.org\r\nFrom: {}\r\nRcpt: user@example.com\r\nQueue-Id: 4ABC\r\n\r\n",
        if fresh { "close" } else { "keep-alive" }, m.raw.len(), m.ip, m.from
    )
    .into_bytes();
    request.extend_from_slice(&m.raw);
    c.get_mut().write_all(&request)?;
    let (mut length, mut keep, mut line) = (0usize, !fresh, String::new());
    c.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.") || line.split(' ').nth(1) != Some("200") {
        return Err(bad(&format!("answer {:?}", line.trim())));
    }
    loop {
        line.clear();
        if c.read_line(&mut line)? == 0 {
            return Err(bad("closed inside the answer's headers"));
        }
        let l = line.trim().to_ascii_lowercase();
        if l.is_empty() {
            break;
        }
        if let Some(v) = l.strip_prefix("content-length:") {
            length = v.trim().parse().map_err(|_| bad("content-length"))?;
        } else if l == "connection: close" {
            keep = false;
        }
    }
    let mut body = vec![0; length];
    c.read_exact(&mut body)?;
    let text = String::from_utf8_lossy(&body);
    let action = text
        .split("\"action\":")
        .nth(1)
        .and_then(|t| t.split('"').nth(1))
        .ok_or(bad("no action in the answer"))?;
    Ok((action.to_string(), keep))
}

fn send(c: &mut BufReader<TcpStream>, command: u8, data: &[u8]) -> io::Result<()> {
    let mut packet = ((data.len() + 1) as u32).to_be_bytes().to_vec();
    packet.push(command);
    packet.extend_from_slice(data);
    c.get_mut().write_all(&packet)
}

fn receive(c: &mut BufReader<TcpStream>) -> io::Result<(u8, Vec<u8>)> {
    let mut length = [0; 4];
    c.read_exact(&mut length)?;
    let mut packet = vec![0; u32::from_be_bytes(length) as usize];
    c.read_exact(&mut packet)?;
    Ok((*packet.first().ok_or(bad("empty packet"))?, packet[1..].to_vec()))
}

const NO_REPLY_FOR: [(u8, u32); 8] = [
    (b'C', 0x1000),
    (b'H', 0x2000),
    (b'M', 0x4000),
    (b'R', 0x8000),
    (b'T', 0x10000),
    (b'L', 0x80),
    (b'N', 0x40000),
    (b'B', 0x80000),
];

const HDR_LEADSPC: u32 = 0x10_0000;

thread_local!(static SILENT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });

fn negotiate(c: &mut BufReader<TcpStream>) -> io::Result<()> {
    let offer: Vec<u8> = [6u32, 0x1ff, 0x1f_ffff].iter().flat_map(|v| v.to_be_bytes()).collect();
    send(c, b'O', &offer)?;
    let (code, data) = receive(c)?;
    if code != b'O' || data.len() < 12 {
        return Err(bad("negotiation refused"));
    }
    SILENT.set(u32::from_be_bytes([data[8], data[9], data[10], data[11]]));
    Ok(())
}

/// One command that the filter answers, unless it negotiated not to; `Some` carries a verdict that ends the message.
fn ask(c: &mut BufReader<TcpStream>, command: u8, data: &[u8]) -> io::Result<Option<u8>> {
    let flags = SILENT.get();
    let skipped = match command {
        b'C' => 0x1,
        b'H' => 0x2,
        b'M' => 0x4,
        b'R' => 0x8,
        b'B' => 0x10,
        b'L' => 0x20,
        b'N' => 0x40,
        b'T' => 0x200,
        _ => 0,
    };
    if flags & skipped != 0 {
        return Ok(None);
    }
    send(c, command, data)?;
    if NO_REPLY_FOR.iter().any(|&(k, bit)| k == command && flags & bit != 0) {
        return Ok(None);
    }
    loop {
        match receive(c)?.0 {
            b'p' => continue,
            b'c' | b's' => return Ok(None),
            verdict => return Ok(Some(verdict)),
        }
    }
}

fn milter(c: &mut BufReader<TcpStream>, m: &Message) -> io::Result<(String, bool)> {
    let macros = |stage: u8, pairs: &[&str]| {
        let mut data = vec![stage];
        pairs.iter().for_each(|p| {
            data.extend_from_slice(p.as_bytes());
            data.push(0);
        });
        data
    };
    let done = |verdict: u8| Ok((format!("{}", verdict as char), false));
    send(
        c,
        b'D',
        &macros(
            b'C',
            &["j", "mx.example.com", "{daemon_name}", "mx.example.com", "v", "Postfix 3.7.11"],
        ),
    )?;
    let mut connect = b"mail.example.org\x004\x30\x39".to_vec();
    connect.extend_from_slice(m.ip.as_bytes());
    connect.push(0);
    if let Some(v) = ask(c, b'C', &connect)? {
        return done(v);
    }
    if let Some(v) = ask(c, b'H', b"mail.example.org\0")? {
        return done(v);
    }
    send(c, b'D', &macros(b'M', &["{mail_addr}", &m.from, "{mail_host}", "example.org"]))?;
    if let Some(v) = ask(c, b'M', format!("<{}>\0", m.from).as_bytes())? {
        return done(v);
    }
    if let Some(v) = ask(c, b'R', b"<user@example.com>\0")? {
        return done(v);
    }
    send(c, b'D', &macros(b'T', &["i", "4ABC"]))?;
    if let Some(v) = ask(c, b'T', &[])? {
        return done(v);
    }
    let (head, body) = split(&m.raw);
    for (name, value) in fields(head, SILENT.get() & HDR_LEADSPC != 0) {
        let mut data = name;
        data.push(0);
        data.extend_from_slice(&value);
        data.push(0);
        if let Some(v) = ask(c, b'L', &data)? {
            return done(v);
        }
    }
    if let Some(v) = ask(c, b'N', &[])? {
        return done(v);
    }
    for chunk in body.chunks(65535) {
        if let Some(v) = ask(c, b'B', chunk)? {
            return done(v);
        }
    }
    send(c, b'E', &[])?;
    loop {
        let (code, data) = receive(c)?;
        match code {
            b'a' | b'c' | b'd' | b'r' | b't' => {
                send(c, b'K', &[])?; // QUIT_NC: the next message comes over this connection as from a new client
                return Ok((format!("{}", code as char), true));
            }
            b'y' => {
                send(c, b'K', &[])?;
                return Ok((format!("y{}", String::from_utf8_lossy(&data[..3.min(data.len())])), true));
            }
            _ => continue, // a header, recipient or body edit, progress, quarantine
        }
    }
}

fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    let at = (0..raw.len()).find_map(|i| {
        raw[i..]
            .starts_with(b"\n\n")
            .then_some((i + 1, i + 2))
            .or(raw[i..].starts_with(b"\n\r\n").then_some((i + 1, i + 3)))
    });
    at.map_or((raw, &[][..]), |(h, b)| (&raw[..h], &raw[b..]))
}

/// The header fields as an MTA sends them: one blank behind the colon goes, unless the filter asked to have it.
fn fields(head: &[u8], keep_blank: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut out: Vec<(Vec<u8>, Vec<u8>)> = vec![];
    for line in head.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if matches!(line.first(), Some(b' ' | b'\t')) {
            if let Some((_, v)) = out.last_mut() {
                v.push(b'\n');
                v.extend_from_slice(line);
            }
        } else if let Some(colon) = line.iter().position(|&b| b == b':') {
            let value = &line[colon + 1..];
            let value = if keep_blank {
                value
            } else {
                value.strip_prefix(b" ").unwrap_or(value)
            };
            out.push((line[..colon].to_vec(), value.to_vec()));
        }
    }
    out.retain(|(n, v)| !n.is_empty() && !n.contains(&0) && !v.contains(&0));
    out
}

fn family(pids: &[u32]) -> Vec<u32> {
    let mut all = pids.to_vec();
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| stat(pid).and_then(|f| Some((pid, f.get(1)?.parse().ok()?))))
        .collect();
    let mut grown = true;
    while grown {
        grown = false;
        for &(pid, parent) in &parents {
            if all.contains(&parent) && !all.contains(&pid) {
                all.push(pid);
                grown = true;
            }
        }
    }
    all
}

/// The fields of /proc/PID/stat behind the command's closing bracket: state, parent, …
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit(')').next()?.split_whitespace().map(str::to_string).collect())
}

fn cpu(pids: &[u32]) -> f64 {
    let ticks: u64 = family(pids)
        .iter()
        .filter_map(|&p| stat(p))
        .map(|f| f[11].parse::<u64>().unwrap_or(0) + f[12].parse::<u64>().unwrap_or(0))
        .sum();
    ticks as f64 / 100.0
}

fn pss(pids: &[u32]) -> f64 {
    let kib: u64 = family(pids)
        .iter()
        .filter_map(|p| fs::read_to_string(format!("/proc/{p}/smaps_rollup")).ok())
        .filter_map(|t| {
            t.lines()
                .find(|l| l.starts_with("Pss:"))?
                .split_whitespace()
                .nth(1)?
                .parse::<u64>()
                .ok()
        })
        .sum();
    kib as f64 / 1024.0
}

//! Our symbols against the recorded answers of rspamd 3.4 on a corpus of mail, symbol by symbol. The corpus stays outside the repository:
//!
//!     TORWART_CORPUS=folder TORWART_ANSWERS=rspamd-3.4.jsonl.zst cargo test --test it corpus -- --ignored --nocapture
//!
//! The envelope is taken from the message, as it was for the recording. Only symbols that our families declare are compared.

use crate::rules_support::{hits, is_local};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use torwart::engine::{Compat, Scan};
use torwart::family::Services;
use torwart::message::{Envelope, Limits, Mail, SmtpPath, received};
use torwart::rules::FAMILIES;

/// How often both, only the peer, only we had a symbol, with how many differing options, and examples.
#[derive(Default)]
struct Tally {
    both: usize,
    peer: Vec<String>,
    ours: Vec<String>,
    options: Vec<String>,
}

#[test]
#[ignore = "needs TORWART_CORPUS and TORWART_ANSWERS"]
fn corpus() {
    let folder = std::env::var("TORWART_CORPUS").expect("TORWART_CORPUS names a folder of messages");
    let answers = answers(Path::new(&std::env::var("TORWART_ANSWERS").expect("TORWART_ANSWERS names a file")));
    let declared: BTreeSet<&str> = FAMILIES.iter().flat_map(|f| f.symbols).map(|s| s.name).collect();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut compared = 0;
    for path in files(Path::new(&folder)) {
        let raw = std::fs::read(&path).expect("a readable message");
        let digest: String = Sha256::digest(&raw).iter().map(|b| format!("{b:02x}")).collect();
        let Some(theirs) = answers.get(&digest) else { continue };
        compared += 1;
        let ours = ours(&raw);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let names: BTreeSet<&str> = theirs.keys().chain(ours.keys()).map(String::as_str).collect();
        for symbol in names.into_iter().filter(|s| declared.contains(s)) {
            let tally = tallies.entry(symbol.to_owned()).or_default();
            match (theirs.get(symbol), ours.get(symbol)) {
                (Some(a), Some(b)) => {
                    tally.both += 1;
                    let (mut a, mut b) = (a.clone(), b.clone());
                    a.sort();
                    b.sort();
                    if a != b && !symbol.starts_with("DATE_IN_") {
                        tally.options.push(format!("{name} {a:?} / {b:?}"));
                    }
                }
                (Some(_), None) => tally.peer.push(name.clone()),
                _ => tally.ours.push(name.clone()),
            }
        }
    }
    assert!(compared > 0, "no message of {folder} has an answer");
    report(compared, &tallies);
}

fn report(compared: usize, tallies: &BTreeMap<String, Tally>) {
    println!(
        "{compared} messages\n{:28} {:>6} {:>6} {:>6} {:>8}  examples",
        "symbol", "both", "peer", "ours", "options"
    );
    let (mut agreed, mut pairs) = (0, 0);
    for (symbol, t) in tallies {
        let examples: Vec<&String> = t
            .peer
            .iter()
            .take(3)
            .chain(t.ours.iter().take(3))
            .chain(t.options.iter().take(2))
            .collect();
        println!(
            "{symbol:28} {:6} {:6} {:6} {:8}  {examples:?}",
            t.both,
            t.peer.len(),
            t.ours.len(),
            t.options.len()
        );
        agreed += t.both;
        pairs += t.both + t.peer.len() + t.ours.len();
    }
    println!("{agreed} of {pairs} pairs agree");
}

fn ours(raw: &[u8]) -> HashMap<String, Vec<String>> {
    let mail = Mail::parse(raw, &Limits::default());
    let envelope = envelope(&mail);
    let client = received::client(&mail, &envelope);
    let scan = Scan {
        mail: &mail,
        envelope: &envelope,
        now: SystemTime::now(),
        client,
        local_client: client.is_some_and(is_local),
        mime: true,
        by_hand: false,
        facts: Default::default(),
        compat: Compat::V34,
    };
    let found = FAMILIES.iter().flat_map(|f| hits((f, None), &Services::default(), &scan));
    found.map(|(name, (_, options))| (name, options)).collect()
}

/// Client and HELO of the newest Received header that has both, sender of Return-Path or From, recipient of Delivered-To or To.
fn envelope(mail: &Mail<'_>) -> Envelope {
    let mut envelope = Envelope::default();
    let ip = regex::Regex::new(r"\[(?:IPv6:)?([0-9a-fA-F.:]+)\]").unwrap();
    let helo = regex::Regex::new(r"(?i)from\s+([^\s()\[\];]+)").unwrap();
    for header in mail.headers().all("Received") {
        let value = String::from_utf8_lossy(header.raw).into_owned();
        if let (Some(ip), Some(helo)) = (ip.captures(&value), helo.captures(&value)) {
            envelope.ip = ip[1].parse().ok();
            envelope.helo = Some(helo[1].to_owned());
            break;
        }
    }
    let address = |names: &[&str]| {
        let headers = names
            .iter()
            .flat_map(|n| mail.headers().all(n).map(|h| String::from_utf8_lossy(h.raw).into_owned()));
        let mut read = headers.filter_map(|v| torwart::message::address::parse_list(&v, 1).into_iter().next());
        read.find(|a| a.address.contains('@') && a.address.is_ascii() && !a.address.contains(' '))
            .map(|a| SmtpPath::new(&a.address))
    };
    // Over HTTP an address that is none is left out and marks the headers as broken.
    let sender = address(&["Return-Path", "From"]);
    envelope.broken = sender.as_ref().is_some_and(|s| !s.valid);
    envelope.sender = sender.filter(|s| s.valid);
    envelope.recipients = address(&["Delivered-To", "X-Original-To", "To"]).into_iter().collect();
    envelope
}

fn answers(path: &Path) -> HashMap<String, HashMap<String, Vec<String>>> {
    let bytes = std::fs::read(path).expect("readable answers");
    let text = match path.extension() {
        Some(e) if e == "zst" => zstd::decode_all(bytes.as_slice()).expect("zstd"),
        _ => bytes,
    };
    let rows = text.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    rows.map(|line| {
        let row: serde_json::Value = serde_json::from_slice(line).expect("JSON");
        let symbols = row["answer"]["symbols"].as_object().expect("symbols").iter();
        let options = |s: &serde_json::Value| {
            let list = s["options"].as_array().into_iter().flatten();
            list.map(|o| o.as_str().unwrap_or_default().to_owned()).collect()
        };
        let digest = row["sha256"].as_str().expect("sha256").to_owned();
        (digest, symbols.map(|(name, s)| (name.clone(), options(s))).collect())
    })
    .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            match entry.file_type() {
                Ok(t) if t.is_dir() => open.push(entry.path()),
                _ => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

//! Requests as rspamc writes them (`http-api` 5.3), sealed ones too, and their answers.

use super::commands::Command;
use super::options::Options;
use super::{strerror, v3};
use crate::cli::client::{self, Failed, Place, Reply};
use crate::http::seal::{Pair, Public};
use std::io::Read;
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

/// Names for this machine: the controller's port is used for scans too.
const HERE: [&str; 4] = ["localhost", "127.0.0.1", "::1", "[::1]"];
const SCAN_PORT: u16 = 11333;
const CONTROL_PORT: u16 = 11334;
/// Longest wait that can be asked for.
const LONGEST: f64 = 86_400.0;
/// Largest answer after unpacking.
const LARGEST: u64 = 256 << 20;
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const LEVEL: i32 = 1;
/// How rspamc names a dictionary that has no number.
const NAMELESS: u32 = u32::MAX;

/// The same for every message.
pub(super) struct Asker {
    connect: String,
    place: Place,
    wait: Duration,
    path: &'static str,
    takes_input: bool,
    headers: Vec<(String, String)>,
    compressed: bool,
    dictionary: Vec<u8>,
    seal: Option<(Pair, Public)>,
    metadata: Option<serde_json::Value>,
}

/// Why there is no good reply.
pub(super) enum Trouble {
    /// The name of the daemon means nothing: it ends here.
    Nowhere(String),
    /// What to say, and the body that came.
    Said(String, Vec<u8>),
}

impl Asker {
    /// Prepares the questions of a command; `more` are its own headers.
    pub fn new(options: &Options, command: &Command, more: &[(&str, String)]) -> Result<Asker, String> {
        let usual = if command.control || HERE.contains(&options.connect.as_str()) {
            CONTROL_PORT
        } else {
            SCAN_PORT
        };
        let seal = match &options.key {
            Some(key) => Some(sealing(key).ok_or_else(|| format!("cannot connect to {}: {key} is no public key", options.connect))?),
            None => None,
        };
        let dictionary = options.dictionary.as_ref().filter(|_| options.compressed && command.takes_input);
        let dictionary = dictionary.map_or(Ok(Vec::new()), |file| {
            std::fs::read(file).map_err(|error| format!("cannot open dictionary {file}: {}", strerror(&error)))
        })?;
        let wait = if options.timeout > 0.0 {
            options.timeout.min(LONGEST)
        } else {
            LONGEST
        };
        let v3 = options.protocol_v3 && command.path == "/checkv2";
        Ok(Asker {
            connect: options.connect.clone(),
            place: Place::parse(&options.connect, usual),
            wait: Duration::from_secs_f64(wait),
            path: if v3 { "/checkv3" } else { command.path },
            takes_input: command.takes_input,
            headers: headers(options, more)?,
            compressed: options.compressed,
            dictionary,
            seal,
            metadata: v3.then(|| v3::metadata(options)),
        })
    }

    /// Asks about one message.
    pub fn ask(&self, name: &str, message: &[u8]) -> Result<Reply, Trouble> {
        let said = |text: String| Trouble::Said(text, Vec::new());
        let plain = self.write(name, message).map_err(|error| said(strerror(&error)))?;
        let reply = match &self.seal {
            None => client::exchange(&self.place, &plain, self.wait).and_then(|raw| client::parse(&raw)),
            Some(seal) => self.sealed(seal, &plain),
        };
        let mut reply = reply.map_err(|failed| self.trouble(failed))?;
        reply.body = unpacked(&reply).map_err(|error| said(format!("cannot unpack the reply: {error}")))?;
        if reply.status / 100 == 2 && !reply.body.is_empty() {
            return Ok(reply);
        }
        Err(Trouble::Said(format!("HTTP error: {}, {}", reply.status, reply.reason), reply.body))
    }

    fn trouble(&self, failed: Failed) -> Trouble {
        let text = match failed {
            Failed::Unknown(_) => return Trouble::Nowhere(format!("cannot connect to {}: No such file or directory", self.connect)),
            Failed::Unreachable(error) => format!("IO write error: {}", strerror(&error)),
            Failed::Broken(error) => format!("IO read error: {}", strerror(&error)),
            Failed::TimedOut => "IO timeout".to_owned(),
            Failed::Cut => "IO read error: unexpected EOF".to_owned(),
            Failed::TooLarge => "IO read error: the reply is too large".to_owned(),
            Failed::NotHttp(what) => format!("HTTP parser error: {what:?} is no HTTP"),
        };
        Trouble::Said(text, Vec::new())
    }

    /// The bytes of one request.
    fn write(&self, name: &str, message: &[u8]) -> std::io::Result<Vec<u8>> {
        let message = if self.takes_input { message } else { &[] };
        let packed = self.compressed || message.starts_with(ZSTD);
        let mut headers = self.headers.clone();
        headers.insert(1.min(headers.len()), ("Filename".to_owned(), name.to_owned()));
        if packed {
            headers.push(("Compression".to_owned(), "zstd".to_owned()));
        }
        if !self.dictionary.is_empty() {
            headers.push(("Dictionary".to_owned(), number(&self.dictionary).to_string()));
        }
        let body = match message {
            plain if self.compressed && !plain.is_empty() && !plain.starts_with(ZSTD) => {
                zstd::bulk::Compressor::with_dictionary(LEVEL, &self.dictionary)?.compress(plain)?
            }
            as_it_is => as_it_is.to_vec(),
        };
        let (kind, body) = match &self.metadata {
            Some(metadata) => v3::parts(metadata, &body, packed),
            None if packed => ("application/x-compressed".to_owned(), body),
            None => ("text/plain".to_owned(), body),
        };
        let method = if body.is_empty() { "GET" } else { "POST" };
        let mut head = format!("{method} {} HTTP/1.0\r\n", self.path);
        // Within a seal there is no connection to speak of, nor need an empty body be told of.
        if !body.is_empty() || self.seal.is_none() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str(if self.seal.is_none() { "Connection: close\r\n" } else { "" });
        if !body.is_empty() {
            head.push_str(&format!("Content-Type: {kind}\r\n"));
        }
        client::write_headers(&mut head, &headers);
        Ok([head.as_bytes(), &body].concat())
    }

    /// The request within a sealed one, and the reply out of its seal.
    fn sealed(&self, (own, server): &(Pair, Public), plain: &[u8]) -> Result<Reply, Failed> {
        let broken = || Failed::NotHttp("an answer that the key does not open".to_owned());
        let shared = own.shared(server).ok_or_else(broken)?;
        let body = shared.seal(plain).map_err(Failed::Broken)?;
        let head = format!(
            "POST /post HTTP/1.0\r\nContent-Length: {}\r\nContent-Type: application/octet-stream\r\nConnection: close\r\nKey: {}={}\r\n\r\n",
            body.len(),
            server.name(),
            own.public()
        );
        let raw = client::exchange(&self.place, &[head.as_bytes(), &body].concat(), self.wait)?;
        client::parse(&shared.open(&client::parse(&raw)?.body).ok_or_else(broken)?)
    }
}

fn sealing(key: &str) -> Option<(Pair, Public)> {
    let server = Public::parse(key)?;
    let own = Pair::generate().ok()?;
    own.shared(&server)?;
    Some((own, server))
}

fn headers(options: &Options, more: &[(&str, String)]) -> Result<Vec<(String, String)>, String> {
    let given = |value: &Option<String>| value.clone();
    let on = |set: bool, value: &str| set.then(|| value.to_owned());
    let counted = |number: i32| (number != 0).then(|| number.to_string());
    let renamed = options
        .header
        .iter()
        .any(|header| split(header).0.eq_ignore_ascii_case("User-Agent"));
    let flags = [(options.pass_all, "pass_all,"), (options.profile, "profile,"), (true, "body_block")];
    let single = [
        (
            "User-Agent",
            Some(options.user_agent.clone()).filter(|name| !name.is_empty() && !renamed),
        ),
        ("Flags", Some(flags.iter().filter(|(set, _)| *set).map(|(_, flag)| *flag).collect())),
        ("Ip", options.ip.as_deref().map(address)),
        ("From", given(&options.from)),
        ("Helo", given(&options.helo)),
        ("Hostname", given(&options.hostname)),
        ("User", given(&options.user)),
        ("Deliver-To", given(&options.deliver)),
        ("Queue-ID", given(&options.queue_id)),
        ("Log-Tag", given(&options.log_tag)),
        ("Settings", given(&options.settings)),
        ("Raw", on(options.raw, "yes")),
        ("URL-Format", on(options.extended_urls, "extended")),
        ("Classifier", given(&options.classifier)),
        ("Weight", counted(options.weight)),
        ("Flag", counted(options.flag)),
        ("Symbol", given(&options.fuzzy_symbol)),
        ("Skip-Images", on(options.skip_images, "true")),
        ("Skip-Attachments", on(options.skip_attachments, "true")),
        ("Accept", on(options.protocol_v3, "application/json")),
    ];
    let single = single.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let several = options.rcpt.iter().map(|rcpt| ("Rcpt".to_owned(), rcpt.clone()));
    let more = more.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let mut all: Vec<(String, String)> = single.chain(several).chain(more).collect();
    for header in &options.header {
        let (name, value) = split(header);
        if name.trim().is_empty() {
            return Err(format!("option parsing failed: --header {header} has no name"));
        }
        all.push((name.to_owned(), value.to_owned()));
    }
    Ok(all)
}

/// `NAME=VALUE`, `NAME:VALUE` or `NAME`.
pub(super) fn split(header: &str) -> (&str, &str) {
    header.split_once([':', '=']).unwrap_or((header, ""))
}

/// An address as it is, a name's first address.
fn address(text: &str) -> String {
    if text.parse::<IpAddr>().is_ok() {
        return text.to_owned();
    }
    match (text, 0).to_socket_addrs().map(|mut found| found.next()) {
        Ok(Some(found)) => found.ip().to_string(),
        _ => {
            eprintln!("address resolution for {text} failed: Name or service not known");
            text.to_owned()
        }
    }
}

/// The number of a dictionary: it stands behind the mark that real ones begin with.
fn number(dictionary: &[u8]) -> u32 {
    let behind = dictionary.strip_prefix(&[0x37, 0xa4, 0x30, 0xec]).and_then(<[u8]>::first_chunk);
    behind.map_or(NAMELESS, |number| u32::from_le_bytes(*number))
}

fn unpacked(reply: &Reply) -> std::io::Result<Vec<u8>> {
    let coding = reply.header("Content-Encoding").or_else(|| reply.header("Compression"));
    if !coding.is_some_and(|coding| coding.eq_ignore_ascii_case("zstd")) {
        return Ok(reply.body.clone());
    }
    let mut whole = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(reply.body.as_slice())?;
    match decoder.take(LARGEST + 1).read_to_end(&mut whole)? {
        n if u64::try_from(n).is_ok_and(|n| n <= LARGEST) => Ok(whole),
        _ => Err(std::io::Error::other(format!("more than {LARGEST} bytes"))),
    }
}

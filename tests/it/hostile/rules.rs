//! The whole rule set over what mail can be: every scan ends, within a processor time that follows its size, and within the bound of memory.
//!
//! Small damage is done to the mails of `tests/golden/mail`; what is large is made here. The time is that of the processor, so that a busy
//! machine does not count, and that of a debug build.

use super::survives;
use crate::fuzz::targets::rules::doubtful;
use crate::rules_golden::mails;
use crate::support::dice::Dice;
use crate::support::filter::Torwart;
use crate::support::web;
use base64ct::{Base64, Encoding};
use flate2::{Compression, write::GzEncoder};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use torwart::config::{LoadOptions, load_text};
use torwart::family::Services;
use torwart::filter::Filter;

/// What any message may take, and what every megabyte of it may take besides.
const TIME_FIXED: Duration = Duration::from_millis(250);
const TIME_PER_MEGABYTE: Duration = Duration::from_secs(2);

/// The filter of either generation on defaults, in this process.
struct Rules {
    filter: Filter,
    runtime: Runtime,
    /// The longest time of all scans, as a part of what was allowed.
    worst: (f64, String),
}

impl Rules {
    fn of(compat: &str) -> Rules {
        let loaded = load_text("defaults.toml", &format!("compat = \"{compat}\""), &LoadOptions::default()).expect("defaults");
        Rules {
            filter: Filter::build(&loaded.config, &Services::default()).expect("a filter of defaults"),
            runtime: Builder::new_current_thread().enable_time().build().expect("a runtime"),
            worst: (0.0, String::new()),
        }
    }

    /// Scans a message whose envelope is as doubtful as it may be.
    fn judge(&mut self, what: &str, raw: &[u8]) {
        let request = doubtful(raw);
        let begun = processor_time();
        let verdict = self.runtime.block_on(self.filter.scan(&request));
        let took = processor_time() - begun;
        assert!(verdict.score.is_finite(), "{what}: {}", verdict.score);
        let allowed = TIME_FIXED + TIME_PER_MEGABYTE.mul_f64(raw.len() as f64 / 1e6);
        let part = took.as_secs_f64() / allowed.as_secs_f64();
        assert!(part <= 1.0, "{what}: {} bytes took {took:?} of {allowed:?}", raw.len());
        if part > self.worst.0 {
            self.worst = (part, what.to_owned());
        }
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        let (part, what) = &self.worst;
        println!("worst: {what}, {:.1} % of the time allowed", part * 100.0);
    }
}

fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("the usage of this thread");
    let micros = |t: TimeVal| Duration::from_micros(t.num_microseconds().try_into().expect("a time that went by"));
    micros(usage.user_time()) + micros(usage.system_time())
}

fn both_generations(run: impl Fn(&mut Rules)) {
    for compat in ["3.4", "4.1"] {
        run(&mut Rules::of(compat));
    }
}

#[test]
fn mails_cut_at_fifty_places() {
    both_generations(|rules| {
        for (name, mail) in mails() {
            for place in 0..50 {
                rules.judge(&format!("{name} cut at {place}/50"), &mail[..mail.len() * place / 50]);
            }
        }
    });
}

#[test]
fn mails_with_bytes_changed() {
    both_generations(|rules| {
        let mut dice = Dice(5);
        for (name, mail) in mails() {
            for round in 0..30 {
                let mut mail = mail.clone();
                for _ in 0..1 + round * mail.len() / 1_000 {
                    let at = dice.below(mail.len());
                    mail[at] ^= 1 << dice.below(8);
                }
                rules.judge(&format!("{name} changed, round {round}"), &mail);
            }
        }
    });
}

#[test]
fn every_header_ten_thousand_times() {
    let mut fields = BTreeMap::new();
    for (_, mail) in mails() {
        let text = String::from_utf8_lossy(&mail).replace("\n\t", "\t").replace("\n ", " ");
        for line in text.lines().take_while(|l| !l.is_empty()) {
            if let Some((name, _)) = line.split_once(':') {
                fields.entry(name.to_owned()).or_insert_with(|| format!("{line}\n"));
            }
        }
    }
    assert!(fields.len() > 30, "{fields:?}");
    both_generations(|rules| {
        for (name, field) in &fields {
            let rest = "From: anna@example.org\nTo: bob@example.com\nSubject: hello\n\nhello\n";
            rules.judge(&format!("{name} repeated"), format!("{}{rest}", field.repeat(10_000)).as_bytes());
        }
    });
}

fn part(kind: &str, encoding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "From: \"bob@example.com\" <anna@example.org>\r\nTo: Bob <bob@example.com>\r\nSubject: hello\r\nMIME-Version: 1.0\r\n\
         Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn html(body: &str) -> Vec<u8> {
    part("text/html; charset=utf-8", "8bit", body.as_bytes())
}

fn text(body: &str) -> Vec<u8> {
    part("text/plain; charset=utf-8", "8bit", body.as_bytes())
}

fn zip(bytes: &[u8]) -> Vec<u8> {
    part("application/zip; name=\"a.zip\"", "binary", bytes)
}

/// A zip of so many members that all lie at the same place and claim four gigabytes each, as those of 42.zip do.
fn zip_of(count: usize, name: &str) -> Vec<u8> {
    let length = (name.len() as u16).to_le_bytes();
    let middle = [&[0; 12][..], &[0xff; 8], &length, &[0, 0]].concat();
    let member = [b"PK\x03\x04\x14\0", &middle[..], name.as_bytes()].concat();
    let entry = [b"PK\x01\x02\x14\0\x14\0", &middle[..], &[0; 14], name.as_bytes()].concat();
    let (at, size) = ((member.len() as u32).to_le_bytes(), ((entry.len() * count) as u32).to_le_bytes());
    let count_told = (count as u16).to_le_bytes();
    let last = [&b"PK\x05\x06\0\0\0\0"[..], &count_told, &count_told, &size, &at, &[0, 0]].concat();
    [member, entry.repeat(count), last].concat()
}

/// A gigabyte of zeros in a gzip of a thousand members.
fn zeros() -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(&[0; 1 << 20]).expect("bytes in memory");
    let member = packer.finish().expect("bytes in memory");
    part("application/gzip; name=\"a.tar.gz\"", "binary", &member.repeat(1_000))
}

/// A message packed in a message, and so on until a megabyte is full.
fn packed() -> Vec<u8> {
    let mut mail = text("hello http://a.example/\r\n");
    while mail.len() < 1_000_000 {
        mail = part("message/rfc822", "base64", Base64::encode_string(&mail).as_bytes());
    }
    mail
}

/// Ten thousand packed messages beside each other.
fn many_packed() -> Vec<u8> {
    let one = Base64::encode_string(&text("hello\r\n"));
    let one = format!("--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{one}\r\n");
    part("multipart/mixed; boundary=b", "8bit", one.repeat(10_000).as_bytes())
}

/// What is large or strange, by name.
fn shapes() -> Vec<(&'static str, Vec<u8>)> {
    let urls = |mark: fn(usize) -> String| (0..100_000).map(mark).collect::<String>();
    let turned = "\u{202e}\u{202b}exe.fdp\u{202c}\u{200f}".repeat(20_000);
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    vec![
        ("2 MB of < as html", html(&"<".repeat(2_000_000))),
        ("2 MB of < as text", text(&"<".repeat(2_000_000))),
        (
            "2 MB of < as addresses",
            format!("From: {0}\r\nTo: {0}\r\n\r\nhello\r\n", "<".repeat(1_000_000)).into_bytes(),
        ),
        (
            "<div> nested 100,000 deep",
            html(&("<div>".repeat(100_000) + "hello" + &"</div>".repeat(100_000))),
        ),
        (
            "tables and links nested and never closed",
            html(&"<table><tr><td><a href=\"http://a.example/\">".repeat(30_000)),
        ),
        (
            "an attribute without end",
            html(&format!("<a href=\"{}", "http://a.example/?".repeat(60_000))),
        ),
        ("comments without end", html(&"<!--".repeat(300_000))),
        ("entities", html(&"&#xd800;&#x110000;&#0;&amp".repeat(50_000))),
        (
            "100,000 URLs as text",
            text(&urls(|n| format!("http://u{n}.example.org/?q={n}\r\n"))),
        ),
        (
            "100,000 URLs as links",
            html(&urls(|n| format!("<a href=\"http://u{n}.example.org/\">www.example{n}.com</a>\n"))),
        ),
        (
            "one URL of a megabyte",
            text(&format!("http://{}.example.org/", "a@".repeat(500_000))),
        ),
        ("100,000 mail addresses", text(&urls(|n| format!("u{n}@example{n}.org\r\n")))),
        ("digits, as wallets", text(&"1BoatSLRHtKNngkdXEeobR76b53LETtpyT ".repeat(30_000))),
        ("a zip bomb's shape", zip(&zip_of(16, "lib 0.zip"))),
        ("a gigabyte of nothing, packed", zeros()),
        ("messages packed in each other", packed()),
        ("10,000 packed messages", many_packed()),
        ("a zip of 1,000,000 members", zip(&zip_of(1_000_000, "a"))),
        ("right to left, as text", text(&turned)),
        (
            "right to left, everywhere",
            format!("From: {turned} <a@b.org>\r\nSubject: {turned}\r\nContent-Type: a/b; name=\"{turned}\"\r\n\r\n").into_bytes(),
        ),
        ("no UTF-8 at all", part("text/plain; charset=utf-8", "8bit", &bytes)),
        ("no UTF-8 at all, as html", part("text/html; charset=utf-8", "8bit", &bytes)),
        ("bytes of no charset", part("text/plain", "base64", &bytes)),
        (
            "UTF-7",
            part(
                "text/html; charset=utf-7",
                "7bit",
                "+ADw-script+AD4-+2ADYAA-".repeat(40_000).as_bytes(),
            ),
        ),
        (
            "surrogates",
            part(
                "text/plain; charset=utf-8",
                "8bit",
                &b"\xed\xa0\x80\xed\xb0\x80\\ud800".repeat(60_000),
            ),
        ),
        (
            "surrogates in headers",
            format!("Subject: {}\r\n\r\n", "=?utf-8?Q?=ED=A0=80?= =?utf-7?Q?+2AA-?=\r\n ".repeat(20_000)).into_bytes(),
        ),
        (
            "UTF-16 cut in half",
            part("text/html; charset=utf-16", "8bit", &[0xd8, 0x00, 0x3c].repeat(200_000)),
        ),
        (
            "one line of a megabyte of quoted text",
            part("text/html; charset=utf-8", "quoted-printable", "=3C=".repeat(250_000).as_bytes()),
        ),
    ]
}

#[test]
fn large_and_strange_mail_in_time() {
    both_generations(|rules| {
        for (what, mail) in shapes() {
            rules.judge(what, &mail);
        }
    });
}

#[test]
fn large_and_strange_mail_in_memory() {
    for (_, mail) in shapes() {
        survives(&mut Torwart::start(), mail.len(), |t| {
            assert!(web::scan(t.http, &mail, &[])["action"].is_string());
        });
    }
}

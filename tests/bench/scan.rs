//! Speed of the parts of a scan: `cargo bench --bench scan`. `Mail::parse` alone, and a whole `Filter::scan` on the defaults, of
//! messages that are made here, so that the bench needs nothing but the repository. It measures no socket and no log:
//! that is `tests/bench/compare`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use torwart::config::{LoadOptions, load_text};
use torwart::family::Services;
use torwart::filter::{Filter, Request};
use torwart::message::{Envelope, Limits, Mail, SmtpPath};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn headers() -> String {
    let hop = |i: u32| {
        format!(
            "Received: from mx{i}.example.org (mx{i}.example.org [192.0.2.{i}])\r\n\tby relay{i}.example.net (Postfix) with ESMTPS id 4ABC{i}\r\n\tfor <someone@example.net>; Mon, 1 Jan 2024 10:00:0{i} +0000 (UTC)\r\n"
        )
    };
    let chain: String = (1..6).map(hop).collect();
    format!(
        "{chain}From: \"Some One\" <someone@example.org>\r\nTo: Other <other@example.net>, third@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= aus dem Norden\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <1234.5678@example.org>\r\nMIME-Version: 1.0\r\n"
    )
}

/// A short text.
fn small() -> String {
    let text = "The quick brown fox jumps over the lazy dog, and the dog sleeps on.\r\n".repeat(20);
    format!("{}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}", headers())
}

/// The same text in two forms, and a file of 32 kB.
fn attachment() -> String {
    let text = "A line with umlauts: =C3=A4=C3=B6=C3=BC and some more words behind it.\r\n".repeat(60);
    let blob = "JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0ZURl\r\n".repeat(400);
    format!(
        "{}Content-Type: multipart/mixed; boundary=\"outer\"\r\n\r\n--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n--inner\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{text}\r\n--inner\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>{text}</p>\r\n--inner--\r\n--outer\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n\r\n{blob}\r\n--outer--\r\n",
        headers()
    )
}

/// 200 kB of HTML.
fn newsletter() -> String {
    let row = "<tr><td style=3D\"color:#333;padding:4px\"><a href=3D\"https://shop.example.com/=\r\nitem?n=3D1\">Sch=C3=B6ne Sachen</a></td></tr>\r\n".repeat(1600);
    format!(
        "{}List-Unsubscribe: <https://shop.example.com/leave>\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><body><table>\r\n{row}</table></body></html>\r\n",
        headers()
    )
}

fn messages() -> [(&'static str, Vec<u8>); 3] {
    [
        ("small text", small()),
        ("attachment", attachment()),
        ("newsletter of 200 kB", newsletter()),
    ]
    .map(|(n, text)| (n, text.into_bytes()))
}

/// What rules on headers and texts ask of a message: everything that is decoded on demand.
fn read(mail: &Mail<'_>) -> usize {
    let texts: usize = mail.parts().iter().filter_map(|p| p.text()).map(str::len).sum();
    texts + mail.from().len() + mail.recipients().map_or(0, <[_]>::len) + mail.received().len() + mail.subject().map_or(0, str::len)
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("Mail::parse");
    for (name, raw) in messages() {
        group.throughput(Throughput::Bytes(raw.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| black_box(Mail::parse(black_box(&raw), &Limits::default())).parts().len())
        });
        group.bench_function(format!("{name}, all decoded"), |b| {
            b.iter(|| read(&Mail::parse(black_box(&raw), &Limits::default())))
        });
        group.bench_function(format!("{name}, HTML and URLs"), |b| {
            b.iter(|| Mail::parse(black_box(&raw), &Limits::default()).urls().all().len())
        });
    }
    group.finish();
}

fn envelope() -> Envelope {
    let mut envelope = Envelope {
        ip: "192.0.2.1".parse().ok(),
        hostname: Some("mail.example.org".to_owned()),
        helo: Some("mail.example.org".to_owned()),
        sender: Some(SmtpPath::new("<someone@example.org>")),
        ..Envelope::default()
    };
    envelope.add_recipient("<other@example.net>", 100);
    envelope
}

fn scan(c: &mut Criterion) {
    let loaded = load_text("bench.toml", "", &LoadOptions::default()).expect("the defaults are a configuration");
    let filter = Filter::build(&loaded.config, &Services::default()).unwrap_or_else(|_| unreachable!("the defaults are a filter"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime needs nothing but descriptors");
    let mut group = c.benchmark_group("Filter::scan");
    for (name, raw) in messages() {
        group.throughput(Throughput::Bytes(raw.len() as u64));
        let request = Request {
            envelope: envelope(),
            raw: raw.into(),
            ..Request::default()
        };
        group.bench_function(name, |b| {
            b.iter(|| runtime.block_on(filter.scan(black_box(&request))).symbols.len())
        });
    }
    group.finish();
}

criterion_group!(benches, parse, scan);
criterion_main!(benches);

//! Speed of the parts of a scan: `cargo bench --bench scan`. Figures are per message; the messages are made here, so that the
//! bench needs nothing but the repository.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use torwart::message::{Limits, Mail};

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

fn plain() -> Vec<u8> {
    let text = "The quick brown fox jumps over the lazy dog, and the dog sleeps on.\r\n".repeat(60);
    format!("{}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}", headers()).into_bytes()
}

fn mixed() -> Vec<u8> {
    let text = "A line with umlauts: =C3=A4=C3=B6=C3=BC and some more words behind it.\r\n".repeat(60);
    let blob = "JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0ZURl\r\n".repeat(400);
    format!(
        "{}Content-Type: multipart/mixed; boundary=\"outer\"\r\n\r\n--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n--inner\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{text}\r\n--inner\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>{text}</p>\r\n--inner--\r\n--outer\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n\r\n{blob}\r\n--outer--\r\n",
        headers()
    )
    .into_bytes()
}

/// What the first rules ask of every message.
fn ask(mail: &Mail<'_>) -> usize {
    let texts: usize = mail.parts().iter().filter_map(|p| p.text()).map(str::len).sum();
    texts + mail.from().len() + mail.recipients().map_or(0, <[_]>::len) + mail.received().len() + mail.subject().map_or(0, str::len)
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("Mail::parse");
    for (name, raw) in [("plain", plain()), ("mixed", mixed())] {
        group.throughput(Throughput::Bytes(raw.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| black_box(Mail::parse(black_box(&raw), &Limits::default())).parts().len())
        });
        group.bench_function(format!("{name}, read"), |b| {
            b.iter(|| ask(&Mail::parse(black_box(&raw), &Limits::default())))
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);

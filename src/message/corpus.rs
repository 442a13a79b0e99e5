//! Reads a folder of real mail, on demand only: `TORWART_CORPUS=folder cargo test --lib message::corpus -- --ignored`.
//! With `TORWART_DUMP=file` it writes what it saw, one JSON object a line, to be held against another reader.

use super::*;
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|e| e == "eml") {
            out.push(path);
        }
    }
}

fn address(a: &Address) -> serde_json::Value {
    json!({"name": a.name, "addr": a.address, "domain": a.domain, "valid": a.valid})
}

fn hop(r: &Received) -> serde_json::Value {
    json!({"fh": r.from_host, "rh": r.real_host, "rip": r.real_ip.map(|i| i.to_string()), "by": r.by_host, "proto": r.proto,
        "ts": r.timestamp, "for": r.for_addr, "tls": r.tls, "auth": r.authenticated})
}

fn part(p: &Part<'_>) -> serde_json::Value {
    json!({"type": p.mime_type(), "par": p.parent, "len": p.data().len(), "cte": p.effective_encoding.as_str(), "fn": p.file_name,
        "att": p.is_attachment(), "txt": p.is_text(), "mp": p.is_multipart(), "msg": p.is_message(), "broken": p.content_type.as_ref().is_some_and(|t| t.broken),
        "content": p.text().map(|t| t.chars().take(200).collect::<String>()), "sniff": sniff::detect(p.data()).map(|k| k.ext)})
}

#[test]
#[ignore = "wants a folder of mail in TORWART_CORPUS"]
fn real_mail_is_read() {
    let folder = std::env::var_os("TORWART_CORPUS").expect("TORWART_CORPUS names a folder");
    let mut list = Vec::new();
    files(Path::new(&folder), &mut list);
    assert!(!list.is_empty(), "no mail in {}", folder.display());
    let mut dump = String::new();
    for path in &list {
        let raw = std::fs::read(path).expect("the message can be read");
        let mail = Mail::parse(&raw, &Limits::default());
        assert!(!mail.parts().is_empty(), "{}", path.display());
        let headers: Vec<_> = mail.headers().iter().map(|h| json!([h.name, h.value()])).collect();
        let row = json!({
            "file": path, "key": sha256(&raw), "headers": headers, "parts": mail.parts().iter().map(part).collect::<Vec<_>>(),
            "from": mail.from().iter().map(address).collect::<Vec<_>>(), "rt": mail.reply_to().iter().map(address).collect::<Vec<_>>(),
            "to": mail.recipients().map(|l| l.iter().map(address).collect::<Vec<_>>()),
            "received": mail.received().iter().map(hop).collect::<Vec<_>>(), "broken": mail.anomalies().broken_headers,
            "date": mail.date().and_then(Result::ok), "mid": mail.message_id(), "subj": mail.subject(),
        });
        let _ = writeln!(dump, "{row}");
    }
    if let Some(file) = std::env::var_os("TORWART_DUMP") {
        std::fs::write(file, dump).expect("the dump can be written");
    }
}

fn sha256(raw: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(raw).iter().map(|b| format!("{b:02x}")).collect()
}

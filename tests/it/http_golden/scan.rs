//! Recorded requests to the scan port, in HTTP and in the protocols before it.

use super::*;
use bytes::Bytes;
use torwart::engine::Compat;

#[tokio::test]
async fn scan_replies_are_rspamds_to_the_byte() {
    for name in [
        "scan-check-legacy.txt",
        "scan-checkv2-groups.txt",
        "scan-checkv2-gtube.txt",
        "scan-checkv2-ham.txt",
        "scan-empty-body.txt",
        "scan-flag-skip.txt",
        "scan-get-nobody.txt",
        "scan-head.txt",
        "scan-milter-headers.txt",
        "scan-rewrite-subject.txt",
        "scan-settings-scores.txt",
        "scan-skip-command.txt",
    ] {
        let record = record(name);
        let verdict = verdict(&serde_json::from_slice(&record.body).unwrap());
        let scanner = Arc::new(Fake {
            verdict,
            ..Fake::default()
        });
        let answer = ask_scan(scanner.clone(), &record.request).await;
        let body = assert_head(name, &record.head, &answer);
        assert_eq!(text(&body), text(&record.body), "{name}");
        let asked = scanner.asked.lock().unwrap();
        let sent = find(&record.request, b"\r\n\r\n").unwrap() + 4;
        assert_eq!(asked[0].raw, record.request[sent..], "{name}: the message changed on its way");
    }
}

#[tokio::test]
async fn scan_errors_and_ping_are_rspamds_to_the_byte() {
    for name in [
        "scan-ping.txt",
        "scan-file-missing.txt",
        "scan-shm-missing.txt",
        "scan-trailing-slash.txt",
        "scan-unknown-command.txt",
        "scan-zstd-bad.txt",
        "scan-zstd-dict-unknown.txt",
    ] {
        let record = record(name);
        let answer = ask_scan(Arc::default(), &record.request).await;
        let body = assert_head(name, &record.head, &answer);
        assert_eq!(text(&body), text(&record.body), "{name}");
    }
}

#[tokio::test]
async fn where_rspamd_is_silent_we_say_why() {
    let bad = ask_scan(Arc::default(), &record("scan-bad-header.txt").request).await;
    assert!(text(&bad).starts_with("HTTP/1.1 400 ") && text(&bad).ends_with("invalid character in header"));
    let large = ask_scan(Arc::default(), &record("scan-too-large.txt").request).await;
    let (head, body) = split(&large);
    assert_eq!(head[0], "HTTP/1.1 413 Request entity too large: 999999");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["error"], "Request entity too large: 999999");
}

#[tokio::test]
async fn messages_come_from_files_only_where_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a b.eml");
    std::fs::write(&file, "Subject: x\r\n\r\nhello\r\n").unwrap();
    let quoted = file.display().to_string().replace(' ', "%20");
    for header in [format!("File: {quoted}"), format!("Path: \"{quoted}\"")] {
        let scanner = Arc::new(Fake::default());
        let request = format!("GET /checkv2 HTTP/1.1\r\n{header}\r\n\r\n");
        let answer = ask_scan(scanner.clone(), request.as_bytes()).await;
        assert!(text(&answer).starts_with("HTTP/1.1 200 OK"), "{header}: {}", text(&answer));
        assert_eq!(scanner.asked.lock().unwrap()[0].raw, "Subject: x\r\n\r\nhello\r\n");

        let strict = Arc::new(ScanWorker::new(scanner.clone(), Policy::default()));
        let answer = ask(strict, Peer::Unix, limits(), request.as_bytes()).await;
        let expect = "HTTP/1.1 400 file and shm message sources are not allowed on this connection\r\n";
        assert!(text(&answer).starts_with(expect), "{}", text(&answer));
        assert_eq!(scanner.asked.lock().unwrap().len(), 1);
    }
    // Not a file, or one that would never end.
    for path in ["/", "/dev/zero", "/nonexistent"] {
        let request = format!("GET /checkv2 HTTP/1.1\r\nFile: {path}\r\n\r\n");
        let answer = text(&ask_scan(Arc::default(), request.as_bytes()).await);
        assert!(answer.starts_with(&format!("HTTP/1.1 503 Invalid file ({path}): ")), "{answer}");
    }
    let escape = "GET /checkv2 HTTP/1.1\r\nShm: /../etc/passwd\r\n\r\n";
    assert!(text(&ask_scan(Arc::default(), escape.as_bytes()).await).starts_with("HTTP/1.1 503 Cannot open shm"));
}

/// A verdict from the lines of a recorded text answer.
fn verdict_of_text(text: &str) -> Verdict {
    let line = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)).unwrap();
    let metric: Vec<&str> = line("Metric: default; False; ").split(" / ").collect();
    let symbol = |l: &str| {
        let (name, score) = l.strip_prefix("Symbol: ")?.strip_suffix(')')?.split_once('(')?;
        Some(SymbolResult {
            name: name.to_owned(),
            score: score.parse().ok()?,
            metric_score: 0.0,
            description: None,
            options: vec![],
        })
    };
    Verdict {
        action: Action::parse(line("Action: ")).unwrap(),
        score: metric[0].parse().unwrap(),
        required: metric[1].parse().unwrap(),
        symbols: text.lines().filter_map(symbol).collect(),
        messages: vec![("smtp_message".to_owned(), line("Message: ").to_owned())],
        message_id: Some(line("Message-ID: ").to_owned()),
        ..Verdict::default()
    }
}

#[tokio::test]
async fn old_protocols_answer_to_the_byte() {
    let raw = |name: &str| {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let at = find(&bytes, b"# ---- response ----\n").unwrap() + 21;
        text(&bytes[at..bytes.len() - 1])
    };
    let gtube = verdict_of_text(&raw("scan-rspamc12-check.txt"));
    for (name, verdict) in [
        ("scan-rspamc12-check.txt", gtube.clone()),
        ("scan-rspamc13.txt", verdict_of_text(&raw("scan-rspamc13.txt"))),
        ("scan-spamc.txt", gtube),
    ] {
        let scanner = Arc::new(Fake {
            verdict,
            ..Fake::default()
        });
        let answer = ask_scan(scanner, &record(name).request).await;
        assert_eq!(text(&answer), raw(name), "{name}");
    }
}

#[tokio::test]
async fn compressed_requests_get_compressed_replies() {
    let request = record("scan-zstd.bin").request;
    let scanner = Arc::new(Fake::default());
    let (head, body) = split(&ask_scan(scanner.clone(), &request).await);
    let recorded = record("scan-zstd.bin").head;
    let names = |head: &[String]| {
        head.iter()
            .skip(1)
            .filter_map(|l| Some(l.split_once(':')?.0.to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&head), names(&recorded));
    let reply: Value = serde_json::from_slice(&zstd::decode_all(&body[..]).unwrap()).unwrap();
    assert_eq!(reply["action"], "no action");
    assert!(text(&scanner.asked.lock().unwrap()[0].raw).contains("GTUBE"));
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let bomb = zstd::encode_all(&vec![0u8; 100 << 20][..], 3).unwrap();
    let mut request = format!(
        "POST /checkv2 HTTP/1.1\r\nCompression: zstd\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    )
    .into_bytes();
    request.extend(bomb);
    let scanner = Arc::new(Fake::default());
    let answer = text(&ask_scan(scanner.clone(), &request).await);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(scanner.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn every_recorded_request_of_rspamc_is_read() {
    let mut scans = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("rspamc-request-") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let begin = find(&bytes, b"\n").unwrap() + 1;
        let mut request = bytes[begin..].to_vec();
        // The recording ends with a line feed of its own.
        request.pop();
        let scanner = Arc::new(Fake::default());
        let answer = ask_scan(scanner.clone(), &request).await;
        let status = text(&answer).lines().next().unwrap_or_default().to_owned();
        let scan = find(&request, b" /checkv2 ").is_some();
        let expect = if scan { "HTTP/1.1 200 OK" } else { "HTTP/1.1 500 invalid command" };
        assert_eq!(status, expect, "{name}");
        scans += scanner.asked.lock().unwrap().len();
        if name == "rspamc-request-scan-opts.txt" {
            check_options(&scanner.asked.lock().unwrap()[0]);
        }
    }
    assert_eq!(scans, 7);
}

fn check_options(asked: &filter::Request) {
    let envelope = &asked.envelope;
    assert_eq!(envelope.ip, Some("192.0.2.4".parse().unwrap()));
    assert_eq!(envelope.user.as_deref(), Some("authu"));
    assert_eq!(envelope.helo.as_deref(), Some("helo.example.org"));
    assert_eq!(envelope.hostname.as_deref(), Some("host.example.org"));
    assert_eq!(envelope.sender.as_ref().unwrap().address, "from@example.org");
    assert_eq!(envelope.deliver_to.as_deref(), Some("deliver@example.com"));
    let recipients: Vec<_> = envelope.recipients.iter().map(|r| r.address.as_str()).collect();
    assert_eq!(recipients, ["a@example.com", "b@example.com"]);
    assert!(asked.flags.pass_all && asked.flags.profile && asked.flags.body_block && asked.flags.raw && asked.flags.ext_urls);
    assert_eq!(envelope.extra("x-a"), Some("1"));
    assert_eq!(envelope.extra("Password"), None, "a password reaches the rules");
    assert_eq!(asked.raw, Bytes::from_static(b"From: a@b.c\nSubject: x\n\nshort\n"));
}

#[tokio::test]
async fn the_newer_generation_says_more() {
    let policy = Policy {
        compat: Compat::V41,
        ..Policy::default()
    };
    let worker = Arc::new(ScanWorker::new(Arc::new(Fake::default()), policy));
    let request = b"GET /checkv2 HTTP/1.1\r\n\r\n";
    let answer = ask(worker, Peer::Unix, limits(), request).await;
    let reply: Value = serde_json::from_slice(&split(&answer).1).unwrap();
    assert!(reply["thresholds"].is_object());
}

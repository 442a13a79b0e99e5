//! Rows, their bounds, the queue, and what is found again.

use super::*;
use crate::config::{Config, LoadOptions};
use crate::engine::{Action, Headline, Passthrough, SymbolResult, Verdict};
use crate::message::{Envelope, SmtpPath};
use crate::store::{Bucket, Caps, Cursor, Entry, Health, Level, Life, Memory, Page, Position, Reply, Scale, Space};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn past(number: usize) -> Past {
    let mut envelope = Envelope {
        ip: Some("192.0.2.10".parse().unwrap()),
        helo: Some("mx.example.org".to_owned()),
        sender: Some(SmtpPath::new("<alice@example.org>")),
        queue_id: Some(format!("Q{number}")),
        extra: vec![("Secret".to_owned(), "x".to_owned())],
        ..Envelope::default()
    };
    envelope.add_recipient("<bob@example.com>", 9);
    let symbol = |name: &str, options: &[&str]| SymbolResult {
        name: name.to_owned(),
        score: 1.5,
        metric_score: 1.0,
        description: Some("never stored".to_owned()),
        options: options.iter().map(|o| (*o).to_owned()).collect(),
    };
    let verdict = Verdict {
        action: if number.is_multiple_of(10) {
            Action::Reject
        } else {
            Action::NoAction
        },
        score: 0.9,
        symbols: vec![symbol("MIME_GOOD", &["text/plain"]), symbol("ARC_NA", &[])],
        message_id: Some(format!("m{number}@example.org")),
        headline: Headline {
            subject: Some(format!("Notes No. {number}")),
            from: Some("alice@example.org".to_owned()),
            from_name: Some("Alice".to_owned()),
        },
        digest: "d".repeat(32),
        elapsed: Duration::from_micros(1_500),
        ..Verdict::default()
    };
    Past {
        envelope,
        verdict: Arc::new(verdict),
        size: 100 + number,
        id: format!("id{number}"),
        at: UNIX_EPOCH + Duration::from_millis(1_795_380_374_250),
    }
}

fn changed(number: usize, change: impl FnOnce(&mut Envelope, &mut Verdict)) -> Past {
    let mut past = past(number);
    let mut verdict = (*past.verdict).clone();
    change(&mut past.envelope, &mut verdict);
    past.verdict = Arc::new(verdict);
    past
}

fn reread(past: &Past) -> Value {
    row::read(&row::write(past, &Settings::default())).unwrap().0
}

#[test]
fn a_row_holds_what_was_known() {
    let forced = changed(7, |_, verdict| {
        verdict.passthrough = Some(Passthrough {
            module: "multimap".to_owned(),
            action: Action::Reject,
            message: None,
            least: false,
        });
        verdict.profile = Some(vec![("DATES".to_owned(), 0.25)]);
    });
    assert_eq!(
        reread(&forced),
        json!({
            "unix_time": 1_795_380_374, "time_ms": 1_795_380_374_250_u64, "id": "id7", "message-id": "m7@example.org", "queue_id": "Q7",
            "ip": "192.0.2.10", "helo": "mx.example.org", "user": "unknown", "sender_smtp": "alice@example.org",
            "sender_mime": "alice@example.org", "sender_name": "Alice", "rcpt_smtp": ["bob@example.com"], "rcpt_smtp_count": 1,
            "rcpt_mime": [], "rcpt_mime_count": 0, "subject": "Notes No. 7", "size": 107, "digest": "d".repeat(32),
            "action": "no action", "score": 0.9, "required_score": 15.0,
            "thresholds": {"reject": 15.0, "add header": 6.0, "greylist": 4.0},
            "passthrough": {"module": "multimap", "action": "reject"}, "is_skipped": false, "time_real": 0.0015,
            "profile": {"DATES": 0.25},
            "symbols": {
                "MIME_GOOD": {"name": "MIME_GOOD", "score": 1.5, "metric_score": 1.0, "options": ["text/plain"]},
                "ARC_NA": {"name": "ARC_NA", "score": 1.5, "metric_score": 1.0}
            }
        })
    );
}

#[test]
fn what_nobody_said_is_unknown_as_with_the_peer() {
    let bare = Past {
        envelope: Envelope {
            sender: None,
            ..Envelope::default()
        },
        verdict: Arc::default(),
        size: 0,
        id: String::new(),
        at: UNIX_EPOCH,
    };
    let row = reread(&bare);
    for key in ["ip", "user", "sender_smtp", "sender_mime", "subject"] {
        assert_eq!(row[key], "unknown", "{key}");
    }
    assert_eq!(row["message-id"], "undef");
    let null = changed(1, |envelope, verdict| {
        envelope.sender = Some(SmtpPath::new("<>"));
        verdict.headline.subject = Some(String::new());
    });
    assert_eq!(reread(&null)["sender_smtp"], "");
    assert_eq!(reread(&null)["subject"], "");
}

#[test]
fn a_row_is_bounded_and_says_what_it_lacks() {
    let huge = changed(1, |envelope, verdict| {
        (0..5_000).for_each(|n| envelope.add_recipient(&format!("<r{n}@{}.example>", "ä".repeat(400)), 1_000));
        envelope.helo = Some("h".repeat(100_000));
        verdict.symbols = (0..600)
            .map(|n| SymbolResult {
                name: format!("S{n}"),
                score: 0.0,
                metric_score: 0.0,
                description: None,
                options: (0..40).map(|o| format!("{o}{}", "x".repeat(2_000))).collect(),
            })
            .collect();
    });
    let bytes = row::write(&huge, &Settings::default());
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let (row, size) = row::read(&bytes).unwrap();
    assert_eq!(size, bytes.len());
    assert_eq!(row["rcpt_smtp_count"], 5_001);
    let cut: Vec<&str> = row["cut"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(cut, ["helo", "rcpt_smtp", "symbols", "options"]);
    assert!(reread(&past(1)).get("cut").is_none());
}

#[test]
fn foreign_bytes_are_no_rows() {
    let packed = zstd::bulk::compress(&row::write(&past(3), &Settings::default()), 1).unwrap();
    assert_eq!(row::read(&packed).unwrap().0["id"], "id3");
    let bomb = zstd::bulk::compress(&vec![b' '; 8 << 20], 1).unwrap();
    for foreign in [&b""[..], b"{", b"[]", b"\x28\xb5\x2f\xfd...", &bomb, &packed[..packed.len() / 2]] {
        assert!(row::read(foreign).is_none());
    }
}

/// A history that is being written, over this store.
fn running(settings: Settings, store: Arc<dyn Store>) -> Arc<History> {
    let history = Arc::new(History::new(Counter::default()));
    history.arrange(Some(Setup { settings, store }));
    let keeper = history.clone();
    tokio::spawn(async move { keeper.keep().await });
    history
}

async fn written(count: usize) -> Arc<History> {
    let history = running(Settings::default(), Arc::new(Memory::new()));
    for number in 0..count {
        history.note(past(number));
        if number % 500 == 0 {
            history.settle().await;
        }
    }
    history.settle().await;
    history
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|r| r["id"].as_str()).collect()
}

#[tokio::test]
async fn numbers_count_as_redis_counts() {
    let history = written(5).await;
    for (from, to, expect) in [
        (0, -1, &["id4", "id3", "id2", "id1", "id0"][..]),
        (0, 0, &["id4"]),
        (1, 2, &["id3", "id2"]),
        (-1, -1, &["id0"]),
        (-3, -2, &["id2", "id1"]),
        (-100, 1, &["id4", "id3"]),
        (3, 100, &["id1", "id0"]),
        (3, 2, &[]),
        (1_000, 2_000, &[]),
        (0, -100, &[]),
        (i64::MIN, i64::MAX, &["id4", "id3", "id2", "id1", "id0"]),
    ] {
        let rows = history.range(from, to).await.unwrap().unwrap();
        assert_eq!(ids(&rows), expect, "{from} {to}");
    }
    history.reset().await.unwrap().unwrap();
    assert_eq!(history.range(0, -1).await.unwrap().unwrap(), Vec::<Value>::new());
}

fn wanted(arguments: &[(&str, &str)]) -> Wanted {
    Wanted::read(arguments.iter().copied(), SystemTime::now()).unwrap()
}

#[tokio::test]
async fn a_thousand_messages_are_found_again_page_by_page() {
    let history = written(1_000).await;
    let mut question = wanted(&[("action", "reject"), ("limit", "30")]);
    let mut all = Vec::new();
    for round in 0..5 {
        let found = history.search(&question).await.unwrap().unwrap();
        all.extend(found.rows.iter().map(|(_, row)| row["id"].as_str().unwrap().to_owned()));
        question.before = found.next;
        if found.next.is_none() {
            assert_eq!(round, 3);
            break;
        }
    }
    let expect: Vec<String> = (0..100).rev().map(|n| format!("id{}", n * 10)).collect();
    assert_eq!(all, expect);
    for (name, value, count) in [
        ("sender", "ALICE@", 100),
        ("sender", "bob@", 0),
        ("recipient", "@example.com", 100),
        ("symbol", "arc_na, MIME_GOOD", 100),
        ("symbol", "ARC", 0),
        ("text", "no. 99", 11),
        ("text", "q42", 11),
        ("text", "text/PLAIN", 100),
        ("since", "1h", 100),
        ("since", "2999-01-01", 0),
        ("until", "2001-01-01", 0),
        ("before", "0-0", 0),
    ] {
        let found = history.search(&wanted(&[(name, value)])).await.unwrap().unwrap();
        assert_eq!(found.rows.len(), count, "{name} {value}");
    }
}

#[tokio::test]
async fn an_answer_is_bounded_in_bytes_whatever_the_rows() {
    let history = running(Settings::default(), Arc::new(Memory::new()));
    let fat = |number| {
        changed(number, |_, verdict| {
            verdict.symbols = (0..500)
                .map(|n| SymbolResult {
                    name: format!("{n:0400}"),
                    score: 0.0,
                    metric_score: 0.0,
                    description: None,
                    options: Vec::new(),
                })
                .collect();
        })
    };
    (0..120).for_each(|number| history.note(fat(number)));
    history.settle().await;
    let shown = history.range(0, -1).await.unwrap().unwrap().len();
    assert!((20..100).contains(&shown), "{shown}");
    let mut question = wanted(&[("limit", "1000")]);
    let mut found = 0;
    loop {
        let page = history.search(&question).await.unwrap().unwrap();
        assert!(page.rows.len() <= 100, "{}", page.rows.len());
        found += page.rows.len();
        question.before = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(found, 120);
}

#[test]
fn arguments_that_cannot_be_read_are_refused() {
    for (name, value, part) in [
        ("action", "rejekt", "did you mean \"reject\""),
        ("since", "yesterday", "no moment"),
        ("limit", "0", "not between 1 and 1000"),
        ("limit", "-1", "not between"),
        ("before", "x", "no cursor"),
    ] {
        let problem = Wanted::read([(name, value)].into_iter(), SystemTime::now()).unwrap_err();
        assert!(problem.contains(part), "{problem}");
    }
    let long = "x".repeat(2_000);
    assert!(Wanted::read([("text", long.as_str())].into_iter(), SystemTime::now()).is_err());
    assert_eq!(wanted(&[("since", "1795380374")]).since, Some(1_795_380_374_000));
    assert_eq!(wanted(&[("since", "2026-11-23T00:00:00Z")]).since, Some(1_795_392_000_000));
    assert_eq!(wanted(&[("before", "12-3")]).before, Some(Position { ms: 12, seq: 3 }));
}

/// A store that keeps nothing, or keeps everybody waiting.
#[derive(Default)]
struct Broken {
    hangs: bool,
}

impl Store for Broken {
    fn push_capped<'a>(&'a self, _: &'a Key, _: Bytes, _: Caps) -> Reply<'a, Position> {
        let hangs = self.hangs;
        Box::pin(async move {
            match hangs {
                true => std::future::pending().await,
                false => Err(Error::Temporary("on purpose".to_owned())),
            }
        })
    }
    fn get_many<'a>(&'a self, _: &'a [Key]) -> Reply<'a, Vec<Option<Bytes>>> {
        unreachable!()
    }
    fn put_many<'a>(&'a self, _: &'a [(Key, Bytes)], _: Life) -> Reply<'a, ()> {
        unreachable!()
    }
    fn claim<'a>(&'a self, _: &'a Key, _: Bytes, _: Life) -> Reply<'a, Option<Bytes>> {
        unreachable!()
    }
    fn remove_many<'a>(&'a self, _: &'a [Key]) -> Reply<'a, ()> {
        unreachable!()
    }
    fn add_many<'a>(&'a self, _: &'a [(Key, i64)], _: Life) -> Reply<'a, Vec<i64>> {
        unreachable!()
    }
    fn take<'a>(&'a self, _: &'a [Bucket], _: Life) -> Reply<'a, Vec<Level>> {
        unreachable!()
    }
    fn scale<'a>(&'a self, _: &'a [Scale], _: Life) -> Reply<'a, ()> {
        unreachable!()
    }
    fn newest<'a>(&'a self, _: &'a Key, _: Option<Position>, _: usize) -> Reply<'a, Vec<(Position, Bytes)>> {
        Box::pin(async { Err(Error::Temporary("on purpose".to_owned())) })
    }
    fn page<'a>(&'a self, _: Option<&'a str>, _: Option<&'a Cursor>, _: usize) -> Reply<'a, Page> {
        unreachable!()
    }
    fn restore<'a>(&'a self, _: &'a [Entry]) -> Reply<'a, ()> {
        unreachable!()
    }
    fn census(&self) -> Reply<'_, Vec<Space>> {
        unreachable!()
    }
    fn flush<'a>(&'a self, _: Option<&'a str>) -> Reply<'a, u64> {
        unreachable!()
    }
    fn settle(&self) -> Reply<'_, ()> {
        unreachable!()
    }
    fn health(&self) -> Health {
        Health::default()
    }
}

#[tokio::test]
async fn nobody_waits_for_a_store_that_hangs() {
    let history = running(Settings::default(), Arc::new(Broken { hangs: true }));
    for number in 0..QUEUE + 100 {
        history.note(past(number));
    }
    // The task may have taken one out before the store kept it.
    let lost = history.lost.get();
    assert!((99..=100).contains(&lost), "{lost}");
}

#[tokio::test]
async fn rows_that_the_store_refuses_are_counted() {
    let history = running(Settings::default(), Arc::new(Broken::default()));
    (0..7).for_each(|number| history.note(past(number)));
    history.settle().await;
    assert_eq!(history.lost.get(), 7);
    assert!(history.range(0, -1).await.unwrap().is_err());
    assert!(history.search(&wanted(&[])).await.unwrap().is_err());
}

#[tokio::test]
async fn caps_and_privacy_hold() {
    let settings = configured("nrows = 3\nsubject_privacy = true\ncompress = false").0.unwrap();
    let store = Arc::new(Memory::new());
    let history = running(settings, store.clone());
    (0..10).for_each(|number| history.note(past(number)));
    history.settle().await;
    let rows = history.range(0, -1).await.unwrap().unwrap();
    assert_eq!(ids(&rows), ["id9", "id8", "id7"]);
    let subject = rows[0]["subject"].as_str().unwrap();
    assert!(subject.starts_with("obf:") && subject.len() == 20, "{subject}");
    assert_eq!(store.newest(&list(), None, 99).await.unwrap().len(), 3);
}

/// The settings of a section, and what was found.
fn configured(section: &str) -> (Option<Settings>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("torwart.toml");
    std::fs::write(&file, format!("[modules.history_redis]\n{section}\n")).unwrap();
    let options = LoadOptions {
        file: Some(file),
        ..LoadOptions::default()
    };
    let config = crate::config::load(&options).unwrap().config;
    let mut findings = Vec::new();
    let settings = Settings::read(&config, &mut findings);
    (settings, findings.iter().map(|f| f.message.clone()).collect())
}

#[test]
fn the_section_is_read() {
    let mut findings = Vec::new();
    assert_eq!(Settings::read(&Config::default(), &mut findings), Some(Settings::default()));
    assert_eq!(configured("enabled = false").0, None);
    let (settings, findings) = configured("rows = 5000\ndays = 7\nnrows = 500");
    let settings = settings.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!((settings.caps.items, settings.window), (5_000, 500));
    assert_eq!(settings.caps.life, Life::For(Duration::from_secs(7 * 86_400)));
    let settings = configured("rows = 3").0.unwrap();
    assert_eq!((settings.caps.items, settings.window), (3, 3));
    // As an imported tree says it.
    let settings = configured("nrows = 200\nexpire = \"1d\"").0.unwrap();
    assert_eq!((settings.caps.items, settings.window), (200, 200));
    assert_eq!(settings.caps.life, Life::For(Duration::from_secs(86_400)));
    assert_eq!(configured("nrows = 1000000").0.unwrap().window, 10_000);
    for (section, part) in [
        ("nrow = 3", "nrow"),
        ("rows = 0", "not between 1 and"),
        ("subject_privacy_alg = \"md5\"", "no hash"),
        ("key_prefix = \"x\"", "no effect"),
        ("expire = 86400", "no unit"),
    ] {
        let (_, findings) = configured(section);
        assert!(findings.iter().any(|f| f.contains(part)), "{section}: {findings:?}");
    }
}

#[test]
fn how_much_a_message_costs() {
    // Not a judge of speed, only a bound that a copy of all symbols or a serialisation would break in a release build.
    let history = History::new(Counter::default());
    history.arrange(Some(Setup {
        settings: Settings::default(),
        store: Arc::new(Memory::new()),
    }));
    let all: Vec<Past> = (0..4_000).map(past).collect();
    let begun = std::time::Instant::now();
    all.into_iter().for_each(|past| history.note(past));
    let each = begun.elapsed() / 4_000;
    println!("a message costs {each:?} on its way into the queue");
    let one = past(1);
    let begun = std::time::Instant::now();
    (0..1_000).for_each(|_| drop(row::write(&one, &Settings::default())));
    println!("its row costs {:?} behind it", begun.elapsed() / 1_000);
    assert!(each < Duration::from_micros(100), "{each:?}");
}

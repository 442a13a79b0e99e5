//! The form of exports: there and back, and everything that is none.

use super::*;
use crate::store::{Content, Cursor, Entry, Key, Life, NoCursor, Position};
use bytes::Bytes;
use proptest::prelude::*;
use std::io::{BufReader, Read};
use std::time::Duration;

const NOW: u64 = 1_790_000_000_000;

fn written(entries: &[Entry]) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new(), &Header::new("memory")).unwrap();
    for entry in entries {
        writer.row(&Row::of(entry, NOW)).unwrap();
    }
    assert_eq!(writer.rows(), entries.len() as u64);
    writer.finish().unwrap()
}

fn read(file: &[u8]) -> Result<Vec<Entry>, Fault> {
    let mut reader = Reader::open(file)?;
    assert_eq!(reader.header().kind, "memory");
    let mut entries = Vec::new();
    while let Some(row) = reader.next_row()? {
        entries.push(row.entry(NOW).map_err(|p| reader.fault(p))?);
    }
    Ok(entries)
}

fn entry(space: &str, name: &[u8], content: Content) -> Entry {
    Entry {
        key: Key::new(space, name),
        life: Life::For(Duration::from_millis(1_500)),
        content,
    }
}

fn some() -> Vec<Entry> {
    let position = Position { ms: 17, seq: 3 };
    vec![
        entry("verdicts", b"a", Content::Value(Bytes::from_static(b"clean"))),
        entry("history", b"rows", Content::Item(position, Bytes::from_static(b"\x00\xff"))),
        entry(
            "ratelimit",
            "\u{fc}ber".as_bytes(),
            Content::Bucket {
                level: 0.1 + 0.2,
                rate: 1.0,
                burst: 0.333_333_333_333_333_3,
            },
        ),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let bytes = || {
        prop_oneof![
            any::<Vec<u8>>(),
            any::<String>().prop_map(String::into_bytes),
            any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        ]
    };
    let above = || (0.0..f64::MAX).prop_map(|n: f64| n + f64::MIN_POSITIVE);
    let content = prop_oneof![
        bytes().prop_map(|b| Content::Value(b.into())),
        (any::<u64>(), any::<u64>(), bytes()).prop_map(|(ms, seq, b)| Content::Item(Position { ms, seq }, b.into())),
        (0.0..f64::MAX, above(), above()).prop_map(|(level, rate, burst)| Content::Bucket { level, rate, burst }),
    ];
    let life = prop_oneof![
        Just(Life::Forever),
        (0u64..1 << 50).prop_map(|ms| Life::For(Duration::from_millis(ms)))
    ];
    ("[a-z_]{1,9}", bytes(), life, content).prop_map(|(space, name, life, content)| Entry {
        key: Key::new(&space, name),
        life,
        content,
    })
}

proptest! {
    #[test]
    fn everything_comes_back(entries in prop::collection::vec(any_entry(), 0..6)) {
        prop_assert_eq!(read(&written(&entries)), Ok(entries));
    }

    #[test]
    fn a_changed_byte_is_noticed(at: prop::sample::Index, to: u8) {
        let mut file = written(&some());
        let place = at.index(file.len());
        prop_assume!(file[place] != to);
        file[place] = to;
        // The kind stands in the header, which only the checksum covers.
        if let Ok(mut reader) = Reader::open(&*file) {
            let mut rows = std::iter::from_fn(|| reader.next_row().transpose());
            prop_assert!(rows.any(|row| row.is_err()));
        }
    }

    #[test]
    fn noise_is_no_export(noise: Vec<u8>) {
        prop_assert!(Reader::open(&*noise).is_err());
        let mut file = written(&some()[..1]);
        file.extend(noise.iter().chain(b"\n"));
        prop_assert!(read(&file).is_err());
    }
}

#[test]
fn it_is_readable() {
    let text = String::from_utf8(written(&some())).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with(r#"{"torwart":"store","version":1,"time":"#), "{text}");
    assert!(lines[0].ends_with(r#""kind":"memory"}"#), "{text}");
    assert_eq!(
        lines[1],
        r#"{"space":"verdicts","name":"a","value":"clean","expires":1790000001500}"#
    );
    assert_eq!(
        lines[2],
        r#"{"space":"history","name":"rows","position":"17-3","item_hex":"00ff","expires":1790000001500}"#
    );
    assert!(lines[3].contains(r#""bucket":{"level":0.30000000000000004,"#), "{text}");
    assert!(lines[4].starts_with(r#"{"end":3,"sha256":""#) && text.ends_with("\"}\n"), "{text}");
}

#[test]
fn life_goes_on_between_export_and_import() {
    let row = Row::of(&some()[0], NOW);
    let life = |now| row.entry(now).unwrap().life;
    assert_eq!(life(NOW + 500), Life::For(Duration::from_secs(1)));
    assert!(!row.is_over(NOW + 1_499));
    assert!(row.is_over(NOW + 1_500));
    assert_eq!(life(NOW + 9_999), Life::For(Duration::ZERO));
}

#[test]
fn a_file_cut_at_any_byte_is_no_export() {
    let file = written(&some());
    for end in 0..file.len() {
        read(&file[..end]).unwrap_err();
    }
    read(&file).unwrap();
}

#[test]
fn wrong_rows_are_named_with_their_line() {
    let header = r#"{"torwart":"store","version":1,"time":1,"kind":"memory"}"#;
    let cases = [
        ("[]", "it is no entry"),
        ("{}", "`space` is no word"),
        ("nonsense", "it is no entry"),
        (r#"{"space":"a"}"#, "it has no `name`"),
        (r#"{"space":"a\u0000b","name":"x","value":"1"}"#, "`space` is no word"),
        (r#"{"space":"a","name":"x"}"#, "neither a `value`"),
        (
            r#"{"space":"a","name":"x","name_hex":"00","value":"1"}"#,
            "both `name` and `name_hex`",
        ),
        (r#"{"space":"a","name_hex":"0","value":"1"}"#, "`name_hex` is no hex"),
        (r#"{"space":"a","name":"x","value":1}"#, "it is no entry"),
        (
            r#"{"space":"a","name":"x","value":"1","item":"2","position":"1-1"}"#,
            "neither a `value`",
        ),
        (r#"{"space":"a","name":"x","item":"2"}"#, "neither a `value`"),
        (
            r#"{"space":"a","name":"x","item":"2","position":"+1-1"}"#,
            "`position` is no position",
        ),
        (r#"{"space":"a","name":"x","item":"2","position":"1"}"#, "`position` is no position"),
        (
            r#"{"space":"a","name":"x","bucket":{"level":-1,"rate":1,"burst":1}}"#,
            "`bucket` has a level",
        ),
        (
            r#"{"space":"a","name":"x","bucket":{"level":1,"rate":0,"burst":1}}"#,
            "`bucket` has a level",
        ),
        (
            r#"{"space":"a","name":"x","bucket":{"level":1e999,"rate":1,"burst":1}}"#,
            "it is no entry",
        ),
        (r#"{"space":"a","name":"x","value":"1","expires":-1}"#, "it is no entry"),
        (
            r#"{"space":"a","name":"x","value":"1","expires":18446744073709551615}"#,
            "`expires` is no moment",
        ),
        (r#"{"space":"a","name":"x","value":"1","colour":"red"}"#, "unknown field `colour`"),
        (r#"{"end":0}"#, "it is no last line"),
        (r#"{"end":7,"sha256":""}"#, "0 entries are there, 7 were written"),
        (r#"{"end":0,"sha256":""}"#, "the checksum is another"),
    ];
    for (row, problem) in cases {
        let fault = read(format!("{header}\n{row}\n").as_bytes()).unwrap_err();
        assert_eq!(fault.line, 2, "{row}");
        assert!(fault.problem.contains(problem), "{row}: {fault}");
    }
    let deep = "[".repeat(200_000);
    assert_eq!(read(format!("{header}\n{deep}\n").as_bytes()).unwrap_err().line, 2);
}

#[test]
fn foreign_and_newer_files_are_refused() {
    let refused = |text: &str| Reader::open(text.as_bytes()).err().map(|f| f.to_string()).unwrap_or_default();
    assert_eq!(refused(""), "line 1: it is empty");
    for foreign in [
        "PK\u{3}\u{4}\n",
        "{}\n",
        "[1]\n",
        "{\"torwart\":\"maps\",\"version\":1}\n",
        "{\"torwart\":\"store\"}\n",
    ] {
        assert!(refused(foreign).contains("no export of a torwart store"), "{foreign}");
    }
    let newer = refused("{\"torwart\":\"store\",\"version\":2,\"shape\":\"other\"}\n");
    assert!(
        newer.contains("a newer torwart wrote it (version 2 of the format, this one reads up to 1)"),
        "{newer}"
    );
}

#[test]
fn a_huge_line_ends_in_bounded_memory() {
    let header = b"{\"torwart\":\"store\",\"version\":1,\"time\":1,\"kind\":\"memory\"}\n";
    let endless = std::io::repeat(b'a').take(100 << 20);
    let mut reader = Reader::open(BufReader::new(header.chain(endless))).unwrap();
    let fault = reader.next_row().unwrap_err();
    assert_eq!(fault.to_string(), "line 2: it is longer than 32 MiB");
    assert!(reader.line.capacity() <= 2 * LONGEST_LINE, "{}", reader.line.capacity());
    let huge = entry("a", b"b", Content::Value(vec![0; LONGEST_LINE / 2].into()));
    let mut writer = Writer::begin(Vec::new(), &Header::new("memory")).unwrap();
    let error = writer.row(&Row::of(&huge, NOW)).unwrap_err().to_string();
    assert!(error.contains("too large for an export"), "{error}");
}

#[test]
fn a_cursor_goes_through_text_and_nothing_else_does() {
    let cursor = Cursor(Bytes::from_static(&[0, 255, 10]));
    assert_eq!(cursor.to_string(), "00ff0a");
    assert_eq!("00FF0a".parse(), Ok(cursor));
    for wrong in ["", "0", "0g", "00 ff", "\u{e4}"] {
        assert_eq!(wrong.parse::<Cursor>(), Err(NoCursor), "{wrong}");
    }
    assert_eq!("00".repeat(16 << 20).parse::<Cursor>(), Err(NoCursor));
}

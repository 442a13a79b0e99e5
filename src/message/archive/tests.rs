//! Listings of archives made here byte by byte, and of hostile ones.

#![expect(clippy::cast_possible_truncation, reason = "lengths of what is made here fit the fields")]

use super::*;
use proptest::prelude::*;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// A zip of empty members, with these flags.
fn zip_of(names: &[&[u8]], flags: u16) -> Vec<u8> {
    let (mut out, mut folder) = (Vec::new(), Vec::new());
    for name in names {
        let at = out.len() as u32;
        let length = (name.len() as u16).to_le_bytes();
        let middle = [&flags.to_le_bytes()[..], &[0; 18], &length, &[0, 0]].concat();
        out.extend([b"PK\x03\x04\x14\0", &middle[..], name].concat());
        folder.extend([b"PK\x01\x02\x14\0\x14\0", &middle[..], &[0; 10], &at.to_le_bytes(), name].concat());
    }
    let (at, size) = (out.len() as u32, folder.len() as u32);
    let count = (names.len() as u16).to_le_bytes();
    let last = [
        &b"PK\x05\x06\0\0\0\0"[..],
        &count,
        &count,
        &size.to_le_bytes(),
        &at.to_le_bytes(),
        &[0, 0],
    ]
    .concat();
    [out, folder, last].concat()
}

/// A block of RAR 5: its kind, its own fields, extra records, data behind it.
fn rar_5_block(kind: u8, fields: &[u8], extra: &[u8], data: &[u8]) -> Vec<u8> {
    let flags = u8::from(!extra.is_empty()) | u8::from(!data.is_empty()) << 1;
    let mut head = vec![kind, flags];
    head.extend((!extra.is_empty()).then_some(extra.len() as u8));
    head.extend((!data.is_empty()).then_some(data.len() as u8));
    head.extend([fields, extra].concat());
    [&[0, 0, 0, 0, head.len() as u8], &head[..], data].concat()
}

fn rar_5(names: &[&str], extra: &[u8]) -> Vec<u8> {
    let mut out = [&b"Rar!\x1a\x07\x01\0"[..], &rar_5_block(1, &[0], &[], &[])].concat();
    for name in names {
        let fields = [&[4, 5, 0x20, 0, 0, 0, 0, 0, 1, name.len() as u8], name.as_bytes()].concat();
        out.extend(rar_5_block(2, &fields, extra, b"hello"));
    }
    [out, rar_5_block(5, &[0], &[], &[])].concat()
}

fn rar_4(main_flags: u8, names: &[&str], flags: u8) -> Vec<u8> {
    let mut out = [&b"Rar!\x1a\x07\0\0\0\x73"[..], &[main_flags, 0, 13, 0, 0, 0, 0, 0, 0, 0]].concat();
    for name in names {
        let size = (32 + name.len() as u16).to_le_bytes();
        let fields = [&[0; 11][..], &(name.len() as u16).to_le_bytes(), &[0; 4]].concat();
        let head = [&[0, 0, 0x74, flags, 0x80][..], &size, &[5, 0, 0, 0, 5, 0, 0, 0], &fields].concat();
        out.extend([&head[..], name.as_bytes(), b"hello"].concat());
    }
    out
}

fn gzip_of(name: Option<&[u8]>, content: &[u8]) -> Vec<u8> {
    let mut builder = flate2::GzBuilder::new();
    if let Some(name) = name {
        builder = builder.filename(name);
    }
    let mut writer = builder.write(Vec::new(), flate2::Compression::best());
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

fn tar_member(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut head = [0; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    head[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    head[156] = kind;
    head[257..263].copy_from_slice(b"ustar\0");
    let mut out = [&head[..], content].concat();
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn cab_of(names: &[&str]) -> Vec<u8> {
    let mut out = [
        &b"MSCF\0\0\0\0"[..],
        &[0; 8],
        &[36, 0, 0, 0],
        &[0; 8],
        &(names.len() as u16).to_le_bytes(),
        &[0; 6],
    ]
    .concat();
    for name in names {
        out.extend([&[5, 0, 0, 0][..], &[0; 12], name.as_bytes(), &[0]].concat());
    }
    out
}

/// A 7z whose plain header has one folder of this coder and these names.
fn seven_of(coder: &[u8], names: &[&str]) -> Vec<u8> {
    let units: Vec<u8> = names
        .iter()
        .flat_map(|n| n.encode_utf16().chain([0]))
        .flat_map(u16::to_le_bytes)
        .collect();
    let streams = [
        &[4, 6, 0, 1, 9, 1, 0, 7, 0x0b, 1, 0, 1, coder.len() as u8][..],
        coder,
        &[0x0c, 1, 0, 8, 0, 0],
    ]
    .concat();
    let files = [&[5, names.len() as u8, 0x11, units.len() as u8 + 1, 0][..], &units, &[0, 0]].concat();
    let header = [&[1][..], &streams, &files].concat();
    let front = [
        &b"7z\xbc\xaf\x27\x1c\0\x04\0\0\0\0"[..],
        &1u64.to_le_bytes(),
        &(header.len() as u64).to_le_bytes(),
        &[0; 4],
        b"x",
    ]
    .concat();
    [front, header].concat()
}

/// An image with a folder `D` beside `A.JS;1` and `B.TXT;1` in it.
fn iso_image() -> Vec<u8> {
    let record = |name: &[u8], flags: u8, sector: u8, size: u16| {
        let [low, high] = size.to_le_bytes();
        let mut out = vec![0, 0, sector, 0, 0, 0, 0, 0, 0, 0, low, high];
        out.extend([0; 13]);
        out.extend([flags, 0, 0, 0, 0, 0, 0, name.len() as u8]);
        out.extend(name);
        out.resize(out.len().next_multiple_of(2), 0);
        out[0] = out.len() as u8;
        out
    };
    let mut out = vec![0; 20 * 2048];
    let mut put = |sector: usize, at: usize, bytes: &[u8]| out[sector * 2048 + at..][..bytes.len()].copy_from_slice(bytes);
    put(16, 0, b"\x01CD001\x01");
    put(16, 156, &record(&[0], 2, 18, 2048));
    put(17, 0, b"\xffCD001\x01");
    let own = [record(&[0], 2, 18, 2048), record(&[1], 2, 18, 2048)].concat();
    put(
        18,
        0,
        &[own.clone(), record(b"A.JS;1", 0, 0, 4), record(b"D", 2, 19, 2048)].concat(),
    );
    put(19, 0, &[own, record(b"B.TXT;1", 0, 0, 9)].concat());
    out
}

fn names(archive: &Archive) -> Vec<&str> {
    archive.entries.iter().map(|e| e.name.as_str()).collect()
}

fn listed(bytes: &[u8]) -> Archive {
    list(bytes, None).expect("an archive")
}

#[test]
fn each_format_tells_its_members() {
    let two = ["a.js", "d/b.txt"];
    let tar = [
        tar_member("a.js", b'0', b"x"),
        tar_member("d/b.txt", b'0', &[7; 600]),
        vec![0; 1024],
    ]
    .concat();
    for (kind, bytes) in [
        (Kind::Zip, zip_of(&[b"a.js", b"d/b.txt"], 0)),
        (Kind::Rar, rar_5(&two, &[])),
        (Kind::Rar, rar_4(0, &two, 0)),
        (Kind::SevenZip, seven_of(&[0], &two)),
        (Kind::Tar, tar.clone()),
        (Kind::Cab, cab_of(&two)),
    ] {
        let archive = listed(&bytes);
        assert_eq!((archive.kind, names(&archive)), (kind, two.to_vec()));
        assert!(
            !archive.broken && !archive.encrypted && !archive.hidden && !archive.obfuscated && !archive.more,
            "{archive:?}"
        );
        assert!(archive.entries.iter().all(|e| !e.encrypted));
    }
    assert_eq!(names(&listed(&iso_image())), ["A.JS", "D/B.TXT"]);
    assert_eq!(unpacked(&gzip_of(None, &tar)).map(|t| names(&t).len()), Some(2));
    assert_eq!(unpacked(&gzip_of(None, b"no tar")), None);
    assert_eq!(list(b"hello", Some("a.zip")), None);
}

#[test]
fn encryption_is_told_of_members_and_of_the_whole() {
    let zip = listed(&zip_of(&[b"a"], 1));
    assert!(zip.entries[0].encrypted && !zip.encrypted);
    assert!(listed(&zip_of(&[b"a"], 0x40)).entries[0].encrypted);
    let rar = listed(&rar_5(&["a"], &[3, 1, 0, 0]));
    assert!(rar.entries[0].encrypted && rar.encrypted);
    assert!(listed(&[b"Rar!\x1a\x07\x01\0", &rar_5_block(4, &[0; 20], &[], &[])[..], &[9; 50]].concat()).encrypted);
    let rar = listed(&rar_4(0, &["a"], 4));
    assert!(rar.entries[0].encrypted && !rar.encrypted);
    assert!(listed(&rar_4(0x80, &[], 0)).encrypted);
    let seven = listed(&seven_of(&[6, 0xf1, 7, 1], &["a"]));
    assert!(seven.encrypted && !seven.hidden);
    let mut packed = seven_of(&[0], &["a"]);
    packed[33] = 0x17;
    assert!(listed(&packed).hidden);
    let mut gzip = gzip_of(Some(b"a"), b"");
    gzip[3] |= 32;
    assert!(listed(&gzip).encrypted);
}

#[test]
fn a_gzip_is_named_by_itself_or_by_its_file() {
    let named = |file| list(&gzip_of(None, b"x"), file).map(|a| a.entries[0].name.clone());
    assert_eq!(names(&listed(&gzip_of(Some(b"a.js"), b"x"))), ["a.js"]);
    for (file, awaited) in [("y.js.gz", "y.js"), ("y.exe", "y.exe"), ("y.a.", "y.a"), ("y.", "y.")] {
        assert_eq!(named(Some(file)).as_deref(), Some(awaited));
    }
    assert_eq!((named(Some("y")), named(None)), (None, None));
}

#[test]
fn unseen_characters_obfuscate() {
    for (name, awaited) in [
        ("a\u{202e}b", true),
        ("a\u{1}", true),
        ("a\u{ad}", true),
        ("a\u{a0}\u{3000}b\u{2065}", false),
        ("äß", false),
    ] {
        assert_eq!(listed(&zip_of(&[name.as_bytes()], 0)).obfuscated, awaited, "{name:?}");
    }
    assert!(!listed(&zip_of(&[b"a\xff\xfe.exe"], 0)).obfuscated);
}

#[test]
fn long_names_of_tar() {
    let long = "d/".repeat(120) + "a.exe";
    let gnu = [tar_member("@LongLink", b'L', long.as_bytes()), tar_member("d", b'0', b"")].concat();
    let line = format!("{} path={long}\n", long.len() + 10);
    let posix = [tar_member("x", b'x', line.as_bytes()), tar_member("d", b'0', b"")].concat();
    assert_eq!(names(&listed(&gnu)), [long.as_str()]);
    assert_eq!(names(&listed(&posix)), [long.as_str()]);
}

/// What a listing may take: a debug build on a busy machine included.
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn a_million_members_cost_a_thousand() {
    let name: &[u8] = b"a.js";
    let zip = zip_of(&vec![name; 1_000_000], 0);
    let begin = Instant::now();
    let archive = listed(&zip);
    assert_eq!((archive.entries.len(), archive.more), (ENTRIES, true));
    assert!(begin.elapsed() < PATIENCE);
    let cab = cab_of(&vec!["a"; 65_535]);
    assert_eq!(listed(&cab).entries.len(), ENTRIES);
}

#[test]
fn members_that_overlap_or_claim_much_are_only_listed() {
    // The shape of 42.zip: few bytes, members that each claim four gigabytes, all at the same place.
    let mut zip = zip_of(&[b"lib 0.zip".as_slice(); 16], 0);
    let folder = memchr::memmem::find(&zip, b"PK\x01\x02").unwrap();
    for at in (0..16).map(|n| folder + n * (46 + 9)) {
        zip[at + 20..at + 28].fill(0xff);
        zip[at + 42..at + 46].fill(0);
    }
    let archive = listed(&zip);
    assert_eq!(archive.entries.len(), 16);
    assert_eq!(archive.entries[0].size, Some(u32::MAX.into()));
    // A gzip that swells a thousandfold is left early.
    let tar = [tar_member("a.js", b'0', &vec![0; 3 << 20]), vec![0; 30 << 20]].concat();
    let begin = Instant::now();
    assert_eq!(names(&unpacked(&gzip_of(None, &tar)).unwrap()), ["a.js"]);
    assert!(begin.elapsed() < PATIENCE * 4);
}

#[test]
fn lies_about_sizes_and_places_break_it_off() {
    let zip = zip_of(&[b"a", b"b"], 0);
    let end = zip.len() - 22;
    for (at, value) in [(12, u32::MAX), (16, u32::MAX), (12, 0x8000_0000), (16, 0x8000_0000), (16, 7)] {
        let mut lying = zip.clone();
        lying[end + at..end + at + 4].copy_from_slice(&value.to_le_bytes());
        assert!(listed(&lying).broken, "{at} {value}");
    }
    let mut seven = seven_of(&[0], &["a"]);
    seven[12..28].fill(0xff);
    assert!(listed(&seven).broken);
    let mut tar = tar_member("a", b'0', b"x");
    tar[124..136].copy_from_slice(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    assert!(listed(&tar).broken);
    tar[124..136].copy_from_slice(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff");
    assert!(listed(&tar).broken);
    let rar = [&rar_5(&["a"], &[])[..], b"behind it"].concat();
    assert!(listed(&rar).broken);
    // Folders that contain themselves.
    let mut iso = iso_image();
    let inner = memchr::memmem::find(&iso[19 * 2048..], b"B.TXT").unwrap() + 19 * 2048;
    iso[inner - 33 + 25] = 2;
    iso[inner - 33 + 2] = 19;
    iso[inner - 33 + 10..inner - 33 + 12].copy_from_slice(&2048u16.to_le_bytes());
    assert_eq!(names(&listed(&iso)), ["A.JS"]);
    // The same with more of itself than the image has bytes.
    iso.truncate(20 * 2048);
    iso[18 * 2048 + 68 + 40 + 10..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(listed(&iso).broken);
}

#[test]
fn seven_zip_folders_are_walked_once() {
    // A hundred thousand folders, then a hundred thousand lists of their streams.
    let folders = [1, 0].repeat(100_000);
    let head = [&[1, 4, 7, 0x0b, 0xc0 | 1, 0xa0, 0x86, 0][..], &folders, &[0x0c]].concat();
    let header = [&head[..], &[0].repeat(100_000), &[0], &[8, 0].repeat(100_000)].concat();
    let front = [
        &b"7z\xbc\xaf\x27\x1c\0\x04\0\0\0\0"[..],
        &0u64.to_le_bytes(),
        &(header.len() as u64).to_le_bytes(),
        &[0; 4],
    ]
    .concat();
    let begin = Instant::now();
    assert!(listed(&[front, header].concat()).broken);
    assert!(begin.elapsed() < PATIENCE);
}

/// One of each format.
fn samples() -> Vec<Vec<u8>> {
    let tar = [
        tar_member("a.js", b'0', b"x"),
        tar_member("b", b'L', b"long"),
        tar_member("c", b'0', b""),
    ]
    .concat();
    vec![
        zip_of(&[b"a.js", b"b.txt"], 1),
        rar_5(&["a.js", "b.txt"], &[3, 1, 0, 0]),
        rar_4(0, &["a.js", "b.txt"], 4),
        seven_of(&[6, 0xf1, 7, 1], &["a.js", "b.txt"]),
        gzip_of(Some(b"a.tar"), &tar),
        tar,
        cab_of(&["a.js", "b.txt"]),
        iso_image(),
    ]
}

fn touch(bytes: &[u8]) {
    let kept = list(bytes, Some("a.b.gz")).map_or(0, |a| a.entries.len());
    assert!(kept <= ENTRIES);
    let _ = unpacked(bytes);
}

#[test]
fn archives_cut_anywhere_are_read_as_far_as_they_go() {
    for sample in samples() {
        for end in (0..sample.len()).filter(|end| *end < 2_000 || end % 50 == 0) {
            touch(&sample[..end]);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_behind_a_mark(mark in 0..8usize, bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let sample = &samples()[mark];
        touch(&[&sample[..sample.len().min(8)], &bytes].concat());
    }

    #[test]
    fn any_bytes_changed(which in 0..8usize, changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8)) {
        let mut sample = samples().swap_remove(which);
        for (at, value) in changes {
            let at = at.index(sample.len());
            sample[at] = value;
        }
        touch(&sample);
    }
}

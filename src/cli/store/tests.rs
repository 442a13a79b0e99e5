//! Exports, imports and copies between stores in memory: whole, cut, changed, twice.

use super::carry::{export_from, import_into};
use super::copy::copy_by;
use super::*;
use crate::store::{Caps, Content, Entry, Key, Life, Memory, Store, Stores};
use bytes::Bytes;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn by(stores: &Arc<Stores>) -> Access {
    Access::Here(runtime(), stores.clone())
}

fn alone() -> Arc<Stores> {
    Arc::new(Stores::alone(Arc::new(Memory::new())))
}

fn fill(store: &dyn Store) {
    let caps = Caps {
        items: 900,
        life: Life::Forever,
    };
    runtime().block_on(async {
        let entry = |n: u32| (Key::new("verdicts", n.to_be_bytes()), Bytes::from(format!("value {n}")));
        let entries: Vec<_> = (0..1_200).map(entry).collect();
        store
            .put_many(&entries, Life::For(std::time::Duration::from_secs(600)))
            .await
            .unwrap();
        for n in 0..700 {
            let list = Key::new("history", "rows");
            store.push_capped(&list, Bytes::from(format!("row {n}")), caps).await.unwrap();
        }
        let pail = Entry {
            key: Key::new("ratelimit", "a@b"),
            life: Life::Forever,
            content: Content::Bucket {
                level: 1.0 / 3.0,
                rate: 1.0,
                burst: 2.0,
            },
        };
        store.restore(&[pail]).await.unwrap();
        store.add_many(&[(Key::new("stats", "scanned"), 7)], Life::Forever).await.unwrap();
    });
}

/// Everything in a store, without the lives, which run.
fn all(store: &dyn Store) -> Vec<(Key, Content)> {
    let page = runtime().block_on(store.page(None, None, 100_000)).unwrap();
    assert_eq!(page.next, None);
    page.entries.into_iter().map(|e| (e.key, e.content)).collect()
}

fn export_args(file: &Path) -> ExportArgs {
    ExportArgs {
        which: ConfigArgs::default(),
        file: file.to_owned(),
        space: Vec::new(),
        store: None,
    }
}

fn import_args(file: &Path) -> ImportArgs {
    ImportArgs {
        which: ConfigArgs::default(),
        file: file.to_owned(),
        store: None,
        keep: false,
    }
}

fn copy_args(from: &str, to: &str) -> CopyArgs {
    CopyArgs {
        which: ConfigArgs::default(),
        from: from.to_owned(),
        to: to.to_owned(),
        space: Vec::new(),
        keep: false,
        remove: false,
    }
}

#[test]
fn an_export_comes_back_packed_or_not_and_twice_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let before = alone();
    fill(&**before.own());
    for name in ["all.jsonl", "all.jsonl.zst"] {
        let file = folder.path().join(name);
        fs::write(&file, "an older one").unwrap();
        export_from(&by(&before), &export_args(&file)).unwrap();
        let after = alone();
        for _ in 0..2 {
            import_into(|| Ok(by(&after)), &import_args(&file)).unwrap();
            assert_eq!(all(&**after.own()), all(&**before.own()));
        }
    }
    let size = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
    assert!(size("all.jsonl.zst") * 3 < size("all.jsonl"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no parts are left");
}

#[test]
fn a_cut_or_changed_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let before = alone();
    runtime()
        .block_on(
            before
                .own()
                .put_many(&[(Key::new("verdicts", "a"), Bytes::from("b"))], Life::Forever),
        )
        .unwrap();
    for name in ["one.jsonl", "one.zst"] {
        let file = folder.path().join(name);
        export_from(&by(&before), &export_args(&file)).unwrap();
        let whole = fs::read(&file).unwrap();
        for end in 0..whole.len() {
            fs::write(&file, &whole[..end]).unwrap();
            let never = || panic!("cut at {end} it was taken for whole");
            let error = import_into(never, &import_args(&file)).unwrap_err();
            assert!(format!("{error:#}").contains("nothing was changed"), "{error:#}");
        }
    }
    let file = folder.path().join("noise");
    for noise in [vec![0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3], vec![0; 5_000], vec![b'\n'; 5_000]] {
        fs::write(&file, noise).unwrap();
        import_into(|| panic!("it was taken for an export"), &import_args(&file)).unwrap_err();
    }
    let error = import_into(|| panic!("it is not there"), &import_args(&folder.path().join("none"))).unwrap_err();
    assert!(format!("{error:#}").starts_with("cannot read "), "{error:#}");
}

#[test]
fn a_file_that_unpacks_without_end_is_refused_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bomb.zst");
    let mut packer = zstd::stream::write::Encoder::new(fs::File::create(&file).unwrap(), 0).unwrap();
    packer
        .write_all(b"{\"torwart\":\"store\",\"version\":1,\"time\":1,\"kind\":\"memory\"}\n")
        .unwrap();
    for _ in 0..100 {
        packer.write_all(&vec![b'a'; 1 << 20]).unwrap();
    }
    packer.finish().unwrap();
    let error = import_into(|| panic!("it was taken for an export"), &import_args(&file)).unwrap_err();
    assert!(format!("{error:#}").contains("line 2: it is longer than 32 MiB"), "{error:#}");
}

#[test]
fn a_failed_export_leaves_the_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all");
    fs::write(&file, "an older one").unwrap();
    let args = ExportArgs {
        store: Some("nowhere".to_owned()),
        ..export_args(&file)
    };
    let error = export_from(&by(&alone()), &args).unwrap_err();
    assert!(error.to_string().contains("no store \"nowhere\""), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"an older one");
}

/// Two stores, the second shared: what the modules remember belongs there, and lies in the first still.
fn moving() -> Arc<Stores> {
    let stores = Stores::new(Arc::new(Memory::new()), Some(Arc::new(Memory::new())), HashMap::new());
    fill(&**stores.own());
    Arc::new(stores)
}

#[test]
fn a_move_loses_nothing_and_keeps_the_source_unless_told() {
    let stores = moving();
    let before = all(&**stores.own());
    let machine: Vec<_> = before.iter().filter(|(key, _)| key.space() == "stats").cloned().collect();
    let others: Vec<_> = before.iter().filter(|(key, _)| key.space() != "stats").cloned().collect();
    copy_by(&by(&stores), &copy_args("own", "shared")).unwrap();
    assert_eq!(all(&**stores.shared().unwrap()), others);
    assert_eq!(all(&**stores.own()), before);
    let remove = CopyArgs {
        remove: true,
        keep: true,
        ..copy_args("own", "shared")
    };
    copy_by(&by(&stores), &remove).unwrap();
    assert_eq!(all(&**stores.own()), machine);
    assert_eq!(all(&**stores.shared().unwrap()), others);
    // Back again; the configuration still wants it where it is.
    let back = copy_args("shared", "own");
    copy_by(&by(&stores), &back).unwrap();
    assert_eq!(all(&**stores.own()), before);
    let refused = copy_by(&by(&stores), &CopyArgs { remove: true, ..back }).unwrap_err().to_string();
    assert!(refused.contains("where the configuration keeps it"), "{refused}");
    assert_eq!(all(&**stores.shared().unwrap()), others);
    let same = copy_by(&by(&stores), &copy_args("own", "own")).unwrap_err().to_string();
    assert!(same.contains("the same store"), "{same}");
}

#[test]
fn keep_lets_newer_entries_stand() {
    let stores = moving();
    let shared = stores.shared().unwrap();
    let key = Key::new("verdicts", 5_u32.to_be_bytes());
    let newer = (key.clone(), Bytes::from("newer"));
    runtime().block_on(shared.put_many(&[newer], Life::Forever)).unwrap();
    let value = || runtime().block_on(shared.get_many(std::slice::from_ref(&key))).unwrap();
    let keep = CopyArgs {
        keep: true,
        ..copy_args("own", "shared")
    };
    copy_by(&by(&stores), &keep).unwrap();
    assert_eq!(value(), [Some(Bytes::from("newer"))]);
    copy_by(&by(&stores), &copy_args("own", "shared")).unwrap();
    assert_eq!(value(), [Some(Bytes::from("value 5"))]);
}

/// A store that says it took what it forgot.
struct Leaky(Memory);

mod leaky {
    use super::Leaky;
    use crate::store::*;
    use bytes::Bytes;

    impl Store for Leaky {
        fn get_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, Vec<Option<Bytes>>> {
            self.0.get_many(keys)
        }
        fn put_many<'a>(&'a self, entries: &'a [(Key, Bytes)], life: Life) -> Reply<'a, ()> {
            self.0.put_many(entries, life)
        }
        fn claim<'a>(&'a self, key: &'a Key, value: Bytes, life: Life) -> Reply<'a, Option<Bytes>> {
            self.0.claim(key, value, life)
        }
        fn remove_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, ()> {
            self.0.remove_many(keys)
        }
        fn add_many<'a>(&'a self, amounts: &'a [(Key, i64)], life: Life) -> Reply<'a, Vec<i64>> {
            self.0.add_many(amounts, life)
        }
        fn take<'a>(&'a self, buckets: &'a [Bucket], life: Life) -> Reply<'a, Vec<Level>> {
            self.0.take(buckets, life)
        }
        fn scale<'a>(&'a self, scales: &'a [Scale], life: Life) -> Reply<'a, ()> {
            self.0.scale(scales, life)
        }
        fn push_capped<'a>(&'a self, list: &'a Key, item: Bytes, caps: Caps) -> Reply<'a, Position> {
            self.0.push_capped(list, item, caps)
        }
        fn newest<'a>(&'a self, list: &'a Key, before: Option<Position>, count: usize) -> Reply<'a, Vec<(Position, Bytes)>> {
            self.0.newest(list, before, count)
        }
        fn page<'a>(&'a self, space: Option<&'a str>, after: Option<&'a Cursor>, count: usize) -> Reply<'a, Page> {
            self.0.page(space, after, count)
        }
        fn restore<'a>(&'a self, entries: &'a [Entry]) -> Reply<'a, ()> {
            self.0.restore(entries.get(1..).unwrap_or_default())
        }
        fn census(&self) -> Reply<'_, Vec<Space>> {
            self.0.census()
        }
        fn flush<'a>(&'a self, space: Option<&'a str>) -> Reply<'a, u64> {
            self.0.flush(space)
        }
        fn settle(&self) -> Reply<'_, ()> {
            self.0.settle()
        }
        fn health(&self) -> Health {
            self.0.health()
        }
    }
}

#[test]
fn what_did_not_arrive_is_told_and_nothing_is_removed() {
    let leaky: Arc<dyn Store> = Arc::new(Leaky(Memory::new()));
    let stores = Arc::new(Stores::new(Arc::new(Memory::new()), Some(leaky), HashMap::new()));
    fill(&**stores.own());
    let before = all(&**stores.own());
    let remove = CopyArgs {
        remove: true,
        ..copy_args("own", "shared")
    };
    let error = copy_by(&by(&stores), &remove).unwrap_err().to_string();
    assert!(error.contains("of 1901 entries") && error.contains("are not in shared"), "{error}");
    assert_eq!(all(&**stores.own()), before);
}

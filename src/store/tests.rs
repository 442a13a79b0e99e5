//! What only the embedded store can suffer. The suite for every store is in `tests/it/store`.

use super::blocks::Blocks;
use super::budget::{Budget, Role};
use super::disk::{Backend, Disk};
use super::shelf::Shelf;
use super::*;
use redb::StorageBackend;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn key(name: &str) -> Key {
    Key::new("test", name)
}

fn open(folder: &Path) -> Embedded {
    Embedded::open(Folder::open(folder).unwrap()).unwrap()
}

fn bytes(n: usize) -> Bytes {
    Bytes::from(n.to_string())
}

#[test]
fn counters_are_exact_under_concurrency() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            std::thread::spawn(move || {
                runtime().block_on(async {
                    for round in 0..500 {
                        store.add_many(&[(key("x"), 1)], Life::Forever).await.unwrap();
                        if round % 50 == 0 {
                            store.settle().await.unwrap();
                        }
                    }
                });
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    let sum = runtime().block_on(store.add_many(&[(key("x"), 0)], Life::Forever)).unwrap();
    assert_eq!(sum, [4_000]);
}

#[test]
fn a_foreign_file_is_refused_and_kept() {
    for name in ["store.redb", "history.redb"] {
        let letters = "somebody's letters, not a database at all. ".repeat(200);
        let old = [&b"redb\x1a\x0a\xa9\x0d\x0a"[..], &[7; 9_000]].concat();
        for (text, says) in [(letters.as_bytes(), "not a file of torwart"), (&old, "another version")] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let error = Embedded::open(Folder::open(folder.path()).unwrap()).err().unwrap().to_string();
            assert!(error.contains(name) && error.contains(says), "{error}");
            assert_eq!(std::fs::read(&file).unwrap(), text);
        }
    }
}

/// A disk that can be filled.
#[derive(Debug)]
struct Fillable {
    file: Blocks,
    full: Arc<AtomicBool>,
}

impl Fillable {
    fn check(&self) -> Result<(), io::Error> {
        match self.full.load(Ordering::SeqCst) {
            true => Err(io::Error::from(io::ErrorKind::StorageFull)),
            false => Ok(()),
        }
    }
}

impl StorageBackend for Fillable {
    fn len(&self) -> Result<u64, io::Error> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.check()?;
        self.file.set_len(len)
    }
    fn sync_data(&self) -> Result<(), io::Error> {
        self.check()?;
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.check()?;
        self.file.write(offset, data)
    }
    fn close(&self) -> Result<(), io::Error> {
        self.file.close()
    }
}

fn fillable(folder: &Path, full: &Arc<AtomicBool>) -> Embedded {
    let open = |name: &str| {
        let full = full.clone();
        let wrap = move |file| -> Box<dyn Backend> { Box::new(Fillable { file, full: full.clone() }) };
        Disk::wrapped(&folder.join(name), Some(Box::new(wrap))).unwrap()
    };
    Embedded::start(open("store.redb"), open("history.redb"), 1 << 30, Vec::new())
}

#[test]
fn a_full_disk_costs_nothing_but_durability_and_heals_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let store = fillable(folder.path(), &full);
    let list = Key::new("history", "");
    let caps = Caps {
        items: 3,
        life: Life::Forever,
    };
    let bucket = |amount| Bucket {
        key: key("b"),
        amount,
        capacity: 10.0,
        rate: 0.0,
    };
    runtime().block_on(async {
        store.add_many(&[(key("c"), 1)], Life::Forever).await.unwrap();
        store.push_capped(&list, bytes(1), caps).await.unwrap();
        store.settle().await.unwrap();
        full.store(true, Ordering::SeqCst);
        assert_eq!(store.add_many(&[(key("c"), 1)], Life::Forever).await.unwrap(), [2]);
        for n in 2..6 {
            store.push_capped(&list, bytes(n), caps).await.unwrap();
        }
        assert!(store.settle().await.is_err(), "it must not claim that the write is safe");
        assert!(store.flush(Some("history")).await.is_err(), "nor that something is gone");
        assert!(store.health().degraded);
        let sums = store.add_many(&[(key("c"), 1)], Life::Forever).await.unwrap();
        assert_eq!(sums, [3], "goes on in memory");
        assert!(store.take(&[bucket(6.0)], Life::Forever).await.unwrap()[0].passed);
        assert!(!store.take(&[bucket(6.0)], Life::Forever).await.unwrap()[0].passed);
        assert_eq!(store.claim(&key("k"), bytes(1), Life::Forever).await.unwrap(), None);
        assert_eq!(store.claim(&key("k"), bytes(2), Life::Forever).await.unwrap(), Some(bytes(1)));
        assert_eq!(texts(&store, &list).await, ["5", "4", "3"]);
        full.store(false, Ordering::SeqCst);
        let begun = std::time::Instant::now();
        while store.health().degraded {
            let late = begun.elapsed() > Duration::from_secs(10);
            assert!(!late, "it never recovered: {:?}", store.health());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        store.settle().await.unwrap();
    });
    drop(store);
    let store = open(folder.path());
    runtime().block_on(async {
        let found = store.get_many(&[key("c"), key("k")]).await.unwrap();
        assert_eq!((counter(found[0].as_ref()), &found[1]), (3, &Some(bytes(1))));
        assert_eq!(texts(&store, &list).await, ["5", "4", "3"]);
        assert_eq!(store.take(&[bucket(1.0)], Life::Forever).await.unwrap()[0].level, 7.0);
    });
}

async fn texts(store: &Embedded, list: &Key) -> Vec<String> {
    let items = store.newest(list, None, 1_000_000).await.unwrap();
    items.iter().map(|(_, item)| String::from_utf8_lossy(item).into_owned()).collect()
}

#[test]
fn memory_is_bounded_while_the_disk_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let store = fillable(folder.path(), &full);
    full.store(true, Ordering::SeqCst);
    let large = Bytes::from(vec![7; 1 << 20]);
    runtime().block_on(async {
        for n in 0..64 {
            store
                .put_many(&[(key(&n.to_string()), large.clone())], Life::Forever)
                .await
                .unwrap();
        }
        let again = [(key("0"), large.clone())];
        store.put_many(&again, Life::Forever).await.unwrap();
        let more = key("more");
        let caps = Caps {
            items: 9,
            life: Life::Forever,
        };
        let full = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Full(_))), "{result:?}");
        full(store.put_many(&[(more.clone(), large.clone())], Life::Forever).await);
        full(store.claim(&more, large.clone(), Life::Forever).await.map(drop));
        full(store.push_capped(&more, large.clone(), caps).await.map(drop));
        full(store.add_many(&[(more.clone(), 1)], Life::Forever).await.map(drop));
    });
    full.store(false, Ordering::SeqCst);
}

#[test]
fn expired_entries_go_from_the_disk_in_slices() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let list = key("list");
    let soon = Life::For(Duration::from_millis(400));
    let caps = Caps { items: 9, life: soon };
    runtime().block_on(async {
        let many: Vec<_> = (0..5_000).map(|n| (key(&format!("soon {n}")), bytes(n))).collect();
        store.put_many(&many, soon).await.unwrap();
        store.put_many(&[(key("renewed"), bytes(1))], soon).await.unwrap();
        for n in 0..3 {
            store.push_capped(&list, bytes(n), caps).await.unwrap();
        }
        store.settle().await.unwrap();
        store.put_many(&[(key("renewed"), bytes(2))], Life::Forever).await.unwrap();
        let begun = std::time::Instant::now();
        let left = || store.shelves()[0].shared().disk.sizes().spaces.get("test").map_or(0, |s| s.entries);
        while left() > 1 {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} are left", left());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(store.get_many(&[key("renewed")]).await.unwrap(), [Some(bytes(2))]);
        let living = Caps {
            items: 2,
            life: Life::Forever,
        };
        for n in 7..9 {
            store.push_capped(&list, bytes(n), living).await.unwrap();
        }
        assert_eq!(texts(&store, &list).await, ["8", "7"], "items that expired count no more");
    });
}

#[test]
fn positions_grow_across_restarts_with_a_clock_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let list = Key::new("history", "");
    let caps = Caps {
        items: 2,
        life: Life::Forever,
    };
    let far = Position {
        ms: clock() + 1_000_000,
        seq: 4,
    };
    let entry = Entry {
        key: list.clone(),
        life: Life::Forever,
        content: Content::Item(far, bytes(0)),
    };
    let mut last = Position::default();
    for round in 0..4 {
        let store = open(folder.path());
        runtime().block_on(async {
            if round == 1 {
                // As if the clock had been right then.
                store.restore(std::slice::from_ref(&entry)).await.unwrap();
                last = far;
            }
            if round == 3 {
                assert!(store.flush(None).await.unwrap() > 0);
            }
            let position = store.push_capped(&list, bytes(round), caps).await.unwrap();
            assert!(position > last, "{position} after {last}");
            last = position;
        });
    }
}

#[test]
fn the_oldest_history_makes_room_and_then_new_keys_find_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open_in(vec![Folder::open(folder.path()).unwrap()], 4 << 20).unwrap();
    let list = Key::new("history", "");
    let day = Life::For(Duration::from_secs(86_400));
    let caps = Caps {
        items: 1_000_000,
        life: day,
    };
    let row = |n: usize| Bytes::from(format!("{n:>1000}"));
    runtime().block_on(async {
        for n in 0..8_000 {
            store.push_capped(&list, row(n), caps).await.unwrap();
            if n % 500 == 0 {
                store.settle().await.unwrap();
            }
        }
        store.settle().await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let left = store.newest(&list, None, 10_000).await.unwrap();
        assert_eq!(left[0].1, row(7_999), "the newest stays");
        assert!((500..4_000).contains(&left.len()), "{} are left", left.len());
        assert!(!store.health().degraded, "{:?}", store.health());
        let file = std::fs::metadata(folder.path().join("history.redb")).unwrap().len();
        assert!(file < 10 << 20, "the file has {file} bytes");

        let block = Bytes::from(vec![7; 10_000]);
        let mut refused = 0;
        for n in 0..600 {
            let put = store.put_many(&[(key(&n.to_string()), block.clone())], day).await;
            refused += usize::from(matches!(put, Err(Error::Full(_))));
            store.settle().await.unwrap();
        }
        assert!((1..500).contains(&refused), "{refused}");
        assert!(store.health().degraded && store.health().reason.unwrap().contains("store.max_size"));
        store.put_many(&[(key("0"), row(0))], day).await.unwrap();
        store.put_many(&[(key("learned"), row(1))], Life::Forever).await.unwrap();
        assert!(store.push_capped(&list, row(1), caps).await.is_err());
        assert_eq!(store.newest(&list, None, 10_000).await.unwrap().len(), 0);
        store.flush(Some("test")).await.unwrap();
        store.put_many(&[(key("new"), row(0))], day).await.unwrap();
        assert!(!store.health().degraded);
    });
}

#[test]
fn a_copy_takes_the_place_of_a_file_full_of_air() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let shelf = Shelf::start(Disk::open(&path).unwrap(), Arc::new(Budget::new(1 << 30)), Role::Main);
    let set = |from: usize, to: usize| {
        let places: Vec<_> = (from..to)
            .map(|n| place::place(&key(&format!("{n:06}")), place::Kind::One))
            .collect();
        let row = place::Row::Value(Bytes::from(vec![1; 500]));
        let put = shelf.change(|view| {
            places.iter().for_each(|place| view.set(place.clone(), u64::MAX, row.clone()));
            Ok(())
        });
        put.unwrap();
        runtime().block_on(shelf.settle().unwrap()).unwrap().unwrap();
        places
    };
    let kept = set(0, 5_000);
    for n in 1..6 {
        set(n * 10_000, n * 10_000 + 10_000);
    }
    let all: Vec<_> = (1..6).flat_map(|n| set(n * 10_000, n * 10_000 + 10)).collect();
    let large = std::fs::metadata(&path).unwrap().len();
    shelf
        .change(|view| {
            (10_000..60_000).for_each(|n| view.front.remove(place::place(&key(&format!("{n:06}")), place::Kind::One)));
            Ok(())
        })
        .unwrap();
    runtime().block_on(shelf.settle().unwrap()).unwrap().unwrap();
    let fresh = folder.path().join("store.redb.new");
    assert!(compact::copy(shelf.shared(), &fresh).unwrap());
    let small = std::fs::metadata(&path).unwrap().len();
    assert!(small * 2 < large && !fresh.exists(), "{small} of {large}");
    let found = |places: &[place::Place]| shelf.get(places).unwrap().iter().filter(|f| f.is_some()).count();
    assert_eq!((found(&kept), found(&all)), (5_000, 0));
    set(60_000, 60_010);
    drop(shelf);
    let disk = Disk::open(&path).unwrap();
    assert_eq!(disk.sizes().spaces["test"].entries, 5_010);
    assert_eq!(disk.with(tables::sizes).unwrap().spaces["test"].entries, 5_010);
}

#[test]
fn a_walk_in_pages_meets_everything_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let caps = Caps {
        items: 9,
        life: Life::Forever,
    };
    runtime().block_on(async {
        for settle in [true, false] {
            for n in 0..40 {
                let name = format!("{n:02} {settle}");
                store.put_many(&[(key(&name), bytes(n))], Life::Forever).await.unwrap();
                store.push_capped(&key("list"), bytes(n), caps).await.unwrap();
            }
            if settle {
                store.settle().await.unwrap();
            }
        }
        for count in [1, 2, 7, 10, 100] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = store.page(Some("test"), after.as_ref(), count).await.unwrap();
                assert!(page.entries.len() == count || page.next.is_none());
                seen.extend(page.entries);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(
                seen.len(),
                89,
                "pages of {count}: {:?}",
                seen.iter().map(|e| e.key.name().to_vec()).collect::<Vec<_>>()
            );
        }
    });
}

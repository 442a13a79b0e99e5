//! What only the embedded store can suffer. The suite for every store is in `tests/it/store`.

use super::disk::{Disk, open_file};
use super::*;
use redb::{Database, StorageBackend, backends::FileBackend};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn key(name: &str) -> Key {
    Key::new("test", name)
}

#[test]
fn counters_are_exact_under_concurrency() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Embedded::open(Folder::open(folder.path()).unwrap()).unwrap());
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
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.redb");
    std::fs::write(&file, "somebody's letters, not a database at all. ".repeat(200)).unwrap();
    let before = std::fs::read(&file).unwrap();
    let error = Embedded::open(Folder::open(folder.path()).unwrap()).err().unwrap();
    assert!(error.to_string().contains("store.redb"), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

/// A disk that can be filled.
#[derive(Debug)]
struct Fillable {
    file: FileBackend,
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

#[test]
fn a_full_disk_costs_nothing_but_durability_and_heals_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let full = Arc::new(AtomicBool::new(false));
    let (flag, file) = (full.clone(), path.clone());
    let disk = Disk::open(Box::new(move || {
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&file)
            .unwrap();
        let full = flag.clone();
        Database::builder().create_with_backend(Fillable {
            file: FileBackend::new(file)?,
            full,
        })
    }))
    .unwrap();
    let store = Embedded::start(disk, None);
    runtime().block_on(async {
        store.add_many(&[(key("c"), 1)], Life::Forever).await.unwrap();
        store.settle().await.unwrap();
        full.store(true, Ordering::SeqCst);
        assert_eq!(store.add_many(&[(key("c"), 1)], Life::Forever).await.unwrap(), [2]);
        assert!(store.settle().await.is_err(), "it must not claim that the write is safe");
        assert!(store.health().degraded);
        assert_eq!(
            store.add_many(&[(key("c"), 1)], Life::Forever).await.unwrap(),
            [3],
            "goes on in memory"
        );
        full.store(false, Ordering::SeqCst);
        let begun = std::time::Instant::now();
        while store.health().degraded {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "it never recovered: {:?}",
                store.health()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        store.settle().await.unwrap();
    });
    drop(store);
    let disk = Disk::open(Box::new(move || open_file(&path))).unwrap();
    let (_, value) = disk.get(key("c").bytes()).unwrap().unwrap();
    assert_eq!(counter(Some(&value)), 3);
}

#[test]
fn expired_values_are_swept_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let disk = Disk::open(Box::new(move || open_file(&path))).unwrap();
    let mut front = super::front::Front::default();
    front.set(b"short", 1_000, Bytes::from_static(b"s"));
    front.set(b"long", 9_000, Bytes::from_static(b"l"));
    front.set(b"renewed", 1_000, Bytes::from_static(b"r"));
    disk.write(&front.leave()).unwrap();
    front.arrived();
    front.set(b"renewed", 9_000, Bytes::from_static(b"r"));
    disk.write(&front.leave()).unwrap();
    assert!(!disk.sweep(5_000, 10).unwrap());
    assert_eq!(disk.get(b"short").unwrap(), None);
    assert!(disk.get(b"long").unwrap().is_some());
    assert!(disk.get(b"renewed").unwrap().is_some());
}

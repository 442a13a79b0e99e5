//! A large store: opens at once after a kill, and nobody waits while it is swept, flushed and written.

use bytes::Bytes;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use torwart::store::{Bucket, Caps, Embedded, Key, Life, Store};

/// Keys and bytes of history: the whole size takes `TORWART_TEST_FULL=1`.
fn size() -> (usize, usize) {
    match std::env::var_os("TORWART_TEST_FULL") {
        Some(_) => (1_000_000, 500 << 20),
        None => (100_000, 60 << 20),
    }
}

const ITEM: usize = 1 << 10;
const CAPS: Caps = Caps {
    items: 10_000_000,
    life: Life::Forever,
};

fn key(n: usize) -> Key {
    Key::new("verdicts", format!("{n:032}"))
}

fn list() -> Key {
    Key::new("history", "")
}

async fn fill(store: &Embedded, keys: usize, history: usize, life: Life) {
    let value = Bytes::from_static(b"OK 1795405234");
    for from in (0..keys).step_by(20_000) {
        let entries: Vec<_> = (from..keys.min(from + 20_000)).map(|n| (key(n), value.clone())).collect();
        store.put_many(&entries, life).await.unwrap();
        store.settle().await.unwrap();
    }
    let item = Bytes::from(vec![b'x'; ITEM]);
    for n in 0..history / ITEM {
        store.push_capped(&list(), item.clone(), CAPS).await.unwrap();
        if n % 2_000 == 0 {
            store.settle().await.unwrap();
        }
    }
    store.settle().await.unwrap();
}

const FOLDER: &str = "TORWART_TEST_LARGE";

#[tokio::test]
#[ignore = "the other process of the test of opening, which starts it"]
async fn fills_a_store_and_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = super::embedded(Path::new(&folder));
    let filled = Path::new(&folder).join("filled");
    if !filled.exists() {
        let (keys, history) = size();
        fill(&store, keys, history, Life::For(Duration::from_secs(86_400))).await;
        std::fs::write(filled, "").unwrap();
    }
    std::fs::write(Path::new(&folder).join("writing"), "").unwrap();
    loop {
        store.add_many(&[(key(0), 1)], Life::Forever).await.unwrap();
        store.push_capped(&list(), Bytes::from_static(b"more"), CAPS).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn fill_and_kill(folder: &Path) {
    let writing = folder.join("writing");
    let _ = std::fs::remove_file(&writing);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["store::large::fills_a_store_and_is_killed", "--exact", "--ignored"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !writing.exists() {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(900), "it fills: {ended:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(333));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn opens_at_once_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut times = Vec::new();
    // Opening waits once for the disk, which other tests keep busy: the best of some counts.
    for _ in 0..4 {
        fill_and_kill(folder.path());
        let begun = Instant::now();
        let store = super::embedded(folder.path());
        let first = store.get_many(&[key(77)]).await.unwrap();
        let newest = store.newest(&list(), None, 1).await.unwrap();
        times.push(begun.elapsed());
        assert!(first[0].is_some() && newest.len() == 1);
        let (keys, history) = size();
        let census = store.census().await.unwrap();
        let entries = |name: &str| census.iter().find(|s| s.name == name).unwrap().entries;
        assert_eq!(entries("verdicts"), keys as u64);
        assert!(entries("history") >= (history / ITEM) as u64);
    }
    eprintln!("killed, opened and read in {times:?}");
    assert!(times.iter().min().unwrap() < &Duration::from_millis(100), "{times:?}");
}

/// Notes the longest of many.
struct Longest(AtomicU64);

impl Longest {
    fn note(&self, since: Instant) {
        let micros = u64::try_from(since.elapsed().as_micros()).unwrap();
        self.0.fetch_max(micros, Ordering::Relaxed);
    }
    fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_while_the_store_is_swept_and_flushed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(super::embedded(folder.path()));
    fill(&store, 40_000, 20 << 20, Life::For(Duration::from_secs(3))).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (verbs, machine) = (Arc::new(Longest(AtomicU64::new(0))), Arc::new(Longest(AtomicU64::new(0))));
    let asking = {
        let (store, stop, verbs) = (store.clone(), stop.clone(), verbs.clone());
        std::thread::spawn(move || ask(&store, &stop, &verbs))
    };
    // How late this machine wakes anybody at all.
    let control = {
        let (stop, machine) = (stop.clone(), machine.clone());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let begun = Instant::now();
                std::thread::sleep(Duration::from_millis(1));
                std::hint::black_box((0..50_000).sum::<u64>());
                machine.note(begun);
            }
        })
    };
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(store.flush(Some("history")).await.unwrap() > 1_000);
    let begun = Instant::now();
    while store.census().await.unwrap().iter().any(|s| s.name == "verdicts" && s.entries > 0) {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::Relaxed);
    let asked = asking.join().unwrap();
    control.join().unwrap();
    eprintln!(
        "{asked} verbs, the longest {:?}; the machine alone {:?}",
        verbs.get(),
        machine.get()
    );
    assert!(asked > 500);
    assert!(
        verbs.get() < Duration::from_millis(50) + machine.get(),
        "a verb took {:?}, the machine alone {:?}",
        verbs.get(),
        machine.get()
    );
}

/// Verbs as scans use them, one after the other; how many.
fn ask(store: &Embedded, stop: &AtomicBool, longest: &Longest) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let later = Life::For(Duration::from_secs(60));
    let mut asked = 0;
    while !stop.load(Ordering::Relaxed) {
        let n = asked * 7_919 % 40_000;
        let bucket = Bucket {
            key: Key::new("ratelimit", format!("{}", n % 100)),
            amount: 1.0,
            capacity: 10.0,
            rate: 1.0,
        };
        let begun = Instant::now();
        runtime.block_on(async {
            match asked % 6 {
                0 => drop(store.get_many(&[key(n), key(n + 1)]).await.unwrap()),
                1 => drop(store.take(&[bucket], later).await.unwrap()),
                2 => drop(store.push_capped(&list(), Bytes::from_static(b"item"), CAPS).await.unwrap()),
                3 => drop(store.newest(&list(), None, 20).await.unwrap()),
                4 => drop(
                    store
                        .claim(&Key::new("greylist", n.to_string()), Bytes::new(), later)
                        .await
                        .unwrap(),
                ),
                _ => drop(store.add_many(&[(Key::new("stats", "n"), 1)], Life::Forever).await.unwrap()),
            }
        });
        longest.note(begun);
        asked += 1;
        std::thread::sleep(Duration::from_micros(300));
    }
    asked
}

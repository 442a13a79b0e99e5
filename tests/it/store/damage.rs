//! A byte flipped anywhere: noticed at first use, the file set aside, mail goes on.

use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use torwart::store::{Caps, Embedded, Key, Life, Store, counter};

const FLIPS: usize = 200;
const KEYS: usize = 400;

fn key(n: usize) -> Key {
    Key::new("test", format!("key {n:04}"))
}

fn list() -> Key {
    Key::new("history", "")
}

fn text(n: usize) -> Bytes {
    Bytes::from(format!("value {n} {}", "x".repeat(n % 90)))
}

const CAPS: Caps = Caps {
    items: 10_000,
    life: Life::Forever,
};

async fn fill(store: &Embedded) {
    let entries: Vec<_> = (0..KEYS).map(|n| (key(n), text(n))).collect();
    store.put_many(&entries, Life::For(Duration::from_secs(3_600))).await.unwrap();
    store.add_many(&[(Key::new("stats", "n"), 42)], Life::Forever).await.unwrap();
    for n in 0..KEYS {
        store.push_capped(&list(), text(n), CAPS).await.unwrap();
    }
    store.settle().await.unwrap();
}

/// Uses everything; true where all of it is as it was, with so much more.
async fn all_right(store: &Embedded, more: usize) -> bool {
    let keys: Vec<_> = (0..KEYS).map(key).collect();
    let found = store.get_many(&keys).await.unwrap();
    for (n, value) in found.iter().enumerate() {
        assert!(value.as_ref().is_none_or(|v| *v == text(n)), "key {n} reads wrong: {value:?}");
    }
    let items = store.newest(&list(), None, 10_000).await.unwrap();
    let mut rest = (0..KEYS).rev().map(text).peekable();
    for (_, item) in items.iter().skip(more) {
        assert!(rest.any(|t| t == *item), "an item reads wrong: {item:?}");
    }
    let stats = store.get_many(&[Key::new("stats", "n")]).await.unwrap();
    let sum = counter(stats[0].as_ref());
    assert!(sum == 42 || sum == 0, "the counter reads {sum}");
    let page = store.page(None, None, 10_000).await.unwrap();
    let whole = items.len() == KEYS + more && page.entries.len() == 2 * (KEYS + more) + 1;
    found.iter().all(Option::is_some) && whole && sum == 42
}

fn set_aside(folder: &Path) -> usize {
    let names = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name());
    names.filter(|n| n.to_string_lossy().contains(".redb.damaged-20")).count()
}

async fn flipped(folder: &Path, at: usize) -> bool {
    let store = super::embedded(folder);
    let right = all_right(&store, 0).await;
    // What is said while the damage is found is kept.
    store.put_many(&[(Key::new("test", "new"), text(7))], Life::Forever).await.unwrap();
    let position = store.push_capped(&list(), text(8), CAPS).await.unwrap();
    store.settle().await.unwrap();
    let aside = set_aside(folder);
    assert!(right || aside == 1, "byte {at}: something is missing, but no file was set aside");
    drop(store);
    let store = super::embedded(folder);
    let again = all_right(&store, 1).await;
    assert!(again || set_aside(folder) == 1, "byte {at}: something is missing after reopening");
    let found = store.get_many(&[Key::new("test", "new")]).await.unwrap();
    assert_eq!(found, [Some(text(7))], "byte {at}");
    let newest = store.newest(&list(), None, 1).await.unwrap();
    assert_eq!(newest, [(position, text(8))], "byte {at}");
    aside == 1
}

#[tokio::test]
async fn a_byte_flipped_anywhere_is_noticed_and_survived() {
    let original = tempfile::tempdir().unwrap();
    fill(&super::embedded(original.path())).await;
    let mut noticed = BTreeMap::new();
    for name in ["store.redb", "history.redb"] {
        let whole = std::fs::read(original.path().join(name)).unwrap();
        // Only where something lies: the rest is air.
        let used: Vec<usize> = (0..whole.len())
            .filter(|at| whole[at / 64 * 64..at / 64 * 64 + 64].iter().any(|b| *b != 0))
            .collect();
        for n in 0..FLIPS / 2 {
            let at = used[used.len() * n / (FLIPS / 2) + n % 7];
            let folder = tempfile::tempdir().unwrap();
            for other in ["store.redb", "history.redb"] {
                std::fs::copy(original.path().join(other), folder.path().join(other)).unwrap();
            }
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (n % 8);
            std::fs::write(folder.path().join(name), bytes).unwrap();
            let begun = Instant::now();
            if flipped(folder.path(), at).await {
                *noticed.entry(name).or_insert(0) += 1;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "byte {at} of {name} made it slow");
        }
    }
    assert!(noticed.values().all(|n| *n > FLIPS / 10) && noticed.len() == 2, "{noticed:?}");
}

#[tokio::test]
async fn a_page_that_is_damaged_while_the_store_runs_is_noticed_too() {
    use std::os::unix::fs::FileExt;
    let folder = tempfile::tempdir().unwrap();
    fill(&super::embedded(folder.path())).await;
    let store = super::embedded(folder.path());
    store.put_many(&[(Key::new("test", "kept"), text(1))], Life::Forever).await.unwrap();
    let file = std::fs::File::options().write(true).open(folder.path().join("store.redb")).unwrap();
    let len = file.metadata().unwrap().len();
    for block in 5..len / 4096 {
        file.write_all_at(&[0xAA; 100], block * 4096 + 50).unwrap();
    }
    all_right(&store, 0).await;
    let begun = Instant::now();
    while set_aside(folder.path()) == 0 || store.health().degraded {
        assert!(begun.elapsed() < Duration::from_secs(10), "never noticed: {:?}", store.health());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    store.settle().await.unwrap();
    let found = store.get_many(&[Key::new("test", "kept"), key(0)]).await.unwrap();
    assert_eq!(found, [Some(text(1)), None]);
    assert_eq!(
        store.newest(&list(), None, 10_000).await.unwrap().len(),
        KEYS,
        "the other file is none the worse"
    );
}

//! The embedded store's two promises, by hundreds of kills at random moments.

use super::victim::{self, Done, Victim};
use std::path::Path;
use std::time::{Duration, Instant};
use torwart::store::{Store, counter};

const KILLS: u64 = 220;
/// "On disk within a second", and what a busy machine may add to that.
const SECOND: Duration = Duration::from_millis(1_500);

/// The greatest number said for something.
fn said(done: &[Done], what: &str) -> u64 {
    let numbers = done.iter().filter(|d| d.what == what).map(|d| d.number);
    numbers.max().unwrap_or_default()
}

/// Numbers that follow each other without order: a kill at each of many moments, the same ones each time.
fn random(n: u64) -> u64 {
    let mut x = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^ (x >> 27)
}

#[tokio::test]
async fn kills_lose_nothing_that_was_acknowledged_and_at_most_a_second_of_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = Vec::new();
    let mut lost = 0;
    for n in 0..KILLS {
        // Some live long enough for the second promise to say something.
        let time = if n % 20 == 19 { 1_800 } else { random(n) % 110 };
        let (done, killed) = Victim::start(folder.path()).kill_after(Duration::from_millis(time));
        let begun = Instant::now();
        let store = super::embedded(folder.path());
        opened.push(begun.elapsed());
        lost += check(&store, &done, killed).await;
    }
    assert!(lost < KILLS * 1_500, "{lost} quick writes lost");
    opened.sort();
    let median = opened[opened.len() / 2];
    assert!(median < Duration::from_millis(100), "opening takes {median:?}");
    assert_eq!(damaged(folder.path()), Vec::<String>::new(), "a kill damages nothing");
}

/// What is left against what was said; how many quick writes were lost.
async fn check(store: &dyn Store, done: &[Done], killed: Instant) -> u64 {
    let keys = [victim::counter(), victim::quick()];
    let values = store.get_many(&keys).await.unwrap();
    let [sum, quick] = [0, 1].map(|n| counter(values[n].as_ref()) as u64);

    let (begun, safe) = (said(done, "begun"), said(done, "safe"));
    assert!(sum >= safe, "{safe} was acknowledged, {sum} is left");
    assert!(sum <= begun + 1, "{sum} is left, but only {begun} were counted");

    let thrown = said(done, "thrown");
    let gone: Vec<_> = (thrown.saturating_sub(3)..=thrown).map(victim::thrown).collect();
    if thrown > 0 {
        assert_eq!(store.get_many(&gone).await.unwrap(), vec![None; gone.len()], "flushed for good");
    }
    if safe > thrown {
        let kept = [victim::thrown(safe)];
        let may_be_flushed = (safe - thrown) >= 4;
        let found = store.get_many(&kept).await.unwrap();
        assert!(
            found[0].is_some() || may_be_flushed,
            "{safe} was acknowledged after the flush of {thrown}"
        );
    }

    let old = done
        .iter()
        .filter(|d| d.what == "quick" && killed.saturating_duration_since(d.at) > SECOND);
    let old = old.map(|d| d.number).max().unwrap_or_default();
    assert!(quick >= old, "{old} was said over a second before the kill, {quick} is left");
    history(store, old).await;
    said(done, "quick").saturating_sub(quick)
}

/// Items follow each other without a gap, and reach to what is older than a second.
async fn history(store: &dyn Store, old: u64) {
    let items = store.newest(&victim::history(), None, 1_000).await.unwrap();
    assert!(items.len() <= victim::CAPS.items);
    assert!(items.windows(2).all(|w| w[0].0 > w[1].0), "positions grow");
    let text = |item: &[u8]| String::from_utf8_lossy(item).trim().parse::<u64>().unwrap();
    let numbers: Vec<u64> = items.iter().map(|(_, item)| text(item)).collect();
    // The counter lies in the other file: a kill may leave either a little ahead, and then a number comes twice or not at all.
    assert!(numbers.windows(2).all(|w| w[0] + 3_000 > w[1]), "{numbers:?}");
    assert!(numbers.first().copied().unwrap_or_default() >= old);
}

fn damaged(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|n| n.contains("damaged")).collect()
}

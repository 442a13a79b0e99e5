//! What every store must do, whatever its engine. It wants an empty store, whose other spaces it leaves alone.

use bytes::Bytes;
use std::time::Duration;
use torwart::store::{Bucket, Caps, Content, Entry, Key, Life, Page, Position, Scale, Store, counter};

fn key(name: &str) -> Key {
    Key::new("test", name)
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

const SOON: Life = Life::For(Duration::from_millis(150));
const LATER: Life = Life::For(Duration::from_secs(60));

/// Everything in turn.
pub async fn run(store: &dyn Store) {
    values(store).await;
    names(store).await;
    many(store).await;
    claims(store).await;
    counters(store).await;
    buckets(store).await;
    lists(store).await;
    lists_apart(store).await;
    restored_lists(store).await;
    walks(store).await;
    flushes(store).await;
}

async fn values(store: &dyn Store) {
    let keys = [key("a"), key("b"), key("none")];
    store.put_many(&[(key("a"), bytes("1"))], Life::Forever).await.unwrap();
    store
        .put_many(&[(key("b"), Bytes::from_static(&[0, 255, 10]))], SOON)
        .await
        .unwrap();
    let found = store.get_many(&keys).await.unwrap();
    assert_eq!(found, [Some(bytes("1")), Some(Bytes::from_static(&[0, 255, 10])), None]);
    assert_eq!(store.get_many(&[]).await.unwrap(), []);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(store.get_many(&keys[1..2]).await.unwrap(), [None], "expired");
    store
        .put_many(&[(key("a"), bytes("2")), (key("b"), bytes("3"))], LATER)
        .await
        .unwrap();
    assert_eq!(store.get_many(&keys[..2]).await.unwrap(), [Some(bytes("2")), Some(bytes("3"))]);
    store.remove_many(&keys[..1]).await.unwrap();
    assert_eq!(store.get_many(&keys[..2]).await.unwrap(), [None, Some(bytes("3"))]);
}

/// Names are bytes: any, of any length, and none is the beginning of another.
async fn names(store: &dyn Store) {
    let long = vec![b'n'; 2_000];
    let odd: [&[u8]; 10] = [
        b"",
        b"\0",
        b"\0\0",
        b"a",
        b"a\0",
        b"a\0\xFF",
        b"a\xFF",
        b"a b\r\n*{}[]:",
        b"\xC3\xA4",
        &long,
    ];
    let key = |name: &&[u8]| Key::new("names", name);
    let keys: Vec<_> = odd.iter().map(key).collect();
    for (n, key) in keys.iter().enumerate() {
        store.put_many(&[(key.clone(), bytes(&n.to_string()))], LATER).await.unwrap();
    }
    let found = store.get_many(&keys).await.unwrap();
    assert!(
        found.iter().enumerate().all(|(n, v)| *v == Some(bytes(&n.to_string()))),
        "{found:?}"
    );
    let mut walked: Vec<_> = all(store, Some("names"), 3).await.into_iter().map(|e| e.key).collect();
    walked.sort();
    let mut sorted = keys.clone();
    sorted.sort();
    assert_eq!(walked, sorted);
    store.remove_many(&keys[4..5]).await.unwrap();
    let left = store.get_many(&keys).await.unwrap();
    assert_eq!(left.iter().filter(|v| v.is_none()).count(), 1, "only the one that was named goes");
    assert_eq!(
        store.get_many(&[Key::new("name", b"s\0a")]).await.unwrap(),
        [None],
        "spaces are apart"
    );
    assert_eq!(store.flush(Some("names")).await.unwrap(), 9);
    assert_eq!(store.flush(Some("names")).await.unwrap(), 0);
    assert_eq!(store.flush(Some("never")).await.unwrap(), 0);
}

/// Thousands in one call, and large ones.
async fn many(store: &dyn Store) {
    let amounts: Vec<_> = (0..3_000).map(|n| (Key::new("many", n.to_string()), n)).collect();
    let keys: Vec<_> = amounts.iter().map(|(key, _)| key.clone()).collect();
    for times in 1..4 {
        let sums = store.add_many(&amounts, Life::Forever).await.unwrap();
        assert!(sums.iter().enumerate().all(|(n, sum)| *sum == n as i64 * times));
        if times == 2 {
            store.settle().await.unwrap();
        }
    }
    let found = store.get_many(&keys).await.unwrap();
    assert!(found.iter().enumerate().all(|(n, v)| counter(v.as_ref()) == n as i64 * 3));
    store.remove_many(&keys).await.unwrap();
    assert!(store.get_many(&keys).await.unwrap().iter().all(Option::is_none));
    let large = Bytes::from((0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect::<Vec<_>>());
    store.put_many(&[(keys[0].clone(), large.clone())], LATER).await.unwrap();
    store.settle().await.unwrap();
    assert_eq!(store.get_many(&keys[..2]).await.unwrap(), [Some(large), None]);
    let one = [(keys[1].clone(), 1)];
    let mut sums: Vec<_> = futures((0..200).map(|_| store.add_many(&one, LATER))).await;
    sums.sort();
    assert_eq!(sums, (1..=200).map(|n| vec![n]).collect::<Vec<_>>(), "each counts once");
    store.add_many(&[(keys[2].clone(), i64::MAX - 1)], LATER).await.unwrap();
    store.flush(Some("many")).await.unwrap();
    store.put_many(&[], LATER).await.unwrap();
    store.remove_many(&[]).await.unwrap();
    assert_eq!(store.add_many(&[], LATER).await.unwrap(), Vec::<i64>::new());
    assert_eq!(store.take(&[], LATER).await.unwrap(), []);
}

async fn claims(store: &dyn Store) {
    let key = key("claim");
    assert_eq!(store.claim(&key, bytes("first"), SOON).await.unwrap(), None);
    assert_eq!(store.claim(&key, bytes("second"), LATER).await.unwrap(), Some(bytes("first")));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(
        store.claim(&key, bytes("third"), LATER).await.unwrap(),
        None,
        "the second did not renew it"
    );
    let many: Vec<_> = (0..20).map(|n| bytes(&n.to_string())).collect();
    let race = Key::new("test", "race");
    let tries = many.iter().map(|value| store.claim(&race, value.clone(), LATER));
    let answers = futures(tries).await;
    assert_eq!(answers.iter().filter(|a| a.is_none()).count(), 1, "exactly one is the first");
}

async fn futures<T>(tries: impl Iterator<Item = torwart::store::Reply<'_, T>>) -> Vec<T> {
    let mut all: Vec<_> = tries.collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                done.push(answer.unwrap());
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done
}

async fn counters(store: &dyn Store) {
    let amounts = [(key("n"), 2), (key("m"), -1), (key("n"), 3)];
    assert_eq!(store.add_many(&amounts, Life::Forever).await.unwrap(), [2, -1, 5]);
    store.settle().await.unwrap();
    let again = store.add_many(&amounts[..1], Life::Forever).await.unwrap();
    assert_eq!(again, [7], "counts on from where it was settled");
    let value = store.get_many(&[key("n"), key("none")]).await.unwrap();
    assert_eq!(counter(value[0].as_ref()), 7);
    assert_eq!(counter(value[1].as_ref()), 0);
    store.add_many(&[(key("short"), 1)], SOON).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(store.add_many(&[(key("short"), 1)], LATER).await.unwrap(), [1], "expired");
}

fn bucket(name: &str, amount: f64) -> Bucket {
    Bucket {
        key: key(name),
        amount,
        capacity: 10.0,
        rate: 0.0,
    }
}

async fn buckets(store: &dyn Store) {
    let tries = (0..30).map(|_| vec![bucket("pail", 1.0)]).collect::<Vec<_>>();
    let levels = futures(tries.iter().map(|b| store.take(b, LATER))).await;
    let passed = levels.iter().filter(|l| l[0].passed).count();
    assert_eq!(passed, 10, "exact under concurrency");
    let full = store.take(&[bucket("pail", 0.5), bucket("other", 10.0)], LATER).await.unwrap();
    assert_eq!((full[0].passed, full[0].level), (false, 10.0));
    assert_eq!((full[1].passed, full[1].level), (true, 10.0), "each bucket for itself");
    let back = store.take(&[bucket("pail", -4.0)], LATER).await.unwrap();
    assert_eq!((back[0].passed, back[0].level), (true, 6.0));
    let quick = Bucket {
        rate: 50.0,
        ..bucket("quick", 10.0)
    };
    assert!(store.take(std::slice::from_ref(&quick), LATER).await.unwrap()[0].passed);
    assert!(!store.take(std::slice::from_ref(&quick), LATER).await.unwrap()[0].passed);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let leaked = store.take(&[quick], LATER).await.unwrap();
    assert!(
        leaked[0].passed && leaked[0].level == 10.0,
        "it leaks, but not below empty: {leaked:?}"
    );
    let scale = |rate, burst| Scale {
        key: key("pail"),
        rate,
        burst,
        max_rate: 4.0,
        max_burst: 2.0,
    };
    store.scale(&[scale(0.5, 1.5), scale(0.5, 1.5)], LATER).await.unwrap();
    let wide = store.take(&[bucket("pail", 13.9)], LATER).await.unwrap();
    assert_eq!((wide[0].rate, wide[0].burst), (0.25, 2.0), "factors multiply within their bounds");
    assert!(wide[0].passed && (wide[0].level - 19.9).abs() < 1e-6);
    store.remove_many(&[key("pail")]).await.unwrap();
    assert_eq!(store.take(&[bucket("pail", 1.0)], LATER).await.unwrap()[0].level, 1.0);
}

async fn lists(store: &dyn Store) {
    let list = key("l");
    let caps = Caps { items: 3, life: LATER };
    let mut last = Position::default();
    for n in 0..7 {
        let position = store.push_capped(&list, bytes(&n.to_string()), caps).await.unwrap();
        assert!(position > last, "positions grow: {position} after {last}");
        last = position;
        if n % 2 == 0 {
            store.settle().await.unwrap();
        }
    }
    let texts =
        |items: Vec<(Position, Bytes)>| -> Vec<String> { items.iter().map(|(_, b)| String::from_utf8_lossy(b).into_owned()).collect() };
    let two = store.newest(&list, None, 2).await.unwrap();
    let rest = store.newest(&list, Some(two[1].0), 9).await.unwrap();
    assert_eq!(texts(two), ["6", "5"]);
    assert_eq!(texts(rest), ["4"], "capped, and paged without a gap");
    store.settle().await.unwrap();
    assert_eq!(texts(store.newest(&list, None, 9).await.unwrap()), ["6", "5", "4"]);
    let short = Caps { items: 9, life: SOON };
    store.push_capped(&key("s"), bytes("gone"), short).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(store.newest(&key("s"), None, 9).await.unwrap(), []);
    store.remove_many(std::slice::from_ref(&list)).await.unwrap();
    assert_eq!(store.newest(&list, None, 9).await.unwrap(), []);
    store.push_capped(&list, bytes("new"), caps).await.unwrap();
    store.settle().await.unwrap();
    assert_eq!(texts(store.newest(&list, None, 9).await.unwrap()), ["new"]);
}

/// Lists whose names resemble each other do not mix, and a smaller cap takes effect.
async fn lists_apart(store: &dyn Store) {
    let names: [&[u8]; 4] = [b"p", b"p\0", b"pp", b""];
    let lists = names.map(|name| Key::new("lists", name));
    let wide = Caps { items: 10, life: LATER };
    for n in 0..6 {
        for (which, list) in lists.iter().enumerate() {
            store.push_capped(list, bytes(&format!("{which} {n}")), wide).await.unwrap();
        }
    }
    let last = |items: Vec<(Position, Bytes)>| items.into_iter().map(|(_, item)| item).collect::<Vec<_>>();
    for (which, list) in lists.iter().enumerate() {
        let mut seen = Vec::new();
        let mut before = None;
        while let [(position, item)] = &store.newest(list, before, 1).await.unwrap()[..] {
            assert!(before.is_none_or(|b| *position < b));
            before = Some(*position);
            seen.push(item.clone());
        }
        let all: Vec<_> = (0..6).rev().map(|n| bytes(&format!("{which} {n}"))).collect();
        assert_eq!(seen, all, "one by one");
    }
    let narrow = Caps { items: 2, life: LATER };
    store.push_capped(&lists[0], bytes("new"), narrow).await.unwrap();
    assert_eq!(last(store.newest(&lists[0], None, 9).await.unwrap()), [bytes("new"), bytes("0 5")]);
    store.remove_many(&lists[..1]).await.unwrap();
    assert_eq!(store.newest(&lists[0], None, 9).await.unwrap(), []);
    for list in &lists[1..] {
        assert_eq!(store.newest(list, None, 9).await.unwrap().len(), 6);
    }
    assert_eq!(store.newest(&lists[1], Some(Position::default()), 9).await.unwrap(), []);
    assert_eq!(store.newest(&lists[1], None, 0).await.unwrap(), []);
    store.flush(Some("lists")).await.unwrap();
}

/// Items come back where they were; what is appended later stands behind them, and counts with them.
async fn restored_lists(store: &dyn Store) {
    let list = Key::new("history", "suite");
    let caps = Caps { items: 4, life: LATER };
    let now = store.push_capped(&list, bytes("probe"), caps).await.unwrap().ms;
    store.flush(Some("history")).await.unwrap();
    let item = |ms: u64, text: &str| Entry {
        key: list.clone(),
        life: LATER,
        content: Content::Item(Position { ms, seq: 3 }, bytes(text)),
    };
    let entries = [item(now - 5_000, "a"), item(now - 4_000, "b"), item(now + 3_600_000, "c")];
    store.restore(&entries).await.unwrap();
    store.restore(&entries).await.unwrap();
    let found = store.newest(&list, None, 9).await.unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(found[2], (Position { ms: now - 5_000, seq: 3 }, bytes("a")));
    for text in ["d", "e"] {
        let position = store.push_capped(&list, bytes(text), caps).await.unwrap();
        assert!(position > found[0].0, "behind what was restored, though its clock was ahead");
    }
    store.settle().await.unwrap();
    let texts: Vec<_> = store
        .newest(&list, None, 9)
        .await
        .unwrap()
        .into_iter()
        .map(|(_, item)| item)
        .collect();
    assert_eq!(texts, ["e", "d", "c", "b"].map(bytes), "restored items count");
    store.flush(Some("history")).await.unwrap();
}

/// All pages of a space.
async fn all(store: &dyn Store, space: Option<&str>, count: usize) -> Vec<Entry> {
    let (mut entries, mut after) = (Vec::new(), None);
    for _ in 0..1_000 {
        let Page { entries: some, next } = store.page(space, after.as_ref(), count).await.unwrap();
        entries.extend(some);
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert!(after.is_none(), "the walk ends");
    entries.sort_by(|a, b| {
        a.key
            .cmp(&b.key)
            .then_with(|| format!("{:?}", a.content).cmp(&format!("{:?}", b.content)))
    });
    entries.dedup_by(|a, b| a.key == b.key && a.content == b.content);
    entries
}

async fn walks(store: &dyn Store) {
    for n in 0..57 {
        let entry = (Key::new("walk", format!("{n:02}")), bytes("v"));
        store.put_many(&[entry], if n == 0 { LATER } else { Life::Forever }).await.unwrap();
    }
    let caps = Caps { items: 9, life: LATER };
    for text in ["x", "y"] {
        store.push_capped(&Key::new("walk", "list"), bytes(text), caps).await.unwrap();
    }
    let pail = Bucket {
        key: Key::new("walk", "pail"),
        ..bucket("", 3.0)
    };
    store.take(&[pail], LATER).await.unwrap();
    store.settle().await.unwrap();
    let found = all(store, Some("walk"), 10).await;
    assert_eq!(
        found.len(),
        60,
        "{:?}",
        found.iter().map(|e| (e.key.name(), &e.life)).collect::<Vec<_>>()
    );
    assert!(found.iter().all(|e| e.key.space() == "walk"));
    let first = found.iter().find(|e| e.key.name() == b"00").unwrap();
    assert!(matches!(first.life, Life::For(left) if left <= Duration::from_secs(60) && left > Duration::from_secs(50)));
    assert!(
        found
            .iter()
            .any(|e| matches!(e.content, Content::Bucket { level, .. } if level == 3.0))
    );
    let look = |name: &str| {
        let key = Key::new("walk", name);
        async move { store.look(&key).await.unwrap() }
    };
    let first_again = look("00").await.unwrap();
    assert_eq!((&first_again.key, &first_again.content), (&first.key, &first.content));
    assert!(matches!(first_again.life, Life::For(left) if left > Duration::from_secs(50)));
    assert!(matches!(look("pail").await.unwrap().content, Content::Bucket { .. }));
    assert_eq!((look("list").await, look("none").await), (None, None));
    assert!(all(store, None, 1_000).await.len() > found.len());
    let census = store.census().await.unwrap();
    let walk = census.iter().find(|s| s.name == "walk").unwrap();
    assert!(walk.entries == 60 && walk.bytes > 100, "{walk:?}");

    assert_eq!(store.flush(Some("walk")).await.unwrap(), 60);
    assert_eq!(all(store, Some("walk"), 10).await, []);
    store.restore(&found).await.unwrap();
    store.restore(&found).await.unwrap();
    store.settle().await.unwrap();
    let back = all(store, Some("walk"), 10).await;
    let contents = |entries: &[Entry]| entries.iter().map(|e| (e.key.clone(), e.content.clone())).collect::<Vec<_>>();
    assert_eq!(contents(&back), contents(&found), "restored, and twice is once");
}

async fn flushes(store: &dyn Store) {
    assert!(store.flush(Some("walk")).await.unwrap() > 0);
    assert_eq!(store.get_many(&[key("b")]).await.unwrap(), [Some(bytes("3"))], "other spaces stay");
    store.flush(None).await.unwrap();
    assert_eq!(store.get_many(&[key("b")]).await.unwrap(), [None]);
    assert_eq!(store.newest(&key("l"), None, 9).await.unwrap(), []);
    assert!(store.census().await.unwrap().is_empty());
}

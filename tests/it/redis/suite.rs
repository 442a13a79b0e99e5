//! The suite of every store, by every way to reach a server.

use super::server::{Peer, open, secret, settings};
use crate::store::suite;
use bytes::Bytes;
use std::time::Duration;
use torwart::config::schema::Redis as Settings;
use torwart::store::{Bucket, Caps, Content, Entry, Key, Life, Position, Store};

#[tokio::test]
async fn one_server_passes_the_suite() {
    let peer = Peer::start(&[]);
    peer.say(&["SET", "somebody:else", "stays"]);
    let store = open(peer.settings()).await;
    suite::run(&store).await;
    assert_eq!(
        peer.say(&["DBSIZE"]).trim(),
        "1",
        "what is not ours stays: {}",
        peer.say(&["KEYS", "*"])
    );
}

#[tokio::test]
async fn a_unix_socket_passes_the_suite() {
    let mut peer = Peer::at(0, &["--unixsocket", "s"]);
    let socket = peer.folder.join("s").display().to_string();
    peer.way = vec!["-s".to_owned(), socket.clone()];
    peer.up();
    suite::run(&open(settings(&[&format!("unix:{socket}")])).await).await;
}

#[tokio::test]
async fn user_password_database_and_prefix_pass_the_suite() {
    let acl = [
        "--user",
        "anna",
        "on",
        ">geheim",
        "~mail:*",
        "+@all",
        "-@dangerous",
        "+select",
        "--requirepass",
        "other",
    ];
    let peer = Peer::start(&acl);
    let settings = Settings {
        user: "anna".to_owned(),
        password: secret("geheim"),
        db: 3,
        prefix: "mail:".to_owned(),
        ..peer.settings()
    };
    let store = open(settings.clone()).await;
    store
        .put_many(&[(Key::new("test", "k"), Bytes::from("v"))], Life::Forever)
        .await
        .unwrap();
    let seen = peer.say(&["-a", "other", "--no-auth-warning", "-n", "3", "GET", "mail:tw:test:k"]);
    assert_eq!(seen.trim(), "v");
    store.flush(None).await.unwrap();
    suite::run(&store).await;
}

#[tokio::test]
async fn everything_of_one_call_is_one_round_trip() {
    let peer = Peer::start(&[]);
    let store = open(peer.settings()).await;
    let keys: Vec<Key> = (0..50).map(|n| Key::new("test", n.to_string())).collect();
    let entries: Vec<_> = keys.iter().map(|k| (k.clone(), Bytes::from("v"))).collect();
    let amounts: Vec<_> = (0..50).map(|n| (Key::new("n", n.to_string()), n)).collect();
    let buckets: Vec<_> = (0..50)
        .map(|n| Bucket {
            key: Key::new("b", n.to_string()),
            amount: 1.0,
            capacity: 5.0,
            rate: 0.0,
        })
        .collect();
    let before = store.trips();
    store.put_many(&entries, Life::Forever).await.unwrap();
    store.get_many(&keys).await.unwrap();
    store.add_many(&amounts, Life::Forever).await.unwrap();
    store.take(&buckets, Life::Forever).await.unwrap();
    store.claim(&keys[0], Bytes::from("w"), Life::Forever).await.unwrap();
    store.remove_many(&keys).await.unwrap();
    let list = Key::new("l", "l");
    let caps = Caps {
        items: 5,
        life: Life::Forever,
    };
    store.push_capped(&list, Bytes::from("i"), caps).await.unwrap();
    store.newest(&list, None, 5).await.unwrap();
    assert_eq!(store.trips() - before, 8);
    assert_eq!(store.health().trips, store.trips());
    peer.say(&["SCRIPT", "FLUSH"]);
    assert_eq!(
        store.add_many(&amounts[..3], Life::Forever).await.unwrap(),
        [0, 2, 4],
        "scripts are taught again"
    );
    peer.say(&["FLUSHALL"]);
    assert_eq!(
        store.add_many(&amounts[..3], Life::Forever).await.unwrap(),
        [0, 1, 2],
        "nothing is kept in the process"
    );
}

#[tokio::test]
async fn counters_and_buckets_are_exact() {
    let peer = Peer::start(&[]);
    let store = open(peer.settings()).await;
    let (big, word, list) = (Key::new("n", "big"), Key::new("n", "word"), Key::new("n", "list"));
    let add = |key: &Key, n: i64| {
        let amount = [(key.clone(), n)];
        let store = &store;
        async move { store.add_many(&amount, Life::Forever).await.unwrap()[0] }
    };
    assert_eq!(add(&big, i64::MAX - 1).await, i64::MAX - 1, "beyond 2^53");
    assert_eq!(add(&big, 5).await, i64::MAX, "the bound holds");
    assert_eq!(add(&big, -5).await, i64::MAX - 5);
    store.put_many(&[(word.clone(), Bytes::from("word"))], Life::Forever).await.unwrap();
    assert_eq!(add(&word, 3).await, 3, "foreign bytes count as 0");
    let caps = Caps {
        items: 5,
        life: Life::Forever,
    };
    store.push_capped(&list, Bytes::from("i"), caps).await.unwrap();
    assert_eq!(
        store.get_many(std::slice::from_ref(&list)).await.unwrap(),
        [None],
        "a list is no value"
    );
    let tries: Vec<_> = (0..1_000)
        .map(|_| {
            [Bucket {
                key: Key::new("b", "one"),
                amount: 1.0,
                capacity: 100.0,
                rate: 0.0,
            }]
        })
        .collect();
    let store = std::sync::Arc::new(store);
    let mut running = tokio::task::JoinSet::new();
    for one in tries {
        let store = store.clone();
        running.spawn(async move { store.take(&one, Life::Forever).await.unwrap()[0].passed });
    }
    let passed = running.join_all().await.into_iter().filter(|p| *p).count();
    assert_eq!(passed, 100);
}

#[tokio::test]
async fn lists_keep_their_order_their_ends_and_their_pages() {
    let peer = Peer::start(&[]);
    let store = open(peer.settings()).await;
    let list = Key::new("l", "l");
    let item = |ms: u64, life: Life| Entry {
        key: list.clone(),
        life,
        content: Content::Item(Position { ms, seq: 0 }, Bytes::from(ms.to_string())),
    };
    let short = Life::For(Duration::from_millis(300));
    store.restore(&[item(5_000, Life::Forever), item(7_000, short)]).await.unwrap();
    store
        .restore(&[item(6_000, Life::Forever), item(5_000, Life::Forever), item(8_000, Life::Forever)])
        .await
        .unwrap();
    let order = |items: Vec<(Position, Bytes)>| items.iter().map(|(p, _)| p.ms).collect::<Vec<_>>();
    assert_eq!(order(store.newest(&list, None, 9).await.unwrap()), [8_000, 7_000, 6_000, 5_000]);
    let before = Position { ms: 7_000, seq: 0 };
    assert_eq!(order(store.newest(&list, Some(before), 1).await.unwrap()), [6_000]);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(
        order(store.newest(&list, None, 9).await.unwrap()),
        [8_000, 6_000, 5_000],
        "one has ended"
    );
    let many: Vec<Entry> = (10_000..11_500).map(|ms| item(ms, Life::Forever)).collect();
    store.restore(&many).await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.page(Some("l"), after.as_ref(), 100).await.unwrap();
        assert!(page.entries.len() <= 100);
        found.extend(page.entries);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found.len(), 1_503, "a long list comes in pages");
    assert_eq!(store.flush(Some("l")).await.unwrap(), 1_504, "the ended one is swept as well");
}

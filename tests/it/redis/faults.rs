//! Every way in which a server fails: verbs come back in time, the log says it once, and it recovers by itself.

use super::server::{Log, Peer, open, secret, settings, well};
use crate::support::tools::wait_for;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use torwart::config::schema::Redis as Settings;
use torwart::store::{Bucket, Caps, Error, Key, Life, Redis, Store, counter};

/// The deadline of these tests, and what a busy machine may add to it.
const TIMEOUT: Duration = Duration::from_millis(400);
const LATE: Duration = Duration::from_millis(250);

fn quick(peer: &Peer) -> Settings {
    Settings {
        timeout: TIMEOUT,
        ..peer.settings()
    }
}

async fn add(store: &Redis, name: &str) -> Result<i64, Error> {
    let amount = [(Key::new("n", name), 1)];
    store.add_many(&amount, Life::Forever).await.map(|sums| sums[0])
}

/// How long a verb takes to fail.
async fn fails(store: &Redis) -> (Duration, String) {
    let begun = Instant::now();
    let error = add(store, "fails").await.unwrap_err();
    (begun.elapsed(), error.to_string())
}

async fn ails(store: &Redis, what: &str) -> String {
    let begun = Instant::now();
    loop {
        let _ = add(store, "ails").await;
        let health = store.health();
        if let Some(reason) = health.reason.filter(|_| health.degraded) {
            return reason;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it is never noticed that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_server_that_is_gone_costs_nothing_and_comes_back() {
    let (log, _listening) = Log::listen();
    let mut peer = Peer::start(&[]);
    let store = open(quick(&peer)).await;
    add(&store, "a").await.unwrap();
    peer.kill();
    let reason = ails(&store, "it is gone").await;
    for _ in 0..200 {
        let (took, said) = fails(&store).await;
        assert!(took < Duration::from_millis(50), "known to be down, it took {took:?}");
        assert!(said.contains(&peer.address()), "{said}");
    }
    assert!(reason.contains(&peer.address()), "{reason}");
    peer.up();
    well(&store, "it is back").await;
    assert_eq!(add(&store, "a").await.unwrap(), 1, "a new server, a new count");
    wait_until(|| log.count("answers again after") == 1).await;
    assert_eq!(log.count("mail goes on without"), 1, "{}", log.text());
    assert_eq!(log.text().lines().count(), 2, "{}", log.text());
}

#[tokio::test]
async fn a_server_that_is_not_there_at_first_is_waited_for_once() {
    let mut peer = Peer::at(crate::support::tools::free_ports(1), &[]);
    let store = Redis::open("redis", quick(&peer));
    let (took, _) = fails(&store).await;
    assert!(took < TIMEOUT + LATE);
    assert!(store.health().degraded);
    peer.up();
    well(&store, "it is there").await;
}

#[tokio::test]
async fn a_server_that_hangs_costs_its_deadline_once() {
    let peer = Peer::start(&[]);
    let store = Arc::new(open(quick(&peer)).await);
    peer.signal("STOP");
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let store = store.clone();
        running.spawn(async move { fails(&store).await.0 });
    }
    for took in running.join_all().await {
        assert!(took < TIMEOUT + LATE, "it took {took:?}");
    }
    for _ in 0..50 {
        let (took, said) = fails(&store).await;
        assert!(took < Duration::from_millis(50), "known to hang, it took {took:?}: {said}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(store.health().reason.unwrap_or_default().contains("no answer within"));
    peer.signal("CONT");
    well(&store, "it goes on").await;
}

#[tokio::test]
async fn a_server_that_loads_its_data_is_waited_for() {
    let mut peer = Peer::at(crate::support::tools::free_ports(1), &["--enable-debug-command", "yes"]);
    peer.up();
    let store = open(quick(&peer)).await;
    peer.say(&["DEBUG", "POPULATE", "20000", "key", "20"]);
    peer.say(&["SAVE"]);
    peer.kill();
    peer.option(&["--key-load-delay", "100", "--loading-process-events-interval-bytes", "1024"]);
    peer.begin();
    wait_for("it loads", || peer.say(&["PING"]).contains("LOADING").then_some(()));
    let begun = Instant::now();
    let mut seen = String::new();
    while begun.elapsed() < Duration::from_secs(3) && !seen.contains("loading") {
        let asked = Instant::now();
        let _ = add(&store, "loads").await;
        assert!(asked.elapsed() < TIMEOUT + LATE);
        seen = store.health().reason.unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(seen.contains("still loading"), "{seen}");
    well(&store, "it has loaded").await;
}

#[tokio::test]
async fn full_memory_refuses_writing_and_answers_questions() {
    let (log, _listening) = Log::listen();
    let peer = Peer::start(&["--maxmemory-policy", "noeviction"]);
    let store = open(quick(&peer)).await;
    add(&store, "a").await.unwrap();
    peer.say(&["CONFIG", "SET", "maxmemory", "1"]);
    let bucket = Bucket {
        key: Key::new("b", "b"),
        amount: 1.0,
        capacity: 1.0,
        rate: 1.0,
    };
    let caps = Caps {
        items: 3,
        life: Life::Forever,
    };
    let full = |said: Result<(), Error>| assert!(matches!(&said, Err(Error::Full(why)) if why.contains("maxmemory")), "{said:?}");
    full(store.put_many(&[(Key::new("v", "v"), Bytes::from("v"))], Life::Forever).await);
    full(add(&store, "a").await.map(drop));
    full(store.claim(&Key::new("c", "c"), Bytes::from("c"), Life::Forever).await.map(drop));
    full(store.take(&[bucket], Life::Forever).await.map(drop));
    full(store.push_capped(&Key::new("l", "l"), Bytes::from("i"), caps).await.map(drop));
    let value = store.get_many(&[Key::new("n", "a")]).await.unwrap();
    assert_eq!(counter(value[0].as_ref()), 1);
    store.remove_many(&[Key::new("n", "none")]).await.unwrap();
    let reason = ails(&store, "it is full").await;
    assert!(reason.contains("maxmemory"), "{reason}");
    for _ in 0..300 {
        full(add(&store, "a").await.map(drop));
    }
    wait_until(|| log.count("maxmemory") > 0).await;
    peer.say(&["CONFIG", "SET", "maxmemory", "0"]);
    well(&store, "it has room again").await;
    assert_eq!(add(&store, "a").await.unwrap(), 2);
    wait_until(|| log.count("answers again after") == 1).await;
    assert_eq!(log.count("maxmemory"), 1, "{}", log.text());
}

#[tokio::test]
async fn a_master_that_becomes_a_replica_is_left_alone_until_it_is_one_again() {
    let other = Peer::start(&[]);
    let peer = Peer::start(&[]);
    let store = open(quick(&peer)).await;
    add(&store, "a").await.unwrap();
    peer.say(&["REPLICAOF", "127.0.0.1", &other.port.to_string()]);
    let error = add(&store, "a").await.unwrap_err().to_string();
    assert!(error.contains("replica"), "{error}");
    assert!(
        ails(&store, "it is a replica")
            .await
            .contains("it is a replica and takes no writes")
    );
    wait_for("it follows", || {
        peer.say(&["INFO", "replication"]).contains("master_link_status:up").then_some(())
    });
    store.get_many(&[Key::new("n", "a")]).await.expect("it is read from all the same");
    peer.say(&["REPLICAOF", "NO", "ONE"]);
    well(&store, "it is a master again").await;
    add(&store, "a").await.unwrap();
}

#[tokio::test]
async fn what_only_an_administrator_can_change_is_said_with_a_remedy() {
    let peer = Peer::start(&["--requirepass", "geheim", "--user", "anna", "on", ">a", "~tw:*", "+@all", "-scan"]);
    let with = |user: &str, password: &str, db: u32| Settings {
        user: user.to_owned(),
        password: secret(password),
        db,
        ..quick(&peer)
    };
    for (settings, hint) in [
        (with("", "", 0), "set `password`"),
        (with("", "wrong", 0), "check `user` and `password`"),
        (with("nobody", "geheim", 0), "check `user` and `password`"),
        (with("", "geheim", 99), "check `db`"),
    ] {
        let store = Redis::open("redis", settings);
        let reason = ails(&store, hint).await;
        assert!(reason.contains(hint) && reason.contains(&peer.address()), "{reason}");
        assert!(!reason.contains("geheim") && !reason.contains("wrong"), "{reason}");
        let (took, said) = fails(&store).await;
        assert!(took < Duration::from_millis(50) && said.contains(hint), "{said}");
    }
    let anna = open(with("anna", "a", 0)).await;
    let said = anna.census().await.unwrap_err().to_string();
    assert!(said.contains("NOPERM"), "{said}");
    assert!(add(&anna, "a").await.is_ok(), "what it may it does");
    let fixed = Redis::open("redis", with("", "new", 0));
    ails(&fixed, "the password is wrong").await;
    peer.say(&["-a", "geheim", "--no-auth-warning", "CONFIG", "SET", "requirepass", "new"]);
    well(&fixed, "the password is changed over there").await;
}

#[tokio::test]
async fn under_load_restarts_and_pauses_cost_verbs_and_nothing_else() {
    let (log, _listening) = Log::listen();
    let mut peer = Peer::start(&[]);
    let store = Arc::new(open(quick(&peer)).await);
    let (done, lost, worst) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let stop = tokio_util::sync::CancellationToken::new();
    let mut running = tokio::task::JoinSet::new();
    for worker in 0..16 {
        let (store, stop) = (store.clone(), stop.clone());
        let (done, lost, worst) = (done.clone(), lost.clone(), worst.clone());
        running.spawn(async move {
            let mut n = 0_u64;
            while !stop.is_cancelled() {
                n += 1;
                let begun = Instant::now();
                let name = format!("{worker}");
                match add(&store, &name).await {
                    Ok(_) => done.fetch_add(1, Ordering::Relaxed),
                    Err(_) => lost.fetch_add(1, Ordering::Relaxed),
                };
                worst.fetch_max(begun.elapsed().as_millis() as u64, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(1 + n % 3)).await;
            }
        });
    }
    for turn in 0..6 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let before = done.load(Ordering::Relaxed);
        if turn % 2 == 0 {
            peer.kill();
            tokio::time::sleep(Duration::from_millis(100)).await;
            peer.up();
        } else {
            peer.signal("STOP");
            tokio::time::sleep(Duration::from_millis(600)).await;
            peer.signal("CONT");
        }
        well(&store, "it is back").await;
        wait_until(|| done.load(Ordering::Relaxed) > before + 50).await;
    }
    stop.cancel();
    running.join_all().await;
    let worst = Duration::from_millis(worst.load(Ordering::Relaxed));
    assert!(worst < TIMEOUT + LATE, "a verb took {worst:?}");
    assert!(lost.load(Ordering::Relaxed) > 0);
    let (said, ended) = ("mail goes on without", "answers again after");
    wait_until(|| log.count(ended) == log.count(said)).await;
    assert!((1..=6).contains(&log.count(said)), "{}", log.text());
    assert_eq!(log.text().lines().count(), 2 * log.count(said), "{}", log.text());
}

async fn wait_until(holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn somebody_who_says_nothing_costs_one_deadline() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let store = Redis::open(
        "redis",
        Settings {
            timeout: TIMEOUT,
            ..settings(&[&mute.local_addr().unwrap().to_string()])
        },
    );
    let (took, _) = fails(&store).await;
    assert!(took < TIMEOUT + LATE, "{took:?}");
    tokio::time::sleep(LATE).await;
    let (took, _) = fails(&store).await;
    assert!(took < Duration::from_millis(50), "{took:?}");
}

//! Several servers: reading and writing apart, Sentinel, Cluster, TLS.

use super::server::{Peer, open, settings, well};
use crate::store::suite;
use crate::support::tools::{Folder, free_ports, program, run, wait_for};
use bytes::Bytes;
use std::process::Command;
use std::time::{Duration, Instant};
use torwart::config::schema::Redis as Settings;
use torwart::store::{Key, Life, Redis, Store};

fn key(name: &str) -> Key {
    Key::new("test", name)
}

async fn put(store: &Redis, name: &str, value: &str) {
    let entry = [(key(name), Bytes::copy_from_slice(value.as_bytes()))];
    store.put_many(&entry, Life::Forever).await.unwrap();
}

async fn get(store: &Redis, name: &str) -> Option<Bytes> {
    store.get_many(&[key(name)]).await.unwrap().remove(0)
}

fn replica_of(master: &Peer) -> Peer {
    let replica = Peer::start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
    wait_for("the replica follows", || {
        replica
            .say(&["INFO", "replication"])
            .contains("master_link_status:up")
            .then_some(())
    });
    replica
}

/// Waits until every replica in turn has it.
async fn arrives(store: &Redis, name: &str, value: &str) {
    let begun = Instant::now();
    let mut met = 0;
    while met < 8 {
        assert!(begun.elapsed() < Duration::from_secs(10), "{name} never arrives");
        // A server that has just gone may still be asked once.
        let found = store.get_many(&[key(name)]).await;
        if found.is_ok_and(|f| matches!(f.as_slice(), [Some(v)] if *v == value)) {
            met += 1;
        } else {
            met = 0;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn replicas_are_read_and_masters_written() {
    let mut master = Peer::start(&[]);
    let (one, mut two) = (replica_of(&master), replica_of(&master));
    let store = open(Settings {
        write_servers: vec![master.address()],
        ..settings(&[&one.address(), &two.address()])
    })
    .await;
    put(&store, "a", "1").await;
    arrives(&store, "a", "1").await;
    master.say(&["CONFIG", "RESETSTAT"]);
    for _ in 0..10 {
        assert!(get(&store, "a").await.is_some());
    }
    assert!(
        !master.say(&["INFO", "commandstats"]).contains("cmdstat_get:"),
        "the master is not read"
    );
    for replica in [&one, &two] {
        assert!(replica.say(&["INFO", "commandstats"]).contains("cmdstat_get:"), "reading rotates");
    }
    two.kill();
    tokio::time::sleep(Duration::from_millis(100)).await;
    arrives(&store, "a", "1").await;
    for _ in 0..10 {
        assert!(get(&store, "a").await.is_some(), "the other replica is asked");
    }
    master.kill();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(store.put_many(&[(key("b"), Bytes::new())], Life::Forever).await.is_err());
    assert!(get(&store, "a").await.is_some(), "reading goes on without the master");
    assert!(store.health().degraded);
    master.up();
    well(&store, "the master is back").await;
}

#[tokio::test]
async fn of_several_servers_the_master_is_found() {
    let mut master = Peer::start(&[]);
    let replica = replica_of(&master);
    let store = open(settings(&[&replica.address(), &master.address()])).await;
    put(&store, "a", "1").await;
    arrives(&store, "a", "1").await;
    master.kill();
    replica.say(&["REPLICAOF", "NO", "ONE"]);
    well(&store, "the promoted replica is written to").await;
    put(&store, "a", "2").await;
    assert_eq!(replica.say(&["GET", "tw:test:a"]).trim(), "2");
}

struct Watched {
    master: Peer,
    replica: Peer,
    sentinels: Vec<Peer>,
}

fn watched() -> Watched {
    let master = Peer::start(&[]);
    let replica = replica_of(&master);
    let sentinels: Vec<Peer> = (0..3)
        .map(|_| {
            let folder = Folder::new("sentinel");
            let text = format!(
                "sentinel monitor post 127.0.0.1 {} 2\nsentinel down-after-milliseconds post 500\n\
                 sentinel failover-timeout post 2000\nsentinel parallel-syncs post 1\n",
                master.port
            );
            let file = folder.write("s.conf", text);
            Peer::sentinel(free_ports(1), folder, &file)
        })
        .collect();
    for sentinel in &sentinels {
        wait_for("the sentinels know each other and the replica", || {
            let said = sentinel.say(&["SENTINEL", "MASTER", "post"]);
            let field = |name: &str| said.lines().skip_while(|l| *l != name).nth(1).map(str::to_owned);
            (field("num-other-sentinels").as_deref() == Some("2") && field("num-slaves").as_deref() == Some("1")).then_some(())
        });
    }
    Watched {
        master,
        replica,
        sentinels,
    }
}

#[tokio::test]
async fn sentinels_lead_to_the_master_and_to_the_next_one() {
    let mut set = watched();
    let named = Settings {
        sentinels: set.sentinels.iter().map(Peer::address).collect(),
        sentinel_master: "post".to_owned(),
        ..Settings::default()
    };
    let store = open(named.clone()).await;
    suite::run(&store).await;
    put(&store, "a", "1").await;
    set.sentinels[0].kill();
    set.master.kill();
    let mut reads = 0;
    let begun = Instant::now();
    loop {
        let asked = Instant::now();
        let written = store.put_many(&[(key("b"), Bytes::from("2"))], Life::Forever).await;
        assert!(asked.elapsed() < Duration::from_millis(1_300), "a verb took {:?}", asked.elapsed());
        reads += usize::from(store.get_many(&[key("a")]).await.is_ok_and(|v| v[0].is_some()));
        if written.is_ok() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "no failover: {written:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(reads > 5, "the replica is read meanwhile");
    assert_eq!(set.replica.say(&["GET", "tw:test:b"]).trim(), "2");
    set.master.begin();
    wait_for("the old master follows the new one", || {
        set.master.say(&["INFO", "replication"]).contains("role:slave").then_some(())
    });
    put(&store, "c", "3").await;
    assert_eq!(set.replica.say(&["GET", "tw:test:c"]).trim(), "3");
    let nobody = Redis::open(
        "redis",
        Settings {
            sentinel_master: "other".to_owned(),
            ..named
        },
    );
    tokio::time::sleep(Duration::from_millis(500)).await;
    let said = nobody.settle().await.unwrap_err().to_string();
    assert!(said.contains("know no master `other`"), "{said}");
}

struct Cluster(Vec<Peer>);

fn cluster() -> Cluster {
    let nodes: Vec<Peer> = (0..3)
        .map(|_| {
            // The bus of a node listens 10000 above its port by itself; that may be taken.
            let port = free_ports(2);
            let bus = (port + 1).to_string();
            let options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", &bus];
            let mut peer = Peer::at(port, &options);
            peer.up();
            peer
        })
        .collect();
    let mut create = Command::new(program("redis-cli"));
    create
        .args(["--cluster", "create"])
        .args(nodes.iter().map(Peer::address))
        .arg("--cluster-yes");
    let ran = run(&mut create, b"");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for node in &nodes {
        wait_for("the cluster is whole", || {
            node.say(&["CLUSTER", "INFO"]).contains("cluster_state:ok").then_some(())
        });
    }
    Cluster(nodes)
}

#[tokio::test]
async fn a_cluster_is_noticed_and_passes_the_suite() {
    let mut cluster = cluster();
    let store = open(settings(&[&cluster.0[1].address()])).await;
    suite::run(&store).await;
    let keys: Vec<Key> = (0..300).map(|n| key(&n.to_string())).collect();
    let entries: Vec<_> = keys.iter().map(|k| (k.clone(), Bytes::from("v"))).collect();
    let before = store.trips();
    store.put_many(&entries, Life::Forever).await.unwrap();
    assert_eq!(store.trips() - before, 3, "one round trip a node, side by side");
    for node in &cluster.0 {
        let count: usize = node.say(&["DBSIZE"]).trim().parse().unwrap();
        assert!(count > 50, "every node has its share: {count}");
    }
    // A slot moves while it is asked for.
    let ids: Vec<String> = cluster.0.iter().map(|n| n.say(&["CLUSTER", "MYID"]).trim().to_owned()).collect();
    let slot = cluster.0[0].say(&["CLUSTER", "KEYSLOT", "tw:test:7"]).trim().to_owned();
    let holds = |n: usize| !cluster.0[n].say(&["GET", "tw:test:7"]).contains("MOVED");
    let from = (0..3).find(|n| holds(*n)).unwrap();
    let to = (from + 1) % 3;
    cluster.0[to].say(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[from]]);
    cluster.0[from].say(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[to]]);
    let names = cluster.0[from].say(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
    let port = cluster.0[to].port.to_string();
    for name in names.lines() {
        cluster.0[from].say(&["MIGRATE", "127.0.0.1", &port, name, "0", "1000"]);
    }
    assert!(get(&store, "7").await.is_some(), "asked where it is going");
    for node in [to, from] {
        cluster.0[node].say(&["CLUSTER", "SETSLOT", &slot, "NODE", &ids[to]]);
    }
    assert!(get(&store, "7").await.is_some(), "asked where it has gone");
    assert!(store.get_many(&keys).await.unwrap().iter().all(Option::is_some));
    // A node goes.
    cluster.0[2].kill();
    let begun = Instant::now();
    while store.get_many(&keys).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    let asked = Instant::now();
    assert!(store.get_many(&keys).await.is_err());
    assert!(asked.elapsed() < Duration::from_millis(1_200), "{:?}", asked.elapsed());
    assert!(store.health().degraded);
    cluster.0[2].up();
    well(&store, "the cluster is whole again").await;
    store.put_many(&entries, Life::Forever).await.unwrap();
}

/// A signer, a server's certificate and a client's, made by `openssl`.
fn certificates(folder: &Folder) {
    let openssl = |words: &str| {
        let mut command = Command::new(program("openssl"));
        let ran = run(command.current_dir(folder.path()).args(words.split_whitespace()), b"");
        assert_eq!(ran.code, 0, "openssl {words}: {}", ran.stderr);
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=signer"));
    folder.write("names", "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
    for who in ["server", "client"] {
        openssl(&format!("req {key} -keyout {who}.key -out {who}.csr -subj /CN={who}"));
        openssl(&format!(
            "x509 -req -in {who}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {who}.pem -days 2 -extfile names"
        ));
    }
}

#[tokio::test]
async fn tls_with_our_own_signer_passes_the_suite() {
    let folder = Folder::new("tls");
    certificates(&folder);
    let file = |name: &str| folder.join(name).display().to_string();
    let port = free_ports(1);
    let (p, ca, cert, key) = (port.to_string(), file("ca.pem"), file("server.pem"), file("server.key"));
    let mut peer = Peer::at(
        0,
        &[
            "--tls-port",
            &p,
            "--tls-cert-file",
            &cert,
            "--tls-key-file",
            &key,
            "--tls-ca-cert-file",
            &ca,
        ],
    );
    peer.port = port;
    let words = [
        "-p",
        &p,
        "--tls",
        "--cacert",
        &ca,
        "--cert",
        &file("client.pem"),
        "--key",
        &file("client.key"),
    ];
    peer.way = words.iter().map(|w| (*w).to_owned()).collect();
    peer.up_on_port(0);
    let good = Settings {
        tls: true,
        tls_ca: folder.join("ca.pem"),
        tls_cert: folder.join("client.pem"),
        tls_key: folder.join("client.key"),
        ..peer.settings()
    };
    suite::run(&open(good.clone()).await).await;
    let insecure = Settings {
        tls_ca: Default::default(),
        tls_insecure: true,
        ..good.clone()
    };
    put(&open(insecure.clone()).await, "a", "1").await;
    let plain = Peer::start(&[]);
    let none = std::path::PathBuf::new;
    for (why, bad) in [
        (
            "UnknownIssuer",
            Settings {
                tls_insecure: false,
                ..insecure
            },
        ),
        (
            "cannot read",
            Settings {
                tls_ca: folder.join("none.pem"),
                ..good.clone()
            },
        ),
        (
            "`tls_cert`",
            Settings {
                tls_cert: none(),
                tls_key: none(),
                ..good.clone()
            },
        ),
        (
            "no answer within",
            Settings {
                servers: vec![plain.address()],
                ..good.clone()
            },
        ),
        ("does it want TLS", Settings { tls: false, ..good }),
    ] {
        let store = Redis::open("redis", bad);
        let begun = Instant::now();
        while !store.health().degraded {
            assert!(begun.elapsed() < Duration::from_secs(5), "{why}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let said = store.health().reason.unwrap_or_default();
        assert!(said.contains(why), "{said}");
        assert!(store.settle().await.is_err(), "{why}");
    }
}

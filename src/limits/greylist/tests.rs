//! Greylisting as the peer answers it, message by message, with the clock in the messages.

use super::FAMILY;
use super::waiting::{self, Which};
use crate::engine::Action;
use crate::family::Services;
use crate::limits::tests::{Bench, Gone, Outcome, Post, section, told};
use crate::store::{Memory, Store};
use std::sync::Arc;

const END: &str = "Fri, 15 Jan 2027 08:05:00 GMT";

fn bench(settings: &str) -> (Bench, Arc<Memory>) {
    let store = Arc::new(Memory::new());
    (Bench::new(&FAMILY, settings, store.clone()), store)
}

fn post(at: u64) -> Post {
    Post {
        user: None,
        at,
        ..Post::default()
    }
}

fn waits(end: &str, why: &str) -> Outcome {
    Outcome {
        action: Action::SoftReject,
        message: Some("Try again later".to_owned()),
        symbols: vec![format!("GREYLIST[greylisted,{end},{why}]")],
    }
}

fn passes(action: Action, symbols: &[&str]) -> Outcome {
    Outcome {
        action,
        message: None,
        symbols: symbols.iter().map(|s| (*s).to_owned()).collect(),
    }
}

#[test]
fn new_then_too_early_then_it_passes() {
    let (bench, _) = bench("");
    assert_eq!(bench.judge(&post(0)), waits(END, "new record"));
    assert_eq!(bench.judge(&post(299)), waits(END, "too early"));
    // Whatever it would score this time.
    let harmless = Post { score: 0.0, ..post(10) };
    assert_eq!(bench.judge(&harmless), waits(END, "too early"));
    assert_eq!(bench.judge(&post(300)), passes(Action::NoAction, &["GREYLIST[pass,body]"]));
    let marked = Post { score: 8.0, ..post(400) };
    assert_eq!(bench.judge(&marked), passes(Action::AddHeader, &["GREYLIST[pass,body]"]));
    let harmless = Post { score: 0.0, ..post(400) };
    assert_eq!(bench.judge(&harmless), passes(Action::NoAction, &[]));
}

#[test]
fn only_inside_its_window_of_scores() {
    let (bench, _) = bench("");
    let scored = |score, sender| {
        bench.judge(&Post {
            score,
            sender,
            body: sender,
            ..post(0)
        })
    };
    assert_eq!(scored(3.99, "a@a"), passes(Action::NoAction, &[]));
    assert_eq!(scored(4.0, "b@b"), waits(END, "new record"));
    assert_eq!(scored(8.0, "c@c"), waits(END, "new record"));
    assert_eq!(scored(16.0, "d@d"), passes(Action::Reject, &[]));
    let (bench, _) = self::bench("greylist_min_score = 6.0");
    assert_eq!(bench.judge(&post(0)), passes(Action::NoAction, &[]));
    assert_eq!(bench.judge(&Post { score: 6.0, ..post(0) }), waits(END, "new record"));
}

#[test]
fn addresses_or_text_are_known_again() {
    let (bench, _) = bench("known_senders = false");
    bench.judge(&post(0));
    let elsewhere = Post {
        ip: "9.9.9.9",
        ..post(300)
    };
    assert_eq!(bench.judge(&elsewhere), passes(Action::NoAction, &["GREYLIST[pass,body]"]));
    let neighbour = Post {
        ip: "203.0.96.1",
        body: "other",
        ..post(300)
    };
    assert_eq!(bench.judge(&neighbour), passes(Action::NoAction, &["GREYLIST[pass,meta]"]));
    let tagged = Post {
        sender: "A+x@Example.org",
        recipients: vec!["c@example.com", "b@example.com"],
        body: "third",
        ..post(300)
    };
    assert_eq!(bench.judge(&tagged), passes(Action::NoAction, &["GREYLIST[pass,meta]"]));
    let end = "Fri, 15 Jan 2027 08:10:00 GMT";
    for stranger in [
        Post {
            sender: "z@example.org",
            body: "4",
            ..post(300)
        },
        Post {
            recipients: vec!["b@example.com"],
            body: "5",
            ..post(300)
        },
        Post {
            ip: "203.0.95.255",
            body: "6",
            ..post(300)
        },
        // The same text to somebody else: not the same message.
        Post {
            recipients: vec!["q@example.com"],
            ..post(300)
        },
    ] {
        assert_eq!(bench.judge(&stranger), waits(end, "new record"));
    }
}

#[test]
fn a_sender_that_passed_is_known() {
    let (bench, _) = bench("");
    let more = |at, ip| Post {
        sender: "other@example.org",
        recipients: vec!["else@example.com"],
        body: "another",
        ip,
        ..post(at)
    };
    bench.judge(&post(0));
    bench.judge(&post(300));
    assert_eq!(
        bench.judge(&more(301, "203.0.100.7")),
        passes(Action::NoAction, &["GREYLIST[pass,known]"])
    );
    let end = "Fri, 15 Jan 2027 08:10:01 GMT";
    assert_eq!(bench.judge(&more(301, "198.51.100.7")), waits(end, "new record"));
    // Bounces have no domain to be known by.
    let bounce = |at, to| Post {
        sender: "<>",
        recipients: vec![to],
        body: to,
        ..post(at)
    };
    bench.judge(&bounce(0, "x@example.com"));
    assert_eq!(bench.judge(&bounce(300, "x@example.com")).symbols, ["GREYLIST[pass,body]"]);
    assert_eq!(bench.judge(&bounce(301, "y@example.com")), waits(end, "new record"));
}

#[test]
fn by_hand_nobody_waits_and_nothing_is_kept() {
    let (bench, _) = bench("");
    let hand = |at, score| {
        bench.judge(&Post {
            by_hand: true,
            score,
            ..post(at)
        })
    };
    assert_eq!(hand(0, 5.0), passes(Action::Greylist, &[]));
    assert_eq!(hand(0, 8.0), passes(Action::AddHeader, &[]));
    assert_eq!(bench.judge(&post(0)), waits(END, "new record"));
    let early = format!("GREYLIST[greylisted,{END},too early");
    assert_eq!(hand(1, 5.0), passes(Action::Greylist, &[&format!("{early},body]")]));
    assert_eq!(hand(1, 16.0), passes(Action::Reject, &[&format!("{early}]")]));
    assert_eq!(hand(300, 5.0), passes(Action::NoAction, &["GREYLIST[pass,body]"]));
}

#[test]
fn our_own_never_wait() {
    let (bench, _) =
        bench("whitelisted_ip = [\"198.51.100.0/24\"]\nwhitelist_domains_url = [\"good.example\"]\nwhitelist_symbols = [\"SCORE\"]");
    let ours = [
        Post {
            user: Some("anna"),
            ..post(0)
        },
        Post { local: true, ..post(0) },
        Post {
            ip: "198.51.100.3",
            ..post(0)
        },
        post(0),
    ];
    for one in ours {
        assert_eq!(bench.judge(&one), passes(Action::NoAction, &[]), "{}", one.ip);
    }
    let (bench, _) = self::bench("whitelist_domains_url = [\"good.example\"]\ncheck_local = true\ncheck_authed = true");
    let named = |host| Post {
        host: Some(host),
        ..post(0)
    };
    assert_eq!(
        bench.judge(&named("mail.out.good.example")),
        passes(Action::NoAction, &["GREYLIST[pass,host]"])
    );
    let bad = Post {
        sender: "x@x",
        body: "x",
        ..named("mail.bad.example")
    };
    assert_eq!(bench.judge(&bad), waits(END, "new record"));
    let authed = Post {
        user: Some("anna"),
        local: true,
        sender: "y@y",
        body: "y",
        ..post(0)
    };
    assert_eq!(bench.judge(&authed), waits(END, "new record"));
}

#[test]
fn settings_of_the_answer() {
    let (bench, _) = bench("message = \"later\"\nreport_time = true\ntimeout = \"2s\"\nsymbol = \"WAIT\"\naction = \"reject\"");
    let first = bench.judge(&post(0));
    assert_eq!(first.action, Action::Reject);
    assert_eq!(first.message.as_deref(), Some("later: Fri, 15 Jan 2027 08:00:02 GMT"));
    assert_eq!(first.symbols, ["WAIT[greylisted,Fri, 15 Jan 2027 08:00:02 GMT,new record]"]);
    assert_eq!(bench.judge(&post(2)).symbols, ["WAIT[pass,body]"]);
}

#[test]
fn without_its_store_mail_goes_on() {
    let bench = Bench::new(&FAMILY, "", Arc::new(Gone));
    assert_eq!(bench.judge(&post(0)), passes(Action::Greylist, &[]));
    assert_eq!(bench.judge(&Post { score: 8.0, ..post(0) }), passes(Action::AddHeader, &[]));
}

#[test]
fn mistakes_in_the_section_are_told() {
    let mut findings = Vec::new();
    let text = "ipv4_mask = 33\nipv6_mask = 129\naction = \"soft rejekt\"\nexpire = \"1m\"\nnonsense = 1\nwhitelisted_ip = \"http://x/\"";
    let rules = (FAMILY.build)(Some(&section("greylist", text)), &Services::default(), &mut findings);
    assert!(rules.is_empty());
    let all = told(&findings).join("\n");
    for part in [
        "nonsense",
        "at most 32 bits",
        "at most 128 bits",
        "`soft rejekt` is no action",
        "forgotten before",
        "http://",
    ] {
        assert!(all.contains(part), "{part} in:\n{all}");
    }
}

#[tokio::test]
async fn who_waits_can_be_seen_and_let_in() {
    let store = Arc::new(Memory::new());
    let judge = |post: Post| {
        let store: Arc<dyn Store> = store.clone();
        std::thread::spawn(move || Bench::new(&FAMILY, "known_senders = false", store).judge(&post))
            .join()
            .unwrap()
    };
    judge(post(0));
    let second = Post {
        sender: "z@other.example",
        ip: "2001:db8::1",
        recipients: vec!["<>"],
        body: "2",
        ..post(5)
    };
    judge(second.clone());
    let all = waiting::list(&*store).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(
        (all[0].sender.as_str(), all[0].network.as_str(), all[0].recipient_count),
        ("a@example.org", "203.0.96.0/19", 2)
    );
    assert_eq!((all[0].since, all[0].until), (1_800_000_000, 1_800_000_300));
    assert_eq!(all[0].recipients, ["b@example.com", "c@example.com"]);
    let none = Which {
        sender: Some("nobody@example.org".to_owned()),
        ..Which::default()
    };
    assert_eq!(waiting::release(&*store, &none).await.unwrap(), 0);
    let by_network = Which {
        ip: "203.0.127.255".parse().ok(),
        ..Which::default()
    };
    assert_eq!(waiting::release(&*store, &by_network).await.unwrap(), 1);
    assert_eq!(judge(post(10)), passes(Action::NoAction, &["GREYLIST[pass,body]"]));
    assert_eq!(waiting::list(&*store).await.unwrap().len(), 1);
    let by_domain = Which {
        sender: Some("Other.Example".to_owned()),
        ..Which::default()
    };
    assert_eq!(waiting::release(&*store, &by_domain).await.unwrap(), 1);
    assert_eq!(judge(Post { at: 6, ..second }), passes(Action::NoAction, &["GREYLIST[pass,body]"]));
    assert!(waiting::list(&*store).await.unwrap().is_empty());
}

#[test]
fn the_reference_shows_the_defaults() {
    let text = include_str!("../../../config/torwart.toml");
    let (_, behind) = text.split_once("#[modules.greylist]\n").unwrap();
    let lines = behind.lines().take_while(|l| !l.is_empty()).filter_map(|l| l.strip_prefix('#'));
    let settings: Vec<&str> = lines.filter(|l| !l.starts_with(' ') && !l.contains("greylist_min_score")).collect();
    let mut findings = Vec::new();
    let mut shown: super::Config = section("greylist", &settings.join("\n")).read(&mut findings).unwrap();
    assert_eq!((told(&findings), settings.len()), (Vec::new(), 16));
    // Empty lists stand for none.
    (shown.whitelisted_ip, shown.whitelist_domains_url) = (None, None);
    assert_eq!(format!("{shown:?}"), format!("{:?}", super::Config::default()));
}

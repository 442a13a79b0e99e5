//! Buckets of messages on the store in memory. Rates are so slow that nothing leaks while a test runs.

use super::FAMILY;
use crate::engine::Action;
use crate::family::Services;
use crate::limits::tests::{Bench, Gone, Outcome, Post, section, told};
use crate::store::{Memory, Store};
use std::sync::Arc;

fn bench(settings: &str) -> Bench {
    Bench::new(&FAMILY, settings, Arc::new(Memory::new()))
}

fn rates(text: &str) -> String {
    format!("[modules.ratelimit.rates]\n{text}")
}

fn to(recipients: &[&'static str]) -> Post {
    Post {
        recipients: recipients.to_vec(),
        user: None,
        score: 0.0,
        ..Post::default()
    }
}

fn refused(name: &str) -> Outcome {
    Outcome {
        action: Action::SoftReject,
        message: Some(format!("Ratelimit \"{name}\" exceeded")),
        symbols: Vec::new(),
    }
}

fn passed(outcome: &Outcome) -> bool {
    outcome.action == Action::NoAction
}

/// How many of the same message pass.
fn count(bench: &Bench, post: &Post, most: usize) -> usize {
    (0..most).take_while(|_| passed(&bench.judge(post))).count()
}

#[test]
fn a_bucket_for_each_recipient() {
    let bench = bench(&rates("to = { bucket = { burst = 3, rate = \"1 / 1h\" } }"));
    assert_eq!(count(&bench, &to(&["b@example.com"]), 9), 3);
    assert_eq!(bench.judge(&to(&["B+tag@Example.com"])), refused("to"));
    assert!(passed(&bench.judge(&to(&["c@example.com", "d@example.com"]))));
    // One full bucket refuses the message, and the others are as before.
    assert_eq!(bench.judge(&to(&["c@example.com", "b@example.com"])), refused("to"));
    assert_eq!(count(&bench, &to(&["c@example.com"]), 9), 2);
    // Nobody said to whom it goes: the header does.
    assert!(passed(&bench.judge(&to(&[]))));
}

#[test]
fn short_forms_of_old_trees() {
    for (limit, most) in [
        ("to = \"2 / 1d\"", 2),
        ("to = [3, 0.0001]", 3),
        ("to = { burst = 4, rate = \"1 / 1d\" }", 4),
        ("to = { bucket = \"2 / 1d\" }", 2),
        ("to = { bucket = [\"9 / 1d\", { burst = 2, rate = 0.0001 }] }", 2),
        ("x = { selector = \"to:addr\", burst = 2, rate = 0.0001 }", 2),
        ("to = \"0 / 1d\"", 0),
    ] {
        assert_eq!(count(&bench(&rates(limit)), &to(&["b@example.com"]), 9), most, "{limit}");
    }
    for (limit, wrong) in [
        ("to = \"abc\"", "a bucket of the limit `to` is a string"),
        ("to = [3]", "the limit `to` has no bucket"),
        ("to = { bucket = [2, 0.01] }", "a bucket of the limit `to` is a number"),
        ("to = { bucket = { burst = 2 } }", "the key `rate` is missing"),
        ("to = { burst = 2, rte = 1 }", "unknown key `rte`"),
        ("to = { buckt = \"1 / 1h\" }", "`buckt` is no setting of a limit"),
        ("to = \"5 / never\"", "never"),
    ] {
        let all = mistakes(&rates(limit));
        assert!(all.contains(wrong), "{limit}: {all}");
    }
}

#[test]
fn recipients_multiply_what_is_not_their_own() {
    let text =
        "from = { bucket = { burst = 5, rate = \"1 / 1h\" } }\nip = { bucket = { burst = 5, rate = 0.0001, skip_recipients = true } }";
    let bench = bench(&rates(text));
    assert!(passed(&bench.judge(&to(&["a@x", "b@x", "c@x"]))));
    assert_eq!(bench.judge(&to(&["a@x", "b@x", "c@x"])), refused("from"));
    assert!(passed(&bench.judge(&to(&["a@x", "b@x"]))));
    let other = Post {
        sender: "o@o.org",
        ..to(&["a@x"])
    };
    assert_eq!(count(&bench, &other, 9), 3);
    assert_eq!(bench.judge(&other), refused("ip"));
}

#[test]
fn parts_of_a_name_must_all_be_there() {
    let text = "user = { bucket = { burst = 1, rate = 0.0001 } }\nbounce_to = { bucket = { burst = 1, rate = 0.0001 } }\n\
                rip = { bucket = { burst = 2, rate = 0.0001 } }\nattachments = { bucket = { burst = 0, rate = 0.0001 } }";
    let bench = bench(&rates(text));
    let local = Post {
        local: true,
        ..to(&["a@x"])
    };
    assert_eq!(count(&bench, &local, 20), 20);
    let user = Post {
        user: Some("Anna"),
        ..local.clone()
    };
    assert_eq!(count(&bench, &user, 9), 1);
    let bounce = Post {
        sender: "<>",
        ..local.clone()
    };
    assert_eq!(count(&bench, &bounce, 9), 1);
    assert_eq!(
        bench.judge(&Post {
            sender: "Postmaster@example.org",
            ..local
        }),
        refused("bounce_to")
    );
    assert_eq!(count(&bench, &to(&["a@x"]), 9), 2);
    assert_eq!(bench.judge(&to(&["a@x"])), refused("rip"));
}

#[test]
fn the_spared() {
    let text = "whitelisted_ip = [\"198.51.100.0/24\"]\nwhitelisted_user = [\"root\"]\n[modules.ratelimit.rates]\n\
                digest = { bucket = { burst = 0, rate = 0.0001 } }";
    let bench = bench(text);
    assert_eq!(bench.judge(&to(&["a@x"])), refused("digest"));
    for spared in [
        Post {
            ip: "198.51.100.1",
            ..to(&["a@x"])
        },
        Post {
            user: Some("Root"),
            ..to(&["a@x"])
        },
        Post {
            by_hand: true,
            ..to(&["a@x"])
        },
        to(&["Postmaster@x"]),
        to(&["mailer-daemon@x", "postmaster@x"]),
    ] {
        assert!(passed(&bench.judge(&spared)));
    }
    // A recipient that is spared does not spare the others.
    assert_eq!(bench.judge(&to(&["postmaster@x", "a@x"])), refused("digest"));
}

#[test]
fn symbols_beside_and_instead() {
    let once = |settings: &str, bucket: &str| {
        let text = format!("{settings}\n[modules.ratelimit.rates]\nto = {{ bucket = {{ burst = 0, rate = 0, {bucket} }} }}");
        bench(&text).judge(&to(&["a@x"]))
    };
    let named = |outcome: &Outcome, symbol: &str| {
        let [one] = outcome.symbols.as_slice() else { panic!("{outcome:?}") };
        assert!(
            one.starts_with(&format!("{symbol}[to(RL")) && one.len() == symbol.len() + 32,
            "{one}"
        );
    };
    let outcome = once("", "symbol = \"S\", message = \"no\"");
    assert_eq!((outcome.action, outcome.message.as_deref()), (Action::SoftReject, Some("no")));
    named(&outcome, "S");
    let outcome = once("", "symbol = \"S\", skip_soft_reject = true");
    assert_eq!(outcome.action, Action::NoAction);
    named(&outcome, "S");
    let outcome = once("symbol = \"M\"\ninfo_symbol = \"I\"", "");
    assert_eq!(outcome.action, Action::NoAction);
    named(&outcome, "M");
    let outcome = once("info_symbol = \"I\"", "");
    assert_eq!(outcome.action, Action::SoftReject);
    named(&outcome, "I");
}

#[test]
fn several_buckets_and_selectors() {
    let text = "to = { bucket = [{ burst = 2, rate = 0.0001 }, { burst = 9, rate = 0.0001, symbol = \"S\" }] }\n\
                mine = { selector = \"from('smtp').domain\", bucket = { burst = 3, rate = 0.0001 } }";
    let bench = bench(&rates(text));
    assert_eq!(count(&bench, &to(&["a@x"]), 9), 2);
    assert_eq!(bench.judge(&to(&["a@x"])), refused("to"));
    assert!(passed(&bench.judge(&to(&["b@x"]))));
    assert_eq!(bench.judge(&to(&["c@x"])), refused("mine"));
    assert!(passed(&bench.judge(&Post {
        sender: "a@other.org",
        ..to(&["c@x"])
    })));
}

#[test]
fn some_have_limits_of_their_own() {
    let text = "[modules.ratelimit.rates]\nto = { bucket = { burst = 2, rate = 0.0001 } }\nuser = { bucket = { burst = 2, rate = 0.0001 } }\n\
                [modules.ratelimit.overrides.\"List@Example.com\"]\nto = { burst = 4, rate = \"1 / 1h\" }\n\
                [modules.ratelimit.overrides.root]\nuser = false\n";
    let bench = bench(text);
    assert_eq!(count(&bench, &to(&["list@example.com"]), 9), 4);
    assert_eq!(count(&bench, &to(&["other@example.com"]), 9), 2);
    let by = |user, to: &'static str| Post {
        user: Some(user),
        ..self::to(&[to])
    };
    assert!(
        passed(&bench.judge(&by("Root", "a@x"))) && passed(&bench.judge(&by("root", "b@x"))) && passed(&bench.judge(&by("root", "c@x")))
    );
    assert!(passed(&bench.judge(&by("anna", "d@x"))) && passed(&bench.judge(&by("anna", "e@x"))));
    assert_eq!(bench.judge(&by("anna", "f@x")), refused("user"));
}

#[test]
fn buckets_follow_the_verdicts() {
    let text = "dynamic_rate_limit = true\nham_factor_burst = 1.5\nspam_factor_burst = 0.5\nmax_bucket_mult = 4.0\n\
                [modules.ratelimit.rates]\nfrom = { bucket = { burst = 10, rate = 0.0001 } }";
    let of = |sender, score| Post {
        sender,
        score,
        ..to(&["a@x"])
    };
    let bench = self::bench(text);
    // 15, 22.5, 33.75, 40 (the most)
    assert_eq!(count(&bench, &of("good@x.org", 0.0), 100), 40);
    // 5, 2.5, 2.5 (the least): the third finds two in it
    let spam = of("bad@x.org", 20.0);
    let rejected = (0..9).take_while(|_| bench.judge(&spam).action == Action::Reject).count();
    assert_eq!(rejected, 2);
    let fixed = self::bench(&text.replace("dynamic_rate_limit = true\n", ""));
    assert_eq!(count(&fixed, &of("good@x.org", 0.0), 100), 10);
}

#[test]
fn exactly_as_many_as_fit() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let text = rates("to = { bucket = { burst = 100, rate = \"1 / 1d\" } }\nip = { bucket = { burst = 5000, rate = \"1 / 1d\" } }");
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (store, text) = (store.clone(), text.clone());
            std::thread::spawn(move || {
                let bench = Bench::new(&FAMILY, &text, store);
                (0..125).filter(|_| passed(&bench.judge(&to(&["a@x"])))).count()
            })
        })
        .collect();
    let sum: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
    assert_eq!(sum, 100);
}

#[test]
fn without_its_store_nothing_is_limited() {
    let bench = Bench::new(&FAMILY, &rates("to = { bucket = { burst = 0, rate = 0 } }"), Arc::new(Gone));
    assert_eq!(count(&bench, &to(&["a@x"]), 5), 5);
}

/// What is wrong with settings, a line each.
fn mistakes(settings: &str) -> String {
    let mut findings = Vec::new();
    (FAMILY.build)(Some(&section("ratelimit", settings)), &Services::default(), &mut findings);
    told(&findings).join("\n")
}

#[test]
fn mistakes_in_the_section_are_told() {
    let text = "nonsense = 1\nham_factor_rate = 0.0\n[modules.ratelimit.rates]\ntoo = { bucket = { burst = 1, rate = 1 } }\n\
                to = {}\nfrom = { bucket = { burst = 1 } }\nip = { bucket = { burst = -1, rate = \"1 / 1x\" } }\n\
                mine = { selector = \"usr.lower\", bucket = { burst = 1, rate = 1 } }\nasn = { bucket = { burst = 1, rate = 1 } }\n\
                user = { bucket = { burst = 1, rate = 1 }, speed = 2 }\nplain = 3\n[modules.ratelimit.rate.x]\n\
                [modules.ratelimit.overrides.\"a@b\"]\nfrm = false\n";
    let mut findings = Vec::new();
    let rules = (FAMILY.build)(Some(&section("ratelimit", text)), &Services::default(), &mut findings);
    assert!(rules.is_empty());
    let all = told(&findings).join("\n");
    for part in [
        "nonsense",
        "a factor is a number above 0",
        "`too` in the name of the limit `too`",
        "the limit `to` has no bucket",
        "rate",
        "did you mean `user`?",
        "does not know to which network",
        "`speed` is no setting of a limit",
        "`plain` in the name of the limit `plain`",
        "`rate` is no table of ratelimit",
        "there is no limit `frm`",
        "no number of messages",
    ] {
        assert!(all.contains(part), "{part} in:\n{all}");
    }
}

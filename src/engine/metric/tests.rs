//! Every numbered statement of the scoring core, one test each, and what must hold for any insertion.

use super::*;
use crate::engine::{Compat, Definition, GroupSetting, Scoring, Settings, Thresholds, ruleset::ANY_SHOT};
use proptest::prelude::*;
use std::time::Instant;

fn set(build: impl FnOnce(&mut crate::engine::ruleset::Builder)) -> Ruleset {
    scored(Scoring::default(), build)
}

fn scored(scoring: Scoring, build: impl FnOnce(&mut crate::engine::ruleset::Builder)) -> Ruleset {
    let mut builder = Ruleset::builder(Compat::V34, scoring);
    build(&mut builder);
    builder.build().expect("no rules, no circle")
}

fn symbol(name: &str, score: f64, groups: &[&str]) -> Definition {
    groups.iter().fold(Definition::new(name).scored(score), |d, g| d.grouped(g))
}

fn hit(name: &str, weight: f64) -> Hit {
    Hit::new(name.to_owned().into(), weight, Vec::new())
}

fn optioned(name: &str, options: &[&str]) -> Hit {
    let options = options.iter().map(|o| (*o).to_owned()).collect();
    Hit::new(name.to_owned().into(), 1.0, options)
}

fn cap(name: &str, max: f64, min: f64) -> GroupSetting {
    GroupSetting {
        name: name.to_owned(),
        max_score: Some(max),
        min_score: Some(min),
        ..GroupSetting::default()
    }
}

static PLAIN: std::sync::LazyLock<Settings> = std::sync::LazyLock::new(Settings::default);

fn fresh(rules: &Ruleset) -> Metric<'_> {
    Metric::new(rules, Applied::new(rules, &PLAIN))
}

/// Inserts (name, weight) in turn and gives back (name, score) and the sum.
fn play(rules: &Ruleset, hits: &[(&str, f64)]) -> (Vec<(String, f64)>, f64) {
    let mut metric = fresh(rules);
    for (name, weight) in hits {
        metric.insert(hit(name, *weight));
    }
    let score = metric.score();
    (scores(metric), score)
}

fn scores(metric: Metric<'_>) -> Vec<(String, f64)> {
    let symbols = metric.into_results().0;
    symbols.into_iter().map(|s| (s.name, s.score)).collect()
}

fn named(list: &[(&str, f64)]) -> Vec<(String, f64)> {
    list.iter().map(|(n, s)| ((*n).to_owned(), *s)).collect()
}

#[test]
fn s1_weight_that_is_no_number_counts_nothing() {
    let rules = set(|b| b.define(symbol("A", 3.0, &[])));
    for weight in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(play(&rules, &[("A", weight)]), (named(&[("A", 0.0)]), 0.0));
    }
    let huge = set(|b| b.define(symbol("A", f64::MAX, &[])));
    assert_eq!(play(&huge, &[("A", 10.0)]).1, 0.0);
}

#[test]
fn s2_settings_forbid() {
    let rules = set(|b| {
        b.define(symbol("A", 1.0, &["one"]));
        b.define(symbol("B", 2.0, &["two"]));
    });
    let run = |json: &str| {
        let settings = Settings::parse(json).expect("test settings");
        let mut metric = Metric::new(&rules, Applied::new(&rules, &settings));
        for name in ["A", "B", "STRANGER"] {
            metric.insert(hit(name, 1.0));
        }
        scores(metric).into_iter().map(|(n, _)| n).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(run("{}"), "A B STRANGER");
    assert_eq!(run(r#"{"symbols_disabled":["A"]}"#), "B STRANGER");
    assert_eq!(run(r#"{"groups_disabled":["TWO"]}"#), "A STRANGER");
    assert_eq!(run(r#"{"symbols_enabled":["A"]}"#), "A");
    assert_eq!(run(r#"{"groups_enabled":["two"]}"#), "B");
    assert_eq!(run(r#"{"groups_enabled":["two"],"symbols_enabled":["A"]}"#), "A B");
    assert_eq!(run(r#"{"groups_enabled":["one","two"],"symbols_disabled":["A"]}"#), "B");
    assert_eq!(run(r#"{"symbols_enabled":["A"],"policy":"implicit_allow"}"#), "A B STRANGER");
    assert_eq!(run(r#"{"symbols_enabled":[]}"#), "");
}

#[test]
fn s3_value_is_score_times_weight() {
    let rules = set(|b| b.define(symbol("A", 2.0, &[])));
    assert_eq!(play(&rules, &[("A", 1.5)]).1, 3.0);
    for json in [r#"{"scores":{"A":7.5}}"#, r#"{"A":7.5}"#] {
        let settings = Settings::parse(json).expect("test settings");
        let mut metric = Metric::new(&rules, Applied::new(&rules, &settings));
        metric.insert(hit("A", 2.0));
        assert_eq!(metric.score(), 15.0);
        let symbol = metric.into_results().0.remove(0);
        assert_eq!((symbol.score, symbol.metric_score), (15.0, 2.0));
    }
}

#[test]
fn s4_recorded_even_if_the_cap_leaves_nothing_and_counted_only_if_it_does() {
    let rules = set(|b| {
        b.group(cap("g", 1.0, 0.0));
        b.define(symbol("A", 1.0, &["g"]));
        b.define(symbol("B", 5.0, &["g"]));
        b.define(symbol("C", -2.0, &[]));
        b.define(symbol("ZERO", 0.0, &[]));
    });
    let mut metric = fresh(&rules);
    for name in ["A", "B", "C", "ZERO", "A"] {
        metric.insert(hit(name, 1.0));
    }
    assert_eq!(metric.signs(), (1, 1));
    assert_eq!(scores(metric), named(&[("A", 1.0), ("B", 0.0), ("C", -2.0), ("ZERO", 0.0)]));
}

#[test]
fn s5_shots() {
    let shots = |shots: Option<u32>| {
        set(move |b| {
            b.define(Definition {
                shots,
                ..symbol("A", 1.0, &[])
            })
        })
    };
    let many: Vec<(&str, f64)> = vec![("A", 1.0); 150];
    assert_eq!(play(&shots(Some(1)), &many).1, 1.0);
    assert_eq!(play(&shots(Some(3)), &many).1, 3.0);
    assert_eq!(play(&shots(None), &many).1, 100.0);
    assert_eq!(play(&shots(Some(ANY_SHOT)), &many).1, 150.0);
    // Past the limit only a larger value of the same sign replaces the score.
    let one = shots(Some(1));
    assert_eq!(
        play(&one, &[("A", 1.0), ("A", 0.5), ("A", 2.0), ("A", -9.0)]),
        (named(&[("A", 2.0)]), 2.0)
    );
    assert_eq!(play(&one, &[("A", -1.0), ("A", -3.0), ("A", 5.0)]).1, -3.0);
    let once = Scoring {
        one_shot: true,
        ..Scoring::default()
    };
    assert_eq!(play(&scored(once, |b| b.define(symbol("A", 1.0, &[]))), &many).1, 1.0);
    let group = set(|b| {
        b.group(GroupSetting {
            one_shot: Some(true),
            ..cap("g", 0.0, 0.0)
        });
        b.define(symbol("A", 1.0, &["g"]));
    });
    assert_eq!(play(&group, &many).1, 1.0);
}

#[test]
fn s5_single_mode_and_cap_on_the_difference() {
    let rules = set(|b| {
        b.group(cap("g", 4.0, 0.0));
        b.define(symbol("A", 1.0, &["g"]));
    });
    let mut metric = fresh(&rules);
    metric.insert(hit("A", 1.0));
    metric.insert(Hit {
        single: true,
        ..hit("A", 3.0)
    });
    assert_eq!(metric.score(), 3.0);
    metric.insert(Hit {
        single: true,
        ..hit("A", 9.0)
    });
    assert_eq!(metric.score(), 4.0, "the cap applies to the difference");
    metric.insert(hit("A", 9.0));
    assert_eq!(scores(metric), named(&[("A", 4.0)]));
}

#[test]
fn s6_nothing_after_the_end() {
    let rules = set(|b| b.define(symbol("A", 1.0, &[])));
    let mut metric = fresh(&rules);
    metric.close();
    metric.insert(hit("A", 1.0));
    let mut hits = Hits::default();
    hits.named("A", 1.0, Vec::new());
    metric.take(hits);
    assert_eq!(scores(metric), vec![]);
}

#[test]
fn s7_options() {
    let rules = set(|b| {
        b.define(symbol("A", 1.0, &[]));
        b.define(Definition {
            one_param: true,
            ..symbol("ONE", 1.0, &[])
        });
    });
    let options = |hits: Vec<Hit>| {
        let mut metric = fresh(&rules);
        hits.into_iter().for_each(|h| metric.insert(h));
        metric.into_results().0.remove(0).options
    };
    assert_eq!(
        options(vec![optioned("A", &["b", "a", "b"]), optioned("A", &["a", "c"])]),
        ["b", "a", "c"]
    );
    assert_eq!(options(vec![optioned("ONE", &["x", "y"]), optioned("ONE", &["z"])]), ["x", "y"]);
    assert_eq!(
        options(vec![optioned("A", &["a\r\nb\u{0}", "ü€"])]),
        ["a\u{fffd}\u{fffd}b\u{fffd}", "ü€"]
    );
    let (long, rest) = ("x".repeat(4000), "y".repeat(96));
    assert_eq!(options(vec![optioned("A", &[&long, &rest])]).len(), 2, "4096 bytes fit");
    let cut = options(vec![optioned("A", &[&long, "y", &"z".repeat(96), "w"]), optioned("A", &["later"])]);
    assert_eq!(cut, [long.as_str(), "y", "..."]);
}

#[test]
fn s13_worked_observations() {
    let rules = set(|b| {
        for (name, score) in [
            ("MISSING_DATE", 1.0),
            ("MISSING_FROM", 2.0),
            ("MISSING_MID", 2.5),
            ("MISSING_TO", 2.0),
        ] {
            b.define(symbol(name, score, &["headers"]));
        }
        b.define(symbol("MISSING_SUBJECT", 2.0, &["headers"]));
        b.define(symbol("SPOOF_DISPLAY_NAME", 8.0, &["headers"]));
        b.define(symbol("AFTER", 1.0, &["headers"]));
        b.define(symbol("FOUR", 4.0, &["headers"]));
        b.define(symbol("MIME_GOOD", -0.1, &["mime_types"]));
    });
    let (shown, sum) = play(
        &rules,
        &[
            ("MIME_GOOD", 1.0),
            ("MISSING_DATE", 1.0),
            ("MISSING_FROM", 1.0),
            ("MISSING_MID", 1.0),
            ("MISSING_TO", 1.0),
            ("MISSING_SUBJECT", 1.0),
        ],
    );
    assert_eq!(shown.last(), Some(&("MISSING_SUBJECT".to_owned(), 0.5)));
    assert!((sum - 7.9).abs() < 1e-9, "{sum}");
    let (shown, sum) = play(&rules, &[("FOUR", 1.0), ("SPOOF_DISPLAY_NAME", 1.0), ("AFTER", 1.0)]);
    assert_eq!(shown, named(&[("FOUR", 4.0), ("SPOOF_DISPLAY_NAME", 4.0), ("AFTER", 0.0)]));
    assert_eq!(sum, 8.0);
}

#[test]
fn s13_lower_cap_and_several_groups() {
    let rules = set(|b| {
        b.group(cap("wide", 5.0, -2.0));
        b.group(cap("narrow", 3.0, 0.0));
        b.define(symbol("A", 4.0, &["wide", "narrow"]));
        b.define(symbol("B", 4.0, &["wide"]));
        b.define(symbol("C", -20.0, &["WIDE"]));
        b.define(symbol("N", 1.0, &["narrow", "wide"]));
    });
    // The first group passes 4, the second cuts to 3; then the first, which was credited 4, has 1 left.
    assert_eq!(play(&rules, &[("A", 1.0), ("B", 1.0)]), (named(&[("A", 3.0), ("B", 1.0)]), 4.0));
    assert_eq!(play(&rules, &[("C", 1.0), ("C", 1.0)]), (named(&[("C", -2.0)]), -2.0));
    // From +5 the lower cap lies 7 away.
    assert_eq!(play(&rules, &[("B", 1.0), ("B", 1.0), ("C", 1.0)]).1, -2.0);
    // A full first group drops the value; the later one is not consulted.
    let mut metric = fresh(&rules);
    for name in ["A", "N"] {
        metric.insert(hit(name, 1.0));
    }
    let groups = metric.into_results().1;
    let sums: Vec<(&str, f64)> = groups.iter().map(|g| (g.name.as_str(), g.score)).collect();
    assert_eq!(sums, [("wide", 4.0), ("narrow", 3.0)]);
}

#[test]
fn s13_removal_gives_back() {
    let rules = set(|b| {
        b.group(cap("g", 3.0, 0.0));
        b.define(symbol("A", 3.0, &["g"]));
        b.define(symbol("B", 2.0, &["g"]));
    });
    let mut metric = fresh(&rules);
    metric.insert(hit("A", 1.0));
    assert!(metric.remove("A") && !metric.remove("A") && !metric.remove("NOBODY"));
    metric.insert(hit("B", 1.0));
    assert_eq!(metric.score(), 2.0, "the group has room again");
    assert!(metric.remove_weight("B"));
    metric.insert(hit("A", 1.0));
    assert_eq!(metric.score(), 1.0, "composites lower the message, not the group");
    assert_eq!(scores(metric), named(&[("B", 0.0), ("A", 1.0)]));
}

fn pre(action: Action) -> PreResult {
    PreResult::new(action, "test")
}

fn decide(score: f64, results: Vec<PreResult>) -> (Action, f64) {
    let rules = set(|b| b.define(symbol("A", score, &[])));
    let mut metric = fresh(&rules);
    metric.insert(hit("A", 1.0));
    results.into_iter().for_each(|r| metric.pre_result(r));
    let decision = metric.decide();
    (decision.action, decision.score)
}

#[test]
fn s14_thresholds() {
    let table = [
        (3.99, Action::NoAction),
        (4.0, Action::Greylist),
        (6.0, Action::AddHeader),
        (14.999, Action::AddHeader),
        (15.0, Action::Reject),
        (-50.0, Action::NoAction),
    ];
    for (score, action) in table {
        assert_eq!(decide(score, Vec::new()), (action, score));
    }
    let stock = Thresholds::default();
    assert_eq!(stock.required(), 15.0);
    assert_eq!(Thresholds::new(&[]).required(), 0.0);
    // A threshold set by settings does not move its action in the list: rewrite subject stays behind reject.
    let mut other = stock.clone();
    other.set(Action::RewriteSubject, -1.0);
    assert_eq!((other.required(), other.choose(-0.1)), (-1.0, Action::RewriteSubject));
    other.disable(Action::Reject);
    assert_eq!(other.choose(99.0), Action::AddHeader);
    let listed: Vec<(&str, Option<f64>)> = stock.listing().into_iter().map(|(a, l)| (a.name(), l)).collect();
    let names = ["greylist", "add header", "reject", "soft reject", "rewrite subject", "no action"];
    let limits = [Some(4.0), Some(6.0), Some(15.0), None, None, None];
    assert_eq!(listed, names.into_iter().zip(limits).collect::<Vec<_>>());
}

#[test]
fn s15_pre_results() {
    assert_eq!(decide(-0.1, vec![pre(Action::Reject)]), (Action::Reject, -0.1));
    let with = |action, score| PreResult {
        score: Some(score),
        ..pre(action)
    };
    assert_eq!(decide(2.0, vec![with(Action::Reject, 15.0)]), (Action::Reject, 15.0));
    assert_eq!(decide(2.0, vec![with(Action::NoAction, 7.0)]), (Action::NoAction, 2.0));
    assert_eq!(decide(9.0, vec![with(Action::NoAction, 7.0)]), (Action::NoAction, 7.0));
    let high = PreResult {
        priority: 2,
        ..pre(Action::Discard)
    };
    assert_eq!(decide(0.0, vec![pre(Action::Reject), high.clone()]).0, Action::Discard);
    assert_eq!(decide(0.0, vec![pre(Action::Reject), pre(Action::Discard)]).0, Action::Reject);
}

#[test]
fn s15_lower_bounds() {
    let least = |action| PreResult {
        least: true,
        ..pre(action)
    };
    assert_eq!(decide(0.0, vec![least(Action::AddHeader)]), (Action::AddHeader, 6.0));
    assert_eq!(decide(20.0, vec![least(Action::AddHeader)]), (Action::Reject, 20.0));
    assert_eq!(decide(20.0, vec![least(Action::Quarantine)]), (Action::Reject, 20.0));
    assert_eq!(decide(7.0, vec![least(Action::Quarantine)]), (Action::Quarantine, 7.0));
    let first = vec![least(Action::Greylist), least(Action::Reject)];
    assert_eq!(decide(0.0, first), (Action::Greylist, 4.0), "only the first lower bound counts");
    let target = PreResult {
        score: Some(8.0),
        ..least(Action::AddHeader)
    };
    assert_eq!(decide(1.0, vec![target]), (Action::AddHeader, 8.0));
    let both = vec![least(Action::Reject), pre(Action::NoAction)];
    assert_eq!(decide(1.0, both).0, Action::NoAction, "an entry that is no bound decides");
}

#[test]
fn s15_settings_reach_pre_results() {
    let rules = set(|b| b.define(symbol("LISTED", 0.0, &[])));
    let run = |json: &str, skip: bool| {
        let settings = Settings::parse(json).expect("test settings");
        let mut metric = Metric::new(&rules, Applied::new(&rules, &settings));
        let mut hits = Hits { skip, ..Hits::default() };
        hits.named("LISTED", 1.0, Vec::new());
        hits.pre_result(pre(Action::Reject));
        metric.take(hits);
        (metric.decide().action, metric.ended())
    };
    assert_eq!(run("{}", false), (Action::Reject, true));
    assert_eq!(run(r#"{"symbols_disabled":["LISTED"]}"#, false), (Action::NoAction, false));
    assert_eq!(run(r#"{"actions":{"reject":null}}"#, false), (Action::NoAction, false));
    assert_eq!(
        run(r#"{"actions":{"reject":null},"symbols_enabled":[]}"#, true),
        (Action::Reject, true)
    );
}

#[test]
fn s19_grow_factor() {
    let scoring = Scoring {
        grow_factor: 1.1,
        ..Scoring::default()
    };
    let rules = scored(scoring, |b| {
        b.define(symbol("A", 3.0, &[]));
        b.define(symbol("B", 6.0, &[]));
        b.define(symbol("HAM", -1.0, &[]));
    });
    let mut metric = fresh(&rules);
    for name in ["A", "B", "HAM"] {
        metric.insert(hit(name, 1.0));
    }
    metric.grow();
    let factor = 1.1 * (1.0 + 0.1 * 3.0 / 15.0) * (1.0 + 0.1 * 6.0 / 15.0);
    assert!((metric.score() - (9.0 * factor - 1.0)).abs() < 1e-9);
    let plain = set(|b| b.define(symbol("A", 3.0, &[])));
    let mut metric = fresh(&plain);
    metric.insert(hit("A", 1.0));
    metric.grow();
    assert_eq!(metric.score(), 3.0);
}

#[test]
fn s11_definitions() {
    let rules = set(|b| {
        b.define(Definition {
            priority: 1,
            description: Some("stock".to_owned()),
            ..symbol("A", 1.0, &["g"])
        });
        // A lower priority only fills gaps.
        b.define(Definition {
            shots: Some(1),
            description: Some("rule".to_owned()),
            ..symbol("A", 9.0, &[])
        });
        // A higher one replaces; without a score the earlier one stays.
        b.define(Definition {
            priority: 2,
            one_param: true,
            description: Some("admin".to_owned()),
            ..Definition::new("A").grouped("more")
        });
        b.define(Definition {
            priority: 2,
            ..symbol("STRANGE", 1.0, &[])
        });
    });
    let known = rules.find("A").and_then(|id| rules.symbol(id)).expect("defined");
    assert_eq!((known.score, known.shots, known.one_param), (1.0, Some(1), true));
    assert_eq!(known.description.as_deref(), Some("admin"));
    assert_eq!(known.groups.len(), 2);
    assert_eq!(rules.unregistered().collect::<Vec<_>>(), ["STRANGE"]);
}

#[test]
fn s11_unknown_enforced_absent_and_switched_off() {
    crate::symbols! {
        "g" {
            NEWER = only_41(5.0), "only the newer generation has it";
        }
    }
    let rules = set(|b| {
        b.family(SYMBOLS, Vec::new());
        b.group(GroupSetting {
            enabled: Some(false),
            ..cap("off", 0.0, 0.0)
        });
        b.define(symbol("OFF", 5.0, &["off"]));
        b.define(Definition {
            enabled: false,
            ..symbol("GONE", 5.0, &[])
        });
    });
    let mut metric = fresh(&rules);
    for name in ["NEWER", "OFF", "GONE", "UNKNOWN"] {
        metric.insert(hit(name, 2.0));
    }
    metric.insert(Hit {
        enforced: true,
        ..hit("FROM_MAP", 2.5)
    });
    assert_eq!(metric.unknown().collect::<Vec<_>>(), ["UNKNOWN", "FROM_MAP"]);
    assert_eq!(scores(metric), named(&[("UNKNOWN", 0.0), ("FROM_MAP", 2.5)]));
}

#[test]
fn ten_thousand_hits() {
    let rules = set(|b| {
        b.group(cap("g", 50.0, -50.0));
        for n in 0..1000 {
            b.define(symbol(&format!("S{n}"), 0.01, &["g"]));
        }
    });
    let begun = Instant::now();
    let mut metric = fresh(&rules);
    for n in 0..10_000 {
        metric.insert(optioned(&format!("S{}", n % 1000), &[&format!("option {n}")]));
        metric.insert(optioned("FLOOD", &[&format!("o{n}")]));
        metric.insert(optioned(&format!("STRANGER{n}"), &["x"]));
    }
    assert!((metric.score() - 50.0).abs() < 1e-9);
    let symbols = metric.into_results().0;
    assert_eq!(symbols.len(), 11_001);
    let flood = symbols.iter().find(|s| s.name == "FLOOD").expect("inserted");
    assert!(flood.options.iter().map(String::len).sum::<usize>() <= 4096 + 3);
    assert!(begun.elapsed().as_secs() < 5, "scoring is linear: {:?}", begun.elapsed());
}

/// (symbol, weight) of a small world with caps, several groups and shots.
fn world() -> Ruleset {
    set(|b| {
        b.group(cap("a", 4.0, -3.0));
        b.group(cap("b", 6.0, 0.0));
        for n in 0..12_u32 {
            let groups: &[&str] = match n % 4 {
                0 => &["a"],
                1 => &["b"],
                2 => &["a", "b"],
                _ => &[],
            };
            b.define(Definition {
                shots: (n % 3 == 0).then_some(1 + n % 2),
                ..symbol(&format!("S{n}"), f64::from(n) - 4.0, groups)
            });
        }
    })
}

proptest! {
    #[test]
    fn reported_scores_add_up_and_caps_hold(hits in prop::collection::vec((0_u32..14, -3.0_f64..3.0), 0..80)) {
        let rules = world();
        let mut metric = fresh(&rules);
        for (n, weight) in &hits {
            metric.insert(hit(&format!("S{n}"), *weight));
        }
        let score = metric.score();
        let decision = metric.decide();
        let (symbols, groups) = metric.into_results();
        let sum: f64 = symbols.iter().map(|s| s.score).sum();
        prop_assert!((sum - score).abs() < 1e-9, "{sum} {score}");
        prop_assert_eq!(decision.score, score);
        for (name, max, min) in [("a", 4.0, -3.0), ("b", 6.0, f64::NEG_INFINITY)] {
            if let Some(group) = groups.iter().find(|g| g.name == name) {
                prop_assert!(group.score <= max && group.score >= min, "{name} {}", group.score);
            }
        }
    }

    #[test]
    fn removal_of_everything_leaves_nothing(hits in prop::collection::vec((0_u32..14, -3.0_f64..3.0), 0..40)) {
        let rules = world();
        let mut metric = fresh(&rules);
        for (n, weight) in &hits {
            metric.insert(hit(&format!("S{n}"), *weight));
        }
        for n in 0..14 {
            metric.remove(&format!("S{n}"));
        }
        prop_assert!(metric.score().abs() < 1e-9);
        prop_assert!(metric.into_results().0.is_empty());
    }
}

//! Statements 1 to 7 and 13: what one hit after the other does to symbols, groups and the sum.

use super::*;

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
    metric.remove_weight(metric.place(rules.find("B"), "B").unwrap());
    metric.insert(hit("A", 1.0));
    assert_eq!(metric.score(), 1.0, "composites lower the message, not the group");
    assert_eq!(scores(metric), named(&[("B", 0.0), ("A", 1.0)]));
}

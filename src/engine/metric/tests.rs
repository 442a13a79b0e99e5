//! Every numbered statement of the scoring core, one test each, and what must hold for any insertion.

use super::*;
use crate::engine::{Compat, Definition, GroupSetting, Scoring, Settings, Thresholds, ruleset::ANY_SHOT};
use proptest::prelude::*;
use std::time::Instant;

mod action;
mod definition;
mod insertion;

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

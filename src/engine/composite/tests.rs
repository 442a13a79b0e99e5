//! Composites over a handful of symbols: policies, prefixes, groups, options, order.

use super::super::{Applied, Compat, Definition, Scoring, Settings};
use super::*;

/// What remains of symbols and their scores once the composites are judged.
fn judged(composites: &[(&str, &str, Policy)], found: &[(&str, f64, &[&str])]) -> (f64, Vec<String>) {
    let mut builder = Ruleset::builder(Compat::V34, Scoring::default());
    for (name, score, _) in found {
        builder.define(
            Definition::new(name)
                .scored(*score)
                .grouped(if *score < 0.0 { "good" } else { "bad" }),
        );
    }
    for (name, text, policy) in composites {
        builder.define(Definition::new(name).scored(10.0));
        builder.composite(Composite::parse(name, text, *policy).unwrap());
    }
    let rules = builder.build().unwrap();
    let settings = Settings::default();
    let mut metric = Metric::new(&rules, Applied::new(&rules, &settings));
    for (name, _, options) in found {
        let options = options.iter().map(|o| (*o).to_owned()).collect();
        metric.insert(Hit::new((*name).to_owned().into(), 1.0, options));
    }
    judge(&rules, &mut metric);
    let score = metric.score();
    let shown = metric.into_results().0.into_iter().map(|s| format!("{}={}", s.name, s.score));
    (score, shown.collect())
}

const FOUND: &[(&str, f64, &[&str])] = &[("A", 1.0, &["x", "yy"]), ("B", 2.0, &[]), ("Z", 0.0, &[]), ("N", -1.0, &[])];

fn one(text: &str, policy: Policy) -> (f64, Vec<String>) {
    judged(&[("C", text, policy)], FOUND)
}

#[test]
fn members_follow_the_policy() {
    assert_eq!(
        one("A & B", Policy::RemoveAll),
        (9.0, vec!["Z=0".into(), "N=-1".into(), "C=10".into()])
    );
    assert_eq!(one("A & B", Policy::RemoveWeight).0, 9.0);
    assert_eq!(one("A & B", Policy::RemoveWeight).1, ["A=0", "B=0", "Z=0", "N=-1", "C=10"]);
    assert_eq!(
        one("A & B", Policy::RemoveSymbol),
        (12.0, vec!["Z=0".into(), "N=-1".into(), "C=10".into()])
    );
    assert_eq!(one("A & B", Policy::Leave).1, ["A=1", "B=2", "Z=0", "N=-1", "C=10"]);
    assert_eq!(one("A & F", Policy::RemoveAll).1, ["A=1", "B=2", "Z=0", "N=-1"], "it does not fire");
}

#[test]
fn prefixes_negations_and_groups() {
    assert_eq!(one("-A & ~B & Z", Policy::RemoveAll).1, ["A=1", "B=0", "N=-1", "C=10"]);
    assert_eq!(one("^A & B", Policy::Leave).1, ["B=2", "Z=0", "N=-1", "C=10"]);
    assert_eq!(
        one("A & !(F | !B)", Policy::RemoveAll).1,
        ["B=2", "Z=0", "N=-1", "C=10"],
        "spared under a negation"
    );
    assert_eq!(one("g-:good & -g+:bad", Policy::RemoveAll).1, ["A=1", "B=2", "Z=0", "C=10"]);
    assert_eq!(one("g:none | Z", Policy::Leave).0, 12.0, "a symbol without a score holds, too");
}

#[test]
fn options_are_demanded() {
    for (text, fires) in [("A[x]", true), ("A[x, /^Y+$/i]", true), ("A[z]", false), ("B[x]", false)] {
        assert_eq!(one(text, Policy::Leave).1.len() == 5, fires, "{text}");
    }
    assert!(Composite::parse("C", "A[/(/]", Policy::Leave).is_err());
}

#[test]
fn composites_build_on_each_other_in_any_order() {
    let all = [("D", "C & B", Policy::RemoveAll), ("C", "A", Policy::RemoveAll)];
    assert_eq!(judged(&all, FOUND).1, ["Z=0", "N=-1", "D=10"]);
    let circle = [("D", "C | A", Policy::Leave), ("C", "D & B", Policy::Leave)];
    assert_eq!(judged(&circle, FOUND).1.len(), 6, "who asks first finds the other absent");
}

#[test]
fn one_wish_to_keep_is_enough() {
    let all = [("C", "A & B", Policy::RemoveAll), ("D", "A", Policy::Leave)];
    assert_eq!(judged(&all, FOUND).1, ["A=1", "Z=0", "N=-1", "C=10", "D=10"]);
}

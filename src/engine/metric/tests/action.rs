//! Statements 14, 15 and 19: what the sum and pre-results come to.

use super::*;

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

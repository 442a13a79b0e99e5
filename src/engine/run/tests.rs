//! Order, early stop, deadlines and panics, on rules that only write their names down.

use super::*;
use crate::engine::{Compat, PlanError, Rule, Scoring, Settings, ruleset::Builder};
use crate::message::{Envelope, Mail};
use std::sync::{Arc, Mutex};

/// Names of the rules that ran, in order.
type Diary = Arc<Mutex<Vec<String>>>;

fn rule(diary: &Diary, name: &str, act: impl Fn(&mut Hits) + Send + Sync + 'static) -> Rule {
    let (diary, own) = (diary.clone(), name.to_owned());
    Rule::check(name, move |_: &Scan<'_>, hits: &mut Hits| {
        diary.lock().expect("one thread").push(own.clone());
        act(hits);
    })
}

fn quiet(_: &mut Hits) {}

fn scores(score: f64) -> impl Fn(&mut Hits) {
    move |hits| hits.enforced(&format!("S{score}"), score, Vec::new())
}

fn rejects(hits: &mut Hits) {
    hits.named("LISTED", 1.0, vec!["10.0.0.1".to_owned()]);
    hits.pre_result(PreResult::new(Action::Reject, "multimap"));
}

/// Answers with its symbol after a number of wake-ups; `usize::MAX` never does.
struct Slow {
    symbol: &'static str,
    turns: usize,
}

impl Ask for Slow {
    fn ask<'a>(&'a self, _: &'a Scan<'_>, _: &'a SoFar<'_>) -> Asked<'a> {
        Box::pin(async move {
            if self.turns == usize::MAX {
                std::future::pending::<()>().await;
            }
            for _ in 0..self.turns {
                tokio::task::yield_now().await;
            }
            let mut hits = Hits::default();
            hits.enforced(self.symbol, 1.0, Vec::new());
            hits
        })
    }
}

fn slow(symbol: &'static str, turns: usize) -> Rule {
    Rule::ask(symbol, Slow { symbol, turns })
}

fn build(rules: Vec<Rule>) -> Result<Ruleset, Vec<PlanError>> {
    let mut builder: Builder = Ruleset::builder(Compat::V34, Scoring::default());
    builder.family(&[], rules);
    builder.build()
}

fn control() -> Control<'static> {
    Control {
        id: "test",
        pass_all: false,
        profile: false,
        budget: None,
        refuse_late: false,
        scope: Scope::Message,
    }
}

struct Report {
    action: Action,
    symbols: Vec<String>,
    timed_out: bool,
    profile: Option<Vec<(String, f64)>>,
}

fn drive(rules: Vec<Rule>, settings: &Settings, control: &Control<'_>) -> Report {
    let rules = build(rules).expect("rules in order");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        let (mail, envelope) = (Mail::raw_text(b"hello"), Envelope::default());
        let scan = Scan::new(&mail, &envelope);
        let outcome = run(&rules, Applied::new(&rules, settings), &scan, control).await;
        Report {
            action: outcome.metric.decide().action,
            timed_out: outcome.timed_out,
            profile: outcome.profile,
            symbols: outcome.metric.into_results().0.into_iter().map(|s| s.name).collect(),
        }
    })
}

fn simple(rules: Vec<Rule>) -> Report {
    drive(rules, &Settings::default(), &control())
}

fn diary() -> (Diary, impl Fn(&Diary) -> String) {
    (Diary::default(), |d: &Diary| d.lock().expect("one thread").join(" "))
}

#[test]
fn stages_steps_and_registration() {
    let (d, read) = diary();
    simple(vec![
        rule(&d, "post", quiet).in_stage(Stage::Post),
        rule(&d, "late", quiet),
        rule(&d, "also", quiet),
        rule(&d, "maps", quiet).at(order::ADDRESS_MAPS),
        rule(&d, "structure", quiet).at(order::STRUCTURE),
        rule(&d, "classify", quiet).in_stage(Stage::Classify),
        rule(&d, "pre", quiet).in_stage(Stage::Pre),
        rule(&d, "connect", quiet).in_stage(Stage::Connect),
    ]);
    assert_eq!(read(&d), "connect pre structure maps late also classify post");
}

#[test]
fn needs_come_first_and_missing_ones_count_as_met() {
    let (d, read) = diary();
    simple(vec![
        rule(&d, "c", quiet).after(&["b", "NOBODY"]),
        rule(&d, "b", quiet).after(&["a"]),
        rule(&d, "early", quiet).at(order::STRUCTURE).after(&["a"]),
        rule(&d, "x", quiet),
        rule(&d, "a", quiet),
    ]);
    assert_eq!(read(&d), "x a b early c");
}

#[test]
fn a_symbol_stands_for_the_rules_of_its_family() {
    crate::symbols! { "g" { GIVEN = both(1.0), "given"; } }
    let (d, read) = diary();
    let mut builder = Ruleset::builder(Compat::V34, Scoring::default());
    builder.family(&[], vec![rule(&d, "wants", quiet).after(&["GIVEN"])]);
    builder.family(SYMBOLS, vec![rule(&d, "gives", quiet), rule(&d, "own", quiet).after(&["GIVEN"])]);
    let rules = builder.build().expect("no circle");
    assert_eq!(rules.rules().map(|(_, n)| n).collect::<Vec<_>>(), ["gives", "own", "wants"]);
    assert_eq!(read(&d), "");
}

#[test]
fn circles_and_late_needs_are_refused() {
    let (d, _) = diary();
    let text = |rules| {
        build(rules)
            .err()
            .expect("refused")
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let circle = text(vec![
        rule(&d, "a", quiet).after(&["b"]),
        rule(&d, "b", quiet).after(&["c"]),
        rule(&d, "c", quiet).after(&["a"]),
    ]);
    assert!(circle.contains("a -> b -> c -> a"), "{circle}");
    assert!(text(vec![rule(&d, "self", quiet).after(&["self"])]).contains("self -> self"));
    let late = text(vec![
        rule(&d, "pre", quiet).in_stage(Stage::Pre).after(&["post"]),
        rule(&d, "post", quiet).in_stage(Stage::Post),
    ]);
    assert!(late.contains("pre") && late.contains("needs post"), "{late}");
}

#[test]
fn long_chains_do_not_exhaust_the_stack() {
    let (d, _) = diary();
    let names: Vec<&'static str> = (0..20_000).map(|n| &*format!("r{n}").leak()).collect();
    let chain = names.windows(2).map(|w| rule(&d, w[0], quiet).after(&w[1..]));
    let built = build(chain.collect()).expect("no circle");
    assert_eq!(built.rules().last().map(|(_, n)| n), Some("r0"));
}

#[test]
fn a_pre_result_ends_the_rest() {
    let (d, read) = diary();
    let report = simple(vec![
        rule(&d, "structure", scores(-0.1)).at(order::STRUCTURE),
        rule(&d, "maps", rejects).at(order::ADDRESS_MAPS),
        rule(&d, "rest", scores(1.0)),
        rule(&d, "always", quiet).always(),
        rule(&d, "post", quiet).in_stage(Stage::Post),
        slow("ASKED", 0),
    ]);
    assert_eq!(read(&d), "structure maps always");
    assert_eq!((report.action, report.symbols.join(" ").as_str()), (Action::Reject, "S-0.1 LISTED"));
}

#[test]
fn bounds_and_process_all_let_the_rest_run() {
    for change in [|p: &mut PreResult| p.least = true, |p: &mut PreResult| p.process_all = true] {
        let (d, read) = diary();
        let act = move |hits: &mut Hits| {
            let mut result = PreResult::new(Action::AddHeader, "test");
            change(&mut result);
            hits.pre_result(result);
        };
        let report = simple(vec![rule(&d, "first", act), rule(&d, "second", quiet)]);
        assert_eq!((read(&d).as_str(), report.action), ("first second", Action::AddHeader));
    }
}

#[test]
fn early_stop_strictly_above_reject() {
    let cases: [(f64, bool, &str); 4] = [
        (15.0, false, "first second always"),
        (15.1, false, "first always"),
        (15.1, true, "first second always"),
        (-99.0, false, "first second always"),
    ];
    for (score, pass_all, ran) in cases {
        let (d, read) = diary();
        let rules = vec![
            rule(&d, "first", scores(score)),
            rule(&d, "second", quiet),
            rule(&d, "always", quiet).always(),
        ];
        let control = Control { pass_all, ..control() };
        drive(rules, &Settings::default(), &control);
        assert_eq!(read(&d), ran, "{score}");
    }
}

#[test]
fn a_test_pattern_silences_everything_else() {
    let (d, read) = diary();
    let report = simple(vec![
        rule(&d, "before", scores(3.0)).in_stage(Stage::Connect).at(0),
        rule(&d, "pattern", |hits| {
            hits.skip = true;
            rejects(hits);
        })
        .in_stage(Stage::Connect),
        rule(&d, "after", scores(3.0)).always(),
    ]);
    assert_eq!((read(&d).as_str(), report.symbols.join(" ").as_str()), ("before pattern", "LISTED"));
}

#[test]
fn waiting_rules_overlap_and_report_in_planned_order() {
    for turns in [[9, 0, 5], [0, 9, 1], [3, 2, 1]] {
        let (d, _) = diary();
        let rules = vec![
            slow("A", turns[0]),
            slow("B", turns[1]),
            slow("C", turns[2]),
            rule(&d, "sync", scores(1.0)),
            slow("D", 0).after(&["A"]),
        ];
        assert_eq!(simple(rules).symbols.join(" "), "S1 A B C D");
    }
}

#[test]
fn a_panic_costs_only_its_rule() {
    struct Bad;
    impl Ask for Bad {
        fn ask<'a>(&'a self, _: &'a Scan<'_>, _: &'a SoFar<'_>) -> Asked<'a> {
            Box::pin(async {
                tokio::task::yield_now().await;
                panic!("a rule of a test")
            })
        }
    }
    let (d, _) = diary();
    let report = simple(vec![
        rule(&d, "bad", |hits| {
            hits.enforced("LOST", 5.0, Vec::new());
            panic!("a rule of a test")
        }),
        Rule::ask("worse", Bad),
        slow("GOOD", 2),
        rule(&d, "fine", scores(1.0)),
    ]);
    assert_eq!(report.symbols.join(" "), "S1 GOOD");
}

#[test]
fn the_deadline_drops_what_hangs_and_the_post_stage_has_its_own() {
    let late = |refuse_late| {
        let (d, _) = diary();
        let rules = vec![
            slow("HANGS", usize::MAX),
            slow("QUICK", 0),
            slow("NEVER", 0).after(&["HANGS"]),
            rule(&d, "post", scores(1.0)).in_stage(Stage::Post),
            rule(&d, "tidy", scores(1.5)).in_stage(Stage::Post).always(),
        ];
        let control = Control {
            budget: Some(Duration::from_millis(30)),
            refuse_late,
            ..control()
        };
        let report = drive(rules, &Settings::default(), &control);
        assert!(report.timed_out);
        (report.symbols.join(" "), report.action)
    };
    assert_eq!(late(false), ("QUICK S1 S1.5".to_owned(), Action::NoAction));
    assert_eq!(late(true), ("QUICK S1.5".to_owned(), Action::SoftReject));
}

#[test]
fn without_a_message_only_the_client_counts() {
    let control = Control {
        scope: Scope::Client,
        ..control()
    };
    let (d, read) = diary();
    let maps = |act: fn(&mut Hits)| rule(&d, "maps", act).at(order::ADDRESS_MAPS);
    let listed = drive(vec![rule(&d, "structure", quiet), maps(rejects)], &Settings::default(), &control);
    assert_eq!((listed.action, listed.symbols.join(" ").as_str()), (Action::Reject, "LISTED"));
    let score = |hits: &mut Hits| hits.enforced("SCORED", 5.0, Vec::new());
    let scored = drive(vec![maps(score)], &Settings::default(), &control);
    assert_eq!((scored.action, scored.symbols.len()), (Action::NoAction, 0));
    assert_eq!(read(&d), "maps maps");
}

#[test]
fn settings_insert_symbols_and_a_profile_times_rules() {
    let settings = Settings::parse(r#"{"symbols":{"FOO":{"score":2,"options":["x"]}},"scores":{"FOO":3}}"#);
    let (d, _) = diary();
    let control = Control {
        profile: true,
        ..control()
    };
    let rules = vec![rule(&d, "one", quiet), slow("TWO", 1)];
    let report = drive(rules, &settings.expect("test settings"), &control);
    assert_eq!(report.symbols.join(" "), "FOO TWO");
    let timed = report.profile.expect("asked for");
    assert_eq!(timed.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["one", "TWO"]);
    assert!(timed.iter().all(|(_, ms)| (0.0..1000.0).contains(ms)));
}

//! Statement 11: where a symbol gets its score and its limits from.

use super::*;

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

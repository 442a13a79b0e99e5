//! Shapes that no recording shows; the recorded ones are compared in `tests/it/http_golden.rs`.

use super::*;
use crate::engine::Passthrough;
use serde_json::Value;

fn symbol(name: &str, score: f64) -> SymbolResult {
    SymbolResult {
        name: name.to_owned(),
        score,
        metric_score: score,
        description: Some("what\nit means".to_owned()),
        options: vec!["a".to_owned(), "b".to_owned()],
    }
}

fn read(verdict: &Verdict, shape: Shape, compat: Compat) -> Value {
    let text = json(verdict, shape, &Flags::default(), compat);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn everything_milter_has_its_key() {
    let verdict = Verdict {
        milter: Edits {
            add_headers: vec![
                ("X-A".into(), "1".into(), -1),
                ("X-B".into(), "2".into(), 1),
                ("X-A".into(), "3".into(), 0),
            ],
            remove_headers: vec![("X-C".into(), 0), ("X-D".into(), 1), ("X-D".into(), -1)],
            change_from: Some("a@b".into()),
            add_rcpt: vec!["c@d".into()],
            del_rcpt: vec!["e@f".into()],
            reject: Some("quarantine".into()),
            spam_header: Some("Very".into()),
            no_action: true,
        },
        ..Verdict::default()
    };
    let text = json(&verdict, Shape::Flat, &Flags::default(), Compat::V34);
    let expect = r#""milter":{"add_headers":{"X-A":[{"value":"1","order":-1},{"value":"3","order":0}],"X-B":{"value":"2","order":1}},"remove_headers":{"X-C":0,"X-D":[1,-1]},"change_from":"a@b","add_rcpt":["c@d"],"del_rcpt":["e@f"],"reject":"quarantine","spam_header":"Very","no_action":true}}"#;
    assert!(text.ends_with(expect), "{text}");
    assert!(read(&verdict, Shape::Nested, Compat::V34)["rmilter"].is_object());
}

#[test]
fn keys_come_and_go_with_action_and_generation() {
    let mut verdict = Verdict {
        action: Action::Discard,
        score: f64::NAN,
        subject: Some("x".into()),
        passthrough: Some(Passthrough {
            module: "gtube".into(),
            action: Action::Discard,
            message: None,
            least: false,
        }),
        ..Verdict::default()
    };
    let old = read(&verdict, Shape::Flat, Compat::V34);
    assert_eq!(old["reject"], "discard");
    assert_eq!(old["score"], 0.0);
    for key in [
        "subject",
        "thresholds",
        "passthrough_module",
        "groups",
        "profile",
        "urls",
        "message-id",
        "milter",
    ] {
        assert!(old.get(key).is_none(), "{key}");
    }
    let new = read(&verdict, Shape::Flat, Compat::V41);
    assert_eq!(new["passthrough_module"], "gtube");
    assert_eq!(new["thresholds"]["reject"], 15.0);
    verdict.action = Action::RewriteSubject;
    let rewritten = read(&verdict, Shape::Nested, Compat::V34);
    assert_eq!(rewritten["default"]["subject"], "x");
    assert_eq!(rewritten["default"]["is_spam"], true);
    assert!(rewritten.get("reject").is_none());
}

#[test]
fn flags_ask_for_groups_and_times() {
    let verdict = Verdict {
        profile: Some(vec![("RULE".into(), 1.5)]),
        emails: vec!["a@b".into()],
        ..Verdict::default()
    };
    let flags = Flags {
        groups: true,
        profile: true,
        ..Flags::default()
    };
    let text = json(&verdict, Shape::Flat, &flags, Compat::V34);
    assert!(
        text.contains(r#""groups":{},"messages":{},"urls":[],"emails":["a@b"],"profile":{"RULE":1.500000},"#),
        "{text}"
    );
}

#[test]
fn text_replies_cannot_be_forged() {
    let verdict = Verdict {
        action: Action::RewriteSubject,
        subject: Some("bad\r\nAction: no action".into()),
        symbols: vec![symbol("A", 1.0), symbol("B", -0.5)],
        messages: vec![("m".into(), "one\ntwo".into())],
        message_id: Some("x\ny".into()),
        milter: Edits {
            add_headers: vec![("X".into(), "v\r\n\tw".into(), 1)],
            remove_headers: vec![("Y".into(), 0), ("Z".into(), 2)],
            ..Edits::default()
        },
        ..Verdict::default()
    };
    let old = rspamc(&verdict, Compat::V34);
    assert_eq!(old.lines().count(), 8, "{old}");
    assert!(!old.contains("X-Symbol"));
    let new = rspamc(&verdict, Compat::V41);
    assert!(new.contains("X-Symbol: A(1.00); what it means [a, b]\r\n"), "{new}");
    assert!(
        new.ends_with("X-Milter-Add: X[1]: v   w\r\nX-Milter-Del: Y\r\nX-Milter-Del: Z[2]\r\n"),
        "{new}"
    );
    assert!(spamc(&verdict).ends_with("Content-length: 5\r\nSpam: False ; 0.00 / 15.00\r\n\r\nA,B\r\n"));
}

#[test]
fn without_thresholds_nothing_is_required() {
    let verdict = Verdict {
        required: 0.0,
        thresholds: Vec::new(),
        ..Verdict::default()
    };
    assert!(read(&verdict, Shape::Flat, Compat::V34)["required_score"].is_null());
    assert_eq!(read(&Verdict::default(), Shape::Flat, Compat::V34)["required_score"], 15.0);
}

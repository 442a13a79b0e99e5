//! The routines against what a running 3.4 answered.

use super::*;
use crate::engine::SymbolResult;

fn symbol(name: &str, score: f64, options: &[&str]) -> SymbolResult {
    SymbolResult {
        name: name.to_owned(),
        score,
        metric_score: score,
        description: None,
        options: options.iter().map(|o| (*o).to_owned()).collect(),
    }
}

fn verdict(action: Action, score: f64) -> Verdict {
    Verdict {
        action,
        score,
        symbols: vec![
            symbol("ZERO", 0.0, &["a", "b"]),
            symbol("HIGH", 2.5, &[]),
            symbol("GOOD", -0.1, &["text/plain"]),
        ],
        ..Verdict::default()
    }
}

fn config(text: &str) -> Config {
    toml::from_str(text).expect("test configuration")
}

const ALL: &str = r#"use = ["x-spamd-bar", "x-spam-level", "x-spam-status", "x-spamd-result", "x-rspamd-server",
    "x-rspamd-queue-id", "x-rspamd-action", "spam-header"]"#;

fn edits(text: &str, verdict: &Verdict, occasion: Occasion<'_>) -> Edits {
    let (headers, complaints) = Headers::new(config(text), "mx");
    assert_eq!(complaints, vec![]);
    headers.edits(verdict, &Settings::default(), occasion)
}

fn stock() -> Edits {
    Edits {
        remove_headers: vec![("X-Spam".to_owned(), 0)],
        ..Edits::default()
    }
}

#[test]
fn stock_configuration_strips_the_spam_flag() {
    assert_eq!(edits("", &verdict(Action::NoAction, 0.0), Occasion::default()), stock());
    let skipped = Verdict {
        skipped: true,
        ..Verdict::default()
    };
    assert_eq!(edits(ALL, &skipped, Occasion::default()), Edits::default());
    assert_eq!(edits("enabled = false", &Verdict::default(), Occasion::default()), Edits::default());
    assert_eq!(
        edits("remove_upstream_spam_flag = false", &Verdict::default(), Occasion::default()),
        Edits::default()
    );
}

#[test]
fn every_routine_on_spam() {
    let occasion = Occasion {
        queue_id: Some("Q7"),
        ..Occasion::default()
    };
    let edits = edits(ALL, &verdict(Action::AddHeader, 7.4), occasion);
    let added: Vec<(&str, &str)> = edits.add_headers.iter().map(|(n, v, _)| (&**n, &**v)).collect();
    let result = "default: False [7.40 / 15.00];\n\tHIGH(2.50)[];\n\tZERO(0.00)[a,b];\n\tGOOD(-0.10)[text/plain]";
    assert_eq!(
        added,
        [
            ("X-Spamd-Bar", "+++++++"),
            ("X-Spam-Level", "*******"),
            ("X-Spam-Status", "Yes, score=7.40"),
            ("X-Spamd-Result", result),
            ("X-Rspamd-Server", "mx"),
            ("X-Rspamd-Queue-Id", "Q7"),
            ("X-Rspamd-Action", "add header"),
            ("Deliver-To", "Junk"),
        ]
    );
    assert!(edits.add_headers.iter().all(|(_, _, order)| *order == -1));
    // Whatever is added was first removed, so nobody's forgery stays.
    assert!(
        added
            .iter()
            .all(|(name, _)| edits.remove_headers.contains(&((*name).to_owned(), 0)))
    );
}

#[test]
fn ham_gets_no_level_and_no_junk() {
    let edits = edits(ALL, &verdict(Action::NoAction, -0.1), Occasion::default());
    let added: Vec<&str> = edits.add_headers.iter().map(|(n, _, _)| &**n).collect();
    assert_eq!(
        added,
        [
            "X-Spamd-Bar",
            "X-Spam-Status",
            "X-Spamd-Result",
            "X-Rspamd-Server",
            "X-Rspamd-Action"
        ]
    );
    let removed: Vec<&str> = edits.remove_headers.iter().map(|(n, _)| &**n).collect();
    assert!(removed.contains(&"Deliver-To") && removed.contains(&"X-Rspamd-Queue-Id") && !removed.contains(&"X-Spam-Level"));
}

#[test]
fn bars_and_words() {
    let bars = [(0.0, "/"), (0.99, "/"), (-0.99, "/"), (1.0, "+"), (-5.6, "-----"), (3.5, "+++")];
    for (score, shown) in bars {
        assert_eq!(bar(score, &Routine::default()), shown);
    }
    assert_eq!(bar(1e300, &Routine::default()).len(), 100);
    let own = Routine {
        positive: Some("s".to_owned()),
        negative: Some("h".to_owned()),
        neutral: Some("0".to_owned()),
        ..Routine::default()
    };
    assert_eq!([2.5, -1.0, 0.2].map(|score| bar(score, &own)), ["ss", "h", "0"]);
    let words = [
        (Action::Greylist, "No"),
        (Action::SoftReject, "Yes"),
        (Action::Discard, "Yes"),
        (Action::Quarantine, "Yes"),
    ];
    for (action, word) in words {
        let edits = edits(r#"use = ["x-spam-status"]"#, &verdict(action, 4.0), Occasion::default());
        assert_eq!(edits.add_headers[0].1, format!("{word}, score=4.00"));
    }
    let rejected = edits(r#"use = ["x-spamd-result"]"#, &verdict(Action::Reject, 15.0), Occasion::default());
    assert!(rejected.add_headers[0].1.starts_with("default: True [15.00 / 15.00]"));
}

#[test]
fn our_own_users_are_left_alone() {
    let local = Occasion {
        local: true,
        ..Occasion::default()
    };
    let user = Occasion {
        authenticated: true,
        ..Occasion::default()
    };
    let spam = verdict(Action::AddHeader, 7.0);
    for occasion in [local, user] {
        assert_eq!(edits(ALL, &spam, occasion), stock());
        let milter = Occasion { milter: true, ..occasion };
        assert_eq!(edits(ALL, &spam, milter), Edits::default());
        let open = format!("{ALL}\nskip_local = false\nskip_authenticated = false");
        assert_eq!(edits(&open, &spam, occasion).add_headers.len(), 7);
    }
    let some = r#"local_headers = ["x-spam-status"]"#;
    assert_eq!(edits(some, &spam, local).add_headers.len(), 1);
    assert_eq!(edits(some, &spam, user).add_headers.len(), 0);
}

#[test]
fn routines_can_be_shaped() {
    let text = r#"
        use = ["x-spam-level", "spam-header", "add-headers", "remove-headers", "x-rspamd-server"]
        extended_spam_headers = false
        default_headers_order = 1
        [routines.x-spam-level]
        header = "X-Stars"
        char = "x"
        remove = 1
        [routines.spam-header]
        header = "X-Folder"
        value = "Bulk"
        [routines.add-headers]
        headers = { "X-Seen" = "yes\r\nEvil: 1" }
        [routines.remove-headers]
        headers = { "X-Old" = 0, "X-Last" = -1 }
        [routines.x-rspamd-server]
        hostname = "filter.example.org"
    "#;
    let edits = edits(text, &verdict(Action::AddHeader, 2.0), Occasion::default());
    let added: Vec<(&str, &str, i32)> = edits.add_headers.iter().map(|(n, v, o)| (&**n, &**v, *o)).collect();
    let want = [("X-Stars", "xx", 1), ("X-Folder", "Bulk", 1), ("X-Seen", "yes Evil: 1", 1)];
    assert_eq!(added[..3], want);
    assert_eq!(added[3], ("X-Rspamd-Server", "filter.example.org", 1));
    for (name, n) in [("X-Stars", 1), ("X-Old", 0), ("X-Last", -1)] {
        assert!(edits.remove_headers.contains(&(name.to_owned(), n)), "{name}");
    }
}

#[test]
fn settings_add_and_remove() {
    let json = r#"{"add_headers":{"X-A":"one\n\ttwo\nEvil: 3"},"remove_headers":{"X-B":[1,2]}}"#;
    let settings = Settings::parse(json).expect("test settings");
    let (headers, _) = Headers::new(Config::default(), "mx");
    let edits = headers.edits(&Verdict::default(), &settings, Occasion::default());
    assert_eq!(edits.add_headers, [("X-A".to_owned(), "one\n\ttwo Evil: 3".to_owned(), -1)]);
    assert_eq!(edits.remove_headers[..2], [("X-B".to_owned(), 1), ("X-B".to_owned(), 2)]);
}

#[test]
fn unknown_routines_are_named() {
    let (_, complaints) = Headers::new(config(r#"use = ["x-spam-levl", "x-virus", "x-spam-level"]"#), "mx");
    let short: Vec<(&str, bool)> = complaints.iter().map(|(n, _, e)| (&**n, *e)).collect();
    assert_eq!(short, [("x-spam-levl", true), ("x-virus", false)]);
    assert!(toml::from_str::<Config>("skip_locals = true").is_err());
}

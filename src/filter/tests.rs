//! Whole scans: a configuration and a message in, a verdict out.

use super::*;
use crate::config::{LoadOptions, load_text};
use crate::engine::{Definition, Hits, PreResult, Rule, Scoring, order, ruleset::priority};
use crate::family::Services;
use bytes::Bytes;
use std::collections::BTreeSet;

const GTUBE: &str =
    "Subject: test\r\nMessage-ID: <g@example.net>\r\n\r\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n";

fn filter(toml: &str) -> Filter {
    let (filter, findings) = try_filter(toml);
    filter.unwrap_or_else(|| panic!("{findings:?}"))
}

fn try_filter(toml: &str) -> (Option<Filter>, Vec<String>) {
    let loaded = load_text("test.toml", toml, &LoadOptions::default()).expect("test configuration");
    let mut findings = Vec::new();
    let filter = Filter::assemble(&loaded.config, &Services::default(), &mut findings);
    (filter, findings.iter().map(crate::config::Diagnostic::one_line).collect())
}

fn scan(filter: &Filter, request: &Request) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(filter.scan(request))
}

fn request(raw: &str) -> Request {
    Request {
        raw: Bytes::copy_from_slice(raw.as_bytes()),
        ..Request::default()
    }
}

fn with_settings(raw: &str, json: &str) -> Request {
    Request {
        settings: Settings::parse(json).expect("test settings"),
        ..request(raw)
    }
}

/// A filter of a listed-address rule and a plain one, as multimap would build them.
fn mapped() -> Filter {
    let map = |scan: &Scan<'_>, hits: &mut Hits| {
        if scan.envelope.ip == "10.88.113.21".parse().ok() {
            hits.named("LOCAL_RBL_HIT", 1.0, vec!["10.88.113.21".to_owned()]);
            let mut result = PreResult::new(Action::Reject, "multimap");
            result.message = Some("Matched map: LOCAL_RBL_HIT".to_owned());
            hits.pre_result(result);
        }
    };
    let structure = |_: &Scan<'_>, hits: &mut Hits| hits.named("MIME_GOOD", 1.0, vec!["text/plain".to_owned()]);
    let rest = |_: &Scan<'_>, hits: &mut Hits| hits.named("SPAMMY", 1.0, Vec::new());
    let mut builder = Ruleset::builder(Compat::V34, Scoring::default());
    let rules = vec![
        Rule::check("SPAMMY", rest).defines(Definition::new("SPAMMY").scored(8.0)),
        Rule::check("LOCAL_RBL_HIT", map).at(order::ADDRESS_MAPS).defines(
            Definition::new("LOCAL_RBL_HIT")
                .scored(0.0)
                .grouped("multimap")
                .described("listed here"),
        ),
        Rule::check("MIME", structure)
            .at(order::STRUCTURE)
            .defines(Definition::new("MIME_GOOD").scored(-0.1).grouped("mime_types")),
    ];
    builder.family(&[], rules);
    builder.define(Definition {
        priority: priority::ADMINISTRATOR,
        ..Definition::new("SPAMMY").scored(7.9).grouped("own")
    });
    let policy = Policy {
        compat: Compat::V34,
        timeout: Duration::from_secs(8),
        refuse_late: false,
        local_networks: ["10.0.0.0/8".parse::<ipnet::IpNet>().expect("a network")].into_iter().collect(),
        limits: Limits::default(),
        headers: Headers::new(headers::Config::default(), "mx").0,
    };
    Filter::new(builder.build().expect("rules in order"), policy)
}

fn from(ip: &str, raw: &str) -> Request {
    let mut request = request(raw);
    request.envelope.ip = ip.parse().ok();
    request
}

fn names(verdict: &Verdict) -> Vec<&str> {
    verdict.symbols.iter().map(|s| s.name.as_str()).collect()
}

#[test]
fn gtube_rejects_with_the_configured_score_and_nothing_else() {
    let filter = filter("");
    let verdict = scan(&filter, &with_settings(GTUBE, r#"{"actions":{"reject":5},"symbols":["OTHER"]}"#));
    assert_eq!((verdict.action, verdict.score, verdict.skipped), (Action::Reject, 15.0, true));
    assert_eq!(names(&verdict), ["GTUBE"]);
    assert_eq!(verdict.symbols[0].score, 0.0);
    assert_eq!(verdict.messages, [("smtp_message".to_owned(), "Gtube pattern".to_owned())]);
    let passthrough = verdict.passthrough.expect("it decided");
    assert_eq!((passthrough.module.as_str(), passthrough.action), ("GTUBE", Action::Reject));
    assert!(verdict.milter.is_empty());
}

#[test]
fn gtube_policies() {
    let variants = |policy: &str| {
        let filter = filter(&format!("[scan]\ngtube = \"{policy}\""));
        let seen = |letter: &str| {
            let verdict = scan(&filter, &request(&GTUBE.replacen("XJS", &format!("{letter}JS"), 1)));
            format!("{} {:.1} {}", verdict.action, verdict.score, verdict.skipped)
        };
        ["X", "Y", "Z", "A"].map(seen)
    };
    assert_eq!(variants("off").into_iter().collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(variants("reject")[0], "reject 15.0 true");
    assert_eq!(variants("reject")[1], variants("off")[1]);
    let all = [
        "reject 15.0 true",
        "add header 6.0 true",
        "rewrite subject 0.0 true",
        "no action 0.0 true",
    ];
    assert_eq!(variants("all"), all);
}

#[test]
fn the_guide() {
    let filter = mapped();
    let listed = scan(&filter, &from("10.88.113.21", "hallo welt\n"));
    assert_eq!((listed.action, listed.skipped), (Action::Reject, false));
    assert_eq!(format!("{:.2}", listed.score), "-0.10");
    assert_eq!(names(&listed), ["MIME_GOOD", "LOCAL_RBL_HIT"]);
    assert_eq!(listed.symbols[1].description.as_deref(), Some("listed here"));
    assert_eq!(
        listed.messages,
        [("smtp_message".to_owned(), "Matched map: LOCAL_RBL_HIT".to_owned())]
    );
    assert_eq!(listed.message_id.as_deref(), Some("undef"));
    let other = scan(&filter, &from("10.88.113.22", "hallo welt\n"));
    assert_eq!((other.action, format!("{:.2}", other.score).as_str()), (Action::AddHeader, "7.80"));
    assert_eq!(other.milter.remove_headers, [("X-Spam".to_owned(), 0)]);
    let empty = scan(&filter, &from("10.88.113.21", ""));
    assert_eq!(
        (empty.action, empty.score, names(&empty)),
        (Action::Reject, 0.0, vec!["LOCAL_RBL_HIT"])
    );
}

#[test]
fn an_empty_message_is_no_spam() {
    let verdict = scan(&mapped(), &from("192.0.2.1", ""));
    assert_eq!((verdict.action, verdict.score, verdict.skipped), (Action::NoAction, 0.0, false));
    assert!(verdict.symbols.is_empty() && verdict.message_id.is_none() && verdict.messages.is_empty());
    assert_eq!(verdict.milter.remove_headers, [("X-Spam".to_owned(), 0)]);
}

#[test]
fn skipped_by_flag_or_settings() {
    let mut flagged = request(GTUBE);
    assert!(flagged.flags.set("skip") && !flagged.flags.set("Skip") && !flagged.flags.set("skip "));
    let verdict = scan(&filter(""), &flagged);
    assert_eq!((verdict.action, verdict.score, verdict.skipped), (Action::NoAction, 0.0, true));
    assert!(verdict.symbols.is_empty() && verdict.message_id.is_none() && verdict.milter.is_empty());
    for json in [r#"{"whitelist":true}"#, r#"{"flags":["skip"]}"#] {
        let verdict = scan(&filter(""), &with_settings("Message-ID: <x@y.example>\n\nhallo\n", json));
        assert_eq!((verdict.action, verdict.score, verdict.skipped), (Action::NoAction, 0.0, true));
        assert!(verdict.symbols.is_empty() && verdict.milter.is_empty());
        assert_eq!(verdict.message_id.as_deref(), Some("x@y.example"));
        // Settings come behind the search for test patterns.
        let verdict = scan(&filter(""), &with_settings(GTUBE, json));
        assert_eq!((verdict.action, verdict.score, verdict.skipped), (Action::Reject, 15.0, true));
    }
}

#[test]
fn without_a_client_the_newest_hop_speaks() {
    let filter = filter("[scan]\nlocal_networks = [\"203.0.113.0/24\"]\n");
    let mail = |ip: &str| {
        format!(
            "Received: from x.example (x.example [{ip}])\n by m.example with ESMTP id 1; Mon, 23 Nov 2026 00:00:00 +0000\nTo: a@b.example, c@d.example\n\nhallo\n"
        )
    };
    for (ip, once) in [("192.0.2.9", true), ("127.0.0.1", false), ("203.0.113.5", false)] {
        let verdict = scan(&filter, &request(&mail(ip)));
        assert_eq!(verdict.client, ip.parse().ok());
        assert_eq!(names(&verdict).contains(&"ONCE_RECEIVED"), once, "{ip}");
        assert_eq!(verdict.mime_recipients, ["a@b.example", "c@d.example"]);
    }
    let verdict = scan(&filter, &from("198.51.100.1", &mail("127.0.0.1")));
    assert_eq!(verdict.client, "198.51.100.1".parse().ok(), "the MTA knows better");
}

/// The message that has patterns compiled before the first mail sets off rules of all kinds, and leaves nothing behind.
#[test]
fn a_rehearsal_reaches_many_rules() {
    for generation in ["3.4", "4.1"] {
        let filter = filter(&format!("compat = \"{generation}\"\n"));
        filter.rehearse();
        let verdict = scan(&filter, &request(include_str!("rehearsal.eml")));
        for symbol in [
            "SUBJ_BOUNCE_WORDS",
            "RCVD_HELO_USER",
            "MIME_DOUBLE_BAD_EXTENSION",
            "ZERO_FONT",
            "R_EMPTY_IMAGE",
            "MAILLIST",
        ] {
            assert!(
                names(&verdict).contains(&symbol),
                "{generation}: no {symbol} in {:?}",
                names(&verdict)
            );
        }
    }
}

#[test]
fn settings_do_not_reach_a_test_pattern() {
    let json = r#"{"actions":{"reject":5},"scores":{"GTUBE":4},"symbols_disabled":["GTUBE"],"messages":{"note":"x"}}"#;
    let verdict = scan(&filter(""), &with_settings(GTUBE, json));
    assert_eq!((verdict.action, verdict.score, verdict.required), (Action::Reject, 15.0, 15.0));
    assert_eq!(verdict.symbols[0].score, 0.0);
    assert_eq!(verdict.messages.len(), 1);
}

#[test]
fn settings_switch_the_symbols_of_a_rule_together() {
    let filter = filter("");
    let mail = "From: a@b.example\nTo: c@d.example\nSubject: s\nMIME-Version: 1.0\nContent-Type: text/plain\n\nhallo\n";
    let seen = |json: &str| names(&scan(&filter, &with_settings(mail, json))).join(" ");
    assert_eq!(seen(r#"{"symbols_enabled":["FROM_HAS_DN"]}"#), "FROM_NO_DN");
    assert_eq!(seen(r#"{"symbols_enabled":["MIME_BAD"]}"#), "MIME_TRACE MIME_GOOD");
    assert_eq!(seen(r#"{"symbols_enabled":["MIME_TYPES_CALLBACK"]}"#), "MIME_TRACE MIME_GOOD");
    assert_eq!(seen(r#"{"symbols_enabled":["RCPT_COUNT_ONE"]}"#), "RCPT_COUNT_ONE TO_DN_NONE");
    assert_eq!(
        seen(r#"{"symbols_enabled":["MISSING_MID"]}"#),
        "MISSING_MID",
        "a rule of many symbols"
    );
    let rest = seen(r#"{"symbols_disabled":["MIME_BAD","TO_DN_ALL"]}"#);
    assert!(
        !rest.contains("MIME_") && !rest.contains("RCPT_COUNT") && rest.contains("FROM_NO_DN"),
        "{rest}"
    );
}

#[test]
fn settings_move_neither_the_early_stop_nor_soft_reject() {
    let stock = scan(&filter(""), &request("Subject: s\n\nhallo\n"));
    let json = r#"{"actions":{"reject":1,"soft reject":-5}}"#;
    let strict = scan(&filter(""), &with_settings("Subject: s\n\nhallo\n", json));
    assert_eq!(names(&strict), names(&stock));
    assert_eq!((strict.action, strict.required), (Action::AddHeader, 1.0));
}

#[test]
fn settings_change_thresholds_subject_and_messages() {
    let json = r#"{"actions":{"rewrite subject":-1},"subject":"[SPAM %d] %s","messages":{"smtp_message":"own","note":"x"}}"#;
    let verdict = scan(&mapped(), &with_settings("Subject: s\n\nhallo\n", json));
    assert_eq!((verdict.action, verdict.required), (Action::AddHeader, -1.0));
    assert_eq!(verdict.messages.len(), 2);
    let json = r#"{"actions":{"rewrite subject":-1},"subject":"[SPAM %d]","symbols_enabled":["MIME_GOOD"]}"#;
    let verdict = scan(&mapped(), &with_settings("Subject: s\n\nhallo\n", json));
    assert_eq!(verdict.subject.as_deref(), Some("[SPAM -0.10]"));
    assert_eq!(verdict.thresholds.first(), Some(&(Action::Reject, 15.0)));
    let listed = Request {
        settings: Settings::parse(r#"{"messages":{"smtp_message":"own"},"symbols_disabled":["NOBODY"]}"#).expect("settings"),
        ..from("10.88.113.21", "x")
    };
    assert_eq!(
        scan(&mapped(), &listed).messages,
        [("smtp_message".to_owned(), "Matched map: LOCAL_RBL_HIT".to_owned())]
    );
}

#[test]
fn equal_messages_give_equal_verdicts() {
    let filter = mapped();
    let plain = |mut verdict: Verdict| {
        verdict.elapsed = Duration::ZERO;
        verdict
    };
    let first = plain(scan(&filter, &from("192.0.2.1", "hallo\n")));
    for _ in 0..20 {
        assert_eq!(plain(scan(&filter, &from("192.0.2.1", "hallo\n"))), first);
    }
}

#[test]
fn large_messages_on_many_threads() {
    let filter = std::sync::Arc::new(filter(""));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
    let raw = format!("Subject: big\r\n\r\n{}", "line of text\r\n".repeat(40_000));
    runtime.expect("a runtime").block_on(async {
        // Also proof that a scan may be a task of its own.
        let scans: Vec<_> = (0..4)
            .map(|_| {
                let (filter, request) = (filter.clone(), request(&raw));
                tokio::spawn(async move { filter.scan(&request).await.skipped })
            })
            .collect();
        for scan in scans {
            assert!(!scan.await.expect("no panic"));
        }
    });
}

#[test]
fn configuration_reaches_the_scores() {
    let toml = r#"
        [actions]
        reject = 20.0
        greylist = false
        rewrite_subject = { score = 8.0, subject = "S %s" }
        [groups.headers]
        max_score = 12.0
        description = "about headers"
        [groups.own.symbols]
        GTUBE = { score = 3.0, description = "mine", any_shot = true, one_param = true }
        GTUBEE = 1.0
    "#;
    let (filter, findings) = try_filter(toml);
    let filter = filter.expect("only warnings");
    let strange: Vec<&String> = findings.iter().filter(|f| f.contains("GTUBEE")).collect();
    assert!(
        strange.len() == 1 && strange[0].contains("test.toml:11:18") && strange[0].contains("`GTUBE`"),
        "{findings:?}"
    );
    let limits: Vec<(&str, Option<f64>)> = filter.actions().into_iter().map(|(a, l)| (a.name(), l)).collect();
    assert_eq!(
        limits[..3],
        [("add header", Some(6.0)), ("rewrite subject", Some(8.0)), ("reject", Some(20.0))]
    );
    let groups = filter.groups();
    let own = groups.iter().find(|g| g.name == "own").expect("it has symbols");
    assert_eq!((own.symbols[0].name.as_str(), own.symbols[0].weight), ("GTUBE", 3.0));
    assert_eq!(own.symbols[0].description.as_deref(), Some("mine"));
    let known = filter.rules.symbols().iter().find(|s| s.name == "GTUBE").expect("it is declared");
    assert!(known.one_param && known.shots == Some(engine::ruleset::ANY_SHOT));
    assert_eq!(filter.rules().next(), Some((Stage::Connect, "GTUBE")));
}

#[test]
fn configuration_errors_of_headers() {
    let (none, findings) = try_filter("[modules.milter_headers]\nuse = [\"x-spam-levl\"]\n");
    assert!(none.is_none());
    assert!(
        findings[0].contains("x-spam-levl") && findings[0].contains("`x-spam-level`"),
        "{findings:?}"
    );
    let (some, findings) = try_filter("[modules.mx_check]\ntimeout = 3\n");
    assert!(some.is_some() && findings.iter().any(|f| f.contains("`mx_check`")), "{findings:?}");
}

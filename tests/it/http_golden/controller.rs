//! Recorded requests to the controller.

use super::*;
use torwart::filter::{GroupListing, SymbolListing};
use torwart::http::auth::Password;
use torwart::workers::controller::{Access, Controller, Credentials, Desk};

/// A desk that shows what the recordings show.
struct Shown;

impl Desk for Shown {
    fn stat(&self) -> Value {
        serde_json::from_slice(&record("ctl-stat.txt").body).unwrap()
    }
    fn reset(&self) -> Value {
        serde_json::from_slice(&record("ctl-statreset.txt").body).unwrap()
    }
    fn metrics(&self) -> String {
        text(&record("ctl-metrics.txt").body)
    }
    fn groups(&self) -> Vec<GroupListing> {
        let listed: Value = serde_json::from_slice(&record("ctl-symbols.txt").body).unwrap();
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let symbol = |s: &Value| SymbolListing {
            name: text(&s["symbol"]),
            weight: s["weight"].as_f64().unwrap(),
            given: true,
            description: s.get("description").map(text),
        };
        let group = |g: &Value| GroupListing {
            name: text(&g["group"]),
            description: None,
            symbols: g["rules"].as_array().unwrap().iter().map(symbol).collect(),
        };
        listed.as_array().unwrap().iter().map(group).collect()
    }
    fn actions(&self) -> Vec<(Action, Option<f64>)> {
        vec![
            (Action::Reject, Some(15.0)),
            (Action::Greylist, Some(4.0)),
            (Action::SoftReject, None),
            (Action::AddHeader, Some(6.0)),
        ]
    }
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }
    fn history(&self) -> Arc<torwart::record::History> {
        let history = Arc::new(torwart::record::History::new(Default::default()));
        history.arrange(Some(torwart::record::history::Setup {
            settings: Default::default(),
            store: Arc::new(torwart::store::Memory::new()),
        }));
        let keeper = history.clone();
        tokio::spawn(async move { keeper.keep().await });
        history
    }
    fn asked(&self) {}
}

async fn ask_controller(verdict: Verdict, trusted: bool, request: &[u8]) -> Vec<u8> {
    let scanner = Arc::new(Fake {
        verdict,
        ..Fake::default()
    });
    let trusted = if trusted {
        vec!["127.0.0.1/32".parse().unwrap()]
    } else {
        vec!["192.0.2.0/24".parse().unwrap()]
    };
    let access = Access::new(Credentials {
        trusted,
        proxies: Vec::new(),
        password: Some(Password::parse("readpw")),
        write_password: Some(Password::parse("writepw")),
        max_failures: (10, Duration::from_secs(60)),
    });
    let controller = Arc::new(Controller::new(scanner, Arc::new(Shown), access, Policy::default()));
    let limits = Limits::new(900_000, Duration::from_secs(2));
    ask(controller, Peer::ip(LOCAL.parse().unwrap()), limits, request).await
}

#[tokio::test]
async fn the_controller_answers_to_the_byte() {
    for (name, trusted) in [
        ("ctl-404.txt", true),
        ("ctl-actions.txt", true),
        ("ctl-auth.txt", true),
        ("ctl-auth-401.txt", false),
        ("ctl-auth-enable.txt", false),
        ("ctl-auth-query.txt", false),
        ("ctl-auth-readonly.txt", false),
        ("ctl-auth-xff-401.txt", true),
        ("ctl-auth-xff-chain.txt", true),
        ("ctl-bad-header.txt", true),
        ("ctl-garbage.txt", true),
        ("ctl-healthy.txt", true),
        ("ctl-historyreset.txt", true),
        ("ctl-metrics.txt", true),
        ("ctl-options.txt", false),
        ("ctl-ping.txt", false),
        ("ctl-put.txt", true),
        ("ctl-ready.txt", true),
        ("ctl-stat.txt", true),
        ("ctl-statreset.txt", true),
        ("ctl-statreset-readonly-401.txt", false),
    ] {
        let record = record(name);
        let answer = ask_controller(Verdict::default(), trusted, &record.request).await;
        let body = assert_head(name, &record.head, &answer);
        assert_eq!(text(&body), text(&record.body), "{name}");
    }
    for name in ["ctl-checkv2.txt", "ctl-scan.txt"] {
        let record = record(name);
        let verdict = verdict(&serde_json::from_slice(&record.body).unwrap());
        let answer = ask_controller(verdict, true, &record.request).await;
        let body = assert_head(name, &record.head, &answer);
        assert_eq!(text(&body), text(&record.body), "{name}");
    }
}

#[tokio::test]
async fn the_list_of_symbols_has_rspamds_keys() {
    let record = record("ctl-symbols.txt");
    let answer = ask_controller(Verdict::default(), true, &record.request).await;
    let body = assert_head("ctl-symbols.txt", &record.head, &answer);
    let mut expect: Value = serde_json::from_slice(&record.body).unwrap();
    for group in expect.as_array_mut().unwrap() {
        for rule in group["rules"].as_array_mut().unwrap() {
            let rule = rule.as_object_mut().unwrap();
            for statistic in ["frequency", "frequency_stddev", "time"] {
                rule.remove(statistic);
            }
        }
    }
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expect);
}

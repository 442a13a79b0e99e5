//! One message for the tests of this room, and a store under it.

use crate::config::{Diagnostic, LoadOptions, Section, load_text};
use crate::engine::ruleset::Builder;
use crate::engine::{self, Action, Applied, Compat, Control, Hits, Rule, Ruleset, Scan, Scope, Scoring, Settings, Verdict};
use crate::family::{Family, Services};
use crate::message::{Envelope, Limits, Mail, SmtpPath};
use crate::store::{self, Caps, Cursor, Entry, Error, Health, Key, Level, Life, Page, Position, Reply, Scale, Space, Store, Stores};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A message, by what the rules of this room look at.
#[derive(Clone)]
pub(super) struct Post {
    pub(super) ip: &'static str,
    pub(super) sender: &'static str,
    pub(super) recipients: Vec<&'static str>,
    pub(super) user: Option<&'static str>,
    pub(super) host: Option<&'static str>,
    pub(super) body: &'static str,
    pub(super) by_hand: bool,
    pub(super) local: bool,
    /// Seconds after the beginning of time of these tests.
    pub(super) at: u64,
    /// What other rules make of it.
    pub(super) score: f64,
}

impl Default for Post {
    fn default() -> Post {
        Post {
            ip: "203.0.113.9",
            sender: "a@example.org",
            recipients: vec!["b@example.com", "c@example.com"],
            user: Some("Anna"),
            host: None,
            body: "hello",
            by_hand: false,
            local: false,
            at: 0,
            score: 5.0,
        }
    }
}

pub(super) fn with_scan<T>(post: &Post, look: impl FnOnce(&Scan<'_>) -> T) -> T {
    let raw = format!(
        "From: Anna <b@example.net>\r\nSubject: s\r\nX-Tag: one two\r\nX-Score: {}\r\n\r\n{}\r\n",
        post.score, post.body
    );
    let mail = Mail::parse(raw.as_bytes(), &Limits::default());
    let mut envelope = Envelope {
        ip: post.ip.parse().ok(),
        sender: Some(SmtpPath::new(post.sender)),
        user: post.user.map(str::to_owned),
        hostname: post.host.map(str::to_owned),
        helo: Some("mx".to_owned()),
        ..Envelope::default()
    };
    post.recipients.iter().for_each(|r| envelope.add_recipient(r, 100));
    let scan = Scan {
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + post.at),
        local_client: post.local,
        by_hand: post.by_hand,
        ..Scan::new(&mail, &envelope)
    };
    look(&scan)
}

/// The section of a module written in TOML.
pub(super) fn section(name: &str, text: &str) -> Section {
    let text = format!("[modules.{name}]\n{text}");
    let loaded = load_text("/etc/torwart/torwart.toml", &text, &LoadOptions::default()).expect("a configuration that loads");
    loaded.config.modules.section(name).expect("the section").clone()
}

/// First line of every finding.
pub(super) fn told(findings: &[Diagnostic]) -> Vec<String> {
    findings.iter().map(|f| f.message.clone()).collect()
}

/// A family with some settings on a store, beside a rule that scores.
pub(super) struct Bench {
    rules: Ruleset,
    runtime: tokio::runtime::Runtime,
}

/// What came of a message.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) action: Action,
    pub(super) message: Option<String>,
    /// Each symbol but that of the score, as `NAME[option,option]`.
    pub(super) symbols: Vec<String>,
}

fn scored(scan: &Scan<'_>, hits: &mut Hits) {
    let score = scan.mail.headers().first("X-Score").and_then(|h| h.value().parse().ok());
    hits.enforced("SCORE", score.unwrap_or_default(), Vec::new());
}

impl Bench {
    pub(super) fn new(family: &Family, settings: &str, store: Arc<dyn Store>) -> Bench {
        let services = Services {
            stores: Some(Arc::new(Stores::alone(store))),
            ..Services::default()
        };
        let mut findings = Vec::new();
        let section = section(family.name, settings);
        let built = (family.build)(Some(&section), &services, &mut findings);
        assert_eq!(told(&findings), Vec::<String>::new());
        let mut builder: Builder = Ruleset::builder(Compat::V34, Scoring::default());
        builder.family(family.symbols, built);
        builder.family(&[], vec![Rule::check("SCORE", scored)]);
        Bench {
            rules: builder.build().expect("rules in order"),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
        }
    }

    /// Judges a message, and does what its rules left for later.
    pub(super) fn judge(&self, post: &Post) -> Outcome {
        let control = Control {
            id: "test",
            pass_all: false,
            profile: false,
            budget: None,
            refuse_late: false,
            scope: Scope::Message,
        };
        let settings = Settings::default();
        with_scan(post, |scan| {
            self.runtime.block_on(async {
                let mut outcome = engine::run(&self.rules, Applied::new(&self.rules, &settings), scan, &control).await;
                let after = outcome.metric.take_after();
                let decision = outcome.metric.decide();
                let verdict = Arc::new(Verdict {
                    action: decision.action,
                    ..Verdict::default()
                });
                for work in after {
                    work.after(verdict.clone()).await;
                }
                let symbols = outcome.metric.into_results().0.into_iter().filter(|s| s.name != "SCORE");
                Outcome {
                    action: decision.action,
                    message: decision.by.and_then(|by| by.message),
                    symbols: symbols.map(|s| format!("{}[{}]", s.name, s.options.join(","))).collect(),
                }
            })
        })
    }
}

/// A store whose server is gone.
pub(super) struct Gone;

impl Store for Gone {
    fn get_many<'a>(&'a self, _: &'a [Key]) -> Reply<'a, Vec<Option<Bytes>>> {
        gone()
    }
    fn put_many<'a>(&'a self, _: &'a [(Key, Bytes)], _: Life) -> Reply<'a, ()> {
        gone()
    }
    fn claim<'a>(&'a self, _: &'a Key, _: Bytes, _: Life) -> Reply<'a, Option<Bytes>> {
        gone()
    }
    fn remove_many<'a>(&'a self, _: &'a [Key]) -> Reply<'a, ()> {
        gone()
    }
    fn add_many<'a>(&'a self, _: &'a [(Key, i64)], _: Life) -> Reply<'a, Vec<i64>> {
        gone()
    }
    fn take<'a>(&'a self, _: &'a [store::Bucket], _: Life) -> Reply<'a, Vec<Level>> {
        gone()
    }
    fn scale<'a>(&'a self, _: &'a [Scale], _: Life) -> Reply<'a, ()> {
        gone()
    }
    fn push_capped<'a>(&'a self, _: &'a Key, _: Bytes, _: Caps) -> Reply<'a, Position> {
        gone()
    }
    fn newest<'a>(&'a self, _: &'a Key, _: Option<Position>, _: usize) -> Reply<'a, Vec<(Position, Bytes)>> {
        gone()
    }
    fn page<'a>(&'a self, _: Option<&'a str>, _: Option<&'a Cursor>, _: usize) -> Reply<'a, Page> {
        gone()
    }
    fn restore<'a>(&'a self, _: &'a [Entry]) -> Reply<'a, ()> {
        gone()
    }
    fn census(&self) -> Reply<'_, Vec<Space>> {
        gone()
    }
    fn flush<'a>(&'a self, _: Option<&'a str>) -> Reply<'a, u64> {
        gone()
    }
    fn settle(&self) -> Reply<'_, ()> {
        gone()
    }
    fn health(&self) -> Health {
        Health::default()
    }
}

fn gone<'a, T: Send + 'a>() -> Reply<'a, T> {
    Box::pin(std::future::ready(Err(Error::Temporary("the server is gone".to_owned()))))
}

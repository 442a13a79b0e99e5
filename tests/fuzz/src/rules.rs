//! Any bytes as a message to the whole set of rules with its defaults, in both generations: a verdict, and in time.

use bytes::Bytes;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Runtime};
use torwart::config::{LoadOptions, load_text};
use torwart::family::Services;
use torwart::filter::{Filter, Request};
use torwart::message::{Envelope, SmtpPath};

struct Both {
    runtime: Runtime,
    filters: Vec<Filter>,
}

static BOTH: OnceLock<Both> = OnceLock::new();

fn both() -> Both {
    let filter = |compat: &str| {
        let loaded = load_text("defaults.toml", &format!("compat = \"{compat}\""), &LoadOptions::default()).expect("defaults");
        Filter::build(&loaded.config, &Services::default()).expect("a filter of defaults")
    };
    Both {
        runtime: Builder::new_current_thread().enable_time().build().expect("a runtime"),
        filters: ["3.4", "4.1"].map(filter).into(),
    }
}

/// One input.
pub fn run(data: &[u8]) {
    let both = BOTH.get_or_init(both);
    let request = doubtful(data);
    for filter in &both.filters {
        let verdict = both.runtime.block_on(filter.scan(&request));
        assert!(verdict.score.is_finite(), "the score is a number");
    }
}

/// A message whose envelope is as doubtful as it may be.
pub fn doubtful(raw: &[u8]) -> Request {
    let mut envelope = Envelope {
        ip: "203.0.113.9".parse().ok(),
        helo: Some("1-2-3-4.dynamic.example.org".to_owned()),
        sender: Some(SmtpPath::new("anna+list@example.org")),
        ..Envelope::default()
    };
    envelope.add_recipient("bob@example.com", 1_024);
    Request {
        envelope,
        raw: Bytes::copy_from_slice(raw),
        ..Request::default()
    }
}

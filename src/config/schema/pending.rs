//! Settings that are known and read, but have no effect in this version: whoever sets one to other than its default is told.
//!
//! Whoever gives one of them an effect takes its line out here.

use serde_json::Value as Json;

use super::Config;
use crate::config::report::Diagnostic;

/// Paths of such settings; a whole table stands for everything in it.
const PENDING: &[&str] = &[
    "log.message_format",
    "scan.max_urls",
    "dns",
    "listen.milter.backend",
    "listen.milter.named",
    "listen.http.tls",
    "listen.http.named",
    "listen.controller.static_dir",
    "listen.controller.named",
    "upstream",
    "bayes",
];

/// Settings that never will have one, and why.
const MEANINGLESS: &[&str] = &["listen.milter.workers", "listen.http.workers"];

/// Warns of every such setting that is not at its default.
pub fn pending(config: &Config, findings: &mut Vec<Diagnostic>) {
    let (Ok(set), Ok(default)) = (serde_json::to_value(config), serde_json::to_value(Config::default())) else {
        return;
    };
    let mut warn = |path: &str, text: &str| {
        if let Some(changed) = first_change(path, &set, &default) {
            // In the text further listeners stand beside the settings themselves.
            let changed = changed.replace(".named", "");
            findings.push(Diagnostic::warning(format!("`{changed}` {text}")).at(config.place(&changed)));
        }
    };
    for path in PENDING {
        warn(path, "is known, but has no effect in this version");
    }
    for path in MEANINGLESS {
        warn(path, "has no effect: one pool of threads serves every listener");
    }
}

fn at<'j>(path: &str, json: &'j Json) -> Option<&'j Json> {
    path.split('.').try_fold(json, |json, step| json.get(step))
}

/// The first setting at or under `path` that differs, by its own path.
fn first_change(path: &str, set: &Json, default: &Json) -> Option<String> {
    let (now, then) = (at(path, set)?, at(path, default));
    if Some(now) == then {
        return None;
    }
    match (now, then) {
        (Json::Object(now), Some(Json::Object(then))) => {
            let changed = now.iter().find(|(key, value)| then.get(*key) != Some(value));
            Some(changed.map_or_else(|| path.to_owned(), |(key, _)| format!("{path}.{key}")))
        }
        _ => Some(path.to_owned()),
    }
}

//! `[modules.ratelimit]`: limits by name, each with its buckets; who is spared; whose limits are their own. Reads, and finds mistakes.

use super::limit::{By, KEYWORDS, Keyword, Limit};
use super::rate::{Rate, amount};
use crate::base::quantity;
use crate::base::suggest::nearest;
use crate::config::value::{Entry, Node, Table, Value};
use crate::config::{Diagnostic, Section};
use crate::family::Lines;
use crate::limits::selector::Selector;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

/// Settings beside the limits.
#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Module {
    #[serde(rename = "enabled")]
    _enabled: bool,
    /// Accepted; the store has a space of its own for this.
    #[serde(rename = "prefix")]
    _prefix: String,
    /// Accepted; limits always run ahead of the rules.
    #[serde(rename = "prefilter")]
    _prefilter: bool,
    /// Recipients that are not counted.
    pub(super) whitelisted_rcpts: Lines,
    /// Clients that are not limited.
    pub(super) whitelisted_ip: Option<Lines>,
    /// Users that are not limited.
    pub(super) whitelisted_user: Option<Lines>,
    /// Local parts of senders that bounces have; the empty one is the null sender.
    pub(super) bounce_senders: Vec<String>,
    /// Given instead of a soft reject.
    pub(super) symbol: Option<String>,
    /// Given beside a soft reject.
    pub(super) info_symbol: Option<String>,
    /// Buckets change with what their messages are.
    pub(super) dynamic_rate_limit: bool,
    pub(super) ham_factor_rate: f64,
    pub(super) spam_factor_rate: f64,
    pub(super) ham_factor_burst: f64,
    pub(super) spam_factor_burst: f64,
    pub(super) max_rate_mult: f64,
    pub(super) max_bucket_mult: f64,
    /// A bucket that nobody asks for so long is forgotten.
    #[serde(with = "quantity::duration")]
    pub(super) expire: Duration,
}

impl Default for Module {
    fn default() -> Module {
        let words = |all: &[&str]| all.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        Module {
            _enabled: true,
            _prefix: "RL".to_owned(),
            _prefilter: true,
            whitelisted_rcpts: Lines::Several(words(&["postmaster", "mailer-daemon"])),
            whitelisted_ip: None,
            whitelisted_user: None,
            bounce_senders: words(&["postmaster", "mailer-daemon", "", "null", "fetchmail-daemon", "mdaemon"]),
            symbol: None,
            info_symbol: None,
            dynamic_rate_limit: false,
            ham_factor_rate: 1.01,
            spam_factor_rate: 0.99,
            ham_factor_burst: 1.02,
            spam_factor_burst: 0.98,
            max_rate_mult: 5.0,
            max_bucket_mult: 10.0,
            expire: Duration::from_secs(2 * 86_400),
        }
    }
}

/// One bucket of a limit.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Bucket {
    /// It holds so many messages.
    pub(super) burst: Count,
    /// It leaks so fast.
    pub(super) rate: Rate,
    pub(super) symbol: Option<String>,
    pub(super) message: Option<String>,
    /// Recipients do not multiply.
    #[serde(default)]
    pub(super) skip_recipients: bool,
    /// A symbol is all that follows.
    #[serde(default)]
    pub(super) skip_soft_reject: bool,
    pub(super) ham_factor_rate: Option<f64>,
    pub(super) spam_factor_rate: Option<f64>,
    pub(super) ham_factor_burst: Option<f64>,
    pub(super) spam_factor_burst: Option<f64>,
    pub(super) max_rate_mult: Option<f64>,
    pub(super) max_bucket_mult: Option<f64>,
}

/// A number of messages, `100` or `"5k"`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(try_from = "Written")]
pub(super) struct Count(pub(super) f64);

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Text(String),
}

impl TryFrom<Written> for Count {
    type Error = String;

    fn try_from(written: Written) -> Result<Count, String> {
        let count = match &written {
            Written::Number(n) => Some(*n).filter(|n| n.is_finite() && *n >= 0.0),
            Written::Text(text) => amount(text),
        };
        count.map(Count).ok_or_else(|| "this is no number of messages".to_owned())
    }
}

/// What somebody has instead of the general limit; nothing: no limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Own(pub(super) Option<(f64, f64)>);

/// Own limits: by address or user in lower case, then by the limit's name.
pub(super) type Overrides = HashMap<String, HashMap<String, Own>>;

/// What a limit may have beside its buckets.
const BESIDE: [&str; 3] = ["selector", "enabled", "disabled"];

/// Every limit of the section, in the order written.
pub(super) fn limits(section: &Section, findings: &mut Vec<Diagnostic>) -> Vec<Limit> {
    let mut all = Vec::new();
    for (name, table) in section.tables() {
        match name {
            "rates" => {
                let entries = table.value().table().into_iter().flat_map(|t| t.iter());
                let named = entries.map(|entry| Section::new(table.path(), entry.clone()));
                all.extend(named.filter(Section::enabled).filter_map(|limit| self::limit(&limit, findings)));
            }
            "overrides" => {}
            other => {
                let near = nearest(other, ["rates", "overrides"]);
                let help = near.map_or("limits stand in [modules.ratelimit.rates.NAME]".to_owned(), |n| {
                    format!("did you mean `{n}`?")
                });
                let text = format!("`{other}` is no table of ratelimit");
                findings.push(Diagnostic::error(text).at(section.place_of_key(other)).help(help));
            }
        }
    }
    all
}

fn limit(section: &Section, findings: &mut Vec<Diagnostic>) -> Option<Limit> {
    let before = findings.len();
    let by = by(section.name(), section, findings);
    let buckets = buckets(section, findings);
    let sound = !findings.iter().skip(before).any(Diagnostic::is_error);
    Some(Limit {
        name: section.name().to_owned(),
        by: by?,
        buckets,
    })
    .filter(|limit| sound && !limit.buckets.is_empty())
}

fn by(name: &str, table: &Section, findings: &mut Vec<Diagnostic>) -> Option<By> {
    if let Some(value) = table.value().at(["selector"]) {
        let read = match &value.node {
            Node::Text(text) => Selector::parse(text).map_err(|e| format!("the selector `{text}`: {e}")),
            _ => Err("a selector is a text".to_owned()),
        };
        return read
            .map(By::Selector)
            .map_err(|e| findings.push(table.error_at("selector", e)))
            .ok();
    }
    let mut words: Vec<Keyword> = Vec::new();
    for word in name.split('_') {
        match KEYWORDS.iter().find(|(known, _)| *known == word) {
            Some((_, keyword)) => words.push(*keyword),
            None if word == "asn" => {
                let text =
                    format!("the limit `{name}` has no effect: this version does not know to which network an address belongs (asn)");
                findings.push(Diagnostic::warning(text).at(table.place().clone()));
                return None;
            }
            None => {
                let known = KEYWORDS.iter().map(|(known, _)| *known);
                let hint = nearest(word, known.clone()).map(|n| format!("did you mean `{n}`? "));
                let all = known.collect::<Vec<_>>().join(", ");
                let help = format!("{}the words are {all}; any other name needs a `selector`", hint.unwrap_or_default());
                let text = format!("`{word}` in the name of the limit `{name}` is nothing to count by");
                findings.push(Diagnostic::error(text).at(table.place().clone()).help(help));
                return None;
            }
        }
    }
    Some(By::Keywords(words))
}

/// The buckets of a limit: one under `bucket`, or a list of them there; or the limit is itself one, as old trees have it.
fn buckets(limit: &Section, findings: &mut Vec<Diagnostic>) -> Vec<Bucket> {
    let (itself, _) = limit.divided(&BESIDE);
    let written = match (&itself.value().node, itself.value().at(["bucket"])) {
        (Node::List(pair), _) => match pair.as_slice() {
            [burst, rate] => vec![of(burst.clone(), rate.clone())],
            _ => Vec::new(),
        },
        (Node::Table(table), None) if table.get("burst").or(table.get("rate")).is_none() => Vec::new(),
        (Node::Table(_), Some(bucket)) => match &bucket.node {
            Node::List(all) => all.iter().map(long).collect(),
            _ => vec![long(bucket)],
        },
        _ => vec![long(itself.value())],
    };
    let known = |key: &str| key == "bucket" || itself.value().at(["bucket"]).is_none() && !written.is_empty();
    for entry in itself
        .value()
        .table()
        .into_iter()
        .flat_map(|t| t.iter())
        .filter(|entry| !known(&entry.key))
    {
        let text = format!("`{}` is no setting of a limit", entry.key);
        let unknown = Diagnostic::error(text).at(entry.key_place.clone());
        findings.push(unknown.help("a limit has `bucket` and `selector`"));
    }
    let help = "write bucket = { burst = 100, rate = \"10 / 1min\" }, or bucket = \"10 / 1min\"";
    if written.is_empty() {
        let missing = Diagnostic::error(format!("the limit `{}` has no bucket", limit.name()));
        findings.push(missing.at(limit.place().clone()).help(help));
    }
    let read = |value: Value| {
        if value.table().is_none() {
            let wrong = Diagnostic::error(format!("a bucket of the limit `{}` is {}", limit.name(), value.node.kind()));
            findings.push(wrong.at(value.place).help(help));
            return None;
        }
        Section::new(limit.path(), entry("bucket", value)).read::<Bucket>(findings)
    };
    written.into_iter().filter_map(read).collect()
}

/// A bucket in full: `"20 / 1min"` holds twenty and leaks them in a minute.
fn long(bucket: &Value) -> Value {
    let Node::Text(text) = &bucket.node else { return bucket.clone() };
    let Some((burst, _)) = text.split_once('/') else {
        return bucket.clone();
    };
    of(Value::new(Node::Text(burst.to_owned()), bucket.place.clone()), bucket.clone())
}

fn of(burst: Value, rate: Value) -> Value {
    let place = burst.place.clone();
    let mut table = Table::default();
    table.insert(entry("burst", burst));
    table.insert(entry("rate", rate));
    Value::new(Node::Table(table), place)
}

fn entry(key: &str, value: Value) -> Entry {
    Entry {
        key: key.to_owned(),
        key_place: value.place.clone(),
        value,
    }
}

/// Own limits: `[modules.ratelimit.overrides."anna@example.org"]` with `to = { burst = 5, rate = "1 / 1h" }`, or `to = false`.
pub(super) fn overrides(section: &Section, names: &[&str], findings: &mut Vec<Diagnostic>) -> Overrides {
    let mut all = Overrides::new();
    let found = section.tables().find(|(name, _)| *name == "overrides");
    let Some((_, table)) = found else { return all };
    for (owner, table) in table.tables() {
        let mut own = HashMap::new();
        for entry in table.value().table().into_iter().flat_map(|t| t.iter()) {
            if !names.contains(&entry.key.as_str()) {
                let near = nearest(&entry.key, names.iter().copied());
                let mut finding = Diagnostic::error(format!("there is no limit `{}`", entry.key)).at(entry.key_place.clone());
                if let Some(near) = near {
                    finding = finding.help(format!("did you mean `{near}`?"));
                }
                findings.push(finding);
                continue;
            }
            if entry.value.node == Node::Bool(false) {
                own.insert(entry.key.clone(), Own(None));
            } else if let Some(read) = Section::new(table.path(), entry.clone()).read::<Bounds>(findings) {
                own.insert(entry.key.clone(), Own(Some((read.burst.0, read.rate.0))));
            }
        }
        all.insert(owner.to_lowercase(), own);
    }
    all
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    burst: Count,
    rate: Rate,
}

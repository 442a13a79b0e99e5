//! Header changes that go with a verdict: the routines of `[modules.milter_headers]` and what settings ask for. Knows no protocol;
//! the order of packets and what an MTA granted are the milter's business.

use crate::engine::{Action, Edits, Settings, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// `[modules.milter_headers]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// False: no routine runs and X-Spam stays.
    pub enabled: bool,
    /// Routines by name.
    #[serde(rename = "use")]
    pub routines_used: Vec<String>,
    /// Adds x-spamd-result, x-rspamd-server, x-rspamd-queue-id and x-rspamd-action.
    pub extended_spam_headers: bool,
    /// No routine for clients of the local networks.
    pub skip_local: bool,
    /// No routine for authenticated users.
    pub skip_authenticated: bool,
    /// Routines that local clients get all the same.
    pub local_headers: Vec<String>,
    /// Routines that authenticated users get all the same.
    pub authenticated_headers: Vec<String>,
    /// Removes an X-Spam header that came with the message.
    pub remove_upstream_spam_flag: bool,
    /// Position of added headers: -1 behind all others, n >= 0 at that place.
    pub default_headers_order: i32,
    /// Per routine.
    pub routines: BTreeMap<String, Routine>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            routines_used: Vec::new(),
            extended_spam_headers: false,
            skip_local: true,
            skip_authenticated: true,
            local_headers: Vec::new(),
            authenticated_headers: Vec::new(),
            remove_upstream_spam_flag: true,
            default_headers_order: -1,
            routines: BTreeMap::new(),
        }
    }
}

/// `[modules.milter_headers.routines.NAME]`; each routine reads what concerns it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Routine {
    /// Name of the header.
    pub header: Option<String>,
    /// Which header of that name is removed first: 0 all, n the n-th, negative from the end.
    pub remove: Option<i32>,
    /// The character of x-spam-level.
    #[serde(rename = "char")]
    pub mark: Option<String>,
    /// The character of x-spamd-bar for a point above zero.
    pub positive: Option<String>,
    /// The same below zero.
    pub negative: Option<String>,
    /// The same for no point at all.
    pub neutral: Option<String>,
    /// Value of spam-header.
    pub value: Option<String>,
    /// Value of x-rspamd-server.
    pub hostname: Option<String>,
    /// Order of symbols in x-spamd-result.
    pub sort_by: Option<SortBy>,
    /// Headers of add-headers and remove-headers, by name.
    pub headers: BTreeMap<String, HeaderValue>,
}

/// Order of symbols in x-spamd-result.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SortBy {
    /// Highest first.
    #[default]
    Score,
    /// By alphabet.
    Name,
}

/// A value to add or an instance to remove.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(untagged)]
pub enum HeaderValue {
    /// add-headers.
    Text(String),
    /// remove-headers.
    Instance(i32),
}

/// The routines there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bar,
    Level,
    Status,
    Result,
    Server,
    QueueId,
    Action,
    SpamHeader,
    RemoveHeaders,
    AddHeaders,
}

/// Name in the configuration, default header, routine.
const KINDS: &[(&str, &str, Kind)] = &[
    ("x-spamd-bar", "X-Spamd-Bar", Kind::Bar),
    ("x-spam-level", "X-Spam-Level", Kind::Level),
    ("x-spam-status", "X-Spam-Status", Kind::Status),
    ("x-spamd-result", "X-Spamd-Result", Kind::Result),
    ("x-rspamd-server", "X-Rspamd-Server", Kind::Server),
    ("x-rspamd-queue-id", "X-Rspamd-Queue-Id", Kind::QueueId),
    ("x-rspamd-action", "X-Rspamd-Action", Kind::Action),
    ("spam-header", "Deliver-To", Kind::SpamHeader),
    ("remove-headers", "", Kind::RemoveHeaders),
    ("remove-header", "", Kind::RemoveHeaders),
    ("add-headers", "", Kind::AddHeaders),
];

/// Routines that the peer has and we do not have yet.
const LATER: &[&str] = &[
    "authentication-results",
    "fuzzy-hashes",
    "remove-spam-flag",
    "stat-signature",
    "x-os-fingerprint",
    "x-rspamd-pre-result",
    "x-virus",
];

/// What of a message matters for its headers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Occasion<'m> {
    /// The client belongs to the local networks.
    pub local: bool,
    /// The sender authenticated.
    pub authenticated: bool,
    /// The answer goes to a milter client.
    pub milter: bool,
    /// Queue id of the MTA.
    pub queue_id: Option<&'m str>,
}

/// The routines of one configuration.
#[derive(Clone, Debug)]
pub struct Headers {
    config: Config,
    routines: Vec<Prepared>,
    host: String,
}

#[derive(Clone, Debug)]
struct Prepared {
    kind: Kind,
    name: String,
    settings: Routine,
    for_local: bool,
    for_authenticated: bool,
}

impl Headers {
    /// Prepares the routines for a host of that name. Complaints are (name used, what is wrong, is an error).
    pub fn new(config: Config, host: &str) -> (Headers, Vec<(String, String, bool)>) {
        let mut complaints = Vec::new();
        let mut routines: Vec<Prepared> = Vec::new();
        let extended = ["x-spamd-result", "x-rspamd-server", "x-rspamd-queue-id", "x-rspamd-action"];
        let extended = extended.iter().filter(|_| config.extended_spam_headers).map(|n| (*n).to_owned());
        let special = config.local_headers.iter().chain(&config.authenticated_headers).cloned();
        for name in config.routines_used.iter().cloned().chain(extended).chain(special) {
            let known = KINDS.iter().find(|(n, _, _)| *n == name);
            match known {
                Some((_, header, kind)) => {
                    let settings = config.routines.get(&name).cloned().unwrap_or_default();
                    let header = settings.header.clone().unwrap_or_else(|| (*header).to_owned());
                    if routines.iter().any(|r| r.kind == *kind) {
                        continue;
                    }
                    routines.push(Prepared {
                        kind: *kind,
                        name: header,
                        settings,
                        for_local: config.local_headers.contains(&name),
                        for_authenticated: config.authenticated_headers.contains(&name),
                    });
                }
                None if LATER.contains(&name.as_str()) => {
                    complaints.push((name, "this routine is not built yet and adds nothing".to_owned(), false));
                }
                None => complaints.push((name, "there is no such routine".to_owned(), true)),
            }
        }
        let headers = Headers {
            config,
            routines,
            host: host.to_owned(),
        };
        (headers, complaints)
    }

    /// Names of the routines, for help with a mistyped one.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(name, _, _)| *name).chain(LATER.iter().copied())
    }

    /// The changes for one verdict. A skipped message is left alone.
    pub fn edits(&self, verdict: &Verdict, settings: &Settings, occasion: Occasion<'_>) -> Edits {
        let mut edits = Edits::default();
        if verdict.skipped {
            return edits;
        }
        edits.remove_headers.extend(settings.remove_headers.iter().cloned());
        for (name, value, order) in &settings.add_headers {
            edits.add_headers.push((one_line(name), folded(value), *order));
        }
        if !self.config.enabled {
            return edits;
        }
        // 3.4 states this removal in every reply; what a milter delivers for our own users stays as they wrote it.
        let own = occasion.milter && (occasion.local || occasion.authenticated);
        if self.config.remove_upstream_spam_flag && !own {
            edits.remove_headers.push(("X-Spam".to_owned(), 0));
        }
        for routine in &self.routines {
            let local = occasion.local && self.config.skip_local && !routine.for_local;
            let authenticated = occasion.authenticated && self.config.skip_authenticated && !routine.for_authenticated;
            if !local && !authenticated {
                self.apply(routine, verdict, occasion, &mut edits);
            }
        }
        edits
    }

    fn apply(&self, routine: &Prepared, verdict: &Verdict, occasion: Occasion<'_>, edits: &mut Edits) {
        let value = match routine.kind {
            Kind::RemoveHeaders | Kind::AddHeaders => return self.listed(routine, edits),
            Kind::Bar => Some(bar(verdict.score, &routine.settings)),
            Kind::Level => {
                let level = level(verdict.score, routine.settings.mark.as_deref().unwrap_or("*"));
                if level.is_empty() {
                    return; // as 3.4: below one point neither removed nor added
                }
                Some(level)
            }
            Kind::Status => {
                let word = if verdict.action.is_ham() { "No" } else { "Yes" };
                Some(format!("{word}, score={:.2}", verdict.score))
            }
            Kind::Result => Some(result(verdict, routine.settings.sort_by.unwrap_or_default())),
            Kind::Server => Some(one_line(routine.settings.hostname.as_deref().unwrap_or(&self.host))),
            Kind::QueueId => occasion.queue_id.filter(|id| !id.is_empty()).map(one_line),
            Kind::Action => Some(verdict.action.name().to_owned()),
            Kind::SpamHeader => {
                let marked = matches!(verdict.action, Action::AddHeader | Action::RewriteSubject);
                marked.then(|| routine.settings.value.clone().unwrap_or_else(|| "Junk".to_owned()))
            }
        };
        edits
            .remove_headers
            .push((routine.name.clone(), routine.settings.remove.unwrap_or(0)));
        if let Some(value) = value {
            edits
                .add_headers
                .push((routine.name.clone(), value, self.config.default_headers_order));
        }
    }

    fn listed(&self, routine: &Prepared, edits: &mut Edits) {
        for (name, value) in &routine.settings.headers {
            match value {
                HeaderValue::Text(text) => {
                    if let Some(remove) = routine.settings.remove {
                        edits.remove_headers.push((name.clone(), remove));
                    }
                    let order = self.config.default_headers_order;
                    edits.add_headers.push((name.clone(), folded(text), order));
                }
                HeaderValue::Instance(n) => edits.remove_headers.push((name.clone(), *n)),
            }
        }
    }
}

/// Longest run of marks: a header stays readable whatever the score.
const MAX_MARKS: u32 = 100;

/// Whole points of a score, toward zero, at most [`MAX_MARKS`].
fn points(score: f64) -> usize {
    (1..=MAX_MARKS).take_while(|n| score.abs() >= f64::from(*n)).count()
}

/// One `+` or `-` per point, `/` below one.
fn bar(score: f64, settings: &Routine) -> String {
    let mark = |set: &Option<String>, usual: &str| set.as_deref().unwrap_or(usual).to_owned();
    match points(score) {
        0 => mark(&settings.neutral, "/"),
        n if score > 0.0 => mark(&settings.positive, "+").repeat(n),
        n => mark(&settings.negative, "-").repeat(n),
    }
}

fn level(score: f64, mark: &str) -> String {
    if score > 0.0 { mark.repeat(points(score)) } else { String::new() }
}

/// `default: False [7.90 / 15.00];` and a line for each symbol. The word speaks of rejection only.
fn result(verdict: &Verdict, sort_by: SortBy) -> String {
    let word = if verdict.action == Action::Reject { "True" } else { "False" };
    let mut text = format!("default: {word} [{:.2} / {:.2}]", verdict.score, verdict.required);
    let mut symbols: Vec<_> = verdict.symbols.iter().collect();
    match sort_by {
        SortBy::Name => symbols.sort_by(|a, b| a.name.cmp(&b.name)),
        SortBy::Score => symbols.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.name.cmp(&b.name))),
    }
    for symbol in symbols {
        let options = symbol.options.join(",");
        write!(text, ";\n\t{}({:.2})[{options}]", symbol.name, symbol.score).expect("a string takes everything");
    }
    text
}

/// Controls become blanks: nothing may begin a header of its own.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The same, but a line break before a blank is folding and stays.
fn folded(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let folding = c == '\n' && matches!(rest.peek(), Some(' ' | '\t'));
        out.push(if c.is_control() && c != '\t' && !folding { ' ' } else { c });
    }
    out
}

#[cfg(test)]
mod tests;

//! Joins the families of rules into one question: `scan(request) -> Verdict`. Knows no protocol and keeps no statistics.

mod build;
pub mod headers;
pub mod listing;
pub mod request;
pub mod subject;

pub use build::{HEADERS, compat, families};
pub use listing::{GroupListing, SymbolListing};
pub use request::{Flags, Request};

use crate::base::prefix_set::{PrefixSet, is_loopback};
use crate::engine::{
    self, Action, After, Applied, Compat, Control, Headline, Outcome, Ruleset, Scan, Scope, Settings, Stage, Thresholds, Verdict,
};
use crate::message::{Envelope, Limits, Mail, Unpacked, Url};
use headers::{Headers, Occasion};
use std::collections::HashSet;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::{Handle, RuntimeFlavor};

/// From this size on parsing runs where it does not hold up other messages.
const LARGE: usize = 256 * 1024;

/// Recipients of the headers that a verdict names.
const NAMED_RECIPIENTS: usize = 64;

/// Bytes of one header value that a verdict holds.
const LONGEST_VALUE: usize = 1_000;

/// What the filter knows besides its rules.
pub struct Policy {
    /// Which generation's behaviour is asked for.
    pub compat: Compat,
    /// For the stages of a message, and once more for the last (`scan.timeout`).
    pub timeout: Duration,
    /// A message over it is refused for now instead of judged by what is known (`scan.on_timeout`).
    pub refuse_late: bool,
    /// Clients of our own, besides loopback (`scan.local_networks`).
    pub local_networks: PrefixSet,
    /// Bounds of parsing.
    pub limits: Limits,
    /// Routines that add and remove headers.
    pub headers: Headers,
}

/// Rules, scores and thresholds of one configuration. A reload builds a new one; a message keeps the one it began with.
pub struct Filter {
    rules: Ruleset,
    policy: Policy,
}

impl Filter {
    /// A filter of rules already in order.
    pub fn new(rules: Ruleset, policy: Policy) -> Filter {
        Filter { rules, policy }
    }

    /// Scans one message; never fails: what cannot be judged is said in the verdict. Nothing follows from it.
    pub async fn scan(&self, request: &Request) -> Verdict {
        self.decide(request).await.0
    }

    /// Scans one message that is really on its way. What its rules want to do once the verdict is known comes along; who answers first
    /// does it afterwards.
    pub async fn decide(&self, request: &Request) -> (Verdict, Vec<Box<dyn After>>) {
        let begun = Instant::now();
        let mut after = Vec::new();
        let mut verdict = self.judge(request, &mut after).await;
        verdict.elapsed = begun.elapsed();
        (verdict, after)
    }

    /// Runs the rules that ask nobody over a message of our own, so that no mail waits for patterns to be compiled. Where it runs, later
    /// scans find their patterns at hand.
    pub fn rehearse(&self) {
        let mail = Mail::parse(include_bytes!("rehearsal.eml"), &self.policy.limits);
        let envelope = Envelope {
            ip: Some(IpAddr::from([192, 0, 2, 7])),
            helo: Some("dsl-192-0-2-7.dynamic.example.net".to_owned()),
            hostname: Some("pool-192-0-2-7.adsl.example.net".to_owned()),
            sender: mail.return_path().cloned(),
            ..Envelope::default()
        };
        let mut scan = Scan::new(&mail, &envelope);
        scan.compat = self.policy.compat;
        engine::rehearse(&self.rules, &scan);
    }

    async fn judge(&self, request: &Request, after: &mut Vec<Box<dyn After>>) -> Verdict {
        let flags = &request.flags;
        let settings_flag = |name: &str| request.settings.flags.iter().any(|f| f == name);
        let applied = Applied::new(&self.rules, &request.settings);
        let mut verdict = blank(applied.thresholds());
        verdict.profile = flags.profile.then(Vec::new);
        if flags.skip || flags.skip_process {
            verdict.skipped = true;
            verdict.digest = Mail::parse(&request.raw, &self.policy.limits).digest().to_owned();
            return verdict;
        }
        let whitelisted = request.settings.whitelist || settings_flag("skip") || settings_flag("skip_process");
        let unpacked = Unpacked::default();
        let mail = self.read(request, &unpacked);
        // Who asks over HTTP may not know the client: then the message's own newest hop speaks for it, as with the peer.
        let mut scan = Scan::new(&mail, &request.envelope);
        scan.now = SystemTime::now();
        scan.local_client = scan.client.is_some_and(|ip| self.is_local(ip));
        scan.mime = !flags.raw;
        scan.by_hand = flags.by_hand;
        scan.compat = self.policy.compat;
        let empty = request.raw.is_empty();
        let control = Control {
            id: &request.id,
            pass_all: flags.pass_all || settings_flag("pass_all"),
            profile: flags.profile,
            budget: Some(self.policy.timeout),
            refuse_late: self.policy.refuse_late,
            scope: match (whitelisted, empty) {
                (true, _) => Scope::Ahead,
                (false, true) => Scope::Client,
                (false, false) => Scope::Message,
            },
        };
        let mut outcome = engine::run(&self.rules, applied, &scan, &control).await;
        *after = outcome.metric.take_after();
        self.fill(&mut verdict, outcome, &request.settings, &mail);
        verdict.client = scan.client;
        verdict.digest = mail.digest().to_owned();
        name_urls(&mut verdict, &mail, flags.ext_urls);
        let named = mail.recipients().unwrap_or_default();
        verdict.mime_recipients = named.iter().take(NAMED_RECIPIENTS).map(|r| r.address.clone()).collect();
        verdict.mime_recipient_count = named.len();
        verdict.headline = headline(&mail);
        verdict.skipped |= whitelisted;
        verdict.message_id = (!empty).then(|| mail.message_id().unwrap_or("undef").to_owned());
        let occasion = Occasion {
            local: scan.local_client,
            authenticated: request.envelope.user.is_some(),
            milter: flags.milter,
            queue_id: request.envelope.queue_id.as_deref(),
        };
        verdict.milter = self.policy.headers.edits(&verdict, &request.settings, occasion);
        verdict
    }

    fn read<'r>(&self, request: &'r Request, unpacked: &'r Unpacked) -> Mail<'r> {
        let read = || match request.flags.raw {
            true => Mail::raw_text(&request.raw),
            false => Mail::parse_all(&request.raw, unpacked, &self.policy.limits),
        };
        // Of a large message all is read at once that rules will ask for.
        let whole = || {
            let mail = read();
            mail.urls();
            mail
        };
        let many = Handle::try_current().is_ok_and(|h| h.runtime_flavor() == RuntimeFlavor::MultiThread);
        if request.raw.len() > LARGE && many {
            tokio::task::block_in_place(whole)
        } else {
            read()
        }
    }

    /// The client is one of ours: loopback, or in `scan.local_networks`.
    fn is_local(&self, client: IpAddr) -> bool {
        is_loopback(client) || self.policy.local_networks.contains(client)
    }

    /// The client is one of ours or has authenticated: verdict headers that it brings are believed.
    pub fn trusts(&self, envelope: &Envelope) -> bool {
        envelope.user.is_some() || envelope.ip.is_some_and(|ip| self.is_local(ip))
    }

    fn fill(&self, verdict: &mut Verdict, outcome: Outcome<'_>, settings: &Settings, mail: &Mail<'_>) {
        let decision = outcome.metric.decide();
        verdict.action = decision.action;
        verdict.score = if decision.score.is_nan() { 0.0 } else { decision.score };
        verdict.skipped = outcome.metric.skipped();
        verdict.timed_out = outcome.timed_out;
        verdict.profile = outcome.profile;
        if verdict.skipped {
            // A test pattern is judged ahead of any settings.
            let blank = blank(&self.rules.scoring().thresholds);
            (verdict.required, verdict.thresholds) = (blank.required, blank.thresholds);
        } else {
            verdict.messages = settings.messages.clone();
        }
        if let Some(by) = decision.by {
            if let Some(text) = &by.message {
                verdict.messages.retain(|(category, _)| category != "smtp_message");
                verdict.messages.push(("smtp_message".to_owned(), text.clone()));
            }
            verdict.passthrough = Some(engine::Passthrough {
                module: by.module.into_owned(),
                action: by.action,
                message: by.message,
                least: by.least,
            });
        }
        (verdict.symbols, verdict.groups) = outcome.metric.into_results();
        if verdict.action == Action::RewriteSubject {
            let pattern = settings.subject.as_deref().unwrap_or(&self.rules.scoring().subject);
            verdict.subject = Some(subject::rewrite(pattern, mail.subject().unwrap_or_default(), verdict.score));
        }
    }

    /// Groups with their symbols, as `/symbols` lists them.
    pub fn groups(&self) -> Vec<GroupListing> {
        listing::groups(&self.rules)
    }

    /// Actions with their thresholds, as `/actions` lists them.
    pub fn actions(&self) -> Vec<(Action, Option<f64>)> {
        self.rules.scoring().thresholds.listing()
    }

    /// Names of the rules in running order, with their stages, as `torwart rules list` shows them.
    pub fn rules(&self) -> impl Iterator<Item = (Stage, &str)> {
        self.rules.rules()
    }
}

/// What people know the message by.
fn headline(mail: &Mail<'_>) -> Headline {
    let short = |text: &str| text.get(..text.floor_char_boundary(LONGEST_VALUE)).unwrap_or_default().to_owned();
    let from = mail.from().first();
    Headline {
        subject: mail.subject().map(short),
        from: from.map(|a| short(&a.address)),
        from_name: from.map(|a| short(&a.name)).filter(|name| !name.is_empty()),
    }
}

/// Hosts of URLs, each once, and the addresses; all of the URLs where the request asked for them.
fn name_urls(verdict: &mut Verdict, mail: &Mail<'_>, extended: bool) {
    let mut seen = HashSet::new();
    let hosts = mail.urls().iter().map(Url::host).filter(|host| !host.is_empty());
    verdict.urls = hosts.filter(|host| seen.insert(*host)).map(str::to_owned).collect();
    verdict.emails = mail.emails().filter_map(Url::email).collect();
    verdict.extended_urls = extended.then(|| mail.urls().iter().cloned().collect());
}

/// A verdict before anything was found.
fn blank(thresholds: &Thresholds) -> Verdict {
    Verdict {
        required: thresholds.required(),
        thresholds: thresholds.in_force(),
        ..Verdict::default()
    }
}

#[cfg(test)]
mod tests;

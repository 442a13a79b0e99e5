//! The result of a scan: plain data, the only thing that leaves the filter.

use super::Action;
use crate::message::Url;
use std::net::IpAddr;
use std::time::Duration;

/// What the filter says of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What is to be done.
    pub action: Action,
    /// The sum, after caps and pre-results.
    pub score: f64,
    /// Threshold of the severest action that has one (normally reject).
    pub required: f64,
    /// Scanning was skipped, or a pre-result such as GTUBE ended it.
    pub skipped: bool,
    /// Symbols in the order of their first insertion.
    pub symbols: Vec<SymbolResult>,
    /// Groups with their sums, in the order they were first hit.
    pub groups: Vec<GroupResult>,
    /// Texts by category; `smtp_message` is the text of the SMTP reply.
    pub messages: Vec<(String, String)>,
    /// The rewritten Subject (RFC 2047 encoded), only with [`Action::RewriteSubject`].
    pub subject: Option<String>,
    /// The pre-result that decided: who, what, text.
    pub passthrough: Option<Passthrough>,
    /// Header and envelope changes for the MTA.
    pub milter: Edits,
    /// Message-ID without brackets; `undef` without one; `None` where nothing was parsed.
    pub message_id: Option<String>,
    /// Every threshold in force, severest first.
    pub thresholds: Vec<(Action, f64)>,
    /// Host names of URLs, de-duplicated.
    pub urls: Vec<String>,
    /// E-mail addresses in the text.
    pub emails: Vec<String>,
    /// The URLs themselves, where the request asked for them (`ext_urls`).
    pub extended_urls: Option<Vec<Url>>,
    /// Hex digest of the message, for logs and history.
    pub digest: String,
    /// Address of the client, where the MTA or the message told.
    pub client: Option<IpAddr>,
    /// Addresses of To, Cc and Bcc, the first of them where there are very many.
    pub mime_recipients: Vec<String>,
    /// How many there are in all.
    pub mime_recipient_count: usize,
    /// What else its header says to people.
    pub headline: Headline,
    /// Wall time of the scan.
    pub elapsed: Duration,
    /// The deadline cut the scan short.
    pub timed_out: bool,
    /// Milliseconds by rule, where the request asked for them.
    pub profile: Option<Vec<(String, f64)>>,
    /// Why no rule judged this message, where that is so (over the size limit); shown in the log.
    pub unscanned: Option<String>,
}

impl Default for Verdict {
    /// No action, nothing found, stock thresholds.
    fn default() -> Verdict {
        let thresholds = super::Thresholds::default();
        Verdict {
            action: Action::NoAction,
            score: 0.0,
            required: thresholds.required(),
            skipped: false,
            symbols: Vec::new(),
            groups: Vec::new(),
            messages: Vec::new(),
            subject: None,
            passthrough: None,
            milter: Edits::default(),
            message_id: None,
            thresholds: thresholds.in_force(),
            urls: Vec::new(),
            emails: Vec::new(),
            extended_urls: None,
            digest: String::new(),
            client: None,
            mime_recipients: Vec::new(),
            mime_recipient_count: 0,
            headline: Headline::default(),
            elapsed: Duration::ZERO,
            timed_out: false,
            profile: None,
            unscanned: None,
        }
    }
}

/// The lines of a header that people know a message by; long ones are cut.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headline {
    /// Subject as it came, decoded; `None` without one.
    pub subject: Option<String>,
    /// The first address of From.
    pub from: Option<String>,
    /// The name that stands with it.
    pub from_name: Option<String>,
}

/// One symbol of the result.
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolResult {
    /// Its name.
    pub name: String,
    /// What it adds to the message, after caps.
    pub score: f64,
    /// Its configured score.
    pub metric_score: f64,
    /// Its sentence, where it has one.
    pub description: Option<String>,
    /// In order of arrival, each once.
    pub options: Vec<String>,
}

/// One group of the result.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupResult {
    /// Its name.
    pub name: String,
    /// What its symbols add, after its cap.
    pub score: f64,
    /// Its sentence, where it has one.
    pub description: Option<String>,
}

/// The pre-result that decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Passthrough {
    /// The module or symbol that set it.
    pub module: String,
    /// The action it forced.
    pub action: Action,
    /// Its text.
    pub message: Option<String>,
    /// It is a lower bound only.
    pub least: bool,
}

/// What rules want changed in the message (`http-api` 1.7), in the words of the reply's `milter` block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edits {
    /// (name, value, position): -1 appends, n >= 0 inserts at n (1 = first).
    pub add_headers: Vec<(String, String, i32)>,
    /// (name, n): 0 removes all, n the n-th, negative counts from the end.
    pub remove_headers: Vec<(String, i32)>,
    /// New envelope sender.
    pub change_from: Option<String>,
    /// Recipients to add.
    pub add_rcpt: Vec<String>,
    /// Recipients to remove.
    pub del_rcpt: Vec<String>,
    /// How a reject is carried out instead: `discard` or `quarantine`.
    pub reject: Option<String>,
    /// Value of the spam header instead of `Yes`.
    pub spam_header: Option<String>,
    /// Report the action in a header and do nothing else.
    pub no_action: bool,
}

impl Edits {
    /// True where nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        *self == Edits::default()
    }
}

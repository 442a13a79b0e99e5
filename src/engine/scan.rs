//! Everything a rule may look at, and where it puts what it found.

use super::{Action, After, Facts, Symbol};
use crate::message::{Envelope, Mail};
use std::borrow::Cow;
use std::net::IpAddr;
use std::time::SystemTime;

/// One message on its way through the rules. Plain views: no socket, no clock.
pub struct Scan<'s> {
    /// The parsed message.
    pub mail: &'s Mail<'s>,
    /// Who sent it, to whom, from where.
    pub envelope: &'s Envelope,
    /// When the scan began; the only clock a rule ever sees.
    pub now: SystemTime,
    /// Address of the client: as the MTA gave it, else of the newest Received header.
    pub client: Option<IpAddr>,
    /// The client address is one of `scan.local_networks` or loopback.
    pub local_client: bool,
    /// The message came as MIME mail (false with `Raw: yes`).
    pub mime: bool,
    /// A person asks (rspamc, or through the controller): nothing is delivered, so nobody can be asked to come again.
    pub by_hand: bool,
    /// What earlier rules found out for later ones.
    pub facts: Facts,
    /// Which generation's behaviour is asked for.
    pub compat: super::Compat,
}

impl<'s> Scan<'s> {
    /// A message that a stranger sends at the beginning of time, of which nothing more is known.
    pub fn new(mail: &'s Mail<'s>, envelope: &'s Envelope) -> Scan<'s> {
        Scan {
            mail,
            envelope,
            now: SystemTime::UNIX_EPOCH,
            client: crate::message::received::client(mail, envelope),
            local_client: false,
            mime: true,
            by_hand: false,
            facts: Facts::default(),
            compat: super::Compat::default(),
        }
    }
}

/// One insertion of a symbol (`rules` 1.2): a name, a weight that multiplies the symbol's score, options.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The symbol: declared by a family, or named by configuration and resolved when the rules were built.
    pub symbol: Cow<'static, str>,
    /// Multiplies the configured score.
    pub weight: f64,
    /// Shown in brackets, in order of arrival.
    pub options: Vec<String>,
    /// Where nobody defined the symbol the weight itself is its score (symbols that map values name).
    pub enforced: bool,
    /// Counts once, whatever its shots: a repetition only raises it to the larger value.
    pub single: bool,
}

impl Hit {
    /// A hit with weight and options.
    pub fn new(symbol: Cow<'static, str>, weight: f64, options: Vec<String>) -> Hit {
        Hit {
            symbol,
            weight,
            options,
            enforced: false,
            single: false,
        }
    }
}

/// A result that decides before the sum does (`rules` 1.5).
#[derive(Clone, Debug, PartialEq)]
pub struct PreResult {
    /// The action to take.
    pub action: super::Action,
    /// low 0, normal 1, high 2, critical 3; the highest wins, among equals the earlier.
    pub priority: u8,
    /// Becomes the message's score where given.
    pub score: Option<f64>,
    /// Text for the SMTP reply.
    pub message: Option<String>,
    /// Who decided: shown in the log.
    pub module: Cow<'static, str>,
    /// A lower bound only: rules go on, the action is at least this one.
    pub least: bool,
    /// Decides, yet lets the remaining rules run.
    pub process_all: bool,
}

impl PreResult {
    /// An action without score or text, of normal priority.
    pub fn new(action: super::Action, module: impl Into<Cow<'static, str>>) -> PreResult {
        PreResult {
            action,
            priority: 1,
            score: None,
            message: None,
            module: module.into(),
            least: false,
            process_all: false,
        }
    }
}

/// What the rules said, in the order they said it.
#[derive(Default)]
pub struct Hits {
    /// Insertions in order: group caps cut the later ones.
    pub hits: Vec<Hit>,
    /// Pre-results in order.
    pub pre_results: Vec<PreResult>,
    /// The message is not to be scanned (a test pattern): only this rule's findings count.
    pub skip: bool,
    /// Actions that this message is not to get.
    pub disabled: Vec<Action>,
    /// Work for when the verdict is known.
    pub after: Vec<Box<dyn After>>,
}

impl Hits {
    /// Nothing was found and nothing is wanted.
    pub fn is_empty(&self) -> bool {
        let found = self.skip || !self.hits.is_empty() || !self.pre_results.is_empty();
        !(found || !self.disabled.is_empty() || !self.after.is_empty())
    }

    /// A symbol with weight 1 and no option.
    pub fn add(&mut self, symbol: &'static Symbol) {
        self.weighted(symbol, 1.0, Vec::new());
    }

    /// A symbol with weight 1 and one option.
    pub fn with(&mut self, symbol: &'static Symbol, option: impl Into<String>) {
        self.weighted(symbol, 1.0, vec![option.into()]);
    }

    /// A symbol with any weight and options.
    pub fn weighted(&mut self, symbol: &'static Symbol, weight: f64, options: Vec<String>) {
        self.hits.push(Hit::new(Cow::Borrowed(symbol.name), weight, options));
    }

    /// A symbol that the configuration named; its rule declared it when it was built.
    pub fn named(&mut self, symbol: &str, weight: f64, options: Vec<String>) {
        self.hits.push(Hit::new(Cow::Owned(symbol.to_owned()), weight, options));
    }

    /// A symbol that a map value named: undefined, its score is the weight.
    pub fn enforced(&mut self, symbol: &str, weight: f64, options: Vec<String>) {
        let mut hit = Hit::new(Cow::Owned(symbol.to_owned()), weight, options);
        hit.enforced = true;
        self.hits.push(hit);
    }

    /// A symbol in single mode.
    pub fn single(&mut self, symbol: &'static Symbol, weight: f64, options: Vec<String>) {
        let mut hit = Hit::new(Cow::Borrowed(symbol.name), weight, options);
        hit.single = true;
        self.hits.push(hit);
    }

    /// Decides the action ahead of the sum.
    pub fn pre_result(&mut self, result: PreResult) {
        self.pre_results.push(result);
    }

    /// True where the symbol was inserted before.
    pub fn has(&self, name: &str) -> bool {
        self.hits.iter().any(|h| h.symbol == name)
    }
}

//! Virus scanners: every table `[modules.antivirus.NAME]` is one, asked about each message. This version speaks to clamd; other kinds
//! that rspamd knows are named in a warning.

use super::cache;
use super::clamav::Clamd;
use super::desk::{Content, Desk, Memory};
use super::findings::Findings;
use super::options::{self, Options};
use super::parts::{self, Piece};
use super::probe;
use crate::base::suggest::nearest;
use crate::config::value::Node;
use crate::config::{Diagnostic, Section};
use crate::engine::{Ask, Asked, Definition, Hits, Rule, Scan, SoFar, Stage, Symbol};
use crate::family::{Family, Services};
use arc_swap::ArcSwap;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

/// No symbols of the code: the configuration names them all.
static SYMBOLS: &[&Symbol] = &[];

/// Virus scanners.
pub(super) const FAMILY: Family = Family {
    name: NAME,
    defaults: None,
    symbols: SYMBOLS,
    build,
};

/// The section, and the module in the list of stores.
pub(super) const NAME: &str = "antivirus";

/// The one kind of scanner.
const CLAMAV: &str = "clamav";
/// Kinds that rspamd knows and this version does not.
const LATER: &[&str] = &[
    "avast",
    "cloudmark",
    "fprot",
    "icap",
    "kaspersky",
    "kaspersky_se",
    "metadefender",
    "savapi",
    "sophos",
    "virustotal",
];

/// Content of this size is digested where it does not hold up other messages.
const LARGE: usize = 256 * 1024;
/// Left of the scan's time for all else.
const SPARE: Duration = Duration::from_millis(300);

fn build(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let configured = configured(section, services, findings);
    configured.into_iter().map(|options| rule(options, services)).collect()
}

/// The scanners of a configuration.
pub(super) fn configured(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Options> {
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Module {
        #[serde(rename = "enabled")]
        _enabled: Option<bool>,
    }
    let Some(section) = section else { return Vec::new() };
    // A key beside the scanners: read for the errors' sake.
    let _: Option<Module> = section.without_tables().read(findings);
    let tables = section.tables().filter(|(_, table)| table.enabled());
    let known = tables
        .filter(|(name, table)| is_known(name, table, findings))
        .map(|(_, table)| table);
    let known: Vec<Section> = known.collect();
    known.iter().filter_map(|table| options::read(table, services, findings)).collect()
}

/// True for a scanner that this version can talk to; otherwise says why not.
fn is_known(name: &str, table: &Section, findings: &mut Vec<Diagnostic>) -> bool {
    let kind = table.value().at(["type"]).map_or(name, |v| match &v.node {
        Node::Text(kind) => kind.as_str(),
        _ => "",
    });
    if kind == CLAMAV {
        return true;
    }
    findings.push(if LATER.contains(&kind) {
        let text = format!("this version has no scanner type `{kind}`; the block has no effect");
        Diagnostic::warning(text).at(table.place_of("type"))
    } else {
        let near = nearest(kind, LATER.iter().copied().chain([CLAMAV]));
        let help = near.map_or("write type = \"clamav\"".to_owned(), |n| format!("did you mean `{n}`?"));
        table.error_at("type", format!("`{kind}` is no type of scanner")).help(help)
    });
    false
}

fn rule(options: Options, services: &Services) -> Rule {
    let clamd = Arc::new(Clamd::new(&options.name, options.servers.clone(), options.manner.clone()));
    let epoch = Arc::new(ArcSwap::from_pointee("0".to_owned()));
    let stores = services.stores.as_ref();
    let memory = options.cache.clone().zip(stores).map(|((prefix, life), stores)| Memory {
        store: stores.of(NAME),
        prefix,
        life,
    });
    // Without a cache, too: a server that was given up and answers is tried again.
    let follow = probe::follow_version(clamd.clone(), epoch.clone(), options.version_interval);
    services.chores.add(follow);
    let definitions = definitions(&options);
    let late = options.late;
    let scanner = Scanner {
        desk: Desk::new(clamd, CLAMAV, epoch, memory),
        options,
        timeout: services.timeout,
    };
    let name = scanner.options.symbols.found.clone();
    let rule = Rule::ask(&name, scanner).in_stage(if late { Stage::Post } else { Stage::Filter });
    definitions.into_iter().fold(rule, Rule::defines)
}

/// The symbols that the scanner may give.
fn definitions(options: &Options) -> Vec<Definition> {
    let symbols = &options.symbols;
    let name = &options.name;
    let mut found = Definition::new(&symbols.found).scored(options.score).grouped(&options.group);
    found.description = options.description.clone().or(Some(format!("{name} found a virus")));
    let mut all = vec![found];
    let others = [
        (&symbols.failed, format!("{name} could not judge the message")),
        (&symbols.encrypted, format!("{name} found something encrypted")),
        (&symbols.macros, format!("{name} found macros")),
    ];
    let special = options
        .patterns
        .iter()
        .map(|(s, _)| (s, format!("{name} found something of this name")));
    let special_fail = options.patterns_fail.iter().map(|(s, _)| (s, format!("{name} failed in this way")));
    for (symbol, text) in others.into_iter().chain(special).chain(special_fail) {
        if !all.iter().any(|d| d.symbol == *symbol) {
            all.push(Definition::new(symbol).scored(0.0).grouped(&options.group).described(&text));
        }
    }
    all
}

/// One scanner at work.
struct Scanner {
    options: Options,
    desk: Desk,
    /// A scan's own time.
    timeout: Option<Duration>,
}

impl Ask for Scanner {
    fn ask<'a>(&'a self, scan: &'a Scan<'_>, _: &'a SoFar<'_>) -> Asked<'a> {
        Box::pin(self.judge(scan))
    }
}

impl Scanner {
    async fn judge(&self, scan: &Scan<'_>) -> Hits {
        let until = Instant::now() + self.time();
        let pieces = parts::choose(scan.mail, &self.options.choice);
        if pieces.is_empty() {
            return Hits::default();
        }
        let contents = digests(&pieces);
        let mut distinct: HashMap<_, Content<'_>> = HashMap::new();
        let once: Vec<Content<'_>> = contents
            .iter()
            .filter(|c| distinct.insert(c.digest, **c).is_none())
            .copied()
            .collect();
        let judged = self.desk.judge(&once, until).await;
        let mut findings = Findings::new(&self.options);
        for (piece, content) in pieces.iter().zip(&contents) {
            if let Some(outcome) = judged.get(&content.digest) {
                findings.take(piece, outcome, || self.desk.clamd.all("").server);
            }
        }
        findings.finish(scan)
    }

    /// All attempts together must come to a result before the scan is over: a failure is to be seen, too.
    fn time(&self) -> Duration {
        let manner = &self.options.manner;
        let whole = (manner.connect + manner.exchange).saturating_mul(manner.attempts);
        match self.timeout {
            Some(scan) => whole.min(scan.saturating_sub(SPARE).max(scan / 2)),
            None => whole,
        }
    }
}

fn digests<'m>(pieces: &[Piece<'m>]) -> Vec<Content<'m>> {
    let work = || {
        let content = |piece: &Piece<'m>| Content {
            digest: cache::digest(piece.bytes),
            bytes: piece.bytes,
        };
        pieces.iter().map(content).collect()
    };
    let large = pieces.iter().map(|p| p.bytes.len()).sum::<usize>() > LARGE;
    match Handle::try_current().is_ok_and(|h| large && h.runtime_flavor() == RuntimeFlavor::MultiThread) {
        true => tokio::task::block_in_place(work),
        false => work(),
    }
}

//! From a configuration to a filter: the one place where typed settings become rules, scores and thresholds. Reads no file but the
//! name of the host, and scans nothing.

use super::headers::{self, Headers};
use super::{Filter, Policy};
use crate::base::suggest::nearest;
use crate::config::schema::{self, MODULES, OnTimeout};
use crate::config::value::Node;
use crate::config::{self, Config, Diagnostic};
use crate::engine::composite;
use crate::engine::ruleset::{ANY_SHOT, Builder, priority};
use crate::engine::{Action, Compat, Composite, Definition, GroupSetting, Ruleset, Scoring, Thresholds};
use crate::family::{Family, Services};
use crate::message::Limits;
use crate::rules::{composites as stock, gtube};
use crate::{learn, limits, lists, rules, scanners};

/// The module whose section is read here.
/// The module of header changes.
pub const HEADERS: &str = "milter_headers";
/// The module whose section is read by who keeps the history: it has no rules.
const HISTORY: &str = "history_redis";

impl Filter {
    /// Builds the filter of a configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it, warnings included.
    pub fn build(config: &Config, services: &Services) -> Result<Filter, Vec<Diagnostic>> {
        let mut findings = Vec::new();
        Filter::assemble(config, services, &mut findings).ok_or(findings)
    }

    /// The same for somebody who also wants to hear of what is merely doubtful; `None` where one of the findings is an error.
    pub fn assemble(config: &Config, services: &Services, findings: &mut Vec<Diagnostic>) -> Option<Filter> {
        let mut found = Vec::new();
        let scoring = scoring(config);
        let mut builder = Ruleset::builder(compat(config.compat), scoring.clone());
        let gtube = gtube::rule(config.scan.gtube, &scoring.thresholds);
        builder.family(gtube::SYMBOLS, gtube.into_iter().collect());
        for family in families() {
            let section = config.modules.section(family.name);
            let mut built = match section {
                Some(section) if !section.enabled() => Vec::new(),
                section => (family.build)(section, services, &mut found),
            };
            built.iter_mut().for_each(|rule| rule.rank = rules::rank(&rule.name));
            builder.family(family.symbols, built);
        }
        groups(config, &mut builder);
        composites(config, &mut builder, &mut found);
        absent_modules(config, &mut found);
        let headers = headers(config, &mut found);
        let rules = match builder.build() {
            Ok(rules) => Some(rules),
            Err(errors) => {
                found.extend(errors.iter().map(|e| Diagnostic::error(e.to_string())));
                None
            }
        };
        if let Some(rules) = &rules {
            strange_symbols(config, rules, &mut found);
        }
        found.iter_mut().for_each(Diagnostic::pardon);
        let fit = !found.iter().any(Diagnostic::is_error);
        findings.append(&mut found);
        rules.filter(|_| fit).map(|rules| Filter::new(rules, policy(config, headers)))
    }
}

/// The families of all rooms, in the order in which their rules run where nothing else decides.
pub fn families() -> impl Iterator<Item = &'static Family> {
    let rooms = [
        rules::FAMILIES,
        lists::FAMILIES,
        scanners::FAMILIES,
        limits::FAMILIES,
        learn::FAMILIES,
    ];
    rooms.into_iter().flatten()
}

/// The generation in the engine's words.
pub fn compat(compat: config::Compat) -> Compat {
    match compat {
        config::Compat::V3_4 => Compat::V34,
        config::Compat::V4_1 => Compat::V41,
    }
}

fn scoring(config: &Config) -> Scoring {
    let actions = &config.actions;
    let given = [
        (Action::Greylist, actions.greylist.0),
        (Action::AddHeader, actions.add_header.0),
        (Action::RewriteSubject, actions.rewrite_subject.score),
        (Action::SoftReject, actions.soft_reject.0),
        (Action::Quarantine, actions.quarantine.0),
        (Action::Discard, actions.discard.0),
        (Action::Reject, actions.reject.0),
    ];
    let limits: Vec<(Action, f64)> = given.into_iter().filter_map(|(a, limit)| limit.map(|l| (a, l))).collect();
    Scoring {
        thresholds: Thresholds::new(&limits),
        subject: actions.rewrite_subject.subject.clone(),
        grow_factor: actions.grow_factor,
        stop_at_reject: config.scan.stop_at_reject,
        ..Scoring::default()
    }
}

fn policy(config: &Config, headers: Headers) -> Policy {
    Policy {
        compat: compat(config.compat),
        timeout: config.scan.timeout,
        refuse_late: config.scan.on_timeout == OnTimeout::Tempfail,
        local_networks: config.scan.local_networks.iter().map(|n| n.0).collect(),
        limits: Limits {
            max_recipients: usize::try_from(config.scan.max_recipients).unwrap_or(usize::MAX),
            ..Limits::default()
        },
        headers,
    }
}

/// What the administrator says of groups and symbols.
fn groups(config: &Config, builder: &mut Builder) {
    for (name, group) in &config.groups {
        builder.group(GroupSetting {
            name: name.clone(),
            max_score: group.max_score,
            min_score: group.min_score,
            one_shot: group.one_shot,
            enabled: group.enabled,
            public: None,
            description: Some(group.description.clone()).filter(|d| !d.is_empty()),
        });
        for (symbol, settings) in &group.symbols {
            let mut groups = vec![name.clone()];
            groups.extend(settings.groups.iter().flatten().cloned());
            let single = settings.one_shot.filter(|one| *one).map(|_| 1);
            let any = settings.any_shot.filter(|any| *any).map(|_| ANY_SHOT);
            builder.define(Definition {
                score: settings.score,
                groups,
                one_param: settings.one_param.unwrap_or(false),
                shots: single.or(any).or(settings.nshots.map(|n| if n == 0 { ANY_SHOT } else { n })),
                ignore: settings.ignore.unwrap_or(false),
                enabled: settings.enabled.unwrap_or(true),
                description: settings.description.clone(),
                priority: priority::ADMINISTRATOR,
                ..Definition::new(symbol)
            });
        }
    }
}

/// The stock composites, and those of the administrator, which take the place of stock ones of their name.
fn composites(config: &Config, builder: &mut Builder, found: &mut Vec<Diagnostic>) {
    builder.family(stock::SYMBOLS, Vec::new());
    for composite in stock::stock(compat(config.compat)) {
        builder.composite(composite);
    }
    for (name, given) in &config.composites {
        if given.enabled == Some(false) {
            builder.without_composite(name);
            continue;
        }
        let policy = match given.policy {
            schema::Policy::Default | schema::Policy::RemoveAll => composite::Policy::RemoveAll,
            schema::Policy::RemoveWeight => composite::Policy::RemoveWeight,
            schema::Policy::RemoveSymbol => composite::Policy::RemoveSymbol,
            schema::Policy::Leave => composite::Policy::Leave,
        };
        match Composite::parse(name, &given.expression, policy) {
            Ok(composite) => builder.composite(composite),
            Err(error) => {
                let place = config.place(&format!("composites.{name}.expression"));
                let text = format!("the expression of the composite {name} is not understood: {error}");
                let error = Diagnostic::error(text).at(place).firm();
                found.push(error.help("names of symbols with &, |, ! and brackets"));
            }
        }
        let definition = Definition {
            score: Some(given.score.unwrap_or(0.0)),
            groups: given.group.iter().cloned().collect(),
            description: given.description.clone(),
            priority: priority::STOCK,
            ..Definition::new(name)
        };
        builder.define(definition);
    }
}

/// Scores for symbols that no rule of this version gives: a slip of the pen, or a rule still to come.
fn strange_symbols(config: &Config, rules: &Ruleset, found: &mut Vec<Diagnostic>) {
    for symbol in rules.unregistered() {
        let holder = config.groups.iter().find(|(_, group)| group.symbols.contains_key(symbol));
        let place = holder.and_then(|(group, _)| config.place(&format!("groups.{group}.symbols.{symbol}")));
        let known = rules.symbols().iter().filter(|s| s.registered).map(|s| s.name.as_str());
        let ignore = || "set `ignore = true` beside its score to keep it without this warning".to_owned();
        let (why, help) = match (config::rspamd::lacking_module_of(symbol), nearest(symbol, known)) {
            (Some(module), _) => (format!("this version has no module {module}, which gives the symbol"), ignore()),
            (None, Some(name)) => ("no rule gives the symbol".to_owned(), format!("there is a symbol `{name}`")),
            (None, None) => ("no rule gives the symbol".to_owned(), ignore()),
        };
        let warning = Diagnostic::warning(format!("{why} `{symbol}`; its score has no effect"));
        found.push(warning.at(place).help(help));
    }
}

/// Sections of modules that this version does not have.
fn absent_modules(config: &Config, found: &mut Vec<Diagnostic>) {
    for section in config.modules.iter().filter(|s| s.enabled()) {
        let name = section.name();
        // A name that rspamd does not know either is an error of the configuration, reported there.
        if ![HEADERS, HISTORY].contains(&name) && MODULES.contains(&name) && !families().any(|f| f.name == name) {
            let text = format!("this version has no module `{name}`; its settings have no effect");
            found.push(Diagnostic::warning(text).at(section.place().clone()));
        }
    }
}

fn headers(config: &Config, found: &mut Vec<Diagnostic>) -> Headers {
    let section = config.modules.section(HEADERS);
    let settings: headers::Config = match section {
        Some(section) if !section.enabled() => headers::Config {
            enabled: false,
            ..headers::Config::default()
        },
        Some(section) => section.read(found).unwrap_or_default(),
        None => headers::Config::default(),
    };
    let (headers, complaints) = Headers::new(settings, &host_name());
    for (routine, complaint, is_error) in complaints {
        let text = format!("milter_headers names the routine `{routine}`: {complaint}");
        let mut finding = if is_error {
            Diagnostic::error(text)
        } else {
            Diagnostic::warning(text)
        };
        let list = section.and_then(|s| s.value().at(["use"]));
        let items = match list.map(|list| &list.node) {
            Some(Node::List(items)) => items.as_slice(),
            _ => &[],
        };
        let named = items.iter().find(|item| item.node == Node::Text(routine.clone())).or(list);
        finding = finding.at(named.map(|value| value.place.clone()).or(section.map(|s| s.place().clone())));
        if let Some(name) = nearest(&routine, Headers::names()).filter(|_| is_error) {
            finding = finding.help(format!("there is a routine `{name}`"));
        }
        found.push(finding);
    }
    headers
}

/// The name of this host for the header that shows it.
fn host_name() -> String {
    let read = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = read.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

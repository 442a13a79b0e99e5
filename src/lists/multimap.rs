//! Lists of the administrator: a client on a list gets a symbol, or an action at once. Every table `[modules.multimap.NAME]` is one rule.
//! This version looks up client addresses only; the other kinds that rspamd knows are refused with a word on it, not ignored.

use super::value::{self, Value};
use crate::base::suggest::nearest;
use crate::config::value::Node;
use crate::config::{Diagnostic, Section};
use crate::engine::{Action, Check, Definition, Hits, PreResult, Rule, Scan, Symbol, order};
use crate::family::{Family, Services, list_file};
use crate::maps::{Map, Networks, Source};
use serde::Deserialize;

use std::sync::Arc;

/// No symbols of the code: the configuration names them all.
static SYMBOLS: &[&Symbol] = &[];

/// Maps of the administrator.
pub const FAMILY: Family = Family {
    name: "multimap",
    defaults: None,
    symbols: SYMBOLS,
    build,
};

/// Who decided, in logs.
const MODULE: &str = "multimap";

/// Kinds of rules that rspamd knows and this version does not.
const LATER: &[&str] = &[
    "asn",
    "combined",
    "content",
    "country",
    "dnsbl",
    "filename",
    "from",
    "header",
    "helo",
    "hostname",
    "mempool",
    "rcpt",
    "received",
    "regexp_rules",
    "selector",
    "symbol_options",
    "url",
    "user",
];

/// One rule's table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// `ip`.
    #[serde(rename = "type")]
    _kind: Option<String>,
    /// A file, or the list itself.
    #[serde(alias = "url")]
    map: Lines,
    /// Name of the symbol; the table's name where absent.
    symbol: Option<String>,
    /// Score of the symbol.
    #[serde(default)]
    score: f64,
    /// A sentence for people.
    description: Option<String>,
    /// Group of the symbol.
    #[serde(default = "group")]
    group: String,
    /// It counts once.
    #[serde(default)]
    one_shot: bool,
    /// So often it counts.
    nshots: Option<u32>,
    /// Decides at once.
    action: Option<String>,
    /// Text of the SMTP reply.
    message: Option<String>,
    /// Symbols that values may name; any where absent.
    symbols: Option<Vec<String>>,
    /// Values name no symbols.
    #[serde(default)]
    disable_multisymbol: bool,
    /// False: the rule is left out.
    #[serde(rename = "enabled")]
    _enabled: Option<bool>,
    /// Accepted; every map runs early.
    #[serde(rename = "prefilter")]
    _prefilter: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    File(String),
    Inline(Vec<String>),
}

fn group() -> String {
    MODULE.to_owned()
}

fn build(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Module {
        #[serde(rename = "enabled")]
        _enabled: Option<bool>,
    }
    let Some(section) = section else { return Vec::new() };
    // A key beside the rules: read for the errors' sake.
    let _: Option<Module> = section.without_tables().read(findings);
    let tables = section.tables().filter(|(_, table)| table.enabled());
    tables.filter_map(|(name, table)| rule(name, &table, services, findings)).collect()
}

fn rule(name: &str, table: &Section, services: &Services, findings: &mut Vec<Diagnostic>) -> Option<Rule> {
    if !is_address_rule(table, findings) {
        return None;
    }
    let before = findings.len();
    let config: Option<Config> = table.read(findings);
    let config = config?;
    let action = config.action.as_deref().and_then(|a| action(a, table, findings));
    let map = open(&config.map, table, services, findings);
    if findings.iter().skip(before).any(Diagnostic::is_error) {
        return None;
    }
    let symbol = config.symbol.unwrap_or_else(|| name.to_owned());
    let map = map?;
    let names = match (config.symbols, config.disable_multisymbol) {
        (Some(list), _) => Names::Listed(list),
        (None, true) => Names::None,
        (None, false) => Names::Any,
    };
    let mut definition = Definition::new(&symbol).scored(config.score).grouped(&config.group);
    definition.description = config.description;
    definition.shots = config.nshots.or(config.one_shot.then_some(1));
    let message = config.message.unwrap_or_else(|| format!("Matched map: {symbol}"));
    let check = AddressMap {
        map,
        symbol,
        names,
        decides: action.map(|a| (a, message)),
    };
    Some(Rule::check(name, check).at(order::ADDRESS_MAPS).always().defines(definition))
}

/// True for a table of type `ip`; otherwise says why not.
fn is_address_rule(table: &Section, findings: &mut Vec<Diagnostic>) -> bool {
    let kind = table.value().at(["type"]).map(|v| match &v.node {
        Node::Text(kind) => kind.as_str(),
        _ => "",
    });
    let finding = match kind {
        Some("ip") => return true,
        None => Diagnostic::error(format!("rule `{}` of multimap has no type", table.name()))
            .at(table.place().clone())
            .help("write type = \"ip\""),
        Some(kind) if LATER.contains(&kind) => table
            .error_at(
                "type",
                format!("maps of type `{kind}` are known in rspamd, but not in this version"),
            )
            .help("take the rule out or set enabled = false in it; this version knows type = \"ip\""),
        Some(kind) => {
            let near = nearest(kind, LATER.iter().copied().chain(["ip"]));
            table
                .error_at("type", format!("`{kind}` is no type of map"))
                .help(near.map_or("write type = \"ip\"".to_owned(), |n| format!("did you mean `{n}`?")))
        }
    };
    findings.push(finding);
    false
}

fn action(text: &str, table: &Section, findings: &mut Vec<Diagnostic>) -> Option<Action> {
    if text.eq_ignore_ascii_case("accept") {
        return Some(Action::NoAction);
    }
    let action = Action::parse(text);
    if action.is_none() {
        let near = nearest(text, Action::ALL.iter().map(|a| a.name()));
        let help = near.map_or("the actions are those of [actions], and `accept`".to_owned(), |n| {
            format!("did you mean `{n}`?")
        });
        findings.push(table.error_at("action", format!("`{text}` is no action")).help(help));
    }
    action
}

fn open(lines: &Lines, table: &Section, services: &Services, findings: &mut Vec<Diagnostic>) -> Option<Arc<Map<Networks>>> {
    let source = match lines {
        Lines::Inline(list) => Source::Inline(list.clone()),
        Lines::File(text) => match list_file(text, table.place().file(), &services.folder) {
            Ok(path) => Source::File(path),
            Err(finding) => {
                findings.push(finding.at(table.place_of("map")));
                return None;
            }
        },
    };
    let (map, problems) = services.maps.open(&source);
    for problem in problems {
        findings.push(table.error_at("map", format!("entry {}: {}", problem.line, problem.reason)));
    }
    Some(map)
}

/// Which symbols a map's values may name.
enum Names {
    None,
    Listed(Vec<String>),
    Any,
}

impl Names {
    fn allow(&self, name: &str) -> bool {
        match self {
            Names::None => false,
            Names::Listed(list) => list.iter().any(|n| n == name),
            Names::Any => true,
        }
    }
}

/// Looks the client up.
struct AddressMap {
    map: Arc<Map<Networks>>,
    symbol: String,
    names: Names,
    decides: Option<(Action, String)>,
}

impl Check for AddressMap {
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits) {
        let Some(client) = scan.client else { return };
        let content = self.map.content();
        let Some(found) = content.get(client) else { return };
        let Value { symbol, score, options } = value::read(scan.compat, found.unwrap_or_default());
        let mut shown = vec![client.to_string()];
        let weight = score.unwrap_or(1.0);
        match symbol {
            // Nobody need declare it: the value's score is its own then.
            Some(name) if self.names.allow(name) => {
                shown.extend(options.into_iter().map(str::to_owned));
                hits.enforced(name, weight, shown);
            }
            other => {
                shown.extend(other.map(str::to_owned));
                hits.named(&self.symbol, weight, shown);
            }
        }
        if let Some((action, message)) = &self.decides {
            let mut decision = PreResult::new(*action, MODULE);
            decision.message = Some(message.clone());
            hits.pre_result(decision);
        }
    }
}

#[cfg(test)]
mod tests;

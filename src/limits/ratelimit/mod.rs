//! Rate limits: leaky buckets by recipient, sender, client, user or any key of a message. Nothing is limited unless configured.
//!
//! All buckets of a message are poured into in one step of the store; where one overflows and the message is sent away, the others get
//! back what they took. Exactly as many pass as fit, however many come at once.

mod config;
mod limit;
mod rate;
mod rule;
#[cfg(test)]
mod tests;

use crate::config::{Diagnostic, Section};
use crate::engine::{Definition, Rule, Stage, Symbol};
use crate::family::{Family, Lists, Services, defaults};
use config::Module;
use rule::RateLimit;
use std::sync::Arc;

/// No symbols of the code: the configuration names them all.
static SYMBOLS: &[&Symbol] = &[];

/// Rate limits.
pub const FAMILY: Family = Family {
    name: "ratelimit",
    defaults: Some(defaults::<config::Module>),
    symbols: SYMBOLS,
    build,
};

/// Who decides, in logs.
const MODULE: &str = "ratelimit";

fn build(section: Option<&Section>, services: &Services, findings: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let Some(section) = section else { return Vec::new() };
    let plain = section.without_tables();
    let module: Module = plain.read(findings).unwrap_or_default();
    let factors = [
        ("ham_factor_rate", module.ham_factor_rate),
        ("spam_factor_rate", module.spam_factor_rate),
        ("ham_factor_burst", module.ham_factor_burst),
        ("spam_factor_burst", module.spam_factor_burst),
        ("max_rate_mult", module.max_rate_mult),
        ("max_bucket_mult", module.max_bucket_mult),
    ];
    for (key, factor) in factors {
        if !(factor.is_finite() && factor > 0.0) {
            findings.push(section.error_at(key, "a factor is a number above 0"));
        }
    }
    let limits = config::limits(section, findings);
    let names: Vec<&str> = limits.iter().map(|l| l.name.as_str()).collect();
    let overrides = config::overrides(section, &names, findings);
    let recipients = Lists::open(Some(&module.whitelisted_rcpts), "whitelisted_rcpts", section, services, findings);
    let clients = Lists::open(module.whitelisted_ip.as_ref(), "whitelisted_ip", section, services, findings);
    let users = Lists::open(module.whitelisted_user.as_ref(), "whitelisted_user", section, services, findings);
    if limits.is_empty() {
        return Vec::new();
    }
    let own = limits.iter().flat_map(|l| &l.buckets).filter_map(|b| b.symbol.as_ref());
    let mut symbols: Vec<String> = own.chain(&module.symbol).chain(&module.info_symbol).cloned().collect();
    symbols.sort();
    symbols.dedup();
    let shown: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let Some(store) = services.store_for(MODULE, &shown) else {
        return Vec::new();
    };
    let rule = RateLimit {
        module,
        limits,
        overrides,
        recipients,
        clients,
        users,
        store,
    };
    let mut rule = Rule::ask("RATELIMIT_CHECK", Arc::new(rule)).in_stage(Stage::Pre);
    for symbol in &symbols {
        let meaning = "more mail than a limit allows";
        rule = rule.defines(Definition::new(symbol).scored(0.0).grouped("ungrouped").described(meaning));
    }
    vec![rule]
}

//! What no single value shows by its type: impossible values, and settings that contradict each other.

mod listeners;
mod redis;
mod values;

use super::{Config, MODULES, Threshold};
use crate::base::suggest::nearest;
use crate::config::report::Diagnostic;
use crate::config::value::{Node, Place};

/// What a check works with.
struct Check<'c> {
    config: &'c Config,
    damaged: &'c [Vec<String>],
    findings: &'c mut Vec<Diagnostic>,
}

/// Looks for impossible values and contradictions. `damaged` names the settings that were taken out because of errors: whatever
/// is compared with one of them is not looked at.
pub fn check(config: &Config, damaged: &[Vec<String>], findings: &mut Vec<Diagnostic>) {
    let mut check = Check { config, damaged, findings };
    check.values();
    check.listeners();
    check.actions();
    check.groups();
    check.upstreams();
    check.redis();
    check.rooms();
    check.modules();
}

impl Check<'_> {
    /// True if nothing at or under `path` was taken out.
    fn sound(&self, path: &str) -> bool {
        let steps = || path.split('.');
        !self
            .damaged
            .iter()
            .any(|taken| steps().zip(taken).all(|(step, taken)| step == taken))
    }

    fn place(&self, path: &str) -> Option<Place> {
        self.config.place(path)
    }

    fn error(&mut self, path: &str, message: impl Into<String>, help: &str) {
        self.findings.push(Diagnostic::error(message).at(self.place(path)).help(help));
    }

    fn warn(&mut self, path: &str, message: impl Into<String>, help: &str) {
        self.findings.push(Diagnostic::warning(message).at(self.place(path)).help(help));
    }

    /// Milder actions must come at lower scores than harder ones.
    fn actions(&mut self) {
        if !self.sound("actions") {
            return;
        }
        let actions = &self.config.actions;
        let ladder = [
            ("greylist", actions.greylist),
            ("add_header", actions.add_header),
            ("rewrite_subject", Threshold(actions.rewrite_subject.score)),
            ("quarantine", actions.quarantine),
            ("reject", actions.reject),
            ("discard", actions.discard),
        ];
        let steps: Vec<(&str, f64)> = ladder
            .iter()
            .filter_map(|(name, threshold)| threshold.0.map(|score| (*name, score)))
            .collect();
        for pair in steps.windows(2) {
            let [(mild, low), (hard, high)] = pair else { continue };
            if low < high {
                continue;
            }
            let (mild_place, hard_place) = (self.place(&format!("actions.{mild}")), self.place(&format!("actions.{hard}")));
            let message = format!("`{mild}` at {low} can never happen: `{hard}` is already taken at {high}");
            let (main, other, why) = match (mild_place, hard_place) {
                (Some(place), other) => (Some(place), other, format!("`{hard}` is set here")),
                (None, other) => (other, None, String::new()),
            };
            let finding = if low > high {
                Diagnostic::error(message)
            } else {
                Diagnostic::warning(message)
            };
            let help = format!("lower `{mild}`, raise `{hard}`, or switch one off with false");
            let mut finding = finding.at(main).also(other, why).help(help);
            finding.pardon();
            self.findings.push(finding);
        }
        for (name, score) in [("reject", actions.reject), ("discard", actions.discard)] {
            if score.0.is_some_and(|score| score <= 0.0) {
                self.warn(
                    &format!("actions.{name}"),
                    format!("`{name}` hits every message without a finding"),
                    "set a score above 0",
                );
            }
        }
        if actions.grow_factor <= 0.0 {
            self.error(
                "actions.grow_factor",
                "`grow_factor` must be above 0",
                "1.0 leaves scores as they are",
            );
        }
    }

    fn groups(&mut self) {
        let groups = &self.config.groups;
        for (name, group) in groups {
            if let (Some(most), Some(least)) = (group.max_score, group.min_score)
                && most < least
            {
                let message = format!("in the group `{}` `max_score` is below `min_score`", name.escape_debug());
                let finding = Diagnostic::error(message).at(self.config.tree.place_at(&["groups", name, "max_score"]));
                self.findings
                    .push(finding.also(self.config.tree.place_at(&["groups", name, "min_score"]), "`min_score` is set here"));
            }
        }
        let mut seen: std::collections::BTreeMap<&str, (&str, f64)> = std::collections::BTreeMap::new();
        for (group, settings) in groups {
            for (symbol, score) in settings
                .symbols
                .iter()
                .filter_map(|(symbol, settings)| Some((symbol, settings.score?)))
            {
                let Some((first, _)) = seen.insert(symbol, (group, score)).filter(|(_, before)| *before != score) else {
                    continue;
                };
                let message = format!("the symbol `{}` has different scores in two groups", symbol.escape_debug());
                let place = |group: &str| self.config.tree.place_at(&["groups", group, "symbols", symbol]);
                self.findings
                    .push(Diagnostic::error(message).at(place(group)).also(place(first), "its first score"));
            }
        }
    }

    fn upstreams(&mut self) {
        let names: Vec<&str> = self.config.upstream.keys().map(String::as_str).collect();
        let unknown = |name: &str| {
            let error = Diagnostic::error(format!("there is no [upstream.{}]", name.escape_debug()));
            match nearest(name, names.iter().copied()) {
                Some(name) => error.help(format!("did you mean `{name}`?")),
                None => error.help("add the table, or write \"self\" to scan here"),
            }
        };
        let backend = &self.config.listen.milter.backend;
        if backend != "self" && !names.contains(&backend.as_str()) && self.sound("upstream") {
            self.findings.push(unknown(backend).at(self.place("listen.milter.backend")));
        }
        for (name, upstream) in &self.config.upstream {
            let place = |key: &str| {
                let tree = &self.config.tree;
                tree.place_at(&["upstream", name, key])
                    .or_else(|| tree.place_at(&["upstream", name]))
            };
            if name == "self" {
                self.findings
                    .push(Diagnostic::error("no upstream can be called `self`: that means this daemon").at(place("")));
            }
            if upstream.servers.is_empty() && self.sound(&format!("upstream.{name}")) {
                self.findings
                    .push(Diagnostic::error("an upstream needs `servers`").at(place("servers")));
            }
            if !(0.0..=1.0).contains(&upstream.probability) {
                self.findings
                    .push(Diagnostic::error("a probability goes from 0.0 to 1.0").at(place("probability")));
            }
            if !upstream.mirror_of.is_empty() && !names.contains(&upstream.mirror_of.as_str()) {
                self.findings.push(unknown(&upstream.mirror_of).at(place("mirror_of")));
            }
        }
    }

    /// The names in `log.debug`; a wrong one harms nobody, but silence is not what was asked for.
    fn rooms(&mut self) {
        const ROOMS: [&str; 22] = [
            "antivirus",
            "auth",
            "base",
            "cli",
            "config",
            "daemon",
            "dns",
            "engine",
            "family",
            "filter",
            "http",
            "learn",
            "limits",
            "lists",
            "maps",
            "message",
            "milter",
            "record",
            "rules",
            "store",
            "upstream",
            "workers",
        ];
        for (at, room) in self
            .config
            .log
            .debug
            .iter()
            .enumerate()
            .filter(|(_, room)| !ROOMS.contains(&room.as_str()))
        {
            let help = match nearest(room, ROOMS) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("valid here: {}", ROOMS.join(", ")),
            };
            self.warn(
                &format!("log.debug.{at}"),
                format!("no room of the program is called `{}`", room.escape_debug()),
                &help,
            );
        }
    }

    fn modules(&mut self) {
        let Some(modules) = self.config.tree.0.as_ref().and_then(|tree| tree.at(["modules"])) else {
            return;
        };
        let Some(table) = modules.table() else {
            self.error(
                "modules",
                format!("expected a table of modules, found {}", modules.node.kind()),
                "write [modules.NAME]",
            );
            return;
        };
        for entry in table.iter() {
            let name = entry.key.as_str();
            if !MODULES.contains(&name) {
                let error = Diagnostic::error(format!("there is no module `{}`", name.escape_debug())).at(entry.key_place.clone());
                self.findings.push(match nearest(name, MODULES.iter().copied()) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error,
                });
            }
            match &entry.value.node {
                Node::Bool(false) => (),
                Node::Table(inside) => {
                    if let Some(inner) = inside
                        .get(name)
                        .filter(|inner| inner.value.table().is_some_and(|table| table.get("type").is_none()))
                    {
                        let warning = Diagnostic::warning(format!("[modules.{name}.{name}] stands inside a table of its own name"));
                        self.findings.push(
                            warning
                                .at(inner.key_place.clone())
                                .help(format!("write its settings into [modules.{name}]")),
                        );
                    }
                }
                other => {
                    let error = Diagnostic::error(format!("expected a table, found {}", other.kind())).at(entry.value.place.clone());
                    self.findings
                        .push(error.help(format!("write [modules.{name}], or false to switch the module off")));
                }
            }
        }
    }
}

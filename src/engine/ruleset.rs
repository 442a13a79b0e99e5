//! Everything known before the first message: symbols with their definitions, groups with their caps, rules in running order.
//! Built once per configuration; scores nothing itself.

use super::composite::{self, Composite};
use super::plan::{self, PlanError, Planned};
use super::symbol::{Scores, both, only_41};
use super::{Compat, Rule, Stage, Symbol, Thresholds};
use std::collections::HashMap;
use std::sync::Arc;

/// Where a definition comes from: an equal or higher priority replaces an earlier definition, a lower one only fills gaps.
pub mod priority {
    /// Registered by a rule that the configuration created.
    pub const RULE: u8 = 0;
    /// Declared in the code, as stock scores are.
    pub const STOCK: u8 = 1;
    /// Written by the administrator in a group.
    pub const ADMINISTRATOR: u8 = 2;
}

/// Where lists show symbols without a group.
const UNGROUPED: &str = "ungrouped";

/// A limit of shots that is never reached (`any_shot`).
pub const ANY_SHOT: u32 = u32::MAX;

/// What one place says of a symbol.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The symbol's name.
    pub symbol: String,
    /// Its score; without one an earlier definition's score stays.
    pub score: Option<f64>,
    /// Its groups, the main one first.
    pub groups: Vec<String>,
    /// How many insertions add up: 1 is `one_shot`, [`ANY_SHOT`] is `any_shot`; `None` is the metric's default.
    pub shots: Option<u32>,
    /// Only options of the first insertion are kept.
    pub one_param: bool,
    /// Nobody needs to register it.
    pub ignore: bool,
    /// False: it is never inserted.
    pub enabled: bool,
    /// A sentence for people.
    pub description: Option<String>,
    /// See [`priority`].
    pub priority: u8,
}

impl Definition {
    /// A definition by a rule, without a score of its own yet.
    pub fn new(symbol: &str) -> Definition {
        Definition {
            symbol: symbol.to_owned(),
            score: None,
            groups: Vec::new(),
            shots: None,
            one_param: false,
            ignore: false,
            enabled: true,
            description: None,
            priority: priority::RULE,
        }
    }

    /// The same with a score.
    pub fn scored(mut self, score: f64) -> Definition {
        self.score = Some(score);
        self
    }

    /// The same in one more group.
    pub fn grouped(mut self, group: &str) -> Definition {
        self.groups.push(group.to_owned());
        self
    }

    /// The same with a sentence.
    pub fn described(mut self, description: &str) -> Definition {
        self.description = Some(description.to_owned());
        self
    }
}

/// What the configuration says of a group. `None` leaves what was said before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupSetting {
    /// Its name; case does not matter.
    pub name: String,
    /// Upper cap of its symbols' sum; 0 is none.
    pub max_score: Option<f64>,
    /// Lower cap (a negative number); 0 is none.
    pub min_score: Option<f64>,
    /// Each of its symbols counts once.
    pub one_shot: Option<bool>,
    /// False: none of its symbols is ever inserted.
    pub enabled: Option<bool>,
    /// Shown to the public.
    pub public: Option<bool>,
    /// A sentence for people.
    pub description: Option<String>,
}

/// A group as it is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name as first written.
    pub name: String,
    /// Upper cap, where positive.
    pub max_score: f64,
    /// Lower cap, where negative.
    pub min_score: f64,
    /// Each of its symbols counts once.
    pub one_shot: bool,
    /// Its symbols may be inserted.
    pub enabled: bool,
    /// Shown to the public.
    pub public: bool,
    /// A sentence for people.
    pub description: Option<String>,
}

/// A symbol as it is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Its score.
    pub score: f64,
    /// Its groups by index, the main one first.
    pub groups: Vec<usize>,
    /// Shots as defined, `None` for the default.
    pub shots: Option<u32>,
    /// Only options of the first insertion are kept.
    pub one_param: bool,
    /// Nobody needs to register it.
    pub ignore: bool,
    /// It may be inserted.
    pub enabled: bool,
    /// A sentence for people.
    pub description: Option<String>,
    /// Priority of the definition in force.
    pub priority: u8,
    /// A rule or the code declared it; false where only the administrator's groups name it.
    pub registered: bool,
    /// The code knows it, but not in this generation: insertions vanish.
    pub absent: bool,
}

/// Numbers and words of the metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Scoring {
    /// From which score on which action is taken.
    pub thresholds: Thresholds,
    /// Pattern of the rewritten Subject.
    pub subject: String,
    /// Above 1: positive scores grow the more of them there are.
    pub grow_factor: f64,
    /// How many insertions of a symbol add up by default.
    pub default_max_shots: u32,
    /// Every symbol without a limit of its own counts once.
    pub one_shot: bool,
    /// Bytes of options kept per symbol.
    pub max_opts_len: usize,
    /// Stop when the score is above the reject threshold.
    pub stop_at_reject: bool,
}

impl Scoring {
    /// Shots of a symbol that names no limit.
    pub fn default_shots(&self) -> u32 {
        if self.one_shot { 1 } else { self.default_max_shots }
    }
}

impl Default for Scoring {
    fn default() -> Scoring {
        Scoring {
            thresholds: Thresholds::default(),
            subject: "*** SPAM *** %s".to_owned(),
            grow_factor: 1.0,
            default_max_shots: 100,
            one_shot: false,
            max_opts_len: 4096,
            stop_at_reject: true,
        }
    }
}

/// Symbols, groups and rules of one configuration.
pub struct Ruleset {
    pub(crate) scoring: Scoring,
    symbols: Vec<Known>,
    index: HashMap<String, usize>,
    groups: Vec<Group>,
    live: Vec<bool>,
    /// Symbols that one rule inserts, by the names of the symbols and of the rule.
    bonds: HashMap<String, Arc<[usize]>>,
    pub(crate) planned: Vec<Planned>,
    composites: Vec<Composite>,
}

impl Ruleset {
    /// Begins an empty set.
    pub fn builder(compat: Compat, scoring: Scoring) -> Builder {
        Builder::new(compat, scoring)
    }

    /// The symbol's place, by one look-up.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// Places of the symbols that go with a name: those of the rule that it names or belongs to, else the symbol alone.
    pub fn together(&self, name: &str) -> impl Iterator<Item = usize> {
        let bond = self.bonds.get(name).map_or(&[][..], |ids| ids);
        let alone = self.find(name).filter(|_| bond.is_empty());
        bond.iter().copied().chain(alone)
    }

    /// A symbol by its place.
    pub fn symbol(&self, id: usize) -> Option<&Known> {
        self.symbols.get(id)
    }

    /// Every symbol in the order of declaration.
    pub fn symbols(&self) -> &[Known] {
        &self.symbols
    }

    /// Composites, each behind those it builds on.
    pub fn composites(&self) -> &[Composite] {
        &self.composites
    }

    /// Every group in the order of declaration.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Numbers and words of the metric.
    pub fn scoring(&self) -> &Scoring {
        &self.scoring
    }

    /// Names of the rules in running order, with their stages.
    pub fn rules(&self) -> impl Iterator<Item = (Stage, &str)> {
        self.planned.iter().map(|p| (p.rule.stage, p.rule.name.as_str()))
    }

    /// Symbols that the administrator scores but nobody declared; those marked `ignore` are left out.
    pub fn unregistered(&self) -> impl Iterator<Item = &str> {
        let strange = self.symbols.iter().filter(|s| !s.registered && !s.ignore);
        strange.map(|s| s.name.as_str())
    }

    /// How often an insertion of the symbol adds its value.
    pub fn shots(&self, symbol: &Known) -> u32 {
        let single = symbol.groups.iter().any(|g| self.groups.get(*g).is_some_and(|g| g.one_shot));
        if single {
            return 1;
        }
        symbol.shots.unwrap_or(self.scoring.default_shots())
    }

    /// True where the symbol may ever be inserted: it and all its groups are enabled and the generation has it.
    pub(crate) fn is_live(&self, id: usize) -> bool {
        self.live.get(id).copied().unwrap_or(true)
    }
}

/// Collects declarations, overrides and rules; order of the calls does not matter but among equal priorities.
pub struct Builder {
    compat: Compat,
    scoring: Scoring,
    symbols: Vec<Known>,
    index: HashMap<String, usize>,
    groups: Vec<Group>,
    by_group: HashMap<String, usize>,
    rules: Vec<Rule>,
    /// For each declared symbol the rules that may insert it, by place in `rules`.
    givers: HashMap<String, Vec<usize>>,
    bonds: Vec<(String, Vec<&'static str>)>,
    composites: Vec<Composite>,
}

impl Builder {
    fn new(compat: Compat, scoring: Scoring) -> Builder {
        let mut builder = Builder {
            compat,
            scoring,
            symbols: Vec::new(),
            index: HashMap::new(),
            groups: Vec::new(),
            by_group: HashMap::new(),
            rules: Vec::new(),
            givers: HashMap::new(),
            bonds: Vec::new(),
            composites: Vec::new(),
        };
        for (name, caps) in CAPS {
            let group = builder.group_id(name);
            if let (Some(group), Some(cap)) = (builder.groups.get_mut(group), compat.of(caps)) {
                group.max_score = cap;
            }
        }
        builder
    }

    /// Declares the symbols of a family and takes its rules. A need for one of its symbols waits for all of its rules.
    pub fn family(&mut self, symbols: &[&'static Symbol], rules: Vec<Rule>) {
        let first = self.rules.len();
        let only = rules.len() == 1;
        for rule in rules {
            let gives = match only {
                true => symbols.iter().map(|s| s.name).collect(),
                false => rule.gives.clone(),
            };
            self.bonds.push((rule.name.clone(), gives));
            for definition in &rule.symbols {
                self.define(definition.clone());
            }
            self.rules.push(rule);
        }
        for symbol in symbols {
            self.declare(symbol);
            let givers = self.givers.entry(symbol.name.to_owned()).or_default();
            givers.extend(first..self.rules.len());
        }
    }

    /// Declares one symbol of the code.
    pub fn declare(&mut self, symbol: &'static Symbol) {
        let score = symbol.score(self.compat);
        self.define(Definition {
            score: Some(score.unwrap_or(0.0)),
            shots: symbol.shots,
            priority: priority::STOCK,
            ..Definition::new(symbol.name).grouped(symbol.group).described(symbol.description)
        });
        if let Some(known) = self.index.get(symbol.name).and_then(|id| self.symbols.get_mut(*id)) {
            known.absent = score.is_none();
        }
    }

    /// Takes a definition, by the rule of priorities.
    pub fn define(&mut self, definition: Definition) {
        let named = definition.groups.iter().filter(|g| !g.is_empty() && *g != UNGROUPED);
        let groups: Vec<usize> = named.map(|g| self.group_id(g)).collect();
        let registered = definition.priority < priority::ADMINISTRATOR;
        let score = definition.score.filter(|s| s.is_finite());
        let Some(known) = self.index.get(&definition.symbol).and_then(|id| self.symbols.get_mut(*id)) else {
            self.index.insert(definition.symbol.clone(), self.symbols.len());
            self.symbols.push(Known {
                name: definition.symbol,
                score: score.unwrap_or(0.0),
                groups,
                shots: definition.shots,
                one_param: definition.one_param,
                ignore: definition.ignore,
                enabled: definition.enabled,
                description: definition.description,
                priority: definition.priority,
                registered,
                absent: false,
            });
            return;
        };
        known.registered |= registered;
        for group in groups {
            if !known.groups.contains(&group) {
                known.groups.push(group);
            }
        }
        if definition.priority < known.priority {
            known.description = known.description.take().or(definition.description);
            known.shots = known.shots.or(definition.shots);
            return;
        }
        known.priority = definition.priority;
        known.score = score.unwrap_or(known.score);
        known.one_param = definition.one_param;
        known.ignore = definition.ignore;
        known.enabled = definition.enabled;
        known.shots = definition.shots.or(known.shots);
        known.description = definition.description.or(known.description.take());
    }

    /// Takes a composite, in place of an earlier one of that name. Its symbol is declared or defined apart.
    pub fn composite(&mut self, composite: Composite) {
        self.without_composite(composite.symbol());
        self.composites.push(composite);
    }

    /// Drops a composite.
    pub fn without_composite(&mut self, symbol: &str) {
        self.composites.retain(|c| c.symbol() != symbol);
    }

    /// Takes what the configuration says of a group.
    pub fn group(&mut self, setting: GroupSetting) {
        let id = self.group_id(&setting.name);
        let Some(group) = self.groups.get_mut(id) else { return };
        group.max_score = setting.max_score.unwrap_or(group.max_score);
        group.min_score = setting.min_score.unwrap_or(group.min_score);
        group.one_shot = setting.one_shot.unwrap_or(group.one_shot);
        group.enabled = setting.enabled.unwrap_or(group.enabled);
        group.public = setting.public.unwrap_or(group.public);
        group.description = setting.description.or(group.description.take());
    }

    /// Brings the rules into running order.
    ///
    /// # Errors
    /// Rules that need each other in a circle, or one that needs a rule of a later stage: every such case.
    pub fn build(mut self) -> Result<Ruleset, Vec<PlanError>> {
        let planned = plan::order(self.rules, &self.givers)?;
        let on = |group: &usize| self.groups.get(*group).is_none_or(|g| g.enabled);
        let live = self.symbols.iter().map(|s| s.enabled && !s.absent && s.groups.iter().all(on));
        let mut bonds: HashMap<String, Arc<[usize]>> = HashMap::new();
        for (rule, symbols) in self.bonds.iter().filter(|(_, symbols)| !symbols.is_empty()) {
            let ids: Arc<[usize]> = symbols.iter().filter_map(|s| self.index.get(*s).copied()).collect();
            let names = symbols.iter().map(|s| (*s).to_owned()).chain([rule.clone()]);
            bonds.extend(names.map(|name| (name, ids.clone())));
        }
        for composite in &mut self.composites {
            let group = |name: &str| self.by_group.get(&name.to_ascii_lowercase()).copied();
            composite.resolve(|name| self.index.get(name).copied(), group);
        }
        Ok(Ruleset {
            live: live.collect(),
            bonds,
            scoring: self.scoring,
            symbols: self.symbols,
            index: self.index,
            groups: self.groups,
            planned,
            composites: composite::order(self.composites),
        })
    }

    fn group_id(&mut self, name: &str) -> usize {
        let next = self.groups.len();
        let id = *self.by_group.entry(name.to_ascii_lowercase()).or_insert(next);
        if id == next {
            self.groups.push(Group {
                name: name.to_owned(),
                max_score: 0.0,
                min_score: 0.0,
                one_shot: false,
                enabled: true,
                public: false,
                description: None,
            });
        }
        id
    }
}

/// Caps of the stock groups.
pub static CAPS: &[(&str, Scores)] = &[
    ("headers", both(8.0)),
    ("subject", both(6.0)),
    ("phishing", both(10.0)),
    ("mime_types", both(10.0)),
    ("surbl", both(12.5)),
    ("whitelist", both(10.0)),
    ("excessqp", both(2.4)),
    ("excessb64", both(3.0)),
    ("url", only_41(9.0)),
    ("senderscore", only_41(4.0)),
];

//! Settings of a message held against the symbols of a configuration: what may appear, at which score, under which thresholds.

use super::{Action, Ruleset, Settings, Thresholds};

/// Settings, resolved once per message.
pub struct Applied<'s> {
    settings: &'s Settings,
    /// By place of the symbol; `None` where the settings restrict nothing.
    allowed: Option<Vec<bool>>,
    /// Enabling lists are in force: what they do not name stays away.
    exclusive: bool,
    thresholds: Thresholds,
}

impl<'s> Applied<'s> {
    /// Holds the settings against the rules.
    pub fn new(rules: &Ruleset, settings: &'s Settings) -> Applied<'s> {
        let mut thresholds = rules.scoring().thresholds.clone();
        for (action, limit) in &settings.actions {
            match limit {
                // Reached by force only, unless the administrator gave it a threshold.
                Some(_) if *action == Action::SoftReject && thresholds.get(*action).is_none() => {}
                Some(limit) => thresholds.set(*action, *limit),
                None => thresholds.disable(*action),
            }
        }
        let enables = settings.symbols_enabled.is_some() || settings.groups_enabled.is_some();
        let exclusive = enables && !settings.implicit_allow;
        let restricts = exclusive || !settings.symbols_disabled.is_empty() || !settings.groups_disabled.is_empty();
        Applied {
            settings,
            allowed: restricts.then(|| allowed(rules, settings, exclusive)),
            exclusive,
            thresholds,
        }
    }

    /// The settings themselves.
    pub fn settings(&self) -> &'s Settings {
        self.settings
    }

    /// The thresholds of this message.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Takes an action away from this message.
    pub fn disable(&mut self, action: Action) {
        self.thresholds.disable(action);
    }

    /// True where the settings forbid anything at all.
    pub fn restricts(&self) -> bool {
        self.allowed.is_some()
    }

    /// True where the symbol may be inserted. `known` is its place, `None` for one that nobody defined.
    pub fn allows(&self, known: Option<usize>, name: &str) -> bool {
        let Some(allowed) = &self.allowed else { return true };
        match known {
            Some(id) => allowed.get(id).copied().unwrap_or(!self.exclusive),
            None if self.settings.symbols_disabled.iter().any(|s| s == name) => false,
            None => !self.exclusive || self.settings.symbols_enabled.iter().flatten().any(|s| s == name),
        }
    }

    /// The score that the settings give a symbol.
    pub fn score(&self, name: &str) -> Option<f64> {
        if self.settings.scores.is_empty() {
            return None;
        }
        self.settings.scores.get(name).copied()
    }
}

/// Naming one symbol of a rule, or the rule itself, switches everything that the rule says.
fn allowed(rules: &Ruleset, settings: &Settings, exclusive: bool) -> Vec<bool> {
    let mut allowed = vec![!exclusive; rules.symbols().len()];
    let steps = [
        (settings.groups_enabled.as_ref(), settings.symbols_enabled.as_ref(), true),
        (Some(&settings.groups_disabled), Some(&settings.symbols_disabled), false),
    ];
    for (groups, symbols, value) in steps {
        for group in groups.into_iter().flatten() {
            let group = rules.groups().iter().position(|g| g.name.eq_ignore_ascii_case(group));
            let members = rules.symbols().iter().filter(|s| group.is_some_and(|g| s.groups.contains(&g)));
            members.for_each(|symbol| switch(&mut allowed, rules.together(&symbol.name), value));
        }
        for symbol in symbols.into_iter().flatten() {
            switch(&mut allowed, rules.together(symbol), value);
        }
    }
    allowed
}

fn switch<'i>(allowed: &mut [bool], ids: impl Iterator<Item = usize> + 'i, value: bool) {
    for id in ids {
        if let Some(slot) = allowed.get_mut(id) {
            *slot = value;
        }
    }
}

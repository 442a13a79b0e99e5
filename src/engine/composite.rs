//! Symbols made of symbols (`rules` 24): expressions over what was found, and what becomes of their members. Pure.

use super::{Hit, Metric, Ruleset};
use crate::base::expr::{self, Expression};
use regex::Regex;
use std::collections::HashMap;

/// From this magnitude on an expression holds.
const HOLDS: f64 = 0.000_01;
/// The value of a symbol that scores nothing.
const TINY: f64 = 1e-5 + f64::EPSILON;

/// What becomes of the members of a composite that fired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Symbols and their weight go.
    #[default]
    RemoveAll,
    /// The weight goes, the symbol stays in sight.
    RemoveWeight,
    /// The symbol goes, its weight stays.
    RemoveSymbol,
    /// Everything stays.
    Leave,
}

/// One composite. Its names are resolved once the rules are complete.
#[derive(Debug)]
pub struct Composite {
    symbol: String,
    id: Option<usize>,
    expression: Expression,
    atoms: Vec<Atom>,
    /// It does not hold where nothing is found of what it names.
    needs_some: bool,
    policy: Policy,
}

/// A name in an expression.
#[derive(Debug)]
struct Atom {
    what: What,
    wants: Vec<Want>,
    keep: Keep,
    negated: bool,
}

#[derive(Debug)]
enum What {
    Symbol(String, Option<usize>),
    /// Symbols of a group, by its place; only those whose configured score has this sign.
    Group(String, Option<usize>, Option<bool>),
}

/// An option that must be there.
#[derive(Debug)]
enum Want {
    Text(String),
    Pattern(Regex),
}

/// What the prefix of an atom asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    ByPolicy,
    Symbol,
    All,
    Nothing,
}

/// What fired composites want of one symbol.
#[derive(Clone, Copy)]
struct Wishes {
    hide: bool,
    weigh_nothing: bool,
    forced: bool,
}

impl Composite {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(symbol: &str, expression: &str, policy: Policy) -> Result<Composite, expr::Error> {
        let expression = Expression::parse(expression)?;
        let atoms = expression.atoms().iter().map(Atom::read).collect::<Result<_, _>>()?;
        Ok(Composite {
            symbol: symbol.to_owned(),
            id: None,
            needs_some: expression.value(|_| 0.0).abs() <= HOLDS,
            expression,
            atoms,
            policy,
        })
    }

    /// Learns the places of the symbols and groups that it names.
    pub(super) fn resolve(&mut self, symbol: impl Fn(&str) -> Option<usize>, group: impl Fn(&str) -> Option<usize>) {
        self.id = symbol(&self.symbol);
        for atom in &mut self.atoms {
            match &mut atom.what {
                What::Symbol(name, id) => *id = symbol(name),
                What::Group(name, id, _) => *id = group(name),
            }
        }
    }

    /// The symbol it inserts.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }
}

impl Atom {
    fn read(atom: &expr::Atom) -> Result<Atom, expr::Error> {
        let text = atom.text.as_str();
        let (keep, text) = match text.as_bytes().first() {
            Some(b'~') => (Keep::Symbol, text.get(1..).unwrap_or_default()),
            Some(b'-') => (Keep::All, text.get(1..).unwrap_or_default()),
            Some(b'^') => (Keep::Nothing, text.get(1..).unwrap_or_default()),
            _ => (Keep::ByPolicy, text),
        };
        let (name, wants) = match text.split_once('[') {
            Some((name, options)) => (name, wants(options.strip_suffix(']').unwrap_or(options))?),
            None => (text, Vec::new()),
        };
        let groups = [("g:", None), ("g+:", Some(true)), ("g-:", Some(false))];
        let group = groups.iter().find_map(|(prefix, sign)| Some((name.strip_prefix(prefix)?, *sign)));
        Ok(Atom {
            what: match group {
                Some((group, sign)) => What::Group(group.to_owned(), None, sign),
                None => What::Symbol(name.to_owned(), None),
            },
            wants,
            keep,
            negated: atom.negated,
        })
    }

    fn wish(&self, policy: Policy) -> Wishes {
        let (hide, weigh_nothing) = match self.keep {
            Keep::ByPolicy => (
                matches!(policy, Policy::RemoveAll | Policy::RemoveSymbol),
                matches!(policy, Policy::RemoveAll | Policy::RemoveWeight),
            ),
            Keep::Symbol => (false, matches!(policy, Policy::RemoveAll | Policy::RemoveWeight)),
            Keep::All => (false, false),
            Keep::Nothing => (true, true),
        };
        Wishes {
            hide,
            weigh_nothing,
            forced: self.keep == Keep::Nothing,
        }
    }
}

fn wants(options: &str) -> Result<Vec<Want>, expr::Error> {
    let mut all = Vec::new();
    for option in options.split(',').map(str::trim).filter(|o| !o.is_empty()) {
        let pattern = option.strip_prefix('/').and_then(|o| o.rsplit_once('/'));
        let Some((pattern, flags)) = pattern else {
            all.push(Want::Text(option.to_owned()));
            continue;
        };
        let flags: String = flags.chars().filter(|c| "imsxu".contains(*c)).collect();
        let text = if flags.is_empty() {
            pattern.to_owned()
        } else {
            format!("(?{flags}){pattern}")
        };
        all.push(Want::Pattern(Regex::new(&text).map_err(|e| expr::Error {
            what: format!("the pattern /{pattern}/ is not understood: {e}"),
            at: 0,
        })?));
    }
    Ok(all)
}

/// Composites in an order in which each stands behind those it builds on; members of a circle come last, in the order given.
pub fn order(all: Vec<Composite>) -> Vec<Composite> {
    let names: HashMap<String, usize> = all.iter().enumerate().map(|(i, c)| (c.symbol.clone(), i)).collect();
    let needs: Vec<Vec<usize>> = all
        .iter()
        .map(|c| c.atoms.iter().filter_map(|a| names.get(a.name()?).copied()).collect())
        .collect();
    let mut left: Vec<Option<Composite>> = all.into_iter().map(Some).collect();
    let mut sorted = Vec::with_capacity(left.len());
    loop {
        let before = sorted.len();
        for place in 0..left.len() {
            let open = |need: &usize| left.get(*need).is_some_and(Option::is_some);
            let ready = needs.get(place).is_some_and(|n| !n.iter().any(open));
            if ready && let Some(composite) = left.get_mut(place).and_then(Option::take) {
                sorted.push(composite);
            }
        }
        if sorted.len() == before {
            sorted.extend(left.iter_mut().filter_map(Option::take));
            return sorted;
        }
    }
}

impl Atom {
    fn name(&self) -> Option<&str> {
        match &self.what {
            What::Symbol(name, _) => Some(name),
            What::Group(..) => None,
        }
    }
}

/// Judges every composite that is not there yet, then does what those that fired want of their members. False where none fired.
pub fn judge(rules: &Ruleset, metric: &mut Metric<'_>) -> bool {
    let mut wishes: Vec<(usize, Wishes)> = Vec::new();
    let mut fired = false;
    let (mut members, mut stack) = (Vec::new(), Vec::new());
    for composite in rules.composites() {
        if metric.place(composite.id, &composite.symbol).is_some() {
            continue;
        }
        let may = |atom: &Atom| match &atom.what {
            What::Symbol(name, id) => metric.place(*id, name).is_some(),
            What::Group(..) => true,
        };
        if composite.needs_some && !composite.atoms.iter().any(may) {
            continue;
        }
        members.clear();
        let value = composite.expression.value_on(&mut stack, |place| match composite.atoms.get(place) {
            Some(atom) => ask(atom, metric, composite.policy, &mut members),
            None => 0.0,
        });
        if value.abs() > HOLDS {
            metric.insert(Hit::new(composite.symbol.clone().into(), 1.0, Vec::new()));
            wishes.append(&mut members);
            fired = true;
        }
    }
    let mut done: Vec<usize> = Vec::new();
    for (place, _) in &wishes {
        if done.contains(place) {
            continue;
        }
        done.push(*place);
        let all = || wishes.iter().filter(|(other, _)| other == place).map(|(_, wish)| wish);
        let forced = all().any(|w| w.forced);
        if forced || all().all(|w| w.weigh_nothing) {
            metric.remove_weight(*place);
        }
        if forced || all().all(|w| w.hide) {
            metric.hide(*place);
        }
    }
    fired
}

/// The value of one name; what is found and not under a negation is a member, by its place in the result.
fn ask(atom: &Atom, metric: &Metric<'_>, policy: Policy, members: &mut Vec<(usize, Wishes)>) -> f64 {
    let fits = |options: &[String]| {
        atom.wants.iter().all(|want| {
            options.iter().any(|option| match want {
                Want::Text(text) => option == text,
                Want::Pattern(pattern) => pattern.is_match(option),
            })
        })
    };
    let mut largest: f64 = 0.0;
    let mut meet = |place: usize, score: f64, options: &[String]| {
        if !fits(options) {
            return;
        }
        let value = if score == 0.0 { TINY } else { score };
        if value.abs() > largest.abs() {
            largest = value;
            if !atom.negated {
                members.push((place, atom.wish(policy)));
            }
        }
    };
    match &atom.what {
        What::Symbol(name, id) => {
            if let Some(place) = metric.place(*id, name)
                && let Some((score, options)) = metric.found(place)
            {
                meet(place, score, options);
            }
        }
        What::Group(_, Some(group), sign) => metric.found_in(*group, *sign, &mut meet),
        What::Group(_, None, _) => {}
    }
    largest
}

#[cfg(test)]
mod tests;

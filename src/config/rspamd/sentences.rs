//! What is said of a tree, and its account: the sentences of the walk. What becomes of the settings is not decided here.

use super::account::{Fate, Item};
use super::kind::same;
use super::table;
use super::translate::Walk;
use super::wording::{count, shown, written, written_in};
use crate::base::suggest::nearest;
use crate::config::report::Diagnostic;
use crate::config::schema::UnknownKeys;
use crate::config::value::{Entry, Node, Place, Value};

/// Findings after which the nearest name is no longer looked for.
const MOST_GUESSES: usize = 1_000;

/// The priority of override.d.
const OVERRIDE: u8 = 10;

impl Walk<'_> {
    /// Reports a section that stands inside itself, as in a file of local.d that names its section once more.
    pub fn nested(&mut self, path: &[&str], entry: &Entry) -> bool {
        let (Some((key, above)), Some(inside)) = (path.split_last(), entry.value.table()) else {
            return false;
        };
        if above.is_empty() || path.first() != Some(key) || self.is_stock(path, &entry.value) {
            return false;
        }
        // A rule may be called like its module: then it holds settings of rules, and no sections.
        let known = |entry: &Entry| table::find(&[path, &[&entry.key]].concat()).is_some();
        if inside.iter().any(known) && inside.iter().all(|entry| known(entry) || entry.value.table().is_none()) {
            return false;
        }
        let section = above.join(".");
        let text = format!("[{section}] stands inside itself: what is in there has no effect, neither here nor with rspamd");
        let help = format!("a file of local.d or override.d holds what is inside the section: leave `{key} {{` and its `}}` out");
        self.account(
            &format!("{section}.{key}"),
            Some(entry.key_place.clone()),
            Fate::Lost(format!("all that is inside it ({} settings)", count(inside))),
        );
        self.out
            .findings
            .push(Diagnostic::warning(text).at(entry.key_place.clone()).help(help));
        true
    }

    /// Notes a list that is added to the one below it.
    pub fn grown(&mut self, path: &[&str], value: &Value) {
        let name = path.join(".");
        let Node::List(items) = &value.node else { return };
        let theirs = |item: &&Value| item.place.file() != value.place.file();
        let grown = items.iter().find(theirs).zip(items.iter().find(|item| !theirs(item)));
        if let Some((below, above)) = grown.map(|(a, b)| if a.priority > b.priority { (b, a) } else { (a, b) }) {
            let text = format!(
                "`{name}` grows: the list here is added to the one below it, {} values in all",
                items.len()
            );
            let note = Diagnostic::note(text).at(above.place.clone());
            let note = note.also(written(&below.place), "the list below");
            self.out.findings.push(note.help("a file in override.d takes the list's place"));
        }
    }

    /// Warns of a time in thousands or millions of seconds: `5m` looks like five minutes.
    pub fn thousands(&mut self, path: &[&str], value: &Value) {
        let written = value.place.text();
        let (Node::Int(number), Some(number_end)) = (&value.node, written.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G'])) else {
            return;
        };
        let text = format!("`{}` = {written} is {number} seconds", path.join("."));
        let help = match written.ends_with(['m', 'M']) {
            true => format!("write {number_end}min for minutes: m alone stands for a million"),
            false => "k stands for a thousand, m for a million, g for a thousand million".to_owned(),
        };
        self.out.findings.push(Diagnostic::warning(text).at(value.place.clone()).help(help));
    }

    /// Accounts for something.
    pub fn account(&mut self, what: &str, place: Option<Place>, fate: Fate) {
        self.out.account.push(Item::new(what, place, fate));
    }

    /// Accounts for symbols that stay away.
    pub fn stay_away(&mut self, what: &str, place: Option<Place>, why: &str, symbols: &[String]) {
        let item = Item::new(what, place, Fate::Lost(why.to_owned()));
        self.out.account.push(item.without(symbols, self.raw));
    }

    /// Reports and accounts for something that is lost.
    pub fn lost(&mut self, entry: &Entry, name: &str, what: &str) {
        let text = format!("`{name}` is not supported in this version; lost: {what}");
        self.out.findings.push(Diagnostic::warning(text).at(entry.key_place.clone()));
        self.account(name, written_in(entry), Fate::Lost(what.to_owned()));
    }

    /// Reports and accounts for something that is not quite the same here.
    pub fn near(&mut self, entry: &Entry, name: &str, how: &str) {
        let text = format!("`{name}`: {how}");
        self.out.findings.push(Diagnostic::note(text).at(entry.key_place.clone()));
        self.account(name, written_in(entry), Fate::Near(how.to_owned()));
    }

    /// Reports a key that nobody knows, with the nearest one that is known.
    pub fn unknown_key(&mut self, path: &[&str], entry: &Entry) {
        let Some((key, above)) = path.split_last() else { return };
        let text = format!("rspamd has no key `{}` in [{}]", key.escape_debug(), above.join("."));
        // Whoever reads so many of them is not helped by one more guess, and guessing takes long.
        let guess = self.out.findings.len() < MOST_GUESSES;
        let near = guess.then(|| nearest(key, table::names_below(above))).flatten();
        self.unknown(text, entry.key_place.clone(), near);
    }

    /// Reports something that nobody knows.
    pub fn unknown(&mut self, text: String, place: Place, near: Option<&str>) {
        let why = "it has no effect with rspamd either";
        self.account(&text, Some(place.clone()), Fate::Needless(why.to_owned()));
        let finding = match self.around.unknown {
            UnknownKeys::Ignore => return,
            UnknownKeys::Warn => Diagnostic::warning(text),
            UnknownKeys::Error => Diagnostic::error(text),
        }
        .at(place);
        self.out.findings.push(match near {
            Some(name) => finding.help(format!("did you mean `{name}`?")),
            None => finding.help("it has no effect, neither here nor with rspamd"),
        });
    }

    /// Notes what this value hides. That local.d says otherwise than the stock settings is no news.
    pub fn hidden(&mut self, path: &[&str], value: &Value) {
        let Some(below) = &value.overridden else { return };
        let usual = value.priority < OVERRIDE && !matches!(below.node, Node::Table(_) | Node::List(_));
        if same(below, value) || usual && self.is_stock(path, below) {
            return;
        }
        let name = path.join(".");
        let text = match (value.table(), below.table()) {
            (Some(_), Some(hidden)) => format!(
                "[{name}] takes the place of a whole section, {} of whose settings go",
                count(hidden)
            ),
            _ => format!("`{name}` = {} hides {}", shown(path, value), shown(path, below)),
        };
        let note = Diagnostic::note(text).at(value.place.clone());
        self.out.findings.push(note.also(written(&below.place), "hidden"));
    }
}

//! The tree while it is being read: values in one row, each naming its children, and the rules by which a name said twice is
//! joined. It reads no text; `parser` fills it, `finish` turns it into the values everyone else knows.

use std::collections::HashMap;
use std::sync::Arc;

/// One value of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u32);

/// A stretch of one of the texts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Span {
    pub source: u32,
    pub from: u32,
    pub to: u32,
}

/// What a file does with a name that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Higher priority replaces, lower is dropped, equal makes several values of it.
    #[default]
    Append,
    /// As `Append`, but sections and lists grow.
    Merge,
    /// Replaces whatever the priorities.
    Rewrite,
    /// Refuses.
    Error,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Time(f64),
    Text(Arc<str>),
    List(Vec<Id>),
    Table(Keys),
}

/// The names of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    pub order: Vec<Id>,
    index: HashMap<Arc<str>, u32>,
}

#[derive(Clone, Debug)]
pub(super) struct Item {
    pub kind: Kind,
    pub priority: u8,
    pub place: Span,
    pub key: Option<Arc<str>>,
    pub key_place: Span,
    /// Copied by `.inherit`: the first own value replaces it.
    inherited: bool,
    /// Further values of the same name.
    pub more: Vec<Id>,
    /// What this one hides, newest first.
    pub hidden: Vec<Id>,
}

/// Why a value has no place in the tree.
#[derive(Debug, PartialEq)]
pub(super) enum Clash {
    /// The name is there, and the file forbids that.
    Duplicate(Span),
    /// More values than allowed.
    TooMany,
    /// Sections said so often that looking through them takes too long.
    TooTangled,
    /// Copying would nest too deep.
    TooDeep,
}

/// Values of one configuration.
const MOST_VALUES: usize = 1_000_000;
/// Looks into sections said several times.
const MOST_LOOKS: u64 = 5_000_000;
/// Hidden values remembered for one name.
const MOST_HIDDEN: usize = 16;
/// How deep copies may nest.
const DEEPEST_COPY: usize = 1_000;
/// Bytes of text that `.inherit` may copy.
const MOST_COPIED: usize = 64 << 20;

/// What became of a new value of a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    /// The name is new, or what it said before is replaced.
    Alone,
    /// No new value: the old section or list is filled on.
    Reused,
    /// It stands behind this one.
    Behind(Id),
    /// It loses against this one.
    Dropped(Id),
}

/// A value to fill, and what became of it.
pub(super) struct Joined {
    pub id: Id,
    pub fate: Fate,
}

#[derive(Default)]
pub(super) struct Tree {
    items: Vec<Item>,
    looks: u64,
    copied: usize,
}

impl Tree {
    pub fn slot(id: Id) -> usize {
        usize::try_from(id.0).unwrap_or(usize::MAX)
    }

    pub fn item(&self, id: Id) -> &Item {
        self.items.get(Self::slot(id)).expect("ids come from this tree")
    }

    pub fn item_mut(&mut self, id: Id) -> &mut Item {
        self.items.get_mut(Self::slot(id)).expect("ids come from this tree")
    }

    /// A value that stands nowhere yet.
    pub fn new_item(&mut self, kind: Kind, priority: u8, place: Span) -> Result<Id, Clash> {
        self.push(Item {
            kind,
            priority,
            place,
            key: None,
            key_place: place,
            inherited: false,
            more: Vec::new(),
            hidden: Vec::new(),
        })
    }

    fn push(&mut self, item: Item) -> Result<Id, Clash> {
        if self.items.len() >= MOST_VALUES {
            return Err(Clash::TooMany);
        }
        let id = u32::try_from(self.items.len()).map(Id).map_err(|_| Clash::TooMany)?;
        self.items.push(item);
        Ok(id)
    }

    /// The first value of this name in the table.
    pub fn lookup(&self, table: Id, key: &str) -> Option<Id> {
        let Kind::Table(keys) = &self.item(table).kind else { return None };
        let at = usize::try_from(*keys.index.get(key)?).ok()?;
        keys.order.get(at).copied()
    }

    /// The same in this section and those said later under its name; with the one it was found in.
    fn search(&mut self, section: Id, key: &str) -> Result<Option<(Id, Id)>, Clash> {
        self.looks += 1;
        if let Some(found) = self.lookup(section, key) {
            return Ok(Some((section, found)));
        }
        let more = &self.item(section).more;
        self.looks += u64::try_from(more.len()).unwrap_or(u64::MAX);
        if self.looks > MOST_LOOKS {
            return Err(Clash::TooTangled);
        }
        let found = self
            .item(section)
            .more
            .iter()
            .find_map(|&other| self.lookup(other, key).map(|found| (other, found)));
        Ok(found)
    }

    /// Adds a name to a table that does not have it.
    pub fn insert(&mut self, table: Id, id: Id) {
        let key = self.item(id).key.clone().unwrap_or_else(|| Arc::from(""));
        if let Kind::Table(keys) = &mut self.item_mut(table).kind {
            let at = u32::try_from(keys.order.len()).unwrap_or(u32::MAX);
            keys.index.insert(key, at);
            keys.order.push(id);
        }
    }

    fn replace(&mut self, table: Id, old: Id, new: Id) {
        let key = self.item(old).key.clone().unwrap_or_else(|| Arc::from(""));
        if let Kind::Table(keys) = &mut self.item_mut(table).kind {
            let at = keys.index.get(&key).and_then(|at| usize::try_from(*at).ok());
            if let Some(slot) = at.and_then(|at| keys.order.get_mut(at)) {
                *slot = new;
            }
        }
        let older = std::mem::take(&mut self.item_mut(old).hidden);
        let hidden = &mut self.item_mut(new).hidden;
        hidden.push(old);
        hidden.extend(older);
        hidden.truncate(MOST_HIDDEN);
    }

    /// Remembers a value that lost against `winner`, behind those that outrank it.
    fn hide(&mut self, winner: Id, loser: Id) {
        let rank = self.item(loser).priority;
        let at = self
            .item(winner)
            .hidden
            .iter()
            .position(|&other| self.item(other).priority <= rank)
            .unwrap_or(self.item(winner).hidden.len());
        let hidden = &mut self.item_mut(winner).hidden;
        if at < MOST_HIDDEN {
            hidden.insert(at, loser);
            hidden.truncate(MOST_HIDDEN);
        }
    }

    /// Puts the old value of a name into a list that takes its place; of several the first, as the peer does.
    pub fn wrap(&mut self, table: Id, old: Id, list: Id) {
        self.replace(table, old, list);
        self.item_mut(list).hidden.clear();
        self.item_mut(old).more.clear();
        self.append_to_list(list, old);
    }

    /// Adds a value to the end of a list.
    pub fn append_to_list(&mut self, list: Id, id: Id) {
        if let Kind::List(items) = &mut self.item_mut(list).kind {
            items.push(id);
        }
    }

    /// A new value, named but not in any table yet.
    pub fn named(&mut self, key: Arc<str>, kind: Kind, priority: u8, place: Span) -> Result<Id, Clash> {
        let id = self.new_item(kind, priority, place)?;
        self.item_mut(id).key = Some(key);
        Ok(id)
    }

    /// A name is said in a section: joins the new value with what is there.
    pub fn say(&mut self, section: Id, key: Arc<str>, place: Span, priority: u8, strategy: Strategy) -> Result<Joined, Clash> {
        let found = self.search(section, &key)?;
        let Some((owner, old)) = found else {
            let id = self.named(key, Kind::Null, priority, place)?;
            self.insert(section, id);
            return Ok(Joined { id, fate: Fate::Alone });
        };
        if strategy == Strategy::Error {
            return Err(Clash::Duplicate(self.item(old).key_place));
        }
        if strategy == Strategy::Merge && matches!(self.item(old).kind, Kind::Table(_) | Kind::List(_)) {
            return Ok(Joined {
                id: old,
                fate: Fate::Reused,
            });
        }
        let id = self.named(key, Kind::Null, priority, place)?;
        let before = self.item(old).priority;
        let inherited = self.item(old).inherited && strategy == Strategy::Append;
        if strategy == Strategy::Rewrite || inherited || priority > before {
            self.replace(owner, old, id);
            return Ok(Joined { id, fate: Fate::Alone });
        }
        if priority == before {
            self.item_mut(old).more.push(id);
            return Ok(Joined {
                id,
                fate: Fate::Behind(old),
            });
        }
        self.hide(old, id);
        Ok(Joined {
            id,
            fate: Fate::Dropped(old),
        })
    }

    /// Fills a value; what an old section or list said before is kept as hidden.
    pub fn fill(&mut self, id: Id, kind: Kind, place: Span) -> Result<(), Clash> {
        if matches!(self.item(id).kind, Kind::Table(_) | Kind::List(_)) {
            let mut old = self.item(id).clone();
            old.more = Vec::new();
            old.hidden = Vec::new();
            let old = self.push(old)?;
            let hidden = &mut self.item_mut(id).hidden;
            hidden.insert(0, old);
            hidden.truncate(MOST_HIDDEN);
        }
        let item = self.item_mut(id);
        (item.kind, item.place) = (kind, place);
        Ok(())
    }

    /// Copies the names of `from` into `to`: those it has not, or with `all` each, beside what is there. `depth` is how deep `to` stands.
    pub fn inherit(&mut self, from: Id, to: Id, all: bool, depth: usize) -> Result<(), Clash> {
        let Kind::Table(keys) = &self.item(from).kind else { return Ok(()) };
        // A copy of the list: `to` may be `from` itself, or a part of it.
        for id in keys.order.clone() {
            let key = self.item(id).key.clone().unwrap_or_else(|| Arc::from(""));
            let there = self.lookup(to, &key);
            if there.is_some() && !all {
                continue;
            }
            let copy = self.copy(id, depth)?;
            self.item_mut(copy).inherited = !all;
            match there {
                None => self.insert(to, copy),
                Some(old) => {
                    let more = std::mem::take(&mut self.item_mut(copy).more);
                    let chain = &mut self.item_mut(old).more;
                    chain.push(copy);
                    chain.extend(more);
                }
            }
        }
        Ok(())
    }

    /// A deep copy, without recursion. Of sections said several times the first is copied, as the peer does.
    fn copy(&mut self, id: Id, depth: usize) -> Result<Id, Clash> {
        let root = self.shallow(id)?;
        let mut open = vec![(root, depth + 1)];
        while let Some((at, depth)) = open.pop() {
            if depth > DEEPEST_COPY {
                return Err(Clash::TooDeep);
            }
            open.extend(self.item(at).more.iter().map(|&other| (other, depth)));
            let children = match &self.item(at).kind {
                Kind::List(items) => items.clone(),
                Kind::Table(keys) => keys.order.clone(),
                _ => continue,
            };
            let mut copies = Vec::with_capacity(children.len());
            for child in children {
                let copy = self.shallow(child)?;
                open.push((copy, depth + 1));
                copies.push(copy);
            }
            match &mut self.item_mut(at).kind {
                Kind::List(items) => *items = copies,
                Kind::Table(keys) => keys.order = copies,
                _ => (),
            }
        }
        Ok(root)
    }

    /// A copy that still names the children of the original.
    fn shallow(&mut self, id: Id) -> Result<Id, Clash> {
        let mut copy = self.alone(id)?;
        let plain = !matches!(copy.kind, Kind::List(_) | Kind::Table(_));
        for other in std::mem::take(&mut copy.more).into_iter().filter(|_| plain) {
            let mut other = self.alone(other)?;
            other.more = Vec::new();
            copy.more.push(self.push(other)?);
        }
        self.push(copy)
    }

    fn alone(&mut self, id: Id) -> Result<Item, Clash> {
        let mut copy = self.item(id).clone();
        if let Kind::Text(text) = &copy.kind {
            self.copied += text.len();
        }
        copy.hidden = Vec::new();
        if self.copied > MOST_COPIED { Err(Clash::TooMany) } else { Ok(copy) }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// How many values a name has.
    pub fn count(&self, id: Id) -> usize {
        1 + self.item(id).more.len()
    }
}

//! The tree that was read as the values everyone else knows. It changes nothing about what they say.

use std::rc::Rc;
use std::sync::Arc;

use super::text::Text;
use super::tree::{Id, Keys, Kind, Span, Tree};
use crate::config::value::{Entry, Node, Place, Source, Table, Value};

impl Tree {
    /// The tree as values, built from the leaves up, without recursion.
    pub fn finish(self, root: Id, sources: &dyn Sources) -> Value {
        Finish {
            done: (0..self.len()).map(|_| None).collect(),
            tree: self,
            sources,
        }
        .run(root)
    }
}

/// Finds the place a stretch of text was written at.
pub(super) trait Sources {
    fn place(&self, span: Span) -> Place;
}

impl Sources for Vec<Rc<Text>> {
    fn place(&self, span: Span) -> Place {
        let wide = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        let text = self.get(wide(span.source)).or_else(|| self.last()).expect("a text was read");
        Place::new(&text.source, wide(span.from), wide(span.to))
    }
}

impl Sources for Arc<Source> {
    fn place(&self, span: Span) -> Place {
        let wide = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        Place::new(self, wide(span.from), wide(span.to))
    }
}

struct Finish<'s> {
    tree: Tree,
    done: Vec<Option<Value>>,
    sources: &'s dyn Sources,
}

impl Finish<'_> {
    fn run(mut self, root: Id) -> Value {
        let mut open = vec![(root, false)];
        while let Some((id, entered)) = open.pop() {
            if entered {
                let value = self.build(id);
                if let Some(slot) = self.done.get_mut(Tree::slot(id)) {
                    *slot = Some(value);
                }
                continue;
            }
            open.push((id, true));
            let item = self.tree.item(id);
            let children: &[Id] = match &item.kind {
                Kind::List(items) => items,
                Kind::Table(keys) => &keys.order,
                _ => &[],
            };
            let all = children.iter().chain(&item.more).chain(&item.hidden);
            open.extend(all.map(|&child| (child, false)));
        }
        self.take(root)
    }

    /// The finished value; each stands in one place only.
    fn take(&mut self, id: Id) -> Value {
        let place = self.tree.item(id).place;
        let value = self.done.get_mut(Tree::slot(id)).and_then(Option::take);
        value.unwrap_or_else(|| Value::new(Node::Null, self.sources.place(place)))
    }

    fn build(&mut self, id: Id) -> Value {
        let item = self.tree.item_mut(id);
        let (place, priority) = (item.place, item.priority);
        let kind = std::mem::replace(&mut item.kind, Kind::Null);
        let more = std::mem::take(&mut item.more);
        let hidden = std::mem::take(&mut item.hidden);
        let node = match kind {
            Kind::Null => Node::Null,
            Kind::Bool(yes) => Node::Bool(yes),
            Kind::Int(number) => Node::Int(number),
            Kind::Float(number) => Node::Float(number),
            Kind::Time(seconds) => Node::Time(seconds),
            Kind::Text(text) => Node::Text(text.to_string()),
            Kind::List(items) => Node::List(items.into_iter().map(|id| self.take(id)).collect()),
            Kind::Table(keys) => self.table(keys),
        };
        let mut value = Value::new(node, self.sources.place(place));
        value.priority = priority;
        if !more.is_empty() {
            let place = value.place.clone();
            let all = std::iter::once(value).chain(more.into_iter().map(|id| self.take(id))).collect();
            value = Value::new(Node::Repeated(all), place);
            value.priority = priority;
        }
        // The newest stands first, so the chain is built from its end.
        for id in hidden.into_iter().rev() {
            let mut below = self.take(id);
            below.overridden = value.overridden.take();
            value.overridden = Some(Box::new(below));
        }
        value
    }

    fn table(&mut self, keys: Keys) -> Node {
        let mut table = Table::default();
        for id in keys.order {
            let item = self.tree.item(id);
            let (key, key_place) = (item.key.clone(), item.key_place);
            table.insert(Entry {
                key: key.map(|key| key.to_string()).unwrap_or_default(),
                key_place: self.sources.place(key_place),
                value: self.take(id),
            });
        }
        Node::Table(table)
    }
}

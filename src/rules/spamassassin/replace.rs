//! Tags in patterns, `<A>` for whatever stands for an A: `replace_tag` and its companions.

use super::line::Replace;
use std::collections::HashMap;

/// Longest pattern that may come of it.
const LONGEST: usize = 64 * 1024;

/// What stands for what.
#[derive(Default)]
pub(super) struct Tags(HashMap<(Replace, String), String>);

impl Tags {
    pub(super) fn set(&mut self, kind: Replace, name: String, text: String) {
        self.0.insert((kind, name), text);
    }

    fn get(&self, kind: Replace, name: &str) -> Option<&str> {
        self.0.get(&(kind, name.to_owned())).map(String::as_str)
    }

    /// The pattern with its tags replaced: `<pre P>`, `<inter I>` and `<post Q>` say what goes before each, between neighbours, and behind.
    pub(super) fn replace(&self, pattern: &str) -> Option<String> {
        let (mut pre, mut inter, mut post) = ("", "", "");
        let mut out = String::new();
        let mut rest = pattern;
        let mut beside = false;
        while let Some((before, tail)) = rest.split_once('<') {
            out.push_str(before);
            beside &= before.is_empty();
            let inside = tail.split_once('>');
            let word = inside.map_or("", |(word, _)| word);
            rest = inside.map_or(tail, |(_, rest)| rest);
            if let Some(text) = self.get(Replace::Tag, word) {
                let between = if beside { inter } else { "" };
                out.extend([between, pre, text, post]);
                beside = true;
            } else {
                let (kind, name) = word.split_once(' ').unwrap_or((word, ""));
                match kind {
                    "pre" => pre = self.get(Replace::Pre, name)?,
                    "inter" => inter = self.get(Replace::Inter, name)?,
                    "post" => post = self.get(Replace::Post, name)?,
                    _ => {
                        out.push('<');
                        rest = tail;
                        beside = false;
                    }
                }
            }
            if out.len() > LONGEST {
                return None;
            }
        }
        out.push_str(rest);
        Some(out)
    }
}

//! The names of HTML 4 and what each does to text; any other name does nothing.

use super::style::Display;
use std::sync::LazyLock;

/// A name by its place in [`NAMES`]; names that HTML 4 does not know are told apart well enough by the numbers from [`UNKNOWN`] on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(u16);

/// The first number of an unknown name.
const UNKNOWN: u16 = 128;
/// All numbers are smaller.
pub(super) const TAGS: u16 = 1_024;

/// Sorted.
#[rustfmt::skip]
const NAMES: [&str; 101] = [
    "a", "abbr", "acronym", "address", "applet", "area", "b", "base", "basefont", "bdo", "big", "blockquote", "body", "br", "button",
    "caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "dfn", "dir", "div", "dl", "dt", "em", "fieldset", "font",
    "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "head", "hr", "html", "i", "iframe", "img", "input", "ins",
    "isindex", "kbd", "label", "legend", "li", "link", "listing", "map", "menu", "meta", "nextid", "noframes", "noscript", "object", "ol",
    "optgroup", "option", "p", "param", "plaintext", "pre", "q", "rb", "rbc", "rp", "rt", "rtc", "ruby", "s", "samp", "script", "select",
    "small", "span", "strike", "strong", "style", "sub", "sup", "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "title", "tr",
    "tt", "u", "ul", "var", "xmp",
];

/// The names as numbers, in the same order.
static KEYS: LazyLock<[u128; NAMES.len()]> = LazyLock::new(|| NAMES.map(|name| key(name).unwrap_or_default()));

/// A name in lower case as one number, its first letter on top; longer ones are not known.
fn key(name: &str) -> Option<u128> {
    let mut bytes = [0; 16];
    let front = bytes.get_mut(..name.len())?;
    front.copy_from_slice(name.as_bytes());
    front.make_ascii_lowercase();
    Some(u128::from_be_bytes(bytes))
}

/// Lines of their own.
#[rustfmt::skip]
const LINES: Names = Names::of(&[
    "address", "area", "blockquote", "caption", "center", "col", "colgroup", "del", "dir", "div", "dl", "fieldset", "form", "h1", "h2",
    "h3", "h4", "h5", "h6", "hr", "ins", "isindex", "listing", "menu", "noframes", "noscript", "ol", "p", "plaintext", "pre", "table",
    "tbody", "tfoot", "thead", "tr", "ul", "xmp",
]);
/// Cells of a line.
const CELLS: Names = Names::of(&["td", "th"]);
/// Nothing stands in them, and no end tag closes them.
#[rustfmt::skip]
const VOID: Names = Names::of(&[
    "area", "base", "basefont", "br", "col", "frame", "hr", "img", "input", "isindex", "link", "meta", "nextid", "param",
]);
/// Of the head: never shown, wherever they stand.
const SILENT: Names = Names::of(&["base", "meta", "nextid", "object", "script", "style", "title"]);
/// One leads somewhere from them.
const LINKS: Names = Names::of(&["a", "area", "form", "frame", "iframe", "link", "map"]);
/// Once in a document.
const SINGLE: Names = Names::of(&["body", "head", "html", "title"]);
/// Always a line end.
const BREAKS: Names = Names::of(&["br", "hr"]);
/// Their content may be no markup.
const RAW: Names = Names::of(&["noscript", "script", "style"]);

pub(super) const A: Tag = named("a");
pub(super) const BASE: Tag = named("base");
pub(super) const BODY: Tag = named("body");
pub(super) const HEAD: Tag = named("head");
pub(super) const HTML: Tag = named("html");
pub(super) const IMG: Tag = named("img");
pub(super) const LINK: Tag = named("link");
pub(super) const STYLE: Tag = named("style");

impl Tag {
    /// Finds a name, in any case.
    pub(super) fn of(name: &str) -> Tag {
        let place = key(name).and_then(|key| KEYS.binary_search(&key).ok());
        place.and_then(|at| u16::try_from(at).ok()).map_or_else(|| Tag::unknown(name), Tag)
    }

    fn unknown(name: &str) -> Tag {
        let lower = name.bytes().map(|b| b.to_ascii_lowercase());
        let hash = lower.fold(0u16, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        Tag(UNKNOWN + hash % (TAGS - UNKNOWN))
    }

    pub(super) fn is_known(self) -> bool {
        self.0 < UNKNOWN
    }

    pub(super) fn name(self) -> &'static str {
        NAMES.get(self.index()).copied().unwrap_or("unknown")
    }

    /// Less than [`TAGS`].
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// How it looks where nothing else is said.
    pub(super) fn display(self) -> Display {
        match self {
            _ if SILENT.has(self) => Display::Hidden,
            _ if LINES.has(self) => Display::Block,
            _ if CELLS.has(self) => Display::Row,
            _ => Display::Inline,
        }
    }

    pub(super) fn is_void(self) -> bool {
        VOID.has(self)
    }

    pub(super) fn is_silent(self) -> bool {
        SILENT.has(self)
    }

    pub(super) fn is_link(self) -> bool {
        LINKS.has(self)
    }

    pub(super) fn is_single(self) -> bool {
        SINGLE.has(self)
    }

    pub(super) fn breaks(self) -> bool {
        BREAKS.has(self)
    }

    pub(super) fn is_raw(self) -> bool {
        RAW.has(self)
    }
}

/// A set of names.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Names(u128);

impl Names {
    const fn of(names: &[&str]) -> Names {
        let mut set = 0;
        let mut rest = names;
        while let [name, tail @ ..] = rest {
            set |= 1 << named(name).0;
            rest = tail;
        }
        Names(set)
    }

    pub(super) fn has(self, tag: Tag) -> bool {
        tag.is_known() && self.0 >> tag.0 & 1 == 1
    }

    pub(super) fn insert(&mut self, tag: Tag) {
        if tag.is_known() {
            self.0 |= 1 << tag.0;
        }
    }
}

/// A name that is known when this is compiled.
const fn named(name: &str) -> Tag {
    let mut at: u16 = 0;
    let mut rest: &[&str] = &NAMES;
    while let [first, tail @ ..] = rest {
        if same(first.as_bytes(), name.as_bytes()) {
            return Tag(at);
        }
        at += 1;
        rest = tail;
    }
    Tag(UNKNOWN)
}

const fn same(mut a: &[u8], mut b: &[u8]) -> bool {
    while let ([x, more @ ..], [y, tail @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (more, tail);
    }
    a.is_empty() && b.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_sets_hold_known_ones() {
        assert!(NAMES.is_sorted());
        for set in [LINES, CELLS, VOID, SILENT, LINKS, SINGLE, BREAKS, RAW] {
            assert_eq!(set.0 >> NAMES.len(), 0);
        }
        assert_eq!(
            (A.name(), STYLE.name(), Tag::of("o:p").name(), Tag::of("TR").name()),
            ("a", "style", "unknown", "tr")
        );
    }
}

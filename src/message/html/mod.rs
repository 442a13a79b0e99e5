//! HTML as a reader sees it: the text, the links with what they show, the images, and what is hidden. One pass over the tokens with a
//! bounded stack; no tree, no layout, nothing is fetched. Where mail programs and standards differ it follows rspamd, since scores
//! depend on it.

mod attributes;
mod color;
mod css;
mod render;
mod style;
mod tags;
#[cfg(test)]
mod tests;
mod token;

pub use color::Color;
pub use style::{Display, Sight, Style};

use std::ops::Range;
use tags::Tag;

/// Elements read of one part.
pub const MAX_ELEMENTS: usize = 8_192;

/// One HTML part.
#[derive(Clone, Debug, Default)]
pub struct Html {
    /// What a reader sees, with line ends where blocks end; letters that cannot be told from their background are blanks.
    pub text: String,
    /// What a reader does not see.
    pub invisible: String,
    /// URLs in attributes, in order.
    pub links: Vec<Link>,
    /// Texts of links that can be seen, in the order in which the links end.
    pub shown: Vec<Shown>,
    /// Images in order.
    pub images: Vec<Image>,
    /// Elements in order of their beginning, [`MAX_ELEMENTS`] at most.
    pub elements: Vec<Element>,
    /// What was strange.
    pub oddities: Oddities,
    seen: tags::Names,
}

impl Html {
    /// Reads a part; never fails.
    pub fn read(text: &str) -> Html {
        render::read(text)
    }

    /// An element of this name (lower case) occurs.
    pub fn has_tag(&self, name: &str) -> bool {
        let tag = Tag::of(name);
        self.seen.has(tag)
    }

    /// The text of an element.
    pub fn content(&self, element: &Element) -> &str {
        let text = if element.sight == Sight::Invisible {
            &self.invisible
        } else {
            &self.text
        };
        text.get(element.range.clone()).unwrap_or_default()
    }
}

/// Why a URL stands in HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// A reader can go there.
    Target,
    /// It is drawn.
    Image,
}

/// An attribute that holds a URL, made absolute where a `base` was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The value.
    pub value: String,
    /// What for.
    pub kind: LinkKind,
    /// Its element cannot be seen.
    pub invisible: bool,
    /// Index of its element, unless there were too many.
    pub element: Option<usize>,
}

impl Link {
    /// The value as a URL, where it is one.
    pub fn url(&self) -> Option<super::Url> {
        super::url::href(&self.value)
    }
}

/// The text of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Index of the link.
    pub link: usize,
    /// Where in the text.
    pub range: Range<usize>,
}

/// An image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Its source, without `cid:`.
    pub src: String,
    /// Width in pixels by its attribute; 0 where unknown.
    pub width: u32,
    /// Height in pixels by its attribute; 0 where unknown.
    pub height: u32,
    /// Width in pixels by its style; 0 where unknown.
    pub styled_width: u32,
    /// Height in pixels by its style; 0 where unknown.
    pub styled_height: u32,
    /// Attached to the message, or written into the source.
    pub embedded: bool,
    /// Written into the source.
    pub data: bool,
    /// Index of the `a` it stands in.
    pub anchor: Option<usize>,
    /// Index of its element.
    pub element: Option<usize>,
}

/// An element.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Its name; `unknown` where HTML 4 has none such.
    pub name: &'static str,
    /// Index of the element it stands in.
    pub parent: Option<usize>,
    /// Another element stands in it.
    pub has_children: bool,
    /// Where its text is: in the visible text, or in the invisible one.
    pub range: Range<usize>,
    /// Whether it can be seen.
    pub sight: Sight,
    /// What it looks like.
    pub style: Style,
    /// Index of its link.
    pub link: Option<usize>,
}

/// What was strange about the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// It does not begin with an element.
    pub bad_start: bool,
    /// Something like an element that is none.
    pub bad_element: bool,
    /// A processing instruction.
    pub xml: bool,
    /// An element that HTML 4 does not know.
    pub unknown_element: bool,
    /// `html`, `head`, `body` or `title` occurs: rspamd says so of the first one already.
    pub duplicate_element: bool,
    /// An end without a beginning.
    pub unbalanced: bool,
    /// An image written into its source.
    pub data_urls: bool,
    /// More than [`MAX_ELEMENTS`].
    pub too_many_elements: bool,
}

//! From tokens to what a reader sees. One pass; what is open stands on a stack as deep as there may be elements. What an element looks
//! like is `style`'s, how text is written down is `ink`'s.

mod ink;

use super::attributes::{Attributes, number, styled};
use super::color::color;
use super::css::{Sheet, declarations};
use super::style::{Display, Sight, Style};
use super::tags::{self, Tag};
use super::token::{Token, Tokens};
use super::{Element, Html, Image, Link, LinkKind, MAX_ELEMENTS, Shown};
use crate::message::url;
use ink::Ink;
use std::borrow::Cow;

/// Bytes read of one part.
const MAX_SOURCE: usize = 4 << 20;
/// The most taken of a style sheet or a script.
const RAW_REACH: usize = 64 << 10;
/// A longer base is none; it goes into every link.
const MAX_BASE: usize = 1_024;

/// Renders a part; twice where a style sheet stands behind what it styles.
pub(super) fn read(source: &str) -> Html {
    let source = source.get(..source.floor_char_boundary(MAX_SOURCE)).unwrap_or(source);
    let page = Page::of(source, None);
    if page.late_sheet {
        return Page::of(source, Some(page.sheet)).finish();
    }
    page.finish()
}

/// How far a document got.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    Head,
    Body,
}

/// An element whose end has not come yet.
#[derive(Clone, Copy)]
struct Open {
    tag: Tag,
    /// Index of the element.
    element: usize,
    style: Style,
    sight: Sight,
    /// It or something around it is never shown.
    silent: bool,
    /// Where its text begins.
    start: usize,
    /// The innermost `a`: itself or around it.
    anchor: Option<usize>,
}

struct Page {
    html: Html,
    seen: Ink,
    unseen: Ink,
    open: Vec<Open>,
    /// How many of each name are open.
    counts: Vec<u16>,
    sheet: Sheet,
    /// A style sheet came behind text.
    late_sheet: bool,
    base: Option<String>,
    place: Place,
    /// Something came before `html`.
    preceded: bool,
    /// Elements of a document with `html` around it were not nested.
    broken: bool,
    /// The document is over; what follows outside all elements is no part of it.
    ended: bool,
    /// Where text outside all elements began that nothing followed yet.
    tail: Option<usize>,
}

impl Default for Page {
    fn default() -> Self {
        Page {
            html: Html::default(),
            seen: Ink::default(),
            unseen: Ink::default(),
            open: Vec::new(),
            counts: vec![0; tags::TAGS.into()],
            sheet: Sheet::default(),
            late_sheet: false,
            base: None,
            place: Place::default(),
            preceded: false,
            broken: false,
            ended: false,
            tail: None,
        }
    }
}

impl Page {
    /// Reads a part, by its own style sheets or by those given.
    fn of(source: &str, sheet: Option<Sheet>) -> Page {
        let mut page = Page::default();
        let known = sheet.is_some();
        page.sheet = sheet.unwrap_or_default();
        page.html.oddities.bad_start = !source.starts_with('<');
        let mut tokens = Tokens::new(source);
        let mut attributes = Attributes::default();
        // What was shown before the last text.
        let mut shown = 0;
        while let Some(token) = tokens.next(|name, value| attributes.put(name, value)) {
            let text_from = matches!(token, Token::Text(_)).then(|| page.seen.len());
            match token {
                Token::Text(text) => page.text(text),
                Token::Start { name, closed } => {
                    let tag = Tag::of(name);
                    let opened = page.start(tag, &attributes, closed);
                    attributes.clear();
                    if opened
                        && tag.is_raw()
                        && let Some(content) = tokens.raw(RAW_REACH)
                    {
                        match tag {
                            tags::STYLE if known => {}
                            tags::STYLE => page.style_sheet(content),
                            _ => page.text(content),
                        }
                    }
                }
                Token::End { name } => page.end(Tag::of(name)),
                Token::Aside { xml } => page.aside(xml),
            }
            shown = text_from.unwrap_or_else(|| page.seen.len());
        }
        if let Some(name) = tokens.cut {
            page.cut(Tag::of(name), shown);
        }
        page
    }

    /// The source ends in a start tag: to the peer its element holds all that was shown before, and cannot be seen.
    fn cut(&mut self, tag: Tag, shown: usize) {
        let open = Open {
            sight: Sight::Invisible,
            silent: true,
            ..self.looks(tag, &Attributes::default())
        };
        let element = open.element;
        self.open_element(open, None);
        self.close();
        if let Some(element) = self.html.elements.get_mut(element) {
            element.range = 0..shown;
        }
    }

    fn style_sheet(&mut self, content: &str) {
        self.sheet.read(content);
        self.late_sheet |= self.seen.len() + self.unseen.len() > 0;
    }

    fn text(&mut self, text: &str) {
        if self.place == Place::Start && !text.trim_ascii().is_empty() {
            self.place = Place::Body;
            self.preceded |= !self.has_open(tags::HTML);
        }
        if self.open.is_empty() && self.tail.is_none() {
            self.tail = Some(self.seen.len());
        }
        let (sight, silent) = self.open.last().map_or((Sight::Visible, false), |o| (o.sight, o.silent));
        if silent || (self.place == Place::Head && self.has_open(tags::HEAD)) {
            return;
        }
        match sight {
            Sight::Invisible => self.unseen.write(text, true),
            Sight::Visible => self.seen.write(text, true),
            Sight::Transparent => self.seen.write(text, false),
        }
    }

    /// A comment, a doctype or the like.
    fn aside(&mut self, xml: bool) {
        self.html.oddities.xml |= xml;
        self.tail = None;
        self.preceded |= !self.has_open(tags::HTML);
        self.ended |= self.place == Place::Head && !self.has_open(tags::HEAD);
        self.place = Place::Body;
    }

    /// Takes a start tag; false where it opened nothing.
    fn start(&mut self, tag: Tag, attributes: &Attributes<'_>, closed: bool) -> bool {
        let odd = &mut self.html.oddities;
        odd.unknown_element |= !tag.is_known();
        odd.duplicate_element |= tag.is_single();
        if self.html.elements.len() >= MAX_ELEMENTS {
            odd.too_many_elements = true;
            return false;
        }
        self.tail = None;
        self.html.seen.insert(tag);
        self.move_on(tag);
        let open = self.looks(tag, attributes);
        let link = (tag.is_link() && self.place != Place::Head)
            .then(|| self.link(attributes, &open))
            .flatten();
        if tag == tags::IMG || (tag == tags::LINK && attributes.rel.as_deref() == Some("icon")) {
            self.image(attributes, &open);
        }
        if tag == tags::BASE && self.base.is_none() {
            let base = attributes.href.as_deref().and_then(url::href);
            self.base = base.map(|b| b.text().to_owned()).filter(|b| b.len() <= MAX_BASE);
        }
        self.open_element(open, link);
        if tag == tags::IMG
            && open.sight != Sight::Invisible
            && !open.silent
            && let Some(words) = &attributes.alt
        {
            self.seen.aside(words);
        }
        if tag.is_void() || closed {
            self.close();
            return false;
        }
        true
    }

    /// The head ends where something begins that does not belong there.
    fn move_on(&mut self, tag: Tag) {
        match self.place {
            Place::Start if tag == tags::HEAD || tag.is_silent() => self.place = Place::Head,
            Place::Start if tag != tags::HTML => self.place = Place::Body,
            Place::Head if tag == tags::BODY || !(tag.is_silent() || tag.is_void() || tag == tags::HEAD) => self.leave_head(),
            _ => {}
        }
        self.preceded |= !matches!(tag, tags::HTML | tags::HEAD) && !self.has_open(tags::HTML);
    }

    fn leave_head(&mut self) {
        self.place = Place::Body;
        if self.has_open(tags::HEAD) {
            self.close_to(tags::HEAD);
            return;
        }
        self.ended = true;
        if self.open.last().is_some_and(|o| o.tag == tags::HTML) {
            self.close();
        }
    }

    /// What is known of an element before it opens.
    fn looks(&self, tag: Tag, attributes: &Attributes<'_>) -> Open {
        let parent = self.open.last();
        let around = parent.map(|p| p.style).unwrap_or_default();
        let mut said = if tag.is_void() { Style::default() } else { own(attributes) };
        if tag.is_known()
            && let Some(rule) = self.sheet.of(tag.name(), attributes.class.as_deref(), attributes.id.as_deref())
        {
            said.inherit(&rule);
        }
        let hidden = tag.is_void() && around.display() == Display::Hidden;
        let usual = if hidden { Display::Hidden } else { tag.display() };
        let style = said.within(&around, usual);
        let sight = style.sight();
        let element = self.html.elements.len();
        Open {
            tag,
            element,
            style,
            sight,
            silent: tag.is_silent() || parent.is_some_and(|p| p.silent),
            start: if sight == Sight::Invisible {
                self.unseen.len()
            } else {
                self.seen.len()
            },
            anchor: if tag == tags::A {
                Some(element)
            } else {
                parent.and_then(|p| p.anchor)
            },
        }
    }

    fn open_element(&mut self, open: Open, link: Option<usize>) {
        let parent = self.open.last().map(|p| p.element);
        if let Some(parent) = parent.and_then(|p| self.html.elements.get_mut(p)) {
            parent.has_children = true;
        }
        self.html.elements.push(Element {
            name: open.tag.name(),
            parent,
            has_children: false,
            range: open.start..open.start,
            sight: open.sight,
            style: open.style,
            link,
        });
        if let Some(count) = self.counts.get_mut(open.tag.index()) {
            *count += 1;
        }
        if open.tag.breaks() && !open.silent {
            self.seen.line_end();
        }
        self.edge(&open, usize::MAX);
        self.open.push(open);
    }

    /// Keeps an element apart from what stands before it or behind it.
    fn edge(&mut self, open: &Open, own: usize) {
        if open.silent || open.sight != Sight::Visible {
            return;
        }
        match open.style.display() {
            Display::Block => self.seen.new_line(own),
            Display::Row => self.seen.gap(),
            Display::Inline | Display::Hidden => {}
        }
    }

    /// Closes the innermost element.
    fn close(&mut self) {
        let Some(open) = self.open.pop() else {
            return;
        };
        if let Some(count) = self.counts.get_mut(open.tag.index()) {
            *count -= 1;
        }
        if !open.tag.is_void() {
            self.edge(&open, open.start);
        }
        let Some(element) = self.html.elements.get_mut(open.element) else {
            return;
        };
        let ink = if open.sight == Sight::Invisible { &self.unseen } else { &self.seen };
        if !open.silent {
            element.range = open.start..ink.len().max(open.start);
        }
        if let Some(link) = element.link
            && open.tag == tags::A
            && open.sight != Sight::Invisible
        {
            self.html.shown.push(Shown {
                link,
                range: element.range.clone(),
            });
        }
    }

    /// Closes what is open down to the innermost element of a name that is open.
    fn close_to(&mut self, tag: Tag) {
        while let Some(last) = self.open.last().map(|o| o.tag) {
            self.close();
            if last == tag {
                return;
            }
        }
    }

    fn has_open(&self, tag: Tag) -> bool {
        self.counts.get(tag.index()).is_some_and(|n| *n > 0)
    }

    fn end(&mut self, tag: Tag) {
        self.tail = None;
        if tag == tags::HEAD && self.place == Place::Head {
            self.html.oddities.unbalanced |= !self.has_open(tag);
            self.leave_head();
            return;
        }
        if !self.has_open(tag) {
            self.unmatched(tag);
        } else if self.open.last().is_some_and(|o| o.tag == tag) {
            self.close();
            self.ended |= tag == tags::HTML && self.open.is_empty() && !self.preceded;
        } else {
            self.give_up();
        }
    }

    /// An end tag without a beginning ends no more than a line.
    fn unmatched(&mut self, tag: Tag) {
        self.html.oddities.unbalanced = true;
        let inside = |o: &Open| !o.silent && o.sight == Sight::Visible;
        let visible = self.open.last().map_or(self.broken, inside);
        if visible && tag.display() == Display::Block && !tag.is_void() {
            self.seen.new_line(usize::MAX);
        }
    }

    /// An end tag that is not the innermost element's ends all of them: rspamd makes nothing of broken nesting.
    fn give_up(&mut self) {
        self.broken |= !self.preceded && self.open.first().is_some_and(|o| o.tag == tags::HTML);
        while !self.open.is_empty() {
            self.close();
        }
        self.ended = true;
    }

    /// The link of an element.
    fn link(&mut self, attributes: &Attributes<'_>, open: &Open) -> Option<usize> {
        let value = absolute(attributes.href.as_deref()?, self.base.as_deref())?;
        let invisible = open.sight == Sight::Invisible && !open.silent;
        Some(self.put_link(value, LinkKind::Target, invisible, open.element))
    }

    fn put_link(&mut self, value: String, kind: LinkKind, invisible: bool, element: usize) -> usize {
        self.html.links.push(Link {
            value,
            kind,
            invisible,
            element: Some(element),
        });
        self.html.links.len() - 1
    }

    fn image(&mut self, attributes: &Attributes<'_>, open: &Open) {
        let source = attributes.href.as_deref().unwrap_or_default();
        let attached = source.strip_prefix("cid:");
        let data = source.len() > 5 && source.starts_with("data:");
        self.html.oddities.data_urls |= data;
        if attached.is_none() && !data && !source.is_empty() {
            self.put_link(source.to_owned(), LinkKind::Image, false, open.element);
        }
        let style = attributes.style.as_deref().unwrap_or_default();
        let size = |said: &Option<Cow<'_, str>>| said.as_deref().map_or(0, number);
        self.html.images.push(Image {
            src: attached.unwrap_or(source).to_owned(),
            width: size(&attributes.width),
            height: size(&attributes.height),
            styled_width: styled(style, "width").unwrap_or(0),
            styled_height: styled(style, "height").unwrap_or(0),
            embedded: attached.is_some() || data,
            data,
            anchor: open.anchor,
            element: Some(open.element),
        });
    }

    fn finish(mut self) -> Html {
        let end = self.tail.filter(|_| self.ended).unwrap_or(usize::MAX);
        while !self.open.is_empty() {
            self.close();
        }
        self.html.text = self.seen.finish(end);
        self.html.invisible = self.unseen.all();
        self.html
    }
}

/// What an element says of itself.
fn own(attributes: &Attributes<'_>) -> Style {
    let mut style = attributes.style.as_deref().map(declarations).unwrap_or_default();
    style.set_color(attributes.color.as_deref().and_then(color));
    style.set_background(attributes.background.as_deref().and_then(color));
    style.set_display(attributes.hidden.then_some(Display::Hidden));
    style
}

/// A value with the base in front, where it leads nowhere without.
fn absolute(value: &str, base: Option<&str>) -> Option<String> {
    let starts = |word: &str| value.get(..word.len()).is_some_and(|v| v.eq_ignore_ascii_case(word));
    // Readers take slashes of either kind behind a scheme.
    let schemes = ["//", "mailto:", "tel:", "callto:", "http:/", "http:\\", "https:/", "https:\\"];
    let whole = value.len() <= 2 || value.contains("://") || schemes.into_iter().any(starts);
    match base {
        Some(_) if starts("data:") => None,
        Some(base) if !whole => {
            let has_path = base.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
            Some(format!("{base}{}{value}", if has_path { "" } else { "/" }))
        }
        _ => Some(value.to_owned()),
    }
}

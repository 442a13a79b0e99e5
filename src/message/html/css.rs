//! The little of CSS that decides whether text can be seen: colours, font size, display, width and height. Selectors of one
//! word only. No cascade, no layout.

use super::color::color;
use super::style::{Display, Style};
use std::borrow::Cow;
use std::collections::HashMap;

/// Rules kept of all sheets of a part.
const MAX_RULES: usize = 2_000;
/// Declarations read of one block.
const MAX_DECLARATIONS: usize = 100;

/// Rules by what they select.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    rules: HashMap<Box<str>, Style>,
}

impl Sheet {
    /// Adds the content of a `style` element. What stands inside `@media` and the like is left out.
    pub(super) fn read(&mut self, text: &str) {
        let text = without_comments(text);
        let mut rest = text.as_ref();
        while let Some((head, body)) = rest.split_once('{') {
            if self.rules.len() > MAX_RULES {
                return;
            }
            let head = head.rsplit(';').next().unwrap_or_default().trim();
            if head.starts_with('@') {
                rest = behind_block(body);
                continue;
            }
            let (body, behind) = body.split_once('}').unwrap_or((body, ""));
            rest = behind;
            let style = declarations(body);
            if !style.is_empty() {
                for selector in head.trim_start_matches("<!--").split(',') {
                    self.add(selector.trim(), &style);
                }
            }
        }
    }

    fn add(&mut self, selector: &str, style: &Style) {
        let one = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        let word = selector.strip_prefix(['.', '#']).unwrap_or(selector);
        if selector != "*" && (word.is_empty() || !word.chars().all(one)) {
            return;
        }
        self.rules.entry(selector.to_ascii_lowercase().into()).or_insert(*style);
    }

    /// What the sheets say of an element.
    pub(super) fn of(&self, tag: &str, class: Option<&str>, id: Option<&str>) -> Option<Style> {
        if self.rules.is_empty() {
            return None;
        }
        let mut out: Option<Style> = None;
        let mut put = |style: Option<&Style>| {
            if let Some(style) = style {
                match &mut out {
                    Some(out) => out.inherit(style),
                    None => out = Some(*style),
                }
            }
        };
        if let Some(id) = id {
            put(self.rules.get(format!("#{}", id.to_ascii_lowercase()).as_str()));
        }
        for class in class.unwrap_or_default().split_ascii_whitespace().take(16) {
            put(self.rules.get(format!(".{}", class.to_ascii_lowercase()).as_str()));
        }
        put(self.rules.get(tag));
        put(self.rules.get("*"));
        out
    }
}

/// What a declaration is about.
#[derive(Clone, Copy)]
enum Property {
    Color,
    Background,
    Font,
    Width,
    Height,
    Display,
    Visibility,
}

const PROPERTIES: [(&str, Property); 11] = [
    ("color", Property::Color),
    ("font-color", Property::Color),
    ("background-color", Property::Background),
    ("background", Property::Background),
    ("bgcolor", Property::Background),
    ("font-size", Property::Font),
    ("font", Property::Font),
    ("width", Property::Width),
    ("height", Property::Height),
    ("display", Property::Display),
    ("visibility", Property::Visibility),
];

/// Reads `name: value; ...`. Of several declarations of a property the first counts, of several values the last.
pub(super) fn declarations(text: &str) -> Style {
    let mut style = Style::default();
    let text = without_comments(text);
    let (mut shown, mut display) = (false, false);
    for declaration in text.split(';').take_while(|d| !d.is_empty()).take(MAX_DECLARATIONS) {
        let Some((name, value)) = declaration.split_once(':') else {
            continue;
        };
        let name = name.trim();
        let Some((_, property)) = PROPERTIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
            continue;
        };
        let value = value.trim().to_ascii_lowercase();
        match property {
            Property::Color if style.color().is_none() => style.set_color(words(&value).filter_map(color).last()),
            Property::Background if style.background().is_none() => style.set_background(words(&value).filter_map(color).last()),
            Property::Font if style.font().is_none() => style.set_font(words(&value).filter_map(length).last()),
            Property::Width if style.width().is_none() => style.set_width(words(&value).filter_map(length).last()),
            Property::Height if style.height().is_none() => style.set_height(words(&value).filter_map(length).last()),
            Property::Display if !std::mem::replace(&mut display, true) => style.set_display(words(&value).filter_map(display_of).last()),
            Property::Visibility if !std::mem::replace(&mut shown, true) => style.set_display(words(&value).filter_map(display_of).last()),
            _ => {}
        }
    }
    style
}

/// The text without what stands between `/*` and `*/`.
fn without_comments(text: &str) -> Cow<'_, str> {
    if !text.contains("/*") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, behind)| behind);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What follows a block with blocks in it, from behind its `{`.
fn behind_block(body: &str) -> &str {
    let mut depth = 1u32;
    for (at, mark) in body.match_indices(['{', '}']) {
        depth = if mark == "{" { depth + 1 } else { depth - 1 };
        if depth == 0 {
            return body.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}

/// Pieces of a value; a function is one piece.
fn words(value: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0u32;
    value.split(move |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (c.is_ascii_whitespace() || c == '!' || c == '/')
    })
}

fn display_of(word: &str) -> Option<Display> {
    Some(match word {
        "none" | "hidden" => Display::Hidden,
        "block" | "table" | "flex" | "grid" | "list-item" => Display::Block,
        "table-row" | "table-cell" => Display::Row,
        "inline" | "inline-block" | "inline-table" | "inline-flex" => Display::Inline,
        _ => return None,
    })
}

/// A length in pixels; percentages are negative.
pub(super) fn length(word: &str) -> Option<f32> {
    let digits = word
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-' | '+'))
        .unwrap_or(word.len());
    let (number, unit) = word.split_at_checked(digits)?;
    let number: f32 = number.parse().ok()?;
    let pixels = match unit {
        "" | "px" => number.trunc(),
        "em" | "rem" | "ex" | "vw" | "vmax" | "vmin" => number * 8.0,
        "vh" => number * 6.0,
        "pt" => number * 96.0 / 72.0,
        "cm" => number * 96.0 / 2.54,
        "mm" => number * 9.6 / 2.54,
        "in" => number * 96.0,
        "pc" => number * 96.0 / 6.0,
        "%" => -number,
        _ => return None,
    };
    Some(pixels.round())
}

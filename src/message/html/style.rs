//! What an element looks like, as far as that decides whether its text can be seen.

use super::color::Color;

/// How an element stands among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// Not at all.
    Hidden,
    /// On lines of its own.
    Block,
    /// In the line.
    Inline,
    /// In the line, with blanks around it.
    Row,
}

/// Whether text can be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// It can.
    #[default]
    Visible,
    /// It is not drawn.
    Invisible,
    /// It is drawn, but cannot be told from what is behind it.
    Transparent,
}

/// What is known of an element's looks, or what a rule says of them. Sizes are pixels; those of rules may be negative: percentages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Style {
    color: Option<Color>,
    background: Option<Color>,
    font: Option<f32>,
    width: Option<f32>,
    height: Option<f32>,
    display: Option<Display>,
}

impl Style {
    /// Of the letters.
    pub fn color(&self) -> Option<Color> {
        self.color
    }

    /// Behind the letters.
    pub fn background(&self) -> Option<Color> {
        self.background
    }

    /// Height of the letters.
    pub fn font(&self) -> Option<f32> {
        self.font
    }

    /// Width of the element.
    pub fn width(&self) -> Option<f32> {
        self.width
    }

    /// Height of the element.
    pub fn height(&self) -> Option<f32> {
        self.height
    }

    /// How it stands among others.
    pub fn display(&self) -> Display {
        self.display.unwrap_or(Display::Inline)
    }

    /// Whether text in it can be seen.
    pub fn sight(&self) -> Sight {
        if self.display == Some(Display::Hidden) || self.font == Some(0.0) {
            return Sight::Invisible;
        }
        if self.blends() || self.color.is_some_and(|ink| ink.alpha < 10) {
            Sight::Transparent
        } else {
            Sight::Visible
        }
    }

    /// Its letters have the colour of what is behind them, however much shines through.
    pub fn blends(&self) -> bool {
        match (self.color, self.background) {
            (Some(ink), Some(paper)) => paper.alpha > 10 && ink.alike(paper),
            (Some(ink), None) => ink.alike(Color::WHITE),
            (None, Some(paper)) => paper.alpha > 10 && paper.alike(Color::BLACK),
            (None, None) => false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Style::default()
    }

    pub(super) fn set_color(&mut self, color: Option<Color>) {
        self.color = color.or(self.color);
    }

    pub(super) fn set_background(&mut self, color: Option<Color>) {
        self.background = color.or(self.background);
    }

    pub(super) fn set_font(&mut self, size: Option<f32>) {
        self.font = size.map(|s| s.clamp(-100.0, 127.0).trunc()).or(self.font);
    }

    pub(super) fn set_width(&mut self, size: Option<f32>) {
        self.width = size.map(|s| s.clamp(-32_768.0, 32_767.0).trunc()).or(self.width);
    }

    pub(super) fn set_height(&mut self, size: Option<f32>) {
        self.height = size.map(|s| s.clamp(-100.0, 32_767.0).trunc()).or(self.height);
    }

    pub(super) fn set_display(&mut self, display: Option<Display>) {
        self.display = display.or(self.display);
    }

    /// Fills what is missing from a weaker rule.
    pub(super) fn inherit(&mut self, weaker: &Style) {
        self.color = self.color.or(weaker.color);
        self.background = self.background.or(weaker.background);
        self.font = self.font.or(weaker.font);
        self.width = self.width.or(weaker.width);
        self.height = self.height.or(weaker.height);
        self.display = self.display.or(weaker.display);
    }

    /// The looks of an element: what is said of it, then what its parent looks like. Percentages become pixels.
    pub(super) fn within(mut self, parent: &Style, usual: Display) -> Style {
        self.font = size(self.font, parent.font, 12.0);
        self.width = size(self.width, parent.width, 1024.0);
        self.height = size(self.height, parent.height, 800.0);
        self.color = self.color.or(parent.color);
        self.background = self.background.or(parent.background);
        self.display = self.display.or(Some(usual));
        self
    }
}

/// A size where a part of another one may be said instead.
fn size(said: Option<f32>, parent: Option<f32>, usual: f32) -> Option<f32> {
    match said {
        Some(percent) if percent < 0.0 => Some((parent.unwrap_or(usual) * -percent / 100.0).trunc()),
        Some(pixels) => Some(pixels),
        None => parent,
    }
}

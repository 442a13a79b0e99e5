//! The attributes that matter, as they come with a start tag.

use std::borrow::Cow;

/// Longest value kept of attributes that hold no URL.
const MAX_VALUE: usize = 4_096;
/// Longest URL kept: what embeds an image may be long.
const MAX_URL: usize = 40_000;

/// The attributes of one element; empty values count as absent.
#[derive(Debug, Default)]
pub(super) struct Attributes<'s> {
    /// `href`, `src` or `action`: the first of them.
    pub(super) href: Option<Cow<'s, str>>,
    pub(super) color: Option<Cow<'s, str>>,
    pub(super) background: Option<Cow<'s, str>>,
    pub(super) style: Option<Cow<'s, str>>,
    pub(super) class: Option<Cow<'s, str>>,
    pub(super) id: Option<Cow<'s, str>>,
    pub(super) width: Option<Cow<'s, str>>,
    pub(super) height: Option<Cow<'s, str>>,
    pub(super) rel: Option<Cow<'s, str>>,
    pub(super) alt: Option<Cow<'s, str>>,
    pub(super) hidden: bool,
    /// One of them at least was given.
    any: bool,
}

impl<'s> Attributes<'s> {
    /// Forgets those of the last element.
    pub(super) fn clear(&mut self) {
        if self.any {
            *self = Attributes::default();
        }
    }

    /// Takes one attribute, its name in any case; of several with a name the first counts.
    pub(super) fn put(&mut self, name: &str, value: Cow<'s, str>) {
        let mut lower = [0; 7];
        let Some(lower) = lower.get_mut(..name.len()) else {
            return;
        };
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        let (slot, most) = match &*lower {
            b"href" | b"src" | b"action" => (&mut self.href, MAX_URL),
            b"color" => (&mut self.color, MAX_VALUE),
            b"bgcolor" => (&mut self.background, MAX_VALUE),
            b"style" => (&mut self.style, MAX_VALUE),
            b"class" => (&mut self.class, MAX_VALUE),
            b"id" => (&mut self.id, MAX_VALUE),
            b"width" => (&mut self.width, MAX_VALUE),
            b"height" => (&mut self.height, MAX_VALUE),
            b"rel" => (&mut self.rel, MAX_VALUE),
            b"alt" => (&mut self.alt, MAX_VALUE),
            b"hidden" => {
                (self.hidden, self.any) = (true, true);
                return;
            }
            _ => return,
        };
        if value.is_empty() || slot.is_some() {
            return;
        }
        let end = value.floor_char_boundary(most);
        *slot = Some(match value {
            Cow::Borrowed(value) => Cow::Borrowed(value.get(..end).unwrap_or(value)),
            Cow::Owned(mut value) => {
                value.truncate(end);
                Cow::Owned(value)
            }
        });
        self.any = true;
    }
}

/// The number at the front of a value.
pub(super) fn number(value: &str) -> u32 {
    let value = value.trim_start();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    value.get(..digits).and_then(|d| d.parse().ok()).unwrap_or(0)
}

/// The number behind a word of a style, as in `width: 20px`; also behind `max-width`, as the peer has it.
pub(super) fn styled(style: &str, word: &str) -> Option<u32> {
    let lower = style.to_ascii_lowercase();
    let at = lower.find(word)? + word.len();
    let rest = lower.get(at..)?.trim_start_matches([' ', '\t', '\r', '\n', '=', ':']);
    rest.starts_with(|c: char| c.is_ascii_digit()).then(|| number(rest))
}

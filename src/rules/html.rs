//! What HTML does besides being read: pictures instead of words, text that nobody sees, links that are not what they seem, data written
//! into the source.

use crate::engine::{Compat, Hits, Rule, Scan};
use crate::family::Family;
use crate::message::html::{Color, Element, Image, Sight};
use crate::message::{Html, Part, Url, picture};
use crate::rules::pattern::{When, patterns, rules};
use regex::bytes;
use std::sync::LazyLock;

crate::symbols! {
    "html" {
        HTML_SHORT_LINK_IMG_1 = both(2.0), "hardly any text, and a picture in the mail as a link";
        HTML_SHORT_LINK_IMG_2 = both(1.0), "little text, and a picture in the mail as a link";
        HTML_SHORT_LINK_IMG_3 = both(0.5), "not much text, and a picture in the mail as a link";
        R_EMPTY_IMAGE = both(2.0), "no text, but a large picture";
        R_SUSPICIOUS_IMAGES = both(5.0), "more pictures as links than words";
        R_WHITE_ON_WHITE = both(4.0), "much of the text has the colour of its background", shots 1;
        ZERO_FONT = both(1.0), "text in letters of no size", shots 1;
        MANY_INVISIBLE_PARTS = both(1.0), "pieces of text that cannot be seen", shots 1;
        EXT_CSS = both(1.0), "a style sheet is to be fetched";
        HTTP_TO_HTTPS = both(0.5), "a link shows https and leads to http";
        HTTP_TO_IP = both(1.0), "a link leads to a bare address";
        HTML_META_REFRESH_URL = both(5.0), "the HTML sends its reader on to another page", shots 1;
        HAS_DATA_URI = both(0.0), "data are written into the source", shots 1;
        DATA_URI_OBFU = both(2.0), "a text is hidden in encoded data", shots 1;
    }
}

/// HTML. No settings.
pub const FAMILY: Family = Family {
    name: "html",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| {
        let mut all = rules(TESTS);
        all.push(Rule::check("R_SUSPICIOUS_IMAGES", suspicious_images).giving(&[&R_SUSPICIOUS_IMAGES]));
        all.push(Rule::check("HTML_VISIBLE_CHECKS", visible).giving(&[&R_WHITE_ON_WHITE, &ZERO_FONT, &MANY_INVISIBLE_PARTS]));
        all.push(Rule::check("HTTP_TO_HTTPS", http_to_https).giving(&[&HTTP_TO_HTTPS]));
        all
    },
};

patterns! {
    STYLE_SHEET = r"(?i)\.css(?:$|[?#])";
    ADDRESS = r"^https?://\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}";
}

/// Searched in bytes: no charset is undone for these.
fn over_bytes(pattern: &str) -> bytes::Regex {
    bytes::Regex::new(pattern).expect("the pattern is fixed")
}
static REFRESH: LazyLock<bytes::Regex> = LazyLock::new(|| over_bytes(r#"(?i-u)<meta\s+http-equiv="refresh"\s+content="\d+\s*;\s*url="#));
static DATA: LazyLock<bytes::Regex> = LazyLock::new(|| over_bytes(r"(?i-u)data:[^/;]+/[^\s;]+;base64,"));
static DATA_TEXT: LazyLock<bytes::Regex> = LazyLock::new(|| over_bytes(r"(?i-u)data:text/(?:plain|html);base64,"));

static TESTS: &[When] = &[
    (&HTML_SHORT_LINK_IMG_1, |s| short_link(s, 0..1024)),
    (&HTML_SHORT_LINK_IMG_2, |s| short_link(s, 1024..1536)),
    (&HTML_SHORT_LINK_IMG_3, |s| short_link(s, 1536..2048)),
    (&R_EMPTY_IMAGE, |s| {
        let large = |i: &Image| i.anchor.is_none() && extent(s, i) >= 400;
        pages(s).any(|(_, html)| html.text.len() < 50 && html.images.iter().any(large))
    }),
    (&EXT_CSS, external_style),
    (&HTTP_TO_IP, http_to_ip),
    (&HTML_META_REFRESH_URL, |s| sources(s).any(|source| REFRESH.is_match(source))),
    (&HAS_DATA_URI, |s| sources(s).any(|source| DATA.is_match(source))),
    (&DATA_URI_OBFU, |s| sources(s).any(|source| DATA_TEXT.is_match(source))),
];

/// The HTML of a message, attached one too.
fn pages<'s>(scan: &'s Scan<'_>) -> impl Iterator<Item = (usize, &'s Html)> {
    let parts = scan.mail.parts().iter().enumerate();
    parts.filter_map(|(place, part)| Some((place, part.html()?)))
}

/// The decoded bytes of all texts.
fn sources<'s>(scan: &'s Scan<'_>) -> impl Iterator<Item = &'s [u8]> {
    let texts = scan.mail.parts().iter().filter(|p| p.is_text() || p.is_html());
    texts.map(Part::data)
}

/// Width and height of a picture together, in pixels. Only 4.1 reads styles.
fn extent(scan: &Scan<'_>, image: &Image) -> u32 {
    let said = |attribute: u32, style: u32| match scan.compat {
        Compat::V41 if attribute == 0 => style,
        _ => attribute,
    };
    let (mut width, mut height) = (said(image.width, image.styled_width), said(image.height, image.styled_height));
    if image.embedded && (width == 0 || height == 0) {
        (width, height) = picture::size(scan.mail, image).unwrap_or((width, height));
    }
    width.saturating_add(height)
}

fn short_link(scan: &Scan<'_>, lengths: std::ops::Range<usize>) -> bool {
    let linked = |i: &Image| i.embedded && i.anchor.is_some() && extent(scan, i) >= 210;
    pages(scan).any(|(_, html)| lengths.contains(&html.text.len()) && html.images.iter().any(linked))
}

/// The first page with more pictures as links than words; a hundred pixels are worth a word.
fn suspicious_images(scan: &Scan<'_>, hits: &mut Hits) {
    for (place, html) in pages(scan) {
        let linked = html.images.iter().filter(|i| i.anchor.is_some()).map(|i| extent(scan, i));
        let pixels: f64 = linked.filter(|e| (101..3000).contains(e)).map(f64::from).sum();
        if pixels == 0.0 {
            continue;
        }
        let words = u32::try_from(scan.mail.words(place).len()).map_or(f64::MAX, f64::from);
        let share = pixels / 100.0 / (words + pixels / 100.0);
        if share > 0.5 {
            return hits.weighted(&R_SUSPICIOUS_IMAGES, (share - 0.5) * 2.0, Vec::new());
        }
    }
}

/// Weights by number of pieces that cannot be seen; more are worth as much as the last.
const INVISIBLE: [f64; 11] = [0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0];
/// Weights by number of pieces in letters of no size.
const NO_SIZE: [f64; 6] = [0.0, 0.1, 0.2, 0.2, 0.3, 0.5];

/// Counts pieces of text that a reader does not see: without other elements in them, and of the elements that hold text in mail.
fn visible(scan: &Scan<'_>, hits: &mut Hits) {
    let mut found = Unseen::default();
    for (_, html) in pages(scan) {
        let holds_text = |e: &&Element| !e.has_children && matches!(e.name, "font" | "span" | "div" | "p" | "td");
        for element in html.elements.iter().filter(holds_text) {
            match element.sight {
                Sight::Visible => {}
                Sight::Transparent => found.transparent(html, element, || text_length(scan)),
                Sight::Invisible if element.range.is_empty() => {}
                Sight::Invisible => {
                    found.pieces += 1;
                    found.no_size += usize::from(element.style.font() == Some(0.0));
                }
            }
        }
    }
    found.tell(hits);
}

/// Bytes of text of the whole message, as readers see it.
fn text_length(scan: &Scan<'_>) -> usize {
    let seen = |part: &Part<'_>| part.html().map_or_else(|| part.text().map_or(0, str::len), |html| html.text.len());
    scan.mail.parts().iter().map(seen).sum()
}

/// What was counted of text that is not seen.
#[derive(Default)]
struct Unseen {
    pieces: usize,
    no_size: usize,
    /// Bytes of text with the colour of its background.
    lost: usize,
    /// The largest part of the text that is lost, and in what.
    share: Option<(f64, String)>,
}

impl Unseen {
    /// Text with the colour of its background counts even where there is none. Of its length the peer knows nothing, unless something
    /// around it is hidden: then it takes the hidden text for it, and counts once more.
    fn transparent(&mut self, html: &Html, element: &Element, all: impl FnOnce() -> usize) {
        if !element.style.blends() {
            return;
        }
        self.pieces += 1;
        let length = hidden_around(html, element).saturating_sub(element.range.start);
        if length == 0 {
            return;
        }
        self.pieces += 1;
        self.lost += length;
        let bytes = |n: usize| u32::try_from(n).map_or(f64::MAX, f64::from);
        let share = bytes(self.lost) / bytes(all());
        if self.share.as_ref().is_none_or(|(most, _)| share > *most) {
            let color = |c: Option<Color>| c.map_or("#000".to_owned(), |c| format!("#{:02x}{:02x}{:02x}", c.r, c.g, c.b));
            let (ink, paper) = (color(element.style.color()), color(element.style.background()));
            self.share = Some((share, format!("{} color {ink} bgcolor {paper}", element.name)));
        }
    }

    fn tell(self, hits: &mut Hits) {
        if let Some((share, option)) = self.share.filter(|(share, _)| *share > 0.1) {
            hits.weighted(&R_WHITE_ON_WHITE, 2.0 * share.min(0.5), vec![option]);
        }
        if self.no_size > 0 {
            let many = self.no_size > 10;
            let shown = if many { self.no_size } else { self.no_size.min(5) };
            let weight = NO_SIZE.get(shown).copied().unwrap_or(1.0);
            hits.weighted(&ZERO_FONT, weight, vec![shown.to_string()]);
        }
        if self.pieces > 0 {
            let weight = INVISIBLE.get(self.pieces).copied().unwrap_or(1.0);
            hits.weighted(&MANY_INVISIBLE_PARTS, weight, vec![self.pieces.min(10).to_string()]);
        }
    }
}

/// How far elements around are looked at.
const MAX_AROUND: usize = 64;

/// Bytes of hidden text up to the end of the hidden element around, where all between is transparent.
fn hidden_around(html: &Html, element: &Element) -> usize {
    let up = |e: &&Element| html.elements.get(e.parent?);
    let mut around = std::iter::successors(Some(element), up).take(MAX_AROUND);
    let stop = around.find(|e| e.sight != Sight::Transparent);
    stop.filter(|e| e.sight == Sight::Invisible).map_or(0, |e| e.range.end)
}

/// URLs of the elements of a name.
fn links<'h>(html: &'h Html, name: &'static str) -> impl Iterator<Item = Url> + 'h {
    let links = html
        .elements
        .iter()
        .filter(move |e| e.name == name)
        .filter_map(|e| html.links.get(e.link?));
    links.filter_map(|link| link.url())
}

/// While no URL of the message fits, none is read again.
fn external_style(scan: &Scan<'_>) -> bool {
    scan.mail.urls().all().iter().any(|u| STYLE_SHEET.is_match(u.text()))
        && pages(scan).any(|(_, html)| links(html, "link").any(|u| STYLE_SHEET.is_match(u.text())))
}

/// In the first page only.
fn http_to_ip(scan: &Scan<'_>) -> bool {
    scan.mail.urls().all().iter().any(|u| ADDRESS.is_match(u.text()))
        && pages(scan)
            .next()
            .is_some_and(|(_, html)| links(html, "a").any(|u| ADDRESS.is_match(u.text())))
}

/// In the first page only: a link that shows one scheme and has the other.
fn http_to_https(scan: &Scan<'_>, hits: &mut Hits) {
    let Some((_, html)) = pages(scan).next() else { return };
    let shows_https = |e: &&Element| {
        let seen = e.name == "a" && e.link.is_some() && e.sight != Sight::Transparent;
        seen && html
            .content(e)
            .trim_start()
            .get(..6)
            .is_some_and(|s| s.eq_ignore_ascii_case("https:"))
    };
    let links = html
        .elements
        .iter()
        .filter(shows_https)
        .filter_map(|e| html.links.get(e.link?)?.url());
    if let Some(url) = links.into_iter().find(|url| url.protocol.name() == "http") {
        hits.with(&HTTP_TO_HTTPS, url.host());
    }
}

//! Any text as HTML: what is told of it lies within it.

use torwart::message::Html;

/// One input.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let html = Html::read(&text);
    for element in &html.elements {
        let _ = html.content(element).len();
    }
    for link in &html.links {
        let _ = link.url();
        assert!(link.element.is_none_or(|at| at < html.elements.len()), "an element that is there");
    }
    for shown in &html.shown {
        assert!(shown.link < html.links.len(), "a link that is there");
    }
    let _ = html.has_tag("a");
}

//! What the text of a link promises, compared to where the link leads.

use super::find::first;
use super::host::readable;
use super::{Extent, Flags, Url};

/// Too short to show where a link leads.
const SHORT: usize = 4;

/// The URL that the text of a link shows; what it says of the target is noted there.
pub(in super::super) fn displayed(target: &mut Url, text: &str) -> Option<Url> {
    let text = text.trim();
    if text.len() <= SHORT {
        return None;
    }
    let found = first(text, Extent::All).filter(|f| f.start == 0)?;
    let Some(mut shown) = found.url else {
        let pretends = text.get(..4).is_some_and(|t| t.eq_ignore_ascii_case("http")) && text.contains("://");
        if pretends {
            target.flags |= Flags::PHISHED | Flags::OBSCURED;
        }
        return None;
    };
    shown.flags |= Flags::HTML_DISPLAYED;
    target.flags |= Flags::DISPLAY_URL;
    if target.protocol.is_web() == shown.protocol.is_web() && differ(target, &shown) {
        target.flags |= Flags::PHISHED;
        target.shown = Some(Box::new(shown.clone()));
    }
    Some(shown)
}

/// Neither host belongs to the domain of the other.
fn differ(a: &Url, b: &Url) -> bool {
    let within = |inner: &str, outer: &str| {
        inner
            .strip_suffix(outer)
            .is_some_and(|front| front.is_empty() || front.ends_with('.'))
    };
    let same_host = readable(a.host()).to_lowercase() == readable(b.host()).to_lowercase();
    let (one, other) = (a.tld(), b.tld());
    !(same_host || one.is_empty() || other.is_empty() || within(one, other) || within(other, one))
}

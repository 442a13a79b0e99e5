//! How the parts of a message hang together: alternatives that are missing one side, text in base64, bytes that contradict the encoding,
//! marks of signatures and encryption.

use super::detected::detected;
use crate::engine::{Compat, Hits, Rule, Scan};
use crate::family::Family;
use crate::message::{Encoding, Part};
use crate::rules::pattern::{When, patterns, rules};

crate::symbols! {
    "headers" {
        MIME_MA_MISSING_TEXT = both(2.0), "alternatives without plain text";
        MIME_MA_MISSING_HTML = both(1.0), "alternatives without HTML";
        MIME_HTML_ONLY = both(0.2), "HTML without a plain alternative";
        R_BAD_CTE_7BIT = both(3.5), "a text has 8-bit characters that its encoding does not allow";
        R_MISSING_CHARSET = both(0.5), "a text names no charset";
        TRACKER_ID = both(3.84), "a text ends in a random token";
    }
    "mime" {
        CTYPE_MIXED_BOGUS = both(1.0), "a multipart/mixed of nothing but text";
        CTYPE_MISSING_DISPOSITION = both(4.0), "bare bytes that are not called an attachment";
        MIME_BASE64_TEXT = both(0.1), "a text in base64";
        MIME_BASE64_TEXT_BOGUS = both(1.0), "a text in base64 without need";
    }
}

/// Structure. No settings.
pub const FAMILY: Family = Family {
    name: "mime_structure",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| {
        let mut all = rules(TESTS);
        all.push(Rule::check("R_BAD_CTE_7BIT", bad_7bit).giving(&[&R_BAD_CTE_7BIT]));
        all
    },
};

patterns! {
    TOKEN = r"(?i)\A[a-z0-9]{6,24}[-_a-z0-9]{12,36}[a-z0-9]{6,24}\s*\z";
}

static TESTS: &[When] = &[
    (&MIME_MA_MISSING_TEXT, |s| lacks(s, "text/plain")),
    (&MIME_MA_MISSING_HTML, |s| lacks(s, "text/html")),
    (&MIME_HTML_ONLY, html_only),
    (&R_MISSING_CHARSET, |s| s.mime && missing_charset(s)),
    (&TRACKER_ID, |s| {
        s.mime
            && s.mail
                .parts()
                .iter()
                .filter(|p| p.is_text() || p.is_html())
                .any(|p| TOKEN.is_match(tail(p)))
    }),
    (&CTYPE_MIXED_BOGUS, mixed_bogus),
    (&CTYPE_MISSING_DISPOSITION, undisposed),
    (&MIME_BASE64_TEXT, |s| s.mail.parts().iter().any(in_base64)),
    (&MIME_BASE64_TEXT_BOGUS, |s| {
        let plain = |p: &Part<'_>| p.text().is_some_and(|t| t.is_ascii() && !t.is_empty());
        let text = |p: &Part<'_>| detected(p, p.mime_type()).is_none_or(|(_, mime)| mime.starts_with("text/"));
        s.mail.parts().iter().any(|p| in_base64(p) && plain(p) && text(p))
    }),
];

/// The end of a text as a reader sees it.
fn tail<'p>(part: &'p Part<'_>) -> &'p str {
    let text = part.html().map_or_else(|| part.text().unwrap_or_default(), |html| &html.text);
    let front = text.ceil_char_boundary(text.len().saturating_sub(256));
    text.get(front..).unwrap_or_default()
}

fn lacks(scan: &Scan<'_>, kind: &str) -> bool {
    let has = |kind: &str| scan.mail.parts().iter().any(|p| p.mime_type() == kind);
    has("multipart/alternative") && !has(kind)
}

pub(super) fn html_only(scan: &Scan<'_>) -> bool {
    let parts = scan.mail.parts();
    let shown = |p: &Part<'_>| p.is_html() && (!p.is_attachment() || p.disposition.as_ref().is_some_and(|d| d.kind == "inline"));
    match scan.compat {
        // 3.4 judges by the first text alone.
        Compat::V34 => parts.iter().find(|p| holds_words(p)).is_some_and(shown),
        Compat::V41 => {
            let html = parts.iter().enumerate().filter(|(_, p)| shown(p));
            html.into_iter().any(|(place, _)| alternative(parts, place).is_none())
        }
    }
}

/// 3.4 counts the part among the texts: of any type of text but for calendars that are some, HTML by its content, reports on delivery.
pub(super) fn holds_words(part: &Part<'_>) -> bool {
    let calendar = || part.mime_type() == "text/calendar" && part.data().trim_ascii_start().starts_with(b"BEGIN:VCALENDAR");
    (part.is_text() && !calendar()) || part.is_html() || part.mime_type() == "message/delivery-status"
}

/// The other version of a text: a plain text below the nearest multipart/alternative, or another branch of it that is a leaf of other
/// text.
pub(super) fn alternative(parts: &[Part<'_>], place: usize) -> Option<usize> {
    let mut at = place;
    loop {
        let parent = parts.get(at)?.parent?;
        let part = parts.get(parent)?;
        if part.mime_type() == "multipart/alternative" {
            let others = part.children.iter().filter(|child| **child != at);
            return others.into_iter().find_map(|child| holds_text(parts, *child));
        }
        at = parent;
    }
}

/// A leaf of text other than HTML, or plain text in a branch. Children stand behind their parents, so this ends.
fn holds_text(parts: &[Part<'_>], place: usize) -> Option<usize> {
    let mut open = vec![place];
    while let Some(at) = open.pop() {
        let Some(part) = parts.get(at) else { continue };
        let fits = if at == place {
            part.is_text() && !part.is_html()
        } else {
            part.mime_type() == "text/plain"
        };
        if fits && !part.is_attachment() {
            return Some(at);
        }
        open.extend(part.children.iter().filter(|child| **child > at));
    }
    None
}

fn mixed_bogus(scan: &Scan<'_>) -> bool {
    let parts = scan.mail.parts();
    let top = parts.first().is_some_and(|p| p.mime_type() == "multipart/mixed" && !p.type_missing);
    let text = parts.iter().all(|p| (p.is_text() && !p.is_attachment()) || p.is_multipart());
    top && text && parts.iter().filter(|p| p.is_text()).count() <= 2
}

/// The first part of bare bytes decides.
fn undisposed(scan: &Scan<'_>) -> bool {
    let parts = scan.mail.parts();
    let Some(part) = parts.iter().find(|p| p.mime_type() == "application/octet-stream") else {
        return false;
    };
    let said = part.headers.first("Content-Disposition").map(|h| h.text().to_ascii_lowercase());
    let parent = part.parent.and_then(|p| parts.get(p)).map(Part::mime_type);
    let signed = parts.len() > 1 && part.file_name.as_deref().is_some_and(|n| n.ends_with(".asc"));
    let excused = part.headers.has("Content-ID") || signed || parent == Some("multipart/encrypted");
    !said.is_some_and(|s| s.starts_with("attachment")) && !excused
}

fn in_base64(part: &Part<'_>) -> bool {
    let starts = |name: &str, with: &str| {
        part.headers
            .first(name)
            .is_some_and(|h| h.text().to_ascii_lowercase().starts_with(with))
    };
    starts("Content-Type", "text") && starts("Content-Transfer-Encoding", "base64")
}

/// The first text whose bytes go beyond seven bits although its encoding is not 8bit. 3.4 guesses where none is written.
fn bad_7bit(scan: &Scan<'_>, hits: &mut Hits) {
    if !scan.mime {
        return;
    }
    let encoding = |p: &Part<'_>| match scan.compat {
        Compat::V41 if !p.headers.has("Content-Transfer-Encoding") => Encoding::Unknown,
        Compat::V41 if p.transfer_encoding == Encoding::QuotedPrintable => Encoding::QuotedPrintable,
        _ => p.effective_encoding,
    };
    let bits = |p: &Part<'_>| !matches!(encoding(p), Encoding::EightBit | Encoding::Uuencode);
    let text = |p: &Part<'_>| p.is_text() || (scan.compat == Compat::V34 && p.is_html());
    let eight = |p: &&Part<'_>| text(p) && bits(p) && !p.raw.is_ascii();
    let Some(part) = scan.mail.parts().iter().find(eight) else { return };
    let mut options = vec![encoding(part).as_str().to_owned()];
    let utf8 = part
        .charset()
        .is_some_and(|c| c.eq_ignore_ascii_case("utf-8") || c.eq_ignore_ascii_case("utf8"));
    if utf8 {
        options.push("utf8".to_owned());
    }
    hits.weighted(&R_BAD_CTE_7BIT, if utf8 { 0.3 } else { 1.0 }, options);
}

fn missing_charset(scan: &Scan<'_>) -> bool {
    let parts = scan.mail.parts();
    let Some(top) = parts.first() else { return false };
    let plain = |p: &Part<'_>| p.mime_type() == "text/plain";
    let any = plain(top) || (top.is_multipart() && parts.iter().any(plain));
    let named = parts.iter().any(|p| p.charset().is_some());
    let filled = parts.iter().any(|p| !p.is_multipart() && !p.data().is_empty());
    let seven = |p: &&Part<'_>| match scan.compat {
        Compat::V34 => p.effective_encoding == Encoding::SevenBit,
        Compat::V41 => p.transfer_encoding == Encoding::SevenBit,
    };
    any && !named && filled && !parts.iter().filter(|p| p.is_text()).any(|p| seven(&p))
}

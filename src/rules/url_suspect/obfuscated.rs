//! URLs in words, such as `example dot com` or `hxxp://`, that a reader is to put together. What is found is told, it is not added to
//! the message's URLs.

use super::URL_OBFUSCATED_TEXT;
use crate::engine::{Hits, Scan};
use crate::message::url::class::zero_width;
use crate::rules::pattern::patterns;
use regex::Captures;

/// So many places of a message are looked at, and so many URLs told.
const PLACES: usize = 50;
const URLS: usize = 20;
/// What is read before such a place, and behind it.
const BEFORE: usize = 64;
const BEHIND: usize = 256;
/// So much of a text is shown.
const SHOWN: usize = 50;

patterns! {
    PLACE = concat!(
        r"(?i)(?P<spaced_protocol>\bh\s+t\s+t\s+p(?:\s*s)?\s*:)|(?P<hxxp>\bhxxps?://)",
        r"|(?P<bracket_dot>\w\s*[\[({]\s*(?:\.|dot)\s*[\])}]\s*\w)|(?P<word_dot>[\w\-]+\s+dot\s+\w)|(?P<html_entity>&#x?[0-9a-f]{1,6};)"
    );
    ENTITY = r"(?i)&#(?:x([0-9a-f]{1,6})|([0-9]{1,7}));";
    SPACED = r"(?i)\bh\s*t\s*t\s*p(\s*s)?\s*:\s*/\s*/\s*";
    MASKED = r"(?i)\bhxxp(s?)://";
    BRACKETS = r"(?i)\s*[\[({]\s*(?:\.|dot)\s*[\])}]\s*";
    WORD = r"(?i)(\w)\s+dot\s+(\w)";
    WITH_SCHEME = r"(?i)\bhttps?://[\w\-]+(?:\.[\w\-]+)+[^\s<>]*";
    NAME = r"(?i)\b(?:[a-z0-9][a-z0-9\-]*\.){1,4}[a-z]{2,10}\b";
    NAME_IN_WORDS = r"(?i)\b(?:[a-z0-9][a-z0-9\-]*\.){1,4}[a-z]{3,10}\b";
}

const KINDS: [&str; 5] = ["spaced_protocol", "hxxp", "bracket_dot", "word_dot", "html_entity"];

pub(super) fn search(scan: &Scan<'_>, hits: &mut Hits) {
    let (mut places, mut urls) = (0, 0);
    for part in scan.mail.parts().iter().filter(|p| !p.is_attachment()) {
        let Some(words) = part.plain() else { continue };
        for found in PLACE.captures_iter(&words.text).take(PLACES - places) {
            places += 1;
            let kind = KINDS.into_iter().find(|kind| found.name(kind).is_some()).unwrap_or_default();
            let window = window(&words.text, &found);
            // What stands there plainly nobody need put together.
            let Some(url) = put_together(kind, &window).filter(|url| !window.contains(url.as_str())) else {
                continue;
            };
            let options = [
                format!("type={kind}"),
                format!("url={}", start(&url)),
                format!("orig={}", start(&window).trim_end()),
            ];
            hits.weighted(&URL_OBFUSCATED_TEXT, 1.0, options.into());
            urls += 1;
            if urls == URLS {
                return;
            }
        }
    }
}

fn start(text: &str) -> &str {
    text.char_indices().nth(SHOWN).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The place with its surroundings, runs of blanks as one.
fn window(text: &str, found: &Captures<'_>) -> String {
    let (from, to) = found.get(0).map_or((0, 0), |m| (m.start(), m.end()));
    let back = |at: usize| (0..=at).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    let before = squeezed(text.get(back(from.saturating_sub(2 * BEFORE))..from).unwrap_or_default());
    let skipped = before.chars().count().saturating_sub(BEFORE);
    let mut out: String = before.chars().skip(skipped).collect();
    out.push_str(&squeezed(text.get(from..back((to + BEHIND).min(text.len()))).unwrap_or_default()));
    out
}

fn squeezed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !zero_width(*c)) {
        match c.is_whitespace() {
            true if out.ends_with(' ') => {}
            true => out.push(' '),
            false => out.push(c),
        }
    }
    out
}

/// The URL that a reader would make of it.
fn put_together(kind: &str, window: &str) -> Option<String> {
    let text = ENTITY.replace_all(window, letter);
    let text = SPACED.replace_all(&text, |c: &Captures<'_>| if c.get(1).is_some() { "https://" } else { "http://" });
    let text = MASKED.replace_all(&text, "http${1}://");
    let text = BRACKETS.replace_all(&text, ".");
    let text = WORD.replace_all(&text, "${1}.${2}");
    let text = text.replace(['\u{3002}', '\u{ff0e}', '\u{ff61}', '\u{2024}'], ".");
    if let Some(url) = WITH_SCHEME.find(&text) {
        return Some(url.as_str().to_owned());
    }
    let name = if kind == "word_dot" { &NAME_IN_WORDS } else { &NAME };
    name.find(&text).map(|name| format!("http://{}", name.as_str()))
}

/// The letter that a number stands for.
fn letter(found: &Captures<'_>) -> String {
    let code = match (found.get(1), found.get(2)) {
        (Some(hex), _) => u32::from_str_radix(hex.as_str(), 16).ok(),
        (_, Some(number)) => number.as_str().parse().ok(),
        _ => None,
    };
    code.and_then(char::from_u32).map(String::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_in_words() {
        for (kind, text, url) in [
            ("word_dot", "write to me at endtech dot com please", Some("http://endtech.com")),
            ("word_dot", "the dot is here", None),
            ("bracket_dot", "see example[.]org/x", Some("http://example.org")),
            ("bracket_dot", "see example (dot) org", Some("http://example.org")),
            ("hxxp", "see hxxps://evil.example/x now", Some("https://evil.example/x")),
            ("spaced_protocol", "h t t p : / / evil.example/x", Some("http://evil.example/x")),
            ("html_entity", "&#101;vil&#x2e;com", Some("http://evil.com")),
            ("html_entity", "nothing &#33; here", None),
        ] {
            assert_eq!(put_together(kind, text).as_deref(), url, "{text}");
        }
    }
}

//! What a part is by its content, as far as scores depend on it: marks of file formats first, then what text looks like.

use crate::message::{Archive, Part, sniff};

/// What a content is: its usual extension and media type.
pub(super) type Detected = (&'static str, &'static str);

/// What the content says of itself; text of any kind is HTML or plain.
pub(super) fn detected(part: &Part<'_>, declared: &str) -> Option<Detected> {
    if part.is_multipart() || part.is_message() {
        return None;
    }
    let data = part.data();
    let marked = marked(part);
    if !part.is_text() {
        return marked.or_else(|| sniff::looks_like_html(data).then_some(HTML));
    }
    let extension = part
        .file_name
        .as_deref()
        .and_then(|n| n.rsplit_once('.'))
        .map_or("", |(_, ext)| ext);
    if let Some(marked) = marked.filter(|found| beats_text(*found, extension)) {
        return Some(marked);
    }
    let named = ["html", "htm"].iter().any(|h| extension.eq_ignore_ascii_case(h));
    if declared == "text/html" || named || sniff::looks_like_html(data) {
        return Some(HTML);
    }
    (declared == "text/plain" || is_readable(data)).then_some(("txt", "text/plain"))
}

/// What its first bytes say. Of archives that can be listed the list has to make sense.
fn marked(part: &Part<'_>) -> Option<Detected> {
    let kind = sniff::detect(part.data()).filter(|kind| !kind.own)?;
    let lists = !kind.listed || part.archive().is_some_and(Archive::makes_sense);
    lists.then_some((kind.ext, kind.mime))
}

const HTML: Detected = ("html", "text/html");

/// Its front is UTF-8 without control characters.
fn is_readable(text: &[u8]) -> bool {
    let front = text.get(..SEARCHED).unwrap_or(text);
    let valid = match std::str::from_utf8(front) {
        Ok(_) => front.len(),
        // The cut may have gone through a character.
        Err(e) if e.error_len().is_none() => e.valid_up_to(),
        Err(_) => 0,
    };
    valid > 0 && front.iter().all(|b| !b.is_ascii_control() || b.is_ascii_whitespace())
}

/// Marks that count even where a text is declared: those of sound and film and of containers do not, weak ones only with the file name.
fn beats_text((ext, mime): Detected, extension: &str) -> bool {
    let vague = mime == "application/octet-stream" || mime.starts_with("audio/") || mime.starts_with("video/");
    let weak = matches!(ext, "gz" | "xml") && !extension.eq_ignore_ascii_case(ext);
    !vague && !weak
}

/// So much of a text is searched for tags.
const SEARCHED: usize = 4096;

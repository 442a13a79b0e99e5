//! Names of members as text, and whether they hold something that cannot be seen.

use super::NAME;
use crate::message::parse;

/// A name in UTF-8, and whether it holds an unseen character.
pub(super) fn read(raw: &[u8]) -> (String, bool) {
    let raw = raw.get(raw.len().saturating_sub(NAME)..).unwrap_or(raw);
    let text = match std::str::from_utf8(raw) {
        Ok(text) => text.to_owned(),
        Err(_) => parse::guess(raw),
    };
    let strange = text.contains(unseen);
    (text, strange)
}

/// Control characters, line and paragraph separators, and characters that only steer others (general category Cf).
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

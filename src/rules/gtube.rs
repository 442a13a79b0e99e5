//! The test pattern that every spam filter knows (rules 21). Looks only at text, never into other attachments.

use crate::config::schema::Gtube as Policy;
use crate::engine::{Action, Check, Hits, PreResult, Rule, Scan, Stage, Thresholds};
use memchr::memmem::Finder;
use std::sync::LazyLock;

crate::symbols! {
    "ungrouped" {
        GTUBE = both(0.0), "the message holds the standard test pattern of spam filters";
    }
}

/// The pattern behind its first letter.
const PATTERN: &str = "JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

/// Text parts are searched from one byte above the pattern's length to this.
const MAX_TEXT: usize = 8192;

/// The rule, or none where the policy is off. It works with the configured thresholds: settings of a message do not reach it.
pub fn rule(policy: Policy, thresholds: &Thresholds) -> Option<Rule> {
    let gtube = Gtube {
        policy,
        thresholds: thresholds.clone(),
    };
    let rule = Rule::check("GTUBE", gtube).in_stage(Stage::Connect).at(0).always();
    (policy != Policy::Off).then_some(rule)
}

struct Gtube {
    policy: Policy,
    thresholds: Thresholds,
}

impl Check for Gtube {
    fn check(&self, scan: &Scan<'_>, hits: &mut Hits) {
        if !scan.mime {
            return;
        }
        let candidates = scan.mail.parts().iter().filter(|part| part.is_text() && may_hold(part.data()));
        let texts = candidates.filter_map(|part| Some((part, part.text()?)));
        let mut letters = texts.filter_map(|(part, text)| match part.sub_type() {
            "html" if text.contains(PATTERN) => find(&shown(text), self.policy),
            _ => find(text, self.policy),
        });
        if let Some(letter) = letters.next() {
            self.found(letter, hits);
        }
    }
}

impl Gtube {
    fn found(&self, letter: u8, hits: &mut Hits) {
        hits.skip = true;
        let action = match letter {
            b'X' => Action::Reject,
            b'Y' => Action::AddHeader,
            b'Z' => Action::RewriteSubject,
            _ => return,
        };
        hits.add(&GTUBE);
        hits.pre_result(PreResult {
            priority: 3,
            score: self.thresholds.get(action),
            message: Some("Gtube pattern".to_owned()),
            ..PreResult::new(action, "GTUBE")
        });
    }
}

static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(PATTERN));

/// Spares a text its decoding: the pattern is the same bytes in every charset but the wide ones, whose letters come with NULs.
fn may_hold(data: &[u8]) -> bool {
    FINDER.find(data).is_some() || memchr::memchr(0, data).is_some()
}

/// What a reader sees of HTML, as far as the length of it goes: no tags and comments, one blank for several, a line end if there was any
/// tag.
fn shown(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        let end = if tag.starts_with("!--") { "-->" } else { ">" };
        rest = tag.split_once(end).map_or("", |(_, behind)| behind);
    }
    out.push_str(rest);
    let words: Vec<&str> = out.split_ascii_whitespace().collect();
    let end = if out.len() < html.len() { "\n" } else { "" };
    words.join(" ") + end
}

/// The letter before the pattern, where the policy knows it.
fn find(text: &str, policy: Policy) -> Option<u8> {
    if !(PATTERN.len() + 2..=MAX_TEXT).contains(&text.len()) {
        return None;
    }
    let known: &[u8] = if policy == Policy::All { b"XYZA" } else { b"X" };
    let letters = text.match_indices(PATTERN).filter_map(|(at, _)| {
        let before = text.as_bytes().get(at.checked_sub(1)?)?;
        known.contains(before).then_some(*before)
    });
    letters.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(letter: char, length: usize) -> String {
        format!("{letter}{PATTERN}{}", " ".repeat(length.saturating_sub(PATTERN.len() + 1)))
    }

    #[test]
    fn lengths_and_letters() {
        assert_eq!(PATTERN.len(), 67);
        for (length, found) in [(68, false), (69, true), (8192, true), (8193, false)] {
            assert_eq!(find(&text('X', length), Policy::Reject).is_some(), found, "{length}");
        }
        for letter in ['X', 'Y', 'Z', 'A', 'B'] {
            let text = text(letter, 100);
            assert_eq!(find(&text, Policy::Reject).is_some(), letter == 'X');
            assert_eq!(find(&text, Policy::All).is_some(), letter != 'B');
        }
        let bare = format!("{PATTERN}{}", " ".repeat(20));
        assert_eq!(find(&bare, Policy::All), None);
        assert_eq!(find(&format!("Q{PATTERN} X{PATTERN}"), Policy::Reject), Some(b'X'));
        assert!(find(&format!("ü€ X{PATTERN} ü"), Policy::Reject).is_some());
    }

    /// Asked of a running 3.4: blanks behind the pattern do not count in HTML, a tag does.
    #[test]
    fn html_counts_as_shown() {
        let bare = format!("X{PATTERN}  ");
        assert_eq!(find(&shown(&bare), Policy::Reject), None);
        assert!(find(&shown(&format!("<p>{bare}</p>")), Policy::Reject).is_some());
        assert_eq!(find(&shown(&format!("<!-- {bare} --> <b>hello</b>")), Policy::Reject), None);
    }

    #[test]
    fn findings() {
        let gtube = Gtube {
            policy: Policy::All,
            thresholds: Thresholds::default(),
        };
        let found = |letter| {
            let mut hits = Hits::default();
            gtube.found(letter, &mut hits);
            assert!(hits.skip);
            hits.pre_results.first().map(|p| (p.action, p.score))
        };
        assert_eq!(found(b'X'), Some((Action::Reject, Some(15.0))));
        assert_eq!(found(b'Y'), Some((Action::AddHeader, Some(6.0))));
        assert_eq!(found(b'Z'), Some((Action::RewriteSubject, None)));
        assert_eq!(found(b'A'), None);
        assert!(rule(Policy::Off, &gtube.thresholds).is_none());
    }
}

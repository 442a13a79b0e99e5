//! Words of letters that do not belong together: Latin with look-alikes of other scripts, marks and accents where no language has them.
//! Which language a text is in is guessed by whether it is English; no other is told apart.

use crate::engine::{Hits, Rule, Scan};
use crate::family::Family;
use crate::message;
use std::sync::LazyLock;

crate::symbols! {
    "headers" {
        R_MIXED_CHARSET = both(5.0), "scripts are mixed inside words", shots 1;
        R_MIXED_CHARSET_URL = both(7.0), "scripts are mixed inside URLs; never fires, as in rspamd", shots 1;
    }
}

/// Mixed scripts. No settings.
pub const FAMILY: Family = Family {
    name: "chartable",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("R_MIXED_CHARSET", mixed)],
};

/// The mean of a text's words above which it counts: the peer's `threshold` of 0.3 is without effect.
const THRESHOLD: f64 = 0.1;
/// What headers give at most where no text counted.
const HEADERS_ALONE: f64 = 0.25;
/// Letters of the longest word that is looked at, and the most that one gives.
const LONGEST: usize = 10;
const MOST: f64 = 4.0;
/// Words of a text that are looked at.
const WORDS: usize = 50_000;
/// Words from which the peer tells languages.
const TELLING: usize = 10;

/// Ranges of characters, in order.
static LOOK_ALIKES: LazyLock<Vec<(u32, u32)>> = LazyLock::new(|| {
    let lines = include_str!("../../config/maps/latin_look_alikes.txt").lines();
    let ranges = lines.filter(|l| !l.starts_with('#')).flat_map(str::split_whitespace);
    let number = |hex| u32::from_str_radix(hex, 16).expect("the list is of hexadecimal numbers");
    let ends = ranges.map(|range| range.split_once('-').unwrap_or((range, range)));
    ends.map(|(first, last)| (number(first), number(last))).collect()
});

fn mixed(scan: &Scan<'_>, hits: &mut Hits) {
    let (mut worst, mut accented) = (0.0_f64, false);
    for (place, part) in scan.mail.parts().iter().enumerate().filter(|(_, part)| part.is_text()) {
        if part.plain().is_none_or(|text| text.text.is_ascii()) {
            continue;
        }
        let mut words = scan.mail.words(place);
        words.truncate(WORDS);
        let ignored = has_accents(&words);
        accented |= ignored;
        worst = worst.max(mean(&words, ignored));
    }
    let subject = scan.mail.subject().unwrap_or_default();
    let names = scan.mail.from().iter().map(|a| a.name.as_str());
    let texts = || [subject].into_iter().chain(names.clone());
    let words: Vec<&str> = match texts().all(str::is_ascii) {
        true => Vec::new(),
        false => texts().flat_map(message::words).take(WORDS).collect(),
    };
    let headers = mean(&words, accented);
    if headers > THRESHOLD {
        let counted = if worst > THRESHOLD { headers } else { headers.min(HEADERS_ALONE) };
        hits.weighted(&R_MIXED_CHARSET, counted.max(worst), vec!["subject".to_owned()]);
    } else if worst > THRESHOLD {
        hits.weighted(&R_MIXED_CHARSET, worst, Vec::new());
    }
}

/// Letters of the longest word below.
const LONGEST_ENGLISH: usize = 4;

/// A long text of which few words are English: its language may have accents.
fn has_accents(words: &[&str]) -> bool {
    const ENGLISH: [&str; 16] = [
        "a", "and", "are", "be", "for", "have", "in", "is", "it", "of", "on", "that", "the", "this", "to", "you",
    ];
    let english = |word: &&&str| word.len() <= LONGEST_ENGLISH && ENGLISH.iter().any(|e| e.eq_ignore_ascii_case(word));
    let english = words.iter().filter(english).count();
    words.len() >= TELLING && english * 8 < words.len()
}

fn mean(words: &[&str], accents_ignored: bool) -> f64 {
    let sum: f64 = words.iter().map(|w| badness(w, accents_ignored)).sum();
    let count = u32::try_from(words.len().max(1)).expect("words are bounded");
    (sum / f64::from(count)).min(1.0)
}

fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// A letter of the Latin script beyond ASCII.
fn is_accented(c: char) -> bool {
    c.is_alphabetic() && matches!(c, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || is_accented(c) || matches!(c, '\u{aa}' | '\u{ba}' | '\u{250}'..='\u{2af}' | '\u{ff21}'..='\u{ff5a}')
}

fn is_look_alike(c: char) -> bool {
    let before = LOOK_ALIKES.partition_point(|(first, _)| *first <= u32::from(c));
    before
        .checked_sub(1)
        .and_then(|at| LOOK_ALIKES.get(at))
        .is_some_and(|(_, last)| u32::from(c) <= *last)
}

/// What is before the present letter of a word.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Letter,
    /// So many letters of Latin, not counting the first of the word.
    Latin(u32),
    Other,
    Digit,
}

/// Signs of money that are a whole word count as mixed, whatever the peer means by it; `$` and the euro do not.
fn is_money(word: &str) -> bool {
    matches!(
        word,
        "\u{a2}" | "\u{a3}" | "\u{a4}" | "\u{a5}" | "\u{ffe0}" | "\u{ffe1}" | "\u{ffe5}"
    )
}

/// The peer looks at one change only, that from Latin to something else, and never at the first letter.
fn badness(word: &str, accents_ignored: bool) -> f64 {
    if is_money(word) {
        return 1.0;
    }
    if word.is_ascii() || word.chars().nth(LONGEST).is_some() {
        return 0.0;
    }
    let (mut sum, mut accents, mut before) = (0.0, 0_u32, Before::Nothing);
    for c in word.chars() {
        accents += u32::from(is_mark(c) || is_accented(c));
        before = match before {
            _ if c.is_numeric() && !matches!(before, Before::Nothing) => Before::Digit,
            _ if !c.is_alphabetic() => before,
            Before::Nothing => Before::Letter,
            Before::Digit => {
                sum += if is_latin(c) { 0.0 } else { 0.25 };
                Before::Letter
            }
            Before::Letter if is_latin(c) => Before::Latin(1),
            Before::Latin(run) if is_latin(c) => Before::Latin(run + 1),
            Before::Latin(run) => {
                sum += if is_look_alike(c) { 1.0 / f64::from(run) } else { 0.0 };
                Before::Other
            }
            Before::Letter | Before::Other => Before::Other,
        };
    }
    sum += match accents {
        _ if !accents_ignored => f64::from(accents),
        0 | 1 => 0.0,
        many => f64::from(many - 1) / 2.0,
    };
    sum.min(MOST)
}

#[cfg(test)]
mod tests {
    use super::badness;

    /// As a running 3.4 weighed them.
    #[test]
    fn words_as_the_peer_weighs_them() {
        for (word, weight) in [
            ("paypal", 0.0),
            ("Mädchen", 1.0),
            ("äää", 3.0),
            ("äääääää", 4.0),
            ("langeswörtchen", 0.0),
            ("p\u{430}ypal", 0.0),
            ("\u{430}x\u{430}", 1.0),
            ("xx\u{430}", 1.0),
            ("xxx\u{430}", 0.5),
            ("xx\u{430}x\u{430}", 1.0),
            ("\u{430}\u{430}x\u{430}", 0.0),
            ("x1я", 0.25),
            ("1я", 0.0),
            ("я1", 0.0),
            ("мама", 0.0),
        ] {
            assert_eq!(badness(word, false), weight, "{word}");
        }
        assert_eq!(badness("Mädchen", true), 0.0);
        assert_eq!(badness("äää", true), 1.0);
    }
}

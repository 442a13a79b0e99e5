//! Two versions of one text: how far they differ, and URLs that only one of them has. Whether there are two is `structure`'s.

use super::structure::{alternative, holds_words};
use crate::engine::{Compat, Hits, Rule, Scan};
use crate::family::Family;
use crate::message::Part;
use crate::message::url::{Flags, Url};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

crate::symbols! {
    "body" {
        R_PARTS_DIFFER = both(1.0), "the plain text and the HTML hardly have as many words";
    }
    "url" {
        URI_COUNT_ODD = both(1.0), "two versions of a text with an odd number of URLs";
    }
}

/// Alternatives. No settings.
pub const FAMILY: Family = Family {
    name: "alternatives",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| {
        vec![
            Rule::check("R_PARTS_DIFFER", differ).giving(&[&R_PARTS_DIFFER]),
            Rule::check("URI_COUNT_ODD", odd_urls).giving(&[&URI_COUNT_ODD]),
        ]
    },
};

/// With more words than this in both, only their numbers are compared.
const MOST_COMPARED: usize = 8_192;

fn differ(scan: &Scan<'_>, hits: &mut Hits) {
    let parts = scan.mail.parts();
    let pair = match scan.compat {
        Compat::V34 => pair_of_two(parts),
        Compat::V41 => {
            let html = parts.iter().enumerate().filter(|(_, p)| p.is_html() && !p.is_attachment());
            html.into_iter().find_map(|(at, _)| Some((alternative(parts, at)?, at)))
        }
    };
    let Some((plain, html)) = pair else { return };
    let mut numbers = HashMap::new();
    let mut numbered = |part| -> Vec<usize> {
        let words = scan.mail.words(part).into_iter();
        words
            .map(|word| {
                let next = numbers.len();
                *numbers.entry(lower(word)).or_insert(next)
            })
            .collect()
    };
    let (plain, html) = (numbered(plain), numbered(html));
    let total = plain.len() + html.len();
    if total == 0 {
        return;
    }
    let apart = match total > MOST_COMPARED {
        true => plain.len().abs_diff(html.len()),
        false => distance(&plain, &html),
    };
    let count = |n: usize| u32::try_from(n).map_or(f64::MAX, f64::from);
    let share = count(apart) / count(total);
    if share >= 0.5 {
        let weight = (share - 0.5) * if total > 30 { 2.0 } else { 1.0 };
        hits.weighted(&R_PARTS_DIFFER, weight, vec![format!("{:.1}%", share * 100.0)]);
    }
}

/// The texts of a message that has two of them, the first directly in an alternative. HTML that shows nothing at all is none to 3.4.
fn pair_of_two(parts: &[Part<'_>]) -> Option<(usize, usize)> {
    let mut texts = parts.iter().enumerate().filter(|(_, part)| holds_words(part));
    let ((first, one), (second, two), None) = (texts.next()?, texts.next()?, texts.next()) else {
        return None;
    };
    let around = parts.get(one.parent?)?;
    let shows = |part: &Part<'_>| part.html().is_none_or(|html| !html.text.is_empty()) && part.plain().is_some();
    (around.mime_type() == "multipart/alternative" && shows(one) && shows(two)).then_some((first, second))
}

/// A word in lower case; most are.
fn lower(word: &str) -> Cow<'_, str> {
    let small = |b: u8| b.is_ascii() && !b.is_ascii_uppercase();
    if word.bytes().all(small) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(word.to_lowercase())
    }
}

/// How far two rows of words are apart to the peer, which has it upside down: to put a word in or to take one out costs 1, to keep a
/// word costs 2, to replace it nothing.
fn distance(a: &[usize], b: &[usize]) -> usize {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let apart = long.len() - short.len();
    if never_kept(short, long, apart) {
        return apart;
    }
    // Each detour costs two steps: as many are allowed as are needed.
    let mut detours = 2;
    loop {
        let found = within(short, long, apart, detours);
        if found <= apart + 2 * detours || detours > short.len() {
            return found;
        }
        detours *= 4;
    }
}

/// Words can be put in one at a time so that none must be kept.
fn never_kept(short: &[usize], long: &[usize], mut spare: usize) -> bool {
    let mut rest = long.iter();
    for word in short {
        for other in rest.by_ref() {
            if other != word {
                break;
            }
            if spare == 0 {
                return false;
            }
            spare -= 1;
        }
    }
    true
}

/// The distance over ways that stay near the straight one; more than allowed where there is none.
fn within(short: &[usize], long: &[usize], apart: usize, detours: usize) -> usize {
    const FAR: usize = usize::MAX / 2;
    let width = apart + 2 * detours + 1;
    // Cell `k` of a row stands at word `row + k - detours` of the long one.
    let mut above: Vec<usize> = (0..width).map(|k| k.checked_sub(detours).unwrap_or(FAR)).collect();
    for (row, word) in short.iter().enumerate() {
        let mut left = FAR;
        for k in 0..width {
            let Some(at) = (row + 1 + k).checked_sub(detours).filter(|at| *at <= long.len()) else {
                left = FAR;
                continue;
            };
            let kept = at.checked_sub(1).and_then(|at| long.get(at)).is_some_and(|other| other == word);
            let cell = |k: usize| above.get(k).copied().unwrap_or(FAR);
            let diagonal = if at == 0 { FAR } else { cell(k) + if kept { 2 } else { 0 } };
            left = diagonal.min(cell(k + 1) + 1).min(left + 1).min(FAR);
            if let Some(slot) = above.get_mut(k) {
                *slot = left;
            }
        }
    }
    above.get(apart + detours).copied().unwrap_or(FAR)
}

/// Counts URLs, each as often as it was found, but for those that links only show and those that forms go to. 3.4 leaves out those of
/// which nothing is known besides.
fn odd_urls(scan: &Scan<'_>, hits: &mut Hits) {
    let parts = scan.mail.parts();
    if parts.first().is_none_or(|top| top.mime_type() != "multipart/alternative") {
        return;
    }
    let pages = || parts.iter().filter_map(|p| p.html());
    let forms = pages().flat_map(|html| {
        html.elements
            .iter()
            .filter(|e| e.name == "form")
            .filter_map(|e| html.links.get(e.link?))
    });
    let forms: HashSet<String> = forms.filter_map(|link| Some(link.url()?.text().to_owned())).collect();
    let counts = |url: &&Url| {
        let told = scan.compat == Compat::V41 || url.flags != Flags::default();
        url.protocol.is_web() && told && !url.flags.has(Flags::HTML_DISPLAYED) && !forms.contains(url.text())
    };
    let sum: u64 = scan.mail.urls().iter().filter(counts).map(|u| u64::from(u.count)).sum();
    if sum % 2 == 1 {
        hits.with(&URI_COUNT_ODD, sum.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::distance;

    /// The whole table, cell by cell.
    fn table(a: &[usize], b: &[usize]) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut corner = row[0];
            row[0] = i + 1;
            for (j, y) in b.iter().enumerate() {
                let diagonal = corner + if x == y { 2 } else { 0 };
                corner = row[j + 1];
                row[j + 1] = diagonal.min(corner + 1).min(row[j] + 1);
            }
        }
        row[b.len()]
    }

    #[test]
    fn upside_down() {
        assert_eq!(distance(&[1], &[1]), 2);
        assert_eq!(distance(&[1, 2], &[1, 2]), 2);
        assert_eq!(distance(&[1, 1, 1], &[1, 1, 1]), 6);
        assert_eq!(distance(&[1, 2, 3], &[4, 5, 6]), 0);
        assert_eq!(distance(&[], &[4, 5, 6]), 3);
    }

    proptest::proptest! {
        #[test]
        fn near_ways_suffice(a in proptest::collection::vec(0..3_usize, 0..24), b in proptest::collection::vec(0..3_usize, 0..24)) {
            proptest::prop_assert_eq!(distance(&a, &b), table(&a, &b));
        }
    }
}

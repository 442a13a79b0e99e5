//! Texts that are hardly anything but URLs.

use super::{HFILTER_URL_ONELINE, HFILTER_URL_ONLY};
use crate::engine::{Hits, Scan};

/// Judges the last HTML, or else the last plain text.
pub(super) fn check(scan: &Scan<'_>, hits: &mut Hits) {
    let texts = || scan.mail.parts().iter().enumerate().rev();
    let text = texts()
        .find(|(_, p)| p.is_html())
        .or_else(|| texts().find(|(_, p)| p.mime_type() == "text/plain"));
    let Some((place, part)) = text else { return };
    let length = match part.html() {
        Some(html) => html.text.len(),
        None => part.text().map_or(0, str::len),
    };
    let urls = scan.mail.urls().spans(place).map(|span| span.len()).sum::<usize>() + scan.mail.urls().shown_length(place);
    let count = |n: usize| u32::try_from(n).map_or(f64::MAX, f64::from);
    let share = count(urls) / count(length);
    if length == 0 || share <= 0.8 {
        return;
    }
    let weight = ((share - 0.8) * 5.0).min(1.0);
    hits.weighted(&HFILTER_URL_ONLY, weight, vec![digits(weight)]);
    if part.plain().is_some_and(|p| p.counts.lines == 1) {
        let kind = if part.html().is_some() { "html" } else { "plain" };
        hits.with(&HFILTER_URL_ONELINE, format!("{kind}:{}:1", share.floor()));
    }
}

/// A number up to 1 with 14 significant digits at most.
fn digits(number: f64) -> String {
    let zeros = (0..20_usize)
        .zip(1..)
        .find(|(_, power)| number >= 0.1_f64.powi(*power))
        .map_or(0, |(zeros, _)| zeros);
    let text = format!("{number:.*}", 14 + zeros);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn fourteen_digits() {
        for (number, text) in [
            (1.0, "1"),
            (19.0 / 21.0 * 5.0 - 4.0, "0.52380952380952"),
            (12.0 / 157.0, "0.076433121019108"),
            (0.25, "0.25"),
        ] {
            assert_eq!(super::digits(number), text);
        }
    }
}

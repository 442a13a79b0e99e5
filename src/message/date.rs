//! The Date header, as strictly as the peer reads it. No clock.

/// A date that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadDate;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Zones by name, in hours.
const ZONES: [(&str, i64); 10] = [
    ("GMT", 0),
    ("UT", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
];

/// Reads a decoded value: seconds since 1970.
pub fn read(value: &str) -> Result<i64, BadDate> {
    parse(value).ok_or(BadDate)
}

fn parse(value: &str) -> Option<i64> {
    let mut rest = value.trim();
    if let Some((day, tail)) = rest.split_once(',') {
        if !DAYS.contains(&day) {
            return None;
        }
        rest = tail;
    }
    let day = number(piece(&mut rest, &[])?, 1, 2)?;
    let month = piece(&mut rest, &[])?;
    let month = MONTHS.iter().position(|m| *m == month)?;
    let year_word = piece(&mut rest, &[])?;
    let year = number(year_word, 2, 4)?;
    let year = match year_word.len() {
        2 if year < 50 => year + 2000,
        // Senders that count years from 1900 write 0102 for 2002.
        _ if year < 1000 => year + 1900,
        _ => year,
    };
    let seconds = clock(piece(&mut rest, &[])?)?;
    let zone = zone(piece(&mut rest, &['('])?)?;
    if !only_comments(rest) {
        return None;
    }
    if !(1..=31).contains(&day) {
        return None;
    }
    let month = i64::try_from(month).ok()? + 1;
    Some(days(year, month, day) * 86_400 + seconds - zone)
}

/// The next piece up to a blank or one of `stops`; what follows stays in `rest`.
fn piece<'v>(rest: &mut &'v str, stops: &[char]) -> Option<&'v str> {
    let text = rest.trim_start();
    let end = text.find(|c: char| c.is_ascii_whitespace() || stops.contains(&c));
    let (head, tail) = text.split_at_checked(end.unwrap_or(text.len()))?;
    *rest = tail;
    (!head.is_empty()).then_some(head)
}

/// Nothing but closed comments and blanks.
fn only_comments(text: &str) -> bool {
    let mut depth = 0usize;
    for byte in text.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            _ if depth > 0 || byte.is_ascii_whitespace() => {}
            _ => return false,
        }
    }
    depth == 0
}

fn number(word: &str, least: usize, most: usize) -> Option<i64> {
    let fits = (least..=most).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| word.parse().ok()).flatten()
}

fn clock(word: &str) -> Option<i64> {
    let mut parts = word.split(':');
    let hour = number(parts.next()?, 2, 2).filter(|h| *h < 24)?;
    let minute = number(parts.next()?, 2, 2).filter(|m| *m < 60)?;
    let second = match parts.next() {
        Some(s) => number(s, 2, 2).filter(|s| *s <= 60)?,
        None => 0,
    };
    parts.next().is_none().then_some(hour * 3600 + minute * 60 + second)
}

fn zone(word: &str) -> Option<i64> {
    // The military letters: RFC 5322, 4.3 takes all of them for +0000; `J` was never one.
    if let [letter] = word.as_bytes() {
        return (letter.is_ascii_alphabetic() && !letter.eq_ignore_ascii_case(&b'J')).then_some(0);
    }
    if let Some((_, hours)) = ZONES.iter().find(|(name, _)| *name == word) {
        return Some(hours * 3600);
    }
    let (sign, digits) = match word.split_at_checked(1)? {
        ("+", d) => (1, d),
        ("-", d) => (-1, d),
        _ => return None,
    };
    let value = number(digits, 4, 4)?;
    Some(sign * (value / 100 * 3600 + value % 100 * 60))
}

/// Days since 1970-01-01 of a proleptic Gregorian date; days beyond the month's end run on.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

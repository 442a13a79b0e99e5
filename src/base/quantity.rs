//! Quantities with their units in the text: durations `8s`, sizes `50MiB`, rates `10/60s`; read and printed back.
//!
//! A bare number is refused on purpose: nobody should have to guess whether `timeout = 5` means seconds or minutes. An error
//! text is one line; after a line feed follows what to write instead, which the drawing of configuration errors shows as help.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is no quantity: one line, then optionally a line feed and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadQuantity(String);

/// Longest duration taken; adding it to the present never overflows a clock.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);
const DURATION_HELP: &str = "write it with its unit, such as \"8s\", \"5m\" (minutes), \"250ms\", \"2h\", \"1d\" or \"1h30m\"";
const SIZE_HELP: &str = "write it with its unit, such as \"50MiB\", \"20MB\", \"4KiB\" or \"123B\"";
const RATE_HELP: &str = "write a count and a time, such as \"10/60s\"";

/// Units of time in nanoseconds, largest first, as durations are printed. A year is no unit: nobody agrees on its length.
const TIME: [(&str, u128); 8] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];
const LONG_TIME: [(&str, u128); 5] = [
    ("min", 60_000_000_000),
    ("sec", 1_000_000_000),
    ("hour", 3_600_000_000_000),
    ("day", 86_400_000_000_000),
    ("week", 604_800_000_000_000),
];
/// Units of size in bytes, largest first within their kind.
const SIZES: [(&str, u128); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

fn bad(what: impl fmt::Display, help: &str) -> BadQuantity {
    BadQuantity(format!("{what}\n{help}"))
}

/// Splits `12.5ms...` into the scaled amount and what follows; `scale` names the units.
fn term<'t>(text: &'t str, scale: impl Fn(&str) -> Option<u128>) -> Result<(u128, &'t str), TermError<'t>> {
    let digits = |text: &'t str| text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let (whole, mut rest) = digits(text);
    let mut fraction = "";
    if let Some(behind) = rest.strip_prefix('.') {
        (fraction, rest) = digits(behind);
    }
    if whole.is_empty() || whole.len() > 20 || fraction.len() > 9 || (rest.len() + whole.len() != text.len() && fraction.is_empty()) {
        return Err(TermError::Number);
    }
    let (unit, rest) = rest.split_at(rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len()));
    if unit.is_empty() {
        return Err(TermError::NoUnit);
    }
    let factor = scale(unit).ok_or(TermError::Unit(unit))?;
    let number = |digits: &str| digits.parse::<u128>().unwrap_or(0);
    let parts = u32::try_from(fraction.len()).map_or(1, |places| 10_u128.pow(places));
    Ok((number(whole) * factor + number(fraction) * factor / parts, rest))
}

enum TermError<'t> {
    Number,
    NoUnit,
    Unit(&'t str),
}

/// Reads a duration: one or several numbers with units, `8s`, `250ms`, `1h30m`, `1.5h`.
pub fn parse_duration(text: &str) -> Result<Duration, BadQuantity> {
    let quoted = text.escape_debug();
    let scale = |unit: &str| {
        let unit = unit.strip_suffix('s').filter(|short| short.len() > 2).unwrap_or(unit);
        TIME.iter()
            .chain(&LONG_TIME)
            .find(|(name, _)| *name == unit)
            .map(|(_, nanos)| *nanos)
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(bad("the duration is empty", DURATION_HELP));
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (nanos, behind) = term(rest, scale).map_err(|error| match error {
            TermError::Number => bad(format_args!("`{quoted}` is no duration"), DURATION_HELP),
            TermError::NoUnit => bad(format_args!("the duration `{quoted}` has no unit"), DURATION_HELP),
            TermError::Unit(unit) => bad(
                format_args!("`{}` in `{quoted}` is no unit of time", unit.escape_debug()),
                DURATION_HELP,
            ),
        })?;
        total = total.saturating_add(nanos);
        rest = behind.trim_start();
    }
    if total > LONGEST.as_nanos() {
        return Err(bad(
            format_args!("the duration `{quoted}` is longer than a hundred years"),
            DURATION_HELP,
        ));
    }
    Ok(Duration::from_nanos_u128(total))
}

/// Prints a duration so that [`parse_duration`] reads the same one back, in as few terms as it takes.
pub fn print_duration(duration: Duration) -> String {
    let mut rest = duration.as_nanos();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, nanos) in TIME {
        if rest >= nanos {
            text.push_str(&format!("{}{unit}", rest / nanos));
            rest %= nanos;
        }
    }
    text
}

/// A number of bytes, written `50MiB`, `20MB`, `4KiB`, `123B`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// The size in bytes as a length in memory; a size beyond the address space is the largest length.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let quoted = text.escape_debug();
        let scale = |unit: &str| {
            SIZES
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit))
                .map(|(_, bytes)| *bytes)
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(bad("the size is empty", SIZE_HELP));
        }
        let spaced: String = trimmed.split_whitespace().collect();
        let (bytes, rest) = term(&spaced, scale).map_err(|error| match error {
            TermError::Number => bad(format_args!("`{quoted}` is no size"), SIZE_HELP),
            TermError::NoUnit => bad(format_args!("the size `{quoted}` has no unit"), SIZE_HELP),
            TermError::Unit(unit) => bad(
                format_args!("`{}` in `{quoted}` is no unit of size", unit.escape_debug()),
                SIZE_HELP,
            ),
        })?;
        if !rest.is_empty() {
            return Err(bad(format_args!("`{quoted}` is no size"), SIZE_HELP));
        }
        u64::try_from(bytes)
            .map(ByteSize)
            .map_err(|_| bad(format_args!("the size `{quoted}` is too large"), SIZE_HELP))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = u128::from(self.0);
        let (unit, factor) = SIZES
            .into_iter()
            .find(|(_, factor)| bytes != 0 && bytes.is_multiple_of(*factor))
            .unwrap_or(("B", 1));
        write!(f, "{}{unit}", bytes / factor)
    }
}

/// So many events in so much time, written `10/60s`; a count of zero means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many events; 0 switches the limit off.
    pub count: u32,
    /// In what time; never zero.
    pub per: Duration,
}

impl FromStr for Rate {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let wrong = || bad(format_args!("`{}` is no rate", text.escape_debug()), RATE_HELP);
        let (count, per) = text.split_once('/').ok_or_else(wrong)?;
        let count = count.trim().parse().map_err(|_| wrong())?;
        let per = per.trim();
        let per = if per.starts_with(|c: char| c.is_ascii_digit()) {
            parse_duration(per)?
        } else {
            parse_duration(&format!("1{per}"))?
        };
        if per.is_zero() {
            return Err(bad(
                format_args!("the rate `{}` has no time to count in", text.escape_debug()),
                RATE_HELP,
            ));
        }
        Ok(Rate { count, per })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, print_duration(self.per))
    }
}

/// Reads any quantity from a string and explains what is missing where a bare number stands.
struct Quantity<T> {
    what: &'static str,
    bare_help: &'static str,
    parse: fn(&str) -> Result<T, BadQuantity>,
}

impl<T> Visitor<'_> for Quantity<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.bare(&number)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.bare(&number)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        self.bare(&number)
    }
}

impl<T> Quantity<T> {
    fn bare<E: de::Error>(&self, number: &dyn fmt::Display) -> Result<T, E> {
        let help = self.bare_help.replace("{n}", &number.to_string());
        Err(E::custom(format_args!(
            "the number {number} has no unit, expected {}
{help}",
            self.what
        )))
    }
}

/// For `#[serde(with = "quantity::duration")]` on a [`Duration`].
pub mod duration {
    use super::{Deserializer, Duration, Quantity, Serializer, parse_duration, print_duration};

    /// Writes `8s`.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&print_duration(*duration))
    }

    /// Reads `8s`; refuses a bare number.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        deserializer.deserialize_str(Quantity {
            what: "a duration",
            bare_help: "write \"{n}s\" for seconds, \"{n}m\" for minutes, \"{n}ms\" for milliseconds",
            parse: parse_duration,
        })
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Quantity {
            what: "a size",
            bare_help: "write \"{n}B\" for bytes, \"{n}KiB\" or \"{n}MiB\"",
            parse: ByteSize::from_str,
        })
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Quantity {
            what: "a rate",
            bare_help: "write a count and a time, such as \"{n}/60s\"",
            parse: Rate::from_str,
        })
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(text: &str) -> Option<f64> {
        parse_duration(text).ok().map(|d| d.as_secs_f64())
    }

    #[test]
    fn durations() {
        for (text, awaited) in [
            ("8s", 8.0),
            ("5m", 300.0),
            ("250ms", 0.25),
            ("1h30m", 5400.0),
            ("1h 30m", 5400.0),
            ("2h", 7200.0),
            ("1d", 86_400.0),
            ("1w", 604_800.0),
            ("1.5s", 1.5),
            ("10min", 600.0),
            ("3days", 259_200.0),
            ("0s", 0.0),
        ] {
            assert_eq!(seconds(text), Some(awaited), "{text}");
        }
        for text in [
            "",
            " ",
            "8",
            "s",
            "-1s",
            "8 parsecs",
            "1..5s",
            "1.s",
            "8s5",
            "99999999999999999999s",
            "101000000w",
            "5M",
            "8y",
            "８s",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(
            parse_duration("8").unwrap_err().to_string().lines().next(),
            Some("the duration `8` has no unit")
        );
    }

    #[test]
    fn sizes() {
        for (text, awaited, printed) in [
            ("50MiB", 50 << 20, "50MiB"),
            ("20MB", 20_000_000, "20MB"),
            ("4 KiB", 4096, "4KiB"),
            ("123B", 123, "123B"),
            ("0B", 0, "0B"),
            ("1.5gib", 3 << 29, "1536MiB"),
            ("2GiB", 2 << 30, "2GiB"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.0, size.to_string().as_str()), (awaited, printed), "{text}");
        }
        for text in ["", "5", "5M", "-5B", "99999999999TiB", "1KiB 2B", "x"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn rates() {
        assert_eq!(
            "10/60s".parse(),
            Ok(Rate {
                count: 10,
                per: Duration::from_secs(60)
            })
        );
        assert_eq!(
            "0 / m".parse(),
            Ok(Rate {
                count: 0,
                per: Duration::from_secs(60)
            })
        );
        for text in ["10", "10/", "/60s", "-1/1s", "1/0s", "1/60"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        assert_eq!("10/60s".parse::<Rate>().unwrap().to_string(), "10/1m");
    }

    proptest! {
        #[test]
        fn duration_round_trip(nanos in 0..LONGEST.as_nanos()) {
            let duration = Duration::from_nanos_u128(nanos);
            prop_assert_eq!(parse_duration(&print_duration(duration)), Ok(duration));
        }

        #[test]
        fn size_round_trip(bytes: u64) {
            prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
        }

        #[test]
        fn any_text_is_answered(text: String) {
            let _ = (parse_duration(&text), text.parse::<ByteSize>(), text.parse::<Rate>());
        }
    }
}

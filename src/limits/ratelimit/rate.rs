//! How fast a bucket leaks, as people write it: `"10 / 1min"`, or a number a second.

use crate::base::quantity::parse_duration;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// Messages a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate(pub(super) f64);

/// Reads `COUNT / TIME`; the time may lack its number (`10 / min`).
fn parse(text: &str) -> Result<Rate, String> {
    let help = "write a count and a time, such as \"10 / 1min\", or a number a second";
    let bad = |what: &str| format!("{what}\n{help}");
    let Some((count, time)) = text.split_once('/') else {
        let number = text.trim().parse().ok().filter(|n| sound(*n));
        return number.map(Rate).ok_or_else(|| bad(&format!("`{text}` is no rate")));
    };
    let count = amount(count).ok_or_else(|| bad(&format!("`{}` is no count of messages", count.trim())))?;
    let time = time.trim();
    let time = if time.starts_with(|c: char| c.is_ascii_digit()) {
        time.to_owned()
    } else {
        format!("1{time}")
    };
    let seconds = parse_duration(&time).map_err(|e| e.to_string())?.as_secs_f64();
    if seconds <= 0.0 {
        return Err(bad("the time of a rate is more than nothing"));
    }
    Ok(Rate(count / seconds))
}

fn sound(number: f64) -> bool {
    number.is_finite() && number >= 0.0
}

/// A count: `100`, `2.5`, `5k`.
pub(super) fn amount(text: &str) -> Option<f64> {
    let text = text.trim();
    let (digits, factor) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1_000.0),
        None => (text, 1.0),
    };
    digits.trim().parse::<f64>().ok().map(|n| n * factor).filter(|n| sound(*n))
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Rate;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rate such as \"10 / 1min\", or a number a second")
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Rate, E> {
                if sound(number) {
                    Ok(Rate(number))
                } else {
                    Err(E::custom("a rate is not below 0"))
                }
            }
            #[allow(clippy::cast_precision_loss, reason = "nobody sends 2^52 messages a second")]
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Rate, E> {
                self.visit_f64(number as f64)
            }
            #[allow(clippy::cast_precision_loss, reason = "as above")]
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Rate, E> {
                self.visit_f64(number as f64)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
                parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_as_people_write_them() {
        for (text, rate) in [
            ("10 / 1min", 10.0 / 60.0),
            ("10/60s", 10.0 / 60.0),
            ("100 / h", 100.0 / 3600.0),
            ("5k / 1d", 5000.0 / 86_400.0),
            ("0.5", 0.5),
            ("0", 0.0),
        ] {
            assert!((parse(text).unwrap().0 - rate).abs() < 1e-12, "{text}");
        }
        for text in [
            "",
            "x",
            "10 /",
            "/ 1min",
            "10 / 1",
            "-1 / 1min",
            "10 / 0s",
            "nan",
            "10 / 1 fortnight",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

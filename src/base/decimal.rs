//! Numbers with a fixed count of decimals, as the formatter writes them but sooner: nearly every score has few decimals, and
//! is then a whole number of hundredths.

use std::fmt::{self, Write};

/// Largest scaled number that is written from its digits.
const MOST: f64 = 1e12;

/// Writes `value` with so many decimals, rounded as the formatter rounds.
///
/// # Errors
/// Those of `out`.
pub fn fixed(out: &mut impl Write, value: f64, places: usize) -> fmt::Result {
    match digits(value, places) {
        Some(number) => {
            let scale = 10_u64.pow(u32::try_from(places).unwrap_or_default());
            write!(out, "{}{}.{:0places$}", sign(value), number / scale, number % scale)
        }
        None => write!(out, "{value:.places$}"),
    }
}

fn sign(value: f64) -> &'static str {
    if value.is_sign_negative() { "-" } else { "" }
}

/// The number in units of its last decimal, where nothing needs to be rounded.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
fn digits(value: f64, places: usize) -> Option<u64> {
    let scale = 10_f64.powi(i32::try_from(places).ok().filter(|p| (1..=6).contains(p))?);
    let scaled = (value.abs() * scale).round();
    (scaled < MOST && scaled / scale == value.abs()).then_some(scaled as u64)
}

#[cfg(test)]
mod tests {
    use super::fixed;
    use proptest::prelude::*;

    fn written(value: f64, places: usize) -> String {
        let mut out = String::new();
        fixed(&mut out, value, places).expect("a string takes all");
        out
    }

    #[test]
    fn as_the_formatter_writes_them() {
        for value in [
            0.0,
            -0.0,
            0.1,
            -0.25,
            7.9,
            15.0,
            1.005,
            0.285,
            0.125,
            -3.5,
            1e11,
            1e13,
            1e300,
            f64::NAN,
            f64::INFINITY,
            f64::MIN_POSITIVE,
        ] {
            for places in [0, 1, 2, 3, 6, 9] {
                assert_eq!(written(value, places), format!("{value:.places$}"), "{value} {places}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_number(hundredths in -1_000_000_000_i64..1_000_000_000, divisor in 1_u32..5000, places in 0_usize..8) {
            let value = hundredths as f64 / f64::from(divisor);
            prop_assert_eq!(written(value, places), format!("{:.*}", places, value));
        }

        #[test]
        fn any_bits(bits: u64, places in 0_usize..8) {
            let value = f64::from_bits(bits);
            prop_assert_eq!(written(value, places), format!("{:.*}", places, value));
        }
    }
}

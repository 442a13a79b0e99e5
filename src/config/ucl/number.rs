//! Numbers of UCL with their suffixes, read exactly as the peer reads them, accidents included: where this says "no number",
//! the text is a word. It decides nothing about words.

/// What a number says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
    /// Seconds.
    Time(f64),
}

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NoNumber {
    /// It is a word.
    Word,
    /// More than the machine's numbers hold.
    Range,
}

/// Digits of one number, the sign included; longer ones are words.
const LONGEST: usize = 126;

/// True for the bytes that end a value; the end of the text does too.
pub(super) fn ends_value(byte: Option<u8>) -> bool {
    matches!(byte, None | Some(b'\n' | b'\r' | 0 | b',' | b';' | b']' | b'}' | b'#'))
}

/// Reads a number at the beginning of `text`; gives it with its length.
pub(super) fn read(text: &[u8]) -> Result<(Number, usize), NoNumber> {
    let digits = digits(text)?;
    let (whole, end) = digits.value(text)?;
    suffixed(text, end, whole, digits.hex)
}

/// Where the digits stand.
struct Digits {
    negative: bool,
    /// The first digit; behind `0x`.
    from: usize,
    to: usize,
    hex: bool,
    float: bool,
}

fn digits(text: &[u8]) -> Result<Digits, NoNumber> {
    let at = |position: usize| text.get(position).copied();
    let negative = at(0) == Some(b'-');
    let mut found = Digits {
        negative,
        from: usize::from(negative),
        to: usize::from(negative),
        hex: false,
        float: false,
    };
    let (mut seen, mut dot, mut exponent) = (false, false, false);
    while let Some(byte) = at(found.to) {
        match byte {
            b'0'..=b'9' => seen = true,
            _ if found.hex && byte.is_ascii_hexdigit() => (),
            b'x' | b'X' if !found.hex => {
                // Digits in front of the x are simply forgotten: 12x34 is 0x34.
                found.hex = true;
                found.from = found.to + 1;
            }
            b'.' if found.hex => return Err(NoNumber::Word),
            _ if found.hex => break,
            _ if found.to == found.from => return Err(NoNumber::Word),
            b'.' if dot => return Err(NoNumber::Word),
            b'.' => (dot, found.float) = (true, true),
            b'e' | b'E' => {
                let next = at(found.to + 1);
                if exponent || !next.is_some_and(|byte| byte.is_ascii_digit() || byte == b'+' || byte == b'-') {
                    return Err(NoNumber::Word);
                }
                (exponent, found.float) = (true, true);
                found.to += 1;
            }
            _ => break,
        }
        found.to += 1;
        if found.to - found.from > LONGEST && !found.hex {
            return Err(NoNumber::Word);
        }
    }
    // `0x` alone counts as a number, as digits were seen: zero.
    if !seen || (found.to == found.from && !found.hex) || found.to - found.from > LONGEST {
        return Err(NoNumber::Word);
    }
    Ok(found)
}

impl Digits {
    /// The number without suffix, and where reading it stopped.
    fn value(&self, text: &[u8]) -> Result<(Number, usize), NoNumber> {
        let all = text.get(self.from..self.to).unwrap_or(b"");
        let all = std::str::from_utf8(all).map_err(|_| NoNumber::Word)?;
        let all = if all.is_empty() { "0" } else { all };
        let sign = if self.negative { "-" } else { "" };
        if !self.float {
            let radix = if self.hex { 16 } else { 10 };
            let number = i64::from_str_radix(&format!("{sign}{all}"), radix).map_err(|_| NoNumber::Range)?;
            return Ok((Number::Int(number), self.to));
        }
        // `1e+` and `1e5.5`: what stands behind the longest number is looked at as a suffix, and is none.
        let mut used = all;
        let number: f64 = loop {
            match used.parse() {
                Ok(number) => break number,
                Err(_) if used.is_empty() => return Err(NoNumber::Word),
                Err(_) => used = used.get(..used.len() - 1).unwrap_or(""),
            }
        };
        let mantissa = used.split(['e', 'E']).next().unwrap_or("");
        let nothing = !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
        if number.is_infinite() || (!nothing && !number.is_normal()) {
            return Err(NoNumber::Range);
        }
        let number = if self.negative { -number } else { number };
        Ok((Number::Float(number), self.from + used.len()))
    }
}

/// Applies the suffix at `end`.
fn suffixed(text: &[u8], end: usize, number: Number, hex: bool) -> Result<(Number, usize), NoNumber> {
    let at = |ahead: usize| text.get(end + ahead).map(u8::to_ascii_lowercase);
    let closed = |length: usize| ends_value(text.get(end + length).copied());
    let when = |closed: bool, number: Result<Number, NoNumber>, length: usize| {
        if closed { Ok((number?, end + length)) } else { Err(NoNumber::Word) }
    };
    let Some(first) = at(0) else { return Ok((number, end)) };
    if closed(0) {
        return Ok((number, end));
    }
    let time = |factor: f64| {
        // A hexadecimal number never becomes a time; the peer forgets the unit.
        if hex {
            Ok(number)
        } else {
            Ok(Number::Time(float(number) * factor))
        }
    };
    match first {
        b' ' | b'\t' => {
            let behind = text.get(end..).unwrap_or(b"");
            let blanks = behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            when(closed(blanks), Ok(number), blanks)
        }
        b'k' | b'm' | b'g' => {
            let plain = match first {
                b'k' => 1_000,
                b'm' => 1_000_000,
                _ => 1_000_000_000,
            };
            match at(1) {
                Some(b's') if first == b'm' => when(closed(2), time(0.001).map(|time| milliseconds(time, number)), 2),
                Some(b's') => when(closed(2), time(float_of(plain)), 2),
                Some(b'b') => {
                    let power = match first {
                        b'k' => 1_024,
                        b'm' => 1_048_576,
                        _ => 1_073_741_824,
                    };
                    when(closed(2), whole(number).and_then(|whole| times(whole, power)), 2)
                }
                _ if closed(1) => when(true, multiplied(number, plain), 1),
                Some(b'i') if first == b'm' && at(2) == Some(b'n') => when(closed(3), time(60.0), 3),
                _ => Err(NoNumber::Word),
            }
        }
        b's' => when(closed(1), time(1.0), 1),
        b'h' => when(closed(1), time(3_600.0), 1),
        b'd' => when(closed(1), time(86_400.0), 1),
        b'w' => when(closed(1), time(604_800.0), 1),
        b'y' => when(closed(1), time(31_536_000.0), 1),
        _ => Err(NoNumber::Word),
    }
}

/// Divides instead of multiplying by 0.001, which is not the same in the last bit.
fn milliseconds(time: Number, number: Number) -> Number {
    match time {
        Number::Time(_) => Number::Time(float(number) / 1_000.0),
        other => other,
    }
}

fn multiplied(number: Number, factor: i64) -> Result<Number, NoNumber> {
    match number {
        Number::Int(whole) => times(whole, factor),
        other => Ok(Number::Float(float(other) * float_of(factor))),
    }
}

fn times(whole: i64, factor: i64) -> Result<Number, NoNumber> {
    whole.checked_mul(factor).map(Number::Int).ok_or(NoNumber::Range)
}

/// The whole part: a fraction is cut off before the unit counts.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn whole(number: Number) -> Result<i64, NoNumber> {
    match number {
        Number::Int(whole) => Ok(whole),
        Number::Float(float) | Number::Time(float) if float.abs() < 9.2e18 => Ok(float as i64),
        _ => Err(NoNumber::Range),
    }
}

fn float(number: Number) -> f64 {
    match number {
        Number::Int(whole) => float_of(whole),
        Number::Float(float) | Number::Time(float) => float,
    }
}

#[expect(clippy::cast_precision_loss, reason = "as the peer does it")]
fn float_of(whole: i64) -> f64 {
    whole as f64
}

/// True for the words people write as times and sizes, were it not for what follows: `5s`, `10k`, `1.5min`.
pub(super) fn is_suffixed(word: &str) -> bool {
    word.ends_with(|c: char| c.is_ascii_alphabetic()) && !word.contains(['x', 'X']) && read(word.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, awaited, length) in [
            ("1", Number::Int(1), 1),
            ("-12;", Number::Int(-12), 3),
            ("010", Number::Int(10), 3),
            ("0x1F", Number::Int(31), 4),
            ("12x34;", Number::Int(52), 5),
            ("5.", Number::Float(5.0), 2),
            ("1e-2s", Number::Time(0.01), 5),
            ("1.9mb", Number::Int(1_048_576), 5),
            ("1.5k", Number::Float(1_500.0), 4),
            ("5m", Number::Int(5_000_000), 2),
            ("5MIN}", Number::Time(300.0), 4),
            ("5ms", Number::Time(0.005), 3),
            ("5ks", Number::Time(5_000.0), 3),
            ("10 \t#", Number::Int(10), 4),
            ("0x10ms", Number::Int(16), 6),
            ("0x;", Number::Int(0), 2),
        ] {
            assert_eq!(read(text.as_bytes()), Ok((awaited, length)), "{text}");
        }
    }

    #[test]
    fn words() {
        for text in [
            "-", "5s ", "10k ;", "1 /", "1.2.3", "1e", "1e+", "1e5.5", "0x1.5", "5b", "1_0", "--1", "1kk", "-x",
        ] {
            assert_eq!(read(text.as_bytes()), Err(NoNumber::Word), "{text}");
        }
        assert_eq!(read(b"9223372036854775808"), Err(NoNumber::Range));
        assert_eq!(read(b"1e400"), Err(NoNumber::Range));
        assert_eq!(read(b"1e-400"), Err(NoNumber::Range));
        assert_eq!(read(b"9223372036854775807k"), Err(NoNumber::Range));
        assert_eq!(read("1".repeat(200).as_bytes()), Err(NoNumber::Word));
        assert!(is_suffixed("5s") && is_suffixed("1.5min") && !is_suffixed("5") && !is_suffixed("foo"));
    }
}

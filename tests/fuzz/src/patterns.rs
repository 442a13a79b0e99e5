//! Any text as patterns, one a line up to an empty one, and the rest as what they are asked about, alone and together. The first byte
//! holds their manners.

use torwart::base::patterns::{Flags, Pattern, Patterns};

/// One input.
pub fn run(data: &[u8]) {
    let Some((manners, rest)) = data.split_first() else { return };
    let (patterns, text) = split(rest);
    let Ok(patterns) = std::str::from_utf8(patterns) else { return };
    let has = |bit: u8| manners & (1 << bit) != 0;
    let flags = Flags {
        caseless: has(0),
        multiline: has(1),
        dotall: has(2),
        extended: has(3),
        unicode: has(4),
        most: if has(5) { 5 } else { 1 },
    };
    let compiled = patterns.lines().take(10).filter_map(|line| Pattern::new(line, flags).ok());
    let together = Patterns::new(compiled.collect());
    let mut tally = together.tally();
    together.search(text, &mut tally);
    for (number, pattern) in together.iter().enumerate() {
        if !tally.cut.contains(&number) && pattern.backtracks().is_none() {
            assert_eq!(tally.of(number) > 0, pattern.is_match(text), "alone as together");
        }
    }
}

/// What stands before the first empty line, and what behind.
pub(super) fn split(data: &[u8]) -> (&[u8], &[u8]) {
    match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, &[]),
    }
}

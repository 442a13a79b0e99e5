//! How far two words are apart: letters put in or left out, so that one replaced counts twice. Bytes, in steps of 64 at a time.

use std::collections::HashMap;

/// The distance against half of both lengths: 0 for equal words, 2 for words that have nothing in common.
pub(super) fn share(a: &[u8], b: &[u8]) -> f64 {
    let count = |n: usize| u32::try_from(n).map_or(f64::MAX, f64::from);
    let total = a.len() + b.len();
    if total == 0 {
        return 0.0;
    }
    2.0 * count(total - 2 * common(a, b)) / count(total)
}

/// Length of the longest common subsequence, by bit vectors (Hyyrö 2004): a zero bit of `row` is a step.
fn common(a: &[u8], b: &[u8]) -> usize {
    let blocks = a.len().div_ceil(64);
    let mut places: HashMap<u8, Vec<u64>> = HashMap::new();
    for (at, byte) in a.iter().enumerate() {
        if let Some(block) = places.entry(*byte).or_insert_with(|| vec![0; blocks]).get_mut(at / 64) {
            *block |= 1 << (at % 64);
        }
    }
    let mut row = vec![u64::MAX; blocks];
    for places in b.iter().filter_map(|byte| places.get(byte)) {
        let mut carry = false;
        for (bits, places) in row.iter_mut().zip(places) {
            let matched = *bits & places;
            let (sum, over) = bits.overflowing_add(matched);
            let (sum, more) = sum.overflowing_add(u64::from(carry));
            carry = over || more;
            *bits = sum | (*bits & !places);
        }
    }
    let steps: u32 = row.iter().map(|bits| bits.count_zeros()).sum();
    usize::try_from(steps).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same by the book.
    fn table(a: &[u8], b: &[u8]) -> usize {
        let mut row = vec![0; b.len() + 1];
        for x in a {
            let mut corner = 0;
            for (j, y) in b.iter().enumerate() {
                let above = row[j + 1];
                row[j + 1] = if x == y { corner + 1 } else { above.max(row[j]) };
                corner = above;
            }
        }
        row[b.len()]
    }

    #[test]
    fn distances() {
        assert_eq!(share(b"", b""), 0.0);
        assert_eq!(share(b"bank", b"bank"), 0.0);
        assert_eq!(share(b"bamk", b"bank"), 0.5);
        assert_eq!(share(b"abc", b"xyz"), 2.0);
    }

    proptest! {
        #[test]
        fn bits_count_like_the_table(a in "[a-d]{0,200}", b in "[a-d]{0,200}") {
            prop_assert_eq!(common(a.as_bytes(), b.as_bytes()), table(a.as_bytes(), b.as_bytes()));
        }
    }
}

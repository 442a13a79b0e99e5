//! The nearest of several names to a mistyped one; no dictionary, no ranking beyond edit distance.

/// Longest word compared; longer ones are nobody's typing slip, and the comparison is quadratic.
const LONGEST: usize = 64;

/// The candidate nearest to `word`, if one is near enough to be what was meant: at most one slip in three letters.
///
/// Case and the choice between `_`, `-` and blank do not count. Of equally near candidates the first wins.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = folded(word)?;
    let limit = (word.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let Some(letters) = folded(candidate) else { continue };
        let longest = best.map_or(limit, |(distance, _)| distance.saturating_sub(1));
        if word.len().abs_diff(letters.len()) > longest {
            continue;
        }
        let distance = distance(&word, &letters);
        if distance <= longest && distance < word.len().max(letters.len()) && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Letters as they are compared; `None` for a word too long to compare.
fn folded(word: &str) -> Option<Vec<char>> {
    let mut letters = Vec::new();
    for c in word.chars() {
        if letters.len() == LONGEST {
            return None;
        }
        letters.push(if matches!(c, '-' | ' ') { '_' } else { c.to_ascii_lowercase() });
    }
    Some(letters)
}

/// Damerau's distance in its restricted form: insert, delete, replace, swap two neighbours, each costs one.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut left_a = None;
    for (row, &x) in a.iter().enumerate() {
        let mut line = vec![row + 1];
        let mut left_b = None;
        for (column, &y) in b.iter().enumerate() {
            let at = |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX - 1);
            let replace = at(&above, column) + usize::from(x != y);
            let mut least = replace.min(at(&above, column + 1) + 1).min(at(&line, column) + 1);
            if left_a == Some(y) && left_b == Some(x) && column > 0 {
                least = least.min(at(&before, column - 1) + 1);
            }
            line.push(least);
            left_b = Some(y);
        }
        before = above;
        above = line;
        left_a = Some(x);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(word: &str) -> Vec<char> {
        word.chars().collect()
    }

    #[test]
    fn distances() {
        for (a, b, awaited) in [
            ("", "", 0),
            ("", "abc", 3),
            ("timeout", "timeout", 0),
            ("tiemout", "timeout", 1),
            ("timout", "timeout", 1),
            ("timeouts", "timeout", 1),
            ("ca", "abc", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(&letters(a), &letters(b)), awaited, "{a} {b}");
            assert_eq!(distance(&letters(b), &letters(a)), awaited, "{b} {a}");
        }
    }

    #[test]
    fn nearest_or_nothing() {
        let names = ["timeout", "max_message", "max_urls", "gtube"];
        assert_eq!(nearest("tiemout", names), Some("timeout"));
        assert_eq!(nearest("Max-Message", names), Some("max_message"));
        assert_eq!(nearest("max_url", names), Some("max_urls"));
        assert_eq!(nearest("password", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest(&"t".repeat(1_000_000), names), None);
    }
}

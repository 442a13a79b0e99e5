//! Sets of words and words with values, compared without case. A set is a list whose values nobody asks for.

use super::line::{Problem, lines};
use super::watch::Content;
use std::collections::HashMap;

/// Keys with an optional value each; of a key written twice the last counts.
#[derive(Default)]
pub struct Entries(HashMap<Box<str>, Option<Box<str>>>);

impl Entries {
    /// Value of a key in any case: `Some(None)` for one without a value.
    pub fn get(&self, key: &str) -> Option<Option<&str>> {
        self.0.get(key.to_lowercase().as_str()).map(|v| v.as_deref())
    }

    /// True where the key is listed.
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }
}

impl Content for Entries {
    fn read(text: &[u8], problem: &mut dyn FnMut(Problem)) -> Entries {
        let mut entries = HashMap::new();
        for line in lines(text) {
            match line {
                Ok(line) => drop(entries.insert(Box::from(line.key.to_lowercase()), line.value.map(Box::from))),
                Err(bad) => problem(bad),
            }
        }
        Entries(entries)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_no_case_and_values_keep_theirs() {
        let mut problems = 0;
        let e = Entries::read(
            "Example.COM  Value: 1 # c\nplain\nplain later\n\"open\nÄ x\n".as_bytes(),
            &mut |_| problems += 1,
        );
        assert_eq!(e.get("example.com"), Some(Some("Value: 1")));
        assert_eq!(e.get("PLAIN"), Some(Some("later")));
        assert_eq!(e.get("ä"), Some(Some("x")));
        assert!(!e.contains("open"));
        assert_eq!((e.len(), problems), (3, 1));
    }
}

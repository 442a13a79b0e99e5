//! What keys are called over there, and where a walk stands. Pure.
//!
//! `PREFIX` `tw:` space `:` name: readable with `redis-cli`, and apart from everything else that lies in the same database.

use crate::config::schema::RedisAddress;
use crate::store::{Cursor, Key, Life};
use std::time::Duration;

/// Stands behind the administrator's prefix.
const MARK: &str = "tw:";
/// The longest life said to a server, far from where its arithmetic ends.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// Names under one prefix.
pub(super) struct Names {
    prefix: Vec<u8>,
}

impl Names {
    pub fn new(prefix: &str) -> Names {
        Names {
            prefix: format!("{prefix}{MARK}").into_bytes(),
        }
    }

    /// The name of a key.
    pub fn of(&self, key: &Key) -> Vec<u8> {
        let mut name = self.prefix.clone();
        name.extend_from_slice(key.space().as_bytes());
        name.push(b':');
        name.extend_from_slice(key.name());
        name
    }

    /// The key of a name, if it is one of ours.
    pub fn key(&self, name: &[u8]) -> Option<Key> {
        let rest = name.strip_prefix(&*self.prefix)?;
        let colon = rest.iter().position(|b| *b == b':')?;
        let space = std::str::from_utf8(rest.get(..colon)?).ok()?;
        Some(Key::new(space, rest.get(colon + 1..)?))
    }

    /// The pattern for names of one space, or of all.
    pub fn pattern(&self, space: Option<&str>) -> Vec<u8> {
        let mut pattern = Vec::new();
        let plain = self.prefix.iter().chain(space.unwrap_or_default().as_bytes());
        for byte in plain {
            if b"*?[]\\^-".contains(byte) {
                pattern.push(b'\\');
            }
            pattern.push(*byte);
        }
        pattern.extend_from_slice(if space.is_some() { b":*" } else { b"*" });
        pattern
    }
}

/// A life in milliseconds as scripts take it; 0 means for ever.
pub(super) fn life(life: Life) -> String {
    match life {
        Life::Forever => "0".to_owned(),
        Life::For(time) => time.min(LONGEST).as_millis().max(1).to_string(),
    }
}

/// Where a walk stands: at which server, at which place of its own walk, and what of the last step is left: names, and for lists
/// the position behind which to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Walk {
    pub server: Option<RedisAddress>,
    /// The server's own cursor; `None`: its walk is over.
    pub scan: Option<u64>,
    pub left: Vec<(Vec<u8>, String)>,
}

impl Walk {
    pub fn write(&self) -> Cursor {
        let mut out = Vec::new();
        let mut part = |bytes: &[u8]| {
            out.extend(u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
            out.extend_from_slice(bytes);
        };
        part(self.server.as_ref().map(ToString::to_string).unwrap_or_default().as_bytes());
        part(self.scan.map(|s| s.to_string()).unwrap_or_default().as_bytes());
        for (name, from) in &self.left {
            part(name);
            part(from.as_bytes());
        }
        Cursor(out.into())
    }

    /// `None` for what this did not write.
    pub fn read(cursor: &Cursor) -> Option<Walk> {
        let mut rest: &[u8] = &cursor.0;
        let mut part = || -> Option<&[u8]> {
            let (length, behind) = rest.split_first_chunk::<4>()?;
            let (part, behind) = behind.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
            rest = behind;
            Some(part)
        };
        let mut text = || part().and_then(|p| std::str::from_utf8(p).ok()).map(str::to_owned);
        let (server, scan) = (text()?, text()?);
        let mut walk = Walk {
            server: RedisAddress::parse(&server, 6379).ok(),
            scan: scan.parse().ok(),
            left: Vec::new(),
        };
        while let Some(name) = part() {
            let name = name.to_vec();
            walk.left.push((name, String::from_utf8(part()?.to_vec()).ok()?));
        }
        Some(walk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_patterns() {
        let names = Names::new("a[b]*");
        assert_eq!(names.of(&Key::new("stats", "x:y")), b"a[b]*tw:stats:x:y");
        assert_eq!(names.key(b"a[b]*tw:stats:x:y"), Some(Key::new("stats", "x:y")));
        assert_eq!(names.key(b"tw:stats:x"), None);
        assert_eq!(names.pattern(Some("stats")), b"a\\[b\\]\\*tw:stats:*");
        assert_eq!(life(Life::For(Duration::ZERO)), "1");
        assert_eq!(life(Life::For(Duration::MAX)).len(), 13);
    }

    proptest! {
        #[test]
        fn walks_come_back(scan: Option<u64>, left in prop::collection::vec((any::<Vec<u8>>(), "[0-9-]{0,20}"), 0..8), port in 1_u16..) {
            let walk = Walk { server: Some(RedisAddress::Tcp("::1".to_owned(), port)), scan, left };
            prop_assert_eq!(Walk::read(&walk.write()), Some(walk));
        }

        #[test]
        fn foreign_cursors_harm_nobody(bytes: Vec<u8>) {
            let _ = Walk::read(&Cursor(bytes.into()));
        }
    }
}

//! Where things lie in the embedded store, and how a row is written: bytes that sort as the entries do. Pure.
//!
//! A place is `space NUL name NUL kind`, with NUL inside names written as NUL FF, so that everything under one name lies
//! together, items of a list in the order of their positions.

use super::entry::{Content, Entry, Key, Life, Position};
use super::pail::Pail;
use bytes::Bytes;

/// The bytes of a place.
pub(super) type Place = Box<[u8]>;

/// What a place holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A value or a bucket.
    One,
    /// An item of a list.
    Item(Position),
    /// What is known of a list as a whole.
    Head,
}

/// What lies there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Row {
    /// A value, a counter, an item.
    Value(Bytes),
    /// A bucket.
    Pail(Pail),
    /// The head of a list.
    Head(Head),
}

/// A row and its expiry, where there is one.
pub(super) type Lies = Option<(u64, Row)>;

/// What is known of a list as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Items on disk and on their way there.
    pub count: u64,
    /// No item lies before this.
    pub floor: Position,
}

/// Space, name and the NUL behind it: the beginning of every place under one name.
pub(super) fn stem(key: &Key) -> Vec<u8> {
    let name = key.name();
    let mut bytes = Vec::with_capacity(key.bytes().len() + 20);
    bytes.extend_from_slice(key.space().as_bytes());
    bytes.push(0);
    for byte in name {
        bytes.push(*byte);
        if *byte == 0 {
            bytes.push(0xFF);
        }
    }
    bytes.push(0);
    bytes
}

/// The place of something under a name.
pub(super) fn place(key: &Key, kind: Kind) -> Place {
    let mut bytes = stem(key);
    match kind {
        Kind::One => bytes.push(0),
        Kind::Head => bytes.push(2),
        Kind::Item(position) => {
            bytes.push(1);
            bytes.extend_from_slice(&position.ms.to_be_bytes());
            bytes.extend_from_slice(&position.seq.to_be_bytes());
        }
    }
    bytes.into()
}

/// The name and kind of a place.
pub(super) fn read(place: &[u8]) -> Option<(Key, Kind)> {
    let (stem, rest) = split(place)?;
    let (space, name) = (space(stem), stem.get(space(stem).len() + 1..stem.len() - 1)?);
    let mut bytes = Vec::with_capacity(stem.len());
    bytes.extend_from_slice(space.as_bytes());
    bytes.push(0);
    let mut name = name.iter();
    while let Some(byte) = name.next() {
        bytes.push(*byte);
        if *byte == 0 {
            name.next();
        }
    }
    let kind = match rest.split_first()? {
        (0, []) => Kind::One,
        (2, []) => Kind::Head,
        (1, position) => {
            let (ms, seq) = position.split_first_chunk::<8>()?;
            let position = Position {
                ms: u64::from_be_bytes(*ms),
                seq: u64::from_be_bytes(seq.try_into().ok()?),
            };
            Kind::Item(position)
        }
        _ => return None,
    };
    Some((Key::from_bytes(&bytes)?, kind))
}

/// A place's stem and what follows it.
pub(super) fn split(place: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = space(place).len() + 1;
    loop {
        let end = from + memchr::memchr(0, place.get(from..)?)?;
        if place.get(end + 1) == Some(&0xFF) {
            from = end + 2;
        } else {
            return place.split_at_checked(end + 1);
        }
    }
}

/// The space of a place.
pub(super) fn space(place: &[u8]) -> &str {
    let end = memchr::memchr(0, place).unwrap_or(0);
    place.get(..end).and_then(|s| std::str::from_utf8(s).ok()).unwrap_or_default()
}

/// The place within its space.
pub(super) fn within(place: &[u8]) -> &[u8] {
    place.get(space(place).len() + 1..).unwrap_or_default()
}

/// True for the head of a list.
pub(super) fn is_head(place: &[u8]) -> bool {
    split(place).is_some_and(|(_, rest)| rest == [2])
}

/// A row as bytes: expiry, kind, content.
pub(super) fn pack(until: u64, row: &Row) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(48);
    bytes.extend_from_slice(&until.to_be_bytes());
    match row {
        Row::Value(value) => {
            bytes.push(0);
            bytes.extend_from_slice(value);
        }
        Row::Pail(pail) => {
            bytes.push(1);
            let fields = [pail.level.to_bits(), pail.at, pail.rate.to_bits(), pail.burst.to_bits()];
            fields.iter().for_each(|field| bytes.extend_from_slice(&field.to_be_bytes()));
        }
        Row::Head(head) => {
            bytes.push(2);
            let fields = [head.count, head.floor.ms, head.floor.seq];
            fields.iter().for_each(|field| bytes.extend_from_slice(&field.to_be_bytes()));
        }
    }
    bytes
}

/// Such bytes read; `None` for foreign ones.
pub(super) fn unpack(bytes: &[u8]) -> Option<(u64, Row)> {
    let (until, rest) = bytes.split_first_chunk::<8>()?;
    let (kind, rest) = rest.split_first()?;
    let mut fields = rest.chunks_exact(8).filter_map(|f| f.try_into().ok()).map(u64::from_be_bytes);
    let row = match kind {
        0 => Row::Value(Bytes::copy_from_slice(rest)),
        1 if rest.len() == 32 => Row::Pail(Pail {
            level: f64::from_bits(fields.next()?),
            at: fields.next()?,
            rate: f64::from_bits(fields.next()?),
            burst: f64::from_bits(fields.next()?),
        }),
        2 if rest.len() == 24 => Row::Head(Head {
            count: fields.next()?,
            floor: Position {
                ms: fields.next()?,
                seq: fields.next()?,
            },
        }),
        _ => return None,
    };
    Some((u64::from_be_bytes(*until), row))
}

/// The expiry of such bytes, where they expire.
pub(super) fn expiry(bytes: &[u8]) -> Option<u64> {
    let until = u64::from_be_bytes(*bytes.first_chunk::<8>()?);
    Some(until).filter(|u| *u != u64::MAX)
}

/// A place and its row as callers know them; heads are none of their business.
pub(super) fn entry(place: &[u8], until: u64, row: Row, now: u64) -> Option<Entry> {
    let (key, kind) = read(place)?;
    let content = match (kind, row) {
        (Kind::Item(position), Row::Value(value)) => Content::Item(position, value),
        (Kind::One, Row::Value(value)) => Content::Value(value),
        (Kind::One, Row::Pail(pail)) => Content::Bucket {
            level: pail.level,
            rate: pail.rate,
            burst: pail.burst,
        },
        _ => return None,
    };
    let life = Life::remaining(until, now);
    Some(Entry { key, life, content })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds() -> impl Strategy<Value = Kind> {
        prop_oneof![
            Just(Kind::One),
            Just(Kind::Head),
            (any::<u64>(), any::<u64>()).prop_map(|(ms, seq)| Kind::Item(Position { ms, seq }))
        ]
    }

    fn names() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(0), Just(1), Just(2), Just(0xFF), any::<u8>()], 0..12)
    }

    proptest! {
        #[test]
        fn places_read_back(space in "[a-z]{1,8}", name in names(), kind in kinds()) {
            let key = Key::new(&space, &name);
            let bytes = place(&key, kind);
            prop_assert_eq!(super::space(&bytes), &space);
            prop_assert_eq!(split(&bytes).unwrap().0, &stem(&key)[..]);
            prop_assert_eq!(is_head(&bytes), kind == Kind::Head);
            prop_assert_eq!(read(&bytes), Some((key, kind)));
        }

        #[test]
        fn what_goes_by_one_name_lies_together(a in names(), b in names(), kinds in (kinds(), kinds(), kinds())) {
            prop_assume!(a != b);
            let (a, b) = (Key::new("s", &a), Key::new("s", &b));
            let mut mine = [place(&a, kinds.0), place(&a, kinds.1)];
            mine.sort();
            let other = place(&b, kinds.2);
            prop_assert!(other < mine[0] || other > mine[1]);
        }

        #[test]
        fn rows_read_back(until: u64, value: Vec<u8>, at: u64, level in 0.0f64..1e9, count: u64, ms: u64) {
            let pail = Pail { level, at, rate: 0.5, burst: 2.0 };
            let head = Head { count, floor: Position { ms, seq: 1 } };
            for row in [Row::Value(value.into()), Row::Pail(pail), Row::Head(head)] {
                let bytes = pack(until, &row);
                prop_assert_eq!(expiry(&bytes), (until != u64::MAX).then_some(until));
                prop_assert_eq!(unpack(&bytes), Some((until, row)));
            }
        }

        #[test]
        fn foreign_bytes_do_no_harm(bytes: Vec<u8>) {
            let _ = (unpack(&bytes), read(&bytes), expiry(&bytes), within(&bytes));
        }
    }
}

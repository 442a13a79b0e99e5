//! What this room calls things in the store: short digests of what a rule counts by, and addresses in the form in which they are counted.

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use std::net::IpAddr;

/// Characters of a digest, five bits each.
const ALPHABET: [char; 32] = [
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', '2',
    '3', '4', '5', '6', '7',
];

/// `length` characters (24 at most) of a digest over some parts; where one part ends and the next begins counts.
pub(super) fn digest<'p>(parts: impl IntoIterator<Item = &'p [u8]>, length: usize) -> String {
    let mut hash = Blake2b::<U16>::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let number = hash.finalize().iter().fold(0_u128, |n, byte| n << 8 | u128::from(*byte));
    let letter = |place: usize| {
        let bits = usize::try_from(number >> (place * 5) & 31).unwrap_or_default();
        ALPHABET.get(bits).copied().unwrap_or('a')
    };
    (0..length.min(24)).map(letter).collect()
}

/// An address as it is counted: lower case, without a tag behind `+`, `<>` for the null address.
pub(super) fn address(text: &str) -> String {
    let lower = text.to_lowercase();
    let Some((local, domain)) = lower.rsplit_once('@') else {
        return if lower.is_empty() { "<>".to_owned() } else { lower };
    };
    match local.split_once('+') {
        Some((user, _)) if !user.is_empty() => format!("{user}@{domain}"),
        _ => lower,
    }
}

/// The network of an address: `192.0.2.0/24`.
pub(super) fn network(address: IpAddr, v4: u8, v6: u8) -> Option<ipnet::IpNet> {
    let address = address.to_canonical();
    let length = if address.is_ipv4() { v4 } else { v6 };
    ipnet::IpNet::new(address, length).ok().map(|net| net.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_tell_parts_apart() {
        let of = |parts: &[&str]| digest(parts.iter().map(|p| p.as_bytes()), 20);
        assert_eq!(of(&["a", "b"]).len(), 20);
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        assert_ne!(of(&["a", "b"]), of(&["ab", ""]));
        assert_ne!(of(&["a", "b"]), of(&["b", "a"]));
        assert_eq!(digest([], 99).len(), 24);
    }

    #[test]
    fn addresses_as_they_are_counted() {
        for (written, counted) in [
            ("A@Example.ORG", "a@example.org"),
            ("a+b+c@x", "a@x"),
            ("+b@x", "+b@x"),
            ("", "<>"),
            ("postmaster", "postmaster"),
        ] {
            assert_eq!(address(written), counted);
        }
    }

    #[test]
    fn networks_by_family() {
        let of = |text: &str| network(text.parse().unwrap(), 19, 64).unwrap().to_string();
        assert_eq!(of("203.0.113.9"), "203.0.96.0/19");
        assert_eq!(of("::ffff:203.0.113.9"), "203.0.96.0/19");
        assert_eq!(of("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
    }
}

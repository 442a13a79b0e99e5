//! Hosts that are addresses, in the usual notation or in one that only programs understand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address as host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numeric {
    pub(super) address: IpAddr,
    /// Not written the usual way.
    pub(super) odd: bool,
}

const LONGEST: usize = 46;

/// The address that a host is, final dots aside.
pub(super) fn numeric(host: &str) -> Option<Numeric> {
    let host = host.trim_end_matches('.');
    if host.is_empty() || host.len() > LONGEST || !host.is_ascii() {
        return None;
    }
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<Ipv6Addr>() {
        return Some(Numeric {
            address: address.into(),
            odd: false,
        });
    }
    if let Some(address) = dotted(host) {
        return Some(Numeric {
            address: address.into(),
            odd: false,
        });
    }
    odd(host).map(|address| Numeric {
        address: address.into(),
        odd: true,
    })
}

/// Four octets, each decimal whatever it begins with.
fn dotted(host: &str) -> Option<Ipv4Addr> {
    let octet = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u8>().ok())?;
    let octets = host.split('.').map(octet).collect::<Option<Vec<u8>>>()?;
    <[u8; 4]>::try_from(octets).ok().map(Ipv4Addr::from)
}

/// Up to four numbers in any base: each fills octets from the left, the last one from the right.
fn odd(host: &str) -> Option<Ipv4Addr> {
    let numbers = host.split('.').map(number).collect::<Option<Vec<u32>>>()?;
    let (last, front) = numbers.split_last().filter(|_| numbers.len() <= 4)?;
    let mut address = 0;
    let mut used = 0;
    for value in front {
        let octets = octets(*value);
        let room = 32 - 8 * used;
        let wide = u64::from(*value) << room >> (8 * octets);
        address |= u32::try_from(wide).ok()?;
        used += octets;
        if used >= 4 {
            return Some(address.into());
        }
    }
    Some((address | *last).into())
}

/// How many octets a number takes.
fn octets(value: u32) -> u32 {
    (32 - value.leading_zeros()).div_ceil(8).max(1)
}

/// One number, its low 32 bits: decimal, `0x` hexadecimal, or `0` octal.
fn number(digits: &str) -> Option<u32> {
    let (digits, base) = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (digits.get(2..)?, 16),
        [b'0', _, ..] => (digits.get(1..)?, 8),
        _ => (digits, 10),
    };
    let mut value: u64 = 0;
    for digit in digits.chars() {
        let digit = digit.to_digit(base)?;
        value = value.saturating_mul(u64::from(base)).saturating_add(u64::from(digit));
    }
    let bounded = value.min(u64::MAX >> 1);
    u32::try_from(bounded & u64::from(u32::MAX)).ok()
}

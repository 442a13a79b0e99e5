//! Lists of addresses and networks, version 4 and 6, looked up by longest match. No names, no ranges: those are named as bad lines.

use super::line::{Problem, lines};
use super::watch::Content;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use std::net::{IpAddr, Ipv6Addr};

/// What a network carries: the text behind it, if any.
type Value = Option<Box<str>>;

/// Networks with an optional value each. IPv4 addresses written in IPv6 (`::ffff:192.0.2.1`) are IPv4 addresses here.
#[derive(Default)]
pub struct Networks {
    v4: PrefixMap<Ipv4Net, Value>,
    v6: PrefixMap<Ipv6Net, Value>,
}

impl Networks {
    /// Value of the smallest network that holds the address: `Some(None)` for one without a value.
    pub fn get(&self, address: IpAddr) -> Option<Option<&str>> {
        match address.to_canonical() {
            IpAddr::V4(a) => self.v4.get_lpm(&Ipv4Net::from(a)).map(|(_, v)| v.as_deref()),
            IpAddr::V6(a) => self.v6.get_lpm(&Ipv6Net::from(a)).map(|(_, v)| v.as_deref()),
        }
    }

    /// True where some network holds the address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.get(address).is_some()
    }

    fn insert(&mut self, network: IpNet, value: Value) {
        match network {
            IpNet::V4(n) => drop(self.v4.insert(n, value)),
            IpNet::V6(n) => drop(self.v6.insert(n, value)),
        }
    }
}

impl Content for Networks {
    fn read(text: &[u8], problem: &mut dyn FnMut(Problem)) -> Networks {
        let mut networks = Networks::default();
        for line in lines(text) {
            match line.and_then(|l| Ok((network(l.key).map_err(|reason| Problem { line: l.number, reason })?, l.value))) {
                Ok((network, value)) => networks.insert(network, value.map(Box::from)),
                Err(bad) => problem(bad),
            }
        }
        networks
    }

    fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }
}

/// Reads an address or a network; bits behind the prefix are cleared, brackets around IPv6 are allowed.
pub fn network(text: &str) -> Result<IpNet, String> {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let address = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address);
    let wrong = || format!("`{}` is neither an address nor a network", shown(text));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => most,
        Some(l) if !l.is_empty() && l.bytes().all(|b| b.is_ascii_digit()) => {
            let too_long = || format!("`{}`: a prefix of this kind has at most {most} bits", shown(text));
            l.parse::<u8>().ok().filter(|&l| l <= most).ok_or_else(too_long)?
        }
        Some(_) => return Err(wrong()),
    };
    let (address, length) = match address {
        IpAddr::V6(a) => mapped(a, length),
        v4 => (v4, length),
    };
    Ok(IpNet::new(address, length).map_err(|_| wrong())?.trunc())
}

/// An IPv4 network written in IPv6 becomes one of version 4.
fn mapped(address: Ipv6Addr, length: u8) -> (IpAddr, u8) {
    match (address.to_ipv4_mapped(), length.checked_sub(96)) {
        (Some(v4), Some(length)) => (IpAddr::V4(v4), length),
        _ => (IpAddr::V6(address), length),
    }
}

/// The text as far as a log line should carry it.
fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn load(text: &str) -> (Networks, Vec<Problem>) {
        let mut problems = Vec::new();
        let networks = Networks::read(text.as_bytes(), &mut |p| problems.push(p));
        (networks, problems)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_networks_values_and_the_longest_match() {
        let (n, problems) = load("10.0.0.0/8 wide\n10.1.2.3\n10.1.0.0/16 # none\n2001:db8::/32 six\n[2001:db8::1] one\n");
        assert_eq!(problems, []);
        assert_eq!(n.len(), 5);
        assert_eq!(n.get(ip("10.200.0.1")), Some(Some("wide")));
        assert_eq!(n.get(ip("10.1.2.3")), Some(None));
        assert_eq!(n.get(ip("10.1.9.9")), Some(None));
        assert_eq!(n.get(ip("2001:db8::2")), Some(Some("six")));
        assert_eq!(n.get(ip("2001:db8::1")), Some(Some("one")));
        assert!(!n.contains(ip("11.0.0.1")) && !n.contains(ip("2001:db9::1")));
    }

    #[test]
    fn host_bits_are_cleared_and_the_last_of_two_wins() {
        let (n, _) = load("198.51.100.7/24 a\n198.51.100.0/24 b\n");
        assert_eq!(n.get(ip("198.51.100.255")), Some(Some("b")));
        assert_eq!(n.len(), 1);
    }

    #[test]
    fn mapped_addresses_are_version_4() {
        let (n, _) = load("192.0.2.1\n::ffff:198.51.100.0/120\n");
        assert!(n.contains(ip("::ffff:192.0.2.1")));
        assert!(n.contains(ip("198.51.100.9")) && n.contains(ip("::ffff:198.51.100.9")));
        assert!(!n.contains(ip("198.51.101.9")));
    }

    #[test]
    fn everything_may_be_listed() {
        let (n, _) = load("0.0.0.0/0\n");
        assert!(n.contains(ip("255.1.2.3")) && !n.contains(ip("::1")));
    }

    #[test]
    fn one_bad_line_costs_itself_only_and_is_named() {
        let (n, problems) = load("10.0.0.1\nmail.example.com\n10.0.0.2/33\n10.0.0.0/\n10.0.0/8\nfe80::1%eth0\n1.2.3.4/+8\n10.0.0.3\n");
        assert_eq!(n.len(), 2);
        assert_eq!(problems.iter().map(|p| p.line).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
        assert_eq!(problems[0].reason, "`mail.example.com` is neither an address nor a network");
        assert_eq!(problems[1].reason, "`10.0.0.2/33`: a prefix of this kind has at most 32 bits");
    }

    proptest! {
        #[test]
        fn every_written_network_is_read_back(bits: u128, length in 0u8..=128) {
            let network_ = IpNet::new(IpAddr::from(bits.to_be_bytes()), length).unwrap().trunc();
            prop_assume!(!matches!(network_.addr(), IpAddr::V6(a) if a.to_ipv4_mapped().is_some()));
            prop_assert_eq!(network(&network_.to_string()), Ok(network_));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = network(&text);
        }
    }
}

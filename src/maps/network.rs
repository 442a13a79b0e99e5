//! Lists of addresses and networks, version 4 and 6, looked up by longest match. No names, no ranges: those are named as bad lines.

use super::line::{Problem, lines};
use super::watch::Content;
use crate::base::prefix_set::{PrefixMap, parse_network};
use std::net::IpAddr;

/// Networks with an optional value each. IPv4 addresses written in IPv6 (`::ffff:192.0.2.1`) are IPv4 addresses here.
#[derive(Default)]
pub struct Networks {
    trie: PrefixMap<Option<Box<str>>>,
}

impl Networks {
    /// Value of the smallest network that holds the address: `Some(None)` for one without a value.
    pub fn get(&self, address: IpAddr) -> Option<Option<&str>> {
        self.trie.longest(address).map(|(_, value)| value.as_deref())
    }

    /// True where some network holds the address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.get(address).is_some()
    }
}

impl Content for Networks {
    fn read(text: &[u8], problem: &mut dyn FnMut(Problem)) -> Networks {
        let mut networks = Networks::default();
        for line in lines(text) {
            let read = line.and_then(|l| match parse_network(l.key) {
                Ok(network) => Ok((network, l.value)),
                Err(_) => Err(Problem {
                    line: l.number,
                    reason: format!("`{}` is neither an address nor a network", shown(l.key)),
                }),
            });
            match read {
                Ok((network, value)) => drop(networks.trie.insert(network, value.map(Box::from))),
                Err(bad) => problem(bad),
            }
        }
        networks
    }

    fn len(&self) -> usize {
        self.trie.len()
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
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = load(&text);
        }
    }
}

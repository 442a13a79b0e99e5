//! Addresses in networks: which network of a set holds an address, the longest match first. Reads no file and resolves no name.

use ipnet::IpNet;
use prefix_trie::joint::JointPrefixMap;
use std::net::IpAddr;

/// Networks of both families, each with a value.
#[derive(Clone, Debug)]
pub struct PrefixMap<T> {
    trie: JointPrefixMap<IpNet, T>,
}

/// Networks of both families.
pub type PrefixSet = PrefixMap<()>;

impl<T> Default for PrefixMap<T> {
    fn default() -> PrefixMap<T> {
        PrefixMap {
            trie: JointPrefixMap::new(),
        }
    }
}

impl<T> PrefixMap<T> {
    /// Puts a network in, host bits ignored; returns the value it had before.
    pub fn insert(&mut self, network: IpNet, value: T) -> Option<T> {
        self.trie.insert(canonical(network), value)
    }

    /// The longest network that holds the address, with its value. An IPv4 address in IPv6 clothes is looked up as IPv4.
    pub fn longest(&self, address: IpAddr) -> Option<(IpNet, &T)> {
        self.trie.get_lpm(&IpNet::from(address.to_canonical()))
    }

    /// True where some network holds the address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.longest(address).is_some()
    }

    /// How many networks there are.
    pub fn len(&self) -> usize {
        self.trie.len()
    }

    /// True without any network.
    pub fn is_empty(&self) -> bool {
        self.trie.is_empty()
    }
}

impl FromIterator<IpNet> for PrefixSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> PrefixSet {
        let mut set = PrefixSet::default();
        for network in networks {
            set.insert(network, ());
        }
        set
    }
}

impl<T> FromIterator<(IpNet, T)> for PrefixMap<T> {
    fn from_iter<I: IntoIterator<Item = (IpNet, T)>>(networks: I) -> PrefixMap<T> {
        let mut map = PrefixMap::default();
        for (network, value) in networks {
            map.insert(network, value);
        }
        map
    }
}

/// Reads `192.0.2.1`, `192.0.2.0/24`, `::1`, `[::1]`, `fd00::/8`.
///
/// # Errors
/// The text is neither an address nor a network.
pub fn parse_network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let read = bare.parse::<IpAddr>().map(IpNet::from).ok().or_else(|| bare.parse::<IpNet>().ok());
    read.map(canonical)
        .ok_or_else(|| format!("`{text}` is neither an address nor a network like 192.0.2.0/24 or fd00::/8"))
}

/// True for 127.0.0.0/8 and ::1, also where IPv4 wears IPv6 clothes.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Host bits off; a network of IPv4 addresses in IPv6 clothes becomes the IPv4 one.
fn canonical(network: IpNet) -> IpNet {
    if let IpNet::V6(v6) = network
        && v6.prefix_len() >= 96
        && let IpAddr::V4(v4) = IpAddr::V6(v6.network()).to_canonical()
        && let Ok(mapped) = IpNet::new(IpAddr::V4(v4), v6.prefix_len() - 96)
    {
        return mapped.trunc();
    }
    network.trunc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("test address")
    }

    fn net(text: &str) -> IpNet {
        parse_network(text).expect("test network")
    }

    #[test]
    fn longest_match_wins() {
        let map: PrefixMap<&str> = [
            (net("10.0.0.0/8"), "wide"),
            (net("10.1.2.0/24"), "narrow"),
            (net("10.1.2.3"), "host"),
        ]
        .into_iter()
        .collect();
        assert_eq!(map.longest(ip("10.1.2.3")), Some((net("10.1.2.3/32"), &"host")));
        assert_eq!(map.longest(ip("10.1.2.4")).map(|m| *m.1), Some("narrow"));
        assert_eq!(map.longest(ip("10.9.9.9")).map(|m| *m.1), Some("wide"));
        assert_eq!(map.longest(ip("11.0.0.1")), None);
        assert_eq!(map.longest(ip("::1")), None);
    }

    #[test]
    fn both_families_and_mapped_addresses() {
        let set: PrefixSet = [net("192.0.2.0/24"), net("fd00::/8"), net("::ffff:198.51.100.0/120")]
            .into_iter()
            .collect();
        for inside in ["192.0.2.255", "::ffff:192.0.2.1", "fd12::1", "198.51.100.7"] {
            assert!(set.contains(ip(inside)), "{inside}");
        }
        for outside in ["192.0.3.0", "::ffff:192.0.3.1", "fe80::1"] {
            assert!(!set.contains(ip(outside)), "{outside}");
        }
        assert_eq!(set.len(), 3);
    }

    #[test]
    fn everything_and_nothing() {
        let all: PrefixSet = [net("0.0.0.0/0")].into_iter().collect();
        assert!(all.contains(ip("203.0.113.1")));
        assert!(!all.contains(ip("2001:db8::1")));
        assert!(!PrefixSet::default().contains(ip("127.0.0.1")));
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(net(" [::1] "), net("::1/128"));
        assert_eq!(net("10.1.2.3/8"), net("10.0.0.0/8"));
        for bad in ["", "10.0.0.0/33", "10.0.0", "example.org", "fd00::/129", "[10.0.0.1"] {
            assert!(parse_network(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn loopback() {
        assert!(is_loopback(ip("127.3.2.1")) && is_loopback(ip("::1")) && is_loopback(ip("::ffff:127.0.0.1")));
        assert!(!is_loopback(ip("10.0.0.1")) && !is_loopback(ip("::")));
    }
}

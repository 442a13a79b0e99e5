//! Names of domains as far as mail compares them. No look-ups.

/// The part of a host name that somebody registered: one label above its public suffix. The name itself where it has no suffix, is one,
/// or is no name (an address).
pub fn registrable(host: &str) -> &str {
    psl::domain_str(host).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::registrable;

    #[test]
    fn the_registered_part() {
        for (host, part) in [
            ("mail.example.org", "example.org"),
            ("a.b.example.co.uk", "example.co.uk"),
            ("example.org", "example.org"),
            ("org", "org"),
            ("", ""),
            ("localhost", "localhost"),
        ] {
            assert_eq!(registrable(host), part);
        }
    }
}

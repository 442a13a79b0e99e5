//! Aliases of addresses as 3.4 resolves them before any other rule looks: plus tags everywhere, dots at Gmail. 4.1 does this elsewhere
//! and leaves the addresses alone. It inserts no symbol.

use crate::engine::Compat;
use std::borrow::Cow;

/// The address that rules compare: in 3.4 without its alias, in 4.1 as it is.
pub fn plain(compat: Compat, address: &str) -> Cow<'_, str> {
    match compat {
        Compat::V34 => resolved(address).map_or(Cow::Borrowed(address), Cow::Owned),
        Compat::V41 => Cow::Borrowed(address),
    }
}

/// Part behind the last `@`; empty without one.
pub fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, d)| d)
}

fn resolved(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let google = matches!(domain, "gmail.com" | "googlemail.com");
    let dotless: Cow<str> = if google { local.replace('.', "").into() } else { local.into() };
    let user = match dotless.split_once('+') {
        Some((user, _)) if !user.is_empty() => user,
        _ => &dotless,
    };
    let domain = if google { "gmail.com" } else { domain };
    (user != local).then(|| format!("{user}@{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_dots_go_as_3_4_has_them() {
        for (written, meant) in [
            ("a+tag@b.org", "a@b.org"),
            ("a.b@b.org", "a.b@b.org"),
            ("a.b+x@gmail.com", "ab@gmail.com"),
            ("a.b@googlemail.com", "ab@gmail.com"),
            ("ab@googlemail.com", "ab@googlemail.com"),
            ("+x@b.org", "+x@b.org"),
            ("none", "none"),
            ("", ""),
        ] {
            assert_eq!(plain(Compat::V34, written), meant);
            assert_eq!(plain(Compat::V41, written), written);
        }
    }
}

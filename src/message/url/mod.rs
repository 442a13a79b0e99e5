//! URLs and e-mail addresses of a message: found in texts, taken from HTML, parsed, each once. No network, no opinion.
//!
//! Mail programs make links of what no standard calls a URL, and spammers write for mail programs. What counts as a URL here, where
//! one ends and what it is told to be follows rspamd, since scores depend on it.

mod authority;
pub(crate) mod class;
#[cfg(test)]
mod examples;
mod find;
mod flags;
pub mod host;
mod href;
mod mailto;
mod marks;
mod normal;
mod numeric;
mod read;
mod set;
mod shown;
mod syntax;
mod telephone;
#[cfg(test)]
mod tests;

pub(super) use find::{Extent, find};
pub use flags::Flags;
pub(super) use href::href;
pub use set::Urls;
pub(super) use set::collect;
pub(super) use shown::displayed;

use std::ops::Range;

/// What a URL is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `http`
    #[default]
    Http,
    /// `https`
    Https,
    /// `ftp`
    Ftp,
    /// `file`
    File,
    /// `mailto`, and every address found in text.
    Mailto,
    /// `tel` and `callto`.
    Telephone,
}

impl Protocol {
    /// The protocol of a scheme, with the scheme in lower case.
    fn of(scheme: &[u8]) -> Option<(&'static str, Protocol)> {
        const ALL: [(&str, Protocol); 7] = [
            ("http", Protocol::Http),
            ("https", Protocol::Https),
            ("mailto", Protocol::Mailto),
            ("ftp", Protocol::Ftp),
            ("file", Protocol::File),
            ("tel", Protocol::Telephone),
            ("callto", Protocol::Telephone),
        ];
        ALL.into_iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(scheme))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Https => "https",
            Protocol::Ftp => "ftp",
            Protocol::File => "file",
            Protocol::Mailto => "mailto",
            Protocol::Telephone => "telephone",
        }
    }

    /// It fetches something: `http`, `https`, `ftp`.
    pub fn is_web(self) -> bool {
        matches!(self, Protocol::Http | Protocol::Https | Protocol::Ftp)
    }
}

/// One URL; its fields are parts of its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    /// What it is for.
    pub protocol: Protocol,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// What else is known of it.
    pub flags: Flags,
    /// As it stood in the message.
    pub raw: String,
    /// How often it was found.
    pub count: u32,
    /// The text of its link, where it is one.
    pub visible: Option<String>,
    /// The URL that the text of its link shows, where that is another one (`PHISHED`).
    pub shown: Option<Box<Url>>,
    /// Index of the part in which it was found first.
    pub part: Option<usize>,
    text: String,
    user: Range<usize>,
    host: Range<usize>,
    tld: Range<usize>,
    path: Range<usize>,
    query: Range<usize>,
    fragment: Range<usize>,
}

impl Url {
    /// Reads one URL with its scheme.
    pub fn parse(text: &str) -> Option<Url> {
        read::read(text, syntax::Reading::Piece)
    }

    /// All of it: host and scheme in lower case, escapes undone.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn part_of(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The user in front of `@`; may be empty.
    pub fn user(&self) -> &str {
        self.part_of(&self.user)
    }

    /// The host; digits of a telephone number.
    pub fn host(&self) -> &str {
        self.part_of(&self.host)
    }

    /// The registrable domain; the host where there is none.
    pub fn tld(&self) -> &str {
        self.part_of(&self.tld)
    }

    /// The path without its first slash.
    pub fn path(&self) -> &str {
        self.part_of(&self.path)
    }

    /// What follows `?`.
    pub fn query(&self) -> &str {
        self.part_of(&self.query)
    }

    /// What follows `#`.
    pub fn fragment(&self) -> &str {
        self.part_of(&self.fragment)
    }

    /// How many URLs and addresses the parameters of its query hold.
    pub fn embedded(&self) -> usize {
        let mut count = 0;
        for parameter in self.query().split('&').filter(|p| !p.is_empty()) {
            find(parameter, &[], Extent::All, |_, _| {
                count += 1;
                true
            });
        }
        count
    }

    /// It is an e-mail address.
    pub fn is_email(&self) -> bool {
        self.protocol == Protocol::Mailto
    }

    /// `user@host` of an e-mail address.
    pub fn email(&self) -> Option<String> {
        let whole = self.is_email() && !self.user.is_empty() && !self.host.is_empty();
        whole.then(|| format!("{}@{}", self.user(), self.host()))
    }

    /// Escaped so that it stands in one word: as the extended reply writes it.
    pub fn encoded(&self) -> String {
        const ALWAYS: &[u8] = b"-._~!$&'()*+,;=";
        let safe = |b: u8, more: &[u8]| b.is_ascii_alphanumeric() || ALWAYS.contains(&b) || more.contains(&b);
        let fields = [
            (self.host(), &b":[]"[..]),
            (self.user(), b":"),
            (self.path(), b"/:@"),
            (self.query(), b"/:?@"),
            (self.fragment(), b"/:?@"),
        ];
        if fields.iter().all(|(text, more)| text.bytes().all(|b| safe(b, more))) {
            return self.text.clone();
        }
        let [host, user, path, query, fragment] = fields;
        let mut out = format!("{}://", self.protocol.name());
        for ((text, more), before, behind) in [
            (user, "", "@"),
            (host, "", ""),
            (path, "/", ""),
            (query, "?", ""),
            (fragment, "#", ""),
        ] {
            if text.is_empty() {
                continue;
            }
            out.push_str(before);
            for byte in text.bytes() {
                if safe(byte, more) {
                    out.push(char::from(byte));
                } else {
                    out.push_str(&format!("%{byte:02X}"));
                }
            }
            out.push_str(behind);
        }
        out
    }
}

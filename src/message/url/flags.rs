//! What is known of a URL besides its bytes, in the words of rspamd.

use std::ops::{BitOr, BitOrAssign};

/// A set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(u32);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal $word:literal;)*) => {
        impl Flags {
            $($(#[$doc])* pub const $name: Flags = Flags(1 << $bit);)*
            /// All names in the order in which rspamd writes them.
            const NAMES: &'static [(Flags, &'static str)] = &[$((Flags::$name, $word)),*];
        }
    };
}

flags! {
    /// The text of its link shows another host.
    PHISHED = 0 "phished";
    /// Its host is an address.
    NUMERIC = 1 "numeric";
    /// Written so that people misread it.
    OBSCURED = 2 "obscured";
    /// Where a redirector led to was looked up.
    REDIRECTED = 3 "redirected";
    /// It is the text of a link or stands in the Subject: shown, not linked.
    HTML_DISPLAYED = 4 "html_displayed";
    /// Found in text.
    FROM_TEXT = 5 "text";
    /// Found in the Subject.
    SUBJECT = 6 "subject";
    /// The host held percent signs or other forms that were undone.
    HOST_ENCODED = 7 "host_encoded";
    /// The scheme held percent signs.
    SCHEMA_ENCODED = 8 "schema_encoded";
    /// The path held percent signs.
    PATH_ENCODED = 9 "path_encoded";
    /// The query held percent signs.
    QUERY_ENCODED = 10 "query_encoded";
    /// No slashes behind the scheme.
    MISSING_SLASHES = 11 "missing_slashes";
    /// Letters beyond ASCII in the host.
    IDN = 12 "idn";
    /// A port is written.
    HAS_PORT = 13 "has_port";
    /// A user is written.
    HAS_USER = 14 "has_user";
    /// No scheme is written.
    SCHEMALESS = 15 "schemaless";
    /// It was not in normal form (NFKC).
    UNNORMALISED = 16 "unnormalised";
    /// Characters without width stood in it.
    ZW_SPACES = 17 "zw_spaces";
    /// The text of its link looks like a URL.
    DISPLAY_URL = 18 "url_displayed";
    /// Source of an image.
    IMAGE = 19 "image";
    /// Found in the query of another URL.
    QUERY = 20 "query";
    /// Found in the content of an attachment.
    CONTENT = 21 "content";
    /// Its host ends with no known suffix.
    NO_TLD = 22 "no_tld";
    /// Only its front was read.
    TRUNCATED = 23 "truncated";
    /// Where a redirector leads to.
    REDIRECT_TARGET = 24 "redirect_target";
    /// Its link cannot be seen.
    INVISIBLE = 25 "invisible";
    /// Special.
    SPECIAL = 26 "special";
}

impl Flags {
    /// All of the others are set.
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// At least one of the others is set.
    pub fn any(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    /// Without the others.
    #[must_use]
    pub fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }

    /// Names of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Flags::NAMES.iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| *name)
    }
}

impl BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

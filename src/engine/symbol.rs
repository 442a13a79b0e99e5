//! Symbols as rules declare them: one static each, with score, group and a sentence for people.

/// Which generation of rspamd's rules is followed (`compat` in the configuration).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
pub enum Compat {
    /// Debian's 3.4, the default: the set-up guide's printed results are this generation's.
    #[default]
    #[serde(rename = "3.4")]
    V34,
    /// 4.1.
    #[serde(rename = "4.1")]
    V41,
}

impl Compat {
    /// What is this generation's of a pair of values.
    pub fn of(self, values: &Scores) -> Option<f64> {
        match self {
            Compat::V34 => values[0],
            Compat::V41 => values[1],
        }
    }
}

/// A symbol declared by a rule of ours. Declared once, through [`symbols!`](crate::symbols).
#[derive(Debug)]
pub struct Symbol {
    /// The name, byte for byte as rspamd has it.
    pub name: &'static str,
    /// The group it is shown and capped in.
    pub group: &'static str,
    /// Default score under 3.4; `None` where that generation lacks the symbol.
    pub score_34: Option<f64>,
    /// Default score under 4.1.
    pub score_41: Option<f64>,
    /// How often an insertion adds its score; `None`: the metric's default (100).
    pub shots: Option<u32>,
    /// One sentence: what it means to an administrator.
    pub description: &'static str,
}

impl Symbol {
    /// The default score in a generation, `None` where it does not exist.
    pub fn score(&self, compat: Compat) -> Option<f64> {
        compat.of(&[self.score_34, self.score_41])
    }
}

/// Default scores in (3.4, 4.1), as [`symbols!`](crate::symbols) writes them.
pub type Scores = [Option<f64>; 2];

/// The same score in both generations.
pub const fn both(score: f64) -> Scores {
    [Some(score), Some(score)]
}

/// One score in 3.4, another in 4.1.
pub const fn each(v34: f64, v41: f64) -> Scores {
    [Some(v34), Some(v41)]
}

/// A symbol that only 3.4 has.
pub const fn only_34(score: f64) -> Scores {
    [Some(score), None]
}

/// A symbol that only 4.1 has.
pub const fn only_41(score: f64) -> Scores {
    [None, Some(score)]
}

/// Declares the symbols of a family: one `pub static` each, and `SYMBOLS`, the list of them all.
///
/// ```
/// torwart::symbols! {
///     "headers" {
///         MISSING_DATE = both(1.0), "the Date header is absent or empty";
///         RDNS_NONE = each(1.0, 2.0), "the client has no reverse name";
///     }
///     "mime_types" {
///         MIME_GOOD = both(-0.1), "a part of a well-known harmless type", shots 1;
///     }
/// }
/// assert_eq!(SYMBOLS.len(), 3);
/// ```
#[macro_export]
macro_rules! symbols {
    ($($group:literal { $($name:ident = $scores:expr, $text:literal $(, shots $shots:literal)?;)* })*) => {
        $($(
            #[doc = $text]
            pub static $name: $crate::engine::Symbol = {
                #[allow(unused_imports)]
                use $crate::engine::symbol::{both, each, only_34, only_41};
                let scores: $crate::engine::symbol::Scores = $scores;
                #[allow(unused_mut, unused_assignments)]
                let mut shots: Option<u32> = None;
                $(shots = Some($shots);)?
                $crate::engine::Symbol {
                    name: stringify!($name),
                    group: $group,
                    score_34: scores[0],
                    score_41: scores[1],
                    shots,
                    description: $text,
                }
            };
        )*)*
        /// Every symbol of this family.
        pub static SYMBOLS: &[&$crate::engine::Symbol] = &[$($(&$name,)*)*];
    };
}

//! The options of one symbol: each once, in order of arrival, bounded in bytes.

use regex::Regex;
use std::sync::LazyLock;

/// Stands for the options that found no room.
const MORE: &str = "...";

/// Everything that is no visible text: controls, formats, private and unassigned code points.
static HIDDEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\p{C}").expect("a constant pattern"));

/// Options collected so far.
#[derive(Debug, Default)]
pub(crate) struct Options {
    list: Vec<String>,
    bytes: usize,
    full: bool,
}

impl Options {
    /// Adds options; the one that would pass the limit becomes `...` and later ones are ignored.
    pub fn extend(&mut self, options: Vec<String>, limit: usize) {
        for option in options {
            if self.full {
                return;
            }
            let option = visible(option);
            if self.list.contains(&option) {
                continue;
            }
            if self.bytes + option.len() > limit {
                self.full = true;
                self.list.push(MORE.to_owned());
                return;
            }
            self.bytes += option.len();
            self.list.push(option);
        }
    }

    /// What was collected.
    pub fn all(&self) -> &[String] {
        &self.list
    }

    /// The options themselves.
    pub fn into_vec(self) -> Vec<String> {
        self.list
    }
}

/// Each invisible code point becomes U+FFFD.
fn visible(option: String) -> String {
    if option.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return option;
    }
    HIDDEN.replace_all(&option, "\u{fffd}").into_owned()
}

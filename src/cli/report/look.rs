//! How a report looks: in which order, with how much of the URLs, in colour or not.

use serde_json::Value;

/// Choices of whoever reads.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Look {
    /// URLs in steps, not on one line.
    pub extended_urls: bool,
    /// For a terminal that shows colours.
    pub colour: bool,
    /// Order of symbols.
    pub sort: Sort,
}

/// An order of symbols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Sort {
    key: Option<&'static str>,
    turned: bool,
}

impl Default for Sort {
    fn default() -> Sort {
        Sort::parse("name")
    }
}

impl Sort {
    /// `KEY` or `KEY:asc`; with any other text everything stays as the daemon sent it. Names have `a` first, numbers the
    /// greatest; `:asc` turns both round.
    pub fn parse(text: &str) -> Sort {
        let (key, turned) = text.strip_suffix(":asc").map_or((text, false), |key| (key, true));
        let known = ["name", "score", "weight", "frequency", "hits", "time"];
        Sort {
            key: known.into_iter().find(|k| *k == key),
            turned,
        }
    }

    /// Puts symbols in order; `number` reads a number of one, a missing one counts as 0. Equals stay as they were.
    pub fn apply(&self, symbols: &mut [(String, &Value)], number: impl Fn(&Value, &str) -> Option<f64>) {
        let Some(key) = self.key else { return };
        let of = |symbol: &Value| number(symbol, key).unwrap_or(0.0);
        symbols.sort_by(|(name, one), (other, two)| {
            let order = match key {
                "name" => name.cmp(other),
                _ => of(two).total_cmp(&of(one)),
            };
            if self.turned { order.reverse() } else { order }
        });
    }
}

impl Look {
    /// What matters, in bold.
    pub fn bold(&self, text: impl std::fmt::Display) -> String {
        self.paint("1", &text.to_string())
    }

    /// An action in its colour.
    pub fn action(&self, action: &str) -> String {
        let colour = match super::place(action) {
            Some(0) => "38;2;255;000;000",
            Some(1 | 4) => "38;2;128;128;128",
            Some(2 | 3) => "38;2;255;165;000",
            Some(_) => "38;2;000;128;000",
            None => "1",
        };
        self.paint(colour, action)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn orders_are_rspamcs() {
        let scores = [("b", 2.0), ("A", -3.0), ("c", 0.0), ("a", 0.0)].map(|(n, s)| (n.to_owned(), json!(s)));
        for (text, names) in [
            ("name", "Aabc"),
            ("name:asc", "cbaA"),
            ("score", "Abca"),
            ("score:asc", "cabA"),
            ("weight", "bAca"),
            ("Score", "bAca"),
            ("score:desc", "bAca"),
            ("", "bAca"),
        ] {
            let mut symbols: Vec<(String, &Value)> = scores.iter().map(|(n, s)| (n.clone(), s)).collect();
            let number = |value: &Value, key: &str| value.as_f64().map(f64::abs).filter(|_| key == "score");
            Sort::parse(text).apply(&mut symbols, number);
            assert_eq!(symbols.into_iter().map(|(n, _)| n).collect::<String>(), names, "{text}");
        }
    }
}

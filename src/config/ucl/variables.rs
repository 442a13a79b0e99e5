//! `$NAME` and `${NAME}` in strings. It knows which names there are from its caller only.

/// Names and their values, in the order in which `$NAME` without braces is tried.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables(Vec<(String, String)>);

impl Variables {
    /// Sets a variable; one set already keeps its rank.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn begun_by<'v>(&'v self, text: &str) -> Option<(&'v str, &'v str)> {
        let mut found = self
            .0
            .iter()
            .filter(|(name, _)| !name.is_empty() && text.starts_with(name.as_str()));
        found.next().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The text with its variables replaced; `None` if none was. `$$` is a `$` only in a text that holds a variable besides. Fails if the
    /// result would pass `most` bytes.
    pub fn expand(&self, text: &str, most: usize) -> Result<Option<String>, TooLong> {
        let mut done = String::with_capacity(text.len());
        let mut rest = text;
        let mut replaced = false;
        // Where the next brace closes, so that a text full of `${` is not searched to its end for each.
        let mut closing = Some(0);
        while let Some((before, behind)) = rest.split_once('$') {
            done.push_str(before);
            if done.len() > most {
                return Err(TooLong);
            }
            if let Some(after) = behind.strip_prefix('$') {
                done.push('$');
                rest = after;
                continue;
            }
            let found = match behind.strip_prefix('{') {
                Some(inside) => {
                    let offset = text.len() - inside.len();
                    if closing.is_some_and(|at| at < offset) {
                        closing = inside.find('}').map(|length| offset + length);
                    }
                    let name = closing.and_then(|at| inside.get(..at - offset));
                    let value = name.and_then(|name| self.get(name));
                    value
                        .zip(name)
                        .map(|(value, name)| (value, inside.get(name.len() + 1..).unwrap_or("")))
                }
                None => self
                    .begun_by(behind)
                    .map(|(name, value)| (value, behind.get(name.len()..).unwrap_or(""))),
            };
            match found {
                Some((value, after)) => {
                    replaced = true;
                    done.push_str(value);
                    rest = after;
                }
                None => {
                    done.push('$');
                    rest = behind;
                }
            }
        }
        done.push_str(rest);
        if done.len() > most {
            return Err(TooLong);
        }
        Ok(replaced.then_some(done))
    }
}

/// A text grew past its limit.
#[derive(Debug, PartialEq)]
pub(super) struct TooLong;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expansion() {
        let mut variables = Variables::default();
        variables.set("DIR", "/x");
        variables.set("DIRECTORY", "/y");
        for (text, awaited) in [
            ("$DIR/a", Some("/x/a")),
            ("${DIR}${DIRECTORY}", Some("/x/y")),
            ("$DIRECTORY", Some("/xECTORY")),
            ("$NO ${NO} $ ${ $}", None),
            ("$$DIR", None),
            ("$$DIR $DIR", Some("$DIR /x")),
            ("$$$DIR", Some("$/x")),
            ("${NO} ${DIR} ${", Some("${NO} /x ${")),
            ("${D${DIR}", Some("${D/x")),
        ] {
            assert_eq!(variables.expand(text, 100).unwrap().as_deref(), awaited, "{text}");
        }
        assert_eq!(variables.expand("$DIR$DIR$DIR", 4), Err(TooLong));
    }
}

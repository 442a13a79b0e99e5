//! `${ENV:NAME}` and `${ENV:NAME:-default}` in strings; where the values come from is the caller's business.

use super::report::Diagnostic;
use super::value::{Node, Value};

/// Longest text a string may expand to.
const LONGEST: usize = 1 << 20;

/// Looks a variable up.
pub type Lookup<'l> = &'l dyn Fn(&str) -> Option<String>;

/// Expands every string of the tree. `$${ENV:` stands for a literal `${ENV:`; any other `$` stays as it is.
pub fn expand(value: &mut Value, lookup: Lookup<'_>, findings: &mut Vec<Diagnostic>) {
    match &mut value.node {
        Node::Text(text) if text.contains("${ENV:") => match expanded(text, lookup) {
            Ok(new) => *text = new,
            Err(problem) => findings.push(problem.at(value.place.clone())),
        },
        Node::List(items) | Node::Repeated(items) => items.iter_mut().for_each(|item| expand(item, lookup, findings)),
        Node::Table(table) => table.iter_mut().for_each(|entry| expand(&mut entry.value, lookup, findings)),
        _ => (),
    }
}

fn expanded(text: &str, lookup: Lookup<'_>) -> Result<String, Diagnostic> {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${ENV:") {
        if let Some(before) = before.strip_suffix('$') {
            done.push_str(before);
            done.push_str("${ENV:");
            rest = behind;
            continue;
        }
        done.push_str(before);
        let (inside, after) = behind
            .split_once('}')
            .ok_or_else(|| Diagnostic::error("`${ENV:` is not closed by `}`"))?;
        let (name, default) = inside
            .split_once(":-")
            .map_or((inside, None), |(name, default)| (name, Some(default)));
        if name.is_empty() || name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let error = Diagnostic::error(format!("`{}` is no name of an environment variable", name.escape_debug()));
            return Err(error.help("write ${ENV:NAME} or ${ENV:NAME:-default}"));
        }
        let value = lookup(name).filter(|value| !value.is_empty() || default.is_none());
        match value.as_deref().or(default) {
            Some(value) => done.push_str(value),
            None => {
                let error = Diagnostic::error(format!("the environment variable {name} is not set"));
                return Err(error.help(format!("set it, or give a default: ${{ENV:{name}:-default}}")));
            }
        }
        rest = after;
        if done.len() > LONGEST {
            return Err(Diagnostic::error("the text grows too long"));
        }
    }
    done.push_str(rest);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/root".to_owned()),
            "EMPTY" => Some(String::new()),
            "REF" => Some("${ENV:HOME}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn expansion() {
        for (text, awaited) in [
            ("plain $x ${y} $", "plain $x ${y} $"),
            ("${ENV:HOME}/a", "/root/a"),
            ("a${ENV:HOME}${ENV:NONE:-b}c", "a/rootbc"),
            ("${ENV:NONE:-}", ""),
            ("${ENV:EMPTY}", ""),
            ("${ENV:EMPTY:-full}", "full"),
            ("$${ENV:HOME}", "${ENV:HOME}"),
            ("${ENV:REF}", "${ENV:HOME}"),
        ] {
            assert_eq!(expanded(text, &look).unwrap(), awaited, "{text}");
        }
        for text in ["${ENV:NONE}", "${ENV:HOME", "${ENV:}", "${ENV:a b}"] {
            assert!(expanded(text, &look).is_err(), "{text}");
        }
    }
}

//! A key out of a message, as administrators write it: `user.lower`, `from('smtp').domain`, `ip.mask(24)`; several joined by `;`.
//!
//! A part of rspamd's selectors: what a rate limit counts by. Every extractor gives a list, mostly of one; processors change each value.

use super::key::{address, network};
use crate::engine::Scan;
use std::net::IpAddr;

/// Values of one message at most.
const MOST: usize = 1_024;
/// Processors of one selector at most.
const LONGEST: usize = 16;

/// A selector that has been read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selector(Vec<Chain>);

#[derive(Clone, Debug, PartialEq)]
struct Chain {
    source: Source,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
enum Source {
    User,
    Ip,
    From(Origin),
    Recipients(Origin),
    Helo,
    HostName,
    Digest,
    Subject,
    MessageId,
    Header(String),
    Literal(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Origin {
    Envelope,
    Header,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Lower,
    Domain,
    Local,
    Address,
    First,
    Mask(u8, u8),
    Length(usize),
}

const SOURCES: &[&str] = &[
    "user",
    "ip",
    "from",
    "rcpts",
    "to",
    "helo",
    "hostname",
    "digest",
    "subject",
    "messageid",
    "header",
    "id",
];
const STEPS: &[&str] = &[
    "lower",
    "domain",
    "user",
    "local",
    "addr",
    "first",
    "mask",
    "apply_mask",
    "truncate",
];

/// A word with its arguments.
struct Word<'t> {
    name: &'t str,
    arguments: Vec<String>,
}

impl Selector {
    /// Reads a selector; the error says what is wrong, and perhaps what was meant.
    pub(super) fn parse(text: &str) -> Result<Selector, String> {
        let chains: Result<Vec<Chain>, String> = text.split(';').map(chain).collect();
        Ok(Selector(chains?))
    }

    /// The values of a message: every combination of the parts' values; none where a part has none.
    pub(super) fn values(&self, scan: &Scan<'_>) -> Vec<String> {
        let mut all = vec![String::new()];
        for (place, chain) in self.0.iter().enumerate() {
            let own = chain.values(scan);
            let join = |(head, value): (&String, &String)| match place {
                0 => value.clone(),
                _ => format!("{head}:{value}"),
            };
            let pairs = all.iter().flat_map(|head| own.iter().map(move |value| (head, value)));
            all = pairs.take(MOST).map(join).collect();
        }
        all
    }
}

fn chain(text: &str) -> Result<Chain, String> {
    let mut words = words(text)?.into_iter();
    let first = words.next().ok_or("the selector is empty")?;
    let source = source(&first)?;
    let steps: Result<Vec<Step>, String> = words.map(|word| step(&word)).collect();
    Ok(Chain { source, steps: steps? })
}

/// Splits `from('smtp').domain` at dots and colons outside of brackets.
fn words(text: &str) -> Result<Vec<Word<'_>>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if out.len() > LONGEST {
            return Err(format!("the selector has more than {LONGEST} steps"));
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        if name.is_empty() {
            return Err(format!("cannot read `{rest}`: a name is expected"));
        }
        let (arguments, behind) = match behind.strip_prefix('(') {
            None => (Vec::new(), behind),
            Some(inner) => {
                let (inside, behind) = inner
                    .split_once(')')
                    .ok_or_else(|| format!("the bracket behind `{name}` is not closed"))?;
                (arguments(inside), behind)
            }
        };
        out.push(Word { name, arguments });
        rest = match behind.strip_prefix(['.', ':']) {
            Some(next) if !next.is_empty() => next,
            None if behind.is_empty() => behind,
            _ => return Err(format!("cannot read `{behind}`: a dot and a step are expected")),
        };
    }
    Ok(out)
}

fn arguments(inside: &str) -> Vec<String> {
    let plain = |text: &str| text.trim().trim_matches(['\'', '"']).to_owned();
    inside.split(',').map(plain).filter(|a| !a.is_empty()).collect()
}

fn unknown(what: &str, name: &str, known: &'static [&'static str]) -> String {
    let near = crate::base::suggest::nearest(name, known.iter().copied());
    let hint = near.map_or_else(|| format!("there are {}", known.join(", ")), |n| format!("did you mean `{n}`?"));
    format!("`{name}` is no {what} that this version knows; {hint}")
}

fn source(word: &Word<'_>) -> Result<Source, String> {
    let first = word.arguments.first().map(String::as_str);
    let origin = || match first {
        None | Some("smtp") => Ok(Origin::Envelope),
        Some("mime") => Ok(Origin::Header),
        Some(other) => Err(format!("`{other}` is neither `smtp` nor `mime`")),
    };
    let named = || first.map(str::to_owned).ok_or_else(|| format!("`{}` needs an argument", word.name));
    Ok(match word.name {
        "user" => Source::User,
        "ip" => Source::Ip,
        "from" => Source::From(origin()?),
        "rcpts" | "to" => Source::Recipients(origin()?),
        "helo" => Source::Helo,
        "hostname" => Source::HostName,
        "digest" => Source::Digest,
        "subject" => Source::Subject,
        "messageid" => Source::MessageId,
        "header" => Source::Header(named()?),
        "id" => Source::Literal(first.unwrap_or_default().to_owned()),
        other => return Err(unknown("source", other, SOURCES)),
    })
}

fn step(word: &Word<'_>) -> Result<Step, String> {
    let number = |place: usize| -> Result<Option<usize>, String> {
        let Some(text) = word.arguments.get(place) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("`{text}` is no number"))
    };
    let bits = |place: usize, most: u8| -> Result<u8, String> {
        let given = number(place)?.unwrap_or(usize::from(most));
        u8::try_from(given)
            .ok()
            .filter(|n| *n <= most)
            .ok_or_else(|| format!("a network has at most {most} bits"))
    };
    Ok(match word.name {
        "lower" => Step::Lower,
        "domain" => Step::Domain,
        "user" | "local" => Step::Local,
        "addr" => Step::Address,
        "first" => Step::First,
        "mask" | "apply_mask" if word.arguments.is_empty() => {
            return Err("`mask` needs the bits, such as mask(24) or mask(24, 64)".to_owned());
        }
        "mask" | "apply_mask" => Step::Mask(bits(0, 32)?, if word.arguments.len() > 1 { bits(1, 128)? } else { 64 }),
        "truncate" => Step::Length(number(0)?.ok_or("`truncate` needs a length")?),
        other => return Err(unknown("step", other, STEPS)),
    })
}

impl Chain {
    fn values(&self, scan: &Scan<'_>) -> Vec<String> {
        let mut values = self.source.values(scan);
        for step in &self.steps {
            if *step == Step::First {
                values.truncate(1);
            }
            values = values.iter().filter_map(|value| step.apply(value)).collect();
        }
        let mut seen = std::collections::HashSet::new();
        values.retain(|value| !value.is_empty() && seen.insert(value.clone()));
        values
    }
}

impl Source {
    fn values(&self, scan: &Scan<'_>) -> Vec<String> {
        let envelope = scan.envelope;
        let one = |text: Option<&str>| text.filter(|t| !t.is_empty()).map(str::to_owned).into_iter().collect();
        match self {
            Source::User => one(envelope.user.as_deref()),
            Source::Ip => scan.client.map(|ip| ip.to_canonical().to_string()).into_iter().collect(),
            Source::From(Origin::Envelope) => envelope.sender.iter().map(|s| address(&s.address)).collect(),
            Source::From(Origin::Header) => scan.mail.from().iter().take(1).map(|f| address(&f.address)).collect(),
            Source::Recipients(Origin::Envelope) => envelope.recipients.iter().take(MOST).map(|r| address(&r.address)).collect(),
            Source::Recipients(Origin::Header) => {
                let named = scan.mail.recipients().unwrap_or_default();
                named.iter().take(MOST).map(|r| address(&r.address)).collect()
            }
            Source::Helo => one(envelope.helo.as_deref()),
            Source::HostName => one(envelope.hostname.as_deref()),
            Source::Digest => vec![scan.mail.digest().to_owned()],
            Source::Subject => one(scan.mail.subject()),
            Source::MessageId => one(scan.mail.message_id()),
            Source::Header(name) => {
                let values = scan.mail.headers().all(name).map(|h| h.value().into_owned());
                values.take(MOST).collect()
            }
            Source::Literal(text) => vec![text.clone()],
        }
    }
}

impl Step {
    fn apply(&self, value: &str) -> Option<String> {
        Some(match self {
            Step::Lower => value.to_lowercase(),
            Step::Domain => value.rsplit_once('@').map(|(_, domain)| domain.to_owned())?,
            Step::Local => value.rsplit_once('@').map_or(value, |(local, _)| local).to_owned(),
            Step::Address | Step::First => value.to_owned(),
            Step::Mask(v4, v6) => network(value.parse::<IpAddr>().ok()?, *v4, *v6)?.to_string(),
            Step::Length(most) => value.chars().take(*most).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::tests::{Post, with_scan};

    fn values(text: &str) -> Vec<String> {
        let selector = Selector::parse(text).unwrap();
        with_scan(&Post::default(), |scan| selector.values(scan))
    }

    #[test]
    fn keys_of_a_message() {
        for (text, expected) in [
            ("user.lower", vec!["anna"]),
            ("ip", vec!["203.0.113.9"]),
            ("ip.mask(24)", vec!["203.0.113.0/24"]),
            ("from", vec!["a@example.org"]),
            ("from('smtp').domain", vec!["example.org"]),
            ("from(\"mime\"):domain", vec!["example.net"]),
            ("rcpts", vec!["b@example.com", "c@example.com"]),
            ("rcpts.domain", vec!["example.com"]),
            ("rcpts.first", vec!["b@example.com"]),
            ("user;rcpts.user", vec!["Anna:b", "Anna:c"]),
            ("header('X-Tag').truncate(3)", vec!["one"]),
            ("header('X-None')", vec![]),
            ("user;header('X-None')", vec![]),
            ("id('all')", vec!["all"]),
            ("helo.domain", vec![]),
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, says) in [
            ("", "empty"),
            ("usr", "did you mean `user`?"),
            ("user.lowr", "did you mean `lower`?"),
            ("from('x')", "neither `smtp` nor `mime`"),
            ("from('smtp'", "not closed"),
            ("ip.mask", "needs the bits"),
            ("ip.mask(33)", "at most 32 bits"),
            ("user lower", "a dot and a step"),
            ("user.", "a dot and a step"),
            ("header", "needs an argument"),
            ("user;", "empty"),
        ] {
            let error = Selector::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}

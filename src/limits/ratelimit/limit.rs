//! What a limit counts by: keywords in its name or a selector, and the buckets of one message that follow.

use super::config::Bucket;
use crate::engine::Scan;
use crate::limits::key::{address, digest};
use crate::limits::selector::Selector;
use crate::store::Key;

/// Space of all buckets.
const SPACE: &str = "ratelimit";
/// Characters of a bucket's name behind its prefix.
const LENGTH: usize = 24;

/// One limit: a rule for keys, and the buckets that each key has.
pub(super) struct Limit {
    pub(super) name: String,
    pub(super) by: By,
    pub(super) buckets: Vec<Bucket>,
}

/// What a limit counts by.
pub(super) enum By {
    Keywords(Vec<Keyword>),
    Selector(Selector),
}

/// A part of a limit's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    To,
    From,
    Ip,
    /// A client that is not ours.
    RemoteIp,
    User,
    /// Only bounces are counted.
    Bounce,
    Digest,
    Attachments,
    Files,
}

/// The words, as names of limits have them.
pub(super) const KEYWORDS: &[(&str, Keyword)] = &[
    ("to", Keyword::To),
    ("from", Keyword::From),
    ("ip", Keyword::Ip),
    ("rip", Keyword::RemoteIp),
    ("user", Keyword::User),
    ("bounce", Keyword::Bounce),
    ("digest", Keyword::Digest),
    ("attachments", Keyword::Attachments),
    ("files", Keyword::Files),
];

/// A message as limits look at it.
pub(super) struct Subject<'s, 'm> {
    pub(super) scan: &'s Scan<'m>,
    /// Recipients that count, as they are counted.
    pub(super) recipients: Vec<String>,
    /// Its sender is one of those that bounces have.
    pub(super) bounce: bool,
}

/// One thing that is counted: its text, and whose it is.
pub(super) struct Counted {
    /// What the bucket's name is made of.
    pub(super) text: String,
    /// Addresses and users whose own limits take the place of the general one.
    pub(super) owners: Vec<String>,
    /// It stands for one recipient, so recipients do not multiply it.
    pub(super) single: bool,
}

impl Limit {
    /// What this limit counts in a message; nothing where a part of its key is absent.
    pub(super) fn counted(&self, subject: &Subject<'_, '_>) -> Vec<Counted> {
        match &self.by {
            By::Keywords(words) => by_keywords(words, subject),
            By::Selector(selector) => {
                let owners: Vec<String> = subject.scan.envelope.user.iter().map(|u| u.to_lowercase()).collect();
                let values = selector.values(subject.scan).into_iter();
                values
                    .map(|text| Counted {
                        text,
                        owners: owners.clone(),
                        single: false,
                    })
                    .collect()
            }
        }
    }

    /// The name of a bucket of this limit.
    pub(super) fn bucket_name(&self, place: usize, text: &str) -> String {
        let place = place.to_le_bytes();
        let name = digest([self.name.as_bytes(), &place, text.as_bytes()], LENGTH);
        format!("RL{name}")
    }
}

/// The key of a bucket.
pub(super) fn key(name: &str) -> Key {
    Key::new(SPACE, name)
}

fn by_keywords(words: &[Keyword], subject: &Subject<'_, '_>) -> Vec<Counted> {
    let (mut fixed, mut owners) = (Vec::new(), Vec::new());
    for word in words.iter().filter(|w| **w != Keyword::To) {
        let Some(value) = word.value(subject) else { return Vec::new() };
        if matches!(word, Keyword::From | Keyword::User) {
            owners.push(value.clone());
        }
        fixed.push(value);
    }
    let head = fixed.join("|");
    if !words.contains(&Keyword::To) {
        return vec![Counted {
            text: head,
            owners,
            single: false,
        }];
    }
    let each = |recipient: &String| Counted {
        text: format!("{head}|>{recipient}"),
        owners: std::iter::once(recipient).chain(&owners).cloned().collect(),
        single: true,
    };
    subject.recipients.iter().map(each).collect()
}

impl Keyword {
    /// The one value that a message has for it.
    fn value(self, subject: &Subject<'_, '_>) -> Option<String> {
        let scan = subject.scan;
        let ip = scan.client.map(|ip| ip.to_canonical().to_string());
        match self {
            // One value a recipient: not asked here.
            Keyword::To => None,
            Keyword::From => scan.envelope.sender.as_ref().map(|s| address(&s.address)),
            Keyword::Ip => ip,
            Keyword::RemoteIp => ip.filter(|_| !scan.local_client),
            Keyword::User => scan.envelope.user.as_ref().filter(|u| !u.is_empty()).map(|u| u.to_lowercase()),
            Keyword::Bounce => subject.bounce.then(|| "bounce".to_owned()),
            Keyword::Digest => Some(scan.mail.digest().to_owned()),
            Keyword::Attachments => parts(scan, |part| digest([part.data()], LENGTH)),
            Keyword::Files => parts(scan, |part| part.file_name.as_deref().unwrap_or_default().to_lowercase()),
        }
    }
}

/// Something of every attachment, in order; `None` without attachments.
fn parts(scan: &Scan<'_>, of: impl Fn(&crate::message::Part<'_>) -> String) -> Option<String> {
    let attachments = scan.mail.parts().iter().filter(|p| p.is_attachment());
    let all: Vec<String> = attachments.map(of).filter(|text| !text.is_empty()).collect();
    (!all.is_empty()).then(|| digest(all.iter().map(String::as_bytes), LENGTH))
}

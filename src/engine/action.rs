//! What may become of a message, and how the words of configuration and protocol name it.

use std::fmt;

/// The outcome of a scan, in rspamd's words (`http-api` 1.5). `Ord` follows severity, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Deliver untouched.
    NoAction,
    /// Ask the sender to come back, when greylisting is on; otherwise deliver.
    Greylist,
    /// Deliver with the spam header.
    AddHeader,
    /// Deliver with a rewritten Subject.
    RewriteSubject,
    /// Refuse for now (SMTP 4xx).
    SoftReject,
    /// Accept and keep in the MTA's hold queue.
    Quarantine,
    /// Accept and drop.
    Discard,
    /// Refuse for good (SMTP 5xx).
    Reject,
}

impl Action {
    /// Every action, mildest first.
    pub const ALL: [Action; 8] = [
        Action::NoAction,
        Action::Greylist,
        Action::AddHeader,
        Action::RewriteSubject,
        Action::SoftReject,
        Action::Quarantine,
        Action::Discard,
        Action::Reject,
    ];

    /// The name on the wire and in logs: `add header`, `soft reject`.
    pub fn name(self) -> &'static str {
        match self {
            Action::NoAction => "no action",
            Action::Greylist => "greylist",
            Action::AddHeader => "add header",
            Action::RewriteSubject => "rewrite subject",
            Action::SoftReject => "soft reject",
            Action::Quarantine => "quarantine",
            Action::Discard => "discard",
            Action::Reject => "reject",
        }
    }

    /// Reads a name with blanks, underscores or hyphens between the words, in any case; `None` for no action of ours.
    pub fn parse(text: &str) -> Option<Action> {
        let plain = |c: char| if c == '_' || c == '-' { ' ' } else { c.to_ascii_lowercase() };
        Action::ALL
            .into_iter()
            .find(|a| a.name().chars().eq(text.trim().chars().map(plain)))
    }

    /// True where the message counts as ham in statistics (`no action`, `greylist`).
    pub fn is_ham(self) -> bool {
        matches!(self, Action::NoAction | Action::Greylist)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

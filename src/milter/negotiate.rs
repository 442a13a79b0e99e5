//! What both sides agree on at the start: version, actions the filter may take, steps that go unanswered.
//!
//! Everything is masked with the offer and with what the offered version knows, so an answer never asks for more than the
//! MTA has: Sendmail refuses a filter for one bit too many, and an old MTA would wait for ever on a step left unanswered.

/// Actions a filter may ask for (SMFIF).
pub mod action {
    /// Add and insert headers.
    pub const ADD_HEADERS: u32 = 0x01;
    /// Replace the body.
    pub const CHANGE_BODY: u32 = 0x02;
    /// Add recipients.
    pub const ADD_RECIPIENTS: u32 = 0x04;
    /// Remove recipients.
    pub const DELETE_RECIPIENTS: u32 = 0x08;
    /// Change and delete headers.
    pub const CHANGE_HEADERS: u32 = 0x10;
    /// Put the message on hold.
    pub const QUARANTINE: u32 = 0x20;
    /// Change the envelope sender.
    pub const CHANGE_FROM: u32 = 0x40;
    /// All that we make use of.
    pub const WANTED: u32 = 0x7f;
}

/// Protocol steps (SMFIP) as far as we use them.
pub mod step {
    /// No reply to HEADER.
    pub const NO_REPLY_HEADER: u32 = 0x80;
    /// The MTA understands SKIP.
    pub const SKIP: u32 = 0x400;
    /// No reply to CONNECT.
    pub const NO_REPLY_CONNECT: u32 = 0x1000;
    /// No reply to HELO.
    pub const NO_REPLY_HELO: u32 = 0x2000;
    /// No reply to MAIL.
    pub const NO_REPLY_MAIL: u32 = 0x4000;
    /// No reply to RCPT.
    pub const NO_REPLY_RCPT: u32 = 0x8000;
    /// No reply to DATA.
    pub const NO_REPLY_DATA: u32 = 0x1_0000;
    /// No reply to UNKNOWN.
    pub const NO_REPLY_UNKNOWN: u32 = 0x2_0000;
    /// No reply to the end of headers.
    pub const NO_REPLY_END_OF_HEADERS: u32 = 0x4_0000;
    /// No reply to BODY.
    pub const NO_REPLY_BODY: u32 = 0x8_0000;
    /// Values keep the blank behind the colon, both ways.
    pub const LEADING_BLANK: u32 = 0x10_0000;
    /// Data of a packet up to 262143 bytes.
    pub const DATA_256K: u32 = 0x1000_0000;
    /// Data of a packet up to 1048575 bytes.
    pub const DATA_1M: u32 = 0x2000_0000;
    /// Every no-reply step and the leading blank.
    pub const WANTED: u32 = 0x1f_f080;
}

/// The numbers of an OPTNEG packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Protocol version.
    pub version: u32,
    /// Actions allowed or wanted.
    pub actions: u32,
    /// Protocol steps possible or wanted.
    pub protocol: u32,
}

/// The newest version we speak.
pub const NEWEST: u32 = 6;
/// The oldest version we speak.
pub const OLDEST: u32 = 2;

/// What was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    agreed: Offer,
}

impl Terms {
    /// Our side of the bargain; `None` for an MTA older than version 2.
    pub fn agree(offer: Offer) -> Option<Terms> {
        let version = offer.version.min(NEWEST);
        if version < OLDEST {
            return None;
        }
        // Bits that a version does not know mean nothing in it, whoever offers them.
        let (known_actions, known_steps) = match version {
            2 => (0x3f, 0x7f),
            3 => (0x3f, 0x17f),
            4 | 5 => (0x3f, 0x37f),
            _ => (0x1ff, 0x1f_ffff | step::DATA_256K | step::DATA_1M),
        };
        let offered = offer.protocol & known_steps;
        let mut wanted = step::WANTED;
        wanted |= if offered & step::DATA_1M != 0 {
            step::DATA_1M
        } else {
            step::DATA_256K
        };
        if offered & step::NO_REPLY_BODY == 0 {
            // Only where each chunk is answered anyway can we say that no more are needed.
            wanted |= step::SKIP;
        }
        Some(Terms {
            agreed: Offer {
                version,
                actions: offer.actions & known_actions & action::WANTED,
                protocol: offered & wanted,
            },
        })
    }

    /// The numbers of our OPTNEG answer.
    pub fn offer(&self) -> Offer {
        self.agreed
    }

    /// An action of ours is granted.
    pub fn may(&self, action: u32) -> bool {
        self.agreed.actions & action == action
    }

    /// A protocol step is agreed.
    pub fn has(&self, step: u32) -> bool {
        self.agreed.protocol & step == step
    }

    /// Header values carry their leading blank.
    pub fn leading_blank(&self) -> bool {
        self.has(step::LEADING_BLANK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(version: u32, actions: u32, protocol: u32) -> Option<(u32, u32, u32)> {
        Terms::agree(Offer {
            version,
            actions,
            protocol,
        })
        .map(|t| (t.offer().version, t.offer().actions, t.offer().protocol))
    }

    #[test]
    fn the_answer_lies_within_the_offer() {
        assert_eq!(agree(6, 0x1ff, 0x1f_ffff), Some((6, 0x7f, 0x1f_f080)));
        assert_eq!(agree(6, 0x3f, 0x0f_ffff), Some((6, 0x3f, 0x0f_f080)));
        assert_eq!(agree(6, 0x3f, 0x7f), Some((6, 0x3f, 0)));
        assert_eq!(agree(6, 0, 0x42), Some((6, 0, 0)));
        assert_eq!(agree(7, 0x1ff, 0x1f_ffff), Some((6, 0x7f, 0x1f_f080)));
        assert_eq!(agree(u32::MAX, u32::MAX, 0x1f_ffff), Some((6, 0x7f, 0x1f_f080)));
    }

    #[test]
    fn older_versions_get_what_they_know() {
        assert_eq!(agree(0, 0x1ff, 0x1f_ffff), None);
        assert_eq!(agree(1, 0x0f, 0x3f), None);
        assert_eq!(agree(2, 0x1ff, 0x1f_ffff), Some((2, 0x3f, 0)));
        assert_eq!(agree(5, 0x1ff, 0x1f_ffff), Some((5, 0x3f, 0)));
    }

    #[test]
    fn larger_chunks_and_skip_where_they_help() {
        assert_eq!(agree(6, 0, 0x7000_0000), Some((6, 0, step::DATA_1M)));
        assert_eq!(agree(6, 0, step::DATA_256K), Some((6, 0, step::DATA_256K)));
        assert_eq!(agree(6, 0, step::SKIP), Some((6, 0, step::SKIP)));
        assert_eq!(agree(6, 0, step::SKIP | step::NO_REPLY_BODY), Some((6, 0, step::NO_REPLY_BODY)));
    }
}

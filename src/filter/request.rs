//! What a protocol asks of the filter: one message with its envelope, settings and flags.

use crate::engine::Settings;
use crate::message::Envelope;
use bytes::Bytes;

/// One message to scan.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Who sent it, to whom, from where.
    pub envelope: Envelope,
    /// The message as received.
    pub raw: Bytes,
    /// What this request changes in the scoring.
    pub settings: Settings,
    /// How it is to be treated.
    pub flags: Flags,
    /// Id of the scan in every log line about it.
    pub id: String,
}

/// Task flags, by the names of the `Flags` request header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `pass_all`, header `Pass: all`: no early stop above the reject threshold.
    pub pass_all: bool,
    /// `no_log`, header `Log: no`: no history row, less logging.
    pub no_log: bool,
    /// `skip`: do not scan.
    pub skip: bool,
    /// `skip_process`: the same for the processing stages.
    pub skip_process: bool,
    /// `no_stat`: leave statistics alone.
    pub no_stat: bool,
    /// `ssl`: the session was encrypted.
    pub ssl: bool,
    /// `profile`: time every rule.
    pub profile: bool,
    /// `milter`: the answer goes to a milter client.
    pub milter: bool,
    /// `zstd`: compress the reply.
    pub zstd: bool,
    /// `ext_urls`: URL objects instead of host names.
    pub ext_urls: bool,
    /// `body_block`: a rewritten message may be returned.
    pub body_block: bool,
    /// `groups`: show sums by group.
    pub groups: bool,
    /// Header `Raw: yes`: the body is text, no MIME.
    pub raw: bool,
    /// A person asks: rspamc, or anybody through the controller.
    pub by_hand: bool,
}

impl Flags {
    /// Sets a flag by its name on the wire (case matters); false for an unknown one.
    pub fn set(&mut self, name: &str) -> bool {
        let flag = match name {
            "pass_all" => &mut self.pass_all,
            "no_log" => &mut self.no_log,
            "skip" => &mut self.skip,
            "skip_process" => &mut self.skip_process,
            "no_stat" => &mut self.no_stat,
            "ssl" => &mut self.ssl,
            "profile" => &mut self.profile,
            "milter" => &mut self.milter,
            "zstd" => &mut self.zstd,
            "ext_urls" => &mut self.ext_urls,
            "body_block" => &mut self.body_block,
            "groups" => &mut self.groups,
            _ => return false,
        };
        *flag = true;
        true
    }
}

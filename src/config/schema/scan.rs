//! `[scan]`: limits and manners of one scan.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::address::Network;
use crate::base::quantity::{self, ByteSize};

/// `[scan]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scan {
    /// How long one scan may take.
    #[serde(with = "quantity::duration")]
    pub timeout: Duration,
    /// What a scan that took longer comes to.
    pub on_timeout: OnTimeout,
    /// The largest message scanned.
    pub max_message: ByteSize,
    /// URLs of one message that rules see.
    pub max_urls: u32,
    /// Recipients of one message that rules see; all are counted.
    pub max_recipients: u32,
    /// Networks whose clients count as local; loopback always does.
    pub local_networks: Vec<Network>,
    /// Which of the test patterns work.
    pub gtube: Gtube,
    /// Stop asking rules once the score says reject.
    pub stop_at_reject: bool,
}

impl Default for Scan {
    fn default() -> Scan {
        let local = [
            "192.168.0.0/16",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "fd00::/8",
            "169.254.0.0/16",
            "fe80::/10",
        ];
        Scan {
            timeout: Duration::from_secs(8),
            on_timeout: OnTimeout::Accept,
            max_message: ByteSize(50 << 20),
            max_urls: 10_240,
            max_recipients: 1_024,
            local_networks: local.iter().filter_map(|network| network.parse().ok()).collect(),
            gtube: Gtube::Reject,
            stop_at_reject: true,
        }
    }
}

/// What a scan over its time comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnTimeout {
    /// The verdict of the rules that were done.
    #[default]
    Accept,
    /// A temporary failure.
    Tempfail,
}

/// Which GTUBE patterns work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gtube {
    /// The one that means reject.
    #[default]
    Reject,
    /// Those for the other actions too.
    All,
    /// None.
    #[serde(alias = "disabled")]
    Off,
}

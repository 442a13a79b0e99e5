//! Families that make senders wait: greylisting and rate limits.

use crate::family::Family;

/// Every family of this room.
pub static FAMILIES: &[Family] = &[];

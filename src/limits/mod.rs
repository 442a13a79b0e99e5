//! Families that make senders wait: greylisting and rate limits.

pub mod greylist;
mod key;
mod ratelimit;
mod selector;

use crate::family::Family;

/// Every family of this room.
pub static FAMILIES: &[Family] = &[greylist::FAMILY, ratelimit::FAMILY];

#[cfg(test)]
mod tests;

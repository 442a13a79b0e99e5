//! Families that remember people and words: replies and known senders.

use crate::family::Family;

/// Every family of this room.
pub static FAMILIES: &[Family] = &[];

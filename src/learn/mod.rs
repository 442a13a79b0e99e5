//! Families that remember people and words: replies and known senders.

mod known_senders;
mod people;
mod replies;

use crate::family::Family;

/// Every family of this room.
pub static FAMILIES: &[Family] = &[replies::FAMILY, known_senders::FAMILY];

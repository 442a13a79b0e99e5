//! Families of rules that need only the message.

pub mod gtube;

use crate::family::Family;

/// Every family of this room.
pub const FAMILIES: &[Family] = &[];

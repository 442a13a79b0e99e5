//! Families of rules that look things up in lists.

use crate::family::Family;

/// Every family of this room.
pub const FAMILIES: &[Family] = &[];

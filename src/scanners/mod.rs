//! Families that show a message to somebody else: virus scanners and their like. One room a scanner; the shape they share is here.

use crate::family::Family;

/// Every family of this room.
pub static FAMILIES: &[Family] = &[];

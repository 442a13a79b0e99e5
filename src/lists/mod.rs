//! Families of checks that look something up in lists kept elsewhere. One room a family; a new one adds one line in [`FAMILIES`].

pub mod multimap;
mod value;

use crate::family::Family;

/// Every family of this floor.
pub static FAMILIES: &[Family] = &[multimap::FAMILY];

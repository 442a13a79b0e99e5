//! Families that show a message to somebody else: virus scanners and their like.
//!
//! `antivirus` is the family; `options` its settings, `parts` what of a message is shown, `desk` who is asked and what is remembered,
//! `clamav` the talk with one kind of scanner, `findings` what is made of its answers.

mod antivirus;
mod cache;
mod clamav;
pub mod counts;
mod desk;
mod eicar;
mod findings;
mod flight;
mod options;
mod parts;
pub mod probe;
mod reply;
#[cfg(test)]
mod tests;

use crate::family::Family;

/// Every family of this room.
pub static FAMILIES: &[Family] = &[antivirus::FAMILY];

//! Families of checks that need only the message and its envelope: no clock, no socket, no file. One room a family.
//!
//! A new family adds its `mod` line and one line in [`FAMILIES`]; there is no other registration.

mod alias;
pub mod arc;
pub mod extensions;
pub mod gtube;
pub mod headers;
pub mod mime;
pub mod once_received;
pub mod received;
pub mod recipients;
pub mod sender;

use crate::family::Family;

/// Every family of this floor. Among equal steps rules run in this order: group caps cut later symbols, so it is part of the result.
pub static FAMILIES: &[Family] = &[
    arc::FAMILY,
    mime::FAMILY,
    headers::FAMILY,
    received::FAMILY,
    once_received::FAMILY,
    sender::FAMILY,
    recipients::FAMILY,
];

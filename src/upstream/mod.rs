//! Servers that are asked: lists of them with rotation and health, and one exchange with one of them under deadlines. Knows no spam.
//!
//! A server that fails again and again is left alone for a while, so that its time-outs are paid for by few; then one caller tries it
//! for all. Whoever is given a server says what became of it through the [`Lease`].

mod address;
mod exchange;
mod health;
mod servers;

pub use address::{Address, BadAddress};
pub use exchange::{Connection, Failure, Problem, connect, exchange};
pub use health::{Health, State};
pub use servers::{Change, Lease, Servers, Turn};

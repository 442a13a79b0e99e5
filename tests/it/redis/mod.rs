//! The store in Redis against real servers: every way to reach them, and every way in which they fail.

mod daemon;
mod faults;
pub mod server;
mod suite;
mod ways;

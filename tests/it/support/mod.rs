//! What the whole-program tests share: real programs started privately, and small clients that can also misbehave.
//!
//! Nothing here asserts anything about mail; a failure to start a part is a failed test, never a skipped one.

#![allow(dead_code, reason = "every helper is used by some test, not by each")]

pub mod daemon;
pub mod dice;
pub mod filter;
pub mod mail;
pub mod milter;
pub mod postfix;
pub mod rspamc;
pub mod sink;
pub mod smtp;
pub mod tools;
pub mod web;

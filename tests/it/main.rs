//! The one integration-test binary: whole programs, real peers, and the rules of the house.

#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may end loudly; clippy's own exemption knows only the functions marked as tests"
)]

mod config_bad;
mod daemon;
mod floors;
mod guide;
mod hostile;
mod http_golden;
mod milter_dialog;
mod miltertest;
mod peer;
mod postfix;
mod support;

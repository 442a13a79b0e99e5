//! The one integration-test binary: whole programs, real peers, and the rules of the house.

// A test that panics has done its work.
#![allow(clippy::cast_possible_truncation, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod clamav;
mod config_bad;
mod config_trees;
mod daemon;
mod floors;
mod fuzz;
mod guide;
mod history;
mod hostile;
mod http_golden;
mod limits;
mod listeners;
mod milter_cases;
mod milter_dialog;
mod miltertest;
mod peer;
mod postfix;
mod redis;
mod replies;
mod rspamadm;
mod rspamc_name;
mod rules_cases;
mod rules_golden;
mod rules_register;
mod rules_support;
mod start;
mod store;
mod store_cli;
mod support;
mod tree;
mod tree_bad;
mod ucl;

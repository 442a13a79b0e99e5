//! The one integration-test binary: whole programs, real peers, and the rules of the house.

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

//! The daemon: start, listeners, signals, reload, drain; the control socket.

pub mod accept;
pub mod background;
pub mod build;
pub mod control;
mod desktop;
mod doors;
pub mod house;
pub mod keeper;
pub mod listen;
mod lobby;
pub mod logging;
pub mod notify;
pub mod privileges;
mod run;
pub mod settings;
pub mod start;
pub mod unix;

pub use start::{Options, serve};

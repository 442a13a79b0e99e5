//! The daemon: start, listeners, signals, reload, drain; the control socket.

pub mod accept;
pub mod control;
pub mod listen;
pub mod logging;
pub mod notify;
pub mod unix;

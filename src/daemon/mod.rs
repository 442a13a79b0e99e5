//! The daemon: start, listeners, signals, reload, drain; the control socket.

pub mod accept;
pub mod listen;
pub mod unix;

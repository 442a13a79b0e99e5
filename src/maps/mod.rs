//! Lists that administrators keep: networks, sets and keys with values, in files that may change at any time, or inline.
//!
//! [`Maps`] owns the watching, a [`Map`] is one list, looked up without a lock while the watcher swaps its content. Nothing here
//! knows mail, symbols or the network: a list fetched from elsewhere will be one more [`Source`].

pub mod entries;
pub mod line;
pub mod network;
pub mod source;
pub mod watch;

pub use entries::Entries;
pub use line::Problem;
pub use network::Networks;
pub use source::Source;
pub use watch::{Content, Map, Maps};

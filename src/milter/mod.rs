//! The milter protocol, versions 2 to 6, from the filter's side: packets in, one judged transaction out, edits and one reply back.
//!
//! `Session` is the machine without sockets or clocks; `serve` is the loop that gives it both. The room knows no spam: whoever
//! calls it is handed a `Transaction` and returns an `Answer`.
//!
//! The path of a packet: `frame` cuts it out of the stream, `codec` reads it, `session` acts on it, `transaction` grows the
//! message from it, `edit` writes the answer within what `negotiate` agreed.

pub mod codec;
mod edit;
pub mod frame;
mod limits;
mod macros;
pub mod negotiate;
mod repeated;
mod serve;
mod session;
mod text;
mod transaction;

pub use edit::{Answer, Edit, Reply};
pub use limits::{Limits, Timeouts};
pub use serve::{Ended, Failure, Judge, Service, Summary, serve};
pub use session::{Event, Session};
pub use transaction::{HeaderNames, Transaction};

//! HTTP as rspamd's clients speak it: requests in, answers out in rspamd's exact shape, and its password hashes.
//!
//! A library of floor 2: it knows no spam. hyper parses; our own head writer answers, because three of rspamd's answers no
//! HTTP library will write (204 with a body, `HTTP/1.1` to a 1.0 client, a body after HEAD).

pub mod auth;
mod body;
mod exchange;
mod gate;
mod legacy;
mod request;
mod response;
pub mod seal;
mod sealed;
mod server;
mod sniff;

pub use body::{Undecodable, compress, decompress, gzip, takes_gzip};
pub use request::{Headers, Kind, Peer, Request, parse_query, percent_decode};
pub use response::Response;
pub use sealed::Sealed;
pub use server::{Handler, Limits, Refusal, Stop, serve};

use std::future::Future;
use std::pin::Pin;

/// A future that a trait object returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

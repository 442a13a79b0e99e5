//! A message: its envelope and its parsed bytes. Start at [`Mail::parse`].
//!
//! Bytes in, views out: no I/O, no clock, no opinion about spam. Nothing here fails, panics, recurses or allocates beyond
//! [`Limits`]; what was wrong with a message is told by [`Anomalies`].

pub mod address;
pub mod archive;
mod block;
mod content;
#[cfg(test)]
mod corpus;
pub mod date;
mod encoding;
pub mod envelope;
pub mod headers;
pub mod html;
mod ids;
mod limits;
mod mail;
mod parse;
pub mod part;
pub mod pdf;
pub mod picture;
pub mod received;
pub mod sniff;
mod structure;
pub mod text;
mod tokens;
mod unpacked;
pub mod url;
mod words;

#[cfg(test)]
mod tests;

pub use address::Address;
pub use archive::Archive;
pub use content::{ContentType, Disposition, Params};
pub use date::BadDate;
pub use encoding::Encoding;
pub use envelope::{Envelope, SmtpPath};
pub use headers::{Header, Headers};
pub use html::Html;
pub use limits::{Anomalies, Limits, Newline};
pub use mail::Mail;
pub use part::Part;
pub use pdf::Pdf;
pub use received::Received;
pub use text::Plain;
pub use tokens::words;
pub use unpacked::Unpacked;
pub use url::{Url, Urls};

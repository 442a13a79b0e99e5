//! A message: its envelope and its parsed bytes.

pub mod address;
pub mod envelope;

pub use envelope::{Envelope, SmtpPath};

/// The parsed view of a message. (To come with the parser.)
pub struct Mail<'r>(std::marker::PhantomData<&'r [u8]>);

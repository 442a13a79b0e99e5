//! Small data structures that never heard of mail: quantities with units, near names.

pub mod quantity;
pub mod suggest;

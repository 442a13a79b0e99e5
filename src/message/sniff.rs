//! The true type of some bytes, by content.

//! Small data structures that never heard of mail: addresses in networks, quantities with units, numbers with decimals, near names, bytes as text, patterns over text.

pub mod decimal;
pub mod domain;
pub mod expr;
pub mod hex;
pub mod patterns;
pub mod prefix_set;
pub mod quantity;
pub mod suggest;

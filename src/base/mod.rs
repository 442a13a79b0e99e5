//! Small data structures that never heard of mail: quantities with units, near names, addresses in networks.

pub mod prefix_set;
pub mod quantity;
pub mod suggest;

//! Small data structures that never heard of mail: addresses in networks.

pub mod prefix_set;

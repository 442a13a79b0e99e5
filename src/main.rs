//! Thin door of the torwart binary.

fn main() {}

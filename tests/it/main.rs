//! The one integration binary: the whole program and its parts from outside.

mod rules_cases;
mod rules_corpus;
mod rules_support;

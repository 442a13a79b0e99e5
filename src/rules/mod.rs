//! Families of rules that need only the message.

pub mod gtube;

//! The rooms that face clients: protocol in, verdict out. They decide nothing about mail.

pub mod controller;
pub mod json;
pub mod proxy;
pub mod reply;
pub mod request;
pub mod scan;
mod source;

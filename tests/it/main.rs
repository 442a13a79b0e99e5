//! The integration tests, one binary.

mod milter_dialog;

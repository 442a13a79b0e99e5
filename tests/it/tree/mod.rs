//! Trees of rspamd's: read as rspamd reads them, and what they come to here.

mod like;
mod merging;
mod stock;
mod verdicts;

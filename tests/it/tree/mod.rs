//! Trees of rspamd's: read as rspamd reads them, and what they come to here.

mod merging;
mod stock;

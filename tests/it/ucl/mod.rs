//! UCL as rspamd reads it: its recorded answers, its answers of today, files of a real disk, and what people read.

mod disk;
mod drawn;
mod golden;
mod peer;

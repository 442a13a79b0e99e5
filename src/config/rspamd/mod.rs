//! An existing rspamd tree as a layer of our own settings.
//!
//! | file | does |
//! |---|---|
//! | `tree` | finds the files and reads them: `rspamd.conf`, or local files over the stock settings |
//! | `surroundings` | variables and what templates see |
//! | `table`, `table/*` | every name there with what becomes of it here: the one place |
//! | `kind` | how a value there is written here |
//! | `translate` | walks the tree by the table |
//! | `actions`, `special`, `workers`, `symbols`, `redis`, `maps` | settings whose shape differs |
//! | `sentences`, `wording` | what is said of a tree; how values, places and names are put into it |
//! | `account` | what became of everything |
//! | `files`, `lua` | files that nobody reads, and those we cannot |
//!
//! Only what differs from the stock settings (`config/stock`) becomes a setting here: the defaults are the same. It knows UCL's
//! tree and the names of our settings, but none of their types.

mod account;
mod actions;
mod files;
mod kind;
mod lua;
mod maps;
mod redis;
mod sentences;
mod special;
mod surroundings;
mod symbols;
mod table;
mod translate;
mod tree;
mod wording;
mod workers;

pub use account::{Fate, Item};
pub use files::Use;
pub use surroundings::{Surroundings, located};
pub use table::{Kind, Row, To, find, module_of as lacking_module_of, rows};
pub use tree::{Tree, read};
pub use wording::shown;

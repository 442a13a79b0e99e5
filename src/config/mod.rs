//! From text to typed settings: languages fill one tree, layers merge, types come out, and every error knows its place.
//!
//! | file | does |
//! |---|---|
//! | `load` | finds and reads the files, joins all that follows |
//! | `native` | TOML into the tree of `value` |
//! | `ucl` | rspamd's language into the same tree |
//! | `layers`, `env` | one layer over another; `${ENV:..}` |
//! | `de`, `section` | types out of the tree, all errors at once |
//! | `schema` | the settings themselves |
//! | `rule_files` | the administrator's own rules, as tables for who reads them |
//! | `report` | findings, drawn with the source line |
//!
//! It opens no socket and resolves no name; the only files it reads are those of the configuration.

pub mod de;
mod env;
mod layers;
mod load;
mod native;
pub mod report;
mod rule_files;
pub mod schema;
mod section;
pub mod ucl;
pub mod value;

#[cfg(test)]
mod tests;

pub use load::{Environment, Examined, LoadOptions, Loaded, MainFile, Origin, examine, load, load_text};
pub use report::{Diagnostic, Report, Severity};
pub use rule_files::{rule_files, texts};
pub use schema::{Address, Compat, Config};
pub use section::{Modules, Section};
pub use value::Place;

//! From text to typed settings: languages fill one tree, layers merge, types come out, and every error knows its place.
//!
//! | file | does |
//! |---|---|
//! | `load`, `files`, `beneath` | joins all that follows; finds and reads the files; the tree of rspamd's they begin with |
//! | `native` | TOML into the tree of `value` |
//! | `ucl` | rspamd's language into the same tree |
//! | `rspamd` | a tree of rspamd's as a layer of settings |
//! | `layers`, `env` | one layer over another; `${ENV:..}` |
//! | `de`, `section` | types out of the tree, all errors at once |
//! | `schema` | the settings themselves |
//! | `effective` | what is in force, as one document |
//! | `rule_files` | the administrator's own rules, as tables for who reads them |
//! | `report` | findings, drawn with the source line |
//!
//! It opens no socket and resolves no name; the only files it reads are those of the configuration.

mod beneath;
pub mod de;
mod effective;
mod env;
mod files;
mod layers;
mod load;
mod native;
pub mod report;
pub mod rspamd;
mod rule_files;
pub mod schema;
mod section;
pub mod ucl;
pub mod value;

#[cfg(test)]
mod tests;

pub use effective::effective;
pub use load::{Environment, Examined, LoadOptions, Loaded, MainFile, Origin, examine, load, load_text};
pub use report::{Diagnostic, Report, Severity};
pub use rule_files::{rule_files, texts};
pub use schema::{Address, Compat, Config};
pub use section::{Modules, Section};
pub use value::Place;

//! torwart, a spam and virus filter daemon: the map of the house.
//!
//! Every module is a room with one purpose; stairs lead one way (`tests/it/floors.rs` holds them to it):
//!
//! | floor | rooms | knows |
//! |---|---|---|
//! | 8 | `cli` | everything: the only reader of the command line |
//! | 7 | `daemon` | start, signals, reload, drain; the control socket |
//! | 6 | `workers` | the filter below and the protocols on floor 2; turns verdicts into answers |
//! | 5 | `filter`, `record` | `filter` joins the families into `scan(request) -> Verdict`; `record` keeps what remains of one |
//! | 4 | `rules`, `lists`, `scanners`, `limits`, `learn` | families of checks; never each other |
//! | 3 | `family` | the contract of a family and the handles it is given |
//! | 2 | `engine` (pure); `milter`, `http`, `store`, `maps`, `upstream` (libraries) | the libraries know no spam, `engine` no socket |
//! | 1 | `config`, `message` | text to typed settings; bytes to `Mail` |
//! | 0 | `base` | small data structures that never heard of mail |
//!
//! The path of a message: `milter::serve` or `http::server` turns bytes into a request, `workers` hands it to
//! `filter::Filter::scan`, the engine runs the rules by stage and scores their hits, the `engine::Verdict` goes back to the
//! worker, which answers; `record` counts and logs afterwards.
//!
//! Start reading at `filter/mod.rs`, then `engine/mod.rs`, then any file under `rules/`.

pub mod base;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod engine;
pub mod family;
pub mod filter;
pub mod http;
pub mod learn;
pub mod limits;
pub mod lists;
pub mod maps;
pub mod message;
pub mod milter;
pub mod record;
pub mod rules;
pub mod scanners;
pub mod store;
pub mod upstream;
pub mod workers;

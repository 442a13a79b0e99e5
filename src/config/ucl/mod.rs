//! UCL, rspamd's configuration language, into the tree of [`super::value`]: every value with its place, its priority, and what it hides.
//!
//! | file | does |
//! |---|---|
//! | `files` | where included files come from |
//! | `text`, `template` | a file as it is parsed: templates filled in, places kept |
//! | `lexer`, `number`, `variables` | strings, words, numbers, `$NAME` |
//! | `stack`, `parser`, `values` | names and values, on a stack of its own |
//! | `macros`, `include` | `.include` and the other macros |
//! | `tree`, `finish` | how a name said twice is joined, and the values that come of it |
//! | `json` | the tree as the peer's dump shows it |
//! | `write` | JSON as UCL text |
//!
//! It knows no setting. Where the language is odd it is odd in the same way, and says so with a warning where people fall into it.

mod files;
mod finish;
mod include;
mod json;
mod lexer;
mod macros;
mod number;
mod parser;
mod stack;
mod template;
mod text;
mod tree;
mod values;
mod variables;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;

pub use files::{Disk, Includes, Opened, Trouble, glob_matches};
pub use json::to_json;
pub use tree::Strategy;
pub use write::to_text;

use super::report::{Diagnostic, Report};
use super::value::{Node, Place, Value};
use parser::Parser;
use text::Text;
use tree::Span;

/// What a tree may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Levels of sections and lists.
    pub depth: usize,
    /// Files that include each other in a row.
    pub includes: usize,
    /// Files altogether.
    pub files: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files, and of what variables and templates make of them.
    pub total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            depth: 1_000,
            includes: 16,
            files: 4_096,
            file_bytes: 16 << 20,
            total_bytes: 64 << 20,
        }
    }
}

/// How a tree is read.
#[derive(Clone, Debug)]
pub struct Options {
    /// `$NAME` in strings, in the order in which names without braces are tried. `CURDIR` and `FILENAME` are set by the parser.
    pub variables: Vec<(String, String)>,
    /// What templates find under `env`.
    pub environment: BTreeMap<String, String>,
    /// Fill templates in.
    pub templates: bool,
    /// What it may cost.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            variables: Vec::new(),
            environment: BTreeMap::new(),
            templates: true,
            limits: Limits::default(),
        }
    }
}

/// A file that was read, and where its content went.
#[derive(Clone, Debug)]
pub struct Fed {
    /// Its real path.
    pub path: String,
    /// The `.include`; none for the main file.
    pub named_at: Option<Place>,
    /// The names of the sections it was read into.
    pub section: Vec<String>,
    /// The rank of its values.
    pub priority: u8,
    /// What it does with names that are there.
    pub strategy: Strategy,
}

/// Something that was understood and cannot be done.
#[derive(Clone, Debug)]
pub struct Unsupported {
    /// Its name.
    pub what: String,
    /// Where.
    pub place: Place,
}

/// A tree that was read.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The settings: a table.
    pub tree: Value,
    /// Warnings.
    pub findings: Vec<Diagnostic>,
    /// Files read, in order.
    pub files: Vec<Fed>,
    /// Files that were asked for and are not there, with the macro that asked.
    pub absent: Vec<(String, Option<Place>)>,
    /// What is not supported.
    pub unsupported: Vec<Unsupported>,
}

/// Reads a file and all that it includes. On failure the report holds the warnings as well.
pub fn read(path: &str, files: &dyn Includes, options: &Options) -> Result<Parsed, Report> {
    let opened = files.read(path, options.limits.file_bytes).map_err(|trouble| {
        let why = match trouble {
            Trouble::Missing => "there is no such file".to_owned(),
            Trouble::Outside(real) => format!("{real} lies outside the configuration's folders"),
            Trouble::Closed(folder) => format!("the folder {folder} may not be entered"),
            Trouble::TooLarge => format!("it is larger than {} MiB", options.limits.file_bytes >> 20),
            Trouble::Other(why) => why,
        };
        Report(vec![Diagnostic::error(format!("cannot read the configuration file {path}: {why}"))])
    })?;
    let mut parser = Parser::new(options, files);
    parser.total = u64::try_from(opened.bytes.len()).unwrap_or(u64::MAX);
    parser.file_variables(&opened.path);
    let Some(text) = parser.decode(&opened) else {
        return Err(failed(parser, None));
    };
    if text.source.text.is_empty() {
        let error = Diagnostic::error(format!("the configuration file {path} is empty"));
        return Err(failed(parser, Some(error.help("write at least a comment into it"))));
    }
    parser.fed.push(Fed {
        path: opened.path.clone(),
        named_at: None,
        section: Vec::new(),
        priority: 0,
        strategy: Strategy::Append,
    });
    parse(parser, text, opened.path)
}

/// Reads a text that is no file, such as one that names the files of a tree; its includes are read from `files`. `name` is what it is
/// called, and, being the path of a file that need not exist, what `$CURDIR` is made of.
pub fn read_text(name: &str, text: &str, files: &dyn Includes, options: &Options) -> Result<Parsed, Report> {
    let opened = Opened {
        path: name.to_owned(),
        bytes: text.as_bytes().to_owned(),
        built_in: false,
    };
    let mut parser = Parser::new(options, files);
    parser.file_variables(name);
    match parser.decode(&opened) {
        Some(text) => parse(parser, text, opened.path),
        None => Err(failed(parser, None)),
    }
}

fn parse(mut parser: Parser<'_>, text: Text, path: String) -> Result<Parsed, Report> {
    let end = text.as_str().len();
    parser.push_chunk(Rc::new(text), 0..end, 0, Strategy::Append).path = path;
    if let Err(halt) = parser.run() {
        return Err(failed(parser, Some(*halt)));
    }
    let root = match parser.root {
        Some(root) => root,
        None => match parser.tree.new_item(tree::Kind::Table(tree::Keys::default()), 0, Span::default()) {
            Ok(root) => root,
            Err(clash) => {
                let halt = parser.clash(clash, 0, 0);
                return Err(failed(parser, Some(*halt)));
            }
        },
    };
    if matches!(parser.tree.item(root).kind, tree::Kind::List(_)) {
        let error = Diagnostic::error("the configuration is a list").at(parser.place(parser.tree.item(root).place));
        return Err(failed(
            parser,
            Some(error.help("write name = value; the outermost brackets are { }, or none")),
        ));
    }
    if !parser.errors.is_empty() {
        return Err(failed(parser, None));
    }
    let tree = parser.tree.finish(root, &parser.texts);
    debug_assert!(matches!(tree.node, Node::Table(_)), "the root is a table");
    Ok(Parsed {
        tree,
        findings: parser.warnings,
        files: parser.fed,
        absent: parser.absent,
        unsupported: parser.unsupported,
    })
}

/// Fills in a template that stands alone. The error says why that cannot be.
pub fn fill(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    template::fill(text, variables)
}

fn failed(parser: Parser<'_>, last: Option<Diagnostic>) -> Report {
    let mut findings = parser.errors;
    findings.extend(last);
    findings.extend(parser.warnings);
    Report(findings)
}

//! What lies beneath the files of a configuration: the tree of rspamd's that they, or the command line, begin with.

use std::path::PathBuf;
use std::sync::Arc;

use super::load::LoadOptions;
use super::report::Diagnostic;
use super::rspamd::{self, Surroundings};
use super::schema::UnknownKeys;
use super::value::{Node, Value};

/// The tree that the command line names, or the files: `[rspamd] tree`. Gives what was named, and what was read of it.
pub fn tree(layers: &[Value], options: &LoadOptions, findings: &mut Vec<Diagnostic>) -> (Option<PathBuf>, Option<Arc<rspamd::Tree>>) {
    let said = |key: &str| layers.iter().rev().find_map(|layer| layer.at(["rspamd", key]));
    let Some(named) = options.rspamd.clone().or_else(|| text(said("tree")?).map(PathBuf::from)) else {
        return (None, None);
    };
    let (folder, main) = rspamd::located(&named);
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let process = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let include_from = match said("include_from").map(|value| &value.node) {
        Some(Node::List(items)) => items.iter().filter_map(text).map(PathBuf::from).collect(),
        _ => Vec::new(),
    };
    let around = Surroundings {
        folder,
        main,
        variables: options.variables.clone(),
        skip_templates: options.skip_templates,
        include_from,
        unknown: match said("unknown").and_then(text).as_deref() {
            Some("ignore") => UnknownKeys::Ignore,
            Some("error") => UnknownKeys::Error,
            _ => UnknownKeys::Warn,
        },
        host: host.unwrap_or_else(|| "localhost".to_owned()),
        process: process.collect(),
    };
    let read = rspamd::read(&around, findings).map(Arc::new);
    (Some(named), read)
}

fn text(value: &Value) -> Option<String> {
    match &value.node {
        Node::Text(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

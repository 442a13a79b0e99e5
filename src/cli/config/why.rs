//! `torwart config why`: what a setting is, where that was written, and what it overrides. Knows our names and rspamd's.

use super::in_force::{by_generation, in_force, of_symbol};
use super::{at, examined, in_toml};
use crate::base::suggest::nearest;
use crate::cli::{ConfigArgs, print};
use crate::config::rspamd::{self, Fate, To, Tree};
use crate::config::value::{Node, Value};
use crate::config::{Config, ucl};
use anyhow::{Result, anyhow, bail};
use clap::Args;
use serde_json::Value as Json;
use std::fmt::Write;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct WhyArgs {
    /// The setting: `actions.reject`, or as rspamd calls it, `options.task_timeout`; or a symbol
    setting: String,
    #[command(flatten)]
    which: ConfigArgs,
}

pub(super) fn run(args: &WhyArgs) -> Result<ExitCode> {
    let examined = examined(&args.which)?;
    let config = examined.config.as_ref().ok_or_else(|| anyhow!("there is no configuration"))?;
    let all = in_force(config);
    let of_symbol = of_symbol(&all, &args.setting);
    let name = of_symbol.as_ref().unwrap_or(&args.setting).as_str();
    let mut out = String::new();
    ours(&mut out, config, &all, name);
    if let Some(tree) = examined.tree.as_deref() {
        theirs(&mut out, tree, name);
    }
    if out.is_empty() {
        let error = format!("there is no setting `{name}`");
        match nearest(name, names(&all, examined.tree.as_deref()).iter().map(String::as_str)) {
            Some(near) => bail!("{error}; did you mean `{near}`?"),
            None => bail!("{error}, neither here nor with rspamd"),
        }
    }
    print(&out);
    Ok(ExitCode::SUCCESS)
}

/// A setting by the name it has here; a table shows all that is below it.
fn ours(out: &mut String, config: &Config, all: &Json, name: &str) {
    let Some(value) = at(all, name) else {
        if let Some(told) = generations(name) {
            let _ = writeln!(out, "{name} is not set\n  the default: {told}");
        }
        return;
    };
    if let Json::Object(table) = value {
        for key in table.keys() {
            ours(out, config, all, &format!("{name}.{key}"));
        }
        return;
    }
    let _ = writeln!(out, "{name} = {}", in_toml(value));
    let written = config.tree.0.as_ref().and_then(|tree| tree.at(name.split('.')));
    let mut layer = written;
    let mut first = true;
    while let Some(value) = layer {
        let origin = origin(value);
        let _ = match first {
            true => writeln!(out, "  {origin}"),
            false => writeln!(out, "  over {}, {origin}", in_toml(&hidden(name, &ucl::to_json(value)))),
        };
        first = false;
        layer = value.overridden.as_deref();
    }
    if written.is_none() {
        let _ = match generations(name) {
            Some(told) => writeln!(out, "  the default: {told}"),
            None => writeln!(out, "  the default"),
        };
    }
}

/// The default in each generation, where these differ.
fn generations(name: &str) -> Option<String> {
    let shown = |value: Option<f64>| value.map_or("nothing".to_owned(), |v| format!("{v:?}"));
    let [v34, v41] = by_generation(name)?.map(shown);
    Some(format!("{v34} in 3.4, {v41} in 4.1"))
}

/// Who said it.
fn origin(value: &Value) -> String {
    let source = value.place.source();
    match (source.built_in, source.lenient) {
        (true, true) => "set in rspamd's stock settings".to_owned(),
        (true, false) => "the default".to_owned(),
        (false, _) => format!("set at {}", value.place),
    }
}

/// A setting by the name it has in the tree, if it is another there or means nothing here.
fn theirs(out: &mut String, tree: &Tree, name: &str) {
    let known = tree.account.iter().find(|entry| entry.what == name);
    if matches!(known.map(|entry| &entry.fate), Some(Fate::Same(ours)) if ours == name) {
        return;
    }
    let Some(value) = tree.raw.at(name.split('.')).filter(|value| !matches!(value.node, Node::Table(_))) else {
        return;
    };
    let path: Vec<&str> = name.split('.').collect();
    let _ = writeln!(out, "{name} = {} in rspamd's tree", rspamd::shown(&path, value));
    let _ = writeln!(out, "  {}", origin(value));
    let mut below = value.overridden.as_deref();
    while let Some(value) = below {
        let _ = writeln!(out, "  over {}, {}", rspamd::shown(&path, value), origin(value));
        below = value.overridden.as_deref();
    }
    let row = rspamd::find(&path);
    let _ = match known.map(|entry| &entry.fate) {
        Some(Fate::Same(ours)) => writeln!(out, "  here: {ours}"),
        Some(Fate::Near(how)) => writeln!(out, "  here: {how}"),
        Some(Fate::Needless(why)) => writeln!(out, "  here without meaning: {why}"),
        Some(Fate::Lost(what)) => writeln!(out, "  not supported here; lost: {what}"),
        None => match row.map(|row| (row.to, row.target(&path))) {
            Some((_, Some(ours))) => writeln!(out, "  here: {}", ours.join(".")),
            Some((To::Nothing(why) | To::Neither(why), _)) => writeln!(out, "  here without meaning: {why}"),
            Some((To::Later(what), _)) => writeln!(out, "  not supported here; lost: {what}"),
            _ => Ok(()),
        },
    };
}

/// Passwords are not shown.
fn hidden(name: &str, value: &Json) -> Json {
    let last = name.rsplit('.').next().unwrap_or(name);
    let secret = last.contains("password") || last.contains("keypair");
    if secret && value.as_str() != Some("") {
        "***".into()
    } else {
        value.clone()
    }
}

/// Every name that could have been meant.
fn names(all: &Json, tree: Option<&Tree>) -> Vec<String> {
    let mut names = Vec::new();
    let raw = tree.map(|tree| ucl::to_json(&tree.raw));
    let mut open: Vec<(String, &Json)> = std::iter::once(all).chain(&raw).map(|value| (String::new(), value)).collect();
    while let Some((name, value)) = open.pop() {
        if let Json::Object(table) = value {
            let dot = if name.is_empty() { "" } else { "." };
            open.extend(table.iter().map(|(key, value)| (format!("{name}{dot}{key}"), value)));
        }
        names.push(name);
    }
    names
}

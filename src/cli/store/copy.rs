//! `torwart store copy`: out of one store into another, and then proof that everything arrived.

use super::super::access::Access;
use super::super::print;
use super::CopyArgs;
use super::carry::{Done, pages};
use super::show::entries;
use crate::store::export::{self, Row};
use crate::store::{Content, Entry};
use anyhow::{Result, anyhow, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::process::ExitCode;

/// Counters of this machine, which mean nothing elsewhere.
const MACHINE: &str = "stats";

/// What was sent on its way, by the digest of its name: that of its content, and when it expires.
type Sent = HashMap<[u8; 16], ([u8; 8], Option<u64>)>;

pub(super) fn copy(args: &CopyArgs) -> Result<ExitCode> {
    copy_by(&Access::open(&args.which)?, args)
}

pub(super) fn copy_by(access: &Access, args: &CopyArgs) -> Result<ExitCode> {
    let (from, to) = (store(access, &args.from)?, store(access, &args.to)?);
    if from.name == to.name {
        bail!("--from {} and --to {} are the same store, {}", args.from, args.to, from.name);
    }
    let spaces = chosen(args, &from)?;
    if spaces.is_empty() {
        print(&format!("nothing to copy in {}\n", from.name));
        return Ok(ExitCode::SUCCESS);
    }
    let mut sent = Sent::new();
    let mut done = Done::default();
    pages(access, &spaces, Some(&from.name), &mut |rows| {
        for row in &rows {
            let (name, content) = digests(row)?;
            sent.insert(name, (content, row.expires()));
        }
        done.slice(access, &rows, Some(&to.name), args.keep)
    })?;
    let copied = sent.len();
    let (missing, other) = verify(access, args, &spaces, &to.name, sent)?;
    let kept = if done.kept > 0 {
        format!(", {} already there", done.kept)
    } else {
        String::new()
    };
    if missing > 0 || other > 0 {
        return Err(anyhow!(
            "of {copied} entries {missing} are not in {} and {other} are others there: something else writes to it or forgets; \
             nothing was removed from {}, copy again",
            to.name,
            from.name
        ));
    }
    let (from_kind, to_kind) = (&from.kind, &to.kind);
    print(&format!(
        "{} of {} copied from {} ({from_kind}) to {} ({to_kind}) and found there{kept}\n",
        entries(copied as u64),
        spaces.join(", "),
        from.name,
        to.name
    ));
    if args.remove {
        let done = access.ask(&json!({ "verb": "store.flush", "spaces": spaces, "store": from.name }))?;
        print(&super::show::flushed(&done));
    }
    Ok(ExitCode::SUCCESS)
}

/// A store as the stat shows it.
struct Shown {
    name: String,
    kind: String,
    /// Space, and that the configuration keeps it here.
    spaces: Vec<(String, bool)>,
}

fn store(access: &Access, name: &str) -> Result<Shown> {
    let stat = access.ask(&json!({ "verb": "store.stat", "store": name }))?;
    let store = stat.pointer("/stores/0").cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(problem) = store.get("problem").and_then(Value::as_str) {
        bail!("cannot use the store {name}: {problem}");
    }
    let spaces = store.get("spaces").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_home = |space: &Value| space.get("home").and_then(Value::as_bool).unwrap_or(true);
    Ok(Shown {
        name: text(&store, "name"),
        kind: text(&store, "kind"),
        spaces: spaces.iter().map(|s| (text(s, "name"), is_home(s))).collect(),
    })
}

/// The spaces to copy, if they may also be removed where that was asked for.
fn chosen(args: &CopyArgs, from: &Shown) -> Result<Vec<String>> {
    let asked = |name: &str| {
        if args.space.is_empty() {
            name != MACHINE
        } else {
            args.space.iter().any(|s| s == name)
        }
    };
    let there: Vec<&(String, bool)> = from.spaces.iter().filter(|(name, _)| asked(name)).collect();
    let in_use: Vec<&str> = there.iter().filter(|(_, home)| *home).map(|(name, _)| name.as_str()).collect();
    if args.remove && !in_use.is_empty() {
        bail!(
            "--remove would take {} away from {}, where the configuration keeps it; change the configuration first, copy with --keep \
             and --remove then",
            in_use.join(", "),
            from.name
        );
    }
    Ok(there.iter().map(|(name, _)| name.clone()).collect())
}

/// How much of what was sent is not there, and how much is there with another content.
fn verify(access: &Access, args: &CopyArgs, spaces: &[String], to: &str, mut sent: Sent) -> Result<(usize, usize)> {
    let mut other = 0;
    pages(access, spaces, Some(to), &mut |rows| {
        for row in &rows {
            let (name, content) = digests(row)?;
            if let Some((awaited, _)) = sent.remove(&name)
                && awaited != content
                && !args.keep
            {
                other += 1;
            }
        }
        Ok(())
    })?;
    let now = export::now();
    // What ended on the way is not missed; engines may round its end.
    let missing = sent.values().filter(|(_, until)| until.is_none_or(|u| u > now + 1_000)).count();
    Ok((missing, other))
}

/// What an entry is known by, and what is in it. A bucket leaks all the time, so that any level will do.
fn digests(row: &Row) -> Result<([u8; 16], [u8; 8])> {
    let Entry { key, content, .. } = row.entry(0).map_err(|e| anyhow!(e))?;
    let mut name = Sha256::new_with_prefix(key.space());
    name.update([0]);
    name.update(key.name());
    let content = match content {
        Content::Value(value) => Sha256::digest(value),
        Content::Item(position, item) => {
            name.update([0]);
            name.update(position.to_string());
            Sha256::digest(item)
        }
        Content::Bucket { .. } => Sha256::digest([0]),
    };
    let start = "a digest is long enough";
    let name = name.finalize();
    Ok((*name.first_chunk().expect(start), *content.first_chunk().expect(start)))
}

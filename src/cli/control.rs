//! `torwart stat` and `torwart reload`: through the control socket; without a daemon `stat` reads the store itself.

use super::{ConfigArgs, load, print, report, runtime};
use crate::config::Config;
use crate::daemon::control::{self, Failure};
use crate::daemon::start::candidates;
use crate::record::Stats;
use crate::store::{Embedded, Folder};
use anyhow::{Result, anyhow};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct StatArgs {
    #[command(flatten)]
    which: ConfigArgs,
    /// JSON
    #[arg(short, long)]
    json: bool,
}

/// Where the daemon of a configuration keeps things.
pub(super) struct Folders {
    /// What must survive a restart.
    pub(super) state: PathBuf,
    /// What it remembers: the folder of the store.
    pub(super) store: PathBuf,
    /// Its control socket.
    pub(super) run: PathBuf,
}

/// Finds the folders as the daemon does.
pub(super) fn folders(which: &ConfigArgs, config: &Config) -> Result<Folders> {
    let environment = |name: &str| std::env::var(name).ok();
    let root = nix::unistd::Uid::effective().is_root();
    let chosen = candidates(&which.options(), config).choose(&environment, root);
    let (state, _) = chosen.map_err(|e| anyhow!(e))?;
    let run = control::run_folder(&config.paths.run, &environment, root, &state);
    let own = config.store.path.as_os_str();
    let store = if own.is_empty() { state.clone() } else { own.into() };
    Ok(Folders { state, store, run })
}

pub(super) fn stat(args: &StatArgs) -> Result<ExitCode> {
    let loaded = load(&args.which)?;
    let folders = folders(&args.which, &loaded.config)?;
    let stat = match control::ask(&folders.run, &json!({ "verb": "stat" })) {
        Ok(stat) => stat,
        Err(Failure::Absent { .. }) => stored(&folders.store)?,
        Err(refused) => return Err(refused.into()),
    };
    print(&if args.json {
        report::pretty(&stat) + "\n"
    } else {
        report::stat(&stat, &report::Look::default())
    });
    Ok(ExitCode::SUCCESS)
}

/// The counters as the store has them; only while no daemon runs.
fn stored(state: &Path) -> Result<Value> {
    if !state.join("store.redb").exists() {
        return Err(anyhow!("no daemon runs, and there is no store in {}", state.display()));
    }
    let store = Embedded::open(Folder::open(state)?)?;
    let stats = runtime()?.block_on(Stats::load(&store));
    eprintln!("no daemon runs; these are the counters in {}", state.display());
    Ok(stats.to_json())
}

pub(super) fn reload(which: &ConfigArgs) -> Result<ExitCode> {
    let config = readable(which);
    let folders = folders(which, &config)?;
    match control::ask(&folders.run, &json!({ "verb": "reload" })) {
        Ok(done) => {
            let from = done.get("configuration").and_then(Value::as_str).unwrap_or_default();
            print(&format!("reloaded: {from}\n"));
            Ok(ExitCode::SUCCESS)
        }
        Err(Failure::Refused(problem)) => {
            eprintln!("{problem}");
            Err(anyhow!("not reloaded, the old configuration stays in force"))
        }
        Err(absent) => Err(absent.into()),
    }
}

/// The configuration, or its folders: it may be broken, and then the daemon shall be the one to say so.
pub(super) fn readable(which: &ConfigArgs) -> Config {
    crate::config::load(&which.options().load()).map_or_else(|_| folders_only(which), |l| l.config)
}

/// The folders that a configuration with errors still names; defaults where it cannot be read at all.
fn folders_only(which: &ConfigArgs) -> Config {
    let mut config = Config::default();
    let named = which
        .config
        .clone()
        .or_else(|| std::env::var_os("TORWART_CONFIG").map(PathBuf::from));
    let file = named.unwrap_or_else(|| which.options().load().standard);
    let tree: Option<toml::Table> = std::fs::read_to_string(file).ok().and_then(|text| text.parse().ok());
    let path = |name: &str| Some(PathBuf::from(tree.as_ref()?.get("paths")?.get(name)?.as_str()?));
    config.paths.run = path("run").unwrap_or_default();
    config.paths.state = path("state").unwrap_or_default();
    config
}

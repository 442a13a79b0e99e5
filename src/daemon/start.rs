//! Starting: configuration, log, state, filter, listeners, in an order that leaves nothing half-started on failure.

use super::build::{self, Built};
use super::control::{self, Reception};
use super::desktop::Desktop;
use super::doors::Doors;
use super::house::{House, State};
use super::listen::{Passed, Role};
use super::lobby::Lobby;
use super::logging::{self, Logging, Target};
use super::run::{Control, Running, Signals};
use super::settings;
use crate::config::{self, Config, Examined, LoadOptions, Loaded, MainFile, Report};
use crate::record::Record;
use crate::store::folder::Candidates;
use crate::store::{Embedded, Folder, Store};
use anyhow::{Context, Result, anyhow};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::LevelFilter;

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--state`.
    pub state: Option<PathBuf>,
    /// Where the control socket goes; absent: as configured.
    pub run: Option<PathBuf>,
    /// `--log-format`: JSON or text; absent: as configured.
    pub json_log: Option<bool>,
    /// Log everything, whatever is configured.
    pub debug: bool,
    /// `--rspamd`: a tree of rspamd's, its folder or its main file.
    pub rspamd: Option<PathBuf>,
    /// `--var`: variables of that tree.
    pub variables: Vec<(String, String)>,
    /// Leave the templates of that tree alone.
    pub skip_templates: bool,
    /// Started by [`background::start`](super::background::start), who waits.
    pub background: bool,
    /// Settings of the command line, which win: `compat="4.1"`.
    pub overrides: Vec<String>,
}

impl Options {
    /// How to load the configuration, each time anew.
    pub fn load(&self) -> LoadOptions {
        LoadOptions {
            file: self.config.clone(),
            rspamd: self.rspamd.clone(),
            variables: self.variables.clone(),
            skip_templates: self.skip_templates,
            overrides: self.overrides.clone(),
            ..LoadOptions::default()
        }
    }

    /// Logging as configured, but for what the command line says.
    pub(super) fn logging(&self, config: &Config) -> logging::Settings {
        let mut settings = settings::logging(config, self.json_log);
        if self.debug {
            settings.level = settings.level.max(LevelFilter::DEBUG);
        }
        settings
    }
}

/// Runs the daemon to its end.
pub fn serve(options: Options) -> ExitCode {
    // The environment may only be changed while there is one thread: sockets of systemd come first.
    let passed = Passed::take();
    let examined = config::examine(&options.load());
    // The log comes before the filter, whose maps have things to say while they are read.
    let logging = match &examined.config {
        Some(config) if examined.is_good() => match Logging::start(&options.logging(config)) {
            Ok(logging) => Some(logging),
            Err(problem) => {
                eprintln!("torwart: not started: {problem}");
                return ExitCode::FAILURE;
            }
        },
        _ => None,
    };
    if logging.is_some() {
        tracing::info!("torwart {} starts with {}", env!("CARGO_PKG_VERSION"), examined.origin);
    }
    let Some(logging) = logging else {
        // The filter is built all the same, so that all mistakes are told at once.
        let report = build::complete(examined, None).err().unwrap_or_default();
        return refused(&report);
    };
    let on_stderr = examined
        .config
        .as_ref()
        .is_some_and(|config| options.logging(config).target == Target::Stderr);
    match run(options, examined, logging, passed) {
        Ok(code) => code,
        Err(error) => {
            for line in format!("{error:#}").lines() {
                tracing::error!("{line}");
            }
            tracing::error!("not started");
            if !on_stderr {
                eprintln!("torwart: not started: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

/// The last word to somebody whose configuration has errors.
fn refused(report: &Report) -> ExitCode {
    eprintln!("{}", report.draw_for_stderr());
    eprintln!("torwart: not started, the configuration has errors");
    ExitCode::FAILURE
}

fn run(options: Options, examined: Examined, logging: Logging, passed: Passed) -> Result<ExitCode> {
    let root = nix::unistd::Uid::effective().is_root();
    if root {
        tracing::warn!("running as root: better give torwart a user of its own, as systemd/torwart.service does");
    }
    match settings::raise_file_limit() {
        Ok(limit) => tracing::debug!("up to {limit} open files"),
        Err(problem) => tracing::warn!("{problem}"),
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("torwart")
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        // Before any port answers: a signal that comes early must wait, not end the process.
        let signals = Signals::listen().context("cannot listen to signals")?;
        let (store, run_folder) = match &examined.config {
            Some(config) => open_store(&options, config, root)?,
            None => return Err(anyhow!("there is no configuration")),
        };
        let stores = build::stores(&examined, store.clone(), None);
        match build::complete(examined, Some(stores)) {
            Ok((loaded, built)) => {
                // On a thread of the runtime, as scans are.
                let built = tokio::spawn(async move {
                    built.filter.rehearse();
                    built
                });
                let built = built.await.context("the rules could not be tried")?;
                let mut running = open(options, loaded, built, logging, passed, store, run_folder).await?;
                Ok(running.until_the_end(signals).await)
            }
            Err(report) => Ok(refused(&report)),
        }
    });
    // Nothing that still hangs somewhere may hold up the end.
    runtime.shutdown_background();
    result
}

/// Opens the store of this machine; gives it with the folder of the control socket.
pub fn open_store(options: &Options, config: &Config, root: bool) -> Result<(Arc<dyn Store>, PathBuf)> {
    let environment = |name: &str| std::env::var(name).ok();
    let chosen = candidates(options, config).choose(&environment, root);
    let (state, named_by) = chosen.map_err(|e| anyhow!(e))?;
    let folder = Folder::open(&state).map_err(|e| anyhow!("{e} ({named_by})"))?;
    let mut folders = vec![folder];
    let path = &config.store.path;
    if !path.as_os_str().is_empty() && *path != state {
        // Locked too: the folder of another daemon's store is not ours.
        let own = Folder::open(path).map_err(|e| anyhow!("{e} (named by store.path)"))?;
        tracing::info!("the store is in {}, named by store.path", path.display());
        folders.push(own);
    }
    let store: Arc<dyn Store> = Arc::new(Embedded::open_in(folders, config.store.max_size.0)?);
    tracing::info!("state in {}, {named_by}", state.display());
    let configured = || control::run_folder(&config.paths.run, &environment, root, &state);
    Ok((store, options.run.clone().unwrap_or_else(configured)))
}

/// Opens everything; the error names every listener that could not be opened.
async fn open(
    options: Options,
    loaded: Loaded,
    built: Built,
    logging: Logging,
    passed: Passed,
    store: Arc<dyn Store>,
    run_folder: PathBuf,
) -> Result<Running> {
    for finding in loaded.warnings.iter().chain(&built.warnings) {
        if finding.is_trouble() {
            tracing::warn!("{}", finding.one_line());
        } else {
            tracing::info!("{}", finding.one_line());
        }
    }
    let config = loaded.config;
    let record = Arc::new(Record::load(store.clone()).await);
    record.stats.set_config_id(settings::id(&config));
    record.metrics.watch(built.stores.clone());
    let (stop, last_call) = (CancellationToken::new(), CancellationToken::new());
    let spots = settings::spots(&config);
    let house = Arc::new(House::new(State::begin(config.clone(), built), record, last_call.clone()));
    let (ask, asked) = mpsc::channel(4);
    let reception = Arc::new(Reception::new(Arc::new(Desktop::new(house.clone(), ask))));
    let doors = Doors::new(house.clone(), reception.clone(), &config);
    let mut lobby = Lobby::new(doors, passed, stop.clone());
    let prepared = lobby.prepare(spots).map_err(|problems| anyhow!(problems.join("\n")))?;
    settings::guarded(&config, lobby.reached(&prepared, Role::Controller)).map_err(|e| anyhow!(e))?;
    let control = Control {
        listener: Arc::new(control::bind(&run_folder).map_err(|e| anyhow!(e))?),
        reception,
        asked,
    };
    lobby.apply(prepared, None);
    let defaults = matches!(loaded.origin.main, MainFile::None(_));
    let to_people = options.logging(&config);
    if defaults && to_people.target == Target::Stderr && !to_people.json {
        hint(&lobby);
    }
    Ok(Running::new(options, house, lobby, control, logging, stop, last_call))
}

/// Names of the state folder by rank.
pub fn candidates(options: &Options, config: &config::Config) -> Candidates {
    let configured = Some(config.paths.state.clone()).filter(|p| !p.as_os_str().is_empty());
    Candidates {
        option: options.state.clone(),
        configured,
    }
}

/// What a newcomer may try next.
fn hint(lobby: &Lobby) {
    let first = |role| lobby.addresses(role).into_iter().next().unwrap_or_default();
    let (milter, controller) = (first(Role::Milter), first(Role::Controller));
    eprintln!(
        "\n  torwart runs on its built-in defaults. Try, in another terminal:\n\n    \
         echo hallo welt | rspamc -h {controller} -i 10.88.113.22\n    \
         torwart scan message.eml\n    \
         torwart stat\n    \
         postconf -e smtpd_milters=inet:{milter} non_smtpd_milters=inet:{milter} && postfix reload\n\n  \
         Settings go to /etc/torwart/torwart.toml (see config/torwart.toml); Ctrl-C ends it.\n"
    );
}

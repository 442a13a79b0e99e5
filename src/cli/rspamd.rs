//! `rspamd`: the daemon started with rspamd's own words. It goes into the background, writes its process number to a file and
//! becomes another user, each where it is told to; what runs then is [`daemon::serve`].

use super::control::folders;
use super::{ConfigArgs, print};
use crate::config::Config;
use crate::config::schema::LogTarget;
use crate::daemon::build;
use crate::daemon::listen::Spot;
use crate::daemon::privileges::Identity;
use crate::daemon::settings::spots;
use crate::daemon::{self, Options, background, unix::plain};
use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Where an rspamd keeps its configuration.
const STANDARD: &str = "/etc/rspamd/rspamd.conf";

/// Runs the mail filter: torwart called by this name
#[derive(Parser)]
#[command(name = "rspamd", disable_version_flag = true, max_term_width = 100, args_override_self = true)]
struct Args {
    /// Stay in the foreground
    #[arg(short = 'f', long)]
    no_fork: bool,
    /// The main file of an rspamd configuration, or a .toml of ours [default: /etc/rspamd/rspamd.conf where it is, else as torwart]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Run as this user
    #[arg(short, long)]
    user: Option<String>,
    /// Run as this group
    #[arg(short, long)]
    group: Option<String>,
    /// Write the process number to this file
    #[arg(short, long, value_name = "FILE")]
    pid: Option<PathBuf>,
    /// Log everything
    #[arg(short, long)]
    debug: bool,
    /// Run as root, if nobody else is named
    #[arg(short, long)]
    insecure: bool,
    /// Show the version
    #[arg(short, long)]
    version: bool,
    /// A variable for the files of the configuration
    #[arg(long, value_name = "NAME=VALUE", value_parser = super::variable)]
    var: Vec<(String, String)>,
    /// Leave the templates of the configuration alone
    #[arg(short = 'T', long)]
    skip_template: bool,
    /// Without meaning here: there is no Lua
    #[arg(long, value_name = "FILE")]
    lua_env: Vec<PathBuf>,
    /// Said by the process that goes into the background to the one that stays there
    #[arg(long, hide = true)]
    in_background: bool,
    /// rspamd reads no further words, and refuses none
    #[arg(hide = true)]
    rest: Vec<OsString>,
}

/// Does what the words say.
pub(super) fn main(words: Vec<OsString>) -> ExitCode {
    let args = match Args::try_parse_from(&words) {
        Ok(args) => args,
        Err(usage) => {
            let _ = usage.print();
            return if usage.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    if args.version {
        print(&format!("rspamd of torwart {}\n", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    if !args.no_fork && !args.in_background {
        return background::start(&mut anew(&words))
            .unwrap_or_else(|error| refused(&anyhow!("cannot go into the background: {}", plain(&error))));
    }
    match prepare(&args) {
        Ok((options, pid)) => {
            let code = daemon::serve(options);
            drop(pid);
            code
        }
        Err(error) => refused(&error),
    }
}

fn refused(error: &anyhow::Error) -> ExitCode {
    eprintln!("rspamd: not started: {error:#}");
    ExitCode::FAILURE
}

/// This program once more, to stay in the background.
fn anew(words: &[OsString]) -> Command {
    let mut command = Command::new("/proc/self/exe");
    let (name, rest) = words.split_first().expect("a program has a name");
    command.arg0(name).arg("--in-background").args(rest);
    command
}

/// Everything up to the daemon itself, in an order that lets a mistake be told on the terminal.
fn prepare(args: &Args) -> Result<(Options, Option<PidFile>)> {
    let identity = Identity::find(args.user.as_deref(), args.group.as_deref())?;
    if identity.is_root() && !args.insecure {
        bail!("this would run as root; name a user with -u and a group with -g, or insist with -i");
    }
    let mut options = options(args)?;
    let (loaded, _) = build::load(&options.load()).map_err(|report| {
        eprintln!("{}", report.draw_for_stderr());
        anyhow!("the configuration has errors")
    })?;
    if !identity.is_now() {
        grant(&identity, &mut options, &loaded.config)?;
    }
    let mut pid = args.pid.as_deref().map(PidFile::claim).transpose()?;
    if args.in_background {
        if loaded.config.log.target == LogTarget::Stderr {
            eprintln!("rspamd: the log goes to standard error, which nobody reads in the background; set log.target");
        }
        background::leave().map_err(|e| anyhow!("cannot go into the background: {}", e.desc()))?;
    }
    if let Some(pid) = &mut pid {
        pid.write()?;
    }
    identity.assume()?;
    Ok((options, pid))
}

/// What the words mean to the daemon. It may leave the current folder: names are made whole.
fn options(args: &Args) -> Result<Options> {
    let named = args.config.as_deref().map(whole).transpose()?.or_else(standard);
    let ours = named.as_ref().is_some_and(|file| file.extension().is_some_and(|e| e == "toml"));
    let (config, rspamd) = if ours { (named, None) } else { (None, named) };
    Ok(Options {
        config,
        rspamd,
        variables: args.var.clone(),
        skip_templates: args.skip_template,
        debug: args.debug,
        background: args.in_background,
        ..Options::default()
    })
}

/// The configuration of an rspamd on this machine, where there is one.
pub(super) fn standard() -> Option<PathBuf> {
    Some(PathBuf::from(STANDARD)).filter(|file| file.exists())
}

fn whole(file: &Path) -> Result<PathBuf> {
    std::path::absolute(file).with_context(|| format!("cannot find {}", file.display()))
}

/// Makes what the daemon writes to while it may still be made, and fixes the places that depend on who asks.
fn grant(identity: &Identity, options: &mut Options, config: &Config) -> Result<()> {
    let which = ConfigArgs {
        state: options.state.clone(),
        ..ConfigArgs::default()
    };
    let folders = folders(&which, config)?;
    identity.folder(&folders.state, 0o700)?;
    identity.folder(&folders.store, 0o700)?;
    identity.folder(&folders.run, 0o755)?;
    for (_, spot) in spots(config) {
        if let Spot::Unix(path, _) = spot
            && let Some(above) = path.parent()
        {
            identity.folder(above, 0o755)?;
        }
    }
    if config.log.target == LogTarget::File {
        identity.log(&config.log.file)?;
    }
    options.state = Some(folders.state);
    options.run = Some(folders.run);
    Ok(())
}

/// A file with the number of this process, locked for as long as it runs.
struct PidFile {
    path: PathBuf,
    file: File,
    /// Who wrote it; a parent that ends leaves it alone.
    written: bool,
}

impl PidFile {
    /// Opens it, unless another process holds it.
    fn claim(path: &Path) -> Result<PidFile> {
        let path = whole(path)?;
        let shown = path.display();
        let opened = File::options().write(true).create(true).truncate(false).open(&path);
        let file = opened.map_err(|e| anyhow!("cannot write the process number to {shown}: {}", plain(&e)))?;
        match file.try_lock() {
            Ok(()) => Ok(PidFile {
                path,
                file,
                written: false,
            }),
            Err(TryLockError::WouldBlock) => bail!("another process holds {shown}: it runs already"),
            Err(TryLockError::Error(error)) => Err(anyhow!("cannot lock {shown}: {}", plain(&error))),
        }
    }

    fn write(&mut self) -> Result<()> {
        let text = format!("{}\n", std::process::id());
        let written = self
            .file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(text.as_bytes()));
        self.written = true;
        written.with_context(|| format!("cannot write the process number to {}", self.path.display()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Another user may not be allowed to; the lock goes all the same.
        if self.written && std::fs::remove_file(&self.path).is_err() {
            let _ = self.file.set_len(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn rspamds_words_are_read() {
        Args::command().debug_assert();
        let args = Args::try_parse_from("rspamd -f -i -c /x.conf -u a -g b -p /pid -d --var=A=B --var=C=D -T".split(' ')).unwrap();
        assert!(args.no_fork && args.insecure && args.debug && args.skip_template);
        assert_eq!(args.var.len(), 2);
        for wrong in ["rspamd --var AB", "rspamd -x", "rspamd -c"] {
            assert!(Args::try_parse_from(wrong.split(' ')).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pid_file_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        std::fs::write(&path, "99999999999\n").unwrap();
        let mut pid = PidFile::claim(&path).unwrap();
        pid.write().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        assert!(PidFile::claim(&path).is_err());
        drop(pid);
        assert!(!path.exists());
    }
}

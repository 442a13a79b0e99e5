//! The command line: the only reader of arguments. Each verb has its file; the work is done on lower floors.

mod access;
mod check;
mod client;
mod config;
mod control;
mod folder;
mod greylist;
mod history;
mod password;
mod report;
mod rspamadm;
mod rspamc;
mod rspamd;
mod rules;
mod scan;
mod scanners;
mod store;

use crate::daemon;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A spam and virus filter for mail servers: milter, HTTP scan service and controller in one daemon.
#[derive(Parser)]
#[command(name = "torwart", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the daemon in the foreground (also without any verb)
    Serve(ServeArgs),
    /// Check the configuration: every finding to stderr, `syntax OK` or `syntax BAD` to stdout, exit 0 or 1
    Check(check::CheckArgs),
    /// See which settings are in force and where they come from, or take over those of rspamd
    Config(Box<config::ConfigVerbArgs>),
    /// Scan messages and print the report
    Scan(Box<scan::ScanArgs>),
    /// Show the counters of the running daemon
    Stat(control::StatArgs),
    /// Show what was decided for messages, newest first
    History(Box<history::HistoryArgs>),
    /// Look at what is remembered, forget it, carry it out and back in
    Store(store::StoreArgs),
    /// Make the running daemon read its configuration again, and say how that went
    Reload(ConfigArgs),
    /// Hash a password for the controller, or check one
    Password(password::PasswordArgs),
    /// List the rules of the configuration, or explain one symbol
    Rules(rules::RulesArgs),
    /// Test the configured virus scanners
    Scanners(scanners::ScannersArgs),
    /// See who waits on the grey list, and let them in
    Greylist(greylist::GreylistArgs),
}

/// Which configuration and state are meant.
#[derive(Args, Clone, Default)]
struct ConfigArgs {
    /// The configuration file [default: $TORWART_CONFIG, else /etc/torwart/torwart.toml, else built-in defaults]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder for everything the daemon remembers
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// An rspamd tree to take the settings from: its folder, or its rspamd.conf; a file of --config is laid over it
    #[arg(long, value_name = "FOLDER")]
    rspamd: Option<PathBuf>,
    /// A variable of that tree, may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    var: Vec<(String, String)>,
    /// Whose symbols and scores: 3.4 or 4.1; wins over every file
    #[arg(long, value_name = "VERSION")]
    compat: Option<String>,
}

/// `NAME=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl ConfigArgs {
    fn options(&self) -> daemon::Options {
        daemon::Options {
            config: self.config.clone(),
            state: self.state.clone(),
            rspamd: self.rspamd.clone(),
            variables: self.var.clone(),
            overrides: self.compat.iter().map(|version| format!("compat={version:?}")).collect(),
            ..daemon::Options::default()
        }
    }
}

#[derive(Args, Default)]
struct ServeArgs {
    #[command(flatten)]
    which: ConfigArgs,
    /// Form of the log lines [default: as configured]
    #[arg(long, value_name = "FORM")]
    log_format: Option<LogFormat>,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// What the words of a command line do, its first being the program's name.
type Program = fn(Vec<OsString>) -> ExitCode;

/// rspamd's programs: called by a link of such a name, or by it as the first word, this one takes what that one takes.
const PROGRAMS: &[(&str, Program)] = &[("rspamadm", rspamadm::main), ("rspamc", rspamc::main), ("rspamd", rspamd::main)];

/// The program that these words call, and the words it is to see.
fn program(mut words: Vec<OsString>) -> Option<(Program, Vec<OsString>)> {
    let named = |word: &OsString| {
        PROGRAMS
            .iter()
            .find(|(name, _)| Path::new(word).file_name().is_some_and(|f| f == *name))
    };
    if let Some((_, program)) = words.first().and_then(named) {
        return Some((*program, words));
    }
    let (_, program) = words.get(1).and_then(named)?;
    words.remove(0);
    Some((*program, words))
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    if let Some((program, words)) = program(std::env::args_os().collect()) {
        return program(words);
    }
    let verb = Cli::parse().verb.unwrap_or_else(|| Verb::Serve(ServeArgs::default()));
    let outcome = match verb {
        Verb::Serve(args) => return serve(args),
        Verb::Check(args) => check::run(&args),
        Verb::Config(args) => config::run(&args),
        Verb::Scan(args) => scan::run(&args),
        Verb::Stat(args) => control::stat(&args),
        Verb::History(args) => history::run(&args),
        Verb::Store(args) => store::run(&args),
        Verb::Reload(args) => control::reload(&args),
        Verb::Password(args) => password::run(&args),
        Verb::Rules(args) => rules::run(&args),
        Verb::Scanners(args) => scanners::run(&args),
        Verb::Greylist(args) => greylist::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("torwart: {error:#}");
        ExitCode::FAILURE
    })
}

fn serve(args: ServeArgs) -> ExitCode {
    daemon::serve(daemon::Options {
        json_log: args.log_format.map(|f| matches!(f, LogFormat::Json)),
        ..args.which.options()
    })
}

/// Loads the configuration for a verb that needs a good one; draws what is wrong with it.
fn load(which: &ConfigArgs) -> anyhow::Result<crate::config::Loaded> {
    crate::config::load(&which.options().load()).map_err(|report| {
        eprintln!("{}", report.draw_for_stderr());
        anyhow::anyhow!("the configuration has errors")
    })
}

/// A runtime for verbs that wait for something.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Writes to stdout; a reader that has gone away is no error.
fn print(text: &str) {
    write(text.as_bytes());
}

/// The same with bytes that need not be text.
fn write(bytes: &[u8]) {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn links_and_first_words_call_other_programs() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (line, seen) in [
            ("/usr/bin/rspamadm pw -l", Some("/usr/bin/rspamadm pw -l")),
            ("torwart rspamadm pw", Some("rspamadm pw")),
            ("./rspamc -h x", Some("./rspamc -h x")),
            ("rspamc2 x", None),
            ("torwart pw rspamadm", None),
            ("torwart", None),
        ] {
            assert_eq!(program(words(line)).map(|(_, w)| w), seen.map(words), "{line}");
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        assert!(Cli::try_parse_from(["torwart"]).unwrap().verb.is_none());
        assert!(Cli::try_parse_from(["torwart", "scan", "-i", "1.2.3.4", "-r", "a@b", "-r", "c@d", "x.eml"]).is_ok());
        assert!(Cli::try_parse_from(["torwart", "serve", "--log-format", "xml"]).is_err());
    }
}

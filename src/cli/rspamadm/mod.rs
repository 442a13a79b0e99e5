//! `rspamadm`: the administrator's tool of rspamd, command by command. What people's scripts depend on (options, outputs, exit
//! codes) is as Debian's 3.4 has it; what is not there says so and fails.

mod config;
mod confighelp;
mod control;
mod corpus;
mod crypt;
mod dkim;
mod grep;
mod keypair;
mod mime;
mod pw;
mod seal;
mod template;

use super::{ConfigArgs, print, rspamd};
use crate::base::suggest;
use crate::config::LoadOptions;
use anyhow::{Result, anyhow};
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::ExitCode;

/// What a command does.
type Run = fn(&Call) -> Result<ExitCode>;

/// One command.
struct Command {
    name: &'static str,
    aliases: &'static [&'static str],
    /// What it is for.
    line: &'static str,
    /// None: rspamd has it, we do not yet.
    run: Option<Run>,
}

const fn command(name: &'static str, aliases: &'static [&'static str], line: &'static str, run: Option<Run>) -> Command {
    Command { name, aliases, line, run }
}

/// All commands, by name.
const COMMANDS: &[Command] = &[
    command("autolearnstats", &[], "What was learned by itself", None),
    command("classifier_test", &[], "How well a classifier does on a corpus", None),
    command("clickhouse", &[], "Training data from ClickHouse", None),
    command("configdump", &[], "Print the configuration as it is in force", Some(config::dump)),
    command("configgraph", &[], "Draw which file includes which", None),
    command("confighelp", &[], "Explain options", Some(confighelp::run)),
    command("configtest", &[], "Check the configuration", Some(config::test)),
    command("configwizard", &[], "Set up by questions and answers", None),
    command("control", &[], "Give orders to the running daemon", Some(control::run)),
    command("cookie", &[], "Make and check signed message ids", None),
    command(
        "corpustest",
        &["corpus_test", "corpus"],
        "Scan folders of ham and spam",
        Some(corpus::run),
    ),
    command("dkim_keygen", &["dkimkeygen"], "Make a DKIM key", Some(dkim::run)),
    command("dmarc_report", &["dmarc_reporting"], "Send DMARC reports", None),
    command("dnstool", &["dns", "dns_tool"], "Look into SPF records", None),
    command("fuzzy_hash", &["fuzzyhash"], "Fuzzy hashes of messages", None),
    command("fuzzy_ping", &["fuzzyping"], "Ask a fuzzy storage how it is", None),
    command("fuzzyconvert", &[], "Carry fuzzy hashes from SQLite to Redis", None),
    command("grep", &[], "Search logs, message by message", Some(grep::run)),
    command(
        "keypair",
        &["kp", "key"],
        "Make key pairs, sign and verify files",
        Some(keypair::run),
    ),
    command("logstats", &[], "Count symbols in logs", None),
    command("lua", &[], "Run Lua", None),
    command("mapstats", &[], "Count which entries of maps match", None),
    command("mime", &["mime_tool"], "Take messages apart", Some(mime::run)),
    command("neural_export", &[], "Write out a neural network", None),
    command("neuraltest", &["neural_test"], "Try a neural network", None),
    command("publicsuffix", &[], "Compile the list of public suffixes", None),
    command("pw", &[], "Hash passwords and check them", Some(pw::run)),
    command("ratelimit", &[], "Look at rate limits", None),
    command("secret_box", &["secretbox"], "Encrypt with a secret key", None),
    command("signtool", &[], "Sign and verify files", Some(seal::signtool)),
    command("stat", &[], "The same as control stat", Some(control::stat)),
    command("statconvert", &[], "Carry statistics from SQLite to Redis", None),
    command(
        "statistics_dump",
        &["stat_dump", "bayes_dump"],
        "Carry Bayes statistics out and in",
        None,
    ),
    command("template", &[], "Fill templates in", Some(template::run)),
    command("vault", &[], "DKIM keys in a Vault", None),
];

impl Command {
    fn is(&self, word: &str) -> bool {
        self.name == word || self.aliases.contains(&word)
    }
}

/// The words of one command, and what was said before it.
struct Call {
    /// The command's name, and its words.
    words: Vec<OsString>,
    /// `--var`.
    variables: Vec<(String, String)>,
}

impl Call {
    /// The configuration that is meant where none is named: ours if there is one, else an rspamd's.
    fn which(&self) -> ConfigArgs {
        let own = std::env::var_os("TORWART_CONFIG").is_some() || LoadOptions::default().standard.exists();
        ConfigArgs {
            rspamd: if own { None } else { rspamd::standard() },
            var: self.variables.clone(),
            ..ConfigArgs::default()
        }
    }

    /// Reads the words. The error prints itself.
    fn read<T: Parser>(&self) -> Result<T> {
        let command = T::command();
        let name = command.get_name().to_owned();
        Ok(T::from_arg_matches(
            &command.bin_name(name).args_override_self(true).try_get_matches_from(&self.words)?,
        )?)
    }
}

/// Administers rspamd's stand-in: torwart called by this name
#[derive(Parser)]
#[command(
    name = "rspamadm",
    disable_help_subcommand = true,
    disable_version_flag = true,
    max_term_width = 100
)]
struct Global {
    /// Without meaning here: nothing is held back
    #[arg(short, long)]
    verbose: bool,
    /// List the commands
    #[arg(short, long)]
    list_commands: bool,
    /// A variable for the files of a configuration
    #[arg(long, value_name = "NAME=VALUE", require_equals = true, value_parser = super::variable)]
    var: Vec<(String, String)>,
    /// Show the version
    #[arg(short = 'V', long)]
    version: bool,
    /// Without meaning here: there is no Lua
    #[arg(long, value_name = "FILE")]
    lua_env: Vec<OsString>,
    #[command(subcommand)]
    command: Option<Words>,
}

#[derive(Subcommand)]
enum Words {
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// Does what the words say.
pub(super) fn main(words: Vec<OsString>) -> ExitCode {
    match carry_out(words) {
        Ok(code) => code,
        Err(error) => match error.downcast::<clap::Error>() {
            Ok(usage) => {
                let _ = usage.print();
                if usage.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
            }
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

fn carry_out(words: Vec<OsString>) -> Result<ExitCode> {
    let global = Global::try_parse_from(words)?;
    if global.version {
        print(&format!("{}\n", version()));
        return Ok(ExitCode::SUCCESS);
    }
    let mut words = match global.command {
        Some(Words::Other(words)) if !global.list_commands => words,
        _ => return Ok(list()),
    };
    if words.first().is_some_and(|w| w == "help") {
        words.remove(0);
        words.truncate(1);
        words.push("--help".into());
    }
    let name = words.first().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
    if name == "--help" {
        return Ok(list());
    }
    let Some(command) = COMMANDS.iter().find(|c| c.is(&name)) else {
        eprintln!("{}", suggestions(&name));
        return Ok(ExitCode::FAILURE);
    };
    let run = command
        .run
        .ok_or_else(|| anyhow!("rspamadm {}: not in this version of torwart", command.name))?;
    let call = Call {
        words,
        variables: global.var,
    };
    run(&call)
}

fn version() -> String {
    format!("rspamadm of torwart {}", env!("CARGO_PKG_VERSION"))
}

fn list() -> ExitCode {
    let mut out = format!(
        "{}\nUsage: rspamadm [global options] command [options]\n\nAvailable commands:\n",
        version()
    );
    for command in COMMANDS {
        let missing = if command.run.is_none() { " (not in this version)" } else { "" };
        let _ = writeln!(out, "  {:<18} {}{missing}", command.name, command.line);
    }
    print(&out);
    ExitCode::SUCCESS
}

/// What is said of a command that there is not.
fn suggestions(word: &str) -> String {
    let mut out = format!("Invalid command name: {word}\nSuggested commands:");
    let mut near: Vec<&str> = COMMANDS.iter().map(|c| c.name).filter(|name| name.contains(word)).collect();
    if near.is_empty() {
        let names = COMMANDS.iter().flat_map(|c| c.aliases.iter().chain([&c.name]).copied());
        near.extend(suggest::nearest(word, names));
    }
    for name in near {
        let _ = write!(out, "\n{name}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn names_are_one_and_in_order() {
        Global::command().debug_assert();
        assert!(COMMANDS.is_sorted_by_key(|c| c.name));
        let mut all: Vec<&str> = COMMANDS.iter().flat_map(|c| c.aliases.iter().chain([&c.name]).copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn near_names_are_told() {
        assert_eq!(suggestions("dkim"), "Invalid command name: dkim\nSuggested commands:\ndkim_keygen");
        assert!(suggestions("keypiar").ends_with("\nkeypair"));
        assert_eq!(suggestions("bogus"), "Invalid command name: bogus\nSuggested commands:");
    }

    #[test]
    fn the_programs_words_are_read() {
        let read = |line: &str| Global::try_parse_from(line.split(' '));
        let global = read("rspamadm -v --var=A=b=c pw -p -x").unwrap();
        assert_eq!(global.var, [("A".to_owned(), "b=c".to_owned())]);
        assert!(matches!(global.command, Some(Words::Other(words)) if words == ["pw", "-p", "-x"]));
        for wrong in [
            "rspamadm --var A=b pw",
            "rspamadm --var=Ab pw",
            "rspamadm --bogus",
            "rspamadm -x pw",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

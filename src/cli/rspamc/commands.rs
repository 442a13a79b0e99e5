//! The commands of `rspamc`: what each asks, whether it takes messages, and how its answer is shown.

use std::fmt::Write;

/// A word on the command line.
pub(super) struct Command {
    /// The word, or its beginning where it ends in `:`.
    pub word: &'static str,
    pub path: &'static str,
    pub shown: Shown,
    /// It takes messages.
    pub takes_input: bool,
    /// The controller is asked, not the scan port.
    pub control: bool,
    /// Header that carries what stands behind the colon of the word.
    pub class: Option<&'static str>,
    about: &'static str,
}

/// How an answer is shown unless an option says otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Scan,
    Stat,
    Uptime,
    Counters,
    Config,
}

const fn command(word: &'static str, path: &'static str, shown: Shown, about: &'static str) -> Command {
    Command {
        word,
        path,
        shown,
        takes_input: true,
        control: true,
        class: None,
        about,
    }
}

impl Command {
    const fn without_input(self) -> Command {
        Command {
            takes_input: false,
            ..self
        }
    }

    const fn classed(self, header: &'static str) -> Command {
        Command {
            class: Some(header),
            ..self
        }
    }

    const fn scanning(self) -> Command {
        Command { control: false, ..self }
    }
}

const SYMBOLS: Command = command(
    "symbols",
    "/checkv2",
    Shown::Scan,
    "scan messages and show the symbols; without any command too",
)
.scanning();

const COMMANDS: &[Command] = &[
    SYMBOLS,
    command("learn_spam", "/learnspam", Shown::Config, "learn messages as spam"),
    command("learn_ham", "/learnham", Shown::Config, "learn messages as ham"),
    command("learn_class:", "/learnclass", Shown::Config, "learn messages as this class").classed("Class"),
    command(
        "neural_learn:",
        "/checkv2",
        Shown::Scan,
        "scan messages and hand them to the neural network as this class",
    )
    .scanning()
    .classed("ANN-Train"),
    command(
        "fuzzy_add",
        "/fuzzyadd",
        Shown::Config,
        "put the hashes of messages into the fuzzy storage (-f, -w)",
    ),
    command(
        "fuzzy_del",
        "/fuzzydel",
        Shown::Config,
        "take the hashes of messages out of the fuzzy storage (-f)",
    ),
    command(
        "fuzzy_delhash",
        "/fuzzydelhash",
        Shown::Config,
        "take hashes out of the fuzzy storage (-f)",
    )
    .without_input(),
    command("stat", "/stat", Shown::Stat, "show the counters").without_input(),
    command("stat_reset", "/statreset", Shown::Stat, "show the counters and set them to nothing").without_input(),
    command("counters", "/counters", Shown::Counters, "show how often each rule hits").without_input(),
    command("uptime", "/auth", Shown::Uptime, "show how long the daemon has been running").without_input(),
];

/// The command that a word means, with what stands behind its colon.
pub(super) fn find(word: &str) -> Option<(&'static Command, String)> {
    let word = match word.to_ascii_lowercase().as_str() {
        "check" | "report" => "symbols",
        _ => word,
    };
    COMMANDS.iter().find_map(|command| {
        let start = word
            .get(..command.word.len())
            .filter(|start| start.eq_ignore_ascii_case(command.word))?;
        let class = word.get(start.len()..)?;
        (command.class.is_some() != class.is_empty()).then(|| (command, class.to_owned()))
    })
}

/// The command without a word.
pub(super) fn usual() -> (&'static Command, String) {
    (&SYMBOLS, String::new())
}

/// What `--commands` prints.
pub(super) fn list() -> String {
    let mut out = String::from("Rspamc commands summary:\n");
    for command in COMMANDS {
        let port = if command.control { "control" } else { "normal" };
        let _ = writeln!(out, "{:>15} ({port:<7})\t{}", command.word, command.about);
    }
    out.push_str("\ncontrol commands ask port 11334 and may need a password (-P); normal ones ask 11333, on this machine 11334 (-h)\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_commands_or_files() {
        for (word, path, class) in [
            ("symbols", "/checkv2", ""),
            ("CHECK", "/checkv2", ""),
            ("Learn_Spam", "/learnspam", ""),
            ("learn_class:Work", "/learnclass", "Work"),
            ("uptime", "/auth", ""),
        ] {
            let (found, given) = find(word).unwrap();
            assert_eq!((found.path, given.as_str()), (path, class));
        }
        for word in ["learn_spamm", "learn_class:", "add_symbol", "sta", "", "stät"] {
            assert!(find(word).is_none(), "{word}");
        }
    }
}

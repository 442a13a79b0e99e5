//! The program under the name `rspamc`: its commands, options, reports and exit codes (`http-api` 5).

mod commands;
mod exec;
mod inputs;
mod mime;
mod options;
mod request;
mod show;
mod v3;

use super::password;
use super::report::{Look, Sort};
use inputs::Input;
use request::{Asker, Trouble};
use show::{Outcome, Show};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Instant;

/// Most requests in flight, whatever is asked for.
const MOST: usize = 64;

/// Does what the arguments behind the program's name say.
pub(super) fn main(words: Vec<OsString>) -> ExitCode {
    let args: Vec<String> = words.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let code = run(&args).unwrap_or_else(|problem| {
        eprintln!("{problem}");
        1
    });
    u8::try_from(code & 0xff).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn run(args: &[String]) -> Result<i32, String> {
    let mut options = options::parse(args).map_err(|problem| format!("option parsing failed: {problem}"))?;
    if options.help || options.commands {
        super::print(&if options.help { options::help() } else { commands::list() });
        return Ok(0);
    }
    if options.msgpack {
        return Err("--msgpack is not supported; replies are asked for as JSON".to_owned());
    }
    if let Some(Err(error)) = options
        .settings
        .as_ref()
        .map(|text| serde_json::from_str::<serde_json::Value>(text))
    {
        return Err(format!("option parsing failed: Invalid JSON/UCL in settings: {error}"));
    }
    let mut words = std::mem::take(&mut options.words);
    let (command, class) = match words.first().and_then(|word| commands::find(word)) {
        Some(found) => {
            words.remove(0);
            found
        }
        None => commands::usual(),
    };
    let mut more: Vec<(&str, String)> = command.class.map(|header| (header, class)).into_iter().collect();
    if let Some(password) = &options.password {
        more.push(("Password", secret(password.as_deref())?));
    }
    let hashes = command.path == "/fuzzydelhash" && !words.is_empty();
    if hashes {
        more.extend(words.drain(..).map(|hash| ("Hash", hash)));
    }
    let asker = Asker::new(&options, command, &more)?;
    let show = Show {
        look: Look {
            extended_urls: options.extended_urls,
            colour: options.exec.is_none() && std::io::stdout().is_terminal(),
            sort: options.sort.as_deref().map(Sort::parse).unwrap_or_default(),
        },
        options: &options,
        command,
    };
    Rounds { asker, show }.all(&words, hashes)
}

/// Messages are sent in rounds: each waits for the one before.
struct Rounds<'o> {
    asker: Asker,
    show: Show<'o>,
}

impl Rounds<'_> {
    fn all(&self, words: &[String], hashes: bool) -> Result<i32, String> {
        let asked = self.show.options.max_requests;
        let at_once = usize::try_from(asked).unwrap_or(1).clamp(1, MOST);
        let mut code = 0;
        let mut round = Vec::new();
        if hashes {
            return Ok(self.round(vec![inputs::hashes()]));
        }
        inputs::each(self.show.options, words, self.show.command.takes_input, &mut |input| {
            round.push(input);
            if round.len() == at_once {
                code |= self.round(std::mem::take(&mut round));
            }
        })?;
        Ok(code | self.round(round))
    }

    /// Sends all at the same time and prints each when its answer is there.
    fn round(&self, inputs: Vec<Input>) -> i32 {
        let (sender, outcomes) = mpsc::channel();
        std::thread::scope(|scope| {
            for input in inputs {
                let sender = sender.clone();
                scope.spawn(move || {
                    let _ = sender.send(self.outcome(input));
                });
            }
            drop(sender);
            outcomes.iter().fold(0, |code, outcome| code | self.show.one(outcome))
        })
    }

    fn outcome(&self, mut input: Input) -> Outcome {
        let read = input.read();
        let begun = Instant::now();
        let (message, answer) = match read {
            Ok(message) => {
                let answer = self.asker.ask(&input.name, &message);
                (message, answer)
            }
            Err(error) => {
                let text = format!("cannot read file {}: {}", input.name, strerror(&error));
                (Vec::new(), Err(Trouble::Nowhere(text)))
            }
        };
        Outcome {
            name: input.name,
            message,
            // Nobody wants to know it more exactly.
            seconds: (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            answer,
        }
    }
}

/// A password as given, out of the file that it names, or from the terminal.
fn secret(given: Option<&str>) -> Result<String, String> {
    let Some(given) = given else {
        return password::ask("Enter passphrase: ", false)
            .ok()
            .flatten()
            .filter(|typed| !typed.is_empty())
            .ok_or_else(|| "Invalid password".to_owned());
    };
    let file = given.starts_with(['/', '.']).then(|| std::fs::read_to_string(given).ok()).flatten();
    let kept = file.as_deref().map(str::trim_end).filter(|text| !text.is_empty());
    Ok(kept.unwrap_or(given).to_owned())
}

/// What went wrong, without the numbers that only programmers know.
fn strerror(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or_default().to_owned()
}

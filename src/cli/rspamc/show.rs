//! One result as it is printed, or handed to the command of `--exec`.

use super::commands::{Command, Shown};
use super::exec;
use super::mime::{self, mark};
use super::options::Options;
use super::request::Trouble;
use crate::cli::client::Reply;
use crate::cli::report::{self, Look, Notation, notation};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// What became of one message.
pub(super) struct Outcome {
    pub name: String,
    pub message: Vec<u8>,
    pub seconds: f64,
    pub answer: Result<Reply, Trouble>,
}

/// A reply that was understood.
struct Understood {
    value: Value,
    headers: Vec<(String, String)>,
    /// The message as the daemon rewrote it.
    rewritten: Option<Vec<u8>>,
}

pub(super) struct Show<'o> {
    pub options: &'o Options,
    pub command: &'static Command,
    pub look: Look,
}

impl Show<'_> {
    /// Prints one result; the exit code it stands for.
    pub fn one(&self, outcome: Outcome) -> i32 {
        let Outcome {
            name,
            message,
            seconds,
            answer,
        } = outcome;
        let understood = match answer {
            Ok(reply) => understand(reply),
            Err(Trouble::Said(text, body)) => Err((text, body)),
            Err(Trouble::Nowhere(text)) => {
                eprintln!("{text}");
                return 1;
            }
        };
        let mime = self.options.mime && self.command.shown == Shown::Scan;
        let failed = i32::from(understood.is_err());
        if let Some(line) = &self.options.exec {
            return failed | self.exec(line, &understood, mime.then_some(&message), seconds);
        }
        if mime {
            super::super::write(&self.mime(&message, seconds, &understood).unwrap_or_default());
            return failed;
        }
        let text = match &understood {
            Ok(reply) => self.good(&name, seconds, reply),
            Err((text, body)) => self.bad(&name, seconds, text, body),
        };
        super::super::write(&text);
        failed
    }

    fn banner(&self, name: &str, seconds: f64) -> String {
        if self.notation().is_some_and(|n| n != Notation::Config) {
            return String::new();
        }
        let (what, name) = match self.command.takes_input {
            true => ("file", name),
            false => ("command", self.command.word),
        };
        format!(
            "Results for {what}: {} ({} seconds)\n",
            self.look.bold(name),
            report::seconds(seconds)
        )
    }

    fn good(&self, name: &str, seconds: f64, reply: &Understood) -> Vec<u8> {
        let mut out = self.banner(name, seconds);
        if self.options.headers {
            for (name, value) in &reply.headers {
                let _ = writeln!(out, "{name}: {value}");
            }
            out.push('\n');
        }
        let mut value = reply.value.clone();
        if let Some(object) = value.as_object_mut() {
            if self.command.takes_input {
                object.insert("filename".to_owned(), json!(name));
            }
            object.insert("scan_time".to_owned(), json!(seconds));
        }
        out.push_str(&self.report(&reply.value, &value));
        let mut out = out.into_bytes();
        if let Some(body) = reply.rewritten.as_ref().filter(|body| !self.kept(body)) {
            out.extend_from_slice(&[b"\nNew body:\n", body.as_slice(), b"\n"].concat());
        }
        out.push(b'\n');
        out
    }

    /// What an answer says; in a notation, `whole` with what only we know.
    fn report(&self, reply: &Value, whole: &Value) -> String {
        match (self.notation(), self.command.shown) {
            (Some(form), _) => notation::write(whole, form),
            (None, Shown::Scan) if self.options.human => report::human(reply, &self.look),
            (None, Shown::Scan) => report::scan(reply, &self.look),
            (None, Shown::Stat) => report::stat(reply, &self.look),
            (None, Shown::Uptime) => report::uptime(reply),
            (None, Shown::Counters) => report::counters(reply, &self.look),
            (None, Shown::Config) => notation::write(whole, Notation::Config),
        }
    }

    fn bad(&self, name: &str, seconds: f64, text: &str, body: &[u8]) -> Vec<u8> {
        let mut out = self.banner(name, seconds).into_bytes();
        out.extend_from_slice(format!("{text}\n").as_bytes());
        if self.options.json && !body.is_empty() {
            out.extend_from_slice(body);
            out.push(b'\n');
        }
        out.push(b'\n');
        out
    }

    fn notation(&self) -> Option<Notation> {
        let asked = [
            (self.options.compact, Notation::Compact),
            (self.options.json, Notation::Json),
            (self.options.ucl, Notation::Config),
        ];
        asked.into_iter().find_map(|(set, form)| set.then_some(form))
    }

    fn mime(&self, message: &[u8], seconds: f64, understood: &Result<Understood, (String, Vec<u8>)>) -> Option<Vec<u8>> {
        let marked = match understood {
            Ok(reply) => {
                let message = reply.rewritten.as_deref().filter(|body| !self.kept(body)).unwrap_or(message);
                let packed = self.notation().map(|form| notation::write(&reply.value, form));
                mark(message, seconds, &mime::Result::Said(&reply.value, packed))
            }
            Err((text, _)) => mark(message, seconds, &mime::Result::Failed(text)),
        };
        if marked.is_none() {
            eprint!("cannot find end of headers position");
        }
        marked
    }

    /// The command's exit code with the result on its standard input.
    fn exec(&self, line: &str, understood: &Result<Understood, (String, Vec<u8>)>, message: Option<&Vec<u8>>, seconds: f64) -> i32 {
        let text = match (message, understood) {
            (Some(message), _) => self.mime(message, seconds, understood),
            (None, Ok(reply)) => Some(self.report(&reply.value, &reply.value).into_bytes()),
            (None, Err((text, _))) => {
                eprint!("Cannot execute {line}: {text}");
                return 1;
            }
        };
        let Some(text) = text else { return 0 };
        exec::run(line, &text).unwrap_or_else(|problem| {
            eprint!("Cannot execute {line}: {problem}");
            1
        })
    }

    /// True where `--output-body` has taken the rewritten message.
    fn kept(&self, body: &[u8]) -> bool {
        let Some(file) = &self.options.output_body else { return false };
        let written = std::fs::write(Path::new(file), body);
        if let Err(error) = &written {
            eprintln!("cannot write {file}: {}", super::strerror(error));
        }
        written.is_ok()
    }
}

fn understand(mut reply: Reply) -> Result<Understood, (String, Vec<u8>)> {
    let offset = reply.header("Message-Offset").and_then(|n| n.parse::<usize>().ok());
    let rewritten = offset.filter(|n| *n < reply.body.len()).map(|n| reply.body.split_off(n));
    // Names and options of a mail are not always UTF-8.
    let text = String::from_utf8_lossy(&reply.body);
    match serde_json::from_str::<Value>(&text) {
        Ok(value) if value.is_object() || value.is_array() => Ok(Understood {
            value,
            headers: reply.headers,
            rewritten,
        }),
        Ok(_) => Err(("Cannot parse UCL: neither an object nor a list".to_owned(), reply.body)),
        Err(error) => Err((format!("Cannot parse UCL: {error}"), reply.body)),
    }
}

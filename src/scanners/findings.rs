//! What is made of a scanner's answers: symbols, the action at once, the policy for failures. Pure but for the log.

use super::clamav::Failed;
use super::desk::Outcome;
use super::options::{OnFailure, Options};
use super::parts::Piece;
use crate::engine::{Action, Hits, PreResult, Scan};
use regex::Regex;

/// The text of the SMTP reply where a scanner must be waited for.
const LATER: &str = "Virus scanner not available, try again later";

/// What a find is called.
enum Kind {
    Virus,
    Encrypted,
    Macros,
    /// The scanner gave up on the content.
    Limits,
}

fn kind(name: &str) -> Kind {
    if name.starts_with("Heuristics.Encrypted.") {
        Kind::Encrypted
    } else if name.starts_with("Heuristics.OLE2.ContainsMacros") {
        Kind::Macros
    } else if name.starts_with("Heuristics.Limits.Exceeded") {
        Kind::Limits
    } else {
        Kind::Virus
    }
}

/// The findings on one message, piece by piece.
pub(super) struct Findings<'f> {
    options: &'f Options,
    hits: Hits,
    /// Names behind the action at once.
    named: Vec<String>,
    /// Failures, each once.
    failures: Vec<String>,
}

impl<'f> Findings<'f> {
    pub(super) fn new(options: &'f Options) -> Findings<'f> {
        Findings {
            options,
            hits: Hits::default(),
            named: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// One more piece and what was said of it.
    pub(super) fn take(&mut self, piece: &Piece<'_>, outcome: &Outcome, server: impl Fn() -> String) {
        match outcome {
            Ok(names) => names.iter().for_each(|name| self.find(name, piece, &server)),
            Err(failed) => self.fail(failed),
        }
    }

    fn find(&mut self, name: &str, piece: &Piece<'_>, server: impl Fn() -> String) {
        let options = self.options;
        if options.whitelist.as_ref().is_some_and(|list| list.content().contains(name)) {
            tracing::info!(target: "torwart::antivirus", scanner = options.name, "passed over {name}: it is on the whitelist");
            return;
        }
        let symbols = &options.symbols;
        let (symbol, text) = match kind(name) {
            Kind::Virus => (&symbols.found, name.to_owned()),
            Kind::Encrypted => (&symbols.encrypted, format!("File is encrypted: {name}")),
            Kind::Macros => (&symbols.macros, name.to_owned()),
            Kind::Limits => {
                return self.fail(&Failed {
                    server: server(),
                    reason: format!("Limits Exceeded: {name}"),
                });
            }
        };
        let symbol = matching(&options.patterns, &text).unwrap_or(symbol);
        let shown = match piece.file.filter(|_| options.show_attachments) {
            Some(file) => format!("{text}|{file}"),
            None => text,
        };
        self.hits.named(symbol, 1.0, vec![shown]);
        if !self.named.iter().any(|n| n == name) {
            self.named.push(name.to_owned());
        }
    }

    fn fail(&mut self, failed: &Failed) {
        let text = failed.to_string();
        if !self.failures.contains(&text) {
            self.failures.push(text);
        }
    }

    /// What the engine is told.
    pub(super) fn finish(mut self, scan: &Scan<'_>) -> Hits {
        let options = self.options;
        self.log(scan);
        if options.on_failure != OnFailure::Accept {
            for failure in &self.failures {
                let symbol = matching(&options.patterns_fail, failure).unwrap_or(&options.symbols.failed);
                self.hits.named(symbol, 0.0, vec![failure.clone()]);
            }
        }
        if let Some(action) = options.action.filter(|_| !self.named.is_empty()) {
            let mut decision = PreResult::new(action, options.name.clone());
            decision.message = Some(message(&options.message, &options.name, &self.named));
            decision.least = action != Action::Reject;
            self.hits.pre_result(decision);
        } else if options.on_failure == OnFailure::Tempfail && !self.failures.is_empty() {
            let mut decision = PreResult::new(Action::SoftReject, options.name.clone());
            decision.message = Some(LATER.to_owned());
            decision.least = true;
            self.hits.pre_result(decision);
        }
        self.hits
    }

    fn log(&self, scan: &Scan<'_>) {
        let name = &self.options.name;
        let id = scan.mail.message_id().unwrap_or("undef");
        let qid = scan.envelope.queue_id.as_deref().unwrap_or("undef");
        if !self.named.is_empty() {
            let names = self.named.join("; ");
            tracing::info!(target: "torwart::antivirus", "{name} found {names} in id: <{id}>, qid: <{qid}>");
        }
        for failure in &self.failures {
            // The outage itself is said once, where it is seen.
            tracing::debug!(target: "torwart::antivirus", "{name} did not judge id: <{id}>, qid: <{qid}>: {failure}");
        }
        if self.options.log_clean && self.named.is_empty() && self.failures.is_empty() {
            tracing::info!(target: "torwart::antivirus", "{name} found nothing in id: <{id}>, qid: <{qid}>");
        }
    }
}

/// The symbol of the first pattern that fits.
fn matching<'p>(patterns: &'p [(String, Regex)], text: &str) -> Option<&'p String> {
    patterns
        .iter()
        .find(|(_, pattern)| pattern.is_match(text))
        .map(|(symbol, _)| symbol)
}

/// The text of the SMTP reply: `${SCANNER}` and `${VIRUS}`, with or without braces.
fn message(template: &str, scanner: &str, names: &[String]) -> String {
    let names = names.join("; ");
    let mut out = String::with_capacity(template.len() + names.len());
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        let (before, behind) = rest.split_at(at);
        out.push_str(before);
        let known = [
            ("${SCANNER}", scanner),
            ("$SCANNER", scanner),
            ("${VIRUS}", &names),
            ("$VIRUS", &names),
        ];
        let found = known.iter().find_map(|(word, value)| Some((*value, behind.strip_prefix(word)?)));
        let (text, left) = found.unwrap_or_else(|| ("$", behind.get(1..).unwrap_or_default()));
        out.push_str(text);
        rest = left;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_filled_in_once() {
        let names = ["A.$SCANNER".to_owned(), "B".to_owned()];
        assert_eq!(message("${SCANNER}: \"${VIRUS}\"", "clam", &names), "clam: \"A.$SCANNER; B\"");
        assert_eq!(message("$VIRUS $5 ${X} $", "clam", &names), "A.$SCANNER; B $5 ${X} $");
    }
}

//! The one line per message, in the words and order of rspamd's, so that its readers keep working.
//!
//! Whatever comes from outside is stripped of control and direction characters: nobody can write a line of his own.

use super::Scanned;
use crate::base::decimal::fixed;
use crate::engine::{SymbolResult, Verdict};
use std::borrow::Cow;
use std::fmt::{self, Write};

/// Options and envelope recipients shown; further ones become `...`.
const SHOWN: usize = 8;
/// Recipients of the headers shown.
const SHOWN_MIME: usize = 6;
/// Characters of one foreign text; the rest becomes `...`.
const LONGEST: usize = 512;

/// Logs a finished scan under the target `task`: the line for people, fields for machines. Both are written out only where
/// somebody reads them.
pub fn write(scanned: &Scanned<'_>) {
    if !tracing::enabled!(target: "task", tracing::Level::INFO) {
        return;
    }
    let (verdict, envelope) = (scanned.verdict, scanned.envelope);
    tracing::info!(
        target: "task",
        id = %clean(message_id(verdict)),
        qid = envelope.queue_id.as_deref().map(clean).map(display),
        ip = envelope.ip.or(verdict.client).map(display),
        user = envelope.user.as_deref().map(clean).map(display),
        from = envelope.sender.as_ref().map(|s| display(clean(&s.address))),
        rcpts = envelope.recipient_count,
        action = verdict.action.name(),
        score = verdict.score,
        required = verdict.required,
        symbols = %fmt::from_fn(|out| symbols(out, &verdict.symbols)),
        len = scanned.size,
        time = verdict.elapsed.as_secs_f64(),
        digest = verdict.digest,
        "{}",
        fmt::from_fn(|out| line(out, scanned))
    );
}

/// The line itself.
pub fn line(out: &mut impl Write, scanned: &Scanned<'_>) -> fmt::Result {
    let (verdict, envelope) = (scanned.verdict, scanned.envelope);
    write!(out, "id: <{}>,", clean(message_id(verdict)))?;
    if let Some(id) = envelope.queue_id.as_deref().filter(|q| !q.is_empty()) {
        write!(out, " qid: <{}>,", clean(id))?;
    }
    if let Some(ip) = envelope.ip.or(verdict.client) {
        write!(out, " ip: {ip},")?;
    }
    if let Some(user) = envelope.user.as_deref().filter(|u| !u.is_empty()) {
        write!(out, " user: {},", clean(user))?;
    }
    if let Some(sender) = &envelope.sender {
        write!(out, " from: <{}>,", clean(&sender.address))?;
    }
    let (score, required) = (verdict.score + 0.0, verdict.required);
    let (letter, action) = (letter(verdict), verdict.action);
    write!(out, " (default: {letter} ({action}): [")?;
    fixed(out, score, 2)?;
    out.write_char('/')?;
    fixed(out, required, 2)?;
    out.write_str("] [")?;
    symbols(out, &verdict.symbols)?;
    let milliseconds = verdict.elapsed.as_secs_f64() * 1e3;
    let digest = Some(verdict.digest.as_str()).filter(|d| !d.is_empty()).unwrap_or("undef");
    let size = scanned.size;
    write!(out, "]), len: {size}, time: {milliseconds:.3}ms, dns req: 0, digest: <{digest}>")?;
    let recipients = envelope.recipients.iter().map(|p| p.address.as_str());
    list(out, "rcpts", recipients, SHOWN, envelope.recipient_count)?;
    let mime = &verdict.mime_recipients;
    list(
        out,
        "mime_rcpts",
        mime.iter().map(String::as_str),
        SHOWN_MIME,
        mime.len().max(verdict.mime_recipient_count),
    )?;
    if let Some(file) = scanned.file.filter(|f| !f.is_empty()) {
        write!(out, ", file: {}", clean(file))?;
    }
    if let Some(forced) = &verdict.passthrough {
        let text = clean(forced.message.as_deref().unwrap_or_default());
        let (action, by) = (forced.action, clean(&forced.module));
        write!(out, ", forced: {action} \"{text}\"; score={:.2} (set by {by})", verdict.score)?;
    }
    if let Some(reason) = &verdict.unscanned {
        write!(out, ", not scanned: {}", clean(reason))?;
    }
    if verdict.timed_out {
        out.write_str(", timed out")?;
    }
    Ok(())
}

fn list<'i>(out: &mut impl Write, name: &str, items: impl Iterator<Item = &'i str>, most: usize, total: usize) -> fmt::Result {
    let mut shown = 0;
    for item in items.take(most) {
        match shown {
            0 => write!(out, ", {name}: <{}", clean(item))?,
            _ => write!(out, ",{}", clean(item))?,
        }
        shown += 1;
    }
    match shown {
        0 => Ok(()),
        _ if total > shown => out.write_str(",...>"),
        _ => out.write_str(">"),
    }
}

fn message_id(verdict: &Verdict) -> &str {
    verdict.message_id.as_deref().unwrap_or("undef")
}

fn letter(verdict: &Verdict) -> char {
    match verdict.skipped {
        true => 'S',
        false if verdict.action.is_ham() => 'F',
        false => 'T',
    }
}

/// `NAME(1.00){option;},...`, the weightiest first, equals by name.
fn symbols(out: &mut impl Write, all: &[SymbolResult]) -> fmt::Result {
    let mut sorted: Vec<&SymbolResult> = all.iter().collect();
    sorted.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()).then_with(|| a.name.cmp(&b.name)));
    for (number, symbol) in sorted.into_iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        write!(out, "{comma}{}(", clean(&symbol.name))?;
        fixed(out, symbol.score + 0.0, 2)?;
        out.write_str("){")?;
        for option in symbol.options.iter().take(SHOWN) {
            write!(out, "{};", clean(option))?;
        }
        let more = symbol.options.len() > SHOWN;
        out.write_str(if more { "...;}" } else { "}" })?;
    }
    Ok(())
}

/// Foreign text without characters that end a line, move the cursor or turn the direction of writing.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST && text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            out.push_str("...");
            break;
        }
        out.push(if is_hostile(c) { '?' } else { c });
    }
    Cow::Owned(out)
}

fn is_hostile(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    c.is_control() || turns
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::engine::{Action, Passthrough};
    use crate::message::{Envelope, SmtpPath};
    use proptest::prelude::*;
    use std::time::Duration;

    pub(crate) fn verdict(action: Action) -> Verdict {
        Verdict {
            action,
            score: 7.9,
            required: 15.0,
            message_id: None,
            digest: "f84b35153e10ef7f248803c42447159c".to_owned(),
            elapsed: Duration::from_micros(457),
            ..Verdict::default()
        }
    }

    fn line(scanned: &Scanned<'_>) -> String {
        let mut out = String::new();
        super::line(&mut out, scanned).unwrap();
        out
    }

    fn symbol(name: &str, score: f64, options: &[&str]) -> SymbolResult {
        SymbolResult {
            name: name.to_owned(),
            score,
            metric_score: score,
            description: None,
            options: options.iter().map(|o| (*o).to_owned()).collect(),
        }
    }

    #[test]
    fn the_line_reads_as_the_peers_does() {
        let mut verdict = verdict(Action::AddHeader);
        verdict.message_id = Some("x@y".to_owned());
        verdict.symbols = vec![
            symbol("ARC_NA", 0.0, &[]),
            symbol("MIME_GOOD", -0.1, &["text/plain"]),
            symbol("MISSING_MID", 2.5, &[]),
            symbol("A_LIST", 0.0, &["1", "2", "3", "4", "5", "6", "7", "8", "9"]),
        ];
        let mut envelope = Envelope {
            ip: Some("10.0.0.1".parse().unwrap()),
            sender: Some(SmtpPath::new("<s@t.example>")),
            user: Some("fritz".to_owned()),
            queue_id: Some("ABCD".to_owned()),
            ..Envelope::default()
        };
        envelope.add_recipient("<r1@x.example>", 1);
        envelope.add_recipient("<r2@x.example>", 1);
        verdict.mime_recipients = vec!["to@x.example".to_owned()];
        let scanned = Scanned {
            file: Some("m1.eml"),
            ..Scanned::new(&envelope, &verdict, 142)
        };
        assert_eq!(
            line(&scanned),
            "id: <x@y>, qid: <ABCD>, ip: 10.0.0.1, user: fritz, from: <s@t.example>, (default: T (add header): [7.90/15.00] \
             [MISSING_MID(2.50){},MIME_GOOD(-0.10){text/plain;},ARC_NA(0.00){},A_LIST(0.00){1;2;3;4;5;6;7;8;...;}]), len: 142, \
             time: 0.457ms, dns req: 0, digest: <f84b35153e10ef7f248803c42447159c>, rcpts: <r1@x.example,...>, \
             mime_rcpts: <to@x.example>, file: m1.eml"
        );
    }

    #[test]
    fn a_forced_verdict_says_by_whom() {
        let mut verdict = verdict(Action::Reject);
        verdict.skipped = true;
        verdict.score = 15.0;
        verdict.symbols = vec![symbol("GTUBE", 0.0, &[])];
        verdict.passthrough = Some(Passthrough {
            module: "GTUBE".to_owned(),
            action: Action::Reject,
            message: Some("Gtube pattern".to_owned()),
            least: false,
        });
        let envelope = Envelope::default();
        assert_eq!(
            line(&Scanned::new(&envelope, &verdict, 88)),
            "id: <undef>, (default: S (reject): [15.00/15.00] [GTUBE(0.00){}]), len: 88, time: 0.457ms, dns req: 0, \
             digest: <f84b35153e10ef7f248803c42447159c>, forced: reject \"Gtube pattern\"; score=15.00 (set by GTUBE)"
        );
    }

    proptest! {
        #[test]
        fn nobody_writes_a_line_of_his_own(text in any::<String>()) {
            let mut verdict = verdict(Action::NoAction);
            verdict.message_id = Some(text.clone());
            verdict.symbols = vec![symbol(&text, 1.0, &[&text])];
            verdict.unscanned = Some(text.clone());
            let mut envelope = Envelope { queue_id: Some(text.clone()), user: Some(text.clone()), ..Envelope::default() };
            envelope.sender = Some(SmtpPath::new(&text));
            envelope.add_recipient(&text, 9);
            verdict.mime_recipients = vec![text.clone()];
            let scanned = Scanned { file: Some(&text), ..Scanned::new(&envelope, &verdict, 1) };
            prop_assert!(!line(&scanned).chars().any(is_hostile));
        }
    }

    #[test]
    fn foreign_text_is_cut() {
        assert_eq!(clean(&"x".repeat(100_000)).len(), LONGEST + 3);
        assert_eq!(clean("a\r\nb\u{1b}[31m\u{202e}"), "a??b?[31m?");
    }
}

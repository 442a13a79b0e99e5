//! Milter in, milter out: a transaction becomes a scan, its verdict an answer to the MTA. Speaks no protocol itself.

use std::borrow::Cow;

use crate::config::schema::{MilterListener, OnFailure, OnOversize, RejectAs};
use crate::engine::{Action, Edits, Verdict};
use crate::milter::{Answer, Edit, Reply, Transaction};

/// Temporary failures of ours carry this status.
const LATER: &str = "4.7.1";
/// Stands in a message that was delivered without being read.
const STATUS_HEADER: &str = "X-Spam-Status";

/// The reply where no verdict can be had: the scan failed, or never ended.
pub fn failure(policy: &MilterListener) -> Reply {
    match policy.on_failure {
        OnFailure::Accept => Reply::Accept,
        OnFailure::Tempfail => Reply::TempFail,
    }
}

/// The answer to a message larger than `scan.max_message`, which no rule has seen.
pub fn oversize(policy: &MilterListener, transaction: &Transaction, trusted: bool) -> Answer {
    match policy.on_oversize {
        OnOversize::Tempfail => code(451, LATER, "Message too large to scan, try again later").into(),
        OnOversize::Reject => code(552, "5.3.4", "Message too large to scan").into(),
        OnOversize::Accept => {
            let mut edits = forged(policy, transaction, trusted);
            edits.push(Edit::AddHeader {
                name: STATUS_HEADER.to_owned(),
                value: "No, not scanned (size)".to_owned(),
            });
            Answer {
                edits,
                reply: Reply::Accept,
            }
        }
    }
}

/// The answer that a verdict deserves (`milter` 8). `trusted`: the client is local or authenticated, so that the verdict
/// headers it brings are believed.
pub fn answer(policy: &MilterListener, transaction: &Transaction, verdict: &Verdict, trusted: bool) -> Answer {
    let mut edits = forged(policy, transaction, trusted);
    requested(&verdict.milter, &mut edits);
    if verdict.milter.no_action {
        edits.push(Edit::AddHeader {
            name: "X-Rspamd-Action".to_owned(),
            value: verdict.action.name().to_owned(),
        });
        return Answer {
            edits,
            reply: Reply::Accept,
        };
    }
    let reply = match verdict.action {
        Action::NoAction | Action::Greylist => Reply::Accept,
        Action::AddHeader => {
            mark(policy, &verdict.milter, &mut edits);
            Reply::Accept
        }
        Action::RewriteSubject => {
            if let Some(subject) = &verdict.subject {
                edits.push(Edit::ChangeHeader {
                    index: 1,
                    name: "Subject".to_owned(),
                    value: subject.clone(),
                });
            }
            Reply::Accept
        }
        Action::SoftReject => code(451, LATER, text(verdict).unwrap_or(&policy.tempfail_text)),
        Action::Quarantine => {
            edits.push(Edit::Quarantine(text(verdict).unwrap_or(&policy.quarantine_text).to_owned()));
            Reply::Accept
        }
        Action::Discard => Reply::Discard,
        Action::Reject => rejected(policy, verdict, &mut edits),
    };
    Answer { edits, reply }
}

/// How a reject is carried out: the rules' wish for this one message counts before the configuration.
fn rejected(policy: &MilterListener, verdict: &Verdict, edits: &mut Vec<Edit>) -> Reply {
    let how = match verdict.milter.reject.as_deref() {
        Some("discard") => RejectAs::Discard,
        Some("quarantine") => RejectAs::Quarantine,
        Some(_) => RejectAs::Reject,
        None => policy.reject_as,
    };
    match how {
        RejectAs::Discard => Reply::Discard,
        RejectAs::Quarantine => {
            edits.push(Edit::Quarantine(text(verdict).unwrap_or(&policy.quarantine_text).to_owned()));
            Reply::Accept
        }
        RejectAs::Reject => Reply::Reject {
            text: text(verdict).unwrap_or(&policy.reject_text).to_owned(),
        },
    }
}

/// Takes out verdict headers that came with the message, so that only ours are believed further on.
fn forged(policy: &MilterListener, transaction: &Transaction, trusted: bool) -> Vec<Edit> {
    if trusted {
        return Vec::new();
    }
    let came: Vec<&[u8]> = transaction.headers().collect();
    let forged = |name: &&String| came.iter().any(|n| n.eq_ignore_ascii_case(name.as_bytes()));
    let names = policy.remove_headers.iter().filter(forged);
    names
        .map(|name| Edit::RemoveHeader {
            name: name.clone(),
            which: 0,
        })
        .collect()
}

/// The changes that rules asked for.
fn requested(wanted: &Edits, edits: &mut Vec<Edit>) {
    for (name, which) in &wanted.remove_headers {
        edits.push(Edit::RemoveHeader {
            name: name.clone(),
            which: *which,
        });
    }
    for (name, value, order) in &wanted.add_headers {
        let (name, value) = (name.clone(), value.clone());
        edits.push(match order {
            -1 => Edit::AddHeader { name, value },
            index => Edit::InsertHeader {
                index: *index,
                name,
                value,
            },
        });
    }
    edits.extend(wanted.change_from.clone().map(Edit::ChangeFrom));
    edits.extend(wanted.add_rcpt.iter().cloned().map(Edit::AddRcpt));
    edits.extend(wanted.del_rcpt.iter().cloned().map(Edit::DelRcpt));
}

/// The spam header: exactly one, whatever the message brought along.
fn mark(policy: &MilterListener, wanted: &Edits, edits: &mut Vec<Edit>) {
    let name = &policy.spam_header;
    if name.is_empty() {
        return;
    }
    let value = wanted.spam_header.clone().unwrap_or_else(|| "Yes".to_owned());
    edits.push(Edit::SetHeader { name: name.clone(), value });
}

/// The verdict's own text for the SMTP client.
fn text(verdict: &Verdict) -> Option<&str> {
    verdict
        .messages
        .iter()
        .find(|(category, _)| category == "smtp_message")
        .map(|(_, text)| text.as_str())
}

fn code(code: u16, enhanced: &'static str, text: &str) -> Reply {
    Reply::Code {
        code,
        enhanced: Cow::Borrowed(enhanced),
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Envelope;

    fn transaction(head: &str) -> Transaction {
        Transaction {
            envelope: Envelope::default(),
            raw: format!("{head}\r\n").into_bytes().into(),
            header_length: head.len() + 2,
            header_count: 0,
            size: 0,
            oversize: false,
            repeated_headers: false,
        }
    }

    fn verdict(action: Action, message: Option<&str>) -> Verdict {
        let messages = message.map(|text| ("smtp_message".to_owned(), text.to_owned()));
        Verdict {
            action,
            messages: messages.into_iter().collect(),
            ..Verdict::default()
        }
    }

    fn remove(name: &str) -> Edit {
        Edit::RemoveHeader {
            name: name.to_owned(),
            which: 0,
        }
    }

    #[test]
    fn verdicts_become_the_recorded_replies() {
        let (policy, mail) = (MilterListener::default(), transaction("Subject: x\r\n"));
        let reply = |action, text| answer(&policy, &mail, &verdict(action, text), false);
        assert_eq!(reply(Action::NoAction, None), Reply::Accept.into());
        assert_eq!(reply(Action::Greylist, None), Reply::Accept.into());
        assert_eq!(reply(Action::Discard, None), Reply::Discard.into());
        assert_eq!(
            reply(Action::Reject, Some("Gtube pattern")),
            Reply::Reject {
                text: "Gtube pattern".to_owned()
            }
            .into()
        );
        assert_eq!(
            reply(Action::Reject, None),
            Reply::Reject {
                text: "Spam message rejected".to_owned()
            }
            .into()
        );
        assert_eq!(reply(Action::SoftReject, None), code(451, "4.7.1", "Try again later").into());
        let held = reply(Action::Quarantine, None);
        assert_eq!(
            (held.edits, held.reply),
            (vec![Edit::Quarantine("Spam message quarantined".to_owned())], Reply::Accept)
        );
    }

    #[test]
    fn the_spam_header_stands_once_even_where_the_client_is_trusted() {
        let (policy, mail) = (MilterListener::default(), transaction("X-Spam: No\r\nx-spam-status: No\r\n"));
        let yes = Edit::SetHeader {
            name: "X-Spam".to_owned(),
            value: "Yes".to_owned(),
        };
        let stranger = answer(&policy, &mail, &verdict(Action::AddHeader, None), false);
        assert_eq!(stranger.edits, [remove("X-Spam"), remove("X-Spam-Status"), yes.clone()]);
        let friend = answer(&policy, &mail, &verdict(Action::AddHeader, None), true);
        assert_eq!(friend.edits, [yes]);
        assert_eq!(answer(&policy, &mail, &verdict(Action::NoAction, None), true).edits, []);
    }

    #[test]
    fn a_reject_is_carried_out_as_configured_unless_a_rule_says_otherwise() {
        let mail = transaction("Subject: x\r\n");
        let policy = MilterListener {
            reject_as: RejectAs::Discard,
            ..MilterListener::default()
        };
        let mut spam = verdict(Action::Reject, None);
        assert_eq!(answer(&policy, &mail, &spam, false).reply, Reply::Discard);
        spam.milter.reject = Some("quarantine".to_owned());
        assert_eq!(
            answer(&policy, &mail, &spam, false).edits,
            [Edit::Quarantine("Spam message quarantined".to_owned())]
        );
        spam.milter.reject = Some("reject".to_owned());
        assert!(matches!(answer(&policy, &mail, &spam, false).reply, Reply::Reject { .. }));
    }

    #[test]
    fn a_message_too_large_follows_its_policy() {
        let mail = transaction("X-Spam-Status: No\r\n");
        let with = |on_oversize| {
            oversize(
                &MilterListener {
                    on_oversize,
                    ..MilterListener::default()
                },
                &mail,
                false,
            )
        };
        let told = Edit::AddHeader {
            name: "X-Spam-Status".to_owned(),
            value: "No, not scanned (size)".to_owned(),
        };
        assert_eq!(with(OnOversize::Accept).edits, [remove("X-Spam-Status"), told]);
        assert!(matches!(with(OnOversize::Tempfail).reply, Reply::Code { code: 451, .. }));
        assert!(matches!(with(OnOversize::Reject).reply, Reply::Code { code: 552, .. }));
    }
}

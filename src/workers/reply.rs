//! A verdict in the shapes that clients read: `/checkv2`, the older object around `default`, and the text of RSPAMC and SPAMC.

use super::json::Json;
use crate::engine::{Action, Compat, Edits, SymbolResult, Verdict};
use crate::filter::Flags;
use crate::message::Url;
use std::fmt::Write;

/// Which answer a command gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `/checkv2`: a flat object.
    Flat,
    /// `/skip`: flat, without the configured scores.
    Skip,
    /// `/check` and its older siblings: scalars and symbols inside `default`.
    Nested,
}

/// The reply object of a scan.
pub fn json(verdict: &Verdict, shape: Shape, flags: &Flags, compat: Compat) -> String {
    let mut json = Json::new();
    json.open();
    if let (Compat::V41, Some(decided)) = (compat, &verdict.passthrough) {
        json.key("passthrough_module").text(&decided.module);
    }
    if shape == Shape::Nested {
        json.key("default").open();
        json.key("is_spam").truth(!verdict.action.is_ham());
    }
    scalars(&mut json, verdict);
    if compat == Compat::V41 && shape != Shape::Nested {
        json.key("thresholds").open();
        for (action, limit) in &verdict.thresholds {
            json.key(action.name()).number(*limit);
        }
        json.close();
    }
    if shape != Shape::Nested {
        json.key("symbols").open();
    }
    for found in &verdict.symbols {
        symbol(json.key(&found.name), found, shape == Shape::Flat);
    }
    json.close();
    tail(&mut json, verdict, flags);
    if !verdict.milter.is_empty() {
        json.key(if shape == Shape::Nested { "rmilter" } else { "milter" });
        edits(&mut json, &verdict.milter);
    }
    json.close();
    json.finish()
}

fn scalars(json: &mut Json, verdict: &Verdict) {
    let score = if verdict.score.is_nan() { 0.0 } else { verdict.score };
    json.key("is_skipped").truth(verdict.skipped);
    json.key("score").number(score);
    // Without any threshold the peer requires nothing that JSON could name.
    let nothing = verdict.required == 0.0 && verdict.thresholds.is_empty();
    json.key("required_score").number(if nothing { f64::NAN } else { verdict.required });
    json.key("action").text(verdict.action.name());
    if let (Action::RewriteSubject, Some(subject)) = (verdict.action, &verdict.subject) {
        json.key("subject").text(subject);
    }
    if matches!(verdict.action, Action::Discard | Action::Quarantine) {
        json.key("reject").text(verdict.action.name());
    }
}

fn symbol(json: &mut Json, found: &SymbolResult, with_metric: bool) {
    json.open();
    json.key("name").text(&found.name);
    json.key("score").number(found.score);
    if with_metric {
        json.key("metric_score").number(found.metric_score);
    }
    if let Some(description) = &found.description {
        json.key("description").text(description);
    }
    if !found.options.is_empty() {
        json.key("options").texts(&found.options);
    }
    json.close();
}

/// What follows the symbols, in every shape.
fn tail(json: &mut Json, verdict: &Verdict, flags: &Flags) {
    if flags.groups {
        json.key("groups").open();
        for group in &verdict.groups {
            json.key(&group.name).open().key("score").number(group.score);
            if let Some(description) = &group.description {
                json.key("description").text(description);
            }
            json.close();
        }
        json.close();
    }
    json.key("messages").open();
    for (category, text) in &verdict.messages {
        json.key(category).text(text);
    }
    json.close();
    if !(verdict.urls.is_empty() && verdict.emails.is_empty()) {
        match &verdict.extended_urls {
            Some(urls) => urls_at_length(json.key("urls"), urls),
            None => {
                json.key("urls").texts(&verdict.urls);
            }
        }
        json.key("emails").texts(&verdict.emails);
    }
    if flags.profile {
        json.key("profile").open();
        for (rule, time) in verdict.profile.iter().flatten() {
            json.key(rule).number(*time);
        }
        json.close();
    }
    if let Some(id) = &verdict.message_id {
        json.key("message-id").text(id);
    }
    json.key("time_real").number(verdict.elapsed.as_secs_f64());
}

/// The values of one name, in order; names in the order of their first value.
fn grouped<T>(items: &[T], name: impl Fn(&T) -> &str) -> Vec<(&str, Vec<&T>)> {
    let mut groups: Vec<(&str, Vec<&T>)> = Vec::new();
    for item in items {
        match groups.iter_mut().find(|(n, _)| *n == name(item)) {
            Some((_, group)) => group.push(item),
            None => groups.push((name(item), vec![item])),
        }
    }
    groups
}

/// A value alone, or a list of several.
fn one_or_many<T>(json: &mut Json, values: &[T], write: impl Fn(&mut Json, &T)) {
    match values {
        [one] => write(json, one),
        many => {
            json.open_list();
            many.iter().for_each(|value| write(json, value));
            json.close_list();
        }
    }
}

/// URLs as objects (`http-api` 1.5).
fn urls_at_length(json: &mut Json, urls: &[Url]) {
    json.open_list();
    for url in urls.iter().filter(|u| !u.host().is_empty()) {
        url_object(json, url);
    }
    json.close_list();
}

fn url_object(json: &mut Json, url: &Url) {
    json.open();
    json.key("url").text(&url.encoded());
    if !url.tld().is_empty() {
        json.key("tld").text(url.tld());
    }
    json.key("host").text(url.host());
    let flags: Vec<String> = url.flags.names().map(str::to_owned).collect();
    json.key("flags").texts(&flags);
    if let Some(shown) = &url.shown {
        json.key("linked_url");
        url_object(json, shown);
    }
    json.close();
}

fn edits(json: &mut Json, edits: &Edits) {
    json.open();
    if !edits.add_headers.is_empty() {
        json.key("add_headers").open();
        for (name, values) in grouped(&edits.add_headers, |h| &h.0) {
            json.key(name);
            one_or_many(json, &values, |json, (_, value, order)| {
                json.open().key("value").text(value).key("order").whole(i64::from(*order)).close();
            });
        }
        json.close();
    }
    if !edits.remove_headers.is_empty() {
        json.key("remove_headers").open();
        for (name, values) in grouped(&edits.remove_headers, |h| &h.0) {
            json.key(name);
            one_or_many(json, &values, |json, (_, which)| {
                json.whole(i64::from(*which));
            });
        }
        json.close();
    }
    if let Some(sender) = &edits.change_from {
        json.key("change_from").text(sender);
    }
    for (key, list) in [("add_rcpt", &edits.add_rcpt), ("del_rcpt", &edits.del_rcpt)] {
        if !list.is_empty() {
            json.key(key).texts(list);
        }
    }
    for (key, value) in [("reject", &edits.reject), ("spam_header", &edits.spam_header)] {
        if let Some(value) = value {
            json.key(key).text(value);
        }
    }
    if edits.no_action {
        json.key("no_action").truth(true);
    }
    json.close();
}

/// The text for `RSPAMC`. The field that looks like the judgement is always `False`, as the peer has it.
pub fn rspamc(verdict: &Verdict, compat: Compat) -> String {
    let mut out = String::from("RSPAMD/1.3 0 EX_OK\r\n");
    let _ = write!(
        out,
        "Metric: default; False; {:.2} / {:.2} / 0.0\r\nAction: {}\r\n",
        verdict.score,
        verdict.required,
        verdict.action.name()
    );
    if let (Action::RewriteSubject, Some(subject)) = (verdict.action, &verdict.subject) {
        let _ = write!(out, "Subject: {}\r\n", flat(subject));
    }
    for found in &verdict.symbols {
        let _ = write!(out, "Symbol: {}({:.2})\r\n", flat(&found.name), found.score);
    }
    if compat == Compat::V41 {
        for found in &verdict.symbols {
            let _ = write!(out, "X-Symbol: {}({:.2})", flat(&found.name), found.score);
            let about = found.description.as_deref().unwrap_or_default();
            let _ = write!(out, "; {} [{}]\r\n", flat(about), flat(&found.options.join(", ")));
        }
    }
    for (_, text) in &verdict.messages {
        let _ = write!(out, "Message: {}\r\n", flat(text));
    }
    if let Some(id) = &verdict.message_id {
        let _ = write!(out, "Message-ID: {}\r\n", flat(id));
    }
    if compat == Compat::V41 {
        milter_lines(&mut out, &verdict.milter);
    }
    out
}

fn milter_lines(out: &mut String, edits: &Edits) {
    for (name, value, order) in &edits.add_headers {
        let place = if *order < 0 { String::new() } else { format!("[{order}]") };
        let _ = write!(out, "X-Milter-Add: {}{place}: {}\r\n", flat(name), flat(value));
    }
    for (name, which) in &edits.remove_headers {
        let place = if *which == 0 { String::new() } else { format!("[{which}]") };
        let _ = write!(out, "X-Milter-Del: {}{place}\r\n", flat(name));
    }
}

/// The text for `SPAMC`.
pub fn spamc(verdict: &Verdict) -> String {
    let names: Vec<String> = verdict.symbols.iter().map(|s| flat(&s.name)).collect();
    let list = names.join(",") + "\r\n";
    format!(
        "SPAMD/1.1 0 EX_OK\r\nContent-length: {}\r\nSpam: False ; {:.2} / {:.2}\r\n\r\n{list}",
        list.len(),
        verdict.score,
        verdict.required
    )
}

/// On one line, whatever a message put in.
fn flat(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;

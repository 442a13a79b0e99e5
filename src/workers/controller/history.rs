//! `/history` and `/historyreset`. Plain, the rows are rspamd's (its version 2), chosen by their numbers; with an argument of ours they are
//! those that answer to it, whole, and the answer says where to go on.

use super::{Desk, error, success};
use crate::engine::Compat;
use crate::http::{Request, Response};
use crate::record::history::{ARGUMENTS, Wanted};
use crate::workers::json::Json;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::time::SystemTime;

/// Keys of a row that rspamd has, too; `symbols` come last.
const SHOWN: [&str; 15] = [
    "unix_time",
    "message-id",
    "ip",
    "sender_smtp",
    "sender_mime",
    "rcpt_smtp",
    "rcpt_mime",
    "user",
    "subject",
    "size",
    "score",
    "required_score",
    "time_real",
    "action",
    "is_skipped",
];

const OFF: &str = "history is switched off";

/// Sentences on symbols.
type Sentences = HashMap<String, String>;

/// `/history`.
pub async fn rows(desk: &dyn Desk, request: &Request, compat: Compat) -> Response {
    let ours = |(name, _): &(&str, &str)| ARGUMENTS.contains(name);
    let arguments = || request.query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    if arguments().any(|argument| ours(&argument)) {
        return match Wanted::read(arguments().filter(ours), SystemTime::now()) {
            Ok(wanted) => search(desk, &wanted).await,
            Err(problem) => error(400, &problem),
        };
    }
    let number = |name: &str, otherwise: i64| request.argument(name).and_then(whole).unwrap_or(otherwise);
    let rows = match desk.history().range(number("from", 0), number("to", -1)).await {
        Some(Ok(rows)) => rows,
        Some(Err(problem)) => return error(504, &problem.to_string()),
        None => return error(404, OFF),
    };
    let sentences = sentences(desk);
    let mut json = Json::new();
    json.open().key("rows").open_list();
    for row in &rows {
        let row = row.as_object();
        json.open();
        let shown = SHOWN.iter().filter_map(|key| Some((*key, row?.get(*key)?)));
        for (key, value) in shown {
            json.key(key).plain_value(value);
        }
        if compat == Compat::V41 {
            later(&mut json, row);
        }
        symbols(&mut json, row, &sentences);
        json.close();
    }
    json.close_list().key("version").whole(2).close();
    Response::json(200, json.finish())
}

/// What a row of 4.1 has besides.
fn later(json: &mut Json, row: Option<&Map<String, Value>>) {
    if let Some(thresholds) = row.and_then(|row| row.get("thresholds")) {
        json.key("thresholds").plain_value(thresholds);
    }
    let module = row.and_then(|row| row.get("passthrough")?.get("module")?.as_str());
    if let Some(module) = module {
        json.key("passthrough_module").text(module);
    }
}

async fn search(desk: &dyn Desk, wanted: &Wanted) -> Response {
    let found = match desk.history().search(wanted).await {
        Some(Ok(found)) => found,
        Some(Err(problem)) => return error(504, &problem.to_string()),
        None => return error(404, OFF),
    };
    let sentences = sentences(desk);
    let mut json = Json::new();
    json.open().key("rows").open_list();
    for (place, row) in &found.rows {
        let row = row.as_object();
        json.open().key("cursor").text(&place.to_string());
        for (key, value) in row.into_iter().flatten().filter(|(key, _)| *key != "symbols") {
            json.key(key).plain_value(value);
        }
        symbols(&mut json, row, &sentences);
        json.close();
    }
    json.close_list().key("version").whole(2);
    if let Some(next) = found.next {
        json.key("next").text(&next.to_string());
    }
    json.close();
    Response::json(200, json.finish())
}

fn sentences(desk: &dyn Desk) -> Sentences {
    let symbols = desk.groups().into_iter().flat_map(|group| group.symbols);
    symbols.filter_map(|symbol| Some((symbol.name, symbol.description?))).collect()
}

/// The symbols with the sentences that the present rules have for them.
fn symbols(json: &mut Json, row: Option<&Map<String, Value>>, sentences: &Sentences) {
    json.key("symbols").open();
    let all = row.and_then(|row| row.get("symbols")?.as_object());
    for (name, symbol) in all.into_iter().flatten() {
        json.key(name).open();
        for (key, value) in symbol.as_object().into_iter().flatten() {
            json.key(key).plain_value(value);
        }
        if let Some(sentence) = sentences.get(name) {
            json.key("description").text(sentence);
        }
        json.close();
    }
    json.close();
}

/// `/historyreset`.
pub async fn reset(desk: &dyn Desk) -> Response {
    match desk.history().reset().await {
        Some(Ok(())) => success(),
        Some(Err(problem)) => error(504, &problem.to_string()),
        None => error(404, OFF),
    }
}

/// The whole part of a number; what is none does not count.
fn whole(text: &str) -> Option<i64> {
    let end = text.find('.').unwrap_or(text.len());
    text.get(..end)?.trim().parse().ok()
}

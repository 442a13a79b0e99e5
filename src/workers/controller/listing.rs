//! Bodies of the controller's listings. Pure: values in, text out.

use crate::engine::Action;
use crate::filter::GroupListing;
use crate::workers::json::Json;
use serde_json::Value;

/// `/stat`, with the caller's rights.
pub fn stat(mut stat: Value, read_only: bool) -> String {
    if let Some(shown) = stat.get_mut("read_only") {
        *shown = Value::Bool(read_only);
    }
    let mut json = Json::new();
    json.value(&stat);
    json.finish()
}

/// `/auth`: the same counters in short.
pub fn auth(stat: &Value, read_only: bool) -> String {
    let count = |key: &str| stat.get(key).and_then(Value::as_i64).unwrap_or(0);
    let text = |key: &str| stat.get(key).and_then(Value::as_str).unwrap_or_default();
    let action = |action: Action| {
        let actions = stat.get("actions").and_then(|a| a.get(action.name()));
        actions.and_then(Value::as_i64).unwrap_or(0)
    };
    let mut json = Json::new();
    json.open();
    json.key("version").text(text("version"));
    json.key("auth").text("ok");
    json.key("uptime").whole(count("uptime"));
    json.key("clean").whole(action(Action::NoAction));
    json.key("probable")
        .whole(action(Action::AddHeader).saturating_add(action(Action::RewriteSubject)));
    json.key("greylist").whole(action(Action::Greylist));
    json.key("reject").whole(action(Action::Reject));
    json.key("soft_reject").whole(action(Action::SoftReject));
    json.key("scanned").whole(count("scanned"));
    json.key("learned").whole(count("learned"));
    json.key("read_only").truth(read_only);
    json.key("config_id").text(text("config_id"));
    json.close();
    json.finish()
}

/// `/symbols`.
pub fn symbols(groups: &[GroupListing]) -> String {
    let mut json = Json::new();
    json.open_list();
    for group in groups {
        json.open().key("group").text(&group.name).key("rules").open_list();
        for symbol in &group.symbols {
            json.open().key("symbol").text(&symbol.name).key("weight").number(symbol.weight);
            if let Some(description) = &symbol.description {
                json.key("description").text(description);
            }
            json.close();
        }
        json.close_list().close();
    }
    json.close_list();
    json.finish()
}

/// `/actions`: those with a threshold, mildest first, then the others. `discard` and `quarantine` only with one.
pub fn actions(actions: &[(Action, Option<f64>)]) -> String {
    let limit = |action: Action| actions.iter().find(|(a, _)| *a == action).and_then(|(_, limit)| *limit);
    let mut set: Vec<(Action, f64)> = Action::ALL.into_iter().filter_map(|a| Some((a, limit(a)?))).collect();
    set.sort_by(|a, b| a.1.total_cmp(&b.1));
    let unset = [
        Action::Greylist,
        Action::AddHeader,
        Action::Reject,
        Action::SoftReject,
        Action::RewriteSubject,
        Action::NoAction,
    ];
    let mut json = Json::new();
    json.open_list();
    for (action, limit) in set {
        json.open().key("action").text(action.name()).key("value").number(limit).close();
    }
    for action in unset.into_iter().filter(|a| limit(*a).is_none()) {
        json.open().key("action").text(action.name()).key("value").null().close();
    }
    json.close_list();
    json.finish()
}

/// The content type of `/metrics`: OpenMetrics, unless the client names types and that is none of them.
pub fn metrics_type(accept: Option<&str>) -> &'static str {
    match accept {
        Some(types) if !types.contains("openmetrics") && !types.contains("*/*") => "text/plain; version=0.0.4; charset=utf-8",
        _ => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    }
}

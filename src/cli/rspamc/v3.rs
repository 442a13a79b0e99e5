//! `--protocol-v3`: the two parts of a request for `/checkv3` (`http-api` 1.11). Only servers of rspamd 4 know it.

use super::options::Options;
use super::request::split;
use serde_json::{Map, Value, json};

/// What is known of the message apart from itself.
pub(super) fn metadata(options: &Options) -> Value {
    let texts = [
        ("from", &options.from),
        ("ip", &options.ip),
        ("helo", &options.helo),
        ("hostname", &options.hostname),
        ("user", &options.user),
        ("deliver_to", &options.deliver),
        ("queue_id", &options.queue_id),
        ("log_tag", &options.log_tag),
    ];
    let mut all: Map<String, Value> = texts
        .into_iter()
        .filter_map(|(key, text)| Some((key.to_owned(), json!(text.as_ref()?))))
        .collect();
    let mut add = |key: &str, value: Value| all.insert(key.to_owned(), value);
    if !options.rcpt.is_empty() {
        add("rcpt", json!(options.rcpt));
    }
    if let Some(settings) = options.settings.as_ref().and_then(|text| serde_json::from_str(text).ok()) {
        add("settings", settings);
    }
    if options.raw {
        add("raw", json!(true));
    }
    let flags = [(options.pass_all, "pass_all"), (options.profile, "profile"), (true, "body_block")];
    add("flags", flags.iter().filter(|(set, _)| *set).map(|(_, flag)| json!(flag)).collect());
    let headers: Map<String, Value> = options
        .metadata_header
        .iter()
        .map(|header| split(header))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    if !headers.is_empty() {
        add("headers", Value::Object(headers));
    }
    Value::Object(all)
}

/// The content type and the body of both parts.
pub(super) fn parts(metadata: &Value, message: &[u8], packed: bool) -> (String, Vec<u8>) {
    let mut mark = String::from("part");
    while memchr::memmem::find(message, mark.as_bytes()).is_some() {
        mark.push_str(&format!("-{}", message.len() + mark.len()));
    }
    let coding = if packed { "Content-Encoding: zstd\r\n" } else { "" };
    let head = format!(
        "--{mark}\r\nContent-Disposition: form-data; name=\"metadata\"\r\nContent-Type: application/json\r\n\r\n{metadata}\r\n\
         --{mark}\r\nContent-Disposition: form-data; name=\"message\"\r\n{coding}\r\n"
    );
    let body = [head.as_bytes(), message, format!("\r\n--{mark}--\r\n").as_bytes()].concat();
    (format!("multipart/form-data; boundary={mark}"), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_there() {
        let options = Options {
            from: Some("a@b".to_owned()),
            metadata_header: vec!["X=y".to_owned()],
            ..Options::default()
        };
        let (kind, body) = parts(&metadata(&options), b"A: part\r\n\r\n--part\r\n", true);
        let body = String::from_utf8(body).unwrap();
        let mark = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
        assert_eq!(
            body.matches(&format!("--{mark}")).count(),
            3,
            "the mark is not in the message: {body}"
        );
        assert!(
            body.contains(r#"{"from":"a@b","flags":["body_block"],"headers":{"X":"y"}}"#),
            "{body}"
        );
        assert!(body.contains("name=\"message\"\r\nContent-Encoding: zstd\r\n\r\nA: part\r\n\r\n--part\r\n\r\n--"));
    }
}

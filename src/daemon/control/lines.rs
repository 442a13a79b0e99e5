//! Our own language on the control socket: one JSON object a line in, one out. What is larger than a request may be goes in
//! several, each complete in itself.

use super::{PATIENCE, Verbs, WAIT};
use serde_json::{Value, json};
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

/// Bytes of one request, as a rule.
const LONG: u64 = 64 * 1024;
/// Bytes of one request at most: an entry of a store with what goes with it. There is one such at a time.
const LONGEST: u64 = 40 << 20;

/// Answers line by line until the client leaves, or sends no line.
pub(super) async fn converse(mut stream: BufReader<UnixStream>, verbs: &dyn Verbs, large: &Semaphore) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        if !read_line(&mut stream, &mut line, LONG).await {
            return Ok(());
        }
        // Held until the answer is out.
        let mut _place = None;
        if !line.ends_with(b"\n") && line.len() as u64 == LONG {
            let Ok(Ok(place)) = tokio::time::timeout(WAIT, large.acquire()).await else {
                return Ok(());
            };
            _place = Some(place);
            if !read_line(&mut stream, &mut line, LONGEST - LONG).await {
                return Ok(());
            }
        }
        let complete = line.ends_with(b"\n");
        let answer = if complete {
            answer(&line, verbs).await
        } else {
            refuse("the request is no complete line")
        };
        let mut text = answer.to_string();
        text.push('\n');
        tokio::time::timeout(PATIENCE, stream.write_all(text.as_bytes())).await??;
        if !complete {
            return Ok(());
        }
    }
}

/// Reads on to the end of a line, so many bytes at most; false where nothing comes, or not in time.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>, most: u64) -> bool {
    let mut bounded = reader.take(most);
    let read = tokio::time::timeout(PATIENCE, bounded.read_until(b'\n', line)).await;
    matches!(read, Ok(Ok(n)) if n > 0)
}

async fn answer(line: &[u8], verbs: &dyn Verbs) -> Value {
    let Ok(request) = serde_json::from_slice::<Value>(line) else {
        return refuse("the request is no JSON object");
    };
    let Some(verb) = request.get("verb").and_then(Value::as_str) else {
        return refuse("the request names no verb");
    };
    match verbs.carry_out(verb, &request).await {
        Ok(result) => json!({ "ok": true, "result": result }),
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &str) -> Value {
    json!({ "ok": false, "error": error })
}

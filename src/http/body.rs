//! Request bodies: read with a cap and deadlines, and zstd undone with a cap on what comes out.

use super::server::{Limits, Refusal};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::io::{Read, Write};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Answers up to this size are unpacked at once; larger ones off the event loop.
const SMALL: usize = 256 * 1024;
/// Level of compressed answers.
const LEVEL: i32 = 1;

/// Reads a body whole.
pub(super) async fn read(mut body: Incoming, limits: &Limits) -> Result<Bytes, Refusal> {
    let announced = body.size_hint().exact();
    if announced.is_some_and(|n| n > limits.max_body) {
        return Err(Refusal::TooLarge { announced });
    }
    let end = Instant::now() + limits.body_total;
    let mut whole = BytesMut::new();
    let mut first: Option<Bytes> = None;
    loop {
        let next = timeout(limits.idle, timeout_at(end, body.frame())).await;
        let frame = match next {
            Err(_) | Ok(Err(_)) => return Err(Refusal::TimedOut),
            Ok(Ok(None)) => break,
            Ok(Ok(Some(Err(error)))) => return Err(Refusal::Malformed(broken_body(&error))),
            Ok(Ok(Some(Ok(frame)))) => frame,
        };
        // Trailers are of no use to anybody here.
        let Ok(data) = frame.into_data() else { continue };
        let so_far = first.as_ref().map_or(whole.len(), Bytes::len);
        if (so_far as u64).saturating_add(data.len() as u64) > limits.max_body {
            return Err(Refusal::TooLarge { announced });
        }
        // Most bodies arrive in one piece and are never copied.
        match (first.take(), whole.is_empty()) {
            (None, true) => first = Some(data),
            (Some(before), _) => {
                whole.reserve(before.len() + data.len());
                whole.extend_from_slice(&before);
                whole.extend_from_slice(&data);
            }
            (None, false) => whole.extend_from_slice(&data),
        }
    }
    Ok(first.unwrap_or_else(|| whole.freeze()))
}

fn broken_body(error: &hyper::Error) -> &'static str {
    let source = std::error::Error::source(error).and_then(|e| e.downcast_ref::<std::io::Error>());
    if error.is_incomplete_message() || source.is_some_and(|e| e.kind() == std::io::ErrorKind::UnexpectedEof) {
        "message body ends too early"
    } else {
        "invalid message body"
    }
}

/// Why compressed bytes could not be undone.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Undecodable {
    /// More would come out than is allowed.
    #[error("decompressed message is larger than {limit} bytes")]
    TooLarge {
        /// The cap.
        limit: u64,
    },
    /// Not a frame, a damaged one, or one that ends too early.
    #[error("{0}")]
    Broken(String),
}

/// Undoes zstd; at most `limit` bytes come out, and no more than that is ever held.
pub async fn decompress(packed: Bytes, limit: u64) -> Result<Bytes, Undecodable> {
    let small = limit.min(SMALL as u64);
    if packed.len() <= SMALL {
        match unpack(&packed, small, limit) {
            Err(Undecodable::TooLarge { .. }) if small < limit => {}
            done => return done,
        }
    }
    tokio::task::spawn_blocking(move || unpack(&packed, limit, limit))
        .await
        .unwrap_or_else(|_| Err(Undecodable::Broken("decompression failed".to_owned())))
}

/// At most `limit` bytes, with the memory that a message of `largest` bytes may ask for.
fn unpack(packed: &[u8], limit: u64, largest: u64) -> Result<Bytes, Undecodable> {
    let broken = |error: std::io::Error| Undecodable::Broken(error.to_string());
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(broken)?;
    // A frame may ask for a window of gigabytes; it never needs one larger than what it may yield.
    // 8 MiB (23) is what every decoder is expected to grant.
    let window = u64::BITS - largest.max(1).leading_zeros();
    decoder.window_log_max(window.clamp(23, 27)).map_err(broken)?;
    let mut whole = Vec::new();
    decoder.take(limit.saturating_add(1)).read_to_end(&mut whole).map_err(broken)?;
    if whole.len() as u64 > limit {
        return Err(Undecodable::TooLarge { limit });
    }
    Ok(whole.into())
}

/// Packs an answer.
pub fn compress(plain: &[u8]) -> std::io::Result<Bytes> {
    zstd::bulk::compress(plain, LEVEL).map(Bytes::from)
}

/// Packs an answer for browsers.
pub fn gzip(plain: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish().map(Bytes::from)
}

/// True where `Accept-Encoding` takes gzip.
pub fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// Deadline of bodies as a whole, from that between two pieces.
pub(super) fn total(idle: Duration) -> Duration {
    idle.saturating_mul(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_unpack_up_to_the_cap() {
        let plain = vec![b'a'; 3 << 20];
        let packed = compress(&plain).unwrap();
        assert_eq!(decompress(packed.clone(), 3 << 20).await.unwrap(), plain);
        assert_eq!(
            decompress(packed, (3 << 20) - 1).await,
            Err(Undecodable::TooLarge { limit: (3 << 20) - 1 })
        );
        let two = [compress(b"ab").unwrap(), compress(b"cd").unwrap()].concat();
        assert_eq!(decompress(two.into(), 100).await.unwrap(), "abcd");
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (accepted, takes) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0, br", false),
            ("", false),
            ("xgzip", false),
        ] {
            assert_eq!(takes_gzip(accepted), takes, "{accepted}");
        }
        let mut plain = String::new();
        let packed = gzip(b"hallo hallo").unwrap();
        flate2::read::GzDecoder::new(&*packed).read_to_string(&mut plain).unwrap();
        assert_eq!(plain, "hallo hallo");
    }

    #[tokio::test]
    async fn bombs_stop_at_the_cap() {
        let bomb = compress(&vec![0; 200 << 20]).unwrap();
        assert!(bomb.len() < 100_000);
        assert_eq!(decompress(bomb, 1 << 20).await, Err(Undecodable::TooLarge { limit: 1 << 20 }));
    }

    #[tokio::test]
    async fn broken_frames_say_so() {
        let error = decompress(Bytes::from_static(b"garbage"), 100).await.unwrap_err();
        assert_eq!(error.to_string(), "Unknown frame descriptor");
        let packed = compress(b"hello world, hello world").unwrap();
        let cut = packed.slice(..packed.len() - 3);
        assert!(matches!(decompress(cut, 100).await, Err(Undecodable::Broken(_))));
        assert!(matches!(decompress(Bytes::new(), 100).await.map(|b| b.len()), Ok(0) | Err(_)));
    }
}

//! Requests within requests: opens sealed ones (`seal`), lets the server itself read what is inside, seals what it answers.
//! The handler behind it knows of no seals.

use super::seal::{Pair, Public, Shared};
use super::server::{Handler, Limits, Refusal, Stop, serve};
use super::{BoxFuture, Kind, Peer, Request, Response};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// Room between the opened request and the server.
const PIPE: usize = 64 * 1024;
/// Requests up to this size are opened at once; larger ones off the event loop.
const SMALL: usize = 256 * 1024;

/// A handler whose requests may come sealed.
pub struct Sealed {
    inner: Arc<dyn Handler>,
    limits: Limits,
    pair: Pair,
    only: bool,
}

impl Sealed {
    /// Opens requests sealed for `pair`; where `only`, refuses others unless they come from this machine.
    pub fn new(inner: Arc<dyn Handler>, limits: Limits, pair: Pair, only: bool) -> Sealed {
        Sealed { inner, limits, pair, only }
    }

    async fn answer(&self, request: Request) -> Response {
        let Some(key) = request.headers.get("Key") else {
            if self.only && !request.peer.is_local() {
                return Refusal::Malformed("Encryption required").response(request.kind);
            }
            return self.inner.handle(request).await;
        };
        let refused = || Refusal::Malformed("the request is not sealed for this server").response(request.kind);
        let Some(shared) = self.shared(key) else { return refused() };
        let body = request.body.clone();
        let opened = aside(body.len(), shared, move |shared| shared.open(&body)).await;
        let Some((shared, Some(plain))) = opened else { return refused() };
        let raw = self.within(&plain, request.peer).await;
        match aside(raw.len(), shared, move |shared| shared.seal(&raw).ok()).await {
            Some((_, Some(sealed))) => Response::new(200, "application/octet-stream", sealed),
            _ => Refusal::Failed.response(Kind::Http),
        }
    }

    /// `NAME=KEY`: the name of our key, the client's key.
    fn shared(&self, key: &str) -> Option<Shared> {
        let (name, client) = key.trim().split_once('=')?;
        let ours = name.eq_ignore_ascii_case(&self.pair.public().name());
        Public::parse(client).filter(|_| ours).and_then(|client| self.pair.shared(&client))
    }

    /// What the server answers to these bytes.
    async fn within(&self, plain: &[u8], peer: Peer) -> Vec<u8> {
        let (mut client, server) = duplex(PIPE);
        let talk = async move {
            // A server that refuses in the middle has its answer in the pipe.
            let _ = client.write_all(plain).await;
            let _ = client.shutdown().await;
            let mut raw = Vec::new();
            let _ = client.read_to_end(&mut raw).await;
            raw
        };
        let served = serve(server, peer, self.limits.clone(), Arc::clone(&self.inner), Stop::default());
        tokio::join!(served, talk).1
    }
}

impl Handler for Sealed {
    fn handle(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(self.answer(request))
    }

    fn refuse(&self, refusal: Refusal, kind: Kind) -> Response {
        self.inner.refuse(refusal, kind)
    }
}

/// Works on `size` bytes without holding up others.
async fn aside<T: Send + 'static>(size: usize, shared: Shared, work: impl FnOnce(&Shared) -> T + Send + 'static) -> Option<(Shared, T)> {
    let work = move || {
        let done = work(&shared);
        (shared, done)
    };
    if size <= SMALL {
        return Some(work());
    }
    tokio::task::spawn_blocking(work).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const RECORDED: &[u8] = include_bytes!("../../tests/golden/http/httpcrypt-request.bin");

    /// Says what it was asked.
    struct Echo;

    impl Handler for Echo {
        fn handle(&self, request: Request) -> BoxFuture<'_, Response> {
            let said = format!(
                "{} {} {}",
                request.path,
                request.headers.get("Filename").unwrap_or("-"),
                request.body.len()
            );
            Box::pin(async move { Response::text(200, said) })
        }
    }

    fn pair() -> Pair {
        Pair::parse("aeadbmk4mac1z891mbkshbaitth3rkei6g59wq193pq338tfsgty").unwrap()
    }

    async fn ask(only: bool, peer: [u8; 4], request: &[u8]) -> Vec<u8> {
        let (mut client, server) = duplex(1 << 20);
        let peer = Peer::Ip(IpAddr::V4(Ipv4Addr::from(peer)));
        let handler = Arc::new(Sealed::new(Arc::new(Echo), Limits::default(), pair(), only));
        let serving = tokio::spawn(serve(server, peer, Limits::default(), handler, Stop::default()));
        client.write_all(request).await.unwrap();
        client.shutdown().await.unwrap();
        let mut raw = Vec::new();
        client.read_to_end(&mut raw).await.unwrap();
        serving.await.unwrap();
        raw
    }

    fn sealed(own: &Pair, plain: &[u8]) -> Vec<u8> {
        let body = own.shared(pair().public()).unwrap().seal(plain).unwrap();
        let head = format!(
            "POST /post HTTP/1.0\r\nContent-Length: {}\r\nKey: {}={}\r\n\r\n",
            body.len(),
            pair().public().name(),
            own.public()
        );
        [head.as_bytes(), &body].concat()
    }

    fn text(raw: &[u8]) -> String {
        String::from_utf8_lossy(raw).into_owned()
    }

    #[tokio::test]
    async fn the_recorded_request_is_answered() {
        let begin = RECORDED.iter().position(|b| *b == b'\n').unwrap() + 1;
        let answer = ask(true, [192, 0, 2, 1], &RECORDED[begin..]).await;
        assert!(text(&answer).starts_with("HTTP/1.1 200 OK\r\n"), "{}", text(&answer));
        assert!(
            text(&answer).contains("Content-Type: application/octet-stream\r\n"),
            "{}",
            text(&answer)
        );
    }

    #[tokio::test]
    async fn answers_are_whole_and_sealed() {
        let own = Pair::generate().unwrap();
        for (plain, said) in [
            (
                b"POST /checkv2 HTTP/1.0\r\nContent-Length: 3\r\nFilename: f\r\n\r\nabc".to_vec(),
                "/checkv2 f 3",
            ),
            (b"GET /ping HTTP/1.1\r\n\r\n".to_vec(), "/ping - 0"),
            (b"nonsense".to_vec(), "HTTP parser error: "),
            (
                [
                    b"POST /checkv2 HTTP/1.0\r\nContent-Length: 900000\r\n\r\n".to_vec(),
                    vec![b'x'; 900_000],
                ]
                .concat(),
                "/checkv2 - 900000",
            ),
        ] {
            let answer = ask(true, [192, 0, 2, 1], &sealed(&own, &plain)).await;
            let body = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
            let inner = own.shared(pair().public()).unwrap().open(&answer[body..]).unwrap();
            let (inner, shown) = (text(&inner), text(&answer));
            assert!(shown.starts_with("HTTP/1.1 200 OK\r\n"), "{shown}");
            assert!(inner.starts_with("HTTP/1.1 ") && inner.contains(said), "{inner}");
        }
    }

    #[tokio::test]
    async fn what_is_not_sealed_for_us_is_refused() {
        let stranger = [
            b"POST /post HTTP/1.0\r\nContent-Length: 50\r\nKey: ojwp1ksu=abc\r\n\r\n".to_vec(),
            vec![b'x'; 50],
        ]
        .concat();
        let mut broken = sealed(&Pair::generate().unwrap(), b"GET /ping HTTP/1.0\r\n\r\n");
        *broken.last_mut().unwrap() ^= 1;
        for request in [stranger, broken, b"GET /ping HTTP/1.0\r\nKey: \r\n\r\n".to_vec()] {
            assert!(text(&ask(false, [127, 0, 0, 1], &request).await).starts_with("HTTP/1.1 400 "));
        }
        let plain = b"GET /ping HTTP/1.0\r\n\r\n";
        for (only, peer, good) in [
            (true, [192, 0, 2, 1], false),
            (true, [127, 0, 0, 1], true),
            (false, [192, 0, 2, 1], true),
        ] {
            let answer = text(&ask(only, peer, plain).await);
            assert_eq!(answer.contains("/ping - 0"), good, "{answer}");
            assert_eq!(answer.contains("Encryption required"), !good, "{answer}");
        }
    }

    #[test]
    fn keys_have_names() {
        let sealed = Sealed::new(Arc::new(Echo), Limits::default(), pair(), false);
        let other = Pair::generate().unwrap();
        assert!(sealed.shared(&format!("{}={}", pair().public().name(), other.public())).is_some());
        assert!(sealed.shared(&format!("yyyyyyyy={}", other.public())).is_none());
    }
}

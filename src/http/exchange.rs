//! One request of one connection, hyper's side: reads it whole, asks the handler, and decides whether hyper or we answer.

use super::gate::Wire;
use super::request::{Headers, Kind, Peer, Request, parse_query};
use super::response::Response;
use super::server::{Handler, Limits, Refusal};
use super::{BoxFuture, body};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Version, header};
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// An answer that ends the connection: written by us, in rspamd's shape.
pub(super) struct Closing {
    pub response: Response,
    /// The client may still be sending its body.
    pub unread: bool,
}

/// The service that hyper drives.
#[derive(Clone)]
pub(super) struct Exchange(Arc<Inner>);

struct Inner {
    handler: Arc<dyn Handler>,
    peer: Peer,
    limits: Limits,
    wire: Arc<Wire>,
    closing: mpsc::Sender<Closing>,
    /// No time is left for requests that are not complete.
    now: CancellationToken,
}

impl Exchange {
    pub(super) fn new(
        handler: Arc<dyn Handler>,
        peer: Peer,
        limits: Limits,
        wire: Arc<Wire>,
        end: (mpsc::Sender<Closing>, CancellationToken),
    ) -> Self {
        let (closing, now) = end;
        Exchange(Arc::new(Inner {
            handler,
            peer,
            limits,
            wire,
            closing,
            now,
        }))
    }
}

impl hyper::service::Service<hyper::Request<Incoming>> for Exchange {
    type Response = hyper::Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        inner.wire.started.store(true, Ordering::Release);
        Box::pin(async move {
            let keep_alive = wants_keep_alive(&request);
            let received = tokio::select! {
                biased;
                received = inner.receive(request) => received,
                () = inner.now.cancelled() => Err(Refusal::Stopping),
            };
            let (response, unread) = match received {
                Ok(request) => (answer(&*inner.handler, request).await, false),
                Err(refusal) => (inner.handler.refuse(refusal, Kind::Http), true),
            };
            if keep_alive
                && response.status == 200
                && !unread
                && let Some(answer) = encode(&response)
            {
                inner.wire.speak();
                return Ok(answer);
            }
            // Earlier answers of this connection must be out before hyper is taken down.
            inner.wire.drained().await;
            // The receiver lives as long as the connection that polls this future.
            let _ = inner.closing.send(Closing { response, unread }).await;
            pending().await
        })
    }
}

/// Asks the handler. Should it panic, the client still gets an answer and the daemon lives on.
pub(super) async fn answer(handler: &dyn Handler, request: Request) -> Response {
    let kind = request.kind;
    let mut asked = handler.handle(request);
    // The future is dropped after a panic and never polled again.
    let answer = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| asked.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    });
    answer.await.unwrap_or_else(|| {
        tracing::error!("a request could not be answered: a defect of this program, please report the panic above");
        handler.refuse(Refusal::Failed, kind)
    })
}

impl Inner {
    async fn receive(&self, request: hyper::Request<Incoming>) -> Result<Request, Refusal> {
        let (head, incoming) = request.into_parts();
        // hyper takes any token; the peer knows its methods by name.
        if !known(&head.method) {
            return Err(Refusal::Malformed("invalid HTTP method"));
        }
        let path = head.uri.path();
        if !(path.starts_with('/') || head.method == Method::OPTIONS && path == "*") {
            return Err(Refusal::Malformed("invalid URL"));
        }
        let mut headers = Headers::default();
        for (name, value) in &head.headers {
            headers.push(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
        }
        Ok(Request {
            peer: self.peer,
            method: head.method.as_str().to_owned(),
            path: path.to_owned(),
            query: parse_query(head.uri.query().unwrap_or_default()),
            headers,
            body: body::read(incoming, &self.limits).await?,
            kind: Kind::Http,
            http_10: head.version == Version::HTTP_10,
        })
    }
}

fn known(method: &Method) -> bool {
    [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::HEAD,
        Method::OPTIONS,
        Method::DELETE,
        Method::PATCH,
        Method::TRACE,
        Method::CONNECT,
    ]
    .contains(method)
}

/// Only a 1.1 client that says so keeps its connection: rspamd's own clients count on the close.
fn wants_keep_alive<B>(request: &hyper::Request<B>) -> bool {
    let mut tokens = request
        .headers()
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(str::trim);
    let (mut keep, mut close) = (false, false);
    tokens.by_ref().for_each(|token| {
        keep |= token.eq_ignore_ascii_case("keep-alive");
        close |= token.eq_ignore_ascii_case("close");
    });
    request.version() == Version::HTTP_11 && request.method() != Method::HEAD && keep && !close
}

/// The answer for hyper to write; `None` where it would not take it.
fn encode(response: &Response) -> Option<hyper::Response<Full<Bytes>>> {
    let reason = hyper::ext::ReasonPhrase::try_from(response.phrase().into_bytes()).ok()?;
    let mut builder = hyper::Response::builder()
        .status(response.status)
        .extension(reason)
        .header(header::CONNECTION, "keep-alive");
    for (name, value) in response.lines() {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(response.body.clone())).ok()
}
